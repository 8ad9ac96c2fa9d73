/* SPDX-License-Identifier: MIT */
/*
 * thrash - a working set larger than memory, at random. Usage: thrash [MIB [STEPS [SEED]]]
 *
 * What you see: reads and writes of random pages; a shadow of one counter a page knows what each
 * must hold, so a page that came back wrong, stale or from somebody else is noticed at once. The
 * lines that begin with `#` tell the rate and the faults.
 *
 * Served by: do_anonymous_page, do_swap_page, reclaim by kswapd and by the faulting process itself.
 */
#include <stdlib.h>
#include <time.h>
#include <sys/mman.h>

#include "probe.h"
#include "tap.h"

#define MIB (1024 * 1024L)
#define MARKS 8 /* words written in each page, spread over it */

static uint64_t *area;
static unsigned
	*writes; /* the shadow: how often each page was written; 0 means it must still be zero */

static uint64_t mark(size_t page, unsigned count, int i)
{
	return count ? page << 32 ^ count * 0x9e3779b97f4a7c15UL ^ i : 0;
}

static uint64_t *mark_at(size_t page, int i)
{
	return area + (page * PAGE + i * (PAGE / MARKS) + page % 61 * 8) / sizeof(*area);
}

static bool page_is_right(size_t page)
{
	for (int i = 0; i < MARKS; i++)
		if (*mark_at(page, i) != mark(page, writes[page], i)) {
			diag("page %zu word %d holds %#lx, want %#lx after %u writes", page, i,
			     *mark_at(page, i), mark(page, writes[page], i), writes[page]);
			return false;
		}
	return true;
}

static void write_page(size_t page)
{
	writes[page]++;
	for (int i = 0; i < MARKS; i++)
		*mark_at(page, i) = mark(page, writes[page], i);
}

/*
 * 1.5 times what is free, as far as the swap area carries it; without swap, half of what is free;
 * never over 256 MiB.
 */
static long default_mib(void)
{
	long free_mib = meminfo_kb("MemFree") / 1024, swap = meminfo_kb("SwapFree") / 1024;
	long mib = swap < 8 ? free_mib / 2 : free_mib * 3 / 2;

	if (swap >= 8 && mib > free_mib + swap * 7 / 10)
		mib = free_mib + swap * 7 / 10;
	if (mib > 256)
		mib = 256;
	return mib > 0 ? mib : 1;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static size_t thrash(size_t pages, long steps, uint64_t seed)
{
	size_t wrong = 0;

	for (long i = 0; i < steps && wrong < 10; i++) {
		uint64_t r = next_random(&seed);
		size_t page = (r >> 8) % pages;

		wrong += !page_is_right(page);
		if (r & 1)
			write_page(page);
	}
	return wrong;
}

int main(int argc, char **argv)
{
	long mib = argc > 1 ? atol(argv[1]) : default_mib();
	long steps = argc > 2 ? atol(argv[2]) : 20000;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) | 1 : 0x7471736b31UL;
	size_t pages = (mib > 0 ? mib : 1) * MIB / PAGE, wrong = 0;
	struct faults before, after;
	double start;

	area = map_anon(pages);
	writes = map_anon(pages * sizeof(*writes) / PAGE + 1);
	diag("%ld MiB, %ld steps, seed %#lx; %ld MiB free, %ld MiB of swap free", mib, steps, seed,
	     meminfo_kb("MemFree") / 1024, meminfo_kb("SwapFree") / 1024);
	start = seconds();
	before = faults();
	for (size_t i = 0; i < pages; i++)
		if (i % 16) /* the others must read zero until somebody writes them */
			write_page(i);
	ok_eq(thrash(pages, steps, seed), 0,
	      "random reads and writes find every page as it was left");
	for (size_t i = 0; i < pages && wrong < 10; i++)
		wrong += !page_is_right(i);
	after = faults();
	ok_eq(wrong, 0, "so does a last look at all of them");
	diag("%ld minor and %ld major faults, %zu pages in swap, %.2f seconds",
	     after.minor - before.minor, after.major - before.major, count_swapped(area, pages),
	     seconds() - start);
	return tap_done();
}
