/* SPDX-License-Identifier: MIT */
/*
 * affinity - which CPUs a thread may run on.
 *
 * What you see: how many CPUs there are, told in four places alike; a mask of CPUs is kept, inherited
 * and obeyed at once, even by a thread that is busy elsewhere, and by threads that pin one another.
 *
 * Served by: sched_setaffinity and getcpu in kernel/proc/limits.c, set_cpus_allowed() in
 * kernel/core/balance.c. SMP=2 shows more.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cpus.h"
#include "tap.h"

/* --- how many --- */

static int count_lines(const char *path, const char *start)
{
	FILE *file = fopen(path, "r");
	char line[512];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += !strncmp(line, start, strlen(start));
	if (file)
		fclose(file);
	return n;
}

/* Columns of the heading of /proc/interrupts. */
static int interrupt_columns(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[1024] = "";
	int n = 0;

	if (file && fgets(line, sizeof(line), file))
		for (char *p = line; (p = strstr(p, "CPU")); p++)
			n++;
	if (file)
		fclose(file);
	return n;
}

static void number_of_cpus(void)
{
	ok_eq(mask_of(0), (1L << cpus) - 1, "at first every CPU is allowed");
	ok_eq(count_lines("/proc/cpuinfo", "processor"), cpus, "/proc/cpuinfo tells of each");
	ok_eq(count_lines("/proc/stat", "cpu"), cpus + 1, "/proc/stat too, and of all together");
	ok_eq(interrupt_columns(), cpus, "/proc/interrupts has a column for each");
}

/* --- masks --- */

static void refused(void)
{
	unsigned long mask = 1, none = 0, beyond = 1UL << 63, wide[16];
	pid_t gone = fork();

	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);
	ok_errno(pin(0, none), EINVAL, "no CPU at all");
	ok_errno(pin(0, beyond), EINVAL, "only one that is not there");
	ok_errno(syscall(SYS_sched_setaffinity, 0, 0, &mask), EINVAL, "a mask of no bytes");
	ok_errno(syscall(SYS_sched_setaffinity, 0, 8, 8), EFAULT, "a mask at a bad address");
	ok_errno(syscall(SYS_sched_setaffinity, gone, 8, 8), EFAULT, "that is found out first");
	ok_errno(pin(gone, mask), ESRCH, "a thread that is gone");
	ok_errno(pin(gone, none), ESRCH, "and that before the mask");
	ok_errno(pin(-1, mask), ESRCH, "no thread has a negative number");
	ok_errno(syscall(SYS_sched_getaffinity, 0, 4, &mask), EINVAL, "room for half a mask");
	ok_errno(syscall(SYS_sched_getaffinity, 0, 12, wide), EINVAL, "for one and a half");
	ok_errno(syscall(SYS_sched_getaffinity, 0, 8, 8), EFAULT, "at a bad address");
	ok_errno(syscall(SYS_sched_getaffinity, gone, 8, &mask), ESRCH, "of nobody");
	ok_eq(syscall(SYS_sched_getaffinity, 0, sizeof(wide), wide), 8,
	      "of a lot of room 8 bytes are used");
	ok_eq(pin(0, beyond | 1), 0, "a CPU that is not there beside one that is: fine");
	ok_eq(mask_of(0), 1, "and not remembered");
	ok_eq(pin(0, ~0UL), 0, "all that there may be");
	ok_eq(mask_of(0), (1L << cpus) - 1, "are all that there are");
}

static void spin_for(double seconds)
{
	double end = now(CLOCK_MONOTONIC) + seconds;

	while (now(CLOCK_MONOTONIC) < end)
		;
}

/* Field 39 of /proc/self/stat. */
static int cpu_in_stat(void)
{
	FILE *file = fopen("/proc/self/stat", "r");
	char line[1024] = "", *p;

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	p = strrchr(line, ')');
	for (int field = 2; p && field < 39; field++)
		p = strchr(p + 1, ' ');
	return p ? atoi(p + 1) : -1;
}

