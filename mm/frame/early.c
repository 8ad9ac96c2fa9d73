/* SPDX-License-Identifier: MIT */
/*
 * Range arithmetic, and the boot allocator made of it: what is RAM, and what of it is still free.
 */

#include "mm/frame/early.h"

#include "kernel/core/panic.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

#define EARLY_PAGE 4096ULL

static struct mem_ranges ram, avail;
static bool closed;

static void delete_piece(struct mem_ranges *set, unsigned int i)
{
	set->nr--;
	memmove(&set->r[i], &set->r[i + 1], (set->nr - i) * sizeof(set->r[0]));
}

static int insert_piece(struct mem_ranges *set, unsigned int i, u64 start, u64 end)
{
	if (set->nr == EARLY_RANGES_MAX)
		return -ENOSPC;
	memmove(&set->r[i + 1], &set->r[i], (set->nr - i) * sizeof(set->r[0]));
	set->r[i] = (struct mem_range){ start, end };
	set->nr++;
	return 0;
}

int mem_ranges_add(struct mem_ranges *set, u64 start, u64 end)
{
	unsigned int i = 0;

	if (start >= end)
		return 0;
	while (i < set->nr && set->r[i].end < start)
		i++;
	if (i == set->nr || end < set->r[i].start)
		return insert_piece(set, i, start, end);
	/* Touches piece i: grow it, and swallow those after it that it reaches now. */
	set->r[i].start = min(set->r[i].start, start);
	set->r[i].end = max(set->r[i].end, end);
	while (i + 1 < set->nr && set->r[i + 1].start <= set->r[i].end) {
		set->r[i].end = max(set->r[i].end, set->r[i + 1].end);
		delete_piece(set, i + 1);
	}
	return 0;
}

int mem_ranges_remove(struct mem_ranges *set, u64 start, u64 end)
{
	unsigned int i = 0;

	if (start >= end)
		return 0;
	while (i < set->nr) {
		struct mem_range *r = &set->r[i];

		if (r->end <= start || r->start >= end) {
			i++;
		} else if (r->start < start && r->end > end) {
			if (insert_piece(set, i + 1, end, r->end))
				return -ENOSPC;
			r->end = start;
			return 0;
		} else if (r->start < start) {
			r->end = start;
			i++;
		} else if (r->end > end) {
			r->start = end;
			i++;
		} else {
			delete_piece(set, i);
		}
	}
	return 0;
}

void early_mem_reset(void)
{
	ram.nr = 0;
	avail.nr = 0;
	closed = false;
}

void early_mem_add(u64 start, u64 end)
{
	if (mem_ranges_add(&ram, start, end) || mem_ranges_add(&avail, start, end))
		boot_fail(
			"the memory map has more than %d separate pieces of RAM; start the machine with a simpler "
			"memory layout",
			EARLY_RANGES_MAX);
}

void early_mem_reserve(u64 start, u64 end)
{
	if (mem_ranges_remove(&avail, start, end))
		boot_fail(
			"free memory falls into more than %d pieces; start the machine with a simpler memory layout",
			EARLY_RANGES_MAX);
}

phys_addr_t early_alloc(size_t size, size_t align)
{
	BUG_ON(closed);
	for (unsigned int i = 0; i < avail.nr; i++) {
		u64 start = ALIGN(avail.r[i].start, (u64)align);

		if (start < avail.r[i].start || start > avail.r[i].end ||
		    avail.r[i].end - start < size)
			continue;
		early_mem_reserve(start, start + size);
		return start;
	}
	return 0;
}

void early_mem_close(void)
{
	closed = true;
}

static void for_each_frames(const struct mem_ranges *set, void (*fn)(unsigned long, unsigned long))
{
	for (unsigned int i = 0; i < set->nr; i++) {
		u64 start = DIV_ROUND_UP(set->r[i].start, EARLY_PAGE);
		u64 end = set->r[i].end / EARLY_PAGE;

		if (start < end)
			fn((unsigned long)start, (unsigned long)end);
	}
}

void for_each_free_range(void (*fn)(unsigned long start_pfn, unsigned long end_pfn))
{
	for_each_frames(&avail, fn);
}

void for_each_ram_range(void (*fn)(unsigned long start_pfn, unsigned long end_pfn))
{
	for_each_frames(&ram, fn);
}

bool early_mem_is_ram(u64 phys)
{
	u64 frame = ALIGN_DOWN(phys, EARLY_PAGE);

	for (unsigned int i = 0; i < ram.nr; i++)
		if (frame >= ram.r[i].start && frame + EARLY_PAGE <= ram.r[i].end)
			return true;
	return false;
}

bool early_mem_is_free(u64 start, u64 end)
{
	for (unsigned int i = 0; i < avail.nr; i++)
		if (start >= avail.r[i].start && end <= avail.r[i].end)
			return true;
	return false;
}

bool early_mem_has_ram(u64 start, u64 end)
{
	for (unsigned int i = 0; i < ram.nr; i++)
		if (start < ram.r[i].end && end > ram.r[i].start)
			return true;
	return false;
}

static u64 total(const struct mem_ranges *set)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < set->nr; i++)
		sum += set->r[i].end - set->r[i].start;
	return sum;
}

u64 early_mem_total(void)
{
	return total(&ram);
}

u64 early_mem_free(void)
{
	return total(&avail);
}

u64 early_mem_end(void)
{
	return ram.nr ? ram.r[ram.nr - 1].end : 0;
}
