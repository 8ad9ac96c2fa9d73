/* SPDX-License-Identifier: MIT */
/* calls_memfd: memfd_create, its seals, and what they forbid. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096L
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define RW (PROT_READ | PROT_WRITE)

/* A file of four pages that can be sealed, the first byte of each its number + 1. */
static int filled(void)
{
	int fd = memfd_create("filled", MFD_ALLOW_SEALING);

	for (char i = 1; i <= 4; i++)
		if (pwrite(fd, &i, 1, (i - 1) * PAGE) != 1)
			_exit(99);
	ftruncate(fd, 4 * PAGE);
	return fd;
}

static void test_create(void)
{
	char name[300], link[300], path[64];
	int fd = memfd_create("name with / and \n", MFD_CLOEXEC);
	struct statfs fs;
	struct stat st;
	ssize_t len;

	check(fd >= 0, "memfd_create");
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "MFD_CLOEXEC");
	check(!fstat(fd, &st) && st.st_mode == (S_IFREG | 0777) && !st.st_size && !st.st_nlink &&
		      !st.st_blocks,
	      "an empty file with mode 0777 and no name");
	check(!fstatfs(fd, &fs) && fs.f_type == 0x01021994, "of tmpfs");
	check((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR, "open to read and write");
	close(fd);
	fd = memfd_create("", 0);
	check(fcntl(fd, F_GETFD) == 0, "without MFD_CLOEXEC it survives exec");
	close(fd);
	memset(name, 'n', sizeof(name));
	name[249] = '\0';
	fd = memfd_create(name, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link));
	check(len == 7 + 249 + 10 && !memcmp(link, "/memfd:nnn", 10) &&
		      !memcmp(link + len - 10, " (deleted)", 10),
	      "249 bytes of name, shown by /proc/self/fd");
	close(fd);
	name[249] = 'n';
	name[250] = '\0';
	check(fails(memfd_create(name, 0), EINVAL), "EINVAL: one more");
	check(fails(memfd_create((void *)8, 0), EFAULT), "EFAULT");
	check(fails(memfd_create("x", 0x100), EINVAL), "EINVAL: no such flag");
	check(fails(memfd_create("x", 21u << 26), EINVAL), "EINVAL: a size without MFD_HUGETLB");
	check(fails(memfd_create("x", MFD_HUGETLB | 22u << 26), ENODEV),
	      "ENODEV: no such huge pages");
	fd = memfd_create("x", MFD_HUGETLB);
	check(fd >= 0 && fails(write(fd, "x", 1), EINVAL) && !ftruncate(fd, 2 << 20) &&
		      fails((long)mmap(NULL, 2 << 20, RW, MAP_SHARED, fd, 0), ENOMEM),
	      "MFD_HUGETLB where there are none: a file, but no memory");
	close(fd);
}

static bool name_in_maps(const void *p, const char *want)
{
	char line[512], name[256];
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start;
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%lx-%*x %*s %*x %*x:%*x %*u %255[^\n]", &start, name) == 2 &&
			start == (unsigned long)p && !strcmp(name, want);
	if (f)
		fclose(f);
	return found;
}

static void test_contents(void)
{
	int fd = memfd_create("both", 0);
	char *shared, *private, byte = 0;
	struct stat st;

	check(write(fd, "hello", 5) == 5 && !ftruncate(fd, 3 * PAGE), "written, and made longer");
	shared = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	private = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	check(!memcmp(shared, "hello", 6), "mapped, it shows what was written");
	check(name_in_maps(shared, "/memfd:both (deleted)"), "/proc/self/maps names it");
	shared[2 * PAGE] = 'x';
	check(pread(fd, &byte, 1, 2 * PAGE) == 1 && byte == 'x', "read sees a store");
	check(private[2 * PAGE] == 'x', "so does a private mapping");
	private[0] = 'j';
	check(shared[0] == 'h', "whose stores nobody else sees");
	check(!fstat(fd, &st) && st.st_blocks == 16, "two pages have memory, the hole has none");
	check(lseek(fd, 0, SEEK_HOLE) == PAGE && lseek(fd, PAGE, SEEK_DATA) == 2 * PAGE,
	      "SEEK_HOLE, SEEK_DATA");
	check(shared[PAGE] == 0, "the hole reads as zero");
	check(!ftruncate(fd, PAGE + 1) && !ftruncate(fd, 3 * PAGE) && !shared[2 * PAGE] &&
		      private[0] == 'j',
	      "cut and grown: zeroes, and copies that stay");
	munmap(shared, 3 * PAGE);
	munmap(private, 3 * PAGE);
	close(fd);
}

