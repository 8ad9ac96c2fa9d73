/* SPDX-License-Identifier: MIT */
/*
 * calls_clock: the wall clock is set, and what waits for a time of it follows; edges of clock calls, and
 * of timers whose time is over. TAP. It leaves the clock as it was, but for the moments in between.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define FAR 1000 /* seconds, longer than any test */
#define SECOND 1000000000L

static volatile sig_atomic_t hits, overrun;

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)uc;
	hits++;
	overrun = si->si_overrun;
}

static struct timespec later(int clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms % 1000 * 1000000;
	ts.tv_sec += ms / 1000 + (ts.tv_nsec >= SECOND) - (ts.tv_nsec < 0);
	ts.tv_nsec = (ts.tv_nsec + SECOND) % SECOND;
	return ts;
}

static void shift_clock(long seconds)
{
	struct timespec ts = later(CLOCK_REALTIME, seconds * 1000);

	clock_settime(CLOCK_REALTIME, &ts);
}

static int create(int clock, int notify)
{
	struct {
		union sigval value;
		int signo, notify, pad[12];
	} event = { .signo = SIGUSR1, .notify = notify };
	int id = -1;

	syscall(SYS_timer_create, clock, &event, &id);
	hits = 0;
	return id;
}

/* Absolute, @ms from now on that clock. */
static void settime(int id, int clock, long ms, long interval_ms)
{
	struct itimerspec its = {
		{ interval_ms / 1000, interval_ms % 1000 * 1000000 },
		later(clock, ms),
	};

	hits = 0;
	syscall(SYS_timer_settime, id, TIMER_ABSTIME, &its, NULL);
}

static long left(int id)
{
	struct itimerspec its = { { -1, 0 }, { -1, 0 } };

	syscall(SYS_timer_gettime, id, &its);
	return its.it_value.tv_sec;
}

static bool hit(void)
{
	for (int i = 0; i < 400 && !hits; i++)
		sleep_ms(5);
	return hits;
}

/* --- what follows the wall clock --- */

static void timers_follow(void)
{
	int id = create(CLOCK_REALTIME, SIGEV_SIGNAL), quiet = create(CLOCK_REALTIME, SIGEV_NONE);
	struct itimerspec relative = { { 0, 0 }, { FAR, 0 } };

	settime(id, CLOCK_REALTIME, FAR * 1000, 0);
	settime(quiet, CLOCK_REALTIME, 2 * FAR * 1000 + 500, 0);
	check(left(id) >= FAR - 5 && left(id) < FAR, "an absolute timer counts down");
	shift_clock(FAR);
	check(hit(), "and expires when the clock is set to its time");
	check(left(quiet) <= FAR && left(quiet) >= FAR - 5, "another one has less time to go");
	shift_clock(-FAR);
	check(left(quiet) <= 2 * FAR && left(quiet) >= 2 * FAR - 5, "and more when it is set back");
	for (int tries = 0; tries < 20; tries++) { /* until we are back before it expires */
		settime(id, CLOCK_REALTIME, 60, 0);
		shift_clock(-FAR);
		if (!hits)
			break;
		shift_clock(FAR);
	}
	sleep_ms(120);
	check(!hits && left(id) >= FAR - 5, "set back, a timer expires the later");
	shift_clock(FAR);
	check(hit(), "and set right again, at once");
	hits = 0;
	syscall(SYS_timer_settime, id, 0, &relative, NULL);
	shift_clock(2 * FAR);
	sleep_ms(30);
	check(!hits && left(id) >= FAR - 5, "a relative time is none of the wall clock's");
	shift_clock(-2 * FAR);
	syscall(SYS_timer_delete, id);
	syscall(SYS_timer_delete, quiet);
}

/* Children tell when they are about to wait, by one of these, and wait until the time that stands there. */
static struct {
	volatile int ready;
	struct timespec until;
} * shared;

static int sleeps(void)
{
	shared->ready = 1;
	return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &shared->until, NULL) ? 2 : 1;
}

static int waits(void)
{
	int word = 0;

	shared->ready = 1;
	return syscall(SYS_futex, &word, 9 | 128 | 256, 0, &shared->until, NULL, -1) == -1 &&
			       errno == ETIMEDOUT ?
		       1 :
		       2;
}

static int until_set(int (*fn)(void))
{
	pid_t pid;
	int result;

	shared->ready = 0;
	shared->until = later(CLOCK_REALTIME, FAR * 1000);
	pid = fork();
	if (!pid)
		_exit(fn());
	while (!shared->ready)
		sleep_ms(5);
	sleep_ms(30); /* whether it waits by now or not: the time comes */
	shift_clock(2 * FAR);
	result = exit_of(pid);
	shift_clock(-2 * FAR);
	return result;
}

static void sleeps_follow(void)
{
	struct timespec before = later(CLOCK_MONOTONIC, 0), after, ts = { 0, 3000000 };

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(until_set(sleeps) == 1, "clock_nanosleep until a time ends when it is set");
	check(until_set(waits) == 1, "so does FUTEX_WAIT_BITSET by the wall clock");
	after = later(CLOCK_MONOTONIC, 0);
	check(after.tv_sec - before.tv_sec < FAR, "the monotonic clock knows nothing of it");
	check(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL) == 0, "1970 is over");
}

