/* SPDX-License-Identifier: MIT */
/*
 * uaccess - the kernel touches user memory, and page faults are taken in kernel mode.
 *
 * What you see: read(2) and write(2) with buffers that are not there yet, shared after fork, in
 * the swap area or in an unread file page all work, through the same faults that the program
 * itself would take. Buffers that are nowhere give EFAULT, and a copy that gets half way is
 * accounted exactly as on Linux. The same for paths and for writev.
 *
 * Served by: copy_to_user, copy_from_user, strncpy_from_user; exc_page_fault from kernel mode ->
 * handle_mm_fault, or the exception table when there is nothing to map.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "probe.h"
#include "tap.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static char path[256];
static int file;            /* two pages of 'f' */
static int ends[2];         /* a pipe */
static unsigned char *edge; /* two mapped pages lie below it, nothing above */

static void fill_pipe(size_t n)
{
	static char junk[2 * PAGE];

	if (ends[1]) {
		close(ends[0]);
		close(ends[1]);
	}
	memset(junk, 'j', sizeof(junk));
	if (pipe(ends) || write(ends[1], junk, n) != (ssize_t)n)
		bail("fill a pipe");
}

/* Bytes waiting in the pipe; empties it. */
static long drain(void)
{
	static char junk[4 * PAGE];
	long n = 0, got;

	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while ((got = read(ends[0], junk, sizeof(junk))) > 0)
		n += got;
	return n;
}

static void set_up(void)
{
	static char page[2 * PAGE];

	file = open_scratch(path, sizeof(path), NULL);
	memset(page, 'f', sizeof(page));
	if (write(file, page, sizeof(page)) != sizeof(page))
		bail("write the scratch file");
	/*
	 * far from where mmap places things by itself, so nothing ever comes to lie above the
	 * edge
	 */
	edge = mmap((void *)0x10000000000, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (edge == MAP_FAILED)
		bail("mmap at a fixed address");
	edge += 2 * PAGE;
}

static void lazy_pages(void)
{
	unsigned char *p = map_anon(4), *m;
	struct faults then = faults();

	ok_eq(pread(file, p + 100, PAGE, 0), PAGE, "read(2) into two untouched pages");
	ok_eq(minor_since(then), 2, "two minor faults, taken by the kernel for us");
	ok(p[99] == 0 && p[100] == 'f' && p[100 + PAGE - 1] == 'f' && p[100 + PAGE] == 0,
	   "exactly the right bytes arrived");
	fill_pipe(1);
	ok_eq(write(ends[1], p + 2 * PAGE, PAGE), PAGE, "write(2) from an untouched page");
	ok_eq(drain(), PAGE + 1, "delivers a page");
	ok(is_present(p + 2 * PAGE) && !is_present(p + 3 * PAGE),
	   "which is mapped now, its neighbour is not");
	m = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	fill_pipe(1);
	ok_eq(write(ends[1], m + 10, PAGE), PAGE, "write(2) from an untouched mapping of a file");
	ok_eq(read(ends[0], p, 2) == 2 ? p[1] : 0, 'f', "delivers the file's bytes");
	munmap(m, 2 * PAGE);
	munmap(p, 4 * PAGE);
}

static int read_over(void *p)
{
	if (pread(file, p, 100, 0) != 100)
		return 1;
	return peek(p) == 'f' && peek((unsigned char *)p + 100) == 'p' ? 0 : 2;
}

static void cow_pages(void)
{
	unsigned char *p = map_anon(2), *m;

	memset(p, 'p', PAGE);
	ok_eq(wait_code(run_in_child(read_over, p)), 0,
	      "a child reads into a page shared since fork");
	ok(p[0] == 'p' && p[99] == 'p', "the parent's page did not change");
	(void)peek(p + PAGE);
	ok(pread(file, p + PAGE, 10, 0) == 10 && p[PAGE] == 'f' && p[PAGE + 10] == 0,
	   "read(2) over the zero page");
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	fill_pipe(10);
	ok(read(ends[0], m, 10) == 10 && m[0] == 'j' && m[10] == 'f',
	   "read(2) into a private file mapping");
	ok(pread(file, p, 1, 0) == 1 && p[0] == 'f', "does not change the file");
	munmap(m, PAGE);
	munmap(p, 2 * PAGE);
}

static void swapped_pages(void)
{
	unsigned char *p = map_anon(2);

	memset(p, 's', 2 * PAGE);
	madvise(p, 2 * PAGE, MADV_PAGEOUT);
	if (!is_swapped(p) || !is_swapped(p + PAGE)) {
		skip("write(2) from a swapped page",
		     "nothing could be swapped out (no swap area?)");
		skip("read(2) into a swapped page", "nothing could be swapped out");
		return;
	}
	fill_pipe(1);
	ok(write(ends[1], p, PAGE) == PAGE && drain() == PAGE + 1, "write(2) from a swapped page");
	ok(pread(file, p + PAGE, 10, 0) == 10 && p[PAGE] == 'f' && p[PAGE + 10] == 's',
	   "read(2) into a swapped page");
	munmap(p, 2 * PAGE);
}

/*
 * Kernel addresses, mapped ones among them: here no fault could help, the copy routines must
 * compare before they touch.
 */
static void kernel_buffers(void)
{
	static const unsigned long places[] = {
		0xffff888000000000, 0xffff888000200000, 0xffffc90000000000,
		0xffffffff80100000, 0xffffffff81000000, 0x00007ffffffff000,
	};
	int wrong = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		void *p = (void *)places[i];

		wrong += syscall(SYS_fstat, file, p) != -1 || errno != EFAULT;
		wrong += syscall(SYS_nanosleep, p, NULL) != -1 || errno != EFAULT;
		wrong += syscall(SYS_pipe, p) != -1 || errno != EFAULT;
		wrong += syscall(SYS_openat, AT_FDCWD, p, O_RDONLY) != -1 || errno != EFAULT;
		wrong += syscall(SYS_pread64, file, (char *)p - 4, 8, 0) != -1 || errno != EFAULT;
		wrong += syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, p, 8) != -1 ||
			 errno != EFAULT;
	}
	ok_eq(wrong, 0, "six system calls at six kernel addresses: always EFAULT");
}

