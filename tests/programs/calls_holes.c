/* SPDX-License-Identifier: MIT */
/* calls_holes: fallocate, SEEK_DATA and SEEK_HOLE, and what a hole shows to those who map the file. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096L
/* linux/falloc.h, which musl does not bring. */
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10
#define FALLOC_FL_INSERT_RANGE 0x20
#define FALLOC_FL_UNSHARE_RANGE 0x40
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static char name[] = "holes.tmp";

/* A file of @pages pages, each full of its number + 1. */
static int filled(int pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	char page[PAGE];

	for (int i = 0; i < pages; i++) {
		memset(page, i + 1, sizeof(page));
		if (write(fd, page, sizeof(page)) != PAGE)
			_exit(99);
	}
	return fd;
}

static int reads(int fd, long from, long to, char want)
{
	char *p = malloc((size_t)(to - from));
	int same = pread(fd, p, (size_t)(to - from), from) == to - from && all(p, to - from, want);

	free(p);
	return same;
}

static long blocks(int fd)
{
	struct stat st;

	fsync(fd);
	return fstat(fd, &st) ? -1 : (long)st.st_blocks;
}

static void refusals(void)
{
	int fd = filled(1), ro = open(name, O_RDONLY), dir = open(".", O_RDONLY), fds[2];
	int null = open("/dev/null", O_WRONLY), path = open(name, O_PATH);

	check(fails(fallocate(fd, 0, -1, 1), EINVAL) && fails(fallocate(fd, 0, 0, 0), EINVAL) &&
		      fails(fallocate(fd, 0, 0, -1), EINVAL),
	      "fallocate: bad range, EINVAL");
	check(fails(fallocate(-1, 0, 0, 1), EBADF) && fails(fallocate(ro, 0, 0, 1), EBADF) &&
		      fails(fallocate(path, 0, 0, 1), EBADF),
	      "not open for writing: EBADF");
	check(fails(fallocate(ro, 0x100, 0, 1), EOPNOTSUPP) &&
		      fails(fallocate(ro, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP) &&
		      fails(fallocate(ro, PUNCH | FALLOC_FL_ZERO_RANGE, 0, 1), EOPNOTSUPP),
	      "modes that there are not: EOPNOTSUPP");
	check(fails(fallocate(ro, FALLOC_FL_COLLAPSE_RANGE | 1, 0, 1), EINVAL) &&
		      fails(fallocate(ro, FALLOC_FL_INSERT_RANGE | 1, 0, 1), EINVAL) &&
		      fails(fallocate(ro, FALLOC_FL_UNSHARE_RANGE | PUNCH, 0, 1), EINVAL),
	      "modes that do not go together: EINVAL");
	check(pipe(fds) == 0 && fails(fallocate(fds[1], 0, 0, 1), ESPIPE), "a pipe: ESPIPE");
	check(fails(fallocate(null, 0, 0, 1), ENODEV), "a device: ENODEV");
	check(fails(fallocate(dir, 0, 0, 1), EBADF), "a directory cannot be written: EBADF");
	check(fails(fallocate(fd, 0, 0x7fffffffffffffff, 1), EFBIG), "too far: EFBIG");
	check(fails(fallocate(fd, 0, 0, PAGE), EOPNOTSUPP) &&
		      fails(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, PAGE), EOPNOTSUPP) &&
		      fails(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE), EOPNOTSUPP) &&
		      fails(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), EOPNOTSUPP),
	      "an ext2 disk can only make holes");
	check(posix_fallocate(fd, 0, PAGE) == EOPNOTSUPP, "posix_fallocate says so too");
	close(fds[0]);
	close(fds[1]);
	close(null);
	close(dir);
	close(ro);
	close(path);
	close(fd);
}

