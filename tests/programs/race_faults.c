/* SPDX-License-Identifier: MIT */
/*
 * race_faults: faults on the same page by many threads at once. One of them brings the page, all see
 * the same one; and when a write has replaced a page by a copy, no other CPU goes on reading the old.
 */
#include "race.h"

#define PAGES 64UL

static char *area;
static int region_file;

/* ---- Everybody's first touch ---- */

/* Half of the threads read before they write: the zero page is replaced under the others. */
static void touch_the_same(int id)
{
	while (meet()) {
		for (size_t i = 0; i < PAGES; i++) {
			word_t *p = word_at(area, i, 0);
			uint64_t seen = id & 1 ? *p : 0;

			if (seen > (uint64_t)race_threads)
				complain("a new page counts %lu", seen);
			atomic_fetch_add(p, 1);
			*word_at(area, i, 1 + id) = id + 1;
			if (*p <= seen)
				complain("page %zu counted %lu, then %lu", i, seen, (uint64_t)*p);
		}
		if (!meet())
			return;
	}
}

static long faults_so_far(void)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	return now.ru_minflt;
}

static void direct_the_same(void)
{
	long before = faults_so_far(), n;

	madvise(area, PAGES * PAGE, MADV_DONTNEED);
	if (!meet() || !meet())
		return;
	n = faults_so_far() - before;
	if (n < (long)PAGES || n > (long)PAGES * race_threads * 3 + 64)
		complain("%lu pages touched by %d threads at once: %ld faults", PAGES, race_threads,
			 n);
	for (size_t i = 0; i < PAGES; i++) {
		if (*word_at(area, i, 0) != (uint64_t)race_threads)
			complain("page %zu counts %lu", i, (uint64_t)*word_at(area, i, 0));
		for (int id = 0; id < race_threads; id++)
			if (*word_at(area, i, 1 + id) != (uint64_t)id + 1)
				complain("page %zu lost the write of thread %d", i, id);
	}
}

/* The value of a line of /proc/self/status in KiB. */
static long status_kb(const char *name)
{
	static char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *line;

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, name);
	return line ? atol(line + strlen(name)) : -1;
}

static void race_same(void)
{
	long before, after;

	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	before = status_kb("RssAnon:");
	check(race(touch_the_same, direct_the_same),
	      "a page that all touch first at once: one frame, no write is lost");
	madvise(area, PAGES * PAGE, MADV_DONTNEED);
	after = status_kb("RssAnon:");
	/* Linux counts up to 64 pages of a thread late. */
	if (!check(before >= 0 && labs(after - before) <= 64 * 4 + 32,
		   "and RSS is what it was before"))
		printf("# %ld KiB before, %ld after\n", before, after);
	munmap(area, PAGES * PAGE);
}

/* ---- Who replaces a page, and who still reads the old one ---- */

static atomic_ulong told; /* round << 32 | pages written in this round */

static void read_what_was_told(int id)
{
	(void)id;
	while (!stopped()) {
		unsigned long before = atomic_load(&told), n = before & 0xffffffff, page, value;

		now_and_then_yield();
		page = below(PAGES);
		value = *word_at(area, page, 0);
		if (page >= n || atomic_load(&told) >> 32 != before >> 32)
			continue;
		if (value != (before >> 32) + page)
			complain("page %lu of %lu: read %#lx after %#lx was written", page, n,
				 value, (before >> 32) + page);
	}
}

/* Everybody has all pages in its TLB; then each is replaced, and said to be. */
static void replace_and_tell(void)
{
	unsigned long round = ((atomic_load(&told) >> 32) + 1) << 32;

	for (unsigned long i = 0; i < PAGES; i++)
		(void)*word_at(area, i, 0);
	let_others(20);
	for (unsigned long i = 0; i < PAGES; i++) {
		*word_at(area, i, 0) = (round >> 32) + i;
		atomic_store(&told, round | (i + 1));
	}
	let_others(20);
	atomic_store(&told, round);
}

static void replace_zero_pages(void)
{
	atomic_store(&told, ((atomic_load(&told) >> 32) + 1) << 32);
	madvise(area, PAGES * PAGE, MADV_DONTNEED);
	replace_and_tell();
}

static void replace_after_fork(void)
{
	int gate[2];
	pid_t pid;

	if (pipe(gate))
		bail("pipe");
	atomic_store(&told, ((atomic_load(&told) >> 32) + 1) << 32);
	pid = fork();
	if (!pid) {
		char c;

		close(gate[1]);
		_exit(read(gate[0], &c, 1) != 0);
	}
	replace_and_tell();
	close(gate[0]);
	close(gate[1]);
	waitpid(pid, NULL, 0);
}

