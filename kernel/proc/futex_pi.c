/* SPDX-License-Identifier: MIT */
/*
 * Locks that know their owner: futex(2)'s operations on a word that holds the number of the thread that
 * has the lock. Programs take and release a free lock with an exchange of their own; here comes who
 * finds it taken, and who leaves it while somebody waits (FUTEX_WAITERS).
 *
 * The kernel keeps nothing about a lock but its waiters. All of them have the same owner, in whose list
 * pi_waiters they are, and so the chain from a waiter to its lock's owner, to the lock that this one waits
 * for, and so on, can be walked: it must never come back, or nobody in it would ever run again.
 *
 * A lock is never free while somebody waits: its owner hands it over, with the word, to the first that came.
 * That is the one of highest priority, for nobody has a real-time policy and Linux counts all others alike.
 * An owner that ends may not have the word in its map, and leaves its waiters without an owner. All of them
 * wake, and whoever comes first, even a newcomer, hands over in its place.
 */
#include "kernel/proc/futex.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include <asm/uaccess.h>

/* Guards who waits for whom, of all locks: inside the lock of the waiter's bucket. */
static DEFINE_SPINLOCK(pi_lock);

static void lock_bucket(struct futex_bucket *bucket)
{
	spin_lock(&bucket->lock);
	spin_lock(&pi_lock);
}

static void unlock_bucket(struct futex_bucket *bucket)
{
	spin_unlock(&pi_lock);
	spin_unlock(&bucket->lock);
}

/* --- who waits; bucket and pi_lock held --- */

static struct futex_waiter *first_waiter(struct futex_bucket *bucket, const struct futex_key *key)
{
	struct futex_waiter *waiter;

	list_for_each_entry(waiter, &bucket->waiters, list)
		if (futex_same_key(&waiter->key, key))
			return waiter;
	return NULL;
}

static void set_owner(struct futex_waiter *waiter, struct task_struct *owner)
{
	if (waiter->owner)
		list_del_init(&waiter->owned);
	waiter->owner = owner;
	if (owner)
		list_add_tail(&waiter->owned, &owner->pi_waiters);
}

/* It has the lock, or gave up. */
static void stop_waiting(struct futex_waiter *waiter)
{
	set_owner(waiter, NULL);
	waiter->pi = false;
	waiter->task->pi_blocked = NULL;
}

/* Let it wait for @owner, unless it will not: 0, or -EDEADLK when that one waits for it. */
static long attach(struct futex_waiter *waiter, struct task_struct *owner)
{
	struct task_struct *task = owner;

	if (waiter->tries)
		return 0;
	while (task && task != waiter->task)
		task = task->pi_blocked ? task->pi_blocked->owner : NULL;
	if (task)
		return -EDEADLK;
	waiter->pi = true;
	waiter->task->pi_blocked = waiter;
	set_owner(waiter, owner);
	return 0;
}

/*
 * Nobody waits yet: the owner is who the word, @value, names. A word that names nobody who could let go is
 * looked at again: whoever it was may have been on the way out, and have said so there.
 */
static long attach_to_first(struct futex_waiter *waiter, u32 __user *addr, u32 value)
{
	struct task_struct *owner;
	long ret = -ESRCH;
	u32 now;

	spin_lock_irq(&tasklist_lock);
	owner = find_task_by_pid((pid_t)(value & FUTEX_TID_MASK));
	if (owner && owner->flags & PF_KTHREAD)
		ret = -EPERM;
	else if (owner && !owner->pi_exited)
		ret = attach(waiter, owner);
	spin_unlock_irq(&tasklist_lock);
	if (ret != -ESRCH)
		return ret;
	if (futex_read_atomic(&now, addr))
		return -EFAULT;
	return now == value ? -ESRCH : -EAGAIN;
}

/*
 * The lock of @addr, whose word is @value, goes to the first of those that wait for it. @died:
 * FUTEX_OWNER_DIED or 0. 0, or an error of futex_exchange_atomic().
 */
