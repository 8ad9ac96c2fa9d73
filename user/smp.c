/* SPDX-License-Identifier: MIT */
/*
 * smp - many CPUs, as a program sees them.
 *
 * What you see: two threads really run at the same time; more busy processes than CPUs get the same
 * share each; who sleeps is woken beside one that computes; a busy loop on another CPU is killed;
 * membarrier(2) orders what two CPUs do. Who runs where is told by affinity.
 *
 * Served by: kernel/core/sched.c and balance.c, kernel/proc/membarrier.c, the reschedule interrupt.
 * With one CPU some claims are skipped (SMP=2).
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cpus.h"
#include "probe.h"
#include "tap.h"

/* --- at the same time --- */

static atomic_long ball;
static double used_there;

/* Hits back every odd number; ends at -1. */
static void *hit_back(void *arg)
{
	pin(0, 1UL << (intptr_t)arg);
	for (;;) {
		long n = atomic_load(&ball);

		if (n < 0)
			break;
		if (n & 1)
			atomic_compare_exchange_strong(&ball, &n, n + 1);
	}
	used_there = now(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/*
 * How often the ball goes over depends on how many CPUs the host has free. But on one CPU the two
 * together would have used no more than the time that went by.
 */
static void side_by_side(void)
{
	double start, used_here, passed;
	long n = 0;
	pthread_t thread;

	if (cpus < 2) {
		skip("two pinned threads run at the same time", "one CPU");
		skip("and see what the other does", "one CPU");
		return;
	}
	pin(0, 1);
	atomic_store(&ball, 0);
	start = now(CLOCK_MONOTONIC);
	used_here = now(CLOCK_THREAD_CPUTIME_ID);
	pthread_create(&thread, NULL, hit_back, (void *)1);
	while ((passed = now(CLOCK_MONOTONIC) - start) < 1)
		for (int i = 0; i < 1000; i++) {
			n = atomic_load(&ball);
			if (!(n & 1))
				atomic_store(&ball, n + 1);
		}
	used_here = now(CLOCK_THREAD_CPUTIME_ID) - used_here;
	atomic_store(&ball, -1);
	pthread_join(thread, NULL);
	diag("in %.2f s two threads used %.2f and %.2f s; the ball went over %ld times", passed,
	     used_here, used_there, n);
	ok(used_here + used_there > 1.5 * passed, "two pinned threads run at the same time");
	ok(n > 10, "and see what the other does");
	pin(0, ~0UL);
}

/* --- shares --- */

/* @tasks compute for 2.5 seconds. No share is more than @off from the mean, as part of it? */
static bool fair(int tasks, double off)
{
	double *used = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double sum = 0, least = 1e9, most = 0, end = now(CLOCK_MONOTONIC) + 2.5;

	for (int i = 0; i < tasks; i++)
		if (!fork()) {
			while (now(CLOCK_MONOTONIC) < end)
				;
			used[i] = now(CLOCK_PROCESS_CPUTIME_ID);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < tasks; i++) {
		sum += used[i];
		least = used[i] < least ? used[i] : least;
		most = used[i] > most ? used[i] : most;
	}
	diag("%d tasks on %d CPUs: %.2f s each, %.2f to %.2f", tasks, cpus, sum / tasks, least,
	     most);
	munmap(used, PAGE);
	return least > (1 - off) * sum / tasks && most < (1 + off) * sum / tasks;
}

/* A host that is busy itself takes ticks away: it may be so kind once in three times. */
static void shares(int tasks, const char *what)
{
	bool is_fair = false;

	for (int i = 0; i < 3 && !is_fair; i++)
		is_fair = fair(tasks, 0.25);
	ok(is_fair, "%s than CPUs: fair shares", what);
}

/* --- waking --- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int ping[2], pong[2];

static void *answer(void *arg)
{
	char c;

	pin(0, 1UL << (intptr_t)arg);
	while (read(ping[0], &c, 1) == 1 && c == 'x')
		if (write(pong[1], &c, 1) != 1)
			break;
	return NULL;
}

/* Median of the times from asking a sleeper on @cpu to its answer. */
static double wake_time(int cpu)
{
	double times[41];
	pthread_t thread;
	char c = 'x';

	if (pipe(ping) || pipe(pong) ||
	    pthread_create(&thread, NULL, answer, (void *)(intptr_t)cpu))
		bail("pipe");
	for (int i = 0; i < 41; i++) {
		usleep(2000);
		times[i] = now(CLOCK_MONOTONIC);
		if (write(ping[1], &c, 1) != 1 || read(pong[0], &c, 1) != 1)
			bail("pipe");
		times[i] = now(CLOCK_MONOTONIC) - times[i];
	}
	c = 'e';
	if (write(ping[1], &c, 1) != 1)
		bail("pipe");
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++) {
		close(ping[i]);
		close(pong[i]);
	}
	qsort(times, 41, sizeof(*times), by_size);
	return times[20];
}

static void waking(void)
{
	pthread_t thread;
	double t;

	pin(0, 1);
	start_busy(&thread);
	pin(busy.tid, 1UL << (cpus - 1));
	t = wake_time(cpus - 1);
	stop_busy(thread);
	diag("a sleeper beside a busy thread answers after %.3f ms", t * 1e3);
	ok(t < 0.05, "a sleeper is woken on a CPU that another thread computes on");
	pin(0, ~0UL);
}

/* --- signals --- */

/* How often @cpu was interrupted: "RES:" to look who is to run, "CAL:" to call a function. */
static long interrupts(const char *name, int cpu)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[1024], *p;
	long n = -1;

	while (file && fgets(line, sizeof(line), file)) {
		if (!(p = strstr(line, name)))
			continue;
		p += 4;
		for (int i = 0; i <= cpu; i++)
			n = strtol(p, &p, 10);
	}
	if (file)
		fclose(file);
	return n;
}

