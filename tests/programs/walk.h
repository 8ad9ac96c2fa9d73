/* SPDX-License-Identifier: MIT */
/*
 * The state of a random walk over the memory calls (walk.c), its random numbers and its text.
 *
 * All randomness of a step comes from the seed and the step's number, so that steps can be left out
 * without changing the others. What is printed is the same on every kernel that keeps Linux's
 * promises: no address outside of the window, no time, no process number, and nothing that depends
 * on when memory is reclaimed.
 */
#ifndef TESTS_PROGRAMS_WALK_H
#define TESTS_PROGRAMS_WALK_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096UL
/* The window spans the border of a PUD entry, and with it those of a PMD entry and a page table. */
#define WINDOW_PAGES 96
#define WINDOW (0x40000000UL - WINDOW_PAGES / 2 * PAGE)
#define WINDOW_END (WINDOW + WINDOW_PAGES * PAGE)
/* Operands lie in the middle, so that what grows out of them is still seen. */
#define FIRST_PAGE 12
#define OPERAND_PAGES 56
#define MAX_LEN 16
#define HEAP_PAGES 10
#define FILE_PAGES 20

struct vma {
	uintptr_t start, end, offset;
	char rights[5]; /* as in /proc/PID/maps */
	int file;	/* 0, 1: files[], 2: shared anonymous, -1: private anonymous */
};

struct file {
	int rw, ro; /* descriptors */
	ino_t ino;
};

/* What the walk knows. A fork copies it with everything else. */
static struct walk {
	uint64_t seed, rng;
	unsigned int step;
	bool detail;	/* name every page that was looked at */
	bool residency; /* say which pages are resident, as far as that is certain */
	bool reclaimed; /* pages were given away on purpose: residency is uncertain since */
	uintptr_t heap; /* first page of the heap */
	uintptr_t focus; /* where the step works */
	uintptr_t extra, extra_end; /* a mapping elsewhere that may be touched just now */
	struct file files[2];
	int pipe[2];
	int zero, null;
	struct vma vmas[160];
	unsigned int nr_vmas;
} w;

/* ---- Random numbers: splitmix64 ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
	return x ^ x >> 31;
}

static uint64_t rnd(void)
{
	return mix(w.rng += 0x9e3779b97f4a7c15UL);
}

static UNUSED unsigned long below(unsigned long n)
{
	return n ? rnd() % n : 0;
}

/* True once in n times. */
static UNUSED bool one_in(unsigned long n)
{
	return below(n) == 0;
}

/* ---- Text: one line for each step ---- */

static char line[65536];
static size_t line_len;

static UNUSED __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	size_t room = sizeof(line) - line_len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + line_len, room, format, args);
	va_end(args);
	if (n > 0)
		line_len += (size_t)n < room ? (size_t)n : room - 1;
}

static UNUSED uint64_t hash_bytes(uint64_t h, const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size--)
		h = (h ^ *p++) * 0x100000001b3UL;
	return h;
}

static UNUSED const char *errno_name(int err)
{
	static const char *const names[] = {
		[EPERM] = "EPERM",   [ENOENT] = "ENOENT", [ESRCH] = "ESRCH",   [EINTR] = "EINTR",
		[EBADF] = "EBADF",   [ECHILD] = "ECHILD", [EAGAIN] = "EAGAIN", [ENOMEM] = "ENOMEM",
		[EACCES] = "EACCES", [EFAULT] = "EFAULT", [EBUSY] = "EBUSY",   [EEXIST] = "EEXIST",
		[ENODEV] = "ENODEV", [EINVAL] = "EINVAL", [EFBIG] = "EFBIG",   [ENOSPC] = "ENOSPC",
		[ESPIPE] = "ESPIPE", [ERANGE] = "ERANGE", [ENOSYS] = "ENOSYS", [ENXIO] = "ENXIO",
		[EIO] = "EIO",	     [EXDEV] = "EXDEV",
	};
	static char number[24];

	if (err == EOPNOTSUPP)
		return "EOPNOTSUPP";
	if (err == EOVERFLOW)
		return "EOVERFLOW";
	if (err == ENAMETOOLONG)
		return "ENAMETOOLONG";
	if (err >= 0 && err < (int)COUNT(names) && names[err])
		return names[err];
	snprintf(number, sizeof(number), "errno %d", err);
	return number;
}