static long hand_over(struct futex_bucket *bucket, const struct futex_key *key, u32 __user *addr,
		      u32 value, u32 died)
{
	struct futex_waiter *next = first_waiter(bucket, key), *waiter;
	long ret = futex_exchange_atomic(addr, value, FUTEX_WAITERS | died | (u32)next->task->pid);

	if (ret)
		return ret;
	stop_waiting(next);
	list_for_each_entry(waiter, &bucket->waiters, list)
		if (waiter->pi && futex_same_key(&waiter->key, key))
			set_owner(waiter, next->task);
	futex_wake_waiter(next);
	return 0;
}

/*
 * Others wait for the lock already, @first before all. The word has to name their owner, who may be in
 * the middle of its end.
 */
static long join(struct futex_waiter *waiter, struct futex_waiter *first,
		 struct futex_bucket *bucket, const struct futex_key *key, u32 __user *addr,
		 u32 value)
{
	pid_t owner = (pid_t)(value & FUTEX_TID_MASK);
	long ret;

	if (!first->pi)
		return -EINVAL;
	if (!first->owner) {
		ret = hand_over(bucket, key, addr, value, FUTEX_OWNER_DIED);
		return ret ? ret : -EAGAIN;
	}
	if (owner ? owner != first->owner->pid : !(value & FUTEX_OWNER_DIED))
		return -EINVAL;
	return attach(waiter, first->owner);
}

/*
 * @waiter's task, current or one that is to be moved, wants the lock at @addr of current's map. 1: it
 * has it, with those @bits in its word; 0: it has to wait, and is to be put into @bucket; -EFAULT: the
 * page has to be brought; -EAGAIN: begin anew; or what futex(2) gives.
 */
static long take_or_attach(struct futex_waiter *waiter, struct futex_bucket *bucket,
			   const struct futex_key *key, u32 __user *addr, u32 bits)
{
	struct futex_waiter *first = first_waiter(bucket, key);
	pid_t tid = waiter->task->pid;
	u32 value;
	long ret;

	if (futex_read_atomic(&value, addr))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) == (u32)tid)
		return -EDEADLK;
	if (first)
		return join(waiter, first, bucket, key, addr, value);
	if (!(value & FUTEX_TID_MASK)) {
		ret = futex_exchange_atomic(addr, value,
					    (value & FUTEX_OWNER_DIED) | bits | (u32)tid);
		return ret ? ret : 1;
	}
	/* From now on the owner cannot let go without coming here. */
	ret = futex_exchange_atomic(addr, value, value | FUTEX_WAITERS);
	return ret ? ret : attach_to_first(waiter, addr, value | FUTEX_WAITERS);
}

/* --- waiting --- */

static void enqueue_waiter(struct futex_waiter *waiter, struct futex_bucket *bucket)
{
	waiter->bucket = bucket;
	list_add_tail(&waiter->list, &bucket->waiters);
}

/* The owner ended: hand the lock over, perhaps to current. Bucket locked; on an error it is no more. */
static long inherit(struct futex_waiter *waiter, struct futex_bucket *bucket, u32 __user *addr)
{
	long ret;
	u32 value;

	ret = futex_read_atomic(&value, addr);
	if (!ret)
		ret = hand_over(bucket, &waiter->key, addr, value, FUTEX_OWNER_DIED);
	if (ret != -EFAULT)
		return 0;
	unlock_bucket(bucket);
	ret = futex_bring_writable(addr);
	lock_bucket(bucket);
	return waiter->bucket ? ret : 0;
}

/* current has been woken, or never slept: 0 to go on waiting, or why not. Bucket locked. */
static long look_up(struct futex_waiter *waiter, struct futex_bucket *bucket, u32 __user *addr,
		    struct deadline deadline)
{
	if (!waiter->bucket)
		return 0;
	if (!waiter->owner)
		return inherit(waiter, bucket, addr);
	if (futex_has_come(deadline))
		return -ETIMEDOUT;
	return signal_pending(current) ? -EINTR : 0;
}

