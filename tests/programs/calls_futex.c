/* SPDX-License-Identifier: MIT */
/*
 * calls_futex: the operations of futex(2) that libraries use: bit sets, clocks, requeue, wake-op, and
 * words in files that are gone. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

/* linux/futex.h, which musl does not bring. */
enum {
	WAIT,
	WAKE,
	REQUEUE = 3,
	CMP_REQUEUE,
	WAKE_OP,
	WAIT_BITSET = 9,
	WAKE_BITSET,
	PRIVATE = 128,
	REALTIME = 256
};
enum { SET, ADD, OR, ANDN, XOR };
enum { EQ, NE, LT, LE, GT, GE };
#define OP(op, arg, cmp, cmparg)                                                             \
	((int)((unsigned int)(op) << 28 | (unsigned int)(cmp) << 24 | ((arg)&0xfffu) << 12 | \
	       ((cmparg)&0xfffu)))
#define MS 1000000L

static volatile int word, other, woken;

static long futex(volatile int *addr, int op, int val, const void *timeout, volatile int *addr2,
		  int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

/* A thread that waits for @bits on @addr. */
struct waiter {
	volatile int *addr;
	int bits;
	pthread_t thread;
	volatile int tid;
};

static void *wait_thread(void *arg)
{
	struct waiter *w = arg;

	w->tid = (int)syscall(SYS_gettid);
	if (!futex(w->addr, WAIT_BITSET | PRIVATE, *w->addr, NULL, NULL, w->bits))
		__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* All of them are asleep when it returns. */
static void start(struct waiter *w, int n)
{
	int i;

	woken = 0;
	for (i = 0; i < n; i++) {
		w[i].tid = 0;
		pthread_create(&w[i].thread, NULL, wait_thread, &w[i]);
	}
	for (i = 0; i < n; i++) {
		while (!w[i].tid)
			sleep_ms(1);
		until_asleep(getpid(), w[i].tid);
	}
}

static void join(struct waiter *w, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
}

static void bits(void)
{
	struct waiter w[2] = { { &word, 1, 0, 0 }, { &word, 2, 0, 0 } };

	start(w, 2);
	check(futex(&word, WAKE_BITSET | PRIVATE, 9, NULL, NULL, 4) == 0, "no bit in common: none");
	check(futex(&word, WAKE_BITSET | PRIVATE, 9, NULL, NULL, 2) == 1, "one has that bit");
	check(futex(&word, WAKE | PRIVATE, 9, NULL, NULL, 0) == 1, "WAKE has them all");
	join(w, 2);
	check(woken == 2, "both woke");
	check(futex(&word, WAIT_BITSET, word, NULL, NULL, 0) == -1 && errno == EINVAL,
	      "waiting for no bit: EINVAL");
	check(futex(&word, WAKE_BITSET, 1, NULL, NULL, 0) == -1 && errno == EINVAL,
	      "waking none: EINVAL");
}

static void clocks(void)
{
	struct timespec ts, bad = { 0, 1000 * MS }, past = { 1, 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ts.tv_nsec > 970 * MS;
	ts.tv_nsec = (ts.tv_nsec + 20 * MS) % (1000 * MS);
	check(futex(&word, WAIT_BITSET | REALTIME, word, &ts, NULL, -1) == -1 && errno == ETIMEDOUT,
	      "an absolute time of CLOCK_REALTIME");
	check(futex(&word, WAIT_BITSET, word, &past, NULL, -1) == -1 && errno == ETIMEDOUT,
	      "one of CLOCK_MONOTONIC that is over");
	check(futex(&word, WAIT, word, &bad, NULL, 0) == -1 && errno == EINVAL, "no time: EINVAL");
	check(futex(&word, WAIT, word, (void *)8, NULL, 0) == -1 && errno == EFAULT,
	      "bad time: EFAULT");
	check(futex(&word, WAKE | REALTIME, 1, NULL, NULL, 0) == -1 && errno == ENOSYS,
	      "WAKE knows no clock: ENOSYS");
}

static void requeue(void)
{
	struct waiter w[3] = { { &word, -1, 0, 0 }, { &word, -1, 0, 0 }, { &word, -1, 0, 0 } };

	start(w, 3);
	check(futex(&word, REQUEUE | PRIVATE, 1, (void *)1, &other, 0) == 2,
	      "REQUEUE: one and one");
	check(futex(&other, WAKE | PRIVATE, 9, NULL, NULL, 0) == 1, "who moved is there");
	check(futex(&word, WAKE | PRIVATE, 9, NULL, NULL, 0) == 1, "who did not is here");
	join(w, 3);
	check(futex(&word, REQUEUE | PRIVATE, -1, (void *)1, &other, 0) == -1 && errno == EINVAL,
	      "REQUEUE of -1: EINVAL");
}

static void one_op(int op, int arg, int before, int after, const char *what)
{
	other = before;
	futex(&word, WAKE_OP | PRIVATE, 0, NULL, &other, OP(op, arg, EQ, 0));
	check(other == after, what);
}

/* True with @value, and not with @another. */
static void one_compare(int cmp, int arg, int value, int another, const char *what)
{
	struct waiter w = { &other, -1, 0, 0 };

	other = value;
	start(&w, 1);
	other = another;
	woken = (int)futex(&word, WAKE_OP | PRIVATE, 0, (void *)1, &other, OP(ADD, 0, cmp, arg));
	other = value;
	check(woken == 0 && futex(&word, WAKE_OP | PRIVATE, 0, (void *)1, &other,
				  OP(ADD, 0, cmp, arg)) == 1,
	      what);
	join(&w, 1);
}

static void wake_op(void)
{
	struct waiter w[2] = { { &word, -1, 0, 0 }, { &other, -1, 0, 0 } };

	word = other = 5;
	start(w, 2);
	check(futex(&word, WAKE_OP | PRIVATE, 1, (void *)1, &other, OP(SET, 9, GT, 5)) == 1,
	      "WAKE_OP wakes the first word's, and no others without its condition");
	check(futex(&word, WAKE_OP | PRIVATE, 1, (void *)1, &other, OP(SET, 7, EQ, 9)) == 1,
	      "it compares the old value");
	join(w, 2);
	check(woken == 2 && other == 7, "and changed the word");
	one_op(ADD, -3, 5, 2, "ADD, with a sign");
	one_op(OR, 3, 4, 7, "OR");
	one_op(ANDN, 5, 7, 2, "ANDN");
	one_op(XOR, 5, 7, 2, "XOR");
	one_op(OR | 8, 4, 0, 16, "an argument that is shifted");
	one_compare(NE, 5, 4, 5, "NE");
	one_compare(LT, -1, -2, -1, "LT, with a sign");
	one_compare(LE, 5, 5, 6, "LE");
	one_compare(GT, 4, 5, 4, "GT");
	one_compare(GE, 4, 4, 3, "GE");
	check(futex(&word, WAKE_OP, 1, (void *)1, &other, OP(5, 0, EQ, 0)) == -1 && errno == ENOSYS,
	      "operation 5: ENOSYS");
	check(futex(&word, WAKE_OP, 1, (void *)1, (volatile int *)8, OP(ADD, 0, EQ, 0)) == -1 &&
		      errno == EFAULT,
	      "no second word: EFAULT");
}

/* A word of a page that fork has shared, and of a file, which nobody may mix up with another's. */
static void places(void)
{
	int fd = open("/tmp/futex", O_RDWR | O_CREAT | O_TRUNC, 0600), i;
	volatile int *file, *anon;
	struct timespec ts = { 0, 40 * MS };
	const int *readonly;

	anon = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(futex(anon, WAKE_OP | PRIVATE, 1, NULL, anon + 1, OP(SET, 3, EQ, 0)) == 0 &&
		      anon[1] == 3,
	      "WAKE_OP on a page that is not there yet");
	ftruncate(fd, 8192);
	file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	readonly = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	check(futex(file, WAIT, 1, NULL, NULL, 0) == -1 && errno == EAGAIN, "a word of a file");
	check(futex((volatile int *)(uintptr_t)readonly, WAIT, 0, &ts, NULL, 0) == -1 &&
		      errno == ETIMEDOUT,
	      "mapped without writing");
	munmap((void *)(uintptr_t)file, 4096);
	munmap((void *)(uintptr_t)readonly, 4096);
	close(fd);
	for (i = 0; i < 20; i++) {
		unlink("/tmp/futex");
		fd = open("/tmp/futex", O_RDWR | O_CREAT | O_TRUNC, 0600);
		ftruncate(fd, 4096);
		file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (futex(file, WAKE, 9, NULL, NULL, 0) != 0)
			break;
		munmap((void *)(uintptr_t)file, 4096);
	}
	check(i == 20, "new files have no waiters");
	unlink("/tmp/futex");
}

static void *sleep_again(void *arg)
{
	while (!other) {
		futex(&word, WAIT | PRIVATE, 0, NULL, NULL, 0);
		woken++;
	}
	return arg;
}

/* Who sleeps and is woken by one that computes on its CPU runs at once, not with the next tick. */
static void no_waiting_for_ticks(void)
{
	cpu_set_t old, first;
	struct timespec ts;
	pthread_t thread;

	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	word = other = woken = 0;
	pthread_create(&thread, NULL, sleep_again, NULL);
	do {
		futex(&word, WAKE | PRIVATE, 1, NULL, NULL, 0);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	} while (woken < 200 && ts.tv_sec == 0 && ts.tv_nsec < 600 * MS);
	check(woken >= 200,
	      "200 times woken by a thread that computes, in much fewer than 200 ticks");
	other = word = 1;
	futex(&word, WAKE | PRIVATE, 1, NULL, NULL, 0);
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(old), &old);
}

/* --- locks whose owner dies --- */

#define WAITERS 0x80000000
#define OWNER_DIED 0x40000000

struct robust {
	struct robust *next;
	volatile int word;
};

/* linux/futex.h: struct robust_list_head. Of a child, in memory that it shares. */
static struct shared {
	struct robust *list;
	long offset;
	struct robust *pending;
	struct robust lock[4];
	volatile int stage;
} *held;

/* A child that waits for a change of @word, but not for ever: 0 if it was woken. */
static pid_t waiter_of(volatile int *addr, int value)
{
	struct timespec ts = { 20, 0 };
	pid_t pid;

	*addr = value;
	held->stage = 0;
	pid = fork();
	if (!pid) {
		held->stage = 1;
		_exit(futex(addr, WAIT, value, &ts, NULL, 0) ? errno : 0);
	}
	while (!held->stage)
		sleep_ms(1);
	until_asleep(pid, pid);
	return pid;
}

/* Three locks in a list: 0 and 1 are its own, 2 is another's. Somebody waits for 0 if it is not 0. */
static void own_locks(void)
{
	int me = (int)syscall(SYS_gettid);

	held->list = &held->lock[0];
	held->offset = offsetof(struct robust, word);
	held->pending = NULL;
	for (int i = 0; i < 3; i++)
		held->lock[i].next = i < 2 ? &held->lock[i + 1] : (struct robust *)held;
	held->lock[0].word = me | (int)(held->lock[0].word ? WAITERS : 0);
	held->lock[1].word = me;
	held->lock[2].word = 1;
	syscall(SYS_set_robust_list, held, 3 * sizeof(long));
}

static int dies(void)
{
	own_locks();
	return 0;
}

static int dies_unlocking(void)
{
	own_locks();
	held->pending = &held->lock[3];
	return 0;
}

static int dies_locking(void)
{
	own_locks();
	held->lock[3].word = (int)syscall(SYS_gettid);
	held->pending = &held->lock[3];
	return 0;
}

static int dies_in_a_ring(void)
{
	own_locks();
	held->lock[2].next = &held->lock[0];
	return 0;
}

static int executes(void)
{
	own_locks();
	execl("/proc/self/exe", "calls_futex", "begun", NULL);
	return 1;
}

/* The new program: nothing of the old one's is left. */
static int begun(void)
{
	void *head = &head;
	size_t len = 0;

	return syscall(SYS_get_robust_list, 0, &head, &len) ? 1 : head ? 2 : 0;
}

static void robust(void)
{
	pid_t pid;

	held = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = waiter_of(&held->lock[0].word, 7);
	in_child(dies);
	check(held->lock[0].word == (int)(WAITERS | OWNER_DIED) && held->lock[1].word == OWNER_DIED,
	      "the locks of who dies say so, and whether somebody waits");
	check(held->lock[2].word == 1, "another's does not");
	check(exit_of(pid) == 0, "who waits is woken");
	pid = waiter_of(&held->lock[3].word, 0);
	in_child(dies_unlocking);
	check(held->lock[3].word == 0 && exit_of(pid) == 0,
	      "one that was just unlocked: who waits is woken");
	in_child(dies_locking);
	check(held->lock[3].word == OWNER_DIED, "one that was just locked says so");
	check(in_child(dies_in_a_ring) == 0 && held->lock[1].word == OWNER_DIED,
	      "a list without end has one");
	held->lock[1].word = 0;
	check(in_child(executes) == 0 && held->lock[1].word == OWNER_DIED,
	      "exec is an end, too: locks say so, and there is no list");
	munmap(held, sizeof(*held));
}

/* With the parent's CPU alone: who forks goes on; the child runs when its parent sleeps, or at a tick. */
static void child_does_not_push(void)
{
	int *ran = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cpu_set_t all, one;
	int first = 0;
	pid_t pid;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < 100; i++) {
		for (volatile int spin = 0; spin < 100000; spin++)
			; /* computes: slices are used up */
		*ran = 0;
		pid = fork();
		if (!pid) {
			*(volatile int *)ran = 1;
			_exit(0);
		}
		first += *(volatile int *)ran;
		waitpid(pid, NULL, 0);
	}
	sched_setaffinity(0, sizeof(all), &all);
	check(first <= 20, "a child does not push its parent aside");
	munmap(ran, 4096);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return begun();
	bits();
	clocks();
	requeue();
	wake_op();
	places();
	robust();
	no_waiting_for_ticks();
	child_does_not_push();
	return checks_done();
}
