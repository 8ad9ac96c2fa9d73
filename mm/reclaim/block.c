/* SPDX-License-Identifier: MIT */
/*
 * Making a block of neighbours. Reclaim by age frees frames that lie anywhere: one page in use among each eight
 * frames, and there is no block of eight, however many frames are free. So who needs a block while single
 * frames abound has the pages of one chosen block reclaimed, those in use as well. Where Linux 6.1
 * moves pages to other frames (compaction), here they go to the disk and come back by a fault.
 */
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/internal.h"
#include "mm/reclaim/reclaim.h"

#define MAX_TRIES 4  /* blocks that turn out to be held by somebody, in one call */
#define MAX_ROUNDS 3 /* first written, then clean; and once more for who was busy */

/* Frame number behind the block tried last, where the next search begins. Any value is right. */
static unsigned long next_pfn;

/* How many frames from @page on, the head of a free block or one frame, are free or may become so; 0: none. */
static unsigned long reclaimable_run(const struct page *page)
{
	unsigned long flags = READ_ONCE(page->flags), order = READ_ONCE(page->private);

	if (flags & (1UL << PG_buddy))
		return order <= MAX_ORDER ? 1UL << order : 1; /* a snapshot: it may be gone */
	if (flags & (1UL << PG_pcp))
		return 1;
	if (flags & (1UL << PG_swapbacked) && !(flags & (1UL << PG_swapcache)) && !nr_swap_pages())
		return 0; /* nowhere to go */
	return flags & (1UL << PG_lru) && !(flags & (1UL << PG_unevictable | 1UL << PG_mlocked));
}

/* No lock: a guess, which is right unless the block changes now. */
static bool may_become_free(unsigned long pfn, unsigned long end)
{
	unsigned long run;

	for (; pfn < end; pfn += run) {
		run = pfn_valid(pfn) ? reclaimable_run(pfn_to_page(pfn)) : 0;
		if (!run)
			return false;
	}
	return true;
}

/* Reclaim the block's pages until none is left, or some stay whatever we do. Frames freed. */
static unsigned long empty_block(unsigned long pfn, unsigned long end)
{
	unsigned long freed = 0;

	for (int round = 0; round < MAX_ROUNDS; round++) {
		LIST_HEAD(pages);

		for (unsigned long i = pfn; i < end; i++)
			if (isolate_lru_page(pfn_to_page(i)))
				list_add_tail(&pfn_to_page(i)->lru, &pages);
		if (list_empty(&pages))
			break;
		freed += reclaim_pages(&pages);
		if (node_stat(N_nr_writeback))
			wait_for_writeback();
	}
	return freed;
}

unsigned long reclaim_block(unsigned int order)
{
	unsigned long nr = 1UL << order, blocks = max_pfn >> order, freed = 0;
	unsigned long block = READ_ONCE(next_pfn) >> order;
	int tries = 0;

	for (unsigned long i = 0; i < blocks && tries < MAX_TRIES; i++, block++) {
		unsigned long pfn = (block % blocks) << order;

		if (!may_become_free(pfn, pfn + nr))
			continue;
		freed += empty_block(pfn, pfn + nr);
		WRITE_ONCE(next_pfn, pfn + nr);
		drain_all_pages(); /* freed one by one, they join in the buddy */
		if (zone_watermark_ok(order, WMARK_MIN))
			break;
		tries++;
	}
	return freed;
}
