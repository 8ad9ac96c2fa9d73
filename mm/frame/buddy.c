/* SPDX-License-Identifier: MIT */
/*
 * The buddy system: free blocks of 2^order frames, each aligned to its size. A block's buddy is the
 * neighbour with which it forms the next larger block: its frame number differs in bit `order`. So
 * freeing looks at one struct page per order, and never searches (Knuth, TAOCP 2.5).
 *
 * Only the head of a free block is marked (PG_buddy, private = order); the struct pages behind it
 * stay as they are, zero from boot on. Handing 8 GiB to the allocator thus writes 2048 of them.
 * zone_id tells frames that the allocator has handed out at least once from those it never had.
 */
#include "mm/frame/internal.h"

#include "kernel/core/printk.h"
#include "kernel/trace/trace.h"
#include "lib/util.h"

#define DMA_END_PFN (MiB(16) >> PAGE_SHIFT)
#define DMA32_END_PFN (GiB(4) >> PAGE_SHIFT)
#define BULK_ORDER 5 /* largest block that is cut into single frames at once */

struct zone zones[MAX_NR_ZONES] = {
	[ZONE_DMA] = { .name = "DMA" },
	[ZONE_DMA32] = { .name = "DMA32" },
	[ZONE_NORMAL] = { .name = "Normal" },
};
unsigned long max_pfn, nr_sleeping_pages;
unsigned long *sections_awake;

static unsigned int pfn_zone_index(unsigned long pfn)
{
	return (pfn >= DMA_END_PFN) + (pfn >= DMA32_END_PFN);
}

static void add_block(struct zone *zone, struct page *page, unsigned int order)
{
	page->flags = (page->flags & PAGE_FLAGS_KEPT_FREE) | 1UL << PG_buddy;
	page->private = order;
	list_add(&page->lru, &zone->free_area[order].free_list);
	zone->free_area[order].nr_free++;
	zone->nr_free += 1UL << order;
}

static void del_block(struct zone *zone, struct page *page, unsigned int order)
{
	__list_del_entry(&page->lru);
	page->flags &= ~(1UL << PG_buddy);
	zone->free_area[order].nr_free--;
	zone->nr_free -= 1UL << order;
}

/* zone->lock held. */
static __always_inline void record_block(enum trace_frame_op op, const struct zone *zone,
					 unsigned long pfn, unsigned int order)
{
	trace_frame(op, (u8)order, (u8)(zone - zones), pfn);
}

/*
 * zone->lock held. Joins the block with its buddy while that is free too. @record: tells the
 * recorder.
 */
static __always_inline void free_block(struct zone *zone, unsigned long pfn, unsigned int order,
				       bool record)
{
	if (record)
		record_block(TRACE_FRAME_FREE, zone, pfn, order);
	for (; order < MAX_ORDER; order++) {
		unsigned long buddy_pfn = pfn ^ (1UL << order);
		struct page *buddy = pfn_to_page(buddy_pfn);

		/*
		 * Zones begin at multiples of the largest block, so only their end can cut one off.
		 */
		if (buddy_pfn + (1UL << order) > zone->end_pfn || !PageBuddy(buddy) ||
		    buddy->private != order)
			break;
		del_block(zone, buddy, order);
		pfn &= buddy_pfn;
		if (record)
			record_block(TRACE_FRAME_MERGE, zone, pfn, order + 1);
	}
	add_block(zone, pfn_to_page(pfn), order);
}

/* zone->lock held. The smallest block that holds 2^order frames, cut down to *cut; NULL: none. */
static struct page *take_block(struct zone *zone, unsigned int order, unsigned int *cut)
{
	for (unsigned int have = order; have <= MAX_ORDER; have++) {
		struct free_area *area = &zone->free_area[have];
		struct page *page;

		if (list_empty(&area->free_list))
			continue;
		page = list_first_entry(&area->free_list, struct page, lru);
		del_block(zone, page, have);
		*cut = min(have, *cut);
		while (have > *cut) {
			record_block(TRACE_FRAME_SPLIT, zone, page_to_pfn(page), have);
			have--;
			add_block(zone, page + (1UL << have), have);
		}
		record_block(TRACE_FRAME_ALLOC, zone, page_to_pfn(page), have);
		page->zone_id = 1 + (u32)(zone - zones);
		return page;
	}
	return NULL;
}

/* Frames of @zone that @level must leave. */
static unsigned long level_mark(const struct zone *zone, enum alloc_level level)
{
	unsigned long min_mark = zone->watermark[WMARK_MIN];

	switch (level) {
	case LEVEL_LOW:
		return zone->watermark[WMARK_LOW];
	case LEVEL_MIN:
		return min_mark;
	case LEVEL_HIGH:
		return min_mark / 2;
	case LEVEL_VICTIM:
		return min_mark / 4;
	default:
		return 0;
	}
}

struct page *buddy_take(gfp_t gfp, unsigned int order, enum alloc_level level)
{
	int first = gfp & __GFP_DMA32 ? ZONE_DMA32 : ZONE_NORMAL;