static void bad_buffers(void)
{
	unsigned char *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *kernel = (void *)0xffff888000000000, *wild = (void *)0x1234567812345678;

	ok_errno(pread(file, edge, 10, 0), EFAULT, "read(2) into an unmapped page: EFAULT");
	ok_errno(pread(file, ro, 10, 0), EFAULT, "into a read-only page");
	ok_errno(pread(file, NULL, 10, 0), EFAULT, "to NULL");
	ok_errno(pread(file, kernel, 10, 0), EFAULT, "to a kernel address");
	ok_errno(pread(file, wild, 10, 0), EFAULT, "to a non-canonical address");
	ok_errno(pwrite(file, edge, 10, 0), EFAULT, "write(2) from an unmapped page");
	ok_errno(pwrite(file, kernel, 10, 0), EFAULT, "from a kernel address");
	ok_errno(pipe((int *)edge), EFAULT, "pipe(2) with nowhere to put the descriptors");
	ok_errno(syscall(SYS_fstat, file, edge), EFAULT, "fstat(2) with nowhere to put the result");
	ok_errno(nanosleep((struct timespec *)edge, NULL), EFAULT, "nanosleep(2) of nothing");
	kernel_buffers();
	ok_eq(pread(file, edge, 10, 2 * PAGE), 0,
	      "at the end of a file a bad buffer is not looked at: 0");
	munmap(ro, PAGE);
}

static void half_way(void)
{
	int zero = open("/dev/zero", O_RDONLY);
	struct stat st;

	ok_eq(read(zero, edge - 305, 355), 305, "zeroes up to the edge: 305");
	ok_eq(read(zero, edge - 18, 54), 16, "of less than 64 bytes only whole words: 16 of 18");
	ok_errno(read(zero, edge - 3, 8), EFAULT, "none: EFAULT");
	close(zero);
	ok_eq(pread(file, edge - PAGE, 2 * PAGE, 0), PAGE,
	      "two pages of a file into one mapped and one not: one page");
	ok_eq(pread(file, edge - 100, 2 * PAGE, 0), 100, "into 100 bytes: 100");
	fill_pipe(2 * PAGE);
	ok_eq(read(ends[0], edge - PAGE, 2 * PAGE), PAGE, "two pages of a pipe: one page");
	ok_eq(drain(), PAGE, "the other stays in the pipe");
	fill_pipe(200);
	ok_errno(read(ends[0], edge - 100, 200), EFAULT, "200 bytes of a pipe into 100: EFAULT");
	ok_eq(drain(), 200, "and none of them is lost");
	fill_pipe(1);
	ok_eq(write(ends[1], edge - PAGE, 2 * PAGE), PAGE,
	      "write to a pipe: the page that is there");
	ok_errno(write(ends[1], edge - 100, 200), EFAULT, "less than a page: EFAULT");
	ok_eq(drain(), PAGE + 1, "and nothing was sent");
	if (ftruncate(file, 0))
		bail("ftruncate");
	ok_eq(pwrite(file, edge - 100, 200, 0), 100, "write to a file: 100 bytes that are there");
	ok(fstat(file, &st) == 0 && st.st_size == 100, "and the file is as long");
}

