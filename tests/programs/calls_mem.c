/* SPDX-License-Identifier: MIT */
/*
 * calls_mem: calls of the mmap family that other programs do not go through: holes made by
 * madvise(MADV_REMOVE), remap_file_pages, limits of who is not root. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"
#include "tap.h"

#define RW (PROT_READ | PROT_WRITE)
#define REMOVE 9
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Page i of the file holds 'a' + i. */
static void fill(int fd, int pages)
{
	char page[PAGE];

	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		if (pwrite(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE)
			bail("write");
	}
}

static void test_remove(int fd, const char *what)
{
	struct stat before, after;
	char byte = 1, *p, *q;

	fill(fd, 8);
	fsync(fd);
	fstat(fd, &before);
	p = map_pages(8, RW, MAP_SHARED, fd);
	q = map_pages(8, PROT_READ, MAP_PRIVATE, fd);
	ok(peek(p + 2 * PAGE) == 'c' && peek(q + 2 * PAGE) == 'c', "%s: two mappings", what);
	poke(p + 3 * PAGE, 'X');
	ok_eq(madvise(p + 2 * PAGE, 2 * PAGE, REMOVE), 0, "madvise REMOVE makes a hole");
	fstat(fd, &after); /* before a read through shared memory fills it */
	ok(!peek(p + 2 * PAGE) && !peek(p + 3 * PAGE), "which reads as zeroes");
	ok(!peek(q + 2 * PAGE), "in other mappings, too");
	ok(pread(fd, &byte, 1, (off_t)(2 * PAGE)) == 1 && !byte, "and through read");
	ok(peek(p + PAGE) == 'b' && peek(p + 4 * PAGE) == 'e', "around it all is as it was");
	ok_eq(after.st_size, before.st_size, "the file is as long as before");
	ok(after.st_blocks < before.st_blocks, "and has fewer blocks");
	poke(p + 2 * PAGE, 'Y');
	ok(pread(fd, &byte, 1, (off_t)(2 * PAGE)) == 1 && byte == 'Y', "a hole can be filled");
	munmap(p, 8 * PAGE);
	munmap(q, 8 * PAGE);
}

static void test_remove_refused(int fd)
{
	char *p = map_pages(1, RW, MAP_PRIVATE, -1), *q = map_pages(1, RW, MAP_PRIVATE, fd);
	char *s = map_pages(2, RW, MAP_SHARED, fd);
	int ro = open("/proc/self/exe", O_RDONLY);
	char *r = map_pages(1, PROT_READ, MAP_SHARED, ro);

	ok_errno(madvise(p, PAGE, REMOVE), EINVAL, "anonymous memory has no file");
	ok_errno(madvise(q, PAGE, REMOVE), EACCES, "nor may a private mapping change it");
	ok_errno(madvise(r, PAGE, REMOVE), EACCES, "nor who opened it for reading");
	mlock(s, PAGE);
	ok_errno(madvise(s, PAGE, REMOVE), EINVAL, "locked pages stay");
	munlock(s, PAGE);
	mprotect(s, PAGE, PROT_READ);
	ok_eq(madvise(s, PAGE, REMOVE), 0, "that mprotect took the right to write does not matter");
	munmap(s + PAGE, PAGE);
	ok_errno(madvise(s, 2 * PAGE, REMOVE), ENOMEM, "what is not mapped is told in the end");
	munmap(p, PAGE);
	munmap(q, PAGE);
	munmap(s, PAGE);
	munmap(r, PAGE);
	close(ro);
}

static long remap(void *addr, size_t len, int prot, size_t pgoff, int flags)
{
	return syscall(SYS_remap_file_pages, addr, len, prot, pgoff, flags);
}

