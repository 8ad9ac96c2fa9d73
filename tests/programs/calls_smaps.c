/* SPDX-License-Identifier: MIT */
/*
 * calls_smaps: what /proc says of a process's pages: smaps, smaps_rollup, clear_refs, pagemap's
 * soft-dirty bit and what it hides; MADV_FREE as smaps sees it. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"
#include "tap.h"

#define PAGES 64
#define RW (PROT_READ | PROT_WRITE)
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

static char text[1 << 16];

static const char *read_proc(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, done = 0;

	if (fd < 0)
		bail(path);
	while ((n = read(fd, text + done, sizeof(text) - 1 - (size_t)done)) > 0)
		done += n;
	close(fd);
	text[done] = '\0';
	return text;
}

/* The part of smaps about the mapping that begins at @addr, or "". */
static const char *smap(const void *addr)
{
	char head[32];
	const char *found;

	snprintf(head, sizeof(head), "%08lx-", (unsigned long)addr);
	found = strstr(read_proc("/proc/self/smaps"), head);
	return found ? found : "";
}

static long kb(const char *part, const char *field)
{
	char line[40];
	const char *found;

	snprintf(line, sizeof(line), "\n%s:", field);
	found = strstr(part, line);
	return found ? atol(found + strlen(line)) : -1;
}

static const char *flags(const void *addr)
{
	static char line[100];
	const char *found = strstr(smap(addr), "VmFlags: ");

	snprintf(line, sizeof(line), "%.*s", found ? (int)strcspn(found, "\n") : 0, found);
	return line;
}

static int clear_refs(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY), err;
	ssize_t n;

	if (fd < 0)
		bail("clear_refs");
	n = write(fd, what, strlen(what));
	err = errno;
	close(fd);
	errno = err;
	return n == (ssize_t)strlen(what) ? 0 : -1;
}

static void test_sizes(void)
{
	char *p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	const char *part;

	memset(p, 1, 8 * PAGE);
	ok(peek(p + 20 * PAGE) == 0, "a page of zeroes is read");
	part = smap(p);
	ok_eq(kb(part, "Size"), PAGES * 4, "Size is what was mapped");
	ok_eq(kb(part, "KernelPageSize"), 4, "KernelPageSize");
	ok_eq(kb(part, "MMUPageSize"), 4, "MMUPageSize");
	ok_eq(kb(part, "Rss"), 32, "Rss is what is there, without the page of zeroes");
	ok_eq(kb(part, "Pss"), 32, "Pss is as much: nobody else has it");
	ok_eq(kb(part, "Pss_Dirty"), 32, "all of it dirty");
	ok_eq(kb(part, "Private_Dirty"), 32, "Private_Dirty");
	ok_eq(kb(part, "Private_Clean") + kb(part, "Shared_Clean") + kb(part, "Shared_Dirty"), 0,
	      "and nothing else");
	ok_eq(kb(part, "Referenced"), 32, "Referenced");
	ok_eq(kb(part, "Anonymous"), 32, "Anonymous");
	ok_eq(kb(part, "LazyFree"), 0, "LazyFree");
	ok_eq(kb(part, "AnonHugePages"), 0, "AnonHugePages");
	ok_eq(kb(part, "Swap") + kb(part, "SwapPss"), 0, "Swap");
	ok_eq(kb(part, "Locked"), 0, "Locked");
	mlock(p, 4 * PAGE);
	part = smap(p);
	ok_eq(kb(part, "Locked"), 16, "Locked of locked memory is its Pss");
	munmap(p, PAGES * PAGE);
}

static int look_from_child(void *arg)
{
	char *p = arg;
	const char *part;

	poke(p, 2); /* now two of its pages have a single owner each */
	part = smap(p);
	return kb(part, "Rss") != 16 || kb(part, "Pss") != 4 + 12 / 2 ||
	       kb(part, "Private_Dirty") != 4 || kb(part, "Shared_Dirty") != 12;
}

