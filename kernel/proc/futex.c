/* SPDX-License-Identifier: MIT */
/*
 * futex(2): sleep until another thread says that a word in user memory has changed. The operations on
 * locks that know their owner are in futex_pi.c, the table that all waiters hang in is futex_key.c.
 *
 * The word is compared under the bucket's lock, and wakers take that lock after they changed it: a
 * waiter that saw the old value is in the table before the waker looks.
 */
#include "kernel/debug/race.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/futex_op.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
/* --- waking --- */

/* Up to the last line the waiter waits for the bucket's lock, however early it runs. */
void futex_wake_waiter(struct futex_waiter *waiter)
{
	list_del_init(&waiter->list);
	wake_up_process(waiter->task);
	race_point("futex: woken, not told so");
	smp_store_release(&waiter->bucket, NULL);
}

/* Waiters for a lock, or for being moved to one, are not woken like others. */
static bool is_plain(const struct futex_waiter *waiter)
{
	return !waiter->pi && !waiter->target;
}

/* How many, or -EINVAL when one of them is not to be woken so. Bucket locked. */
static long wake_key(struct futex_bucket *bucket, const struct futex_key *key, int nr, u32 bitset)
{
	struct futex_waiter *waiter, *n;
	int woken = 0;

	list_for_each_entry_safe(waiter, n, &bucket->waiters, list) {
		if (woken >= nr)
			break;
		if (!futex_same_key(&waiter->key, key))
			continue;
		if (!is_plain(waiter))
			return -EINVAL;
		if (waiter->bitset & bitset) {
			futex_wake_waiter(waiter);
			woken++;
		}
	}
	return woken;
}

static long futex_wake(u32 __user *addr, bool shared, int nr, u32 bitset)
{
	struct futex_bucket *bucket;
	struct futex_key key;
	long ret;

	if (!bitset)
		return -EINVAL;
	ret = futex_get_key(addr, shared, &key);
	if (ret)
		return ret;
	bucket = futex_bucket_of(&key);
	spin_lock(&bucket->lock);
	ret = wake_key(bucket, &key, nr < 1 ? 1 : nr, bitset);
	spin_unlock(&bucket->lock);
	return ret;
}

long futex_wake_shared(u32 __user *addr, int nr)
{
	return futex_wake(addr, true, nr, FUTEX_BITSET_ANY);
}

/* Wake @nr_wake waiters of @from, and let up to @nr_move others wait on @to instead. */
static long futex_requeue(u32 __user *from, u32 __user *to, bool shared, int nr_wake, int nr_move,
			  const u32 *expected)
{
	struct futex_bucket *b1, *b2;
	struct futex_waiter *waiter, *n;
	struct futex_key key1, key2;
	long moved = 0, ret;
	u32 value;

	if (nr_wake < 0 || nr_move < 0)
		return -EINVAL;
again:
	ret = futex_get_key(from, shared, &key1);
	if (!ret)
		ret = futex_get_key(to, shared, &key2);
	if (ret)
		return ret;
	b1 = futex_bucket_of(&key1);
	b2 = futex_bucket_of(&key2);
	futex_lock_two(b1, b2);
	if (expected && futex_read_atomic(&value, from)) {
		futex_unlock_two(b1, b2);
		if (get_user(value, from))
			return -EFAULT;
		goto again;
	}
	if (expected && value != *expected) {
		futex_unlock_two(b1, b2);
		return -EAGAIN;
	}
	ret = wake_key(b1, &key1, nr_wake, FUTEX_BITSET_ANY);
	list_for_each_entry_safe(waiter, n, &b1->waiters, list) {
		if (ret < 0 || moved >= nr_move)
			break;
		if (!futex_same_key(&waiter->key, &key1))
			continue;
		if (!is_plain(waiter)) {
			ret = -EINVAL;
			break;
		}
		moved++;
		/* Moved to the end of its own queue, it would come by again and again. */
		if (futex_same_key(&key1, &key2))
			continue;
		list_move_tail(&waiter->list, &b2->waiters);
		waiter->key = key2;
		WRITE_ONCE(waiter->bucket, b2);
	}
	futex_unlock_two(b1, b2);
	/* Linux counts both for CMP_REQUEUE and for REQUEUE alike. */
	return ret < 0 ? ret : ret + moved;
}

/* --- waking by a condition --- */

/* Change the second word, wake those of the first, and if its old value was so, of the second. */
static long futex_wake_op(u32 __user *addr, u32 __user *addr2, bool shared, int nr, int nr2,
			  u32 encoded)
{
	struct futex_bucket *b1, *b2;
	struct futex_key key1, key2;
	struct futex_op op;
	long ret, more = 0;
	u32 old;

	for (;;) {
		ret = futex_get_key(addr, shared, &key1);
		if (!ret)
			ret = futex_get_key(addr2, shared, &key2);
		if (!ret)
			ret = futex_decode_op(encoded, &op);
		if (ret)
			return ret;
		b1 = futex_bucket_of(&key1);
		b2 = futex_bucket_of(&key2);
		futex_lock_two(b1, b2);
		if (!futex_change_word(addr2, &op, &old))
			break;
		futex_unlock_two(b1, b2);
		if (futex_bring_writable(addr2))
			return -EFAULT;
	}
	ret = wake_key(b1, &key1, nr < 1 ? 1 : nr, FUTEX_BITSET_ANY);
	if (ret >= 0 && futex_compare(&op, (int)old))
		more = wake_key(b2, &key2, nr2 < 1 ? 1 : nr2, FUTEX_BITSET_ANY);
	futex_unlock_two(b1, b2);
	return ret < 0 || more < 0 ? -EINVAL : ret + more;
}

