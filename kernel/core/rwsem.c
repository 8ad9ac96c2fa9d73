/* SPDX-License-Identifier: MIT */
/*
 * The slow ways of reader-writer semaphores. Waiters stand in one queue; only the first may take
 * the semaphore, and a reader that did wakes the next one if that is a reader too. New readers do
 * not overtake (they see nr_waiters); a new writer may, in the moment when the semaphore is free: that
 * saves two switches. But a CPU that takes it and lets go of it in a loop is always there before the
 * waiter that it wakes: after MAX_OVERTAKEN times the waiter forbids it.
 *
 * No wake-up is lost: a waiter counts itself in nr_waiters and then looks at count; who lets go
 * changes count and then looks at nr_waiters; both in one total order (SEQ_CST).
 */
#include "kernel/core/rwsem.h"

#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "lib/errno.h"
#include "mm/stats.h"
#include <asm/percpu.h>
#include <asm/processor.h>

#define MAX_OVERTAKEN 4

struct rwsem_waiter {
	struct list_head list;
	struct task_struct *task;
	bool writer;
	unsigned int overtaken; /* times it was first, and did not get in */
};

void init_rwsem(struct rw_semaphore *sem, const char *name)
{
	sem->count = 0;
	sem->nr_waiters = 0;
	sem->fair = false;
	spin_lock_init(&sem->wait_lock, "rwsem->wait_lock");
	INIT_LIST_HEAD(&sem->waiters);
	sem->name = name;
#if CONFIG_DEBUG
	sem->class_id = 0;
#endif
}

static struct rwsem_waiter *first_waiter(struct rw_semaphore *sem)
{
	return list_first_entry_or_null(&sem->waiters, struct rwsem_waiter, list);
}

/* wait_lock held. */
static void wake_first(struct rw_semaphore *sem, bool readers_only)
{
	struct rwsem_waiter *first = first_waiter(sem);

	if (first && !(readers_only && first->writer))
		wake_up_process(first->task);
}

void __rwsem_wake(struct rw_semaphore *sem)
{
	unsigned long flags;

	spin_lock_irqsave(&sem->wait_lock, flags);
	wake_first(sem, false);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
}

/* By the first waiter. wait_lock held. */
static bool try_take(struct rw_semaphore *sem, struct rwsem_waiter *waiter)
{
	int old = __atomic_load_n(&sem->count, __ATOMIC_SEQ_CST);

	while (waiter->writer ? old == 0 : old >= 0)
		if (__atomic_compare_exchange_n(&sem->count, &old, waiter->writer ? -1 : old + 1,
						false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	if (++waiter->overtaken > MAX_OVERTAKEN)
		WRITE_ONCE(sem->fair, true);
	return false;
}

/*
 * Most holders are done in a few microseconds, and to sleep and be woken takes many: look for a while first. Not
 * when others queue already, who come first, nor when another task waits for this CPU.
 */
#define SPIN_NS 10000
#define LOOKS_PER_CLOCK 128

static bool take_soon(struct rw_semaphore *sem, bool writer)
{
	u64 begin = ktime_get_ns();

	if (nr_cpus == 1)
		return false;
	for (unsigned int looks = 1; !READ_ONCE(sem->nr_waiters) && !need_resched(); looks++) {
		int count = READ_ONCE(sem->count);

		if (writer ? !count && __down_write_trylock(sem) :
			     count >= 0 && __down_read_trylock(sem))
			return true;
		if (looks % LOOKS_PER_CLOCK)
			continue;
		if (ktime_get_ns() - begin > SPIN_NS)
			return false;
		cpu_relax();
	}
	return false;
}

static int down_slow(struct rw_semaphore *sem, bool writer, bool killable)
{
	struct rwsem_waiter waiter = { .task = current, .writer = writer };
	unsigned long flags;
	int ret = 0;

	might_sleep();
	if (take_soon(sem, writer))
		return 0;
	count_vm_event(VM_lock_sleep_wait);
	spin_lock_irqsave(&sem->wait_lock, flags);
	list_add_tail(&waiter.list, &sem->waiters);
	__atomic_fetch_add(&sem->nr_waiters, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		if (first_waiter(sem) == &waiter && try_take(sem, &waiter))
			break;
		if (killable && fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		WRITE_ONCE(current->state, killable ? TASK_KILLABLE : TASK_UNINTERRUPTIBLE);
		spin_unlock_irqrestore(&sem->wait_lock, flags);
		schedule();
		spin_lock_irqsave(&sem->wait_lock, flags);
	}
	if (first_waiter(sem) == &waiter)
		WRITE_ONCE(sem->fair, false);
	list_del(&waiter.list);
	__atomic_fetch_sub(&sem->nr_waiters, 1, __ATOMIC_SEQ_CST);
	/*
	 * A reader lets the reader behind it in; one that gives up lets whoever is first now try.
	 */
	if (!writer || ret)
		wake_first(sem, !ret);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
	return ret;
}

void __down_read_slow(struct rw_semaphore *sem)
{
	down_slow(sem, false, false);
}

int __down_read_killable_slow(struct rw_semaphore *sem)
{
	return down_slow(sem, false, true);
}

void __down_write_slow(struct rw_semaphore *sem)
{
	down_slow(sem, true, false);
}