/* A place as page number and offset: p20, p20+0x10, heap+2; anything else is "elsewhere". */
static UNUSED const char *place(uintptr_t addr)
{
	static char text[4][40];
	static unsigned int turn;
	char *p = text[turn++ % 4];
	uintptr_t off = addr % PAGE;

	if (addr >= WINDOW - 64 * PAGE && addr < WINDOW_END + 64 * PAGE)
		snprintf(p, 40, "p%ld", (long)(addr / PAGE) - (long)(WINDOW / PAGE));
	else if (addr >= w.heap && addr < w.heap + HEAP_PAGES * PAGE)
		snprintf(p, 40, "heap%lu", (addr - w.heap) / PAGE);
	else
		return "elsewhere";
	if (off)
		snprintf(p + strlen(p), 20, "+0x%lx", off);
	return p;
}

/* A length in pages, where it is one. */
static UNUSED const char *length(unsigned long len)
{
	static char text[4][40];
	static unsigned int turn;
	char *p = text[turn++ % 4];

	if (len % PAGE || len >> 40)
		snprintf(p, 40, "0x%lx", len);
	else
		snprintf(p, 40, "%lup", len / PAGE);
	return p;
}

/* " = 3" or " = EINVAL", from what syscall() returned. Returns ret. */
static UNUSED long result(long ret)
{
	if (ret < 0)
		say(" = %s", errno_name(errno));
	else
		say(" = %ld", ret);
	return ret;
}

/* The same for a call that returns an address. */
static UNUSED long result_at(long ret)
{
	if (ret == -1)
		say(" = %s", errno_name(errno));
	else
		say(" = %s", place((uintptr_t)ret));
	return ret;
}

/* ---- Operands ---- */

static UNUSED uintptr_t random_page(void)
{
	return WINDOW + (FIRST_PAGE + below(OPERAND_PAGES)) * PAGE;
}

/* A range of whole pages; now and then one that no call accepts, or that needs rounding. */
static UNUSED void random_range(uintptr_t *addr, unsigned long *len)
{
	*addr = random_page();
	*len = (1 + (one_in(4) ? below(MAX_LEN) : below(4))) * PAGE;
	w.focus = *addr;
	if (!one_in(12))
		return;
	switch (below(6)) {
	case 0: *addr += 1 + below(PAGE - 1); break;
	case 1: *addr += 8 * below(PAGE / 8); break;
	case 2: *len = 0; break;
	case 3: *len -= 1 + below(PAGE - 1); break;
	case 4: *len += 1 + below(PAGE - 1); break;
	/* Only such that wrap: a long one that does not would reach the program itself. */
	case 5: *len = -(1UL << (one_in(2) ? 0 : 12 + below(3))); break;
	}
}

/* A buffer for a system call: any bytes, often over the end of a page. */
static UNUSED void random_buffer(uintptr_t *addr, unsigned long *len, unsigned long most)
{
	*addr = random_page();
	*len = below(3) ? below(most / 8 + 1) : below(most + 1);
	switch (below(4)) {
	case 0: break;
	case 1: *addr += below(PAGE); break;
	case 2: *addr += PAGE - below(*len + 1) % PAGE; break;
	case 3: *len = (*len + PAGE - 1) & -PAGE; break;
	}
	w.focus = *addr;
}

static UNUSED off_t file_size(int file)
{
	struct stat st;

	return fstat(w.files[file].rw, &st) ? 0 : st.st_size;
}

#endif