static void test_shares(void)
{
	char *p = map_pages(PAGES, RW, MAP_PRIVATE, -1), *s = map_pages(4, RW, MAP_SHARED, -1);
	const char *part;

	memset(p, 1, 4 * PAGE);
	ok_eq(wait_code(run_in_child(look_from_child, p)), 0,
	      "pages shared by fork count by halves, and are Shared");
	ok_eq(kb(smap(p), "Private_Dirty"), 16, "until the child is gone");
	poke(s, 1);
	part = smap(s);
	ok_eq(kb(part, "Rss"), 4, "shared memory has what was written");
	ok_eq(kb(part, "Anonymous"), 0, "which is not Anonymous");
	munmap(p, PAGES * PAGE);
	munmap(s, 4 * PAGE);
}

/* Each on its own: with a hole on either side nothing merges. */
static void test_flags(int exe)
{
	char *p = map_pages(3, PROT_NONE, MAP_PRIVATE, -1) + PAGE;
	char *s = map_pages(1, RW, MAP_SHARED, -1);
	char *f = map_pages(1, PROT_READ, MAP_SHARED, exe);
	char *t = map_pages(1, PROT_READ, MAP_PRIVATE, exe);
	char *x = map_pages(1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_NORESERVE, exe);

	ok(!strcmp(flags(p - PAGE), "VmFlags: mr mw me sd "),
	   "VmFlags of memory that may do nothing");
	mprotect(p, PAGE, RW);
	ok(!strcmp(flags(p), "VmFlags: rd wr mr mw me ac sd "), "of private memory");
	mprotect(p, PAGE, RW | PROT_EXEC);
	madvise(p, PAGE, MADV_DONTDUMP);
	madvise(p, PAGE, MADV_RANDOM);
	ok(!strcmp(flags(p), "VmFlags: rd wr ex mr mw me rr ac dd sd "), "of what may be executed");
	madvise(p, PAGE, MADV_SEQUENTIAL);
	madvise(p, PAGE, MADV_DODUMP);
	madvise(p, PAGE, MADV_DONTFORK);
	ok(!strcmp(flags(p), "VmFlags: rd wr ex mr mw me sr dc ac sd "), "with advice");
	madvise(p, PAGE, MADV_DOFORK);
	madvise(p, PAGE, 18 /* WIPEONFORK */);
	mlock(p, PAGE);
	ok(!strcmp(flags(p), "VmFlags: rd wr ex mr mw me lo sr ac wf sd "), "and locked");
	ok(!strcmp(flags(s), "VmFlags: rd wr sh mr mw me ms sd "), "of shared memory");
	ok(!strcmp(flags(f), "VmFlags: rd mr me ms sd "), "of a file that may not be written");
	ok(!strcmp(flags(t), "VmFlags: rd mr mw me sd "), "of a private view of it");
	ok(!strcmp(flags(x), "VmFlags: rd ex mr mw me nr sd "), "executable, without a reserve");
	munmap(p - PAGE, 3 * PAGE);
	munmap(s, PAGE);
	munmap(f, PAGE);
	munmap(t, PAGE);
	munmap(x, PAGE);
}

static void test_rollup(void)
{
	static const char *const fields[] = { "Rss", "Pss_Dirty", "Private_Dirty", "Anonymous" };
	char *p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	long sums[4] = { 0 }, rollup;
	const char *part;

	memset(p, 1, 8 * PAGE);
	read_proc("/proc/self/smaps"); /* what reading needs is there then */
	read_proc("/proc/self/smaps_rollup");
	part = read_proc("/proc/self/smaps");
	for (int i = 0; i < 4; i++)
		for (const char *at = part; at; at = strstr(at + 1, "\nSize:"))
			if (at != part)
				sums[i] += kb(at, fields[i]);
	part = read_proc("/proc/self/smaps_rollup");
	ok(strstr(part, "---p 00000000 00:00 0                              [rollup]\nRss:  "),
	   "smaps_rollup has its head line");
	for (int i = 0; i < 4; i++) {
		rollup = kb(part, fields[i]);
		ok(rollup == sums[i], "%s of smaps_rollup is the sum over smaps", fields[i]);
		if (rollup != sums[i])
			diag("%ld and %ld", rollup, sums[i]);
	}
	munmap(p, PAGES * PAGE);
}

/* Linux leaves it to chance when CPUs look at a cleared entry again. */
static int clear_and_flush(const char *what, char *p, size_t pages)
{
	int ret = clear_refs(what);

	mprotect(p, pages * PAGE, PROT_READ);
	mprotect(p, pages * PAGE, RW);
	return ret;
}

