/* SPDX-License-Identifier: MIT */
/*
 * race_reclaim: pages that are taken away while threads read and write them, by MADV_PAGEOUT, for
 * want of memory, and by swapoff, which brings them back. No write is lost. Needs a swap area.
 */
#include "race.h"

#include <sys/swap.h>

#ifndef MADV_FREE
#define MADV_FREE 8
#endif

#define MAX_PAGES 16384UL

static size_t pages = 64;
static char *area;
static uint32_t *counts[MAX_THREADS]; /* how often each thread wrote to each page */

/* Counts in words of its own, and knows what each must hold. */
static void count_in_pages(int id)
{
	memset(counts[id], 0, pages * sizeof(uint32_t));
	while (!stopped()) {
		size_t page = below(pages);
		word_t *p = word_at(area, page, 1 + id);
		uint64_t value = *p;

		now_and_then_yield();
		if (value != counts[id][page])
			complain("thread %d: page %zu holds %lu after %u writes", id, page, value,
				 counts[id][page]);
		if (below(2))
			*p = ++counts[id][page];
	}
}

static void check_counts(const char *what)
{
	atomic_store(&race_wrong, 0);
	for (size_t i = 0; i < pages; i++)
		for (int id = 0; id < race_threads; id++)
			if (*word_at(area, i, 1 + id) != counts[id][i])
				complain("page %zu holds %lu after %u writes of thread %d", i,
					 (uint64_t)*word_at(area, i, 1 + id), counts[id][i], id);
	check(!race_wrong, what);
}

static void direct_pageout(void)
{
	size_t first = below(pages), n = 1 + below(pages - first);

	madvise(area + first * PAGE, n * PAGE, MADV_PAGEOUT);
	let_others(100);
}

static void race_pageout(void)
{
	area = map_at(NULL, pages, RW, PRIVATE, -1);
	check(race(count_in_pages, direct_pageout),
	      "MADV_PAGEOUT under readers and writers: no write is lost");
	check_counts("and all of them are there at the end");
	munmap(area, pages * PAGE);

	area = map_at(NULL, pages, RW, SHARED, -1);
	check(race(count_in_pages, direct_pageout), "the same for shared anonymous memory");
	check_counts("and all of them are there at the end");
	munmap(area, pages * PAGE);
}

/* A child that has the same pages keeps them shared: reclaim finds each in two maps. */
static void race_pageout_shared(void)
{
	int gate[2], status;
	pid_t pid;

	area = map_at(NULL, pages, RW, PRIVATE, -1);
	for (size_t i = 0; i < pages; i++)
		*word_at(area, i, 0) = i + 1;
	if (pipe(gate))
		bail("pipe");
	pid = fork();
	if (!pid) {
		unsigned long wrong = 0;
		char c;

		close(gate[1]);
		if (read(gate[0], &c, 1))
			_exit(2);
		for (size_t i = 0; i < pages; i++)
			wrong += *word_at(area, i, 0) != i + 1 || *word_at(area, i, 1);
		_exit(wrong != 0);
	}
	close(gate[0]);
	check(race(count_in_pages, direct_pageout), "the same for pages that a child has too");
	check_counts("and all of them are there at the end");
	close(gate[1]);
	if (waitpid(pid, &status, 0) != pid)
		bail("waitpid");
	check(status == 0, "and the child has the old ones");
	munmap(area, pages * PAGE);
}

/* ---- MADV_FREE ---- */

/* A page that was given away is whole or zero, and what is written to it then stays. */
static void free_and_write(int id)
{
	uint64_t count = 0;

	while (!stopped()) {
		size_t page = below(pages / race_threads) * race_threads + id;
		word_t *first = word_at(area, page, 0), *last = word_at(area, page, PAGE / 8 - 1);
		uint64_t a, b;

		now_and_then_yield();
		*first = *last = ++count;
		madvise(area + page * PAGE, PAGE, MADV_FREE);
		if (below(2)) {
			a = *first, b = *last;
			if ((a && a != count) || (b && b != count) || (!a && b))
				complain("a freed page holds %lu and %lu, written was %lu", a, b,
					 count);
		}
		*first = ++count;
		*last = count;
		a = *first, b = *last;
		if (a != count || b != count)
			complain("written after MADV_FREE: %lu, there is %lu and %lu", count, a, b);
	}
}

static void race_free(void)
{
	area = map_at(NULL, pages, RW, PRIVATE, -1);
	check(race(free_and_write, direct_pageout),
	      "MADV_FREE while pages are reclaimed: the old or zeroes, and a later write stays");
	munmap(area, pages * PAGE);
}

/* ---- swapoff ---- */

/* The first swap area in use. False if there is none. */
static bool swap_device(char *name, size_t size)
{
	FILE *f = fopen("/proc/swaps", "r");
	char line[200] = "";

	while (f && fgets(line, sizeof(line), f) && line[0] != '/')
		;
	if (f)
		fclose(f);
	line[strcspn(line, " \t\n")] = '\0';
	snprintf(name, size, "%s", line[0] == '/' ? line : "");
	return name[0];
}

static char device[200];

static void direct_swapoff(void)
{
	madvise(area, pages * PAGE, MADV_PAGEOUT);
	let_others(100);
	if (swapoff(device))
		complain("swapoff %s: %s", device, strerror(errno));
	let_others(100);
	if (swapon(device, 0))
		bail("swapon");
}

static void race_swapoff(void)
{
	if (!swap_device(device, sizeof(device))) {
		check(true, "swapoff # SKIP there is no swap area");
		return;
	}
	area = map_at(NULL, pages, RW, PRIVATE, -1);
	check(race(count_in_pages, direct_swapoff),
	      "swapoff under readers and writers: no write is lost");
	check_counts("and all of them are there at the end");
	munmap(area, pages * PAGE);
	area = map_at(NULL, pages, RW, SHARED, -1);
	check(race(count_in_pages, direct_swapoff), "the same for shared anonymous memory");
	check_counts("and all of them are there at the end");
	munmap(area, pages * PAGE);
}

/* ---- too little memory ---- */

static long meminfo_kb(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[100];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (f)
		fclose(f);
	return kb;
}

/* An area of five quarters of what is free: only where that is little, and swap carries it. */
static void race_pressure(void)
{
	size_t much = (size_t)meminfo_kb("MemFree:") / 4 * 5 / 4;

	if (much > MAX_PAGES || meminfo_kb("SwapFree:") / 4 < (long)much) {
		check(true, "pressure # SKIP memory is large, or swap small");
		return;
	}
	pages = much;
	race_ms *= 10;
	area = map_at(NULL, pages, RW, PRIVATE, -1);
	check(race(count_in_pages, just_wait), "more memory than there is: no write is lost");
	check_counts("and all of them are there at the end");
	munmap(area, pages * PAGE);
	pages = 64;
	race_ms /= 10;
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "pageout", race_pageout },   { "shared", race_pageout_shared },
		{ "free", race_free },         { "swapoff", race_swapoff },
		{ "pressure", race_pressure },
	};

	(void)argc;
	for (int i = 0; i < MAX_THREADS; i++)
		counts[i] = map_at(NULL, MAX_PAGES * sizeof(uint32_t) / PAGE, RW, PRIVATE, -1);
	return run_races(tests, COUNT(tests), argv);
}