static atomic_int arrived;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&arrived, 1);
}

#define SIGNALS 20

/*
 * One signal to a thread on the last CPU. True: that CPU was interrupted for it. The next is not sent
 * before, or two interrupts could become one: on a host with fewer CPUs the sender may stand still
 * between saying that there is a signal, which the other then finds by itself, and the interrupt.
 */
static bool send_signal(pthread_t thread)
{
	long before = interrupts("RES:", cpus - 1);
	int arrived_before = atomic_load(&arrived);
	double until = now(CLOCK_MONOTONIC) + 0.2;
	bool interrupted = false;

	pthread_kill(thread, SIGUSR1);
	while (atomic_load(&arrived) == arrived_before)
		sched_yield();
	while (!interrupted && cpus > 1 && now(CLOCK_MONOTONIC) < until)
		interrupted = interrupts("RES:", cpus - 1) > before;
	return interrupted;
}

static void signals_to_busy_ones(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int interrupted = 0;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	pin(0, 1);
	start_busy(&thread);
	pin(busy.tid, 1UL << (cpus - 1));
	for (int i = 0; i < SIGNALS; i++)
		interrupted += send_signal(thread);
	stop_busy(thread);
	ok_eq(atomic_load(&arrived), SIGNALS, "each signal to a busy thread arrives");
	if (cpus > 1)
		ok(interrupted >= SIGNALS - 2, "because its CPU was interrupted");
	else
		skip("because its CPU was interrupted", "one CPU");
	pin(0, ~0UL);
}

static void killing(void)
{
	int died = 0, status;

	for (int i = 0; i < 10; i++) {
		pid_t child = fork();

		if (!child) {
			pin(0, 1UL << (i % cpus));
			for (;;)
				;
		}
		usleep(3000);
		kill(child, SIGKILL);
		died += waitpid(child, &status, 0) == child && WIFSIGNALED(status);
	}
	ok_eq(died, 10, "a busy loop on any CPU is killed");
}

