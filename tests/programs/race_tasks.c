/* SPDX-License-Identifier: MIT */
/*
 * race_tasks: threads and processes that come, go and are told. A timer's end, a signal, a result or the
 * end of a child arrives once, whoever runs where: what is lost shows as a wait that is longer than PATIENCE.
 */
#include "race.h"

#include <sys/syscall.h>
#include <sys/time.h>

/* ---- threads come and go ---- */

static void *next_number(void *number)
{
	return (char *)number + 1;
}

static void create_and_join(int id)
{
	while (!stopped()) {
		pthread_t t[3];
		void *got;

		for (uintptr_t i = 0; i < COUNT(t); i++)
			if (pthread_create(&t[i], NULL, next_number, (void *)((uintptr_t)id + i)))
				complain("pthread_create: %s", strerror(errno));
		for (uintptr_t i = 0; i < COUNT(t); i++)
			if (pthread_join(t[i], &got) || (uintptr_t)got != (uintptr_t)id + i + 1)
				complain("a thread's result is %p", got);
	}
}

static void race_create(void)
{
	check(race(create_and_join, just_wait), "threads make threads and join them");
}

/* ---- time ---- */

static atomic_long newest; /* the latest time that any thread has read */

static void read_clock(int id)
{
	(void)id;
	while (!stopped())
		for (int i = 0; i < 200; i++) {
			long before = atomic_load(&newest), now;
			struct timespec t;

			clock_gettime(CLOCK_MONOTONIC, &t);
			now = t.tv_sec * 1000000000L + t.tv_nsec;
			if (now < before)
				complain("the clock went back by %ld ns between two threads",
					 before - now);
			while (now > before && !atomic_compare_exchange_weak(&newest, &before, now))
				;
		}
}

static void sleep_and_look(int id)
{
	while (!stopped()) {
		long wanted = 1 + (long)below(3000), begin = now_us(), took;

		usleep((useconds_t)wanted);
		took = now_us() - begin;
		if (took < wanted)
			complain("thread %d slept %ld us instead of %ld", id, took, wanted);
	}
}

static atomic_long alarms;

static void count_alarm(int sig)
{
	(void)sig;
	atomic_fetch_add(&alarms, 1);
}

static void set_timers(int id)
{
	const struct itimerval soon = { .it_interval.tv_usec = 100, .it_value.tv_usec = 100 + id };

	while (!stopped()) {
		setitimer(ITIMER_REAL, &soon, NULL);
		now_and_then_yield();
	}
}

/* Whatever the threads did to it, the timer works afterwards, and can be stopped. */
static void race_time(void)
{
	const struct itimerval none = { .it_value.tv_usec = 0 },
			       soon = { .it_value.tv_usec = 2000 };
	long before, end = now_us() + PATIENCE * 1000000L;

	check(race(read_clock, just_wait), "the clock does not go back from thread to thread");
	check(race(sleep_and_look, just_wait), "nobody sleeps for less than he asked");
	signal(SIGALRM, count_alarm);
	check(race(set_timers, just_wait), "threads set the process's timer at once");
	setitimer(ITIMER_REAL, &none, NULL);
	usleep(20000); /* one may have been on its way */
	before = alarms;
	usleep(20000);
	check(alarms == before, "the timer can be stopped after that");
	setitimer(ITIMER_REAL, &soon, NULL);
	while (alarms == before && now_us() < end)
		usleep(1000);
	check(alarms == before + 1, "and set, for one alarm");
	signal(SIGALRM, SIG_DFL);
}

/* ---- signals ---- */

#define QUEUED 100

/* Takes QUEUED values by sigwaitinfo(2): each once, in order. */
static int take_queue(void)
{
	const struct timespec patience = { .tv_sec = PATIENCE };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	for (int i = 0; i < QUEUED; i++)
		if (sigtimedwait(&set, &info, &patience) != SIGRTMIN ||
		    info.si_value.sival_int != i)
			return 1 + i;
	return 0;
}

static void send_queue(void)
{
	pid_t pid = start(take_queue);

	for (int i = 0; i < QUEUED; i++)
		if (sigqueue(pid, SIGRTMIN, (union sigval){ .sival_int = i }))
			complain("sigqueue: %s", strerror(errno));
	if (wait_status(pid))
		complain("a queued signal was lost");
}

static _Thread_local volatile sig_atomic_t hits;
static pthread_t volunteers[MAX_THREADS];
static atomic_int hit_ones; /* that have said so in this round */

static void hit(int sig)
{
	(void)sig;
	hits++;
}

/* Sleeps until hit, then tells the director. */
static void be_hit(int id)
{
	sigset_t usr2, none;

	sigemptyset(&none);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	volunteers[id] = pthread_self();
	while (meet()) {
		int before = hits;

		while (hits == before)
			sigsuspend(&none);
		atomic_fetch_add(&hit_ones, 1);
	}
}

