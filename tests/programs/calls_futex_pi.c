/* SPDX-License-Identifier: MIT */
/*
 * calls_futex_pi: locks of futex(2) that know their owner: what stands in the word, who gets the lock, what
 * becomes of it when the owner ends, and what is refused. TAP.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "futex_pi.h"

static volatile unsigned int word, other;
static volatile unsigned int *shared;

static void alone(void)
{
	word = 0;
	check(!lock(&word) && word == tid(), "a free lock: the owner's number is in the word");
	check(fails(lock(&word), EDEADLK) &&
		      fails(futex(&word, TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK),
	      "taken already by the same thread: EDEADLK");
	check(!unlock(&word) && !word, "and it is free again");
	check(fails(unlock(&word), EPERM), "not locked: EPERM");
	word = DIED;
	check(!futex(&word, TRYLOCK_PI | PRIVATE, 0, NULL, NULL, 0) && word == (DIED | tid()),
	      "that the owner died stays in the word");
	check(!unlock(&word) && !word, "until it is released");
	word = WAITERS;
	check(!lock(&word) && word == tid(), "but not that somebody waits");
	word |= WAITERS;
	check(!unlock(&word) && !word, "marked, though nobody waits");
}

static void refusals(void)
{
	volatile unsigned int *none = (void *)8, *odd = (void *)((char *)&word + 2);
	volatile unsigned int *constant =
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	word = 0;
	check(fails(lock(none), EFAULT) && fails(unlock(none), EFAULT), "no memory: EFAULT");
	check(fails(lock(constant), EFAULT), "read-only: EFAULT");
	check(fails(lock(odd), EINVAL), "between two words: EINVAL");
	word = 0x3ffffff0;
	check(fails(lock(&word), ESRCH) && word == (0x3ffffff0 | WAITERS),
	      "an owner that there is not: ESRCH, and marked as waited for");
	check(fails(futex(&word, TRYLOCK_PI, 0, NULL, NULL, 0), ESRCH), "the same for a try");
	word = 2;
	check(fails(lock(&word), EPERM), "a kernel thread for an owner: EPERM");
	word = 1;
	check(fails(unlock(&word), EPERM), "releasing another's: EPERM");
	check(fails(futex(&word, LOCK_PI | REALTIME, 0, NULL, NULL, 0), ENOSYS) &&
		      fails(futex(&word, UNLOCK_PI | REALTIME, 0, NULL, NULL, 0), ENOSYS),
	      "LOCK_PI cannot choose its clock: ENOSYS");
}

static void handover(void)
{
	struct waiter a = { .addr = &word, .op = LOCK_PI, .lock = &word },
		      b = { .addr = &word, .op = LOCK_PI2, .lock = &word };

	word = 0;
	lock(&word);
	start(&a);
	check(word == (tid() | WAITERS), "somebody waits: it stands in the word");
	start(&b);
	check(!unlock(&word), "two wait");
	join(&a);
	join(&b);
	check(!a.ret && a.seen == (a.tid | WAITERS), "the first had it next");
	check(!b.ret && b.seen == (b.tid | WAITERS) && !word, "then the other, then nobody");
	a = (struct waiter){ .addr = &word, .op = LOCK_PI | PRIVATE, .lock = &word, .keep = true };
	futex(&word, LOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	start(&a);
	futex(&word, UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	check(word == (a.tid | WAITERS), "it has the new owner when the call returns");
	join(&a);
}

static void *try_thread(void *arg)
{
	volatile unsigned int *addr = arg;

	return (void *)(long)(fails(futex(addr, TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN) &&
			      fails(unlock(addr), EPERM));
}

static void trying(void)
{
	pthread_t thread;
	void *right;

	word = 0;
	lock(&word);
	pthread_create(&thread, NULL, try_thread, (void *)&word);
	pthread_join(thread, &right);
	check(right && word == (tid() | WAITERS), "another's try: EAGAIN, marked as waited for");
	check(!unlock(&word) && !word, "nobody does");
}

static void timeouts(void)
{
	struct timespec past = { 1, 0 }, bad = { 0, 1000000000 }, real, mono;
	struct waiter owner = { .addr = &other, .op = LOCK_PI, .lock = &other, .keep = true };

	/* Its owner is a thread that sleeps on another lock. */
	word = other = 0;
	lock(&other);
	start(&owner);
	word = owner.tid;
	check(fails(futex(&word, LOCK_PI, 0, &bad, NULL, 0), EINVAL) &&
		      fails(futex(&word, LOCK_PI, 0, (void *)8, NULL, 0), EFAULT),
	      "no time: EINVAL, bad one: EFAULT");
	clock_gettime(CLOCK_MONOTONIC, &mono);
	mono.tv_sec += 1;
	check(fails(futex(&word, LOCK_PI, 0, &mono, NULL, 0), EDEADLK),
	      "two that wait for each other: EDEADLK");
	check(fails(futex(&word, TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN),
	      "but who only tries does not wait");
	unlock(&other);
	join(&owner);

	word = 1; /* init's */
	check(fails(futex(&word, LOCK_PI, 0, &mono, NULL, 0), ETIMEDOUT),
	      "LOCK_PI's time is of CLOCK_REALTIME, and past: ETIMEDOUT");
	check(word == (1 | WAITERS), "the mark stays");
	check(fails(futex(&word, LOCK_PI2, 0, &past, NULL, 0), ETIMEDOUT) &&
		      fails(futex(&word, LOCK_PI2 | REALTIME, 0, &mono, NULL, 0), ETIMEDOUT),
	      "LOCK_PI2's is of either");
	clock_gettime(CLOCK_MONOTONIC, &mono);
	mono.tv_nsec += 20000000;
	mono.tv_sec += mono.tv_nsec / 1000000000;
	mono.tv_nsec %= 1000000000;
	check(fails(futex(&word, LOCK_PI2, 0, &mono, NULL, 0), ETIMEDOUT), "20 ms, monotonic");
	clock_gettime(CLOCK_REALTIME, &real);
	check(fails(futex(&word, LOCK_PI, 0, &real, NULL, 0), ETIMEDOUT), "now, real");
}