	for (int z = first; z >= 0; z--) {
		struct zone *zone = &zones[z];
		unsigned int cut = order;
		struct page *page = NULL;

		spin_lock(&zone->lock);
		if (zone->nr_free >= level_mark(zone, level) + (1UL << order))
			page = take_block(zone, order, &cut);
		spin_unlock(&zone->lock);
		if (page)
			return page;
	}
	return NULL;
}

/*
 * Takes the smallest blocks whole: leftovers are used up first, and a large block gives 32 frames
 * in a row, which makes for short scatter lists. The lowest address ends on top.
 */
static unsigned int take_bulk(struct zone *zone, unsigned long mark, struct page **pages,
			      unsigned int nr)
{
	u32 id = 1 + (u32)(zone - zones);
	unsigned int got = 0;

	while (got < nr && zone->nr_free > mark) {
		unsigned int cut = min_t(unsigned int, BULK_ORDER, __fls(zone->nr_free - mark));
		struct page *page = take_block(zone, 0, &cut);

		if (!page)
			break;
		for (struct page *p = page + (1UL << cut); p-- != page;) {
			p->zone_id = id;
			p->flags = (p->flags & PAGE_FLAGS_KEPT_FREE) | 1UL << PG_pcp;
			pages[got++] = p;
		}
	}
	return got;
}

unsigned int buddy_take_bulk(enum alloc_level level, struct page **pages, unsigned int nr)
{
	unsigned int got = 0;

	for (int z = MAX_NR_ZONES - 1; z >= 0 && !got; z--) {
		struct zone *zone = &zones[z];

		if (!zone->managed)
			continue;
		spin_lock(&zone->lock);
		got = take_bulk(zone, level_mark(zone, level), pages, nr);
		spin_unlock(&zone->lock);
	}
	return got;
}

/* May the frame go back? Else it stays out for good. zone->lock held, and back on return. */
static __always_inline bool may_give(struct zone *zone, struct page *page)
{
	if (likely(page->zone_id) && likely(!CONFIG_DEBUG || !frame_is_free(page_to_pfn(page))))
		return true;
	spin_unlock(&zone->lock);
	bad_page(page, page->zone_id ? "is free already" : "was never the allocator's");
	spin_lock(&zone->lock);
	return false;
}

static __always_inline void __free_run(struct zone *zone, unsigned long pfn, unsigned long nr,
				       bool record)
{
	while (nr) {
		unsigned int order = min_t(unsigned int, __fls(nr), MAX_ORDER);

		if (pfn)
			order = min_t(unsigned int, order, __ffs(pfn));
		free_block(zone, pfn, order, record);
		pfn += 1UL << order;
		nr -= 1UL << order;
	}
}

static noinline void free_run_recorded(struct zone *zone, unsigned long pfn, unsigned long nr)
{
	__free_run(zone, pfn, nr, true);
}

/* [pfn, pfn + nr), in as few blocks as alignment allows. zone->lock held. */
static void free_run(struct zone *zone, unsigned long pfn, unsigned long nr)
{
	if (tracing())
		free_run_recorded(zone, pfn, nr);
	else
		__free_run(zone, pfn, nr, false);
}

void buddy_give(struct page *page, unsigned int order)
{
	struct zone *zone = &zones[pfn_zone_index(page_to_pfn(page))];

	spin_lock(&zone->lock);
	if (may_give(zone, page)) {
		page->flags &= PAGE_FLAGS_KEPT_FREE;
		free_run(zone, page_to_pfn(page), 1UL << order);
	}
	spin_unlock(&zone->lock);
}

/*
 * Frames that were handed out together tend to come back together, upwards or downwards: a run of
 * neighbours is joined by counting, not pair by pair. @run is the first of the run, which has *@n
 * frames so far and grows by @page if it can.
 */
static __always_inline bool run_grows(struct page **run, unsigned int *n, struct page *page)
{
	if (page == *run + *n)
		(*n)++;
	else if (page == *run - 1 && ++*n)
		*run = page;
	else
		return false;
	return true;
}

/* @nr frames, all of @zone. */
static void give_to_zone(struct zone *zone, struct page **pages, unsigned int nr)
{
	struct page *run = NULL;
	unsigned int n = 0;

	spin_lock(&zone->lock);
	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = pages[i];

		if (unlikely(!may_give(zone, page)))
			continue;
		page->flags &= PAGE_FLAGS_KEPT_FREE;
		if (n && run_grows(&run, &n, page))
			continue;
		free_run(zone, page_to_pfn(run), n);
		run = page;
		n = 1;
	}
	free_run(zone, page_to_pfn(run), n);
	spin_unlock(&zone->lock);
}

void buddy_give_bulk(struct page **pages, unsigned int nr)
{
	while (nr) {
		struct zone *zone = &zones[pfn_zone_index(page_to_pfn(pages[0]))];
		const struct page *start = pfn_to_page(zone->start_pfn);
		const struct page *end = pfn_to_page(zone->end_pfn);
		unsigned int n = 1;

		while (n < nr && pages[n] >= start && pages[n] < end)
			n++;
		give_to_zone(zone, pages, n);
		pages += n;
		nr -= n;
	}
}

