/* SPDX-License-Identifier: MIT */
/*
 * race_tasks: threads and processes that wait for each other. A wake-up, a signal, a result or the end of
 * a child arrives once, whoever runs where: what is lost shows as a wait that is longer than PATIENCE.
 */
#include "race.h"

#include <sys/syscall.h>
#include <sys/time.h>

/* linux/futex.h */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_PRIVATE_FLAG 128

#define PATIENCE 30 /* seconds that no wait of these takes */

static int wait_status(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static pid_t start(int (*run)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		bail("fork");
	if (!pid) {
		alarm(PATIENCE); /* nobody waits for a child that hangs */
		_exit(run());
	}
	return pid;
}

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

/* ---- futexes ---- */

static _Atomic uint32_t *turn; /* one word for each pair, in memory that children share */
static int wait_flag;          /* FUTEX_PRIVATE_FLAG or 0 */

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const void *timeout,
		  _Atomic uint32_t *other, uint32_t expected)
{
	return syscall(SYS_futex, word, op | wait_flag, value, timeout, other, expected);
}

/* Until *word is not @value any more. False: nobody woke us. */
static bool wait_while(_Atomic uint32_t *word, uint32_t value)
{
	const struct timespec patience = { .tv_sec = PATIENCE };

	while (atomic_load(word) == value)
		if (futex(word, FUTEX_WAIT, value, &patience, NULL, 0) && errno == ETIMEDOUT)
			return false;
	return true;
}

/* @me 0 or 1: wait for the turn, give it back, @rounds times or until stopped. */
static bool play(_Atomic uint32_t *word, uint32_t me, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		if (!wait_while(word, !me))
			return false;
		atomic_store(word, !me);
		futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	return true;
}

static int second_player(void)
{
	return !play(turn, 1, 500);
}

static void ping_pong(int id)
{
	atomic_store(&turn[id / 2 * 16], 0);
	while (meet())
		if (!play(&turn[id / 2 * 16], (uint32_t)id % 2, 100))
			complain("player %d of a pair was not woken", id % 2);
}

static void one_game(void)
{
	meet();
}

static void race_ping_pong(void)
{
	int threads = race_threads;

	race_threads &= ~1;
	wait_flag = FUTEX_PRIVATE_FLAG;
	check(race(ping_pong, one_game), "pairs of threads wake each other by private futexes");
	wait_flag = 0;
	check(race(ping_pong, one_game), "the same by shared ones");
	race_threads = threads;
}

static void play_with_child(void)
{
	pid_t pid;

	atomic_store(turn, 0);
	pid = start(second_player);
	if (!play(turn, 0, 500))
		complain("the parent was not woken");
	if (wait_status(pid))
		complain("the child was not woken");
}

static void race_processes(void)
{
	int threads = race_threads;

	race_threads = 0;
	wait_flag = 0;
	check(race(NULL, play_with_child),
	      "two processes wake each other by a word in shared memory");
	race_threads = threads;
}

static _Atomic uint32_t gate, yard;
static atomic_int inside; /* waiters that have seen this round's gate closed */

/* Waits at the gate, is let through or moved to the yard, and is woken there. */
static void pass_gate(int id)
{
	const struct timespec patience = { .tv_sec = PATIENCE };

	(void)id;
	while (meet()) {
		uint32_t round = atomic_load(&gate);

		atomic_fetch_add(&inside, 1);
		if (futex(&gate, FUTEX_WAIT, round, &patience, NULL, 0) && errno == ETIMEDOUT)
			complain("a waiter got lost between two futexes");
		atomic_fetch_sub(&inside, 1);
	}
}

static void open_gate(void)
{
	uint32_t round = atomic_load(&gate);
	unsigned int spins = 0;

	if (!meet())
		return;
	while (atomic_load(&inside) < race_threads)
		pause_for(&spins);
	while (atomic_load(&inside)) {
		if (atomic_load(&gate) == round && below(2))
			atomic_fetch_add(&gate, 1);
		futex(&gate, FUTEX_CMP_REQUEUE, 1, (void *)8L, &yard, atomic_load(&gate));
		futex(&yard, FUTEX_WAKE, 1 + (uint32_t)below(4), NULL, NULL, 0);
		pause_for(&spins);
	}
}

