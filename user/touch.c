/* SPDX-License-Identifier: MIT */
/*
 * touch - the first touch of a page.
 *
 * What you see: mmap only promises. The first read maps the one shared page of zeroes, the first
 * write gives the page a zeroed frame of its own, one minor fault each, and the neighbours stay
 * absent. munmap and MADV_DONTNEED take the frames away, MAP_POPULATE hands them out before
 * anyone asks. With arguments it is busybox's touch, whose name it has in /bin.
 *
 * Served by: exc_page_fault -> handle_mm_fault -> handle_pte_fault -> do_anonymous_page (zero
 * page on read, fresh page on write); do_wp_page for the write after the read; zap in munmap and
 * madvise.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"
#include "tap.h"

#define PAGES 8

static size_t nonzero_bytes(const unsigned char *p, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages * PAGE; i++)
		n += p[i] != 0;
	return n;
}

static void a_promise_only(unsigned char *p)
{
	struct mapping m;

	ok_eq(count_present(p, PAGES), 0, "fresh memory: no page is present");
	ok(maps_find(p, &m) && m.start <= (uintptr_t)p && m.end >= (uintptr_t)(p + PAGES * PAGE) &&
		   m.perms[0] == 'r' && m.perms[1] == 'w' && m.perms[3] == 'p',
	   "but /proc/self/maps shows the promise");
	ok_eq(mincore_page(p), 0, "mincore says: not resident");
}

static void reads_share_the_zero_page(unsigned char *p)
{
	struct faults before = faults();
	unsigned sum = 0;

	for (int i = 0; i < 3; i++)
		sum |= peek(p + i * PAGE);
	ok_eq(faults_since(before), 3, "three first reads: three faults");
	ok_eq(sum, 0, "they read zero");
	ok_eq(count_present(p, 3), 3, "the three pages are present now");
	ok_eq(count_present(p + 3 * PAGE, PAGES - 3), 0, "their neighbours are not");
	if (!pfns_visible()) {
		skip("all three map the same frame", "only root sees frame numbers");
		return;
	}
	ok(pfn_of(p) && pfn_of(p) == pfn_of(p + PAGE) && pfn_of(p) == pfn_of(p + 2 * PAGE),
	   "all three map the same frame, the zero page");
}

static void a_second_read_is_free(unsigned char *p)
{
	struct faults before = faults();

	(void)peek(p);
	(void)peek(p + PAGE - 1);
	ok_eq(faults_since(before), 0, "reading again: no fault");
}

static void a_write_takes_an_own_frame(unsigned char *p)
{
	uint64_t zero_pfn = pfn_of(p);
	struct faults before = faults();

	poke(p + 5, 7);
	ok_eq(minor_since(before), 1, "a write after the read: one minor fault");
	ok_eq(peek(p + 5), 7, "the byte is there");
	ok_eq(nonzero_bytes(p, 1), 1, "and the rest of the page is zero");
	if (pfns_visible()) {
		ok(pfn_of(p) != zero_pfn, "the page has a frame of its own now");
		ok(pfn_of(p + PAGE) == zero_pfn, "its neighbour still maps the zero page");
	} else {
		skip("the page has a frame of its own now", "only root sees frame numbers");
	}
	ok_eq(nonzero_bytes(p + PAGE, 1), 0, "the zero page is still zero");
}

static void fresh_writes(unsigned char *p)
{
	struct faults before = faults();

	for (int i = 3; i < PAGES; i++)
		poke(p + i * PAGE, i);
	ok_eq(minor_since(before), PAGES - 3,
	      "a write to each untouched page: one minor fault a page");
	ok_eq(faults().major - before.major, 0, "and no major one");
	ok_eq(nonzero_bytes(p, PAGES), 1 + PAGES - 3, "each page holds its one byte and zeroes");
}

static void dontneed_gives_back(unsigned char *p)
{
	struct faults before;

	ok(madvise(p, PAGES * PAGE, MADV_DONTNEED) == 0, "madvise(MADV_DONTNEED)");
	ok_eq(count_present(p, PAGES), 0, "takes every frame away");
	before = faults();
	ok_eq(peek(p + 5), 0, "the page reads zero again");
	ok_eq(minor_since(before), 1, "after one minor fault");
}

static void munmap_removes(unsigned char *p)
{
	struct mapping m;

	poke(p + PAGE, 1);
	ok(munmap(p, PAGES * PAGE) == 0, "munmap");
	ok(!maps_find(p, &m), "the promise is gone from /proc/self/maps");
	ok_eq(count_present(p, PAGES), 0, "and no page is present");
	ok_eq(mincore_page(p), -1, "mincore does not know the address");
}

static void populate_hands_out_early(void)
{
	unsigned char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct faults before;

	ok(p != MAP_FAILED, "mmap with MAP_POPULATE");
	ok_eq(count_present(p, PAGES), PAGES, "all pages are present before the first touch");
	before = faults();
	for (int i = 0; i < PAGES; i++)
		poke(p + i * PAGE, 1);
	ok_eq(faults_since(before), 0, "so writing to them does not fault");
	munmap(p, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	unsigned char *p;

	if (argc > 1) {
		execv("/bin/busybox", argv);
		bail("/bin/busybox");
	}
	p = map_anon(PAGES);
	a_promise_only(p);
	reads_share_the_zero_page(p);
	a_second_read_is_free(p);
	a_write_takes_an_own_frame(p);
	fresh_writes(p);
	dontneed_gives_back(p);
	munmap_removes(p);
	populate_hands_out_early();
	return tap_done();
}
