/* SPDX-License-Identifier: MIT */
/*
 * race_futex: threads and processes that wait for each other by futexes, bare or as what pthreads makes of
 * them. A wake-up arrives once, whoever runs where: a lost one shows as a wait that is longer than PATIENCE.
 */
#include "race.h"

#include <sys/syscall.h>

/* linux/futex.h */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_PRIVATE_FLAG 128

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

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "ping_pong", race_ping_pong }, { "processes", race_processes },
		{ "requeue", race_requeue },     { "condition", race_condition },
		{ "robust", race_robust },
	};

	(void)argc;
	turn = map_at(NULL, 1, RW, SHARED, -1);
	return run_races(tests, COUNT(tests), argv);
}
