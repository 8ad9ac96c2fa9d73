/* SPDX-License-Identifier: MIT */
/*
 * race_files: mappings of a file against truncate, msync, fsync, read and write, and the dropping of
 * cached pages. Beyond the end there is SIGBUS and nothing else, what was cut off never comes back,
 * and no write is lost on its way to the disk.
 */
#include "race.h"

#define PAGES 16UL
#define HALF (PAGES / 2)

static char *area, *private_area;
static int file;
static bool in_memory; /* the file is a memfd: where it goes under pressure is swap */

static int new_file(void)
{
	int fd = in_memory ? memfd_create("race", 0) : make_file(PAGES);

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		bail("new file");
	return fd;
}

static void push_out(void)
{
	if (in_memory && below(2))
		madvise(area, PAGES * PAGE, MADV_PAGEOUT);
}

/* ---- truncate ---- */

/* state THERE: the file is whole, READ_ONLY: whole and not written to, GONE: its second half is cut. */
static void touch_to_the_end(int id)
{
	while (!stopped()) {
		unsigned long before = phase_now(), page = below(PAGES);
		bool private = below(3) == 0,
		     write = !private && before & 1 && (before & 3) == THERE;
		word_t *p = word_at(private ? private_area : area, page, 1 + id);
		uint64_t value = 0;
		int how = write ? try_write(p, before) : try_read(p, &value),
		    state = phase_since(before);

		now_and_then_yield();
		if (page < HALF && how)
			complain("a page before the end gave %#x", how);
		if (how && how != FAULT(SIGBUS, BUS_ADRERR))
			complain("a page of the file gave %#x", how);
		if (state == GONE && page >= HALF && !how)
			complain("page %lu is beyond the end and reads %#lx", page, value);
		if ((state == THERE || state == READ_ONLY) && how)
			complain("a page of the whole file gave %#x", how);
		if (state == READ_ONLY && page >= HALF && value)
			complain("page %lu was cut off, and reads %#lx", page, value);
	}
}

static void direct_truncate(void)
{
	set_phase(THERE);
	let_others(100);
	if (below(2)) /* a copy of its own goes as well */
		try_write(word_at(private_area, PAGES - 1, 1), 99);
	set_phase(CHANGING);
	push_out();
	if (ftruncate(file, HALF * PAGE))
		bail("ftruncate");
	set_phase(GONE);
	let_others(100);
	push_out();
	set_phase(CHANGING);
	if (ftruncate(file, PAGES * PAGE))
		bail("ftruncate");
}

/* A write may begin before the file is cut and end after it is whole again: those are not told apart. */
static void direct_truncate_read(void)
{
	uint64_t ones[PAGE / 8];

	memset(ones, 0xff, sizeof(ones));
	for (size_t i = HALF; i < PAGES; i++)
		if (pwrite(file, ones, PAGE, (off_t)(i * PAGE)) != PAGE)
			bail("pwrite");
	push_out();
	let_others(50);
	if (ftruncate(file, HALF * PAGE))
		bail("ftruncate");
	set_phase(GONE);
	let_others(50);
	set_phase(CHANGING);
	if (ftruncate(file, PAGES * PAGE))
		bail("ftruncate");
	set_phase(READ_ONLY);
	let_others(50);
	set_phase(CHANGING);
}

static void race_truncate(void)
{
	file = new_file();
	area = map_at(NULL, PAGES, RW, MAP_SHARED, file);
	private_area = map_at(NULL, PAGES, RW, MAP_PRIVATE, file);
	check(race(touch_to_the_end, direct_truncate),
	      in_memory ? "the same in shared memory that goes to swap" :
			  "truncate under readers and writers: SIGBUS beyond the end, never before it");
	set_phase(CHANGING);
	let_others(100);
	madvise(private_area, PAGES * PAGE, MADV_DONTNEED);
	if (ftruncate(file, 0) || ftruncate(file, PAGES * PAGE))
		bail("ftruncate");
	check(race(touch_to_the_end, direct_truncate_read),
	      in_memory ? "and zeroes there" :
			  "what was cut off reads as zeroes when the file is long again");
	munmap(area, PAGES * PAGE);
	munmap(private_area, PAGES * PAGE);
	close(file);
}

/* ---- msync, fsync, and what is on the disk ---- */

static uint64_t last_written[MAX_THREADS][PAGES];

/* Each has words of its own, written through the mapping or by pwrite, read by either. */
static void write_and_check(int id)
{
	uint64_t *last = last_written[id], value;

	memset(last, 0, sizeof(last_written[id]));
	while (!stopped()) {
		size_t page = below(PAGES);
		word_t *p = word_at(area, page, 1 + id);
		off_t at = (char *)p - area;

		now_and_then_yield();
		switch (below(8)) {
		case 0:
			value = last[page] + 1;
			if (pwrite(file, &value, 8, at) != 8)
				complain("pwrite: %s", strerror(errno));
			else
				last[page]++;
			break;
		case 1:
			if (pread(file, &value, 8, at) != 8 || value != last[page])
				complain("pread gives %lu after %lu writes", value, last[page]);
			break;
		case 2:
			madvise(area + page * PAGE, PAGE, MADV_DONTNEED);
			break;
		case 3:
		case 4:
			*p = ++last[page];
			break;
		default:
			value = *p;
			if (value != last[page])
				complain("the mapping holds %lu after %lu writes", value,
					 last[page]);
		}
	}
}