static volatile int caught;

static void on_signal(int sig)
{
	(void)sig;
	caught++;
}

static void signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct waiter a = { .addr = &word, .op = LOCK_PI, .lock = &word };

	sigaction(SIGUSR1, &action, NULL);
	word = 0;
	lock(&word);
	start(&a);
	pthread_kill(a.thread, SIGUSR1);
	while (!caught)
		sleep_ms(1);
	until_asleep(getpid(), (pid_t)a.tid);
	unlock(&word);
	join(&a);
	check(!a.ret && a.seen == (a.tid | WAITERS), "a signal is handled, and it waits on");
}

/* Waiters of two kinds on one word, and words that were tampered with. */
static void mixtures(void)
{
	struct waiter plain = { .addr = &word, .op = WAIT, .lock = &other },
		      a = { .addr = &word, .op = LOCK_PI, .lock = &word };
	struct timespec soon;

	other = 1;
	word = 0;
	start(&plain);
	word = tid();
	check(fails(unlock(&word), EINVAL), "a waiter that wants no lock: releasing is EINVAL");
	word = 1;
	check(fails(lock(&word), EINVAL), "and so is locking");
	futex(&word, WAKE, 1, NULL, NULL, 0);
	join(&plain);

	word = 0;
	lock(&word);
	start(&a);
	check(fails(futex(&word, WAKE, 1, NULL, NULL, 0), EINVAL) &&
		      fails(futex(&word, CMP_REQUEUE, 0, (void *)1, &other, (int)word), EINVAL),
	      "who waits for a lock cannot be woken otherwise, nor moved: EINVAL");
	clock_gettime(CLOCK_REALTIME, &soon);
	word = 0;
	check(fails(futex(&word, LOCK_PI, 0, &soon, NULL, 0), EINVAL),
	      "a word that lost its owner: EINVAL");
	word = 1;
	check(fails(futex(&word, LOCK_PI, 0, &soon, NULL, 0), EINVAL), "one with another: EINVAL");
	word = tid() | WAITERS;
	unlock(&word);
	join(&a);
}

/* --- ends of owners --- */

static void *lock_and_end(void *arg)
{
	struct waiter *w = arg;

	lock(w->lock);
	w->seen = 1;
	while (!(*w->lock & WAITERS))
		sleep_ms(1);
	until_asleep(getpid(), (pid_t)w->tid);
	return NULL;
}

static void thread_ends(void)
{
	struct waiter a = { .addr = &word, .op = LOCK_PI, .lock = &word };
	pthread_t thread;

	word = 0;
	a.tid = tid();
	pthread_create(&thread, NULL, lock_and_end, &a);
	while (!a.seen)
		sleep_ms(1);
	check(!lock(&word) && word == (tid() | WAITERS | DIED),
	      "the owner's thread ended: who waits has the lock, and is told");
	pthread_join(thread, NULL);
	check(!unlock(&word) && !word, "it is free");
}

/* A child has the lock, and is waited for; then it does what @how says. */
static void child_ends(int how, const char *what)
{
	struct waiter a = { .addr = shared, .op = LOCK_PI, .lock = shared }, b = a;
	int pipes[2];
	pid_t pid;
	char c;

	*shared = 0;
	if (pipe(pipes))
		return;
	pid = fork();
	if (!pid) {
		lock(shared);
		shared[1] = 1;
		if (read(pipes[0], &c, 1) == 1 && how == 'e')
			execl("/proc/self/exe", "calls_futex_pi", "sleep", NULL);
		_exit(0);
	}
	while (!shared[1])
		sleep_ms(1);
	start(&a);
	start(&b);
	if (how == 'k')
		kill(pid, SIGKILL);
	else if (write(pipes[1], "x", 1) < 0)
		return;
	join(&a);
	join(&b);
	check(!a.ret && a.seen == (a.tid | WAITERS | DIED) && !b.ret &&
		      b.seen == (b.tid | WAITERS) && !*shared,
	      what);
	if (how == 'e')
		kill(pid, SIGKILL);
	status_of(pid);
	shared[1] = 0;
	close(pipes[0]);
	close(pipes[1]);
}

/* A lock in the list that a thread hands to the kernel, once held and once being taken. */
static void robust(void)
{
	struct {
		uintptr_t next, pad;
		unsigned int word;
	} *held = (void *)(shared + 16), *pending = (void *)(shared + 32);
	struct {
		uintptr_t list;
		long offset;
		uintptr_t pending;
	} head = { (uintptr_t)held | 1, 2 * sizeof(uintptr_t), (uintptr_t)pending | 1 };
	pid_t pid = fork();

	if (!pid) {
		held->next = (uintptr_t)&head;
		held->word = tid();
		pending->word = tid() | WAITERS;
		syscall(SYS_set_robust_list, &head, sizeof(head));
		_exit(0);
	}
	status_of(pid);
	check(held->word == DIED && pending->word == (DIED | WAITERS),
	      "locks of the list say that their owner died");
	check(!lock(&held->word) && held->word == (DIED | tid()), "and can be had");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		return pause();
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alone();
	refusals();
	handover();
	trying();
	timeouts();
	signals();
	mixtures();
	thread_ends();
	child_ends('x', "a process that had the lock ended: one after the other has it");
	child_ends('k', "the same for one that was killed");
	child_ends('e', "and for one that became another program");
	robust();
	return checks_done();
}
