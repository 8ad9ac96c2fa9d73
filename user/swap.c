/* SPDX-License-Identifier: MIT */
/*
 * swap - twice as much as there is. Usage: swap [MIB]
 *
 * What you see: the program fills twice the machine's RAM with a pattern and finds every byte
 * again, in order and at random, while pagemap shows pages in the swap area and getrusage counts
 * the major faults that bring them back. It changes pages on their way, forks over swapped pages,
 * and at the end every slot of the swap area is free again.
 *
 * Served by: reclaim (shrink_node, rmap, swap cache, writeback), do_swap_page for the way back,
 * swap slot counts across fork.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "probe.h"
#include "tap.h"

#define WORDS (PAGE / sizeof(uint64_t))
#define RANDOM_STEPS 4096
#define MIB (1024 * 1024UL)

static uint64_t *area;
static size_t pages;
static unsigned char *version; /* of each page: how often it was rewritten */

static uint64_t word_of(size_t page, unsigned ver, size_t i)
{
	return (page * 0x9e3779b97f4a7c15UL) ^ (ver * 0xc2b2ae3d27d4eb4fUL) ^
	       (i * 0x165667b19e3779f9UL);
}

static void fill_page(size_t page)
{
	uint64_t *p = area + page * WORDS;

	for (size_t i = 0; i < WORDS; i++)
		p[i] = word_of(page, version[page], i);
}

static bool page_is_right(size_t page)
{
	const uint64_t *p = area + page * WORDS;

	for (size_t i = 0; i < WORDS; i++)
		if (p[i] != word_of(page, version[page], i))
			return false;
	return true;
}

/* Wrong pages among [from, to). */
static size_t wrong_pages(size_t from, size_t to)
{
	size_t wrong = 0;

	for (size_t i = from; i < to; i++)
		wrong += !page_is_right(i);
	return wrong;
}

/* Random order: each page met is checked and written anew. */
static size_t stir(void)
{
	uint64_t seed = 0x5eed5eed5eedUL;
	size_t wrong = 0;

	for (int i = 0; i < RANDOM_STEPS; i++) {
		size_t page = next_random(&seed) % pages;

		wrong += !page_is_right(page);
		version[page]++;
		fill_page(page);
	}
	return wrong;
}

/* The child reads a slice and writes another: the parent's pages must not follow. */
static int child_slice(void *arg)
{
	size_t n = pages / 16 < 1024 ? pages / 16 : 1024;

	(void)arg;
	if (wrong_pages(0, n))
		return 1;
	for (size_t i = n; i < 2 * n; i++) {
		version[i]++;
		fill_page(i);
	}
	return wrong_pages(n, 2 * n) ? 2 : 0;
}

/* How many MiB to use. 0 (with the plan printed) if this machine cannot show what we want. */
static size_t choose_size(int argc, char **argv)
{
	long ram = meminfo_kb("MemTotal") / 1024, swap = meminfo_kb("SwapFree") / 1024;
	long room = meminfo_kb("MemFree") / 1024 + swap, most = room - room / 8 - 8;
	long want = argc > 1 ? atol(argv[1]) : 2 * ram;

	diag("%ld MiB of RAM, %ld MiB of swap free", ram, swap);
	if (argc <= 1 && swap < 16) {
		printf("1..0 # SKIP no swap area of 16 MiB or more; give a number of MiB "
		       "as argument to run anyway\n");
		return 0;
	}
	if (argc <= 1 && want > most) {
		printf("# SKIP twice the RAM (%ld MiB) does not fit into what is free with swap "
		       "(%ld MiB): using %ld MiB\n",
		       want, room, most);
		want = most;
	}
	return want > 0 ? want : 1;
}

static void verify(bool must_swap)
{
	struct faults then;
	size_t swapped;

	for (size_t i = 0; i < pages; i++)
		fill_page(i);
	swapped = count_swapped(area, pages);
	diag("after filling, %zu of %zu pages are in the swap area", swapped, pages);
	if (must_swap)
		ok(swapped > 0, "pagemap shows pages in the swap area");
	then = faults();
	ok_eq(wrong_pages(0, pages), 0, "every byte of %zu MiB is right, read in order",
	      pages * PAGE / MIB);
	diag("%ld minor and %ld major faults", faults().minor - then.minor,
	     faults().major - then.major);
	if (must_swap)
		ok(faults().major > then.major, "pages came back by major faults");
	ok_eq(stir(), 0, "%d pages read and rewritten in random order", RANDOM_STEPS);
	ok_eq(wait_code(run_in_child(child_slice, NULL)), 0,
	      "a child reads and writes pages that were swapped before fork");
	ok_eq(wrong_pages(0, pages), 0, "the parent's memory is right to the last byte");
}

int main(int argc, char **argv)
{
	size_t mib = choose_size(argc, argv);
	long free_before = meminfo_kb("SwapFree"), lost;

	if (!mib)
		return 0;
	pages = mib * MIB / PAGE;
	area = map_anon(pages);
	version = map_anon(pages / PAGE + 1);
	verify((long)mib > meminfo_kb("MemTotal") / 1024);
	munmap(area, pages * PAGE);
	lost = (free_before - meminfo_kb("SwapFree")) / 4;
	ok(lost < 512, "munmap gives the slots of the swap area back");
	diag("%ld slots still used by others or held back for reuse", lost);
	return tap_done();
}
