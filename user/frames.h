/* SPDX-License-Identifier: MIT */
/*
 * frames.h - what a frame and a page are, in one character and one colour each, from
 * /proc/kpageflags, /proc/kpagecount and /proc/PID/pagemap. Linux's
 * Documentation/admin-guide/mm/pagemap.rst has the bits.
 */
#ifndef USER_FRAMES_H
#define USER_FRAMES_H

#include <stdint.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "screen.h"

#define PM_FRAME ((1ULL << 55) - 1)
#define PM_WRITTEN (1ULL << 55)
#define PM_EXCLUSIVE (1ULL << 56)
#define PM_FILE (1ULL << 61)
#define PM_SWAPPED (1ULL << 62)
#define PM_PRESENT (1ULL << 63)

#define KPF_LRU (1ULL << 5)
#define KPF_SLAB (1ULL << 7)
#define KPF_FREE (1ULL << 10)
#define KPF_MAPPED (1ULL << 11)
#define KPF_ANON (1ULL << 12)
#define KPF_SWAPCACHE (1ULL << 13)
#define KPF_SWAPBACKED (1ULL << 14)
#define KPF_NONE (1ULL << 20)
#define KPF_ZERO (1ULL << 24)
#define KPF_TABLE (1ULL << 26)
#define KPF_RESERVED (1ULL << 32)

enum kind {
	ABSENT,
	SWAPPED,
	ZERO,
	ANON,
	ANON_SHARED,
	FILE_PAGE,
	FILE_SHARED,
	SHMEM,
	SHMEM_SHARED,
	SPECIAL,
	CACHE,
	FREE,
	SLAB,
	TABLE,
	KERNEL,
	RESERVED,
	HOLE,
	KINDS
};

/* A page of a program as the first ten, a frame as any but the first two. */
static const struct {
	char character;
	const char *style, *name;
} kinds[KINDS] = {
	[ABSENT] = { '.', "2", "not there yet" },
	[SWAPPED] = { 's', "35", "swapped out" },
	[ZERO] = { '0', "37", "page of zeroes" },
	[ANON] = { 'a', "32", "anonymous" },
	[ANON_SHARED] = { 'A', "1;33", "anon., shared" },
	[FILE_PAGE] = { 'f', "34", "file" },
	[FILE_SHARED] = { 'F', "1;34", "file, shared" },
	[SHMEM] = { 'm', "36", "shared memory" },
	[SHMEM_SHARED] = { 'M', "1;36", "same, several" },
	[SPECIAL] = { 'k', "31", "kernel's, lent" },
	[CACHE] = { 'c', "94", "page cache" },
	[FREE] = { '-', "2", "free" },
	[SLAB] = { 'S', "31", "kernel objects" },
	[TABLE] = { 't', "1;31", "page table" },
	[KERNEL] = { '#', "91", "kernel, other" },
	[RESERVED] = { 'R', "90", "reserved" },
	[HOLE] = { ' ', NULL, "no RAM" },
};

/* All frames of the machine; flags and maps are of the same length. */
struct frames {
	uint64_t *flags, *maps;
	size_t nr;
};

/*
 * A file of 8 bytes a frame as an array, *nr its length; the caller frees it. Ends the program if it
 * cannot be read.
 */
static uint64_t *read_frame_file(const char *path, size_t *nr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = 1 << 20, len = 0;
	char *all = NULL, *larger;
	ssize_t n = 0;

	if (fd < 0)
		die("%s: %m (what frames hold is for root alone to see)", path);
	while ((larger = realloc(all, room))) {
		all = larger;
		n = read(fd, all + len, room - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		room += room == len ? room : 0;
	}
	if (!larger || n < 0)
		die("%s: %m", path);
	close(fd);
	*nr = len / sizeof(uint64_t);
	return (uint64_t *)(void *)all;
}

static void read_frames(struct frames *frames)
{
	size_t nr;

	free(frames->flags);
	free(frames->maps);
	frames->flags = read_frame_file("/proc/kpageflags", &frames->nr);
	frames->maps = read_frame_file("/proc/kpagecount", &nr);
	frames->nr = nr < frames->nr ? nr : frames->nr;
}

static enum kind frame_kind(const struct frames *frames, size_t frame)
{
	uint64_t flags = frames->flags[frame], shared = frames->maps[frame] > 1;

	if (flags & KPF_NONE)
		return HOLE;
	if (flags & KPF_FREE)
		return FREE;
	if (flags & KPF_ZERO)
		return ZERO;
	if (flags & KPF_SLAB)
		return SLAB;
	if (flags & KPF_TABLE)
		return TABLE;
	if (flags & KPF_ANON)
		return shared ? ANON_SHARED : ANON;
	if (flags & KPF_SWAPBACKED)
		return shared ? SHMEM_SHARED : SHMEM;
	if (flags & KPF_RESERVED)
		return RESERVED;
	if (flags & KPF_MAPPED)
		return shared ? FILE_SHARED : FILE_PAGE;
	return flags & KPF_LRU ? CACHE : KERNEL;
}

/* `special`: the mapping is the kernel's own ([vdso] and its like). */
static enum kind page_kind(const struct frames *frames, uint64_t entry, bool special)
{
	size_t frame = entry & PM_FRAME;
	bool shared = !(entry & PM_EXCLUSIVE);

	if (entry & PM_SWAPPED)
		return SWAPPED;
	if (!(entry & PM_PRESENT))
		return ABSENT;
	if (special)
		return SPECIAL;
	if (frame < frames->nr && frames->flags[frame] & KPF_ZERO)
		return ZERO;
	if (!(entry & PM_FILE))
		return shared ? ANON_SHARED : ANON;
	if (frame < frames->nr && frames->flags[frame] & KPF_SWAPBACKED)
		return shared ? SHMEM_SHARED : SHMEM;
	return shared ? FILE_SHARED : FILE_PAGE;
}

#endif