/* Three pages full of x but for zeroes from one place to another, and as many blocks. */
static bool has_hole(int fd, long from, long to, long blocks)
{
	static char text[3 * PAGE + 1];
	struct stat st;

	return pread(fd, text, sizeof(text), 0) == 3 * PAGE && !fstat(fd, &st) &&
	       st.st_blocks == blocks && all(text, from, 'x') && all(text + from, to - from, '\0') &&
	       all(text + to, 3 * PAGE - to, 'x');
}

static void test_holes(void)
{
	static char text[3 * PAGE];
	int fd = memfd_create("holes", 0);
	char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	memset(text, 'x', sizeof(text));
	pwrite(fd, text, sizeof(text), 0);
	check(!fallocate(fd, PUNCH, 100, 50) && has_hole(fd, 100, 150, 24), "a hole within a page");
	pwrite(fd, text, sizeof(text), 0);
	check(!fallocate(fd, PUNCH, PAGE - 1, PAGE + 2) && has_hole(fd, PAGE - 1, 2 * PAGE + 1, 16),
	      "one with parts of the pages before and behind");
	pwrite(fd, text, sizeof(text), 0);
	check(!fallocate(fd, PUNCH, 2 * PAGE, 9 * PAGE) && has_hole(fd, 2 * PAGE, 3 * PAGE, 16),
	      "one beyond the end");
	pwrite(fd, text, sizeof(text), 0);
	check(!ftruncate(fd, PAGE + 10) && p[PAGE + 9] == 'x' && all(p + PAGE + 10, PAGE - 10, 0),
	      "cut within a page: a mapping shows zeroes behind the end");
	check(!ftruncate(fd, 3 * PAGE) && has_hole(fd, PAGE + 10, 3 * PAGE, 16),
	      "grown again: zeroes from there");
	munmap(p, 3 * PAGE);
	close(fd);
}

static void test_seals(void)
{
	int fd = memfd_create("plain", 0), disk, ends[2];

	check(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL, "without MFD_ALLOW_SEALING: F_SEAL_SEAL");
	check(fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM), "EPERM: no more seals");
	close(fd);
	fd = filled();
	check(fcntl(fd, F_GET_SEALS) == 0, "with it: none");
	check(fails(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL), "EINVAL: no such seal");
	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) && fcntl(fd, F_GET_SEALS) == F_SEAL_SHRINK,
	      "F_SEAL_SHRINK");
	check(fails(ftruncate(fd, PAGE), EPERM) && !ftruncate(fd, 5 * PAGE) &&
		      !ftruncate(fd, 5 * PAGE),
	      "forbids to shrink, not to grow");
	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) &&
		      fcntl(fd, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK),
	      "F_SEAL_GROW comes to it");
	check(fails(ftruncate(fd, 6 * PAGE), EPERM), "ftruncate: EPERM");
	check(pwrite(fd, "xy", 2, 5 * PAGE - 1) == 1,
	      "write over the end of a page: the part before");
	check(fails(pwrite(fd, "x", 1, 5 * PAGE), EPERM), "write behind the end: EPERM");
	check(fails(fallocate(fd, 0, 0, 6 * PAGE), EPERM), "fallocate: EPERM");
	check(pwrite(fd, "z", 1, 0) == 1, "write inside goes on");
	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) &&
		      fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM),
	      "F_SEAL_SEAL ends it");
	close(fd);
	fd = memfd_create("odd", MFD_ALLOW_SEALING);
	check(!ftruncate(fd, 10) && !fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) &&
		      fails(pwrite(fd, "xy", 2, 9), EPERM) && pwrite(fd, "y", 1, 9) == 1,
	      "over the end within a page: EPERM");
	check(!ftruncate(fd, 5) && fails(ftruncate(fd, 6), EPERM), "it may shrink, for good");
	close(fd);
	disk = open("/proc/self/exe", O_RDONLY);
	check(fails(fcntl(disk, F_GET_SEALS), EINVAL), "a file of a disk has none: EINVAL");
	close(disk);
	pipe(ends);
	check(fails(fcntl(ends[1], F_GET_SEALS), EINVAL), "nor has a pipe");
	close(ends[0]);
	close(ends[1]);
}

