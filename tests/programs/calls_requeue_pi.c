/* SPDX-License-Identifier: MIT */
/*
 * calls_requeue_pi: waiting for a condition that comes with a lock (FUTEX_WAIT_REQUEUE_PI and
 * FUTEX_CMP_REQUEUE_PI), and what libc builds of locks that know their owner. TAP.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "futex_pi.h"

static volatile unsigned int cond, word, other;

#define WAITER                                                      \
	{                                                           \
		.addr = &cond, .op = WAIT_REQUEUE_PI, .lock = &word \
	}

/* What CMP_REQUEUE_PI gives for one that is to have the lock and @more that are to wait for it. */
static long move(long more)
{
	return futex(&cond, CMP_REQUEUE_PI, 1, (void *)more, &word, (int)cond);
}

static void to_a_free_lock(void)
{
	struct waiter a = WAITER, b = WAITER, c = WAITER;

	word = 0;
	check(move(5) == 0 && !word, "nobody waits: 0, and the lock is left alone");
	start(&a);
	check(move(0) == 1, "one waits, and has the free lock");
	join(&a);
	check(!a.ret && a.seen == a.tid && !word, "nobody waits for it: so says the word");
	start(&a);
	start(&b);
	start(&c);
	check(move(1) == 2, "the first has it, one more waits for it");
	join(&a);
	join(&b);
	check(!a.ret && a.seen == (a.tid | WAITERS) && !b.ret && b.seen == (b.tid | WAITERS),
	      "one after the other has the lock");
	check(move(INT_MAX) == 1, "the last was left where it was");
	join(&c);
	check(!c.ret && !word, "and has it now");
}

static void to_a_taken_lock(void)
{
	struct waiter a = WAITER, b = WAITER, c = { .addr = &word, .op = LOCK_PI, .lock = &word };

	word = 0;
	lock(&word);
	start(&a);
	start(&b);
	check(move(0) == 1 && word == (tid() | WAITERS), "a lock that is taken: one waits for it");
	start(&c);
	check(move(INT_MAX) == 1, "and another, behind one that came by itself");
	unlock(&word);
	join(&a);
	join(&b);
	join(&c);
	check(!a.ret && !b.ret && !c.ret && a.seen == (a.tid | WAITERS) && !word,
	      "all have it in their turn");
}

static void refusals(void)
{
	struct waiter a = WAITER;

	word = 0;
	check(fails(futex(&cond, WAIT_REQUEUE_PI, cond + 1, NULL, &word, 0), EAGAIN),
	      "another value: EAGAIN");
	check(fails(futex(&cond, WAIT_REQUEUE_PI, cond, NULL, &cond, 0), EINVAL) &&
		      fails(futex(&cond, CMP_REQUEUE_PI, 1, NULL, &cond, (int)cond), EINVAL),
	      "to itself: EINVAL");
	check(fails(futex(&cond, CMP_REQUEUE_PI, 1, NULL, &word, (int)cond + 1), EAGAIN),
	      "moved at another value: EAGAIN");
	check(fails(futex(&cond, CMP_REQUEUE_PI, 2, NULL, &word, (int)cond), EINVAL) &&
		      fails(futex(&cond, CMP_REQUEUE_PI, 0, NULL, &word, (int)cond), EINVAL) &&
		      fails(move(-1), EINVAL),
	      "only one can have it: EINVAL");
	start(&a);
	check(fails(futex(&cond, WAKE, 1, NULL, NULL, 0), EINVAL) &&
		      fails(futex(&cond, CMP_REQUEUE, 1, (void *)1, &word, (int)cond), EINVAL),
	      "it cannot be woken or moved otherwise: EINVAL");
	check(fails(futex(&cond, CMP_REQUEUE_PI, 1, NULL, &other, (int)cond), EINVAL),
	      "nor moved to a lock that it did not name: EINVAL");
	word = 0x3ffffff0;
	check(fails(move(1), ESRCH), "the lock's owner is nobody: ESRCH");
	word = a.tid;
	check(fails(move(1), EDEADLK), "it is the waiter: EDEADLK");
	word = 0;
	check(move(0) == 1, "after all that it waits as before");
	join(&a);
	a.addr = &other;
	a.op = WAIT;
	a.lock = &word;
	start(&a);
	check(fails(futex(&other, CMP_REQUEUE_PI, 1, NULL, &word, (int)other), EINVAL),
	      "an ordinary waiter cannot be moved to a lock: EINVAL");
	futex(&other, WAKE, 1, NULL, NULL, 0);
	join(&a);
}