static void test_referenced(void)
{
	char *p = map_pages(PAGES, RW, MAP_PRIVATE, -1), *s = map_pages(4, RW, MAP_SHARED, -1);

	memset(p, 1, 8 * PAGE);
	memset(s, 1, 4 * PAGE);
	ok_eq(clear_and_flush("1", p, 8), 0, "clear_refs takes 1");
	ok_eq(kb(smap(p), "Referenced"), 0, "and nothing was used since");
	ok_eq(kb(smap(s), "Referenced"), 0, "shared or not");
	ok(peek(p) == 1 && peek(p + PAGE) == 1, "two pages are read");
	ok_eq(kb(smap(p), "Referenced"), 8, "and are Referenced");
	mprotect(s, 4 * PAGE, PROT_READ);
	mprotect(s, 4 * PAGE, RW);
	memset(s, 1, 4 * PAGE);
	clear_and_flush("2", p, 8);
	ok_eq(kb(smap(p), "Referenced"), 0, "2 forgets anonymous memory");
	ok_eq(kb(smap(s), "Referenced"), 16, "and no other");
	memset(p, 1, 8 * PAGE);
	clear_refs("3\n");
	ok_eq(kb(smap(p), "Referenced"), 32, "3 leaves that alone");
	ok_eq(kb(smap(s), "Referenced"), 0, "and forgets what is of files");
	ok_errno(clear_refs("0"), EINVAL, "there is no 0");
	ok_errno(clear_refs("6"), EINVAL, "nor 6");
	ok_errno(clear_refs("x"), EINVAL, "nor words");
	munmap(p, PAGES * PAGE);
	munmap(s, 4 * PAGE);
}

static void test_peak(void)
{
	char *p = map_pages(1024, RW, MAP_PRIVATE, -1);
	long peak;

	memset(p, 1, 1024 * PAGE);
	munmap(p, 1024 * PAGE);
	peak = status_kb("VmHWM");
	ok_eq(clear_refs("5"), 0, "clear_refs takes 5");
	ok(status_kb("VmHWM") <= peak - 2048, "which forgets the largest size there was");
}

static bool soft(const char *p)
{
	return pagemap_entry(p).soft_dirty;
}

static void test_soft_dirty(void)
{
	char *p = map_pages(8, RW, MAP_PRIVATE, -1), *s = map_pages(2, RW, MAP_SHARED, -1), *q;

	memset(p, 1, 4 * PAGE);
	memset(s, 1, 2 * PAGE);
	ok(soft(p) && soft(p + 5 * PAGE) && soft(s), "what is new is soft-dirty, touched or not");
	ok_eq(clear_refs("4"), 0, "clear_refs takes 4");
	ok(!soft(p) && !soft(p + 5 * PAGE) && !soft(s), "then nothing is");
	ok(!strstr(flags(p), " sd"), "VmFlags say so, too");
	ok(peek(p) == 1 && !soft(p), "reading leaves no mark");
	poke(p, 2);
	ok(soft(p) && !soft(p + PAGE), "writing does, on that page");
	poke(p + 5 * PAGE, 2);
	ok(soft(p + 5 * PAGE), "a fresh page is marked");
	ok(peek(p + 6 * PAGE) == 0 && !soft(p + 6 * PAGE), "a page of zeroes is not");
	poke(s, 2);
	ok(soft(s) && !soft(s + PAGE), "shared memory is marked as well");
	mprotect(p + PAGE, PAGE, PROT_READ);
	mprotect(p + PAGE, PAGE, RW);
	ok(!soft(p + PAGE), "mprotect leaves no mark");
	poke(p + PAGE, 3);
	ok(soft(p + PAGE), "a write after it does");
	clear_refs("4");
	q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 7 * PAGE);
	ok(q == p + 7 * PAGE && soft(q), "what has moved is new where it is");
	madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED);
	ok(!soft(p + 2 * PAGE), "what was dropped is not there");
	poke(p + 2 * PAGE, 1);
	ok(soft(p + 2 * PAGE), "until it is written");
	munmap(p, 8 * PAGE);
	munmap(s, 2 * PAGE);
}

static int read_pagemap_as_nobody(void *arg)
{
	struct pagemap_entry entry;

	if (setgid(1000) || setuid(1000))
		return 2;
	prctl(PR_SET_DUMPABLE, 1); /* or pagemap is not ours to open */
	poke(arg, 1);
	entry = pagemap_entry(arg);
	return !entry.present || !entry.exclusive || entry.pfn;
}