bool frame_is_free(unsigned long pfn)
{
	for (unsigned int order = 0; order <= MAX_ORDER; order++) {
		const struct page *head = pfn_to_page(pfn & ~((1UL << order) - 1));

		if (PageBuddy(head) && READ_ONCE(head->private) >= order)
			return true;
	}
	return false;
}

/* --- boot --- */
void zones_init(unsigned long max_pfn_)
{
	static const unsigned long limits[MAX_NR_ZONES + 1] = { 0, DMA_END_PFN, DMA32_END_PFN,
								~0UL };

	max_pfn = max_pfn_;
	for (int z = 0; z < MAX_NR_ZONES; z++) {
		struct zone *zone = &zones[z];

		*zone = (struct zone){ .name = zone->name };
		spin_lock_init(&zone->lock, "zone->lock");
		zone->start_pfn = min(limits[z], max_pfn);
		zone->end_pfn = min(limits[z + 1], max_pfn);
		for (int order = 0; order <= MAX_ORDER; order++)
			INIT_LIST_HEAD(&zone->free_area[order].free_list);
	}
}

/* Calls fn for each zone's part of [start_pfn, end_pfn). */
static void for_each_part(unsigned long start_pfn, unsigned long end_pfn,
			  void (*fn)(struct zone *zone, unsigned long pfn, unsigned long nr))
{
	end_pfn = min(end_pfn, max_pfn);
	while (start_pfn < end_pfn) {
		struct zone *zone = &zones[pfn_zone_index(start_pfn)];
		unsigned long nr = min(end_pfn, zone->end_pfn) - start_pfn;

		fn(zone, start_pfn, nr);
		start_pfn += nr;
	}
}

static void count_part(struct zone *zone, unsigned long pfn, unsigned long nr)
{
	(void)pfn;
	zone->managed += nr;
	zone->present += nr;
}

static void free_part(struct zone *zone, unsigned long pfn, unsigned long nr)
{
	spin_lock(&zone->lock);
	free_run(zone, pfn, nr);
	spin_unlock(&zone->lock);
}

void count_managed(unsigned long start_pfn, unsigned long end_pfn)
{
	for_each_part(start_pfn, end_pfn, count_part);
}

void free_frame_range(unsigned long start_pfn, unsigned long end_pfn)
{
	for_each_part(start_pfn, end_pfn, free_part);
}

void free_range_to_buddy(unsigned long start_pfn, unsigned long end_pfn)
{
	count_managed(start_pfn, end_pfn);
	free_frame_range(start_pfn, end_pfn);
}

static unsigned long int_sqrt(unsigned long n)
{
	unsigned long root = 0;

	for (unsigned long bit = 1UL << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= n)
			root |= bit;
	return root;
}

/* Linux's rule: keep 4 * sqrt(KiB of RAM) KiB, between 128 KiB and 256 MiB, shared out by size. */
void zones_finish(void)
{
	unsigned long total = totalram_pages();
	unsigned long kib = clamp(int_sqrt(total * (PAGE_SIZE / 1024) * 16), 128UL, 262144UL);

	for (int z = 0; z < MAX_NR_ZONES && total; z++) {
		struct zone *zone = &zones[z];
		unsigned long mark = kib / (PAGE_SIZE / 1024) * zone->managed / total;

		zone->watermark[WMARK_MIN] = mark;
		zone->watermark[WMARK_LOW] = mark + mark / 4;
		zone->watermark[WMARK_HIGH] = mark + mark / 2;
		if (zone->managed)
			pr_info("zone %s: frames %#lx-%#lx, %lu KiB free, min %lu frames\n",
				zone->name, zone->start_pfn, zone->end_pfn - 1, zone->managed * 4,
				mark);
	}
}

/* --- totals --- */
unsigned long totalram_pages(void)
{
	unsigned long sum = 0;

	for (int z = 0; z < MAX_NR_ZONES; z++)
		sum += zones[z].managed;
	return sum;
}

unsigned long nr_free_pages(void)
{
	unsigned long sum = pcp_frames() + READ_ONCE(nr_sleeping_pages);

	for (int z = 0; z < MAX_NR_ZONES; z++)
		sum += READ_ONCE(zones[z].nr_free);
	return sum;
}

bool zone_watermark_ok(unsigned int order, enum zone_watermark mark)
{
	for (int z = 0; z < MAX_NR_ZONES; z++) {
		const struct zone *zone = &zones[z];

		if (!zone->managed ||
		    READ_ONCE(zone->nr_free) < zone->watermark[mark] + (1UL << order))
			continue;
		for (unsigned int have = order; have <= MAX_ORDER; have++)
			if (READ_ONCE(zone->free_area[have].nr_free))
				return true;
	}
	return false;
}
