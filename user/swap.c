/* SPDX-License-Identifier: MIT */
/*
 * swap - twice as much as there is. Usage: swap [MIB]
 *
 * What you see: the program fills twice the machine's RAM with a pattern and finds every byte
 * again, in order and at random, while pagemap shows pages in the swap area and getrusage counts
 * the major faults that bring them back. It changes pages on their way, forks over swapped pages,
 * and at the end every slot of the swap area is free again. Reclaim chooses well: pages in use
 * stay, locked ones must, idle ones go, also from two processes at once; and what is unchanged
 * since it was read is dropped without being written again.
 *
 * Served by: reclaim (shrink_lists, rmap, swap cache, writeback), do_swap_page and
 * swapin_readahead for the way back, swap slot counts across fork.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

#define WORDS (PAGE / sizeof(uint64_t))
#define RANDOM_STEPS 4096
#define MIB (1024 * 1024UL)
#define HOT 256
#define LOCKED 16 /* 64 KiB: what everybody may lock */
#define IDLE 64

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

/* ---- who may stay ---- */

/*
 * Reads the whole area, a stream that nobody will want again soon; after every 32 pages touches
 * the hot ones. Returns the faults on those.
 */
static long stream(unsigned char *hot)
{
	struct faults then;
	long on_hot = 0;

	for (size_t i = 0; i < pages; i++) {
		(void)peek(area + i * WORDS);
		if (i % 32)
			continue;
		then = faults();
		for (int j = 0; j < HOT; j++)
			poke(hot + j * PAGE, j);
		on_hot += faults_since(then);
	}
	return on_hot;
}

static int wrong_bytes(const unsigned char *p, int n)
{
	int wrong = 0;

	for (int i = 0; i < n; i++)
		wrong += peek(p + i * PAGE) != (unsigned char)i;
	return wrong;
}

static unsigned char *numbered(int n)
{
	unsigned char *p = map_anon(n);

	for (int i = 0; i < n; i++)
		poke(p + i * PAGE, i);
	return p;
}

/* The other owner of the idle pages: sleeps until told, then says how many of them are in swap. */
static pid_t start_sharer(unsigned char *idle, int go[2], int answer[2])
{
	long swapped;
	pid_t pid;
	char c;

	if (pipe(go) || pipe(answer))
		bail("pipe");
	pid = fork();
	if (pid < 0)
		bail("fork");
	/* Each keeps its own ends only, so that one's end is the end of the other's wait. */
	close(pid ? go[0] : go[1]);
	close(pid ? answer[1] : answer[0]);
	if (pid)
		return pid;
	if (read(go[0], &c, 1) != 1)
		_exit(1);
	swapped = count_swapped(idle, IDLE);
	if (write(answer[1], &swapped, sizeof(swapped)) != sizeof(swapped))
		_exit(2);
	for (int i = 0; i < IDLE; i += 2)
		poke(idle + i * PAGE, i + 1);
	_exit(wrong_bytes(idle, IDLE) == IDLE / 2 ? 0 : 3);
}

/* Half of the swap area full is where a kernel begins to give up slots of pages in memory. */
static bool swap_is_roomy(void)
{
	return meminfo_kb("SwapFree") * 2 > meminfo_kb("SwapTotal");
}

static void choosing(void)
{
	unsigned char *locked = numbered(LOCKED), *idle = numbered(IDLE), *hot;
	int go[2], answer[2], status;
	long in, out, on_hot, theirs = -1, mine;
	pid_t pid;

	if (mlock(locked, LOCKED * PAGE))
		bail("mlock");
	pid = start_sharer(idle, go, answer);
	hot = numbered(HOT);
	in = vmstat("pswpin");
	out = vmstat("pswpout");
	on_hot = stream(hot);
	in = vmstat("pswpin") - in;
	out = vmstat("pswpout") - out;
	ok(on_hot < HOT / 2, "%d pages touched now and then stay in memory while %zu stream by",
	   HOT, pages);
	diag("%ld faults on them; %ld pages read from the swap area, %ld written", on_hot, in, out);
	if (swap_is_roomy())
		ok(out < in / 4, "what was only read is dropped without another write");
	else
		skip("what was only read is dropped without another write", "swap is half full");
	ok_eq(count_present(locked, LOCKED), LOCKED, "locked pages stay without a touch");
	mine = count_swapped(idle, IDLE);
	if (write(go[1], "x", 1) != 1 || read(answer[0], &theirs, sizeof(theirs)) != sizeof(theirs))
		bail("ask the child");
	ok(mine >= IDLE * 3 / 4, "idle pages, shared since fork, went to the swap area");
	ok(theirs >= mine - IDLE / 8 && theirs <= mine + IDLE / 8, "from both owners at once");
	diag("%ld of %d here, %ld in the child", mine, IDLE, theirs);
	ok(waitpid(pid, &status, 0) == pid && wait_code(status) == 0,
	   "the child writes half of them");
	ok_eq(wrong_bytes(idle, IDLE) + wrong_bytes(locked, LOCKED) + wrong_bytes(hot, HOT), 0,
	      "the parent's are as they were");
	close(go[1]);
	close(answer[0]);
	munmap(hot, HOT * PAGE);
	munmap(locked, LOCKED * PAGE);
	munmap(idle, IDLE * PAGE);
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
	long minor, major, extra;
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
	minor = faults().minor - then.minor;
	major = faults().major - then.major;
	diag("%ld minor and %ld major faults", minor, major);
	if (must_swap) {
		ok(major > 0, "pages came back by major faults");
		ok(major < minor, "fewer than pages: their neighbours came along");
	}
	extra = vmstat("swap_ra");
	then = faults();
	ok_eq(stir(), 0, "%d pages read and rewritten in random order", RANDOM_STEPS);
	extra = vmstat("swap_ra") - extra;
	major = faults().major - then.major;
	diag("%ld major faults, %ld neighbours read", major, extra);
	if (must_swap)
		ok(extra < 3 * major, "there neighbours are of no use, and soon not read any more");
	ok_eq(wait_code(run_in_child(child_slice, NULL)), 0,
	      "a child reads and writes pages that were swapped before fork");
	ok_eq(wrong_pages(0, pages), 0, "the parent's memory is right to the last byte");
	if (must_swap)
		choosing();
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
