/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks: held for a few instructions, never across anything that may sleep. A lock that an
 * interrupt handler takes is taken with _irqsave or _irq everywhere else.
 *
 * Every lock has a class, its name. Debug builds record which class was taken while which other was
 * held and stop at the first pair that was ever taken both ways round, on one CPU or many, whether or
 * not it led to a deadlock; also at a lock taken twice, released by another CPU, or held in might_sleep().
 * docs/locking.md has the order.
 */
#ifndef KERNEL_CORE_SPINLOCK_H
#define KERNEL_CORE_SPINLOCK_H

#include "kernel/core/panic.h"
#include "lib/compiler.h"
#include "lib/types.h"
#include <asm/irqflags.h>
#include <asm/percpu.h>

typedef struct spinlock {
	u32 locked; /* 0 or 1 */
#if CONFIG_DEBUG
	s16 class_id; /* 0: not looked up yet */
	s16 owner;    /* CPU that holds it, -1 for none */
	const char *name;
#endif
} spinlock_t;

#if CONFIG_DEBUG
#define SPINLOCK_INIT(class_name) { .locked = 0, .class_id = 0, .owner = -1, .name = (class_name) }
#else
#define SPINLOCK_INIT(class_name) { .locked = 0 }
#endif
#define DEFINE_SPINLOCK(var) spinlock_t var = SPINLOCK_INIT(#var)

static inline void spin_lock_init(spinlock_t *lock, const char *name)
{
	*lock = (spinlock_t)SPINLOCK_INIT(name);
	(void)name;
}

/* The lock is taken: wait for it. With a single CPU that can never end, and panics. */
void spin_lock_slow(spinlock_t *lock);

#if CONFIG_DEBUG
/* Before: may this be taken now? After: it is held. Both by the order checker. */
void lock_check_acquire(spinlock_t *lock);
void lock_acquired(spinlock_t *lock);
void lock_released(spinlock_t *lock);
/* Spinlocks this CPU holds. */
DECLARE_PER_CPU(int, preempt_count);
void might_sleep_check(const char *file, int line);
#define might_sleep() might_sleep_check(__FILE__, __LINE__)
#else
static inline void lock_check_acquire(spinlock_t *lock) { (void)lock; }
static inline void lock_acquired(spinlock_t *lock) { (void)lock; }
static inline void lock_released(spinlock_t *lock) { (void)lock; }
#define might_sleep() ((void)0)
#endif

static __always_inline void spin_lock(spinlock_t *lock)
{
	lock_check_acquire(lock);
	if (unlikely(__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)))
		spin_lock_slow(lock);
	lock_acquired(lock);
}

/* True if it was free and is ours now. */
static __always_inline bool spin_trylock(spinlock_t *lock)
{
	if (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		return false;
	lock_acquired(lock);
	return true;
}

static __always_inline void spin_unlock(spinlock_t *lock)
{
	lock_released(lock);
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

static __always_inline bool spin_is_locked(const spinlock_t *lock)
{
	return READ_ONCE(lock->locked);
}

/* Interrupts were on and are on again afterwards. */
static __always_inline void spin_lock_irq(spinlock_t *lock)
{
	local_irq_disable();
	spin_lock(lock);
}

static __always_inline void spin_unlock_irq(spinlock_t *lock)
{
	spin_unlock(lock);
	local_irq_enable();
}

static __always_inline unsigned long __spin_lock_irqsave(spinlock_t *lock)
{
	unsigned long flags = arch_local_irq_save();

	spin_lock(lock);
	return flags;
}

#define spin_lock_irqsave(lock, flags) do { (flags) = __spin_lock_irqsave(lock); } while (0)

static __always_inline void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	spin_unlock(lock);
	local_irq_restore(flags);
}

#endif
