/* SPDX-License-Identifier: MIT */
/*
 * The slow side of spinlocks: waiting, and in debug builds the checker of all locks.
 *
 * The checker keeps for each class of locks the set of classes that were ever taken while one of it
 * was held, and where that was first. A new pair that closes a circle in that relation is a possible
 * deadlock, whether it happened this time or not. Two locks of one class may be nested (parent and
 * child maps in fork); their order is the caller's business. What it finds stops the machine.
 */

#include "kernel/core/spinlock.h"

#include "kernel/core/kallsyms.h"
#include "kernel/core/lock_check.h"
#include "kernel/core/param.h"
#include "kernel/core/rcu.h"
#include "kernel/core/sched.h"
#include "kernel/core/spin.h"
#include "kernel/core/time.h"
#include "kernel/debug/report.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/stats.h"
#include <asm/processor.h>

static const char *lock_name(const spinlock_t *lock)
{
#if CONFIG_DEBUG
	return lock->name;
#else
	(void)lock;
	return "(names are in debug builds)";
#endif
}

static unsigned long lockup_seconds = 30;

static int set_lockup(const char *value)
{
	return param_number(value, 0, 1000000, &lockup_seconds);
}
KNOB(lockup, "SECONDS", "a CPU that spins for so long is a panic, 0: never", set_lockup);

bool spin_wait_too_long(struct spin_wait *wait)
{
	u64 now = ktime_get_ns();

	if (wait->last_ns)
		wait->waited_ns += min(now - wait->last_ns, (u64)NSEC_PER_SEC);
	wait->last_ns = now;
	return lockup_seconds && wait->waited_ns > lockup_seconds * NSEC_PER_SEC;
}

void spin_lock_slow(spinlock_t *lock)
{
	count_vm_event(VM_lock_spin_wait);
	if (nr_cpu_ids == 1)
		panic("spinlock at %p %s is waited for by the only CPU", (void *)lock,
		      lock_name(lock));
	spin_until(!READ_ONCE(lock->locked) &&
			   !__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE),
		   panic("spinlock at %p %s is not let go of: deadlock", (void *)lock,
			 lock_name(lock)));
}

#if CONFIG_DEBUG

#define MAX_CLASSES 128 /* class 0 means "not looked up", or that there were too many */
#define MAX_HELD HELD_LOCKS_MAX
#define CALLER ((unsigned long)__builtin_return_address(0))

DEFINE_PER_CPU(int, preempt_count);
DEFINE_PER_CPU(int, rcu_nesting);
static DEFINE_PER_CPU(struct held_lock, held_spinlocks[MAX_HELD]);

typedef unsigned __int128 class_set; /* a bit each */

/* Guarded by checker_lock, a bare word for the same reason as printk's. */
static u32 checker_lock;
static const char *class_names[MAX_CLASSES];
static s16 nr_classes = 1;
static class_set taken_after[MAX_CLASSES]; /* bit b of [a]: b was taken while a was held */
static unsigned long places[MAX_CLASSES][MAX_CLASSES]; /* and where, for the first time */

static unsigned long enter_checker(void)
{
	unsigned long flags = arch_local_irq_save();

	spin_until(!READ_ONCE(checker_lock) &&
			   !__atomic_exchange_n(&checker_lock, 1, __ATOMIC_ACQUIRE),
		   panic("the checker of locks is not let go of: deadlock"));
	return flags;
}

static void leave_checker(unsigned long flags)
{
	__atomic_store_n(&checker_lock, 0, __ATOMIC_RELEASE);
	local_irq_restore(flags);
}

/* One string may stand in several objects, so names are compared, once per lock. */
static s16 find_class(const char *name)
{
	s16 id;

	for (id = 1; id < nr_classes; id++)
		if (!strcmp(class_names[id], name))
			return id;
	if (nr_classes == MAX_CLASSES)
		return 0;
	class_names[nr_classes] = name;
	return nr_classes++;
}

static unsigned int first_of(class_set set)
{
	u64 low = (u64)set;

	return (unsigned int)(low ? __builtin_ctzll(low) : 64 + __builtin_ctzll((u64)(set >> 64)));
}

/* Classes that can follow @from, at any distance. */
static class_set reachable(s16 from)
{
	class_set seen = 0, todo = taken_after[from];

	while (todo) {
		unsigned int next = first_of(todo);

		seen |= (class_set)1 << next;
		todo = (todo | taken_after[next]) & ~seen;
	}
	return seen;
}

/* True if this order closes a circle. @held is known; what is not is not checked. */
static bool new_order_is_bad(s16 held, s16 wanted, unsigned long place)
{
	if (!wanted || held == wanted || taken_after[held] >> wanted & 1)
		return false;
	if (reachable(wanted) >> held & 1)
		return true;
	taken_after[held] |= (class_set)1 << wanted;
	places[held][wanted] = place;
	return false;
}

/* "class in function+0x12/0x40" */
static const char *format_held(const struct held_lock *held, char *buf, size_t size)
{
	char place[80];

	snprintf(buf, size, "%s in %s", class_names[held->class_id],
		 kallsyms_format(held->place - 1, place, sizeof(place)));
	return buf;
}

static void stop_for_order(s16 held, s16 wanted, unsigned long caller)
{
	char place[80] = "by way of others";

	if (places[wanted][held])
		kallsyms_format(places[wanted][held] - 1, place, sizeof(place));
	if (debug_begin_report())
		debug_stop("lock order", NULL, 0, caller,
			   "%s is taken while %s is held; the other way round: %s",
			   class_names[wanted], class_names[held], place);
}