static void race_replaced(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	atomic_store(&told, 0);
	check(race(read_what_was_told, replace_zero_pages),
	      "a write to the zero page is seen by all who read it before");
	check(race(read_what_was_told, replace_after_fork),
	      "a copy made after fork is seen by all threads that read the old page");
	munmap(area, PAGES * PAGE);

	region_file = make_file(PAGES);
	area = map_at(NULL, PAGES, RW, MAP_PRIVATE, region_file);
	check(race(read_what_was_told, replace_zero_pages),
	      "a private copy of a file's page is seen by all who read the file's");
	munmap(area, PAGES * PAGE);
	area = map_at(NULL, PAGES, RW, MAP_SHARED, region_file);
	check(race(read_what_was_told, replace_zero_pages),
	      "a write through a shared mapping is seen by all");
	munmap(area, PAGES * PAGE);
	close(region_file);
}

/* ---- Atomic operations on pages that come and go ---- */

static atomic_ulong added;

static void add_together(int id)
{
	(void)id;
	while (meet()) {
		for (size_t i = 0; i < PAGES; i++) {
			atomic_fetch_add(word_at(area, i * 7 % PAGES, 5), 1);
			atomic_fetch_add(&added, 1);
		}
		if (!meet())
			return;
	}
}

/* While all add, the pages are made read-only and writable again, by fork, all the time. */
static void direct_adding(void)
{
	unsigned long sum = 0;
	pid_t pid;

	madvise(area, PAGES * PAGE, MADV_DONTNEED);
	atomic_store(&added, 0);
	if (!meet())
		return;
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	if (!meet())
		return;
	for (size_t i = 0; i < PAGES; i++)
		sum += *word_at(area, i, 5);
	if (sum != atomic_load(&added))
		complain("%lu additions, of which %lu arrived", atomic_load(&added), sum);
}

static void race_atomics(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	check(race(add_together, direct_adding),
	      "no addition is lost while a fork makes the pages read-only");
	munmap(area, PAGES * PAGE);
}

/* ---- Soft-dirty marks ---- */

static void forget_writes(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd < 0 || write(fd, "4", 1) != 1)
		complain("clear_refs: %s", strerror(errno));
	close(fd);
}

/* In a round each thread writes a quarter of the pages and reads the others. */
static bool writes_page(int id, size_t page)
{
	return (page + (size_t)id * 3) % 4 == 0;
}

static void write_some(int id)
{
	while (meet()) {
		for (size_t i = 0; i < PAGES; i++) /* while marks are being taken away */
			atomic_fetch_add(word_at(area, i, 0), 1);
		if (!meet() || !meet())
			return;
		for (size_t i = 0; i < PAGES; i++)
			if (writes_page(id, i))
				*word_at(area, i, 1 + id) += 1;
			else if (*word_at(area, i, 0) == 0)
				complain("page %zu is empty", i);
		if (!meet())
			return;
	}
}

static void direct_marks(void)
{
	static uint64_t adds;
	uint64_t entries[PAGES];
	int fd;

	if (!meet())
		return;
	forget_writes();
	forget_writes();
	if (!meet())
		return;
	adds = *word_at(area, 0, 0);
	forget_writes();
	if (!meet() || !meet())
		return;
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (pread(fd, entries, sizeof(entries), (off_t)((uintptr_t)area / PAGE * 8)) !=
	    (ssize_t)sizeof(entries))
		complain("pagemap: %s", strerror(errno));
	close(fd);
	for (size_t i = 0; i < PAGES; i++) {
		bool marked = entries[i] >> 55 & 1, written = false;

		for (int id = 0; id < race_threads; id++)
			written |= writes_page(id, i);
		if (marked != written)
			complain("page %zu is %smarked and was %swritten", i, marked ? "" : "not ",
				 written ? "" : "not ");
		if (*word_at(area, i, 0) != adds)
			complain("page %zu lost an addition", i);
	}
}

static void race_marks(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	check(race(write_some, direct_marks),
	      "soft-dirty marks tell exactly the pages that were written, and no write is lost");
	munmap(area, PAGES * PAGE);
	area = map_at(NULL, PAGES, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	mlock(area, PAGES * PAGE); /* reclaim takes such marks along */
	check(race(write_some, direct_marks), "the same for shared memory");
	munmap(area, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "same", race_same },
		{ "replaced", race_replaced },
		{ "atomics", race_atomics },
		{ "marks", race_marks },
	};

	(void)argc;
	return run_races(tests, COUNT(tests), argv);
}
