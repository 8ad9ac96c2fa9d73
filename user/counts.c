/* SPDX-License-Identifier: MIT */
/*
 * counts - the kernel keeps books on faults and frames.
 *
 * What you see: a fault is counted for the thread (getrusage), for the process (/proc/self/stat),
 * for its parent once it has ended (wait4) and for the machine (/proc/vmstat): minor if the frame
 * could be had at once, major if a disk had to be asked. Frames are counted by kind in
 * /proc/self/status: a private write moves a page from RssFile to RssAnon, swapping one out moves
 * it from RssAnon to VmSwap, fork gives the child the same numbers, munmap takes everything away.
 *
 * Served by: account_fault, mm->rss in install_pte, wp_page_copy, zap_pte_range, copy_page_range
 * and try_to_unmap; /proc/self/stat and status, /proc/vmstat.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGES 512
#define SLACK 40 /* pages that Linux may not have added yet */

/* Faults as /proc/self/stat has them: fields 10 to 13 are minflt, cminflt, majflt, cmajflt. */
struct stat_faults {
	long minor, children_minor, major, children_major;
};

static struct stat_faults stat_faults(void)
{
	struct stat_faults f = { -1, -1, -1, -1 };
	FILE *file = fopen("/proc/self/stat", "r");
	char line[512], *p;

	if (!file || !fgets(line, sizeof(line), file))
		bail("read /proc/self/stat");
	fclose(file);
	p = strrchr(line, ')'); /* the name may hold anything */
	if (p)
		sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %ld %ld %ld %ld", &f.minor,
		       &f.children_minor, &f.major, &f.children_major);
	return f;
}

static void touch(unsigned char *p, int pages)
{
	for (int i = 0; i < pages; i++)
		poke(p + i * PAGE, 1);
}

static int touch_200(void *arg)
{
	touch(arg, 200);
	return 0;
}

static void minor_faults(void)
{
	unsigned char *p = map_anon(PAGES);
	struct stat_faults before = stat_faults(), now;
	long machine = vmstat("pgfault");
	struct faults then = faults();
	struct rusage kids;

	touch(p, 100);
	ok_eq(minor_since(then), 100, "100 first touches are 100 minor faults to getrusage");
	now = stat_faults();
	ok(now.minor - before.minor >= 100 && now.minor - before.minor < 150,
	   "and, with those of looking, hardly more to /proc/self/stat");
	ok(vmstat("pgfault") - machine >= 100, "/proc/vmstat counts them for the machine");
	getrusage(RUSAGE_CHILDREN, &kids);
	ok_eq(kids.ru_minflt, 0, "RUSAGE_CHILDREN is 0 while no child has ended");
	run_in_child(touch_200, p + 200 * PAGE);
	getrusage(RUSAGE_CHILDREN, &kids);
	now = stat_faults();
	ok(kids.ru_minflt >= 200 && kids.ru_minflt < 400, "a child's 200 are there when it ended");
	ok_eq(now.children_minor, kids.ru_minflt, "/proc/self/stat says the same");
	munmap(p, PAGES * PAGE);
}

/* The scratch file: PAGES pages, written and closed. */
static int make_file(void)
{
	static unsigned char page[PAGE];
	char path[256];
	int fd = open_scratch(path, sizeof(path), NULL);

	for (int i = 0; i < PAGES; i++) {
		memset(page, i, PAGE);
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			bail("write the scratch file");
	}
	unlink(path);
	return fd;
}

static void major_faults(int fd)
{
	unsigned char *p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	struct stat_faults before, now;
	struct faults then;
	long machine;

	if (p == MAP_FAILED)
		bail("mmap the scratch file");
	if (!empty_page_cache() || mincore_page(p + 100 * PAGE)) {
		skip("major faults", "only root can empty the page cache");
		munmap(p, PAGES * PAGE);
		return;
	}
	before = stat_faults();
	machine = vmstat("pgmajfault");
	then = faults();
	ok_eq(peek(p + 100 * PAGE), 100, "a page that only the disk has");
	ok_eq(faults().major - then.major, 1, "is one major fault to getrusage");
	ok_eq(faults().minor - then.minor, 0, "and not a minor one too");
	now = stat_faults();
	ok(now.major > before.major, "/proc/self/stat counts it");
	ok(vmstat("pgmajfault") > machine, "and /proc/vmstat");
	munmap(p, PAGES * PAGE);
}

