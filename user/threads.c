/* SPDX-License-Identifier: MIT */
/*
 * threads - one address space, many threads (musl's pthreads).
 *
 * What you see: four threads race for the first touch of the same fresh pages, and not one
 * addition is lost; a mutex and a condition variable carry a queue; thread-local variables are
 * apart; a hundred threads come and go and leave no mapping behind.
 *
 * Served by: clone(CLONE_VM|CLONE_THREAD|CLONE_SETTLS|CLONE_CHILD_CLEARTID...), futex, the
 * anonymous fault of two threads on one page (the loser notices by orig_pte), tgkill, exit of one
 * thread and exit_group of all.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "probe.h"
#include "tap.h"

#define THREADS 4
#define PAGES 512
#define ITEMS 2000

static unsigned char *fresh;
static pthread_barrier_t start_line;

/* Adds one to a counter in each page, and writes a byte of its own beside it. */
static void *race(void *arg)
{
	int me = (int)(intptr_t)arg;

	pthread_barrier_wait(&start_line);
	for (int i = 0; i < PAGES; i++) {
		unsigned char *p = fresh + i * PAGE;

		atomic_fetch_add((atomic_int *)p, 1);
		poke(p + 64 + me, me + 1);
	}
	return (void *)(intptr_t)(me * 100);
}

static void first_touch_race(void)
{
	pthread_t t[THREADS];
	long joined = 0, counted = 0, bytes = 0;
	void *ret;

	fresh = map_anon(PAGES);
	pthread_barrier_init(&start_line, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, race, (void *)(intptr_t)i))
			bail("pthread_create");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &ret);
		joined += (intptr_t)ret;
	}
	for (int i = 0; i < PAGES; i++) {
		counted += *(int *)(fresh + i * PAGE);
		for (int j = 0; j < THREADS; j++)
			bytes += peek(fresh + i * PAGE + 64 + j);
	}
	ok_eq(joined, 600, "four threads run and are joined, their results arrive");
	ok_eq(counted, THREADS * PAGES,
	      "no addition to a page that all touch first at once is lost");
	ok_eq(bytes, PAGES * (1 + 2 + 3 + 4), "nor a byte beside it");
	ok_eq(count_present(fresh, PAGES), PAGES, "each page is there once");
	munmap(fresh, PAGES * PAGE);
}

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int slots[8], used;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void put(int v)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.used == 8)
		pthread_cond_wait(&queue.changed, &queue.lock);
	queue.slots[queue.used++] = v;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
}

static int take(void)
{
	int v;

	pthread_mutex_lock(&queue.lock);
	while (queue.used == 0)
		pthread_cond_wait(&queue.changed, &queue.lock);
	v = queue.slots[--queue.used];
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	return v;
}

static void *produce(void *arg)
{
	for (int i = 1; i <= ITEMS; i++)
		put(i);
	return arg;
}

static void *consume(void *arg)
{
	long sum = 0;

	(void)arg;
	for (int i = 0; i < ITEMS; i++)
		sum += take();
	return (void *)sum;
}

static void mutex_and_condition(void)
{
	pthread_t t[4];
	long sum = 0;
	void *ret;

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, i < 2 ? produce : consume, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		sum += (long)ret;
	}
	ok_eq(sum, (long)ITEMS * (ITEMS + 1),
	      "two producers and two consumers over a queue of eight: every item arrives once");
}

static _Thread_local int mine = 7;

static void *use_own(void *arg)
{
	mine += (int)(intptr_t)arg;
	sched_yield();
	return (void *)(intptr_t)mine;
}

static void thread_locals(void)
{
	pthread_t t[THREADS];
	bool good = true;
	void *ret;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, use_own, (void *)(intptr_t)(i * 10));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &ret);
		good &= (intptr_t)ret == 7 + i * 10;
	}
	ok(good && mine == 7, "a _Thread_local variable is each thread's own");
}

static void *nothing(void *arg)
{
	return arg;
}

static void come_and_go(void)
{
	int failed = 0;
	pthread_t t;

	for (int i = 0; i < 100; i++)
		failed += pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL);
	ok_eq(failed, 0, "a hundred threads, one after another, come and go");
}

static atomic_int got_signal;
static pthread_t got_by;

static void on_signal(int sig)
{
	got_by = pthread_self();
	got_signal = sig;
}

static void *wait_for_signal(void *arg)
{
	while (!got_signal)
		usleep(1000);
	return arg;
}

static void signal_to_one(void)
{
	pthread_t t;

	signal(SIGUSR1, on_signal);
	pthread_create(&t, NULL, wait_for_signal, NULL);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	ok(got_signal == SIGUSR1 && pthread_equal(got_by, t),
	   "pthread_kill: the handler runs in the thread it was sent to");
}

static void *fault_badly(void *arg)
{
	poke(arg, 1);
	return NULL;
}

static int thread_dies(void *arg)
{
	pthread_t t;

	(void)arg;
	pthread_create(&t, NULL, fault_badly, NULL);
	pthread_join(t, NULL);
	return 0;
}

static void *leave_all(void *arg)
{
	(void)arg;
	exit(23);
}

static int thread_exits(void *arg)
{
	pthread_t t;

	(void)arg;
	pthread_create(&t, NULL, leave_all, NULL);
	pthread_join(t, NULL);
	return 0;
}

int main(void)
{
	first_touch_race();
	mutex_and_condition();
	thread_locals();
	come_and_go();
	signal_to_one();
	ok_eq(wait_code(run_in_child(thread_dies, NULL)), 128 + SIGSEGV,
	      "a bad fault in one thread ends the whole process");
	ok_eq(wait_code(run_in_child(thread_exits, NULL)), 23,
	      "exit() in one thread ends it with that status");
	return tap_done();
}
