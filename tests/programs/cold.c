/* SPDX-License-Identifier: MIT */
/*
 * cold DISK: a page is read from a disk that takes its time. Whoever else runs in the same map is not
 * held up by that, and a fatal signal ends the wait.
 *
 * Served by: filemap_fault, which lets go of the fault lock before it asks the disk, and faultin_range,
 * which begins anew then.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#define PAGE 4096UL
#define WINDOW (128UL << 10) /* what one read fault brings in: each touch is one request */
#define SLOW_MS 600          /* the disk was waited for */
#define QUICK_MS 300         /* nobody waited for it */
#define TRIES 10             /* the first requests are for free */

static int disk;
static off_t next; /* of the disk: nobody has read from here on */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the other thread does with cold pages; what it takes is its time in ms. */
struct cold {
	const char *what;
	int prot, flags;
	void (*touch)(char *cold, off_t offset, const struct cold *how);
	bool inside, done; /* atomic */
	long ms;
};

static void read_it(char *cold, off_t offset, const struct cold *how)
{
	(void)offset, (void)how;
	*(volatile char *)cold;
}

static void write_it(char *cold, off_t offset, const struct cold *how)
{
	(void)offset, (void)how;
	*(volatile char *)cold = 1;
}

static void populate_it(char *cold, off_t offset, const struct cold *how)
{
	(void)offset, (void)how;
	mmap(cold, PAGE, how->prot, how->flags | MAP_FIXED | MAP_POPULATE, disk, offset);
}

static void advise_it(char *cold, off_t offset, const struct cold *how)
{
	(void)offset, (void)how;
	madvise(cold, PAGE, MADV_POPULATE_READ);
}

static void *toucher(void *arg)
{
	struct cold *cold = arg;
	off_t offset = next;
	char *page = mmap(NULL, PAGE, cold->prot, cold->flags, disk, offset);
	long begin = now_ms();

	__atomic_store_n(&cold->inside, true, __ATOMIC_SEQ_CST);
	cold->touch(page, offset, cold);
	cold->ms = now_ms() - begin;
	__atomic_store_n(&cold->done, true, __ATOMIC_SEQ_CST);
	munmap(page, PAGE);
	return NULL;
}

/* All that may wait for the map; the longest that one round took, in ms. */
static long work(struct cold *cold)
{
	long longest = 0;

	while (!__atomic_load_n(&cold->done, __ATOMIC_SEQ_CST)) {
		long begin = now_ms(), took;
		char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
		pid_t child;

		memset(p, 1, 4 * PAGE);
		mprotect(p, PAGE, PROT_READ);
		child = fork();
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
		munmap(p, 4 * PAGE);
		took = now_ms() - begin;
		longest = took > longest ? took : longest;
	}
	return longest;
}

/*
 * Until once the disk was slow and the others were not. That it takes more than one slow try is a busy
 * host's doing: who waits for the disk does so each time.
 */
static void test_others(struct cold *cold)
{
	char text[100];
	long longest = 0;
	bool seen = false;

	for (int i = 0; i < TRIES && !seen; i++) {
		pthread_t thread;

		cold->inside = cold->done = false;
		pthread_create(&thread, NULL, toucher, cold);
		while (!__atomic_load_n(&cold->inside, __ATOMIC_SEQ_CST))
			;
		longest = work(cold);
		pthread_join(thread, NULL);
		next += WINDOW;
		seen = cold->ms >= SLOW_MS && longest < QUICK_MS;
	}
	printf("# the disk took %ld ms, the slowest round of the other thread %ld ms\n", cold->ms,
	       longest);
	snprintf(text, sizeof(text), "%s: another thread faults, maps and forks meanwhile",
		 cold->what);
	check(seen, text);
}

/* A process that waits for the disk is killed: how long it takes to go. */
static long kill_waiting(void)
{
	pid_t child = fork();
	long begin;

	if (!child) {
		for (;;) {
			read_it(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, disk, next), next, NULL);
			next += WINDOW;
		}
	}
	usleep(1000L * 3 * SLOW_MS + SLOW_MS / 4); /* several pages on, in the middle of one */
	begin = now_ms();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return now_ms() - begin;
}

static void test_killed(void)
{
	long took = QUICK_MS;

	for (int i = 0; i < 3 && took >= QUICK_MS; i++)
		took = kill_waiting();
	printf("# killed within %ld ms\n", took);
	check(took < QUICK_MS, "a fatal signal ends the wait for the disk");
}

int main(int argc, char **argv)
{
	static struct cold how[] = {
		{ .what = "a read fault",
		  .prot = PROT_READ,
		  .flags = MAP_PRIVATE,
		  .touch = read_it },
		{ .what = "a private write",
		  .prot = PROT_READ | PROT_WRITE,
		  .flags = MAP_PRIVATE,
		  .touch = write_it },
		{ .what = "a shared write",
		  .prot = PROT_READ | PROT_WRITE,
		  .flags = MAP_SHARED,
		  .touch = write_it },
		{ .what = "MAP_POPULATE",
		  .prot = PROT_READ,
		  .flags = MAP_PRIVATE,
		  .touch = populate_it },
		{ .what = "MADV_POPULATE_READ",
		  .prot = PROT_READ,
		  .flags = MAP_PRIVATE,
		  .touch = advise_it },
	};

	disk = argc == 2 ? open(argv[1], O_RDWR) : -1;
	if (!check(disk >= 0, "the disk opens"))
		return 1;
	for (unsigned long i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		test_others(&how[i]);
	test_killed();
	return checks_done();
}
