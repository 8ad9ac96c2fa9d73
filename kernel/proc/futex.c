/* SPDX-License-Identifier: MIT */
/*
 * futex(2): sleep until another thread says that a word in user memory has changed. Waiters hang in
 * a hash table by key: private words by map and address, words in shared memory by file and offset,
 * so that processes meet there whatever address each has mapped it at.
 *
 * The word is compared under the bucket's lock, and wakers take that lock after they changed it: a
 * waiter that saw the old value is in the table before the waker looks.
 */
#include "kernel/proc/futex_op.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/fault/fault.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
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

struct futex_waiter {
	struct list_head list;
	struct futex_bucket *bucket; /* changed by requeue under both locks; NULL once woken */
	struct futex_key key;
	struct task_struct *task;
	u32 bitset;
};

#define NR_BUCKETS 256
static struct futex_bucket buckets[NR_BUCKETS];

void futex_init(void)
{
	int i;

	for (i = 0; i < NR_BUCKETS; i++) {
		spin_lock_init(&buckets[i].lock, "futex_bucket");
		INIT_LIST_HEAD(&buckets[i].waiters);
	}
}

/* --- keys --- */

/* @mapping's page is locked: it has its owner, an inode, as long. */
static unsigned long mapping_id(struct address_space *mapping)
{
	static unsigned long last_id = 1;
	unsigned long id = READ_ONCE(mapping->futex_id);

	if (id)
		return id;
	id = __atomic_add_fetch(&last_id, 2, __ATOMIC_RELAXED);
	cmpxchg(&mapping->futex_id, 0, id);
	return READ_ONCE(mapping->futex_id);
}

/*
 * As if for writing: a page of a private file mapping must become ours before it is asked what it
 * is. A read-only mapping of a file can be waited on all the same; nobody else will ever see a word
 * that is anonymous and read-only, so there is nothing to wait for.
 */
static long shared_key(unsigned long address, struct futex_key *key)
{
	struct page *page = get_user_page(current->mm, address, true);
	bool read_only = IS_ERR(page);
	struct address_space *mapping;
	long ret = 0;

	if (read_only)
		page = get_user_page(current->mm, address, false);
	if (IS_ERR(page))
		return PTR_ERR(page);
	lock_page(page);
	mapping = page_mapping(page);
	if (read_only && (PageAnon(page) || !mapping)) {
		ret = -EFAULT;
	} else if (mapping && !PageSwapCache(page)) {
		key->object = mapping_id(mapping);
		key->place = (page->index << PAGE_SHIFT) + (address & ~PAGE_MASK);
	}
	unlock_page(page);
	put_page(page);
	return ret;
}

static long get_key(u32 __user *addr, bool shared, struct futex_key *key)
{
	unsigned long address = (unsigned long)addr;

	if (address & 3)
		return -EINVAL;
	if (!access_ok(addr, sizeof(*addr)))
		return -EFAULT;
	*key = (struct futex_key){ (unsigned long)current->mm, address };
	return shared ? shared_key(address, key) : 0;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->place == b->place;
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
	unsigned long hash =
		(key->object >> 6) ^ key->object ^ (key->place >> 2) ^ (key->place >> PAGE_SHIFT);

	return &buckets[hash * 0x9e3779b97f4a7c15UL >> 56];
}

/* Two buckets, perhaps the same, in the order of their addresses. */
static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a > b)
		swap(a, b);
	spin_lock(&a->lock);
	if (a != b)
		spin_lock(&b->lock);
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* The word, without sleeping: -EFAULT when its page has to be brought first. */
static int read_word_atomic(u32 *value, u32 __user *addr)
{
	int ret;

	current->pagefault_disabled++;
	ret = get_user(*value, addr);
	current->pagefault_disabled--;
	return ret;
}

/* --- waking --- */

/*
 * Bucket locked. After the last line the waiter's frame, and the waiter, may be gone; up to then it waits for the
 * bucket's lock, however early it runs.
 */
static void wake_waiter(struct futex_waiter *waiter)
{
	list_del_init(&waiter->list);
	wake_up_process(waiter->task);
	smp_store_release(&waiter->bucket, NULL);
}

