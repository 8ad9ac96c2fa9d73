/* SPDX-License-Identifier: MIT */
/*
 * memcalls - the memory calls, errno for errno and line for line.
 *
 * What you see: first a table of wrong calls and the error each must give; then what right calls
 * do to /proc/self/maps: areas that merge with their neighbours, split in the middle, move and
 * grow. A layout is written in pages: "0-2 rw-p, 3-4 r--p".
 *
 * Served by: mmap_region, do_munmap, do_mprotect, do_brk, mremap, do_madvise, mincore, msync,
 * mlock; vma_merge, split_vma.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe.h"
#include "tap.h"

/* The calls themselves: libc rounds addresses and checks lengths before the kernel sees them. */
#define MMAP(a, len, prot, flags, fd, off)                                                 \
	syscall(SYS_mmap, (long)(a), (long)(len), (long)(prot), (long)(flags), (long)(fd), \
		(long)(off))
#define MUNMAP(a, len) syscall(SYS_munmap, (long)(a), (long)(len))
#define MPROTECT(a, len, prot) syscall(SYS_mprotect, (long)(a), (long)(len), (long)(prot))
#define MREMAP(a, old, new, flags, to) \
	syscall(SYS_mremap, (long)(a), (long)(old), (long)(new), (long)(flags), (long)(to))
#define MADVISE(a, len, advice) syscall(SYS_madvise, (long)(a), (long)(len), (long)(advice))
#define MINCORE(a, len, vec) syscall(SYS_mincore, (long)(a), (long)(len), (long)(vec))
#define MSYNC(a, len, flags) syscall(SYS_msync, (long)(a), (long)(len), (long)(flags))
#define MLOCK(a, len) syscall(SYS_mlock, (long)(a), (long)(len))
#define MUNLOCK(a, len) syscall(SYS_munlock, (long)(a), (long)(len))
#define BRK(a) syscall(SYS_brk, (long)(a))

#define FAILS(error, call) ok_errno(call, error, "%s: %s", #call, #error)
#define GIVES(value, call) ok_eq((long)(call), (long)(value), "%s gives %s", #call, #value)

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define MAYMOVE MREMAP_MAYMOVE
#define FIXED_MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define DONTUNMAP (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

#define KERNEL 0xffff888000000000
#define NOWHERE 0x60000000 /* nothing is ever mapped here, nor does the heap begin so far up */
static unsigned char *const quiet =
	(void *)0x10000000000; /* room for layouts, far from everything */
static unsigned char vec[16];
static int file, read_only, write_only, pipe_ends[2];
static char path[256];

/* A fresh area of private memory at page `at` of the quiet region. */
static unsigned char *area(int at, int pages, int prot)
{
	return (unsigned char *)MMAP(quiet + at * PAGE, pages * PAGE, prot, ANON | MAP_FIXED, -1,
				     0);
}

static void clear(void)
{
	munmap(quiet, 64 * PAGE);
}

static void layout_is(const char *want, const char *what)
{
	const char *got = maps_layout(quiet, 64);

	if (!ok(!strcmp(got, want), "%s: %s", what, want))
		diag("the layout is: %s", got);
}

static void set_up(void)
{
	file = open_scratch(path, sizeof(path), NULL);
	if (ftruncate(file, 4 * PAGE) || pipe(pipe_ends))
		bail("set up files");
	read_only = open(path, O_RDONLY);
	write_only = open(path, O_WRONLY);
}

/* ---- errors ---- */

