/* SPDX-License-Identifier: MIT */
/* For the programs that try locks of futex(2) which know their owner: words, and threads that wait. */
#ifndef TESTS_PROGRAMS_FUTEX_PI_H
#define TESTS_PROGRAMS_FUTEX_PI_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "calls.h"

/* linux/futex.h, which musl does not bring. */
enum {
	WAIT,
	WAKE,
	CMP_REQUEUE = 4,
	LOCK_PI = 6,
	UNLOCK_PI,
	TRYLOCK_PI,
	WAIT_REQUEUE_PI = 11,
	CMP_REQUEUE_PI,
	LOCK_PI2,
	PRIVATE = 128,
	REALTIME = 256
};
#define WAITERS 0x80000000u
#define DIED 0x40000000u

static inline long futex(volatile unsigned int *addr, int op, long val, const void *timeout,
			 volatile unsigned int *addr2, int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static inline long lock(volatile unsigned int *addr)
{
	return futex(addr, LOCK_PI, 0, NULL, NULL, 0);
}

static inline long unlock(volatile unsigned int *addr)
{
	return futex(addr, UNLOCK_PI, 0, NULL, NULL, 0);
}

static inline unsigned int tid(void)
{
	return (unsigned int)syscall(SYS_gettid);
}

/* A thread that makes one call, and lets go of the lock that it got unless told not to. */
struct waiter {
	volatile unsigned int *addr;
	int op;
	volatile unsigned int *lock;
	const struct timespec *timeout;
	bool keep;
	/* answers */
	volatile unsigned int tid, seen; /* the lock's word, when it had it */
	long ret;
	int error;
	pthread_t thread;
};

static inline void *waiter_thread(void *arg)
{
	struct waiter *w = arg;

	w->tid = tid();
	w->ret = futex(w->addr, w->op, w->op == WAIT_REQUEUE_PI ? (long)*w->addr : 0, w->timeout,
		       w->lock, 0);
	w->error = errno;
	w->seen = *w->lock;
	if (!w->ret && !w->keep)
		unlock(w->lock);
	return NULL;
}

/* It sleeps when this returns. */
static inline void start(struct waiter *w)
{
	w->tid = 0;
	pthread_create(&w->thread, NULL, waiter_thread, w);
	while (!w->tid)
		sleep_ms(1);
	until_asleep(getpid(), (pid_t)w->tid);
}

static inline void join(struct waiter *w)
{
	pthread_join(w->thread, NULL);
}

#endif