static void punching(void)
{
	int fd = filled(40);
	long before = blocks(fd);

	check(fallocate(fd, PUNCH, 2 * PAGE, 3 * PAGE) == 0 && reads(fd, 2 * PAGE, 5 * PAGE, 0) &&
		      reads(fd, PAGE, 2 * PAGE, 2) && reads(fd, 5 * PAGE, 6 * PAGE, 6),
	      "a hole of three pages reads as zeroes, its neighbours stay");
	check(blocks(fd) == before - 24, "and its blocks are free");
	check(fallocate(fd, PUNCH, 20 * PAGE + 100, PAGE) == 0 &&
		      reads(fd, 20 * PAGE, 20 * PAGE + 100, 21) &&
		      reads(fd, 20 * PAGE + 100, 21 * PAGE + 100, 0) &&
		      reads(fd, 21 * PAGE + 100, 22 * PAGE, 22),
	      "parts of pages are zeroed");
	check(fallocate(fd, PUNCH, 25 * PAGE + 10, 20) == 0 &&
		      reads(fd, 25 * PAGE, 25 * PAGE + 10, 26) &&
		      reads(fd, 25 * PAGE + 10, 25 * PAGE + 30, 0) &&
		      reads(fd, 25 * PAGE + 30, 26 * PAGE, 26),
	      "a part inside one page");
	check(fallocate(fd, PUNCH, 0, 1L << 40) == 0 && reads(fd, 0, 40 * PAGE, 0) &&
		      lseek(fd, 0, SEEK_END) == 40 * PAGE && blocks(fd) <= 8,
	      "all of it, and more: the size stays, no data is left");
	check(fallocate(fd, PUNCH, 100 * PAGE, PAGE) == 0 && lseek(fd, 0, SEEK_END) == 40 * PAGE,
	      "behind its end there is nothing to do");
	check(pwrite(fd, "abc", 3, 30 * PAGE) == 3 && reads(fd, 30 * PAGE + 3, 31 * PAGE, 0) &&
		      blocks(fd) > 0,
	      "it can be written again");
	close(fd);
}

static void mapped(void)
{
	int fd = filled(8);
	char *shared = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	private[PAGE] = 'c';
	check(private[2 * PAGE] == 3 && private[3 * PAGE] == 4, "pages of the file are mapped");
	shared[2 * PAGE] = 's';
	check(fallocate(fd, PUNCH, PAGE, 3 * PAGE) == 0 && shared[PAGE] == 0 &&
		      all(shared + PAGE, 3 * PAGE, 0),
	      "a shared mapping sees the hole");
	check(private[PAGE] == 'c' && private[PAGE + 1] == 2, "a private copy stays what it is");
	check(private[2 * PAGE] == 0 && private[3 * PAGE] == 0,
	      "what a private mapping shows of the file has gone");
	shared[2 * PAGE + 5] = 'n';
	check(msync(shared, 8 * PAGE, MS_SYNC) == 0 && reads(fd, 2 * PAGE, 2 * PAGE + 5, 0) &&
		      reads(fd, 2 * PAGE + 5, 2 * PAGE + 6, 'n') && private[2 * PAGE + 5] == 'n',
	      "a store through a mapping fills the hole again");
	munmap(shared, 8 * PAGE);
	munmap(private, 8 * PAGE);
	close(fd);
}

static void seeking(void)
{
	int fd = filled(0);

	check(fails(lseek(fd, 0, SEEK_DATA), ENXIO) && fails(lseek(fd, 0, SEEK_HOLE), ENXIO),
	      "an empty file has neither data nor hole");
	pwrite(fd, "x", 1, 3 * PAGE + 7);
	pwrite(fd, "y", 1, 2000 * PAGE);
	ftruncate(fd, 3000 * PAGE);
	check(lseek(fd, 0, SEEK_DATA) == 3 * PAGE && lseek(fd, 0, SEEK_HOLE) == 0,
	      "it begins with a hole");
	check(lseek(fd, 3 * PAGE + 9, SEEK_DATA) == 3 * PAGE + 9 &&
		      lseek(fd, 3 * PAGE + 9, SEEK_HOLE) == 4 * PAGE,
	      "in data, data is here");
	check(lseek(fd, 4 * PAGE, SEEK_DATA) == 2000 * PAGE &&
		      lseek(fd, 5 * PAGE + 5, SEEK_HOLE) == 5 * PAGE + 5,
	      "in a hole, the hole is here");
	check(fails(lseek(fd, 2001 * PAGE, SEEK_DATA), ENXIO), "no data behind: ENXIO");
	check(lseek(fd, 2000 * PAGE + 1, SEEK_HOLE) == 2001 * PAGE &&
		      lseek(fd, 0, SEEK_CUR) == 2001 * PAGE,
	      "the position moves there");
	check(fails(lseek(fd, 3000 * PAGE, SEEK_HOLE), ENXIO) &&
		      fails(lseek(fd, -1, SEEK_DATA), ENXIO) && fails(lseek(fd, 0, 5), EINVAL),
	      "at the end and beyond: ENXIO");
	ftruncate(fd, 2000 * PAGE + 10);
	check(lseek(fd, 2000 * PAGE, SEEK_HOLE) == 2000 * PAGE + 10, "the end counts as a hole");
	fallocate(fd, PUNCH, 3 * PAGE, PAGE);
	check(lseek(fd, 0, SEEK_DATA) == 2000 * PAGE, "a punched hole is one");
	close(fd);
}

int main(void)
{
	mkdir("/holes", 0755); /* on the disk: /tmp may be another file system */
	if (chdir("/holes"))
		return 1;
	refusals();
	punching();
	mapped();
	seeking();
	unlink(name);
	rmdir("/holes");
	return checks_done();
}