static void mmap_errors(void)
{
	area(0, 2, RW);
	FAILS(EINVAL, MMAP(0, 0, RW, ANON, -1, 0));
	FAILS(ENOMEM, MMAP(0, -1, RW, ANON, -1, 0));
	FAILS(ENOMEM, MMAP(0, 1L << 46, RW, ANON, -1, 0));
	FAILS(EINVAL, MMAP(0, PAGE, RW, MAP_ANONYMOUS, -1, 0));
	FAILS(EINVAL, MMAP(0, PAGE, RW, MAP_ANONYMOUS | 3, -1, 0));
	FAILS(EINVAL, MMAP(0, PAGE, RW, ANON, -1, 1));
	FAILS(EINVAL, MMAP(0, PAGE, RW, MAP_PRIVATE, file, 100));
	FAILS(EBADF, MMAP(0, PAGE, RW, MAP_PRIVATE, 999, 0));
	FAILS(EBADF, MMAP(0, 0, RW, MAP_PRIVATE, 999, 0));
	FAILS(ENODEV, MMAP(0, PAGE, RW, MAP_PRIVATE, pipe_ends[0], 0));
	FAILS(EACCES, MMAP(0, PAGE, RW, MAP_SHARED, read_only, 0));
	FAILS(EACCES, MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0));
	FAILS(EOVERFLOW, MMAP(0, PAGE, RW, MAP_PRIVATE, file, -PAGE));
	FAILS(EINVAL, MMAP(quiet + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	FAILS(ENOMEM, MMAP(KERNEL, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	FAILS(EEXIST, MMAP(quiet + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	GIVES(quiet + 2 * PAGE,
	      MMAP(quiet + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	GIVES(quiet + 5 * PAGE, MMAP(quiet + 5 * PAGE + 7, PAGE, RW, ANON, -1, 0));
	ok(MMAP(quiet, PAGE, RW, ANON, -1, 0) != (long)quiet, "a hint that is taken is not used");
	clear();
}

static void munmap_mprotect_errors(void)
{
	int shared;

	area(0, 6, RW);
	FAILS(EINVAL, MUNMAP(quiet, 0));
	FAILS(EINVAL, MUNMAP(quiet + 1, PAGE));
	FAILS(EINVAL, MUNMAP(KERNEL, PAGE));
	GIVES(0, MUNMAP(NOWHERE, PAGE));
	FAILS(EINVAL, MPROTECT(quiet + 1, PAGE, PROT_READ));
	GIVES(0, MPROTECT(quiet, 0, PROT_READ));
	FAILS(EINVAL, MPROTECT(quiet, PAGE, 0x100));
	FAILS(ENOMEM, MPROTECT(NOWHERE, PAGE, PROT_READ));
	FAILS(ENOMEM, MPROTECT(KERNEL, PAGE, PROT_READ));
	GIVES(0, MUNMAP(quiet + 2 * PAGE, 1));
	FAILS(ENOMEM, MPROTECT(quiet, 4 * PAGE, PROT_READ));
	layout_is("0-2 r--p, 3-6 rw-p", "mprotect over a hole changes what lies before it");
	shared =
		MMAP(quiet + 8 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, read_only, 0) == -1;
	ok(!shared, "a shared mapping of a file open for reading");
	FAILS(EACCES, MPROTECT(quiet + 8 * PAGE, PAGE, RW));
	clear();
}

static void mincore_msync_errors(void)
{
	area(0, 4, RW);
	MMAP(quiet + 8 * PAGE, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	poke(quiet, 1);
	(void)peek(quiet + PAGE);
	ok(MINCORE(quiet, 4 * PAGE, vec) == 0 && vec[0] == 1 && vec[1] == 1 && !vec[2] && !vec[3],
	   "mincore: a page written and one read are resident, two untouched ones are not");
	FAILS(EINVAL, MINCORE(quiet + 1, PAGE, vec));
	GIVES(0, MINCORE(quiet, 0, vec));
	FAILS(ENOMEM, MINCORE(NOWHERE, PAGE, vec));
	FAILS(ENOMEM, MINCORE(quiet, 5 * PAGE, vec));
	FAILS(EFAULT, MINCORE(quiet, PAGE, NOWHERE));
	GIVES(0, MSYNC(quiet + 8 * PAGE, 4 * PAGE, MS_SYNC));
	GIVES(0, MSYNC(quiet + 8 * PAGE, 4 * PAGE, MS_ASYNC));
	FAILS(EINVAL, MSYNC(quiet + 8 * PAGE, PAGE, MS_SYNC | MS_ASYNC));
	FAILS(EINVAL, MSYNC(quiet + 8 * PAGE, PAGE, 8));
	FAILS(EINVAL, MSYNC(quiet + 8 * PAGE + 1, PAGE, MS_SYNC));
	GIVES(0, MSYNC(NOWHERE, 0, MS_SYNC));
	FAILS(ENOMEM, MSYNC(NOWHERE, PAGE, MS_SYNC));
	FAILS(ENOMEM, MSYNC(quiet + 8 * PAGE, 5 * PAGE, MS_SYNC));
	clear();
}

static void madvise_errors(void)
{
	area(0, 4, RW);
	MMAP(quiet + 8 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	FAILS(EINVAL, MADVISE(quiet, PAGE, 9999));
	FAILS(EINVAL, MADVISE(quiet, 0, 9999));
	FAILS(EINVAL, MADVISE(quiet + 1, PAGE, MADV_DONTNEED));
	GIVES(0, MADVISE(quiet, 0, MADV_DONTNEED));
	FAILS(ENOMEM, MADVISE(NOWHERE, PAGE, MADV_DONTNEED));
	FAILS(ENOMEM, MADVISE(NOWHERE, PAGE, MADV_WILLNEED));
	GIVES(0, MADVISE(quiet, 4 * PAGE, MADV_WILLNEED));
	poke(quiet, 1);
	poke(quiet + 2 * PAGE, 1);
	MUNMAP(quiet + PAGE, PAGE);
	FAILS(ENOMEM, MADVISE(quiet, 3 * PAGE, MADV_DONTNEED));
	ok(peek(quiet) == 0 && peek(quiet + 2 * PAGE) == 0,
	   "MADV_DONTNEED over a hole does both sides");
	GIVES(0, MADVISE(quiet + 8 * PAGE, PAGE, MADV_DONTNEED));
	MLOCK(quiet, PAGE);
	FAILS(EINVAL, MADVISE(quiet, PAGE, MADV_DONTNEED));
	clear();
}

static void mlock_errors(void)
{
	area(0, 4, RW);
	GIVES(0, MLOCK(quiet + 1, PAGE));
	ok_eq(count_present(quiet, 4), 2, "mlock rounds outwards and brings the pages in");
	GIVES(0, MUNLOCK(quiet, 2 * PAGE));
	GIVES(0, MLOCK(NOWHERE, 0));
	FAILS(ENOMEM, MLOCK(NOWHERE, PAGE));
	FAILS(ENOMEM, MUNLOCK(NOWHERE, PAGE));
	FAILS(EINVAL, MLOCK(quiet, -PAGE));
	FAILS(EINVAL, syscall(SYS_mlockall, 0));
	FAILS(EINVAL, syscall(SYS_mlockall, 8));
	GIVES(0, syscall(SYS_mlockall, MCL_CURRENT));
	ok_eq(count_present(quiet, 4), 4, "mlockall brings in everything");
	GIVES(0, syscall(SYS_munlockall));
	clear();
}

static void mremap_errors(void)
{
	area(0, 5, RW);
	area(5, 1, PROT_READ);
	FAILS(EINVAL, MREMAP(quiet + 1, PAGE, PAGE, 0, 0));
	FAILS(EINVAL, MREMAP(quiet, PAGE, 0, 0, 0));
	FAILS(EINVAL, MREMAP(quiet, PAGE, PAGE, 8, 0));
	FAILS(EINVAL, MREMAP(quiet, PAGE, PAGE, MREMAP_FIXED, quiet + 8 * PAGE));
	FAILS(EINVAL, MREMAP(quiet, PAGE, PAGE, FIXED_MOVE, quiet + 8 * PAGE + 1));
	FAILS(EINVAL, MREMAP(quiet, 2 * PAGE, 2 * PAGE, FIXED_MOVE, quiet + PAGE));
	FAILS(EINVAL, MREMAP(quiet, 0, PAGE, MAYMOVE, 0));
	FAILS(EINVAL, MREMAP(quiet, PAGE, 2 * PAGE, DONTUNMAP, 0));
	FAILS(EINVAL, MREMAP(quiet, PAGE, PAGE, MREMAP_DONTUNMAP, 0));
	FAILS(EFAULT, MREMAP(NOWHERE, PAGE, 2 * PAGE, MAYMOVE, 0));
	FAILS(EFAULT, MREMAP(quiet, 6 * PAGE, 7 * PAGE, MAYMOVE, 0));
	FAILS(ENOMEM, MREMAP(quiet, PAGE, 2 * PAGE, 0, 0));
	FAILS(ENOMEM, MREMAP(quiet, PAGE, 1L << 46, MAYMOVE, 0));
	clear();
}

/* ---- layouts ---- */

static void merging(void)
{
	area(0, 1, RW);
	area(1, 1, RW);
	layout_is("0-2 rw-p", "two mmaps side by side are one area");
	area(3, 1, RW);
	layout_is("0-2 rw-p, 3-4 rw-p", "a gap keeps them apart");
	area(2, 1, RW);
	layout_is("0-4 rw-p", "filling the gap joins all three");
	MPROTECT(quiet + PAGE, PAGE, PROT_READ);
	layout_is("0-1 rw-p, 1-2 r--p, 2-4 rw-p", "mprotect splits");
	MPROTECT(quiet + PAGE, PAGE, RW);
	layout_is("0-4 rw-p", "and joins again");
	MUNMAP(quiet + PAGE, 2 * PAGE);
	layout_is("0-1 rw-p, 3-4 rw-p", "munmap out of the middle");
	clear();
	area(0, 4, RW);
	memset(quiet, 1, 4 * PAGE);
	MLOCK(quiet + PAGE, PAGE);
	layout_is("0-1 rw-p, 1-2 rw-p, 2-4 rw-p", "mlock of one page splits");
	MUNLOCK(quiet + PAGE, PAGE);
	layout_is("0-4 rw-p", "munlock joins again");
	MMAP(quiet + 4 * PAGE, PAGE, RW, ANON | MAP_FIXED | MAP_NORESERVE, -1, 0);
	layout_is("0-4 rw-p, 4-5 rw-p", "MAP_NORESERVE memory is another kind");
	clear();
	area(0, 4, RW);
	area(4, 4, PROT_READ);
	memset(quiet, 1, 4 * PAGE);
	MPROTECT(quiet + 2 * PAGE, 4 * PAGE, PROT_READ);
	layout_is("0-2 rw-p, 2-4 r--p, 4-8 r--p",
		  "what was written to is accounted and stays apart");
	clear();
}

static void file_areas(void)
{
	MMAP(quiet, PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	MMAP(quiet + PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, PAGE);
	layout_is("0-2 rw-p", "the next page of the file behind the first is one area");
	MMAP(quiet + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	layout_is("0-2 rw-p, 2-3 rw-p", "another page of it is not");
	MMAP(quiet + 3 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, file, PAGE);
	layout_is("0-2 rw-p, 2-3 rw-p, 3-4 rw-s", "nor is a shared mapping");
	clear();
}

static void moving(void)
{
	unsigned char *p = area(0, 4, RW), *to = quiet + 32 * PAGE;

	for (int i = 0; i < 4; i++)
		poke(p + i * PAGE, i + 1);
	GIVES(quiet, MREMAP(p, 4 * PAGE, 6 * PAGE, 0, 0));
	layout_is("0-6 rw-p", "mremap grows in place");
	GIVES(quiet, MREMAP(p, 6 * PAGE, 3 * PAGE, 0, 0));
	layout_is("0-3 rw-p", "and shrinks");
	area(32, 2, PROT_READ);
	GIVES(to, MREMAP(p, 2 * PAGE, 4 * PAGE, FIXED_MOVE, to));
	layout_is("2-3 rw-p, 32-36 rw-p", "a move to a fixed place, over what was there");
	ok(peek(to) == 1 && peek(to + PAGE) == 2 && peek(to + 2 * PAGE) == 0,
	   "the pages came along, the new ones are zero");
	GIVES(quiet + 48 * PAGE,
	      MREMAP(to, 2 * PAGE, 2 * PAGE, DONTUNMAP | MREMAP_FIXED, quiet + 48 * PAGE));
	layout_is("2-3 rw-p, 32-36 rw-p, 48-50 rw-p", "MREMAP_DONTUNMAP leaves the old area");
	ok(peek(quiet + 48 * PAGE) == 1 && peek(to) == 0, "but its pages are gone to the new one");
	clear();
	p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	poke(p, 9);
	to = (unsigned char *)MREMAP(p, 0, PAGE, MAYMOVE, 0);
	ok(to != p && peek(to) == 9, "old length 0 maps shared memory a second time");
	munmap(p, PAGE);
	munmap(to, PAGE);
}

static void the_break(void)
{
	unsigned char *start = (unsigned char *)BRK(0);

	GIVES(start, BRK(1));
	GIVES(start + 100, BRK(start + 100));
	ok_eq(peek(start), 0, "the new byte is there, and zero");
	GIVES(start + 5 * PAGE, BRK(start + 5 * PAGE));
	poke(start + 5 * PAGE - 1, 1);
	GIVES(start + 5 * PAGE, BRK(KERNEL));
	GIVES(start, BRK(start));
	ok(faults_with(start + 5 * PAGE - 1, 'r', SIGSEGV, SEGV_MAPERR),
	   "what brk gave back is gone");
}

int main(void)
{
	catch_faults();
	the_break();
	set_up();
	mmap_errors();
	munmap_mprotect_errors();
	mincore_msync_errors();
	madvise_errors();
	mlock_errors();
	mremap_errors();
	merging();
	file_areas();
	moving();
	unlink(path);
	return tap_done();
}