static void race_requeue(void)
{
	wait_flag = FUTEX_PRIVATE_FLAG;
	check(race(pass_gate, open_gate),
	      "waiters are moved from one futex to another, and none is lost");
}

/* ---- what pthreads make of futexes ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned long generation, taken; /* lock */

static void wait_for_change(int id)
{
	unsigned long seen = 0;
	struct timespec end;

	(void)id;
	pthread_mutex_lock(&lock);
	while (!stopped()) {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += PATIENCE;
		while (seen == generation && !stopped())
			if (pthread_cond_timedwait(&changed, &lock, &end)) {
				complain("a broadcast was missed");
				break;
			}
		taken += seen != generation;
		seen = generation;
	}
	pthread_mutex_unlock(&lock);
}

static void change(void)
{
	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&lock);
		generation++;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		sched_yield();
	}
}

/* The last one: all must leave. */
static void last_change(void)
{
	pthread_mutex_lock(&lock);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void race_condition(void)
{
	race_wake = last_change;
	check(race(wait_for_change, change),
	      "a condition variable's waiters hear of each broadcast");
}

static int die_with_mutex(pthread_mutex_t *mutex)
{
	return pthread_mutex_lock(mutex) == EOWNERDEAD && pthread_mutex_consistent(mutex);
}

/* Each child dies with the mutex held; the next one, or we, are told so. */
static void lock_after_death(void)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)(turn + 512);
	pid_t pids[4];
	int err;

	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = fork();
		if (!pids[i]) {
			alarm(PATIENCE);
			_exit(die_with_mutex(mutex));
		}
	}
	for (size_t i = 0; i < COUNT(pids); i++)
		if (wait_status(pids[i]))
			complain("nobody told a child that the owner had died");
	err = pthread_mutex_lock(mutex);
	if (err != EOWNERDEAD)
		complain("the mutex of a dead owner: %s", strerror(err));
	pthread_mutex_consistent(mutex);
	pthread_mutex_unlock(mutex);
}

static void race_robust(void)
{
	pthread_mutexattr_t attr;
	int threads = race_threads;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init((pthread_mutex_t *)(turn + 512), &attr);
	race_threads = 0;
	check(race(NULL, lock_after_death), "a robust mutex goes from one dead owner to the next");
	race_threads = threads;
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
		atomic_fetch_add(&inside, 1);
	}
}

static void hit_all(void)
{
	long end = now_us() + PATIENCE * 1000000L;
	unsigned int spins = 0;

	atomic_store(&inside, 0);
	if (!meet())
		return;
	for (int i = 0; i < race_threads; i++)
		pthread_kill(volunteers[i], SIGUSR2);
	while (atomic_load(&inside) < race_threads && now_us() < end)
		pause_for(&spins);
	if (atomic_load(&inside) < race_threads)
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

static void *spin(void *unused)
{
	for (;;)
		turn[1024 / 4]++;
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
	uint32_t stood, begin = turn[1024 / 4];
	unsigned int spins = 0;

	while (turn[1024 / 4] == begin)
		pause_for(&spins);
	kill(pid, SIGSTOP);
	if (!WIFSTOPPED(wait_for_state(pid, WUNTRACED)))
		complain("a stop was not reported");
	stood = turn[1024 / 4];
	let_others(500);
	if (turn[1024 / 4] != stood)
		complain("a stopped process runs");
	kill(pid, SIGCONT);
	if (!WIFCONTINUED(wait_for_state(pid, WCONTINUED)))
		complain("a continuation was not reported");
	for (spins = 0; turn[1024 / 4] == stood;)
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
		{ "create", race_create },       { "ping_pong", race_ping_pong },
		{ "processes", race_processes }, { "requeue", race_requeue },
		{ "condition", race_condition }, { "robust", race_robust },
		{ "time", race_time },           { "signals", race_signals },
		{ "ends", race_ends },
	};

	if (argc > 1 && !strcmp(argv[1], "child"))
		return 23;
	turn = map_at(NULL, 1, RW, SHARED, -1);
	return run_races(tests, COUNT(tests), argv);
}