static void test_pagemap(void)
{
	char *p = map_pages(1, RW, MAP_PRIVATE, -1);

	poke(p, 1);
	ok(pagemap_entry(p).pfn != 0, "root sees frame numbers");
	ok_eq(wait_code(run_in_child(read_pagemap_as_nobody, p)), 0,
	      "others see that there is one, and not which");
	munmap(p, PAGE);
}

/* What the file of all frames says of the one at @addr. */
static uint64_t of_frame(const char *path, const void *addr)
{
	uint64_t value = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, &value, 8, (off_t)(pfn_of(addr) * 8)) != 8)
		bail(path);
	close(fd);
	return value;
}

static int count_in_child(void *addr)
{
	return (int)of_frame("/proc/kpagecount", addr);
}

/* KiB of frames that kpageflags calls free. */
static long free_kib(void)
{
	static uint64_t flags[4096];
	int fd = open("/proc/kpageflags", O_RDONLY);
	long kib = 0;
	ssize_t n;

	while ((n = read(fd, flags, sizeof(flags))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(*flags); i++)
			kib += flags[i] & 1 << 10 ? (long)PAGE / 1024 : 0;
	close(fd);
	return kib;
}

static void test_frames(void)
{
	long marked = free_kib(), free = meminfo_kb("MemFree");
	const uint64_t uptodate = 1 << 3, mapped = 1 << 11, anon = 1 << 12, swapbacked = 1 << 14;
	const uint64_t all = uptodate | mapped | anon | swapbacked;
	char *p = map_pages(2, RW, MAP_PRIVATE, -1), *s = map_pages(1, RW, MAP_SHARED, -1);

	poke(p, 1);
	poke(s, 1);
	ok_eq((long)of_frame("/proc/kpagecount", p), 1, "a frame is mapped once");
	ok_eq(wait_code(run_in_child(count_in_child, p)), 2, "or by parent and child");
	ok((of_frame("/proc/kpageflags", p) & all) == all, "kpageflags of a private page");
	ok((of_frame("/proc/kpageflags", s) & all) == (all & ~anon), "of a shared one");
	ok(peek(p + PAGE) == 0 && of_frame("/proc/kpageflags", p + PAGE) & 1 << 24,
	   "of the page of zeroes");
	/* MemFree counts those that wait on a CPU's own list too. */
	if (!ok(marked > free * 3 / 4 && marked < free + 1024, "each frame of a free block is marked"))
		diag("%ld KiB marked, MemFree %ld", marked, free);
	munmap(p, 2 * PAGE);
	munmap(s, PAGE);
}

static void test_lazyfree(void)
{
	char *p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	long before = vmstat("pglazyfree"), most = (PAGES - 15) * 4;

	memset(p, 1, PAGES * PAGE);
	ok_eq(madvise(p, PAGES * PAGE, 8 /* FREE */), 0, "madvise FREE");
	/* Linux is done with up to 15 pages only later. */
	ok(kb(smap(p), "LazyFree") >= most, "what may be dropped is LazyFree");
	ok_eq(kb(smap(p), "Rss"), PAGES * 4, "and still there");
	ok(vmstat("pglazyfree") - before >= most / 4, "vmstat counts it");
	memset(p, 2, 32 * PAGE);
	ok(kb(smap(p), "LazyFree") <= 32 * 4, "what is written again is not");
	ok_eq(madvise(p, 48 * PAGE, 21 /* PAGEOUT */), 0, "reclaim is asked for the pages");
	ok(peek(p) == 2 && peek(p + 31 * PAGE) == 2, "what was written stays");
	ok(count_present(p + 32 * PAGE, 16) == 0 && peek(p + 32 * PAGE) == 0,
	   "the others are zeroes");
	munmap(p, PAGES * PAGE);
}

int main(void)
{
	int exe = open("/proc/self/exe", O_RDONLY);

	if (exe < 0)
		bail("/proc/self/exe");
	test_sizes();
	test_shares();
	test_flags(exe);
	test_rollup();
	test_referenced();
	test_peak();
	test_soft_dirty();
	test_pagemap();
	test_frames();
	test_lazyfree();
	close(exe);
	return tap_done();
}
