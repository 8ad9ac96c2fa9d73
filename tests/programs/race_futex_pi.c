/* SPDX-License-Identifier: MIT */
/*
 * race_futex_pi: threads of several processes fight for two locks that know their owner, and are killed
 * wherever they are. A lock has one owner at a time, and none is lost with a dead one. And threads wait
 * for a condition that comes with a lock: whoever is moved to the lock gets it.
 */
#include "race.h"

#include <limits.h>
#include <stddef.h>
#include <sys/syscall.h>

/* linux/futex.h */
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define OWNER_DIED 0x40000000u
#define TID 0x3fffffffu
#define ENTRY_PI 1UL

/* What the kernel is told to look at when a thread ends (struct robust_list_head). */
struct robust_head {
	uintptr_t list;
	long offset;
	uintptr_t pending;
};

static struct lock {
	uintptr_t next; /* in its owner's list */
	_Atomic uint32_t word;
	_Atomic uint32_t inside; /* the thread that says it is */
} * locks;
static _Atomic uint32_t *broken; /* by anybody */
static _Atomic uint32_t *condition;
static _Thread_local struct robust_head held;
static _Thread_local uint32_t me;

static long futex(_Atomic uint32_t *word, int op, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, 0, timeout, NULL, 0);
}

static void begin(void)
{
	me = (uint32_t)syscall(SYS_gettid);
	held = (struct robust_head){ (uintptr_t)&held, offsetof(struct lock, word), 0 };
	syscall(SYS_set_robust_list, &held, sizeof(held));
	race_rng = me;
}

/* As the kernel is asked for a lock that is taken: a try, a short wait, or as long as it takes. */
static long ask(struct lock *lock)
{
	unsigned long how = below(4);
	struct timespec until;

	if (!how)
		return futex(&lock->word, FUTEX_TRYLOCK_PI, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	if (how == 1)
		until.tv_nsec = (until.tv_nsec + 300000) % 1000000000;
	else
		until.tv_sec += PATIENCE;
	if (!futex(&lock->word, FUTEX_LOCK_PI, &until))
		return 0;
	if (how != 1 || errno != ETIMEDOUT)
		atomic_store(broken, (uint32_t)errno);
	return -1;
}

/* Its word says that it is ours. */
static void enter(struct lock *lock)
{
	uint32_t word = atomic_load(&lock->word);

	if ((word & TID) != me)
		atomic_store(broken, 1000);
	lock->next = held.list;
	held.list = (uintptr_t)lock | ENTRY_PI;
	held.pending = 0;
	if (word & OWNER_DIED) {
		atomic_fetch_and(&lock->word, ~OWNER_DIED);
		atomic_store(&lock->inside, 0);
	}
	if (atomic_exchange(&lock->inside, me))
		atomic_store(broken, 1001);
}

static bool take(struct lock *lock)
{
	uint32_t word = 0;

	held.pending = (uintptr_t)lock | ENTRY_PI;
	if (!atomic_compare_exchange_strong(&lock->word, &word, me) && ask(lock)) {
		held.pending = 0;
		return false;
	}
	enter(lock);
	return true;
}

static void leave(struct lock *lock)
{
	uint32_t word = me;

	atomic_store(&lock->inside, 0);
	held.pending = (uintptr_t)lock | ENTRY_PI;
	held.list = lock->next;
	if (!atomic_compare_exchange_strong(&lock->word, &word, 0) &&
	    futex(&lock->word, FUTEX_UNLOCK_PI, NULL))
		atomic_store(broken, (uint32_t)errno);
	held.pending = 0;
}

/* The second lock is taken inside the first as well, never the other way round. */
static void fight_once(void)
{
	if (below(2) && take(&locks[0])) {
		if (below(4) == 0)
			sched_yield();
		if (below(3) == 0 && take(&locks[1]))
			leave(&locks[1]);
		leave(&locks[0]);
	}
	if (take(&locks[1])) {
		if (below(4) == 0)
			sched_yield();
		leave(&locks[1]);
	}
}

static void *fight(void *unused)
{
	begin();
	for (;;)
		fight_once();
	return unused;
}

static int fight_by_two(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, fight, NULL);
	fight(NULL);
	return 0;
}

static void kill_fighters(void)
{
	pid_t pids[3];

	if (!me)
		begin();
	for (size_t i = 0; i < COUNT(pids); i++)
		pids[i] = start(fight_by_two);
	for (int i = 0; i < 20; i++)
		fight_once();
	for (size_t i = 0; i < COUNT(pids); i++) {
		let_others(500);
		kill(pids[i], SIGKILL);
		fight_once();
		if (wait_status(pids[i]) != SIGKILL)
			complain("a thread waited too long");
	}
	if (atomic_load(broken))
		complain("a lock went wrong: %u", atomic_exchange(broken, 0));
}

static void race_owners(void)
{
	int threads = race_threads;

	race_threads = 0;
	check(race(NULL, kill_fighters), "locks that know their owner outlive it");
	race_threads = threads;
}

/* ---- A condition that comes with a lock ---- */

/* Every second one waits only a moment. */
static void wait_to_be_moved(int id)
{
	begin();
	for (;;) {
		uint32_t seen = atomic_load(condition);
		struct timespec until;

		if (stopped())
			return;
		clock_gettime(CLOCK_MONOTONIC, &until);
		if (id & 1)
			until.tv_nsec = (until.tv_nsec + 300000) % 1000000000;
		else
			until.tv_sec += PATIENCE;
		if (!syscall(SYS_futex, condition, FUTEX_WAIT_REQUEUE_PI, seen, &until, &locks[0].word, 0)) {
			enter(&locks[0]);
			leave(&locks[0]);
		} else if (errno != EAGAIN && !(id & 1 && errno == ETIMEDOUT)) {
			complain("a wait ended so: %s", strerror(errno));
		}
	}
}

static void move(unsigned long nr)
{
	if (syscall(SYS_futex, condition, FUTEX_CMP_REQUEUE_PI, 1, nr, &locks[0].word, atomic_load(condition)) < 0)
		complain("a move ended so: %s", strerror(errno));
}

static void move_some(void)
{
	bool taken = below(3) == 0 && take(&locks[0]);

	if (below(4) == 0)
		atomic_fetch_add(condition, 1);
	move(below(3));
	if (taken)
		leave(&locks[0]);
	let_others(20);
}

/* Who comes later finds another word. */
static void move_all(void)
{
	atomic_fetch_add(condition, 1);
	move(INT_MAX);
}

static void race_moved(void)
{
	begin();
	race_wake = move_all;
	check(race(wait_to_be_moved, move_some) && !atomic_load(broken),
	      "whoever is moved to a lock gets it");
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = { { "owners", race_owners }, { "moved", race_moved } };

	(void)argc;
	locks = map_at(NULL, 1, RW, SHARED, -1);
	broken = &locks[2].word;
	condition = &locks[3].word;
	return run_races(tests, COUNT(tests), argv);
}