/* Until current has the lock: 0. Or, and then it is off the queue, -ETIMEDOUT, -EINTR, -EFAULT. */
static long wait_for_lock(struct futex_waiter *waiter, u32 __user *addr, struct deadline deadline)
{
	struct task_struct *task = current;
	struct futex_bucket *bucket;
	long ret = 0;

	while (!ret && (bucket = smp_load_acquire(&waiter->bucket))) {
		__atomic_store_n(&task->state, TASK_INTERRUPTIBLE, __ATOMIC_SEQ_CST);
		if (smp_load_acquire(&waiter->bucket) && READ_ONCE(waiter->owner))
			futex_sleep_until(deadline);
		WRITE_ONCE(task->state, TASK_RUNNING);
		lock_bucket(bucket);
		ret = look_up(waiter, bucket, addr, deadline);
		if (ret) {
			stop_waiting(waiter);
			list_del_init(&waiter->list);
		}
		unlock_bucket(bucket);
	}
	return ret;
}

/* --- locking and unlocking --- */

long futex_lock_pi(u32 __user *addr, bool shared, struct deadline deadline, bool try)
{
	struct futex_waiter waiter = { .task = current, .tries = try };
	struct futex_bucket *bucket;
	long ret;

	do {
		cond_resched();
		ret = futex_get_key(addr, shared, &waiter.key);
		if (ret)
			return ret;
		bucket = futex_bucket_of(&waiter.key);
		lock_bucket(bucket);
		ret = take_or_attach(&waiter, bucket, &waiter.key, addr, 0);
		if (!ret && !try)
			enqueue_waiter(&waiter, bucket);
		unlock_bucket(bucket);
		if (ret == -EFAULT && !futex_bring_writable(addr))
			ret = -EAGAIN;
	} while (ret == -EAGAIN);
	if (ret)
		return ret < 0 ? ret : 0;
	if (try)
		return -EWOULDBLOCK;
	ret = wait_for_lock(&waiter, addr, deadline);
	return ret == -EINTR ? -ERESTARTNOINTR : ret;
}

/* One try: as futex_exchange_atomic(), or what futex(2) gives. */
static long try_unlock(u32 __user *addr, const struct futex_key *key, u32 value)
{
	struct futex_bucket *bucket = futex_bucket_of(key);
	struct futex_waiter *first;
	long ret;

	lock_bucket(bucket);
	first = first_waiter(bucket, key);
	if (!first)
		ret = futex_exchange_atomic(addr, value, 0);
	else if (!first->pi || first->owner != current)
		ret = -EINVAL;
	else
		ret = hand_over(bucket, key, addr, value, 0);
	unlock_bucket(bucket);
	return ret;
}

long futex_unlock_pi(u32 __user *addr, bool shared)
{
	struct futex_key key;
	long ret;
	u32 value;

	do {
		cond_resched();
		if (get_user(value, addr))
			return -EFAULT;
		if ((value & FUTEX_TID_MASK) != (u32)current->pid)
			return -EPERM;
		ret = futex_get_key(addr, shared, &key);
		if (ret)
			return ret;
		ret = try_unlock(addr, &key, value);
		if (ret == -EFAULT && !futex_bring_writable(addr))
			ret = -EAGAIN;
	} while (ret == -EAGAIN);
	return ret;
}

void exit_pi_futexes(struct task_struct *task)
{
	struct futex_waiter *waiter, *n;

	spin_lock(&pi_lock);
	task->pi_exited = task->flags & PF_EXITING;
	list_for_each_entry_safe(waiter, n, &task->pi_waiters, owned) {
		set_owner(waiter, NULL);
		wake_up_process(waiter->task);
	}
	spin_unlock(&pi_lock);
}

/* --- waiting for a condition that comes with a lock --- */

/*
 * Does current wait for the condition still, not for the lock? Then it is off the queue, @ends, or its
 * state is TASK_INTERRUPTIBLE: under the lock that whoever moves or wakes it has, so that no wake-up is lost.
 */
