/* SPDX-License-Identifier: MIT */
/*
 * Reader-writer semaphore: many readers or one writer; waiters sleep, first come first served, so
 * that a stream of readers cannot starve a writer. A writer that finds it free may overtake those who
 * sleep, but not again and again. Process context only. Not recursive.
 */
#ifndef KERNEL_CORE_RWSEM_H
#define KERNEL_CORE_RWSEM_H

#include "kernel/core/lock_check.h"
#include "kernel/core/spinlock.h"
#include "lib/list.h"

struct rw_semaphore {
	int count;            /* readers inside, or -1: a writer; atomic when uncontended */
	int nr_waiters;       /* wait_lock */
	bool fair;            /* wait_lock; nobody overtakes the first waiter any more */
	spinlock_t wait_lock;
	struct list_head waiters; /* wait_lock; FIFO */
	const char *name;     /* class for the order checker */
#if CONFIG_DEBUG
	s16 class_id;
#endif
};

#if CONFIG_DEBUG
#define rwsem_check(sem) sleep_lock_check(sem, &(sem)->class_id, (sem)->name)
#define rwsem_acquired(sem) sleep_lock_acquired(sem, &(sem)->class_id, (sem)->name)
#define rwsem_released(sem) sleep_lock_must_release(sem, (sem)->name)
#else
#define rwsem_check(sem) ((void)0)
#define rwsem_acquired(sem) ((void)0)
#define rwsem_released(sem) ((void)0)
#endif

#define RWSEM_INIT(sem, n)                                                                         \
	{ .wait_lock = SPINLOCK_INIT("rwsem->wait_lock"), .waiters = LIST_HEAD_INIT((sem).waiters), .name = n }
void init_rwsem(struct rw_semaphore *sem, const char *name);
void __down_read_slow(struct rw_semaphore *sem);
int __down_read_killable_slow(struct rw_semaphore *sem);
void __down_write_slow(struct rw_semaphore *sem);
void __rwsem_wake(struct rw_semaphore *sem);

/* The bare ones, which the checker does not see. */
static inline bool __down_read_trylock(struct rw_semaphore *sem)
{
	int old = __atomic_load_n(&sem->count, __ATOMIC_RELAXED);

	while (old >= 0 && !__atomic_load_n(&sem->nr_waiters, __ATOMIC_RELAXED))
		if (__atomic_compare_exchange_n(&sem->count, &old, old + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}
static inline bool __down_write_trylock(struct rw_semaphore *sem)
{
	int none = 0;

	if (unlikely(__atomic_load_n(&sem->fair, __ATOMIC_RELAXED)))
		return false;
	return __atomic_compare_exchange_n(&sem->count, &none, -1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
static __lock_inline bool down_read_trylock(struct rw_semaphore *sem)
{
	if (!__down_read_trylock(sem))
		return false;
	rwsem_acquired(sem);
	return true;
}
static __lock_inline void down_read(struct rw_semaphore *sem)
{
	rwsem_check(sem);
	if (unlikely(!__down_read_trylock(sem)))
		__down_read_slow(sem);
	rwsem_acquired(sem);
}
/* 0, or -EINTR when a fatal signal arrived first. */
static __lock_inline int down_read_killable(struct rw_semaphore *sem)
{
	int ret;

	rwsem_check(sem);
	ret = likely(__down_read_trylock(sem)) ? 0 : __down_read_killable_slow(sem);
	if (!ret)
		rwsem_acquired(sem);
	return ret;
}
static __lock_inline void up_read(struct rw_semaphore *sem)
{
	rwsem_released(sem);
	if (__atomic_sub_fetch(&sem->count, 1, __ATOMIC_SEQ_CST) == 0 &&
	    unlikely(__atomic_load_n(&sem->nr_waiters, __ATOMIC_SEQ_CST)))
		__rwsem_wake(sem);
}
static __lock_inline bool down_write_trylock(struct rw_semaphore *sem)
{
	if (!__down_write_trylock(sem))
		return false;
	rwsem_acquired(sem);
	return true;
}
static __lock_inline void down_write(struct rw_semaphore *sem)
{
	rwsem_check(sem);
	if (unlikely(!__down_write_trylock(sem)))
		__down_write_slow(sem);
	rwsem_acquired(sem);
}
static __lock_inline void up_write(struct rw_semaphore *sem)
{
	rwsem_released(sem);
	__atomic_store_n(&sem->count, 0, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&sem->nr_waiters, __ATOMIC_SEQ_CST)))
		__rwsem_wake(sem);
}
/* The writer becomes one of the readers without letting another writer in. */
static inline void downgrade_write(struct rw_semaphore *sem)
{
	__atomic_store_n(&sem->count, 1, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&sem->nr_waiters, __ATOMIC_SEQ_CST)))
		__rwsem_wake(sem);
}

#endif
