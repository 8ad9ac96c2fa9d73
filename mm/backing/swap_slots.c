/* SPDX-License-Identifier: MIT */
/*
 * Slots: finding free ones, counting who names them. Slots are given out in runs of 256, so that
 * pages reclaimed together lie together on the device, are written in one request, and come back
 * together by read-ahead.
 */
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/swap_internal.h"
#include "mm/stats.h"

#define CLUSTER 256UL

struct swap_area swap_areas[MAX_SWAPFILES];
DEFINE_SPINLOCK(swap_lock);
LIST_HEAD(swap_active);
long total_swap, free_swap;

unsigned long total_swap_pages(void)
{
	return (unsigned long)__atomic_load_n(&total_swap, __ATOMIC_RELAXED);
}

unsigned long nr_swap_pages(void)
{
	long n = __atomic_load_n(&free_swap, __ATOMIC_RELAXED);

	return n > 0 ? (unsigned long)n : 0;
}

/* A wholly free, aligned run at or after the area's position, else 0. */
static unsigned long find_cluster(const struct swap_area *area)
{
	unsigned long clusters = area->max / CLUSTER, start = DIV_ROUND_UP(area->next, CLUSTER);

	for (unsigned long i = 0; i < clusters; i++) {
		unsigned long cluster = (start + i) % clusters;
		const unsigned long *word = area->used + cluster * (CLUSTER / BITS_PER_LONG);

		if (!(word[0] | word[1] | word[2] | word[3]))
			return cluster * CLUSTER;
	}
	return 0;
}

/* area->lock held, a slot is free. */
static unsigned long take_slot(struct swap_area *area)
{
	unsigned long slot;

	if (!area->cluster_left) {
		slot = find_cluster(area);
		if (slot)
			area->next = slot;
		area->cluster_left = CLUSTER; /* without a run: take what comes for a while */
	}
	slot = find_next_zero_bit(area->used, area->max, area->next);
	if (slot == area->max)
		slot = find_next_zero_bit(area->used, area->max, 1);
	__set_bit(slot, area->used);
	area->map[slot] = SWAP_HAS_CACHE;
	area->inuse++;
	area->next = slot + 1;
	area->cluster_left--;
	__atomic_fetch_sub(&free_swap, 1, __ATOMIC_RELAXED);
	return slot;
}

/* Areas of one priority take turns: one that gave a slot goes behind its equals. swap_lock held. */
static void rotate_area(struct swap_area *area)
{
	struct swap_area *next;

	list_for_each_entry(next, &swap_active, list)
		if (next->prio < area->prio)
			break;
	list_move_tail(&area->list, &next->list); /* at the end `next` is the list's head */
}

swp_entry_t get_swap_slot(void)
{
	swp_entry_t entry = { 0 };
	struct swap_area *area;

	if (!nr_swap_pages())
		return entry;
	spin_lock(&swap_lock);
	list_for_each_entry(area, &swap_active, list) {
		spin_lock(&area->lock);
		if (area->inuse < area->pages)
			entry = swp_entry((unsigned int)(area - swap_areas), take_slot(area));
		spin_unlock(&area->lock);
		if (entry.val) {
			rotate_area(area);
			break;
		}
	}
	spin_unlock(&swap_lock);
	return entry;
}

void release_slot(struct swap_area *area, unsigned long slot)
{
	__clear_bit(slot, area->used);
	area->map[slot] = 0;
	area->inuse--;
	if (area->writeok)
		__atomic_fetch_add(&free_swap, 1, __ATOMIC_RELAXED);
}

void put_swap_slot(swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(entry);

	spin_lock(&area->lock);
	release_slot(area, swp_offset(entry));
	spin_unlock(&area->lock);
}

/* The slot's count with area->lock taken, or NULL (no lock) when the entry names no slot in use. */
static u16 *lock_slot(swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(entry);
	unsigned long slot = swp_offset(entry);

	spin_lock(&area->lock);
	if (likely(slot < area->max && area->map[slot] && area->map[slot] != SWAP_MAP_BAD))
		return &area->map[slot];
	spin_unlock(&area->lock);
	return NULL;
}

int swap_duplicate(swp_entry_t entry)
{
	u16 *count = lock_slot(entry);
	int err = 0;

	if (!count)
		return -ENOENT;
	if (likely((*count & SWAP_COUNT_MASK) < SWAP_MAP_MAX - 1))
		(*count)++;
	else
		err = -ENOMEM;
	spin_unlock(&swap_area_of(entry)->lock);
	return err;
}

int swap_count(swp_entry_t entry)
{
	u16 *map = lock_slot(entry);
	int count = 0;

	if (map) {
		count = *map & SWAP_COUNT_MASK;
		spin_unlock(&swap_area_of(entry)->lock);
	}
	return count;
}

/* One user less. The cached page, referenced, when it was the last one and the cache has one. */
static struct page *drop_user(swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(entry);
	u16 *count = lock_slot(entry);
	struct page *page = NULL;

	if (WARN_ON(!count))
		return NULL;
	if (!WARN_ON(!(*count & SWAP_COUNT_MASK)))
		(*count)--;
	if (!*count) {
		release_slot(area, swp_offset(entry));
	} else if (*count == SWAP_HAS_CACHE) {
		page = xa_load(&area->cache, swp_offset(entry));
		if (page)
			get_page(page);
	}
	spin_unlock(&area->lock);
	return page;
}

void swap_free(swp_entry_t entry)
{
	struct page *page = drop_user(entry);

	if (page)
		put_page(page);
}

void free_swap_and_cache(swp_entry_t entry)
{
	struct page *page = drop_user(entry);

	if (!page)
		return;
	/* Whoever has it locked looks at the count afterwards: end of I/O, or reclaim. */
	if (trylock_page(page)) {
		if (!page_mapped(page))
			try_to_free_swap(page);
		unlock_page(page);
	}
	put_page(page);
}
