/* SPDX-License-Identifier: MIT */
/*
 * calls_timers: timers of timer_create and setitimer, clocks of CPU time, and setting the time. TAP.
 * Needs argv[0] to be its path.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define MS 1000000L
#define THREAD_ID 4 /* SIGEV_THREAD_ID */

/* As the kernel takes them. */
struct event {
	union sigval value;
	int signo, notify, tid, pad[11];
};

static volatile sig_atomic_t hits, code, value, overrun, tid_hit;
static const char *self;

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)uc;
	code = si->si_code;
	value = si->si_value.sival_int;
	overrun = si->si_overrun;
	tid_hit = (int)syscall(SYS_gettid);
	hits++; /* last: another thread may wait for it */
}

static void install(int sig)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	sigaction(sig, &sa, NULL);
	hits = 0;
}

static int create(int clock, int notify, int sig, int tid)
{
	struct event event = { .signo = sig, .notify = notify, .tid = tid };
	int id = -1;

	event.value.sival_int = 77;
	return syscall(SYS_timer_create, clock, &event, &id) ? -1 : id;
}

static int settime(int id, int flags, long first_ms, long interval_ms)
{
	struct itimerspec its = { { interval_ms / 1000, interval_ms % 1000 * MS },
				  { first_ms / 1000, first_ms % 1000 * MS } };

	return (int)syscall(SYS_timer_settime, id, flags, &its, NULL);
}

static struct itimerspec gettime(int id)
{
	struct itimerspec its = { { -1, 0 }, { -1, 0 } };

	syscall(SYS_timer_gettime, id, &its);
	return its;
}

static int delete (int id)
{
	return (int)syscall(SYS_timer_delete, id);
}

static void wait_hits(int n)
{
	int i;

	for (i = 0; i < 400 && hits < n; i++)
		sleep_ms(5);
}

static long cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / MS;
}

/* Compute for @ms, and until there were @n hits; those come with a tick, which may be late. */
static void burn(long ms, int n)
{
	long end = cpu_ms() + ms;

	while (cpu_ms() < end || (hits < n && cpu_ms() < end + 5000))
		;
}

/* --- making --- */

static int create_errno(int clock, int notify, int sig, int tid)
{
	errno = 0;
	return create(clock, notify, sig, tid) < 0 ? errno : 0;
}

static void making(void)
{
	int id = -1, next = -1;

	check(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == 0, "no sigevent: allowed");
	next = create(CLOCK_REALTIME, SIGEV_NONE, 0, 0);
	check(next == id + 1, "numbers rise");
	check(delete (id) == 0 && delete (next) == 0, "timer_delete");
	check(delete (id) == -1 && errno == EINVAL, "twice: EINVAL");
	check(create_errno(CLOCK_BOOTTIME, SIGEV_SIGNAL, SIGUSR1, 0) == 0, "CLOCK_BOOTTIME");
	check(create_errno(CLOCK_TAI, SIGEV_SIGNAL, SIGUSR1, 0) == 0, "CLOCK_TAI");
	check(create_errno(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0) == 0,
	      "CLOCK_THREAD_CPUTIME_ID");
	check(create_errno(CLOCK_MONOTONIC_RAW, SIGEV_SIGNAL, SIGUSR1, 0) == EOPNOTSUPP,
	      "CLOCK_MONOTONIC_RAW: EOPNOTSUPP");
	check(create_errno(CLOCK_REALTIME_COARSE, SIGEV_SIGNAL, SIGUSR1, 0) == EOPNOTSUPP,
	      "a coarse clock: EOPNOTSUPP");
	check(create_errno(55, SIGEV_SIGNAL, SIGUSR1, 0) == EINVAL, "no clock: EINVAL");
	check(create_errno(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, 0) == EINVAL, "signal 0: EINVAL");
	check(create_errno(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, 0) == EINVAL, "signal 65: EINVAL");
	check(create_errno(CLOCK_MONOTONIC, 9, SIGUSR1, 0) == EINVAL, "notify 9: EINVAL");
	check(create_errno(CLOCK_MONOTONIC, THREAD_ID, SIGUSR1, 1) == EINVAL,
	      "a thread of another process: EINVAL");
	check(syscall(SYS_timer_create, CLOCK_MONOTONIC, (void *)8, &id) == -1 && errno == EFAULT,
	      "bad sigevent: EFAULT");
	check(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, (void *)8) == -1 && errno == EFAULT,
	      "nowhere to put the number: EFAULT");
}

static void too_many(void)
{
	struct rlimit limit = { 4, 4 };
	int i;

	setrlimit(RLIMIT_SIGPENDING, &limit);
	for (i = 0; i < 20 && create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0) >= 0; i++)
		;
	_exit(i < 20 && errno == EAGAIN ? 3 : i);
}

/* --- expiring --- */