static void direct_sync(void)
{
	size_t page = below(PAGES);

	switch (below(5)) {
	case 0:
		msync(area, PAGES * PAGE, MS_SYNC);
		break;
	case 1:
		msync(area + page * PAGE, PAGE, MS_ASYNC);
		break;
	case 2:
		fsync(file);
		break;
	case 3:
		sync();
		break;
	case 4:
		drop_caches();
		break;
	}
}

/* Through mapping, read and write, while reclaim takes what it can. */
static void race_pageout(void)
{
	in_memory = true;
	file = new_file();
	area = map_at(NULL, PAGES, RW, MAP_SHARED, file);
	check(race(write_and_check, push_out), "writes to shared memory on its way to swap and back");
	munmap(area, PAGES * PAGE);
	close(file);
	race_truncate();
	in_memory = false;
}

static void race_sync(void)
{
	file = make_file(PAGES);
	area = map_at(NULL, PAGES, RW, MAP_SHARED, file);
	check(race(write_and_check, direct_sync),
	      "writes through mapping and pwrite, while it is all written back: each is seen by all");
	munmap(area, PAGES * PAGE);
	fsync(file);
	drop_caches();
	area = map_at(NULL, PAGES, PROT_READ, MAP_SHARED, file);
	atomic_store(&race_wrong, 0);
	for (size_t i = 0; i < PAGES; i++)
		for (int id = 0; id < race_threads; id++)
			if (*word_at(area, i, 1 + id) != last_written[id][i])
				complain("the disk has %lu of %lu writes of thread %d to page %zu",
					 (uint64_t)*word_at(area, i, 1 + id), last_written[id][i],
					 id, i);
	check(!race_wrong, "and is on the disk");
	munmap(area, PAGES * PAGE);
	close(file);
}

/* ---- read faults from the disk ---- */

#define BIG 256UL

/* In one mapping, and in one of each thread's own. */
static void read_from_disk(int id)
{
	char *own = map_at(NULL, BIG, PROT_READ, MAP_PRIVATE, file);

	while (!stopped()) {
		size_t page = below(BIG);
		char *from = below(2) ? own : area;

		now_and_then_yield();
		if (*word_at(from, page, 0) != page + 1 ||
		    *word_at(from, page, PAGE / 8 - 1) != page + 1)
			complain("thread %d: page %zu of the file holds %lu", id, page,
				 (uint64_t)*word_at(from, page, 0));
		if (below(64) == 0)
			madvise(from, BIG * PAGE, MADV_DONTNEED);
	}
	munmap(own, BIG * PAGE);
}

static void direct_drop(void)
{
	madvise(area, BIG * PAGE, MADV_DONTNEED);
	drop_caches();
	posix_madvise(area + below(BIG) * PAGE, PAGE, POSIX_MADV_WILLNEED);
	let_others(200);
}

static void race_read(void)
{
	uint64_t page[PAGE / 8] = { 0 };

	file = make_file(BIG);
	for (size_t i = 0; i < BIG; i++) {
		page[0] = page[PAGE / 8 - 1] = i + 1;
		if (pwrite(file, page, PAGE, (off_t)(i * PAGE)) != PAGE)
			bail("pwrite");
	}
	fsync(file);
	area = map_at(NULL, BIG, PROT_READ, MAP_SHARED, file);
	check(race(read_from_disk, direct_drop),
	      "read faults by all at once, of pages that are dropped and read again");
	munmap(area, BIG * PAGE);
	close(file);
}

/* ---- the page cache is emptied against faults ---- */

#define FORGET_PAGES 16UL

static word_t *forgotten; /* a mapping of the whole file */
static atomic_ulong written;

/* What is mapped is the file's page: it has what was written before the look, or something newer. */
static void look_at_file(int id)
{
	while (!stopped()) {
		size_t page = below(FORGET_PAGES);
		unsigned long least = atomic_load(&written);
		uint64_t value = *word_at(forgotten, page, 0);

		if (value < least)
			complain("thread %d: page %zu has %lu after %lu was written", id, page,
				 (unsigned long)value, least);
		if (!below(8))
			madvise(forgotten, FORGET_PAGES * PAGE, MADV_DONTNEED);
		now_and_then_yield();
	}
}

static int forget_fd;

static void write_and_forget(void)
{
	uint64_t value = atomic_load(&written) + 1;

	for (size_t i = 0; i < FORGET_PAGES; i++)
		if (pwrite(forget_fd, &value, sizeof(value), (off_t)(i * PAGE)) != sizeof(value))
			bail("pwrite");
	atomic_store(&written, value);
	fdatasync(forget_fd);
	madvise(forgotten, FORGET_PAGES * PAGE, MADV_DONTNEED);
	if (value % 4)
		drop_caches(); /* by the lists, as reclaim does */
	else
		posix_fadvise(forget_fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void race_forget(void)
{
	forget_fd = make_file(FORGET_PAGES);
	forgotten = map_at(NULL, FORGET_PAGES, PROT_READ, MAP_SHARED, forget_fd);
	check(race(look_at_file, write_and_forget),
	      "a page leaves the cache, or is mapped, not both");
	munmap(forgotten, FORGET_PAGES * PAGE);
	close(forget_fd);
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "truncate", race_truncate },
		{ "sync", race_sync },
		{ "read", race_read },
		{ "forget", race_forget },
		{ "pageout", race_pageout },
	};

	(void)argc;
	return run_races(tests, COUNT(tests), argv);
}
