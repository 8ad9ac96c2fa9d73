/* SPDX-License-Identifier: MIT */
/*
 * account.h - what the kernel itself says of memory, as lines on standard output, for tests that
 * hold the recorder's account beside it:
 *
 *	frames FIRST END COUNT FLAGS	kpagecount and kpageflags, neighbours that are the same in one
 *	vma LINE			of /proc/PID/maps, and behind it of its pages
 *	page ADDRESS ENTRY		what pagemap has that is not 0
 *
 * Reading and printing are apart: nothing need be allocated while one reads.
 */
#ifndef TESTS_ACCOUNT_H
#define TESTS_ACCOUNT_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "tap.h"

#define FRAMES 32768 /* 128 MiB */
#define SOFT_DIRTY (UINT64_C(1) << 55)
/* LRU, ACTIVE, SLAB, BUDDY, ANON, SWAPCACHE, UNEVICTABLE, ZERO_PAGE, PGTABLE, RESERVED */
#define SHOWN UINT64_C(0x1050434e0)

static uint64_t frame_count[FRAMES], frame_flags[FRAMES];
static size_t nr_frames;

/* A mark in the recorder: "here I looked". @trace: /proc/trace, open for writing. */
static inline void mark(int trace, size_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", number);
	if (write(trace, text, strlen(text)) < 0)
		bail("write to /proc/trace");
}

static inline size_t read_numbers(int fd, uint64_t *numbers)
{
	ssize_t n = pread(fd, numbers, FRAMES * sizeof(*numbers), 0);

	return n > 0 ? (size_t)n / sizeof(*numbers) : 0;
}

/* Touch what read_frames() fills, so that it takes no fault. */
static inline void touch_frames(void)
{
	memset(frame_count, 1, sizeof(frame_count));
	memset(frame_flags, 1, sizeof(frame_flags));
}

/* @counts, @flags: /proc/kpagecount and /proc/kpageflags. */
static inline void read_frames(int counts, int flags)
{
	nr_frames = read_numbers(flags, frame_flags);
	read_numbers(counts, frame_count);
}

static inline void show_frames(void)
{
	const uint64_t *count = frame_count, *flags = frame_flags;

	for (size_t i = 0, end; i < nr_frames; i = end) {
		for (end = i + 1; end < nr_frames && count[end] == count[i] &&
				  !((flags[end] ^ flags[i]) & SHOWN);
		     end++)
			;
		printf("frames %zx %zx %" PRIx64 " %" PRIx64 "\n", i, end, count[i],
		       flags[i] & SHOWN);
	}
}

static inline void show_pages(int pagemap, uintptr_t start, uintptr_t end)
{
	uint64_t entries[128];

	for (uintptr_t page = start; page < end; page += sizeof(entries) / 8 * PAGE) {
		uintptr_t left = (end - page) / PAGE;
		ssize_t n = pread(pagemap, entries, left < 128 ? left * 8 : sizeof(entries),
				  page / PAGE * 8);

		if (n <= 0)
			return;
		for (ssize_t i = 0; i < n / 8; i++)
			if (entries[i] & ~SOFT_DIRTY)
				printf("page %" PRIxPTR " %" PRIx64 "\n", page + i * PAGE,
				       entries[i] & ~SOFT_DIRTY);
	}
}

static inline void show_maps(int pid)
{
	char name[64], line[256];
	int pagemap;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/pagemap", pid);
	pagemap = open(name, O_RDONLY);
	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "r");
	while (maps && fgets(line, sizeof(line), maps)) {
		uintptr_t start, end;

		printf("vma %s", line);
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2)
			show_pages(pagemap, start, end);
	}
	if (maps)
		fclose(maps);
	close(pagemap);
}

#endif