static void expiring(void)
{
	struct itimerspec its;
	sigset_t set, old;
	siginfo_t si;
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 1, 0);

	install(SIGRTMIN + 1);
	its = gettime(id);
	check(!its.it_value.tv_sec && !its.it_value.tv_nsec, "a new timer is disarmed");
	settime(id, 0, 20, 0);
	wait_hits(1);
	check(hits == 1 && code == SI_TIMER && value == 77 && overrun == 0,
	      "it sends SI_TIMER with its value");
	its = gettime(id);
	check(!its.it_value.tv_sec && !its.it_value.tv_nsec, "once, and is disarmed again");
	settime(id, 0, 10, 10);
	wait_hits(4);
	settime(id, 0, 0, 0);
	check(hits >= 4, "an interval repeats");
	hits = 0;
	sleep_ms(30);
	check(hits == 0, "a time of 0 disarms");
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, &old);
	settime(id, 0, 10, 10);
	sleep_ms(105);
	check(sigwaitinfo(&set, &si) == SIGRTMIN + 1 && si.si_overrun >= 5,
	      "blocked, it is pending once and counts the rest");
	check(syscall(SYS_timer_getoverrun, id) == si.si_overrun, "which timer_getoverrun tells");
	settime(id, 0, 100000, 5000);
	its = gettime(id);
	check(its.it_value.tv_sec >= 98 && its.it_value.tv_sec <= 100 &&
		      its.it_interval.tv_sec == 5,
	      "timer_gettime: what is left, and the interval");
	settime(id, TIMER_ABSTIME, 1, 0);
	check(sigwaitinfo(&set, &si) == SIGRTMIN + 1, "an absolute time that is over: at once");
	settime(id, 0, 10, 0);
	sleep_ms(40);
	delete (id);
	sigpending(&old);
	check(sigismember(&old, SIGRTMIN + 1), "a signal that is pending outlives its timer");
	check(sigwaitinfo(&set, &si) == SIGRTMIN + 1 && si.si_code == SI_TIMER, "and is delivered");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void quiet(void)
{
	struct itimerspec its, bad = { { 0, 0 }, { 0, 1000 * MS } };
	int id = create(CLOCK_REALTIME, SIGEV_NONE, 0, 0);

	settime(id, 0, 30, 1000);
	its = gettime(id);
	check(!its.it_value.tv_sec && its.it_value.tv_nsec > 0, "SIGEV_NONE runs");
	sleep_ms(60);
	its = gettime(id);
	check(its.it_value.tv_nsec > 500 * MS, "into its next period");
	settime(id, 0, 1, 0);
	sleep_ms(20);
	its = gettime(id);
	check(!its.it_value.tv_nsec, "or to its end");
	check(syscall(SYS_timer_settime, id, 0, &bad, NULL) == -1 && errno == EINVAL,
	      "a second of nanoseconds: EINVAL");
	check(syscall(SYS_timer_settime, id, 0, NULL, NULL) == -1 && errno == EINVAL,
	      "no time: EINVAL");
	check(syscall(SYS_timer_settime, id, 0, (void *)8, NULL) == -1 && errno == EFAULT,
	      "bad address: EFAULT");
	check(syscall(SYS_timer_gettime, id, (void *)8) == -1 && errno == EFAULT,
	      "and of the answer");
	check(syscall(SYS_timer_getoverrun, id + 1000) == -1 && errno == EINVAL,
	      "getoverrun of nothing: EINVAL");
	delete (id);
	id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2, 0);
	signal(SIGUSR2, SIG_IGN);
	settime(id, 0, 5, 5);
	sleep_ms(30);
	install(SIGUSR2);
	wait_hits(1);
	check(hits >= 1, "a timer goes on while its signal is ignored");
	delete (id);
}

static volatile int thread_tid, stop;

static void *sleeper(void *arg)
{
	(void)arg;
	thread_tid = (int)syscall(SYS_gettid);
	while (!stop)
		sleep_ms(5);
	return NULL;
}

static void to_thread(void)
{
	pthread_t thread;
	int id;

	pthread_create(&thread, NULL, sleeper, NULL);
	while (!thread_tid)
		sleep_ms(1);
	install(SIGUSR1);
	id = create(CLOCK_MONOTONIC, THREAD_ID, SIGUSR1, thread_tid);
	settime(id, 0, 10, 0);
	wait_hits(1);
	check(hits == 1 && tid_hit == thread_tid, "SIGEV_THREAD_ID: that thread gets it");
	stop = 1;
	pthread_join(thread, NULL);
	settime(id, 0, 10, 0);
	sleep_ms(30);
	check(hits == 1, "nobody, when it is gone");
	delete (id);
}

static void families(void)
{
	char *argv[] = { (char *)self, "exec", NULL };
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
	pid_t pid;

	settime(id, 0, 100000, 0);
	pid = fork();
	if (!pid)
		_exit(gettime(id).it_value.tv_sec == -1 ? 4 : 1);
	check(exit_of(pid) == 4, "fork does not inherit timers");
	pid = fork();
	if (!pid) {
		struct itimerval it = { { 0, 0 }, { 50, 0 } };
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
		settime(id, 0, 1, 0);
		sleep_ms(30);
		setitimer(ITIMER_REAL, &it, NULL);
		execv(self, argv);
	}
	check(exit_of(pid) == 5, "nor does exec, nor their signals; ITIMER_REAL it does");
	delete (id);
	pid = fork();
	if (!pid)
		too_many();
	check(exit_of(pid) == 3, "more than RLIMIT_SIGPENDING: EAGAIN");
}

