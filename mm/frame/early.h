/* SPDX-License-Identifier: MIT */
/*
 * Memory before there is a frame allocator: RAM as sorted ranges, minus what is reserved. Knows no more
 * than numbers (nothing is mapped or touched), so it is tested on the host. Boot CPU only, no locks.
 */
#ifndef MM_FRAME_EARLY_H
#define MM_FRAME_EARLY_H

#include "lib/types.h"

#define EARLY_RANGES_MAX 64

/* Physical bytes [start, end). */
struct mem_range {
	u64 start, end;
};

/*
 * A set of bytes as sorted ranges that neither touch nor overlap. The operations return 0, or -ENOSPC
 * when the result has more than EARLY_RANGES_MAX pieces (it is then unchanged).
 */
struct mem_ranges {
	struct mem_range r[EARLY_RANGES_MAX];
	unsigned int nr;
};
int mem_ranges_add(struct mem_ranges *set, u64 start, u64 end);
int mem_ranges_remove(struct mem_ranges *set, u64 start, u64 end);

/* Start over with no memory. */
void early_mem_reset(void);
/* [start, end) is RAM. */
void early_mem_add(u64 start, u64 end);
/* [start, end) is in use, RAM or not: never handed out from now on. */
void early_mem_reserve(u64 start, u64 end);

/*
 * @size bytes at a multiple of @align (a power of two, at least 1), the lowest free ones. Never given back.
 * Physical address, or 0 when there is no such piece. Not zeroed.
 */
phys_addr_t early_alloc(size_t size, size_t align);
/* From now on early_alloc() is an error: the rest has gone to the buddy allocator. */
void early_mem_close(void);

/* Each range of whole free frames [start_pfn, end_pfn), in order: what the buddy allocator gets. */
void for_each_free_range(void (*fn)(unsigned long start_pfn, unsigned long end_pfn));
/* Each range of RAM in whole frames, free or not. */
void for_each_ram_range(void (*fn)(unsigned long start_pfn, unsigned long end_pfn));

/* Is the byte at @phys in such a range? */
bool early_mem_is_ram(u64 phys);

/* Are all bytes of [start, end) free; is any of them RAM? */
bool early_mem_is_free(u64 start, u64 end);
bool early_mem_has_ram(u64 start, u64 end);

/* Totals in bytes, and the end of the highest RAM. */
u64 early_mem_total(void);
u64 early_mem_free(void);
u64 early_mem_end(void);

#endif