/*
 * Pages of a kind. Linux gathers a thread's changes and adds them up after every 64 faults: so many
 * are taken first.
 */
static long pages_of(const char *kind)
{
	unsigned char *p = map_anon(80);

	touch(p, 80);
	munmap(p, 80 * PAGE);
	return status_kb(kind) / 4;
}

/* The difference to `before` must be `want`, give or take a few. */
static void grew(const char *kind, long before, long want, const char *what)
{
	long got = pages_of(kind) - before;

	if (!ok(got > want - SLACK && got < want + SLACK, "%s: %s %+ld pages", what, kind, want))
		diag("got %+ld", got);
}

/* In a child: does it start with what the parent has? */
static int child_counts(void *arg)
{
	long want = *(long *)arg, got = pages_of("RssAnon");

	return got > want - SLACK && got < want + SLACK ? 0 : 1;
}

static void anonymous_frames(void)
{
	unsigned char *p = map_anon(PAGES);
	long anon = pages_of("RssAnon"), all = pages_of("VmRSS"), sum;

	for (int i = 0; i < PAGES; i++)
		(void)peek(p + i * PAGE);
	grew("RssAnon", anon, 0, "the zero page is nobody's");
	touch(p, PAGES);
	grew("RssAnon", anon, PAGES, "written");
	grew("VmRSS", all, PAGES, "written");
	ok(pages_of("VmHWM") >= all + PAGES - SLACK, "VmHWM, the highest, is at least as high");
	sum = pages_of("RssAnon");
	ok_eq(wait_code(run_in_child(child_counts, &sum)), 0, "a child starts with the same sum");
	munmap(p, PAGES / 2 * PAGE);
	grew("RssAnon", anon, PAGES / 2, "half of it unmapped");
	munmap(p, PAGES * PAGE);
	grew("RssAnon", anon, 0, "all of it unmapped");
}

static void file_frames(int fd)
{
	unsigned char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	long anon = pages_of("RssAnon"), file = pages_of("RssFile");

	if (p == MAP_FAILED)
		bail("mmap the scratch file");
	for (int i = 0; i < PAGES; i++)
		(void)peek(p + i * PAGE);
	grew("RssFile", file, PAGES, "a file mapping read");
	grew("RssAnon", anon, 0, "a file mapping read");
	touch(p, PAGES / 2);
	grew("RssFile", file, PAGES / 2, "half of it written");
	grew("RssAnon", anon, PAGES / 2, "half of it written");
	munmap(p, PAGES * PAGE);
	grew("RssFile", file, 0, "unmapped");
	grew("RssAnon", anon, 0, "unmapped");
}

static void swapped_frames(void)
{
	unsigned char *p = map_anon(PAGES);
	long anon = pages_of("RssAnon"), swap = pages_of("VmSwap"), out;

	touch(p, PAGES);
	madvise(p, PAGES * PAGE, MADV_PAGEOUT);
	out = count_swapped(p, PAGES);
	if (out < PAGES / 2) {
		skip("frames in the swap area", "they could not be swapped out (no swap area?)");
		munmap(p, PAGES * PAGE);
		return;
	}
	grew("VmSwap", swap, out, "swapped out");
	grew("RssAnon", anon, PAGES - out, "swapped out");
	for (int i = 0; i < PAGES; i++)
		(void)peek(p + i * PAGE);
	grew("VmSwap", swap, 0, "brought back");
	grew("RssAnon", anon, PAGES, "brought back");
	madvise(p, PAGES * PAGE, MADV_PAGEOUT);
	munmap(p, PAGES * PAGE);
	grew("VmSwap", swap, 0, "unmapped while swapped");
}

int main(void)
{
	int fd;

	minor_faults();
	fd = make_file();
	major_faults(fd);
	anonymous_frames();
	file_frames(fd);
	swapped_frames();
	close(fd);
	return tap_done();
}
