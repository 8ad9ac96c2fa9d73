/* SPDX-License-Identifier: MIT */
/*
 * audit - sets up memory of every kind, then lets the debug kernel break each of its records in turn and
 * say whether the audit sees it (/proc/mm_audit_spoil, TAP). Ends with the audit of what is left, which
 * must be nothing. With an argument: how long an audit takes, in microseconds, the best of five.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define FILE_NAME "/audit.tmp"
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

/* The whole text of a file of /proc. */
static const char *text_of(const char *path)
{
	static char text[32768];
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static long microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int measure(void)
{
	long best = 1L << 40;

	for (int i = 0; i < 5; i++) {
		long begin = microseconds();

		text_of("/proc/mm_audit");
		begin = microseconds() - begin;
		best = begin < best ? begin : best;
	}
	printf("an audit takes %ld us\n", best);
	return 0;
}

int main(int argc, char **argv)
{
	int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	char *p;

	(void)argv;
	if (argc > 1)
		return measure();
	if (fd < 0 || ftruncate(fd, 4 * PAGE)) {
		perror(FILE_NAME);
		return 2;
	}
	memset(map(4, rw, anon, -1), 1, 4 * PAGE);       /* pages of its own */
	memset(map(4, rw, MAP_SHARED, fd), 2, 2 * PAGE); /* of a file, written */
	*(volatile char *)map(4, rw, anon, -1);          /* the zero page */
	mprotect(map(4, rw, anon, -1), PAGE, PROT_NONE); /* two untouched VMAs side by side */
	p = map(16, rw, anon | MAP_NORESERVE, -1);
	memset(p, 3, 16 * PAGE);
	madvise(p, 8 * PAGE, MADV_PAGEOUT); /* swap entries */
	fputs(text_of("/proc/mm_audit_spoil"), stdout);
	printf("# and all put back: %s", text_of("/proc/mm_audit"));
	unlink(FILE_NAME);
	return strcmp(text_of("/proc/mm_audit"), "ok\n") ? 1 : 0;
}