/* --- waiting --- */

/* Off the queue. True: it had been woken already. */
static bool unqueue(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket;

	while ((bucket = smp_load_acquire(&waiter->bucket))) {
		spin_lock(&bucket->lock);
		if (bucket == waiter->bucket) {
			list_del_init(&waiter->list);
			spin_unlock(&bucket->lock);
			return false;
		}
		spin_unlock(&bucket->lock); /* it was requeued meanwhile */
	}
	return true;
}

long futex_queue_if_equal(struct futex_waiter *waiter, u32 __user *addr, bool shared, u32 expected)
{
	struct futex_bucket *bucket;
	u32 value;
	long ret;

	for (;;) {
		ret = futex_get_key(addr, shared, &waiter->key);
		if (ret)
			return ret;
		bucket = futex_bucket_of(&waiter->key);
		spin_lock(&bucket->lock);
		if (!futex_read_atomic(&value, addr))
			break;
		spin_unlock(&bucket->lock);
		if (get_user(value, addr))
			return -EFAULT;
	}
	if (value != expected) {
		ret = -EWOULDBLOCK;
	} else if (waiter->target && futex_same_key(&waiter->key, waiter->target)) {
		ret = -EINVAL;
	} else {
		waiter->bucket = bucket;
		list_add_tail(&waiter->list, &bucket->waiters);
		__atomic_store_n(&current->state, TASK_INTERRUPTIBLE, __ATOMIC_SEQ_CST);
	}
	spin_unlock(&bucket->lock);
	return ret;
}

static long futex_wait_restart(unsigned long *args);

bool futex_has_come(struct deadline deadline)
{
	return deadline.ns <= (deadline.real ? ktime_get_real_ns() : ktime_get_ns());
}

void futex_sleep_until(struct deadline deadline)
{
	u64 now = ktime_get_ns();

	if (deadline.ns == ~0ULL)
		schedule();
	else if (deadline.real)
		schedule_until_real(deadline.ns);
	else
		schedule_timeout(deadline.ns > now ? deadline.ns - now : 0);
}

static long futex_wait(u32 __user *addr, bool shared, u32 expected, struct deadline deadline,
		       u32 bitset)
{
	struct futex_waiter waiter = { .task = current, .bitset = bitset };
	struct task_struct *task = current;
	long ret;

	if (!bitset)
		return -EINVAL;
	for (;;) {
		ret = futex_queue_if_equal(&waiter, addr, shared, expected);
		if (ret)
			return ret;
		futex_sleep_until(deadline);
		WRITE_ONCE(task->state, TASK_RUNNING);
		if (unqueue(&waiter))
			return 0;
		if (futex_has_come(deadline))
			return -ETIMEDOUT;
		if (signal_pending(task))
			break;
	}
	if (deadline.ns == ~0ULL)
		return -ERESTARTSYS;
	task->restart_fn = futex_wait_restart;
	task->restart_args[0] = (unsigned long)addr;
	task->restart_args[1] = (unsigned long)shared | (unsigned long)deadline.real << 1;
	task->restart_args[2] = expected;
	task->restart_args[3] = deadline.ns;
	task->restart_args[4] = bitset;
	return -ERESTART_RESTARTBLOCK;
}

static long futex_wait_restart(unsigned long *args)
{
	return futex_wait((u32 *)args[0], args[1] & 1, (u32)args[2],
			  (struct deadline){ args[3], args[1] & 2 }, (u32)args[4]);
}

static bool has_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI ||
	       cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2;
}

/* WAIT's timeout is relative, all others absolute, by one of two clocks; LOCK_PI has no choice. */
static long get_deadline(struct deadline *deadline, const struct timespec __user *uts, int cmd,
			 bool realtime)
{
	long ret;

	*deadline = (struct deadline){ ~0ULL, realtime || cmd == FUTEX_LOCK_PI };
	if (!uts || !has_timeout(cmd))
		return 0;
	ret = get_timespec_ns(&deadline->ns, uts);
	if (!ret && cmd == FUTEX_WAIT)
		deadline->ns += ktime_get_ns(); /* of at most 2^63 */
	return ret;
}

static bool takes_clock(int cmd)
{
	return cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_LOCK_PI2;
}

long sys_futex(u32 __user *addr, int op, u32 val, const struct timespec __user *timeout,
	       u32 __user *addr2, u32 val3)
{
	int cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE_FLAG), realtime = op & FUTEX_CLOCK_REALTIME;
	struct deadline deadline;
	long ret;

	/* Where it is no pointer, the fourth argument is a number of waiters. */
	int val2 = (int)(unsigned long)timeout;

	if (realtime && !takes_clock(cmd))
		return -ENOSYS;
	ret = get_deadline(&deadline, timeout, cmd, realtime);
	if (ret)
		return ret;
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait(addr, shared, val, deadline, FUTEX_BITSET_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait(addr, shared, val, deadline, val3);
	case FUTEX_WAKE:
		return futex_wake(addr, shared, (int)val, FUTEX_BITSET_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, shared, (int)val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, shared, (int)val, val2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, shared, (int)val, val2, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, shared, (int)val, val2, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(addr, shared, deadline, cmd == FUTEX_TRYLOCK_PI);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(addr, shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(addr, shared, val, deadline, addr2);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(addr, addr2, shared, (int)val, val2, val3);
	default:
		return -ENOSYS;
	}
}
