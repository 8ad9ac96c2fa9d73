/* SPDX-License-Identifier: MIT */
/* calls_overrun: what timers of timer_create count, tell and keep, to the period. TAP. */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "calls.h"

#define MS 1000000L
#define SIG (SIGRTMIN + 1)
#define THREAD_ID 4 /* SIGEV_THREAD_ID */

/* As the kernel takes them. */
struct event {
	union sigval value;
	int signo, notify, tid, pad[11];
};

static sigset_t set;
static siginfo_t info;
static volatile int hits;

static int create(int clock, int notify, int tid)
{
	struct event event = { .signo = SIG, .notify = notify, .tid = tid };
	int id = -1;

	return syscall(SYS_timer_create, clock, &event, &id) ? -1 : id;
}

static int settime(int id, int flags, long first_ns, long interval_ns, struct itimerspec *old)
{
	struct itimerspec its = { { interval_ns / (1000 * MS), interval_ns % (1000 * MS) },
				  { first_ns / (1000 * MS), first_ns % (1000 * MS) } };

	return (int)syscall(SYS_timer_settime, id, flags, &its, old);
}

static long now(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

/* The next signal of it, within a second. */
static bool next(void)
{
	return sigtimedwait(&set, &info, &(struct timespec){ 1, 0 }) == SIG;
}

/* Of a timer that first expired between @early and @late, with that interval: all are counted once. */
static bool counts_right(long early, long late, long interval, long counted)
{
	long before = now(CLOCK_MONOTONIC), least, most;

	if (!next())
		return false;
	least = (before - late) / interval;
	most = (now(CLOCK_MONOTONIC) - early) / interval;
	return info.si_overrun + counted >= least && info.si_overrun + counted <= most;
}

static void overruns(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0);
	long early = now(CLOCK_MONOTONIC), late, first;

	settime(id, 0, 1, 20 * MS, NULL);
	late = now(CLOCK_MONOTONIC);
	sleep_ms(70);
	check(counts_right(early, late, 20 * MS, 0),
	      "si_overrun: expiries but the one that it tells of");
	first = info.si_overrun + 1;
	sleep_ms(70);
	check(counts_right(early, late, 20 * MS, first), "the next one those that came since");
	check(syscall(SYS_timer_getoverrun, id) == info.si_overrun && info.si_overrun > 0,
	      "timer_getoverrun says the same");
	settime(id, 0, 0, 0, NULL);
	check(syscall(SYS_timer_getoverrun, id) == 0, "until it is set anew");
	syscall(SYS_timer_delete, id);
	while (sigtimedwait(&set, &info, &(struct timespec){ 0, 0 }) > 0)
		;
}

static void telling(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0), plain = -1;
	struct itimerspec old = { { 9, 9 }, { 9, 9 } };
	sigset_t alarms;

	settime(id, 0, 50 * 1000 * MS, 7 * 1000 * MS, &old);
	check(!old.it_value.tv_sec && !old.it_value.tv_nsec && !old.it_interval.tv_sec,
	      "timer_settime tells what was: nothing");
	settime(id, 0, 1, 0, &old);
	check(old.it_value.tv_sec >= 48 && old.it_value.tv_sec < 50 && old.it_interval.tv_sec == 7,
	      "or what was left, and the interval");
	check(next() && info.si_code == SI_TIMER && info.si_timerid == id, "si_timerid");
	syscall(SYS_timer_delete, id);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarms, NULL);
	syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id);
	syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &plain);
	settime(plain, 0, 1, 0, NULL);
	check(sigtimedwait(&alarms, &info, &(struct timespec){ 1, 0 }) == SIGALRM && plain != 0 &&
		      info.si_value.sival_int == plain,
	      "without an event: SIGALRM, and the number is the value");
	syscall(SYS_timer_delete, id);
	syscall(SYS_timer_delete, plain);
}

static void absolute(void)
{
	int clocks[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME };

	for (int i = 0; i < 4; i++) {
		int id = create(clocks[i], SIGEV_SIGNAL, 0);
		long at = now(clocks[i]) + 15 * MS;

		settime(id, TIMER_ABSTIME, at, 0, NULL);
		check(next() && now(clocks[i]) >= at, "an absolute time of each clock");
		syscall(SYS_timer_delete, id);
	}
}

static volatile int tid, stage;

/* Blocks the signal, as all here do, and takes what is its own. */
static void *other(void *arg)
{
	long end;

	tid = (int)syscall(SYS_gettid);
	while (stage < 1)
		sleep_ms(1);
	end = now(CLOCK_THREAD_CPUTIME_ID) + 40 * MS;
	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
	stage = 2;
	while (stage < 3)
		sleep_ms(1);
	hits = next();
	return arg;
}

static void threads(void)
{
	pthread_t thread;
	bool expired;
	long end;
	int id;

	pthread_create(&thread, NULL, other, NULL);
	while (!tid)
		sleep_ms(1);
	id = create(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, 0);
	end = now(CLOCK_THREAD_CPUTIME_ID) + 20 * MS;
	settime(id, TIMER_ABSTIME, end, 0, NULL);
	stage = 1;
	while (stage < 2)
		sleep_ms(2);
	expired = sigtimedwait(&set, &info, &(struct timespec){ 0, 0 }) > 0;
	check(!expired || now(CLOCK_THREAD_CPUTIME_ID) >= end,
	      "a timer of a thread's CPU time does not count another's");
	syscall(SYS_timer_delete, id);
	id = create(CLOCK_MONOTONIC, THREAD_ID, tid);
	settime(id, 0, 1, 0, NULL);
	check(sigtimedwait(&set, &info, &(struct timespec){ 0, 20 * MS }) < 0,
	      "SIGEV_THREAD_ID: others do not get it");
	stage = 3;
	pthread_join(thread, NULL);
	check(hits == 1, "the thread does");
	syscall(SYS_timer_delete, id);
}

static void ignored(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0);

	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIG, SIG_IGN);
	settime(id, 0, 10 * MS, 10 * MS, NULL);
	sleep_ms(65);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIG, SIG_DFL);
	check(next() && info.si_overrun >= 5, "expiries that were ignored are overruns");
	syscall(SYS_timer_delete, id);
}

static void count(int sig)
{
	(void)sig;
	hits++;
}

/* Each time it may have expired just now, or be about to. */
static void set_anew(void)
{
	int id = create(CLOCK_REALTIME, SIGEV_SIGNAL, 0), before, after;
	long end = now(CLOCK_MONOTONIC) + 150 * MS, first = 1;

	hits = 0;
	signal(SIG, count);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	do {
		first = first * 48271 % 40009;
		settime(id, 0, first, 1000, NULL);
		for (volatile long spin = first / 16; spin; spin--)
			;
	} while (now(CLOCK_MONOTONIC) < end);
	settime(id, 0, 0, 0, NULL);
	before = hits;
	sleep_ms(20);
	after = hits;
	settime(id, 0, MS, 0, NULL);
	for (int i = 0; i < 100 && hits == after; i++)
		sleep_ms(10);
	check(before > 0 && after <= before + 1 && hits == after + 1,
	      "a timer is set anew while it expires, again and again");
	syscall(SYS_timer_delete, id);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIG, SIG_DFL);
}

int main(void)
{
	sigemptyset(&set);
	sigaddset(&set, SIG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	overruns();
	telling();
	absolute();
	threads();
	ignored();
	set_anew();
	return checks_done();
}