static volatile int caught;

static void on_signal(int sig)
{
	(void)sig;
	caught++;
}

static void interrupt(struct waiter *w)
{
	int before = caught;

	pthread_kill(w->thread, SIGUSR1);
	while (caught == before)
		sleep_ms(1);
}

static void early_ends(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct timespec past = { 1, 0 }, soon;
	struct waiter a = WAITER;
	long moved = 0;
	int seconds;

	sigaction(SIGUSR1, &action, NULL);
	check(fails(futex(&cond, WAIT_REQUEUE_PI, cond, &past, &word, 0), ETIMEDOUT) &&
		      fails(futex(&cond, WAIT_REQUEUE_PI | REALTIME, cond, &past, &word, 0),
			    ETIMEDOUT),
	      "a time that is past: ETIMEDOUT");
	word = 0;
	lock(&word);
	start(&a);
	interrupt(&a);
	until_asleep(getpid(), (pid_t)a.tid);
	check(move(0) == 1, "a signal is handled, and it waits on");
	interrupt(&a);
	join(&a);
	check(a.ret == -1 && a.error == EAGAIN, "but not once it waits for the lock: EAGAIN");
	a.timeout = &soon;
	/* On a machine that is slow today the time may be over before it is moved. */
	for (seconds = 1; !moved; seconds *= 2) {
		clock_gettime(CLOCK_MONOTONIC, &soon);
		soon.tv_sec += seconds;
		start(&a);
		moved = move(0);
		join(&a);
	}
	check(moved == 1 && a.ret == -1 && a.error == ETIMEDOUT,
	      "the time is for the lock too: ETIMEDOUT");
	unlock(&word);
}

/* --- as libc has them --- */

static struct shared {
	pthread_mutex_t mutex;
	volatile long count;
} * shared;

static void *count_up(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 300; i++) {
		pthread_mutex_lock(&shared->mutex);
		shared->count++;
		if (i % 8 == 0)
			sched_yield();
		pthread_mutex_unlock(&shared->mutex);
	}
	return NULL;
}

static void mutexes(void)
{
	pthread_mutexattr_t attr;
	struct timespec ts = { 1, 0 };
	pthread_t threads[3];
	pid_t pid;
	int i;

	pthread_mutexattr_init(&attr);
	check(!pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), "PTHREAD_PRIO_INHERIT");
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	check(!pthread_mutex_init(&shared->mutex, &attr), "a mutex of all kinds at once");
	check(!pthread_mutex_lock(&shared->mutex) &&
		      pthread_mutex_lock(&shared->mutex) == EDEADLK &&
		      !pthread_mutex_unlock(&shared->mutex) &&
		      pthread_mutex_unlock(&shared->mutex) == EPERM,
	      "it is locked and unlocked");
	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, count_up, NULL);
	pid = fork();
	if (!pid) {
		count_up(NULL);
		_exit(0);
	}
	status_of(pid);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check(shared->count == 1200, "threads and a process take turns");
	pid = fork();
	if (!pid)
		_exit(pthread_mutex_lock(&shared->mutex));
	status_of(pid);
	check(pthread_mutex_lock(&shared->mutex) == EOWNERDEAD, "its owner died: EOWNERDEAD");
	check(!pthread_mutex_consistent(&shared->mutex) && !pthread_mutex_unlock(&shared->mutex) &&
		      !pthread_mutex_lock(&shared->mutex),
	      "it is made good and used on");
	pid = fork();
	if (!pid)
		_exit(pthread_mutex_timedlock(&shared->mutex, &ts));
	check(exit_of(pid) == ETIMEDOUT, "pthread_mutex_timedlock: ETIMEDOUT");
	pid = fork();
	if (!pid)
		_exit(pthread_mutex_trylock(&shared->mutex));
	check(exit_of(pid) == EBUSY, "pthread_mutex_trylock: EBUSY");
	pthread_mutex_unlock(&shared->mutex);
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	to_a_free_lock();
	to_a_taken_lock();
	refusals();
	early_ends();
	mutexes();
	return checks_done();
}