static int wake_key(struct futex_bucket *bucket, const struct futex_key *key, int nr, u32 bitset)
{
	struct futex_waiter *waiter, *n;
	int woken = 0;

	list_for_each_entry_safe(waiter, n, &bucket->waiters, list) {
		if (woken >= nr)
			break;
		if (same_key(&waiter->key, key) && waiter->bitset & bitset) {
			wake_waiter(waiter);
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
	ret = get_key(addr, shared, &key);
	if (ret)
		return ret;
	bucket = bucket_of(&key);
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
	ret = get_key(from, shared, &key1);
	if (!ret)
		ret = get_key(to, shared, &key2);
	if (ret)
		return ret;
	b1 = bucket_of(&key1);
	b2 = bucket_of(&key2);
	lock_two(b1, b2);
	if (expected && read_word_atomic(&value, from)) {
		unlock_two(b1, b2);
		if (get_user(value, from))
			return -EFAULT;
		goto again;
	}
	if (expected && value != *expected) {
		unlock_two(b1, b2);
		return -EAGAIN;
	}
	ret = wake_key(b1, &key1, nr_wake, FUTEX_BITSET_ANY);
	list_for_each_entry_safe(waiter, n, &b1->waiters, list) {
		if (moved >= nr_move)
			break;
		if (!same_key(&waiter->key, &key1))
			continue;
		moved++;
		/* Moved to the end of its own queue, it would come by again and again. */
		if (same_key(&key1, &key2))
			continue;
		list_move_tail(&waiter->list, &b2->waiters);
		waiter->key = key2;
		WRITE_ONCE(waiter->bucket, b2);
	}
	unlock_two(b1, b2);
	/* Linux counts both for CMP_REQUEUE and for REQUEUE alike. */
	return ret + moved;
}

/* --- waking by a condition --- */

/* Change the second word, wake those of the first, and if its old value was so, of the second. */
static long futex_wake_op(u32 __user *addr, u32 __user *addr2, bool shared, int nr, int nr2,
			  u32 encoded)
{
	struct futex_bucket *b1, *b2;
	struct futex_key key1, key2;
	struct futex_op op;
	long ret;
	u32 old;

	for (;;) {
		ret = get_key(addr, shared, &key1);
		if (!ret)
			ret = get_key(addr2, shared, &key2);
		if (!ret)
			ret = futex_decode_op(encoded, &op);
		if (ret)
			return ret;
		b1 = bucket_of(&key1);
		b2 = bucket_of(&key2);
		lock_two(b1, b2);
		if (!futex_change_word(addr2, &op, &old))
			break;
		unlock_two(b1, b2);
		/* Have the page writable: an exchange that changes nothing. */
		if (get_user(old, addr2) || cmpxchg_user(&old, addr2, old, old))
			return -EFAULT;
	}
	ret = wake_key(b1, &key1, nr < 1 ? 1 : nr, FUTEX_BITSET_ANY);
	if (futex_compare(&op, (int)old))
		ret += wake_key(b2, &key2, nr2 < 1 ? 1 : nr2, FUTEX_BITSET_ANY);
	unlock_two(b1, b2);
	return ret;
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

/* Queue current if the word is @expected: 0, -EWOULDBLOCK, or -errno. */
static long queue_if_equal(struct futex_waiter *waiter, u32 __user *addr, bool shared, u32 expected)
{
	struct futex_bucket *bucket;
	u32 value;
	long ret;

	for (;;) {
		ret = get_key(addr, shared, &waiter->key);
		if (ret)
			return ret;
		bucket = bucket_of(&waiter->key);
		spin_lock(&bucket->lock);
		if (!read_word_atomic(&value, addr))
			break;
		spin_unlock(&bucket->lock);
		if (get_user(value, addr))
			return -EFAULT;
	}
	if (value == expected) {
		waiter->bucket = bucket;
		list_add_tail(&waiter->list, &bucket->waiters);
		__atomic_store_n(&current->state, TASK_INTERRUPTIBLE, __ATOMIC_SEQ_CST);
	} else {
		ret = -EWOULDBLOCK;
	}
	spin_unlock(&bucket->lock);
	return ret;
}

static long futex_wait_restart(unsigned long *args);

/* When a wait ends: ns since boot, or, @real, since 1970; ~0: never. */
struct deadline {
	u64 ns;
	bool real;
};

static bool has_come(struct deadline deadline)
{
	return deadline.ns <= (deadline.real ? ktime_get_real_ns() : ktime_get_ns());
}

static void sleep_until(struct deadline deadline)
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
		ret = queue_if_equal(&waiter, addr, shared, expected);
		if (ret)
			return ret;
		sleep_until(deadline);
		WRITE_ONCE(task->state, TASK_RUNNING);
		if (unqueue(&waiter))
			return 0;
		if (has_come(deadline))
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

/* WAIT's timeout is relative, WAIT_BITSET's absolute, by one of two clocks. */
static long get_deadline(struct deadline *deadline, const struct timespec __user *uts,
			 bool absolute, bool realtime)
{
	long ret;

	*deadline = (struct deadline){ ~0ULL, realtime };
	if (!uts)
		return 0;
	ret = get_timespec_ns(&deadline->ns, uts);
	if (!ret && !absolute)
		deadline->ns += ktime_get_ns(); /* of at most 2^63 */
	return ret;
}

long sys_futex(u32 __user *addr, int op, u32 val, const struct timespec __user *timeout,
	       u32 __user *addr2, u32 val3)
{
	int cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	struct deadline deadline;
	long ret;

	/* Where it is no pointer, the fourth argument is a number of waiters. */
	int val2 = (int)(unsigned long)timeout;

	if (op & FUTEX_CLOCK_REALTIME && cmd != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		ret = get_deadline(&deadline, timeout, cmd == FUTEX_WAIT_BITSET,
				   op & FUTEX_CLOCK_REALTIME);
		if (ret)
			return ret;
		return futex_wait(addr, shared, val, deadline,
				  cmd == FUTEX_WAIT ? FUTEX_BITSET_ANY : val3);
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
	default:
		return -ENOSYS;
	}
}
