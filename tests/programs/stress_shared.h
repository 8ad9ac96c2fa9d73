/* SPDX-License-Identifier: MIT */
/*
 * A part of stress.c: memory that all processes share, anonymous and of a file. Each word holds how
 * often something was added to it, and a code of that number and its place: whoever reads it knows
 * whether it is whole and in the right place, and it never goes back. A process may be killed at any
 * time without leaving it torn.
 */
#ifndef TESTS_PROGRAMS_STRESS_SHARED_H
#define TESTS_PROGRAMS_STRESS_SHARED_H

#include "stress.h"

#define SHARED_PAGES 64UL /* of each kind */
#define SLOTS 16UL	  /* words of each page */

typedef _Atomic uint64_t word_t;

static char *shared[2]; /* anonymous; of shared_file */
static int shared_file;
static _Thread_local uint32_t seen[2][SHARED_PAGES][SLOTS];

static word_t *shared_word(char *base, size_t page, size_t slot)
{
	return (word_t *)(base + page * PAGE + (slot * 37 + page) % (PAGE / 8) * 8);
}

static uint64_t coded(int which, size_t page, size_t slot, uint32_t count)
{
	uint64_t place = (uint64_t)which << 60 | page << 40 | slot << 32 | count;

	return count ? mix(config.seed ^ place) << 32 | count : 0;
}

/* The count that a word's value stands for, after a look at it. */
static uint32_t look_at_word(int which, size_t page, size_t slot, uint64_t value, const char *how)
{
	uint32_t count = (uint32_t)value, *last = &seen[which][page][slot];

	if (value != coded(which, page, slot, count))
		complain(&board->wrong_contents, "shared %d page %zu slot %zu, %s, holds %#lx: no such value",
			 which, page, slot, how, value);
	else if (count < *last)
		complain(&board->wrong_contents, "shared %d page %zu slot %zu, %s, is back at %u after %u",
			 which, page, slot, how, count, *last);
	*last = count;
	return count;
}

static void read_shared(int which, size_t page, size_t slot, char *base, const char *how)
{
	look_at_word(which, page, slot, atomic_load(shared_word(base, page, slot)), how);
}

static void add_shared(int which, size_t page, size_t slot)
{
	word_t *p = shared_word(shared[which], page, slot);
	uint64_t value = atomic_load(p);
	uint32_t count;

	do
		count = look_at_word(which, page, slot, value, "when added to");
	while (!atomic_compare_exchange_weak(p, &value, coded(which, page, slot, count + 1)));
	atomic_fetch_add(&board->added, 1);
}

/* Now and then what all of them share leaves this process's map, or memory. */
static void disturb_shared(int which, size_t page)
{
	size_t n = 1 + below(SHARED_PAGES - page);
	char *p = shared[which] + page * PAGE;

	switch (below(6)) {
	case 0: madvise(p, n * PAGE, MADV_DONTNEED); break;
	case 1: madvise(p, n * PAGE, MADV_PAGEOUT); break;
	case 2: madvise(p, n * PAGE, MADV_WILLNEED); break;
	case 3: msync(p, n * PAGE, one_in(4) ? MS_SYNC : MS_ASYNC); break;
	case 4: if (one_in(8)) fsync(shared_file); break;
	}
}

static void do_shared(size_t at, size_t n)
{
	int which = (int)below(2);
	size_t page = below(SHARED_PAGES);

	(void)at;
	for (size_t i = 0; i < n; i++, page = (page + 1) % SHARED_PAGES)
		one_in(2) ? add_shared(which, page, below(SLOTS)) :
			    read_shared(which, page, below(SLOTS), shared[which], "where it is");
	if (one_in(8))
		disturb_shared(which, page);
}

/* The file's words in another place for a while, or by read(2). */
static void do_alias(size_t at, size_t n)
{
	size_t page = below(SHARED_PAGES - n), slot = below(SLOTS);
	char *p;

	(void)at;
	p = mmap(NULL, n * PAGE, PROT_READ, one_in(2) ? MAP_SHARED : MAP_PRIVATE, shared_file,
		 (off_t)(page * PAGE));
	if (p == MAP_FAILED)
		return;
	for (size_t i = 0; i < n; i++)
		read_shared(1, page + i, slot, p - page * PAGE, "mapped again");
	munmap(p, n * PAGE);
}

/* All that was ever added, by the words of one of the two. */
static unsigned long sum_shared(int which, char *base)
{
	unsigned long sum = 0;

	for (size_t page = 0; page < SHARED_PAGES; page++)
		for (size_t slot = 0; slot < SLOTS; slot++)
			sum += look_at_word(which, page, slot, atomic_load(shared_word(base, page, slot)),
					    "at the end");
	return sum;
}

static void make_shared(void)
{
	const char *path = "/root/stress.shared";

	unlink(path);
	shared_file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (shared_file < 0 || unlink(path) || ftruncate(shared_file, SHARED_PAGES * PAGE))
		bail(path);
	shared[0] = must_map(NULL, SHARED_PAGES, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	shared[1] = must_map(NULL, SHARED_PAGES, RW, MAP_SHARED, shared_file);
}

/* The sums once more, from the disk if the cache can be dropped. */
static void check_shared(unsigned long most_lost)
{
	unsigned long added = atomic_load(&board->added), sum = sum_shared(0, shared[0]);
	char *again;
	int fd;

	munmap(shared[1], SHARED_PAGES * PAGE);
	fsync(shared_file);
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || write(fd, "1\n", 2) != 2)
		printf("# the cache was not dropped\n");
	again = must_map(NULL, SHARED_PAGES, PROT_READ, MAP_SHARED, shared_file);
	sum += sum_shared(1, again);
	/* Whoever was killed between adding and counting has not counted. */
	if (!check(sum >= added && sum <= added + most_lost,
		   "what was added to the shared words is there, and on the disk"))
		printf("# %lu were added, there are %lu\n", added, sum);
}

#endif