static bool still_waits(struct futex_waiter *waiter, bool ends)
{
	struct futex_bucket *bucket;
	bool still = false, moved = true;

	while (moved && (bucket = smp_load_acquire(&waiter->bucket))) {
		lock_bucket(bucket);
		moved = waiter->bucket != bucket;
		still = !moved && !waiter->pi;
		if (still && ends)
			list_del_init(&waiter->list);
		else if (still)
			__atomic_store_n(&current->state, TASK_INTERRUPTIBLE, __ATOMIC_SEQ_CST);
		unlock_bucket(bucket);
	}
	return still;
}

long futex_wait_requeue_pi(u32 __user *addr, bool shared, u32 expected, struct deadline deadline,
			   u32 __user *lock)
{
	struct futex_key target;
	struct futex_waiter waiter = { .task = current, .target = &target };
	bool waits;
	long ret;

	if (addr == lock)
		return -EINVAL;
	ret = futex_get_key(lock, shared, &target);
	if (!ret)
		ret = futex_queue_if_equal(&waiter, addr, shared, expected);
	if (ret)
		return ret;
	do {
		futex_sleep_until(deadline);
		WRITE_ONCE(current->state, TASK_RUNNING);
		if (futex_has_come(deadline))
			ret = -ETIMEDOUT;
		else if (signal_pending(current))
			ret = -ERESTARTNOINTR;
		waits = still_waits(&waiter, ret);
	} while (waits && !ret);
	if (waits)
		return ret;
	/* The word has changed since: there is nothing to go back to. */
	ret = wait_for_lock(&waiter, lock, deadline);
	return ret == -EINTR ? -EWOULDBLOCK : ret;
}

/*
 * One waiter after the other, *@done of them before, takes the lock or comes to wait for it. Both buckets
 * locked. As take_or_attach(), but 0 when all have come.
 */
static long move_waiters(struct futex_bucket *from, const struct futex_key *key,
			 struct futex_bucket *to, const struct futex_key *target, u32 __user *lock,
			 int nr_move, int *done)
{
	struct futex_waiter *waiter, *n;
	long ret;

	list_for_each_entry_safe(waiter, n, &from->waiters, list) {
		if (*done > nr_move)
			break;
		if (!futex_same_key(&waiter->key, key))
			continue;
		if (waiter->pi || !waiter->target || !futex_same_key(waiter->target, target))
			return -EINVAL;
		ret = take_or_attach(waiter, to, target, lock, nr_move ? FUTEX_WAITERS : 0);
		if (ret < 0)
			return ret;
		++*done;
		if (ret) {
			futex_wake_waiter(waiter);
			continue;
		}
		list_move_tail(&waiter->list, &to->waiters);
		waiter->key = *target;
		WRITE_ONCE(waiter->bucket, to);
	}
	return 0;
}

long futex_requeue_pi(u32 __user *from, u32 __user *lock, bool shared, int nr_wake, int nr_move,
		      u32 expected)
{
	struct futex_bucket *b1, *b2;
	struct futex_key key, target;
	bool changed = false;
	int done = 0;
	u32 value;
	long ret;

	if (from == lock || nr_wake != 1 || nr_move < 0)
		return -EINVAL;
	do {
		cond_resched();
		ret = futex_get_key(from, shared, &key);
		if (!ret)
			ret = futex_get_key(lock, shared, &target);
		if (!ret && futex_same_key(&key, &target))
			ret = -EINVAL;
		if (!ret && get_user(value, from))
			ret = -EFAULT;
		if (ret)
			return ret;
		b1 = futex_bucket_of(&key);
		b2 = futex_bucket_of(&target);
		futex_lock_two(b1, b2);
		spin_lock(&pi_lock);
		ret = futex_read_atomic(&value, from) ? -EAGAIN : 0;
		if (!ret && !done)
			changed = value != expected;
		if (!ret && !changed)
			ret = move_waiters(b1, &key, b2, &target, lock, nr_move, &done);
		spin_unlock(&pi_lock);
		futex_unlock_two(b1, b2);
		if (changed)
			return -EAGAIN;
		if (ret == -EFAULT && !futex_bring_writable(lock))
			ret = -EAGAIN;
	} while (ret == -EAGAIN);
	return ret ? ret : done;
}