static int after_exec(void)
{
	struct itimerval it = { { 0, 0 }, { 0, 0 } };
	sigset_t set;

	sigpending(&set);
	getitimer(ITIMER_REAL, &it);
	return gettime(0).it_value.tv_sec == -1 && !sigismember(&set, SIGUSR1) &&
			       it.it_value.tv_sec >= 48 ?
		       5 :
		       1;
}

/* --- CPU time --- */

static void cpu_timers(void)
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
	int id = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0);
	long begin;

	install(SIGUSR1);
	begin = cpu_ms();
	settime(id, 0, 30, 0);
	sleep_ms(60);
	check(hits == 0 || cpu_ms() - begin >= 30, "a timer of CPU time rests while the process sleeps");
	burn(80, 1);
	check(hits == 1, "and expires while it computes");
	settime(id, 0, 20, 20);
	burn(120, 3);
	check(hits >= 3, "again and again");
	delete (id);
	install(SIGPROF);
	setitimer(ITIMER_PROF, &it, NULL);
	burn(100, 1);
	setitimer(ITIMER_PROF, &off, &it);
	check(hits >= 1, "ITIMER_PROF");
	check(it.it_interval.tv_usec == 20000, "tells its interval");
	install(SIGVTALRM);
	setitimer(ITIMER_VIRTUAL, &it, NULL);
	for (value = 0; value < 100000000 && hits < 2;)
		value++;
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	check(hits >= 2, "ITIMER_VIRTUAL");
	check(setitimer(3, &off, NULL) == -1 && errno == EINVAL, "timer 3: EINVAL");
}

static void cpu_limit(void)
{
	struct rlimit limit = { 1, 2 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CPU, &limit);
		for (;;)
			burn(5000, 0);
	}
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "RLIMIT_CPU: SIGXCPU");
}

/* --- clocks --- */

static void clocks(void)
{
	struct timespec ts = { 0, 20 * MS }, before, now;
	int pid_clock = (int)(~(unsigned int)getpid() << 3 | 2), tid_clock = pid_clock | 4;
	clockid_t id;

	check(clock_getcpuclockid(0, &id) == 0 && clock_gettime(id, &now) == 0,
	      "a process's clock by number");
	check(clock_gettime(pid_clock, &now) == 0 && clock_gettime(tid_clock, &now) == 0,
	      "one's own by pid and tid");
	check(clock_gettime((int)(~1u << 3 | 2), &now) == 0, "init's");
	check(clock_gettime((int)(~1u << 3 | 6), &now) == -1 && errno == EINVAL,
	      "its thread's: EINVAL");
	check(clock_gettime((int)(~999999u << 3 | 2), &now) == -1 && errno == EINVAL,
	      "nobody's: EINVAL");
	check(clock_gettime(pid_clock | 3, &now) == -1 && errno == EINVAL, "kind 3: EINVAL");
	check(clock_getres(CLOCK_PROCESS_CPUTIME_ID, &now) == 0 && now.tv_nsec == 1,
	      "CPU clocks resolve nanoseconds");
	check(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL) == -1,
	      "nobody sleeps by his own CPU time");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	check(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &before,
		      NULL) == 0,
	      "a process's clock can be waited for");
}

static void setting(void)
{
	struct timex tx;
	struct timeval tv, bad = { 0, 2000000 };
	struct timespec ts;
	int status;

	memset(&tx, 0, sizeof(tx));
	check(syscall(SYS_adjtimex, &tx) == 5, "adjtimex: an undisciplined clock");
	check(tx.tick == 10000 && tx.status & 0x40 && tx.tolerance == 32768000,
	      "with its constants");
	memset(&tx, 0, sizeof(tx));
	check(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx) == 5, "clock_adjtime");
	check(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx) == -1 && errno == EOPNOTSUPP,
	      "of another clock: EOPNOTSUPP");
	gettimeofday(&tv, NULL);
	tv.tv_sec += 1000;
	check(syscall(SYS_settimeofday, &tv, NULL) == 0, "settimeofday");
	clock_gettime(CLOCK_REALTIME, &ts);
	check(ts.tv_sec - tv.tv_sec >= 0 && ts.tv_sec - tv.tv_sec < 5, "sets the time");
	tv.tv_sec -= 1000;
	syscall(SYS_settimeofday, &tv, NULL);
	check(syscall(SYS_settimeofday, &bad, NULL) == -1 && errno == EINVAL,
	      "two million microseconds: EINVAL");
	if (!fork()) {
		setuid(1000);
		_exit(syscall(SYS_settimeofday, &tv, NULL) == -1 && errno == EPERM ? 6 : 1);
	}
	wait(&status);
	check(WEXITSTATUS(status) == 6, "only root sets the time");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return after_exec();
	making();
	expiring();
	quiet();
	to_thread();
	families();
	cpu_timers();
	cpu_limit();
	clocks();
	setting();
	return checks_done();
}
