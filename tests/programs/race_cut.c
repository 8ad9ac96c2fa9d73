/* SPDX-License-Identifier: MIT */
/*
 * race_cut: files that grow, are cut, and are read before anybody asked, by more than the disk takes at a
 * time. What was cut off is zero, what was written is on the disk.
 */
#include "race.h"

static int file;

/* ---- growing and cutting ---- */

#define PAGES 12UL

static char *area;

/* A word of the file is zero, or says what page it was written to. */
static void look_at_words(const char *data, size_t n)
{
	const uint64_t *words = (const uint64_t *)data;

	for (size_t i = 0; i < n / 8; i++)
		if (words[i] && words[i] >> 32 != i / (PAGE / 8) + 1)
			complain("word %zu of the file is %#lx", i, words[i]);
}

static void grow_and_cut(int id)
{
	uint64_t words[PAGE / 8], turn = 0;

	while (!stopped()) {
		unsigned long page =
			below(PAGES / (unsigned)race_threads) * (unsigned)race_threads +
			(unsigned)id;

		if (atomic_load(&race_phase) % 4 == GONE && (!meet() || !meet()))
			return;
		for (size_t i = 0; i < COUNT(words); i++)
			words[i] = (page + 1) << 32 | ++turn >> 9;
		switch (below(8)) {
		case 0:
			if (ftruncate(file, (off_t)(below(PAGES * PAGE / 8) * 8)))
				complain("truncate: %s", strerror(errno));
			break;
		case 1:
			try_write(word_at(area, page, 0), words[0]);
			break;
		case 2:
			if (fsync(file) || posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED))
				complain("fsync: %s", strerror(errno));
			break;
		case 3:
			if (pread(file, words, PAGE, (off_t)(below(PAGES) * PAGE)) < 0)
				complain("read: %s", strerror(errno));
			break;
		default:
			if (pwrite(file, words, PAGE, (off_t)(page * PAGE)) != (ssize_t)PAGE)
				complain("write: %s", strerror(errno));
		}
	}
}

/* Nobody works: what the file reads as is what the disk has. */
static void compare_with_disk(void)
{
	static char before[PAGES * PAGE] __attribute__((aligned(8))), after[PAGES * PAGE];
	ssize_t n, again;

	usleep(3000);
	set_phase(GONE);
	if (!meet())
		return;
	set_phase(THERE);
	n = pread(file, before, sizeof(before), 0);
	look_at_words(before, n > 0 ? (size_t)n : 0);
	if (fsync(file))
		complain("fsync: %s", strerror(errno));
	posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	again = pread(file, after, sizeof(after), 0);
	if (n != again)
		complain("%ld bytes in the cache, %ld on the disk", (long)n, (long)again);
	for (ssize_t i = 0; i < n; i++) {
		if (before[i] == after[i])
			continue;
		complain("byte %ld is %#x in the cache, %#x on the disk", (long)i, before[i],
			 after[i]);
		break;
	}
	meet();
}

static void test_cut(void)
{
	bool passed;

	file = make_file(PAGES);
	area = map_at(NULL, PAGES, RW, MAP_SHARED, file);
	set_phase(THERE);
	passed = race(grow_and_cut, compare_with_disk);
	check(passed, "a file that grows and is cut is on the disk as it reads");
	munmap(area, PAGES * PAGE);
	close(file);
}

/* Reading ahead goes on where the file is cut off: such a page must not believe it has a block. */
static void read_ahead(int id)
{
	char page[PAGE];

	while (meet()) {
		if (id % 2)
			try_read(word_at(area, below(PAGES), 0), &(uint64_t){ 0 });
		else if (pread(file, page, PAGE, (off_t)(below(PAGES) * PAGE)) < 0)
			complain("read: %s", strerror(errno));
		if (!meet())
			break;
	}
}

static void fill(char *data, char c)
{
	memset(data, c, PAGES * PAGE);
	if (pwrite(file, data, PAGES * PAGE, 0) != (ssize_t)(PAGES * PAGE) || fsync(file))
		complain("write: %s", strerror(errno));
	posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

static void cut_and_write_again(void)
{
	static char data[PAGES * PAGE];

	fill(data, 'a');
	meet();
	let_others((long)below(2000));
	if (ftruncate(file, 0))
		complain("truncate: %s", strerror(errno));
	meet();
	fill(data, 'b');
	if (pread(file, data, sizeof(data), 0) != (ssize_t)sizeof(data))
		complain("the file is short");
	for (size_t i = 0; i < sizeof(data); i += PAGE)
		if (data[i] != 'b')
			complain("page %zu was written, and reads %#x", i / PAGE, data[i]);
}

static void test_ahead(void)
{
	bool passed;

	file = make_file(PAGES);
	area = map_at(NULL, PAGES, PROT_READ, MAP_SHARED, file);
	passed = race(read_ahead, cut_and_write_again);
	check(passed, "what is written where reading ahead met the cut reaches the disk");
	munmap(area, PAGES * PAGE);
	close(file);
}

/* ---- more readers than the disk takes requests ---- */

#define CROWD 80
#define CROWD_PAGES 16 /* the last ones are found through a block of numbers */

/* The file of reader @n, opened with @flags. */
static int crowd_file(int n, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/root/race.%d", n);
	fd = open(path, flags, 0600);
	if (fd < 0)
		bail(path);
	unlink(path);
	return fd;
}

static int read_in_crowd(int fd, int go, int n)
{
	static char data[CROWD_PAGES * PAGE];
	char c;

	if (read(go, &c, 1) || pread(fd, data, sizeof(data), 0) != (ssize_t)sizeof(data))
		return 1;
	for (size_t i = 0; i < sizeof(data); i++)
		if (data[i] != (char)n)
			return 1;
	return 0;
}

static void test_crowd(void)
{
	static char data[CROWD_PAGES * PAGE];
	int go[2], status, failed = 0, fd[CROWD];

	if (pipe(go))
		bail("pipe");
	for (int n = 0; n < CROWD; n++) {
		memset(data, n, sizeof(data));
		fd[n] = crowd_file(n, O_RDWR | O_CREAT | O_TRUNC);
		if (write(fd[n], data, sizeof(data)) != (ssize_t)sizeof(data))
			bail("write");
	}
	sync();
	drop_caches();
	for (int n = 0; n < CROWD; n++) {
		pid_t pid = fork();

		if (pid < 0)
			bail("fork");
		close(pid ? -1 : go[1]);
		if (!pid)
			_exit(read_in_crowd(fd[n], go[0], n));
	}
	close(go[1]); /* which is the sign to begin */
	while (wait(&status) > 0)
		failed += status != 0;
	check(!failed, "more tasks read than the disk takes requests");
	close(go[0]);
	for (int n = 0; n < CROWD; n++)
		close(fd[n]);
}

static const struct race_test tests[] = {
	{ "cut", test_cut },
	{ "ahead", test_ahead },
	{ "crowd", test_crowd },
};

int main(int argc, char **argv)
{
	(void)argc;
	return run_races(tests, COUNT(tests), argv);
}
