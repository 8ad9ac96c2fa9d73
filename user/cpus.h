/* SPDX-License-Identifier: MIT */
/*
 * cpus.h - for programs about several CPUs: masks of them, clocks, and a thread that keeps one busy.
 */
#ifndef USER_CPUS_H
#define USER_CPUS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static int cpus; /* they are 0 .. cpus - 1; after count_cpus() */

static inline void count_cpus(void)
{
	cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* CPUs that the thread @tid may run on; 0: this one. */
static inline unsigned long mask_of(pid_t tid)
{
	unsigned long mask = 0;

	if (syscall(SYS_sched_getaffinity, tid, sizeof(mask), &mask) != sizeof(mask))
		bail("sched_getaffinity");
	return mask;
}

/* Let it run on those of @mask alone; 0, or -1 and errno. */
static inline long pin(pid_t tid, unsigned long mask)
{
	return syscall(SYS_sched_setaffinity, tid, sizeof(mask), &mask);
}

static inline int this_cpu(void)
{
	unsigned int cpu = 0;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
	return (int)cpu;
}

/* Seconds. */
static inline double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- a busy thread --- */

static struct busy {
	atomic_int tid, cpu, stop; /* cpu: where it was last */
	atomic_long rounds;        /* how often it looked */
} busy;

static inline void *be_busy(void *unused)
{
	(void)unused;
	atomic_store(&busy.tid, (int)syscall(SYS_gettid));
	while (!atomic_load(&busy.stop)) {
		atomic_store(&busy.cpu, this_cpu());
		atomic_fetch_add(&busy.rounds, 1);
	}
	return NULL;
}

/* It computes until stop_busy(); busy.tid is its number. */
static inline void start_busy(pthread_t *thread)
{
	memset(&busy, 0, sizeof(busy));
	if (pthread_create(thread, NULL, be_busy, NULL))
		bail("pthread_create");
	while (!atomic_load(&busy.tid))
		sched_yield();
}

static inline void stop_busy(pthread_t thread)
{
	atomic_store(&busy.stop, 1);
	pthread_join(thread, NULL);
}

#endif