static void hit_all(void)
{
	long end = now_us() + PATIENCE * 1000000L;
	unsigned int spins = 0;

	atomic_store(&hit_ones, 0);
	if (!meet())
		return;
	for (int i = 0; i < race_threads; i++)
		pthread_kill(volunteers[i], SIGUSR2);
	while (atomic_load(&hit_ones) < race_threads && now_us() < end)
		pause_for(&spins);
	if (atomic_load(&hit_ones) < race_threads)
		bail("a signal to a thread was lost");
}

static void race_signals(void)
{
	int threads = race_threads;
	sigset_t set;

	signal(SIGUSR2, hit);
	check(race(be_hit, hit_all), "each thread gets the signal it waits for in sigsuspend");
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	race_threads = 0;
	check(race(NULL, send_queue), "queued signals arrive once each, in order");
	race_threads = threads;
}

/* ---- ends ---- */

static _Atomic uint32_t *computed; /* in memory that children share: what one that computes counts up */

static void *spin(void *unused)
{
	for (;;)
		(*computed)++;
	return unused;
}

static void *exec_elsewhere(void *unused)
{
	execl("/proc/self/exe", "race_tasks", "child", NULL);
	return unused;
}

static void *exit_elsewhere(void *unused)
{
	_exit(23);
	return unused;
}

/* Threads compute on all CPUs, and one that is not the leader ends it all. */
static int end_by_thread(void *(*how)(void *))
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		if (pthread_create(&t, NULL, spin, NULL))
			return 1;
	if (pthread_create(&t, NULL, how, NULL))
		return 1;
	spin(NULL);
	return 2;
}

static int end_by_exec(void)
{
	return end_by_thread(exec_elsewhere);
}

static int end_by_exit(void)
{
	return end_by_thread(exit_elsewhere);
}

static void end_processes(int id)
{
	while (!stopped()) {
		pid_t pid = start(id % 2 ? end_by_exec : end_by_exit);
		int status = wait_status(pid);

		if (WEXITSTATUS(status) != 23)
			complain("a process that a thread ended has wait status %#x", status);
	}
}

static int compute(void)
{
	pthread_t t;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&t, NULL, spin, NULL))
			return 1;
	spin(NULL);
	return 2;
}

static int wait_for_state(pid_t pid, int options)
{
	int status = -1;

	return waitpid(pid, &status, options) == pid ? status : -1;
}

/* A stopped process stands still on all CPUs; continued, it goes on; killed, it is gone. */
static void stop_and_go(void)
{
	pid_t pid = start(compute);
	uint32_t stood, begin = *computed;
	unsigned int spins = 0;
	siginfo_t info = { .si_pid = 0 };

	while (*computed == begin && !info.si_pid) {
		pause_for(&spins);
		waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	}
	if (info.si_pid) {
		complain("a child that is to compute ended with wait status %#x", wait_status(pid));
		return;
	}
	kill(pid, SIGSTOP);
	if (!WIFSTOPPED(wait_for_state(pid, WUNTRACED)))
		complain("a stop was not reported");
	stood = *computed;
	let_others(500);
	if (*computed != stood)
		complain("a stopped process runs");
	kill(pid, SIGCONT);
	if (!WIFCONTINUED(wait_for_state(pid, WCONTINUED)))
		complain("a continuation was not reported");
	for (spins = 0; *computed == stood;)
		pause_for(&spins);
	kill(pid, SIGKILL);
	if (wait_status(pid) != SIGKILL)
		complain("a killed process ended otherwise");
}

static atomic_int forked, reaped;

static void fork_for_all(int id)
{
	(void)id;
	while (!stopped()) {
		pid_t pid = fork();

		if (!pid)
			_exit(5);
		if (pid < 0 && errno == EAGAIN)
			sched_yield(); /* too many for this machine: let them run */
		else if (pid < 0)
			complain("fork: %s", strerror(errno));
		atomic_fetch_add(&forked, pid > 0);
		for (int status = 0; waitpid(-1, &status, WNOHANG) > 0; status = 0) {
			atomic_fetch_add(&reaped, 1);
			if (status != 5 << 8)
				complain("a child has wait status %#x", status);
		}
	}
}

static void race_ends(void)
{
	int threads = race_threads;

	check(race(end_processes, just_wait), "one thread of many exits, or execs, for all");
	check(race(fork_for_all, just_wait), "threads fork, and any of them waits");
	while (waitpid(-1, NULL, 0) > 0)
		atomic_fetch_add(&reaped, 1);
	check(forked == reaped, "each child is reported once");
	race_threads = 0;
	check(race(NULL, stop_and_go), "a stopped process stops on all CPUs");
	race_threads = threads;
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "create", race_create },
		{ "time", race_time },
		{ "signals", race_signals },
		{ "ends", race_ends },
	};

	if (argc > 1 && !strcmp(argv[1], "child"))
		return 23;
	computed = map_at(NULL, 1, RW, SHARED, -1);
	return run_races(tests, COUNT(tests), argv);
}
