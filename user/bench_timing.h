/* SPDX-License-Identifier: MIT */
/*
 * bench_timing.h - a part of bench.c: the clock, the samples taken with it, and the memory that is
 * worked on.
 */
#ifndef USER_BENCH_TIMING_H
#define USER_BENCH_TIMING_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAX_SAMPLES 2048
#define MAX_ROUNDS 64
#define BATCH 256UL /* pages that are touched one by one */
#define FEW 128UL   /* pages of a call, twice, for the cost of a page */
#define MANY 1152UL
#define FILE_PAGES 64UL
#define VICTIMS 256

/*
 * The arena is at an address of its own, so that no neighbour merges with it. Its page tables for
 * the first 2 MiB stay, because of a page at their end: a table is no part of what a fault costs.
 */
static unsigned char *const arena = (unsigned char *)(1UL << 36);
#define PINNED (arena + 511 * PAGE)

/* Where -v puts its mappings, one page each, every other page. */
static unsigned char *const many_vmas = (unsigned char *)(1UL << 40);

static uint64_t samples[MAX_SAMPLES], means[MAX_ROUNDS];
static unsigned count, rounds, reps = 8;
static uint64_t overhead;
static unsigned long vmas;
static int file;

#define RDTSC(label)                                                                  \
	({                                                                            \
		uint32_t low_, high_;                                                 \
		asm volatile(label ": rdtsc" : "=a"(low_), "=d"(high_) : : "memory"); \
		(uint64_t) high_ << 32 | low_;                                        \
	})

/*
 * What lies between the two is being timed. tests/bench/plugin.c knows these moments by their
 * labels, as it does the start of main() and of each operation.
 */
__attribute__((noinline)) static uint64_t clock_begin(void)
{
	return RDTSC("bench_begin");
}

__attribute__((noinline)) static uint64_t clock_end(void)
{
	return RDTSC("bench_end");
}

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(bool good, const char *what)
{
	if (!good)
		die(what);
}

/* Keeps the time since @start, the cost of each of @units. */
static void sample(uint64_t start, unsigned long units)
{
	uint64_t took = clock_end() - start;

	if (count < MAX_SAMPLES)
		samples[count++] = (took > overhead ? took - overhead : 0) / units;
}

#define TIMED_FOR(units, what)                   \
	do {                                     \
		uint64_t start_ = clock_begin(); \
		what;                            \
		sample(start_, units);           \
	} while (0)
#define TIMED(what) TIMED_FOR(1, what)

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct result {
	long median, mean, min, n;
};

/* A round has ended whose samples are those from @first on. */
static void end_round(unsigned first)
{
	uint64_t sum = 0;

	for (unsigned i = first; i < count; i++)
		sum += samples[i];
	if (count > first)
		means[rounds++] = sum / (count - first);
}

/* The samples since the last call, summed up; there is at least one. */
static struct result take_result(void)
{
	struct result r;

	qsort(samples, count, sizeof(samples[0]), by_size);
	qsort(means, rounds, sizeof(means[0]), by_size);
	r = (struct result){ samples[count / 2], means[rounds / 2], samples[0], count };
	count = rounds = 0;
	return r;
}

/* ---- Memory to work on ----------------------------------------------------------------------- */

static void *map_at(void *at, unsigned long pages, int prot, int flags, int fd)
{
	void *p = mmap(at, pages * PAGE, prot, flags | MAP_FIXED, fd, 0);

	must(p != MAP_FAILED, "mmap");
	return p;
}

static unsigned char *fresh(unsigned long pages)
{
	return map_at(arena, pages, RW, PRIVATE, -1);
}

static unsigned char *fresh_file(int prot, int flags)
{
	return map_at(arena, FILE_PAGES, prot, flags, file);
}

static void write_all(unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		poke(p + i * PAGE, 1);
}

static void read_all(const unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		(void)peek(p + i * PAGE);
}

static void time_writes(unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		TIMED(poke(p + i * PAGE, 2));
}

static void time_reads(const unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		TIMED((void)peek(p + i * PAGE));
}

/* A child that lives until its end of the pipe is closed; -1 as @gate for one that ends at once. */
static pid_t child(int gate[2])
{
	pid_t pid = fork();
	char c;

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	if (gate) {
		close(gate[1]);
		(void)!read(gate[0], &c, 1);
	}
	_exit(0);
}

static void end_child(pid_t pid, int gate[2])
{
	close(gate[1]);
	close(gate[0]);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

#endif
