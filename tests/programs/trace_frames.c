/* SPDX-License-Identifier: MIT */
/*
 * trace_frames: memory filled, swapped, read back and given back in pieces, and now and then what the
 * kernel says of it: for tests/booted/test_trace_frames.py, which finds those moments in the record
 * by the calls of mark(). Run with less memory than MIB, and a swap area.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL
#define MIB 40UL
#define PAGES (MIB << 20 >> 12)
#define MARK 0x70000000UL /* the first page number of a mark */
#define LOOKS 6

static const char *const files[] = { "/proc/buddyinfo", "/proc/meminfo" };
static char text[2][8192];
static int fds[2];

/* Does nothing, but is recorded with its arguments. */
static void mark(unsigned long n)
{
	madvise((void *)((MARK + n) * PAGE), 0, MADV_NORMAL);
}

/* Several times, for the disk and kswapd may be busy still. */
static void look(void)
{
	static unsigned long n;

	for (int i = 0; i < LOOKS; i++, n++) {
		usleep(20000);
		mark(2 * n);
		for (int f = 0; f < 2; f++) {
			ssize_t len = pread(fds[f], text[f], sizeof(text[f]) - 1, 0);

			text[f][len > 0 ? len : 0] = '\0';
		}
		mark(2 * n + 1);
		printf("look %lu\n%s%s", n, text[0], text[1]);
		fflush(stdout);
	}
}

static void write_file(void)
{
	int fd = open("/trace_frames.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		exit(1);
	for (int i = 0; i < 64; i++)
		if (write(fd, text[0], sizeof(text[0])) != sizeof(text[0]))
			exit(2);
	fsync(fd);
	close(fd);
}

int main(void)
{
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (area == MAP_FAILED)
		return 1;
	memset(text, 1, sizeof(text));
	for (int f = 0; f < 2; f++)
		fds[f] = open(files[f], O_RDONLY);
	look();
	for (size_t i = 0; i < PAGES; i++)
		area[i * PAGE] = 1;
	write_file();
	look();
	for (size_t i = 0; i < PAGES; i += 3)
		if (*(volatile char *)(area + i * PAGE) != 1)
			return 3;
	look();
	for (size_t i = 0; i < PAGES; i += 64)
		munmap(area + i * PAGE, 40 * PAGE);
	look();
	munmap(area, PAGES * PAGE);
	unlink("/trace_frames.tmp");
	look();
	return 0;
}