static void test_remap(int fd)
{
	char *p, *q;

	fill(fd, 8);
	p = map_pages(4, RW, MAP_SHARED, fd);
	ok_eq(remap(p, PAGE, 0, 3, 0), 0, "remap_file_pages of the first page");
	ok(peek(p) == 'd' && peek(p + PAGE) == 'b', "shows another page of the file there");
	ok_eq(remap(p + 2 * PAGE, 2 * PAGE, 0, 6, 0), 0, "and of two more");
	ok(peek(p + 2 * PAGE) == 'g' && peek(p + 3 * PAGE) == 'h', "in order");
	poke(p, 'D');
	q = map_pages(8, PROT_READ, MAP_SHARED, fd);
	ok(peek(q + 3 * PAGE) == 'D', "a write goes to the page that is shown");
	ok_eq(remap(p + 1, PAGE + 5, 0, 0, 0), 0, "start and length are rounded down");
	ok(peek(p) == 'a', "to a page");
	ok_errno(remap(p, PAGE, PROT_READ, 0, 0), EINVAL, "rights are not to be changed");
	ok_errno(remap(p, 100, 0, 0, 0), EINVAL, "there must be a page");
	ok_errno(remap(p, PAGE, 0, -1UL, 0), EINVAL, "the offset does not wrap");
	munmap(p + 4 * PAGE - PAGE, PAGE);
	ok_errno(remap(p, 4 * PAGE, 0, 0, 0), EINVAL, "all of it is mapped");
	munmap(p, 3 * PAGE);
	munmap(q, 8 * PAGE);
	p = map_pages(1, RW, MAP_PRIVATE, fd);
	ok_errno(remap(p, PAGE, 0, 0, 0), EINVAL, "private mappings are not for it");
	munmap(p, PAGE);
}

/* What madvise knows, by its answer to an empty range. */
static void test_advice_known(void)
{
	char *p = map_pages(1, RW, MAP_PRIVATE, -1);

	for (int advice = 0; advice < 30; advice++)
		saw("madvise(empty, %d) = %ld", advice, (long)madvise(p, 0, advice));
	munmap(p, PAGE);
	p = map_pages(1, RW, MAP_PRIVATE, -1);
	ok_errno(madvise(p, PAGE, 100), EINVAL, "Debian's kernel for clouds has no HWPOISON");
	ok_errno(madvise(p, PAGE, 101), EINVAL, "nor SOFT_OFFLINE");
	munmap(p, PAGE);
}

/* Our program, mapped by a stranger: whether it is in memory he is not told. */
static int mincore_as_stranger(void *arg)
{
	char *p = map_pages(4, PROT_READ, MAP_PRIVATE, *(int *)arg);
	int bad = 0;

	if (setgid(1000) || setuid(1000))
		return 99;
	for (int i = 0; i < 4; i++)
		bad |= (mincore_page(p + i * PAGE) != 1) << i;
	return bad;
}

static int limits_of_user(void *arg)
{
	struct rlimit lock = { 2 * PAGE, 2 * PAGE };
	char *p = map_pages(4, RW, MAP_PRIVATE, -1);
	int bad = 0;

	(void)arg;
	if (setrlimit(RLIMIT_MEMLOCK, &lock) || setgid(1000) || setuid(1000))
		return 99;
	bad |= mlock(p, 2 * PAGE) != 0;
	bad |= (mlock(p, 2 * PAGE) != 0) << 1; /* again: no more */
	bad |= !(mlock(p + 2 * PAGE, PAGE) == -1 && errno == ENOMEM) << 2;
	bad |= !(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) ==
			 MAP_FAILED &&
		 errno == EAGAIN)
	       << 3;
	bad |= !(mlockall(MCL_CURRENT) == -1 && errno == ENOMEM) << 4;
	bad |= (munlock(p, PAGE) != 0) << 5;
	bad |= (mlock(p + 2 * PAGE, PAGE) != 0) << 6;
	return bad;
}

