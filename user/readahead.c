/* SPDX-License-Identifier: MIT */
/*
 * readahead - the page cache reads what will be asked for next.
 *
 * What you see, through mincore on a file that nobody has in memory: one touch of a mapping brings
 * in the pages around it; madvise changes that to those that follow (MADV_SEQUENTIAL), to none
 * (MADV_RANDOM), or to all of them before the first touch (MADV_WILLNEED). read(2) in order makes
 * the window grow, read(2) here and there reads just what was asked for.
 *
 * Served by: filemap_fault -> force_page_cache_readahead, page_cache_sync_readahead and
 * page_cache_async_readahead; do_fault_around for what is in memory already.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "probe.h"
#include "tap.h"

#define PAGES 256

static char path[256];

static void make_file(void)
{
	static unsigned char page[PAGE];
	int fd = open_scratch(path, sizeof(path), NULL);

	for (int i = 0; i < PAGES; i++) {
		memset(page, i, PAGE);
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			bail("write the scratch file");
	}
	close(fd);
}

/* The file, opened and mapped anew, with none of it in memory; NULL if that cannot be had. */
static unsigned char *cold_file(int *fd)
{
	unsigned char *p;

	*fd = open(path, O_RDONLY);
	p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, *fd, 0);
	if (*fd < 0 || p == MAP_FAILED)
		bail("map the scratch file");
	if (empty_page_cache() && !mincore_page(p) && !mincore_page(p + (PAGES - 1) * PAGE))
		return p;
	munmap(p, PAGES * PAGE);
	close(*fd);
	return NULL;
}

static void let_go(unsigned char *p, int fd)
{
	munmap(p, PAGES * PAGE);
	close(fd);
}

/* How many pages of [from, to) are in memory. */
static int resident(unsigned char *p, int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++)
		n += mincore_page(p + i * PAGE);
	return n;
}

/* The same, after giving what is being read, without anybody waiting for it, time to arrive. */
static int wait_for(int want, unsigned char *p, int from, int to)
{
	for (int tries = 0; tries < 200 && resident(p, from, to) < want; tries++)
		usleep(5000);
	return resident(p, from, to);
}

static void touching(void)
{
	struct faults then;
	unsigned char *p;
	int fd;

	p = cold_file(&fd);
	then = faults();
	ok_eq(peek(p + 40 * PAGE), 40, "one page of a mapping is touched");
	ok_eq(faults().major - then.major, 1, "a major fault");
	ok(wait_for(12, p, 32, 48) >= 12, "most pages around it are in memory now");
	diag("%d pages", resident(p, 0, PAGES));
	then = faults();
	ok_eq(peek(p + 41 * PAGE), 41, "touching the next");
	ok_eq(faults().major - then.major, 0, "is no major fault");
	let_go(p, fd);

	p = cold_file(&fd);
	madvise(p, PAGES * PAGE, MADV_RANDOM);
	ok_eq(peek(p + 40 * PAGE), 40, "MADV_RANDOM, one touch");
	ok_eq(resident(p, 0, PAGES), 1, "one page");
	let_go(p, fd);

	p = cold_file(&fd);
	madvise(p, PAGES * PAGE, MADV_SEQUENTIAL);
	ok_eq(peek(p + 40 * PAGE), 40, "MADV_SEQUENTIAL, one touch");
	ok_eq(resident(p, 0, 40), 0, "nothing before it");
	ok(wait_for(16, p, 40, PAGES) >= 16, "many behind it");
	let_go(p, fd);
}

static void asking_before(void)
{
	struct faults then;
	unsigned char *p;
	int fd, sum = 0;

	p = cold_file(&fd);
	ok(madvise(p + 64 * PAGE, 16 * PAGE, MADV_WILLNEED) == 0, "MADV_WILLNEED for 16 pages");
	ok_eq(wait_for(16, p, 64, 80), 16, "they come without a touch");
	then = faults();
	for (int i = 64; i < 80; i++)
		sum += peek(p + i * PAGE);
	ok_eq(sum, 16 * (64 + 79) / 2, "with their bytes");
	ok_eq(faults().major - then.major, 0, "and without a major fault");
	let_go(p, fd);
}

static int read_page(int fd, int i)
{
	unsigned char page[PAGE];

	return pread(fd, page, PAGE, i * PAGE) == (ssize_t)PAGE ? page[7] : -1;
}

static void reading(void)
{
	unsigned char *p;
	int fd, wrong = 0;

	p = cold_file(&fd);
	ok_eq(read_page(fd, 0), 0, "read(2) of the first page");
	ok(wait_for(2, p, 0, PAGES) >= 2 && resident(p, 0, PAGES) <= 16, "brings a few more");
	diag("%d pages", resident(p, 0, PAGES));
	for (int i = 1; i < 12; i++)
		wrong += read_page(fd, i) != i;
	ok_eq(wrong, 0, "eleven more in order");
	ok(wait_for(24, p, 0, PAGES) >= 24, "the window grows: twice as many are in memory");
	diag("%d pages", resident(p, 0, PAGES));
	for (int i = 12; i < PAGES; i++)
		wrong += read_page(fd, i) != (unsigned char)i;
	ok_eq(wrong, 0, "and the rest of the file");
	let_go(p, fd);

	p = cold_file(&fd);
	for (int i = 250; i > 50; i -= 50)
		wrong += read_page(fd, i) != i;
	ok_eq(wrong, 0, "four pages here and there");
	ok(resident(p, 0, PAGES) <= 8, "nothing to speak of is read in advance");
	diag("%d pages", resident(p, 0, PAGES));
	let_go(p, fd);
}

int main(void)
{
	unsigned char *p;
	int fd;

	make_file();
	p = cold_file(&fd);
	if (p) {
		let_go(p, fd);
		touching();
		asking_before();
		reading();
	} else {
		skip("reading ahead", "only root can empty the page cache");
	}
	unlink(path);
	return tap_done();
}