static void test_write_seal(void)
{
	int fd = filled(), reader;
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *q, path[64], byte;

	check(fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY), "EBUSY: mapped writable");
	mprotect(p, PAGE, PROT_READ);
	check(fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY),
	      "also if it only could become so");
	munmap(p, PAGE);
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), "a private mapping does not matter");
	q[0] = 'p';
	munmap(q, PAGE);
	check(fails(write(fd, "x", 1), EPERM) && fails(pwrite(fd, "x", 1, 9 * PAGE), EPERM),
	      "write: EPERM");
	check(fails(fallocate(fd, PUNCH, 0, PAGE), EPERM), "a hole: EPERM");
	check(!ftruncate(fd, 2 * PAGE) && !ftruncate(fd, 4 * PAGE), "its size may change");
	check(fails((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM),
	      "no shared mapping to write");
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(p != MAP_FAILED && p[0] == 1 && fails(mprotect(p, PAGE, RW), EACCES),
	      "one to read, which stays so");
	munmap(p, PAGE);
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	check(p != MAP_FAILED && p[0] == 1, "a private one");
	munmap(p, PAGE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	check(reader >= 0 && pread(reader, &byte, 1, PAGE) == 1 && byte == 2,
	      "opened again, to read");
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	check(p != MAP_FAILED && p[0] == 1 && fails(mprotect(p, PAGE, RW), EACCES),
	      "and mapped shared, never to be written");
	check(fails(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW), EPERM), "EPERM: not open for writing");
	munmap(p, PAGE);
	close(reader);
	close(fd);
}

static void test_future_write(void)
{
	int fd = filled();
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *q, byte = 0;

	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), "F_SEAL_FUTURE_WRITE while mapped");
	p[0] = 'f';
	check(pread(fd, &byte, 1, 0) == 1 && byte == 'f', "who has it mapped writes on");
	check(fails(pwrite(fd, "x", 1, 0), EPERM), "write: EPERM");
	check(fails(fallocate(fd, PUNCH, 0, PAGE), EPERM), "a hole: EPERM");
	check(fails((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 2 * PAGE), EPERM),
	      "a new writable mapping: EPERM");
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	check(q != MAP_FAILED && q[0] == 3 && fails(mprotect(q, PAGE, RW), EACCES),
	      "one to read, which stays so");
	munmap(p, PAGE);
	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), "which is no obstacle to F_SEAL_WRITE");
	munmap(q, PAGE);
	close(fd);
}

/* Anonymous shared memory and /dev/zero are such files, too. */
static void test_anonymous(void)
{
	int zero = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, zero, 0);

	check(name_in_maps(p, "/dev/zero (deleted)") && name_in_maps(q, "/dev/zero (deleted)"),
	      "shared anonymous memory and /dev/zero are called /dev/zero (deleted)");
	p[0] = 1;
	check(q[0] == 0, "each is memory of its own");
	munmap(p, PAGE);
	munmap(q, 2 * PAGE);
	close(zero);
}

int main(void)
{
	test_create();
	test_contents();
	test_holes();
	test_seals();
	test_write_seal();
	test_future_write();
	test_anonymous();
	return checks_done();
}
