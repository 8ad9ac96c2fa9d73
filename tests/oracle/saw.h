/* SPDX-License-Identifier: MIT */
/*
 * What the saw_*.c programs share: they assert nothing, they print what they see, and `make oracle`
 * compares that with Linux. Everything happens in an arena at a fixed address, which is told
 * relative to it, so that no address is in the text.
 */
#ifndef TESTS_ORACLE_SAW_H
#define TESTS_ORACLE_SAW_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe.h"
#include "tap.h"

#define ARENA ((char *)0x200000000000UL)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define UNUSED __attribute__((unused))

static UNUSED char *at(long page)
{
	return ARENA + page * (long)PAGE;
}

static UNUSED const char *errno_name(int e)
{
	static const char *const names[] = {
		[0] = "0", [EPERM] = "EPERM", [ENOENT] = "ENOENT", [ESRCH] = "ESRCH",
		[EINTR] = "EINTR", [EIO] = "EIO", [ENXIO] = "ENXIO", [E2BIG] = "E2BIG",
		[ENOEXEC] = "ENOEXEC", [EBADF] = "EBADF", [ECHILD] = "ECHILD", [EAGAIN] = "EAGAIN",
		[ENOMEM] = "ENOMEM", [EACCES] = "EACCES", [EFAULT] = "EFAULT", [EBUSY] = "EBUSY",
		[EEXIST] = "EEXIST", [EXDEV] = "EXDEV", [ENODEV] = "ENODEV", [ENOTDIR] = "ENOTDIR",
		[EISDIR] = "EISDIR", [EINVAL] = "EINVAL", [ENFILE] = "ENFILE", [EMFILE] = "EMFILE",
		[ENOTTY] = "ENOTTY", [ETXTBSY] = "ETXTBSY", [EFBIG] = "EFBIG", [ENOSPC] = "ENOSPC",
		[ESPIPE] = "ESPIPE", [EROFS] = "EROFS", [EPIPE] = "EPIPE", [ERANGE] = "ERANGE",
		[ENAMETOOLONG] = "ENAMETOOLONG", [ENOSYS] = "ENOSYS", [ENOTEMPTY] = "ENOTEMPTY",
		[ELOOP] = "ELOOP", [EOVERFLOW] = "EOVERFLOW", [EOPNOTSUPP] = "EOPNOTSUPP",
	};
	static char number[16];

	if (e >= 0 && e < (int)COUNT(names) && names[e])
		return names[e];
	snprintf(number, sizeof(number), "errno %d", e);
	return number;
}

/* What a call gave: its error, an address in the arena as @page+byte, another as "elsewhere". */
static UNUSED const char *result(long ret)
{
	static char text[40];
	unsigned long off = (unsigned long)ret - (unsigned long)ARENA;

	if (ret == -1)
		return errno_name(errno);
	if (ret >= 0 && ret < 1L << 20)
		snprintf(text, sizeof(text), "%ld", ret);
	else if (off < 1UL << 32 && off % PAGE)
		snprintf(text, sizeof(text), "@%lu+%lu", off / PAGE, off % PAGE);
	else if (off < 1UL << 32)
		snprintf(text, sizeof(text), "@%lu", off / PAGE);
	else
		snprintf(text, sizeof(text), "elsewhere");
	return text;
}

/* A file of `pages` pages in /tmp, page i filled with the letter 'a' + i; already unlinked. */
static UNUSED int file_of(int pages)
{
	char page[PAGE];
	int fd = open("/tmp/saw", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || unlink("/tmp/saw"))
		bail("a file in /tmp");
	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			bail("write to a file in /tmp");
	}
	return fd;
}

/* Maps at a page of the arena; the program ends if it cannot. */
static UNUSED char *put(long page, size_t pages, int prot, int flags, int fd, long file_page)
{
	void *p = mmap(at(page), pages * PAGE, prot, flags | MAP_FIXED, fd, file_page * PAGE);

	if (p != at(page))
		bail("mmap in the arena");
	return p;
}

/* The number after text's first `c`, in hexadecimal. */
static unsigned long hex_after(const char *text, char c)
{
	const char *p = c ? strchr(text, c) : text - 1;

	return p ? strtoul(p + 1, NULL, 16) : 0;
}

/*
 * The lines of /proc/self/maps within `pages` pages of the arena: "0-4 rw-p" each, and of files the
 * page of the file and whether it has a name. Static buffer.
 */
static UNUSED const char *layout(size_t pages)
{
	static char maps[16384], text[4096];
	int fd = open("/proc/self/maps", O_RDONLY), len = 0, used = 0, n;

	while ((n = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
		len += n;
	close(fd);
	maps[len] = '\0';
	text[0] = '\0';
	for (char *line = maps, *next; *line; line = next) {
		unsigned long start = hex_after(line, 0), end = hex_after(line, '-'), offset;
		char *rights = strchr(line, ' ') + 1, *name;

		next = strchr(line, '\n') + 1;
		if (end <= (unsigned long)ARENA || start >= (unsigned long)at(pages) ||
		    used > (int)sizeof(text) - 100)
			continue;
		next[-1] = '\0';
		offset = hex_after(rights, ' ') / PAGE;
		name = strpbrk(line, "/[");
		used += sprintf(text + used, "%s%ld-%ld %.4s", used ? ", " : "",
				((long)start - (long)ARENA) / (long)PAGE,
				((long)end - (long)ARENA) / (long)PAGE, rights);
		if (name || offset)
			used += sprintf(text + used, "+%lu %s", offset, name ? name : "");
	}
	return text;
}

/*
 * Pagemap's word on each page, a character each: '-' nothing, 's' swapped, 'a' anonymous, 'f' of a
 * file or shared; a capital if mapped by this process alone. Static buffer.
 */
static UNUSED const char *bits(long page, size_t pages)
{
	static char text[256];
	static uint64_t entries[255];
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t got = pread(fd, entries, pages * 8, (unsigned long)at(page) / PAGE * 8) / 8;

	close(fd);
	for (size_t i = 0; i < pages; i++) {
		uint64_t e = i < got ? entries[i] : 0;

		text[i] = e >> 62 & 1 ? 's' : !(e >> 63) ? '-' : e >> 61 & 1 ? 'f' : 'a';
		if (e >> 63 && e >> 56 & 1)
			text[i] -= 'a' - 'A';
	}
	text[pages] = '\0';
	return text;
}

/* What each page shows: the first byte, '.' for 0, '?' for a signal. Reads, and so faults, them. */
static UNUSED const char *contents(long page, size_t pages)
{
	static char text[256];

	for (size_t i = 0; i < pages; i++) {
		text[i] = '?';
		if (CATCH() == 0) {
			unsigned char c = peek(at(page + i));

			text[i] = c ? c : '.';
		}
	}
	text[pages] = '\0';
	return text;
}

#endif