/* --- what it cannot be set to --- */

static long set_errno(int clock, long sec, long nsec)
{
	struct timespec ts = { sec, nsec };

	errno = 0;
	return syscall(SYS_clock_settime, clock, &ts) ? errno : 0;
}

static int not_root(void)
{
	struct timespec now = later(CLOCK_REALTIME, 0);

	return set_errno(CLOCK_REALTIME, now.tv_sec, 0) == EPERM &&
			       set_errno(CLOCK_REALTIME, -1, 0) == EINVAL ?
		       1 :
		       2;
}

static void setting(void)
{
	int own = (int)(~(unsigned int)getpid() << 3 | 2);
	struct timeval tv = { 1700000000, 1000000 };

	check(set_errno(CLOCK_REALTIME, 0, 0) == EINVAL, "before the machine's start: EINVAL");
	check(set_errno(CLOCK_REALTIME, 1700000000, SECOND) == EINVAL, "a second of ns: EINVAL");
	check(set_errno(CLOCK_REALTIME, 8277292037, 0) == EINVAL, "in 2232: EINVAL");
	check(set_errno(CLOCK_MONOTONIC, 5, 0) == EINVAL, "another clock: EINVAL");
	check(set_errno(own, 5, 0) == EPERM, "a process's CPU time: EPERM");
	check(set_errno((int)(~999999u << 3 | 2), 5, 0) == EINVAL, "nobody's: EINVAL");
	check(syscall(SYS_clock_settime, own, (void *)8) == -1 && errno == EFAULT,
	      "bad address before that: EFAULT");
	check(syscall(SYS_settimeofday, &tv, NULL) == -1 && errno == EINVAL,
	      "settimeofday of a million microseconds: EINVAL");
	check(as_user(1000, 1000, not_root) == 1, "who may not: EPERM, after what cannot be");
	check(syscall(SYS_clock_nanosleep, (int)(~999999u << 3 | 2), 0, (void *)8, NULL) == -1 &&
		      errno == EFAULT,
	      "sleeping by nobody's clock until a bad address: EFAULT");
}

/* --- times that are over --- */

static void past(int clock)
{
	int id = create(clock, SIGEV_SIGNAL);
	struct itimerspec its = { { 7, 0 }, { 0, 0 } };

	settime(id, clock, -350, 100000);
	check(hit() && overrun == 0, "a time that is over expires at once");
	check(left(id) == 99, "its interval is counted from then");
	settime(id, clock, -350, 100);
	check(hit() && overrun >= 3, "what was missed since then is its overrun");
	syscall(SYS_timer_settime, id, 0, &its, NULL);
	syscall(SYS_timer_gettime, id, &its);
	check(!its.it_interval.tv_sec, "disarmed, it has no interval");
	syscall(SYS_timer_delete, id);
}

/* --- intervals rest with their signal --- */

static bool runs(void)
{
	struct itimerval now;

	getitimer(ITIMER_REAL, &now);
	return now.it_value.tv_sec || now.it_value.tv_usec;
}

static void alarm_set(long us, long interval_us)
{
	struct itimerval it = { { 0, interval_us }, { us / 1000000, us % 1000000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

/* The shortest one costs nobody anything while nobody takes its signals. */
static void intervals(void)
{
	struct timespec zero = { 0, 0 };
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	alarm_set(1, 1);
	do {
		sleep_ms(5);
		sigpending(&pending);
	} while (!sigismember(&pending, SIGALRM));
	check(!runs(), "ITIMER_REAL rests while its signal is pending");
	alarm_set(1, 900000);
	do {
		sleep_ms(5);
	} while (runs());
	check(sigtimedwait(&set, NULL, &zero) == SIGALRM && runs(), "and goes on when that is taken");
	signal(SIGALRM, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm_set(1000, 1000);
	sleep_ms(50);
	check(!runs(), "ignored, it is never taken");
	alarm_set(0, 0);
}

/* A tick after the other, these would take 10 ms each; the best of many is disturbed by nobody. */
static void short_sleep(void)
{
	long best = SECOND;
	bool early = false;

	for (int i = 0; i < 40; i++) {
		struct timespec ts = { 0, 200000 }, a, b;
		long ns;

		clock_gettime(CLOCK_MONOTONIC, &a);
		nanosleep(&ts, NULL);
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns = (b.tv_sec - a.tv_sec) * SECOND + b.tv_nsec - a.tv_nsec;
		early |= ns < 200000;
		if (i > 1 && ns < best)
			best = ns;
	}
	check(!early, "no sleep is shorter than asked for");
	check(best < 5000000, "one of 200 us does not last until a tick");
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
	sleep_ms(400); /* no time that is over lies before the machine's start */
	timers_follow();
	sleeps_follow();
	setting();
	past(CLOCK_REALTIME);
	past(CLOCK_MONOTONIC);
	intervals();
	short_sleep();
	return checks_done();
}
