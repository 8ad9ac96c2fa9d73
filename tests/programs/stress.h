/* SPDX-License-Identifier: MIT */
/*
 * What the parts of stress.c share: the board, on which all processes write what they did, random
 * numbers, accesses that may fault, and complaints.
 */
#ifndef TESTS_PROGRAMS_STRESS_H
#define TESTS_PROGRAMS_STRESS_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RW (PROT_READ | PROT_WRITE)
#define UNUSED __attribute__((unused))
#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define MAX_WORKERS 8
#define THREADS 3 /* of each worker */

/* What a thread does; each is counted under its name. */
#define OPERATIONS(X)                                                                     \
	X(touch) X(map) X(unmap) X(protect) X(move) X(dontneed) X(free) X(pageout) X(hint)  \
	X(lock) X(sync) X(truncate) X(file) X(shared) X(alias) X(child) X(look) X(thread)   \
	X(check)

enum operation {
#define X(name) DO_##name,
	OPERATIONS(X)
#undef X
	NR_OPERATIONS
};

/* Memory that all processes share, and that is never taken away. */
static struct board {
	atomic_ulong done[NR_OPERATIONS];
	atomic_ulong refused; /* accesses that had to fault, and did */
	atomic_ulong added;   /* to the shared words */
	atomic_int complaints, wrong_contents, wrong_faults, wrong_ends;
	atomic_bool stop;
} *board;

static struct {
	long seconds;
	uint64_t seed;
	int workers;
	size_t pages; /* of the arena of each worker */
	long end;     /* now_ms() */
} config;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static UNUSED bool over(void)
{
	return atomic_load(&board->stop) || now_ms() >= config.end;
}

/* ---- Random numbers: splitmix64, each thread its own ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
	return x ^ x >> 31;
}

static _Thread_local uint64_t rng;

static uint64_t rnd(void)
{
	return mix(rng += 0x9e3779b97f4a7c15UL);
}

static UNUSED unsigned long below(unsigned long n)
{
	return n ? rnd() % n : 0;
}

static UNUSED bool one_in(unsigned long n)
{
	return below(n) == 0;
}

/* ---- Complaints: the first few are told, then all stop ---- */

static UNUSED __attribute__((format(printf, 2, 3))) void complain(atomic_int *kind, const char *format, ...)
{
	char text[240];
	va_list args;
	int n;

	atomic_fetch_add(kind, 1);
	atomic_store(&board->stop, true);
	if (atomic_fetch_add(&board->complaints, 1) >= 8)
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(1, "# %d: %.*s\n", getpid(), n < (int)sizeof(text) ? n : (int)sizeof(text) - 1, text);
}

static UNUSED void bail(const char *what)
{
	dprintf(1, "Bail out! %d: %s: %s\n", getpid(), what, strerror(errno));
	atomic_store(&board->stop, true);
	_exit(99);
}

/* ---- Accesses: 0, or FAULT(signal, code) ---- */

#define FAULT(sig, code) ((sig) << 8 | (code))

static _Thread_local sigjmp_buf *volatile access_env;
static _Thread_local void *volatile access_at;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	access_at = info->si_addr;
	if (access_env)
		siglongjmp(*access_env, FAULT(sig, info->si_code));
	complain(&board->wrong_faults, "signal %d code %d at %p, where none may be", sig, info->si_code,
		 info->si_addr);
	_exit(98);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static int access_faulted(int how, void *p)
{
	access_env = NULL;
	if (access_at != p)
		complain(&board->wrong_faults, "a fault at %p is said to be at %p", p, access_at);
	return how;
}

static UNUSED int try_read(uint64_t *p, uint64_t *value)
{
	sigjmp_buf env;
	int how = sigsetjmp(env, 0);

	if (how)
		return access_faulted(how, p);
	access_env = &env;
	*value = *(volatile uint64_t *)p;
	access_env = NULL;
	return 0;
}

static UNUSED int try_write(uint64_t *p, uint64_t value)
{
	sigjmp_buf env;
	int how = sigsetjmp(env, 0);

	if (how)
		return access_faulted(how, p);
	access_env = &env;
	*(volatile uint64_t *)p = value;
	access_env = NULL;
	return 0;
}

static UNUSED void *must_map(void *at, size_t pages, int prot, int flags, int fd)
{
	void *p = mmap(at, pages * PAGE, prot, flags | (at ? MAP_FIXED : 0), fd, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

/* The wait status of a child. */
static UNUSED int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

#endif