static void obeyed_by_oneself(void)
{
	int at_once = 0, later = 0, told = 0;

	for (int round = 0; round < 10; round++)
		for (int cpu = 0; cpu < cpus; cpu++) {
			pin(0, 1UL << cpu);
			at_once += this_cpu() == cpu;
			usleep(100);
			spin_for(0.001);
			sched_yield();
			later += this_cpu() == cpu;
			told += cpu_in_stat() == cpu;
		}
	ok_eq(at_once, 10 * cpus, "who pins itself runs there when the call returns");
	ok_eq(later, 10 * cpus, "and still after sleeping, computing and yielding");
	ok_eq(told, 10 * cpus, "field 39 of /proc/self/stat says the same");
	pin(0, ~0UL);
}

static void *tell_mask(void *arg)
{
	*(unsigned long *)arg = mask_of(0);
	return NULL;
}

static void inherited(void)
{
	unsigned long one = 1UL << (cpus - 1), of_thread = 0;
	pthread_t thread;
	int status = 0;
	pid_t child;

	pin(0, one);
	child = fork();
	if (!child)
		_exit(mask_of(0) == one ? 7 : 1);
	waitpid(child, &status, 0);
	ok_eq(WEXITSTATUS(status), 7, "a child has its parent's mask");
	child = fork();
	if (!child) {
		execl("/proc/self/exe", "affinity", "mask", (char *)NULL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	ok_eq(WEXITSTATUS(status), cpus, "and keeps it over exec");
	pthread_create(&thread, NULL, tell_mask, &of_thread);
	pthread_join(thread, NULL);
	ok_eq((long)of_thread, (long)one, "a thread has its maker's");
	pin(0, ~0UL);
}

/* --- others --- */

static void obeyed_by_others(void)
{
	int right = 0, rounds = 0;
	pthread_t thread;

	start_busy(&thread);
	for (int i = 0; i < 25; i++)
		for (int cpu = 0; cpu < cpus; cpu++, rounds++) {
			long seen;

			pin(busy.tid, 1UL << cpu);
			seen = atomic_load(&busy.rounds);
			while (atomic_load(&busy.rounds) < seen + 2)
				sched_yield();
			right += atomic_load(&busy.cpu) == cpu;
		}
	stop_busy(thread);
	ok_eq(right, rounds, "a busy thread is moved before the call returns");
}

#define STORM 8

static atomic_int storm_tids[STORM];
static double storm_end;

/* Pins one of them at random, then computes, sleeps, yields or forks. */
static void *pin_another(void *arg)
{
	unsigned int seed = 1 + (unsigned int)(uintptr_t)arg;
	long rounds = 0;

	atomic_store(&storm_tids[(intptr_t)arg], (int)syscall(SYS_gettid));
	for (; now(CLOCK_MONOTONIC) < storm_end; rounds++) {
		int tid = atomic_load(&storm_tids[(seed >> 8) % STORM]);
		unsigned long mask = (seed >> 16) & ((1UL << cpus) - 1);

		if (tid && mask)
			pin(tid, mask);
		if (!(rounds % 64)) {
			pid_t child = fork();

			if (!child)
				_exit(0);
			waitpid(child, NULL, 0);
		} else if (rounds & 1) {
			usleep(seed >> 28);
		} else if (rounds & 2) {
			sched_yield();
		}
		seed = seed * 1664525 + 1013904223;
	}
	return (void *)rounds;
}

static void pinning_one_another(void)
{
	pthread_t threads[STORM];
	long rounds = 0;
	void *ret;

	storm_end = now(CLOCK_MONOTONIC) + 2;
	for (intptr_t i = 0; i < STORM; i++)
		pthread_create(&threads[i], NULL, pin_another, (void *)i);
	for (int i = 0; i < STORM; i++) {
		pthread_join(threads[i], &ret);
		rounds += (long)ret;
	}
	diag("%ld rounds", rounds);
	ok(rounds > STORM, "threads that pin one another at random all come to their end");
}

int main(int argc, char **argv)
{
	count_cpus();
	if (argc > 1 && !strcmp(argv[1], "mask")) { /* after exec: which CPU, counted from 1 */
		unsigned long mask = mask_of(0);

		return mask & (mask - 1) ? 0 : __builtin_ctzl(mask) + 1;
	}

	number_of_cpus();
	refused();
	obeyed_by_oneself();
	inherited();
	obeyed_by_others();
	pinning_one_another();
	return tap_done();
}