static int no_locking(void *arg)
{
	struct rlimit none = { 0, 0 };
	char *p = map_pages(1, RW, MAP_PRIVATE, -1);
	int bad = 0, how = MAP_PRIVATE | MAP_ANONYMOUS;

	(void)arg;
	if (setrlimit(RLIMIT_MEMLOCK, &none) || setgid(1000) || setuid(1000))
		return 99;
	bad |= !(mlock(p, PAGE) == -1 && errno == EPERM);
	bad |= !(mlockall(MCL_FUTURE) == -1 && errno == EPERM) << 1;
	/* the C library has an errno of its own for this */
	bad |= !(syscall(SYS_mmap, 0, PAGE, RW, how | MAP_LOCKED, -1, 0) == -1 && errno == EPERM)
	       << 2;
	bad |= !(mmap((void *)PAGE, PAGE, RW, how | MAP_FIXED, -1, 0) == MAP_FAILED &&
		 errno == EPERM)
	       << 3;
	return bad;
}

static int space_limits(void *arg)
{
	struct rlimit limit = { 64 << 20, 64 << 20 };
	char *brk_now = sbrk(0);
	int bad = 0;

	(void)arg;
	setrlimit(RLIMIT_DATA, &limit);
	bad |= !(mmap(NULL, 65 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
		 errno == ENOMEM);
	bad |= (mmap(NULL, 65 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
	       << 1;
	bad |= (syscall(SYS_brk, brk_now + (65 << 20)) != (long)brk_now) << 2;
	setrlimit(RLIMIT_AS, &limit);
	bad |= !(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
		 errno == ENOMEM)
	       << 3;
	return bad;
}

static void test_flags(int fd)
{
	char *p = map_pages(3, PROT_NONE, MAP_PRIVATE, -1) + PAGE, *q;

	ok_errno((long)mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
		 EEXIST, "MAP_FIXED_NOREPLACE replaces nothing");
	munmap(p, PAGE);
	q = mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ok(q == p, "and takes what is free");
	ok_errno((long)mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x800000, fd, 0), EOPNOTSUPP,
		 "MAP_SHARED_VALIDATE refuses flags that there are not");
	q = mmap(NULL, PAGE, RW, MAP_SHARED | 0x800000, fd, 0);
	ok(q != MAP_FAILED, "MAP_SHARED does not look at them");
	munmap(q, PAGE);
	q = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_LOCKED, -1, 0);
	ok(q != MAP_FAILED && count_present(q, 2) == 2, "MAP_LOCKED memory is there at once");
	munmap(q, 2 * PAGE);
	q = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NONBLOCK, -1,
		 0);
	ok(q != MAP_FAILED && count_present(q, 2) == 0, "MAP_NONBLOCK takes MAP_POPULATE back");
	munmap(q, 2 * PAGE);
	munmap(p - PAGE, 3 * PAGE);
}

int main(void)
{
	char path[64];
	int fd = open_scratch(path, sizeof(path), NULL), mem = memfd_create("holes", 0);

	unlink(path);
	if (mem < 0)
		bail("memfd_create");
	test_remove(fd, "a file on disk");
	test_remove(mem, "a file in memory");
	test_remove_refused(fd);
	test_remap(mem);
	test_advice_known();
	ok(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)(4 * PAGE)) == 0, "a file of holes");
	ok_eq(mincore_page(map_pages(4, PROT_READ, MAP_PRIVATE, fd)), 0, "is not in memory");
	ok_eq(wait_code(run_in_child(mincore_as_stranger, &fd)), 0,
	      "but who may not write to it sees no difference");
	ok_eq(wait_code(run_in_child(limits_of_user, NULL)), 0,
	      "RLIMIT_MEMLOCK binds who is not root");
	ok_eq(wait_code(run_in_child(no_locking, NULL)), 0, "at 0 nothing may be locked");
	ok_eq(wait_code(run_in_child(space_limits, NULL)), 0,
	      "RLIMIT_DATA and RLIMIT_AS bind everyone");
	test_flags(fd);
	return tap_done();
}
