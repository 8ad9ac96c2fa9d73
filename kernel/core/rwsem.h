/* SPDX-License-Identifier: MIT */
/*
 * Reader-writer semaphore: many readers or one writer; waiters sleep, first come first served, so
 * that a stream of readers cannot starve a writer. Process context only. Not recursive.
 */
#ifndef KERNEL_CORE_RWSEM_H
#define KERNEL_CORE_RWSEM_H

#include "kernel/core/spinlock.h"
#include "lib/list.h"

struct rw_semaphore {
	int count;            /* readers inside, or -1: a writer; atomic when uncontended */
	int nr_waiters;       /* wait_lock */
	spinlock_t wait_lock;
	struct list_head waiters; /* wait_lock; FIFO */
	const char *name;     /* class for the order checker */
};

#define RWSEM_INIT(sem, n) { 0, 0, SPINLOCK_INIT(n), LIST_HEAD_INIT((sem).waiters), n }
void init_rwsem(struct rw_semaphore *sem, const char *name);
void __down_read_slow(struct rw_semaphore *sem);
int __down_read_killable_slow(struct rw_semaphore *sem);
void __down_write_slow(struct rw_semaphore *sem);
void __rwsem_wake(struct rw_semaphore *sem);

static inline bool down_read_trylock(struct rw_semaphore *sem)
{
	int old = __atomic_load_n(&sem->count, __ATOMIC_RELAXED);

	while (old >= 0 && !__atomic_load_n(&sem->nr_waiters, __ATOMIC_RELAXED))
		if (__atomic_compare_exchange_n(&sem->count, &old, old + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}
static inline void down_read(struct rw_semaphore *sem)
{
	if (unlikely(!down_read_trylock(sem)))
		__down_read_slow(sem);
}
/* 0, or -EINTR when a fatal signal arrived first. */
static inline int down_read_killable(struct rw_semaphore *sem)
{
	return likely(down_read_trylock(sem)) ? 0 : __down_read_killable_slow(sem);
}
static inline void up_read(struct rw_semaphore *sem)
{
	if (__atomic_sub_fetch(&sem->count, 1, __ATOMIC_SEQ_CST) == 0 &&
	    unlikely(__atomic_load_n(&sem->nr_waiters, __ATOMIC_SEQ_CST)))
		__rwsem_wake(sem);
}
static inline bool down_write_trylock(struct rw_semaphore *sem)
{
	int none = 0;

	return __atomic_compare_exchange_n(&sem->count, &none, -1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
static inline void down_write(struct rw_semaphore *sem)
{
	if (unlikely(!down_write_trylock(sem)))
		__down_write_slow(sem);
}
static inline void up_write(struct rw_semaphore *sem)
{
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