static void paths(void)
{
	char *p = (char *)edge - strlen(path) - 1, *name = (char *)map_anon(2);
	int fd;

	strcpy(p, path);
	fd = open(p, O_RDONLY);
	ok(fd >= 0, "a path that ends at the very edge of a mapping");
	close(fd);
	p = (char *)edge - 4;
	memcpy(p, "/xyz", 4);
	ok_errno(open(p, O_RDONLY), EFAULT, "a path that runs over it: EFAULT");
	strcpy(name + PAGE - 3, path);
	fd = open(name + PAGE - 3, O_RDONLY);
	ok(fd >= 0, "a path across two pages");
	close(fd);
	ok_errno(open((char *)edge, O_RDONLY), EFAULT, "a path in no page at all");
	ok_errno(open("", O_RDONLY), ENOENT, "an empty path: ENOENT");
	memset(name, '/', PAGE);
	name[PAGE] = '\0';
	ok_errno(open(name, O_RDONLY), ENAMETOOLONG, "a path of 4096 bytes: ENAMETOOLONG");
	name[PAGE - 1] = '\0';
	fd = open(name, O_RDONLY);
	ok(fd >= 0, "one of 4095 is accepted");
	close(fd);
	memset(name + 1, 'n', 256);
	name[257] = '\0';
	ok_errno(open(name, O_RDONLY), ENAMETOOLONG, "a name of 256 bytes: ENAMETOOLONG");
	munmap(name, 2 * PAGE);
}

/* The kernel copies strings by words, but no byte of them is lost, and none behind the edge read. */
static void names(void)
{
	static const char bytes[] = "\x80\x01\xff\x7f\xfe\x81z\x02\x80\x80\x01\x01\xff\xff!";
	static const char zeroes[16];
	bool right = true;
	char got[16];

	for (size_t length = 0; length < sizeof(got); length++) {
		for (size_t behind = 0; behind < sizeof(got); behind++) {
			char *name = (char *)edge - behind - length - 1;

			memset(edge - 32, 'x', 32);
			memcpy(name, bytes, length);
			name[length] = '\0';
			right &= prctl(PR_SET_NAME, name) == 0 && prctl(PR_GET_NAME, got) == 0 &&
				 strcmp(got, name) == 0;
		}
	}
	ok(right, "names of each length, in each distance from the edge");
	memset(edge - 32, 'x', 32);
	ok_eq(prctl(PR_SET_NAME, edge - 15), 0, "one without an end, but long enough");
	ok_errno(prctl(PR_SET_NAME, edge - 14), EFAULT, "one that is not: EFAULT");
	ok_errno(syscall(SYS_getxattr, "/", zeroes, NULL, 0), ERANGE,
		 "one that ends where it begins is empty, whatever comes behind it: ERANGE");
}

static void vectors(void)
{
	struct iovec bad_second[] = { { "abc", 3 }, { edge, 5 }, { "def", 3 } };
	struct iovec bad_first[] = { { edge, 5 }, { "abc", 3 } };
	struct iovec empty_bad[] = { { "abc", 3 }, { edge, 0 }, { "def", 3 } };
	struct iovec negative[] = { { "abc", 3 }, { "abc", (size_t)-1 } };

	fill_pipe(1);
	lseek(file, 0, SEEK_SET);
	ok_eq(writev(file, bad_second, 3), 3,
	      "writev to a file with a bad second part: the first part is written");
	ok_errno(writev(ends[1], bad_second, 3), EFAULT, "to a pipe: EFAULT");
	ok_errno(writev(file, bad_first, 2), EFAULT, "a bad first part: EFAULT");
	ok_eq(writev(ends[1], empty_bad, 3), 6, "a bad address of length 0 does not matter");
	ok_eq(drain(), 7, "six bytes arrived");
	ok_errno(writev(file, negative, 2), EINVAL, "a negative length: EINVAL");
	ok_errno(writev(file, (struct iovec *)edge, 1), EFAULT,
		 "a vector that is not there: EFAULT");
}

int main(void)
{
	set_up();
	lazy_pages();
	cow_pages();
	swapped_pages();
	bad_buffers();
	half_way();
	paths();
	names();
	vectors();
	close(file);
	unlink(path);
	return tap_done();
}