/* --- membarrier --- */

#define QUERY 0
#define GLOBAL 1
#define GLOBAL_EXPEDITED 2
#define PRIVATE 8
#define SYNC_CORE 32

static long membarrier(int cmd, unsigned int flags)
{
	return syscall(SYS_membarrier, cmd, flags, 0);
}

static atomic_long go, left_flag, right_flag, right_saw, right_done;

static void *right_side(void *rounds)
{
	pin(0, 1UL << (cpus - 1));
	for (long i = 1; i <= (long)rounds; i++) {
		while (atomic_load(&go) != i)
			;
		atomic_store_explicit(&right_flag, i, memory_order_relaxed);
		atomic_signal_fence(memory_order_seq_cst); /* the compiler, not the CPU */
		right_saw = atomic_load_explicit(&left_flag, memory_order_relaxed);
		atomic_store(&right_done, i);
	}
	return NULL;
}

/* Each side raises its flag and looks at the other's: one must see the other. */
static int both_missed(long rounds)
{
	int missed = 0;
	pthread_t thread;

	pin(0, 1);
	pthread_create(&thread, NULL, right_side, (void *)rounds);
	for (long i = 1; i <= rounds; i++) {
		long saw;

		atomic_store(&go, i);
		atomic_store_explicit(&left_flag, i, memory_order_relaxed);
		membarrier(PRIVATE, 0);
		saw = atomic_load_explicit(&right_flag, memory_order_relaxed);
		while (atomic_load(&right_done) != i)
			;
		missed += saw != i && right_saw != i;
	}
	pthread_join(thread, NULL);
	pin(0, ~0UL);
	return missed;
}

static void barriers(void)
{
	long before;
	pid_t child;
	int status = 0;

	ok_eq(membarrier(QUERY, 0), 0x1ff, "membarrier: the commands of Linux 6.1");
	ok_errno(membarrier(QUERY, 1), EINVAL, "no flags");
	ok_errno(membarrier(3, 0), EINVAL, "one command at a time");
	ok_errno(membarrier(1 << 20, 0), EINVAL, "an unknown one");
	ok_errno(membarrier(PRIVATE, 0), EPERM, "a private barrier is for those who registered");
	ok_errno(membarrier(SYNC_CORE, 0), EPERM, "so is one for changed code");
	ok_eq(membarrier(PRIVATE << 1, 0), 0, "to register");
	ok_eq(membarrier(PRIVATE, 0), 0, "now it is allowed");
	ok_errno(membarrier(SYNC_CORE, 0), EPERM, "the other still is not");
	ok_eq(membarrier(SYNC_CORE << 1, 0) | membarrier(SYNC_CORE, 0), 0, "until registered for");
	child = fork();
	if (!child)
		_exit(membarrier(PRIVATE, 0) ? 1 : 7);
	waitpid(child, &status, 0);
	ok_eq(WEXITSTATUS(status), 7, "a child is registered as its parent was");
	ok_eq(membarrier(GLOBAL, 0), 0, "global");
	ok_eq(membarrier(GLOBAL_EXPEDITED, 0), 0, "global, soon");
	if (cpus == 1) {
		skip("what two CPUs do is in order, with one side paying", "one CPU");
		skip("for the other is interrupted", "one CPU");
		return;
	}
	before = interrupts("CAL:", cpus - 1);
	ok_eq(both_missed(3000), 0, "what two CPUs do is in order, with one side paying");
	ok(interrupts("CAL:", cpus - 1) - before >= 1500, "for the other is interrupted");
}

int main(void)
{
	count_cpus();
	side_by_side();
	shares(cpus + 1, "one busy process more");
	shares(2 * cpus, "twice as many busy processes");
	waking();
	signals_to_busy_ones();
	killing();
	barriers();
	return tap_done();
}
