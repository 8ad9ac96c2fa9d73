/* SPDX-License-Identifier: MIT */
/*
 * The slow side of spinlocks: waiting, and in debug builds the order checker.
 *
 * The checker keeps for each class of locks the set of classes that were ever taken while one of it
 * was held. A new pair that closes a circle in that relation is a possible deadlock, whether it
 * happened this time or not. Two locks of one class may be nested (parent and child maps in fork);
 * their order is the caller's business.
 */

#include "kernel/core/spinlock.h"

#include "kernel/core/printk.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/processor.h>
#include <asm/traps.h>

static const char *lock_name(const spinlock_t *lock)
{
#if CONFIG_DEBUG
	return lock->name;
#else
	(void)lock;
	return "(names are in debug builds)";
#endif
}

void spin_lock_slow(spinlock_t *lock)
{
	do {
		if (nr_cpus == 1)
			panic("spinlock at %p %s is waited for by the only CPU", (void *)lock,
			      lock_name(lock));
		while (READ_ONCE(lock->locked))
			cpu_relax();
	} while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE));
}

#if CONFIG_DEBUG

#define MAX_CLASSES 64 /* a set of classes is one word; class 0 means "not looked up" */
#define MAX_HELD 16

DEFINE_PER_CPU(int, preempt_count);
static DEFINE_PER_CPU(spinlock_t *, held_locks[MAX_HELD]);

/* Guarded by checker_lock, a bare word for the same reason as printk's. */
static u32 checker_lock;
static const char *class_names[MAX_CLASSES];
static s16 nr_classes = 1;
static u64 taken_after[MAX_CLASSES]; /* bit b of [a]: b was taken while a was held */
static bool reported;

static unsigned long enter_checker(void)
{
	unsigned long flags = arch_local_irq_save();

	while (__atomic_exchange_n(&checker_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
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
		/* the last ones share a class: less is found, nothing is invented */
		return MAX_CLASSES - 1;
	class_names[nr_classes] = name;
	return nr_classes++;
}

/* Classes that can follow @from, at any distance. */
static u64 reachable(s16 from)
{
	u64 seen = 0, todo = taken_after[from];

	while (todo) {
		unsigned int next = __builtin_ctzll(todo);

		seen |= 1ULL << next;
		todo = (todo | taken_after[next]) & ~seen;
	}
	return seen;
}

/* Both classes are known; true if this order closes a circle. */
static bool new_order_is_bad(s16 held, s16 wanted)
{
	if (held == wanted || taken_after[held] >> wanted & 1)
		return false;
	if (reachable(wanted) >> held & 1)
		return true;
	taken_after[held] |= 1ULL << wanted;
	return false;
}

void lock_check_acquire(spinlock_t *lock)
{
	unsigned long flags = enter_checker();
	spinlock_t *const *held = *this_cpu_ptr(&held_locks);
	const char *bad = NULL;
	int n = min(this_cpu_read(preempt_count), MAX_HELD);
	bool twice = false;

	if (!lock->class_id)
		lock->class_id = find_class(lock->name);
	for (int i = 0; i < n; i++) {
		twice |= held[i] == lock;
		if (held[i] && !reported && new_order_is_bad(held[i]->class_id, lock->class_id))
			bad = held[i]->name;
	}
	reported |= bad != NULL;
	leave_checker(flags);
	if (twice)
		panic("spinlock %s taken twice by one CPU", lock->name);
	if (bad) {
		pr_err("lock order: %s is taken while %s is held; elsewhere it is the other way round",
		       lock->name, bad);
		show_backtrace((unsigned long)__builtin_frame_address(0));
	}
}

void lock_acquired(spinlock_t *lock)
{
	unsigned long flags = arch_local_irq_save();
	int n = this_cpu_read(preempt_count);

	lock->owner = (s16)smp_processor_id();
	if (n < MAX_HELD)
		(*this_cpu_ptr(&held_locks))[n] = lock;
	this_cpu_inc(preempt_count);
	local_irq_restore(flags);
}

void lock_released(spinlock_t *lock)
{
	unsigned long flags = arch_local_irq_save();
	spinlock_t **held = *this_cpu_ptr(&held_locks);
	int n = this_cpu_read(preempt_count);

	if (!lock->locked || lock->owner != (s16)smp_processor_id())
		panic("spinlock %s released by a CPU that does not hold it", lock->name);
	lock->owner = -1;
	this_cpu_dec(preempt_count);
	/* Usually the last one taken; if not, close the gap. */
	for (int i = min(n, MAX_HELD) - 1; i >= 0; i--) {
		if (held[i] != lock)
			continue;
		for (; i + 1 < min(n, MAX_HELD); i++)
			held[i] = held[i + 1];
		break;
	}
	local_irq_restore(flags);
}

void might_sleep_check(const char *file, int line)
{
	int n = this_cpu_read(preempt_count);

	if (likely(n == 0))
		return;
	pr_err("may sleep at %s:%d while %d spinlock(s) are held, last taken: %s", file, line, n,
	       (*this_cpu_ptr(&held_locks))[min(n, MAX_HELD) - 1]->name);
	show_backtrace((unsigned long)__builtin_frame_address(0));
}

#endif