/* May @lock be taken by one who holds the first @n of @held? */
static void check_order(const void *lock, s16 *class_id, const char *name,
			const struct held_lock *held, int n, unsigned long caller)
{
	unsigned long flags = enter_checker();
	bool twice = false;
	s16 bad = 0;

	if (!*class_id)
		*class_id = find_class(name);
	for (int i = 0; i < min(n, MAX_HELD); i++) {
		twice |= held[i].lock == lock;
		if (held[i].class_id && new_order_is_bad(held[i].class_id, *class_id, caller))
			bad = held[i].class_id;
	}
	leave_checker(flags);
	if (twice)
		panic("lock %s taken twice by one holder", name);
	if (bad)
		stop_for_order(bad, *class_id, caller);
}

/* Usually the last one taken; if not, the gap closes. False: it is not there. */
static bool remove_held(struct held_lock *held, int n, const void *lock)
{
	for (int i = min(n, MAX_HELD) - 1; i >= 0; i--) {
		if (held[i].lock != lock)
			continue;
		for (; i + 1 < min(n, MAX_HELD); i++)
			held[i] = held[i + 1];
		return true;
	}
	return false;
}

/* --- spinlocks --- */
void lock_check_acquire(spinlock_t *lock)
{
	check_order(lock, &lock->class_id, lock->name, *this_cpu_ptr(&held_spinlocks),
		    this_cpu_read(preempt_count), CALLER);
}

void lock_acquired(spinlock_t *lock)
{
	unsigned long flags = arch_local_irq_save();
	int n = this_cpu_read(preempt_count);

	lock->owner = (s16)smp_processor_id();
	if (n < MAX_HELD)
		(*this_cpu_ptr(&held_spinlocks))[n] =
			(struct held_lock){ lock, lock->class_id, CALLER };
	this_cpu_inc(preempt_count);
	local_irq_restore(flags);
}

void lock_released(spinlock_t *lock)
{
	unsigned long flags = arch_local_irq_save();
	int n = this_cpu_read(preempt_count);

	if (!lock->locked || lock->owner != (s16)smp_processor_id())
		panic("spinlock %s released by a CPU that does not hold it", lock->name);
	lock->owner = -1;
	this_cpu_dec(preempt_count);
	remove_held(*this_cpu_ptr(&held_spinlocks), n, lock);
	local_irq_restore(flags);
}

/* --- sleeping --- */
/* The boot, before there are tasks or as the idle one, runs with interrupts off and never waits. */
static void check_may_sleep(const char *file, int line, unsigned long caller)
{
	int n = this_cpu_read(preempt_count);
	bool reader = this_cpu_read(rcu_nesting) != 0;
	char last[120];

	if (likely(!n && !reader && (!irqs_disabled() || !current || !current->pid)))
		return;
	if (!debug_begin_report())
		return;
	if (!n)
		debug_stop("sleep", file, (unsigned int)line, caller, "this may sleep, with %s",
			   reader ? "rcu_read_lock() held" : "interrupts off");
	format_held(&(*this_cpu_ptr(&held_spinlocks))[min(n, MAX_HELD) - 1], last, sizeof(last));
	debug_stop("sleep", file, (unsigned int)line, caller,
		   "this may sleep, with %d spinlock(s) held, last taken: %s", n, last);
}

void might_sleep_check(const char *file, int line)
{
	check_may_sleep(file, line, CALLER);
}

void sleep_lock_check(const void *lock, s16 *class_id, const char *name)
{
	check_may_sleep(NULL, 0, CALLER);
	if (current)
		check_order(lock, class_id, name, current->held_locks, current->nr_held, CALLER);
}

void sleep_lock_acquired(const void *lock, s16 *class_id, const char *name)
{
	struct task_struct *task = current;

	if (!task || task->nr_held < 0)
		return;
	if (!*class_id) {
		unsigned long flags = enter_checker();

		*class_id = find_class(name);
		leave_checker(flags);
	}
	if (task->nr_held < MAX_HELD)
		task->held_locks[task->nr_held++] = (struct held_lock){ lock, *class_id, CALLER };
	else
		task->nr_held = -1;
}

bool sleep_lock_released(const void *lock)
{
	struct task_struct *task = current;

	if (!task || task->nr_held < 0)
		return true;
	if (!remove_held(task->held_locks, task->nr_held, lock))
		return false;
	task->nr_held--;
	return true;
}

void sleep_lock_must_release(const void *lock, const char *name)
{
	if (!sleep_lock_released(lock) && debug_begin_report())
		debug_stop("locks", NULL, 0, CALLER,
			   "%s is released by a task that does not hold it", name);
}

void lock_check_return(const char *where)
{
	int spinlocks = this_cpu_read(preempt_count), n = current->nr_held;
	const struct held_lock *held = current->held_locks;
	char last[120];

	if (likely(!spinlocks && n <= 0) || !debug_begin_report())
		return;
	if (spinlocks) {
		held = *this_cpu_ptr(&held_spinlocks);
		n = min(spinlocks, MAX_HELD);
	}
	debug_stop("locks", NULL, 0, CALLER, "%s ends with %d lock(s) held, last taken: %s", where,
		   n, format_held(&held[n - 1], last, sizeof(last)));
}

#endif
