/* SPDX-License-Identifier: MIT */
/*
 * Inside of futex(2): the table of those that wait (futex_key.c), waiting and waking (futex.c), and locks
 * whose owner the kernel knows (futex_pi.c). Words are read and changed under the lock of their
 * bucket, where no page can be brought: such a try ends with -EFAULT, and who made it lets go of all locks,
 * has the page brought and begins anew.
 */
#ifndef KERNEL_PROC_FUTEX_H
#define KERNEL_PROC_FUTEX_H

#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

/* A lock's word: its owner's thread, and two bits. As in linux/futex.h. */
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

#define FUTEX_BITSET_ANY 0xffffffffu

struct futex_key {
	/* A map's address, or the odd number of a file's page cache, which is never used again. */
	unsigned long object;
	unsigned long place; /* byte in it */
};

struct futex_bucket {
	spinlock_t lock;
	struct list_head waiters; /* lock; FIFO */
};

/* On the stack of the task that waits. */
struct futex_waiter {
	struct list_head list;
	struct futex_bucket *bucket; /* changed by requeue under both locks; NULL once woken */
	struct futex_key key;
	struct task_struct *task;
	u32 bitset;
	const struct futex_key *target; /* the lock that it may be moved to, and to no other; or NULL */
	bool tries; /* only asks for a lock; constant */
	/* Under the bucket's lock and pi_lock. All that wait for one lock have the same owner. */
	bool pi;                   /* waits for a lock */
	struct task_struct *owner; /* the lock's; NULL: it ended, and nobody has inherited yet */
	struct list_head owned;    /* in owner->pi_waiters */
};

/* When a wait ends: ns since boot, or, @real, since 1970; ~0: never. */
struct deadline {
	u64 ns;
	bool real;
};

/* --- futex_key.c --- */

/*
 * The key of the word at @addr in current's map; @shared: others may look at the same memory. 0, -EINVAL
 * where no word can be, or -EFAULT. May sleep.
 */
long futex_get_key(u32 __user *addr, bool shared, struct futex_key *key);
bool futex_same_key(const struct futex_key *a, const struct futex_key *b);
struct futex_bucket *futex_bucket_of(const struct futex_key *key);
/* Two buckets, perhaps the same, in the order of their addresses. */
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);
/* The word, without sleeping: 0, or -EFAULT when its page has to be brought first. */
int futex_read_atomic(u32 *value, u32 __user *addr);
/* Make it @new if it is @old, without sleeping: 0, -EAGAIN if it is not, -EFAULT. */
int futex_exchange_atomic(u32 __user *addr, u32 old, u32 new);
/* Have its page there, and writable: 0 or -EFAULT. Sleeps. */
int futex_bring_writable(u32 __user *addr);

/* --- futex.c --- */

/* The waiter's bucket locked. Afterwards its frame, and its task, may be gone. */
void futex_wake_waiter(struct futex_waiter *waiter);
/*
 * Queue current as @waiter, with its state set to TASK_INTERRUPTIBLE, if the word is @expected: 0,
 * -EWOULDBLOCK, -EINVAL when the word is the lock that it is to be moved to, or another error of
 * futex_get_key().
 */
long futex_queue_if_equal(struct futex_waiter *waiter, u32 __user *addr, bool shared, u32 expected);
bool futex_has_come(struct deadline deadline);
/* State set before. */
void futex_sleep_until(struct deadline deadline);

/* --- futex_pi.c: futex(2)'s operations of the same names --- */

/* LOCK_PI, LOCK_PI2; @try: TRYLOCK_PI. */
long futex_lock_pi(u32 __user *addr, bool shared, struct deadline deadline, bool try);
long futex_unlock_pi(u32 __user *addr, bool shared);
long futex_wait_requeue_pi(u32 __user *addr, bool shared, u32 expected, struct deadline deadline,
			   u32 __user *lock);
/* CMP_REQUEUE_PI: @nr_wake is to be 1, up to @nr_move more come along. */
long futex_requeue_pi(u32 __user *from, u32 __user *lock, bool shared, int nr_wake, int nr_move,
		      u32 expected);

#endif
