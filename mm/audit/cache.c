/* SPDX-License-Identifier: MIT */
/*
 * Where contents live: page caches and swap caches, whose pages point back to where they stand, and
 * swap slots, whose counts are the entries that name them.
 */
#include "mm/audit/internal.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap_internal.h"
#include "mm/frame/slab_internal.h"

/* A cache holds @page: once, and it is a frame in use. */
static bool take_cached(struct audit *a, struct page *page, const char *cache, unsigned long index)
{
	u32 *mark;

	if (!audit_is_page(page))
		return audit_fail(a, "%s: at %#lx stands %p, which is no struct page", cache, index,
				  (void *)page);
	mark = mark_of(a, page);
	if (*mark & (MARK_CACHE | MARK_FREE))
		return audit_fail(a, "%s: the page at %#lx, frame %#lx, is %s", cache, index,
				  page_to_pfn(page),
				  *mark & MARK_FREE ? "free" : "cached in another place, too");
	*mark |= MARK_CACHE;
	return true;
}

/* --- page caches --- */
static bool check_tags(struct audit *a, struct address_space *mapping, const struct page *page)
{
	bool dirty = xa_get_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_DIRTY);
	bool writeback = xa_get_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_WRITEBACK);

	/* From PG_dirty's end to the mark's the page is locked: somebody is about to write it. */
	if (PageDirty(page) != dirty && !mapping->shmem &&
	    !(dirty && PageLocked(page)))
		return audit_fail(a, "mapping %p: page %#lx, frame %#lx, is %s but tagged %s",
				  (void *)mapping, page->index, page_to_pfn(page),
				  PageDirty(page) ? "dirty" : "clean", dirty ? "dirty" : "clean");
	if (PageWriteback(page) != writeback)
		return audit_fail(a,
				  "mapping %p: page %#lx, frame %#lx, has PG_writeback %d, tag %d",
				  (void *)mapping, page->index, page_to_pfn(page),
				  PageWriteback(page), writeback);
	return true;
}

static bool cached_page(struct audit *a, struct address_space *mapping, struct page *page,
			unsigned long index)
{
	if (!take_cached(a, page, "page cache", index))
		return false;
	if (page->mapping != mapping || page->index != index)
		return audit_fail(
			a, "mapping %p: the page at %#lx, frame %#lx, says it is page %#lx of %p",
			(void *)mapping, index, page_to_pfn(page), page->index,
			(void *)page->mapping);
	a->cache_pages++;
	if (PageSwapBacked(page))
		a->shmem++;
	else
		a->dirty += PageDirty(page);
	return check_tags(a, mapping, page);
}

static bool audit_mapping(struct audit *a, struct address_space *mapping)
{
	unsigned long index, pages = 0;
	struct page *page;

	xa_for_each(&mapping->i_pages, index, page) {
		if (xa_is_value(page)) {
			if (!mapping->shmem)
				return audit_fail(a, "mapping %p: at %#lx stands a swap entry",
						  (void *)mapping, index);
			continue;
		}
		if (!cached_page(a, mapping, page, index))
			return false;
		pages++;
	}
	if (pages != mapping->nrpages)
		return audit_fail(a, "mapping %p: nrpages is %lu, its tree has %lu",
				  (void *)mapping, mapping->nrpages, pages);
	return true;
}

static const struct page *first_page(const struct address_space *mapping)
{
	unsigned long index = 0;
	const struct page *page = xa_find(&mapping->i_pages, &index, ~0UL);

	while (xa_is_value(page))
		page = xa_find_after(&mapping->i_pages, &index, ~0UL);
	return page;
}

/* A page that says it is in a page cache; the first of each cache leads to the others. */
static bool look_at_frame(struct audit *a, struct page *page)
{
	struct address_space *mapping = page_mapping(page);

	if (!mapping || PageSlab(page))
		return true;
	if (xa_load(&mapping->i_pages, page->index) != page)
		return audit_fail(a,
				  "frame %#lx says it is page %#lx of mapping %p, where %p stands",
				  page_to_pfn(page), page->index, (void *)mapping,
				  xa_load(&mapping->i_pages, page->index));
	return first_page(mapping) != page || audit_mapping(a, mapping);
}

bool audit_page_caches(struct audit *a)
{
	return audit_for_each_frame(a, look_at_frame);
}

/* --- swap --- */
/* The slots that a memory-only file has in the places of pages. */
static bool count_slots(struct audit *a, const struct shmem *shmem)
{
	const struct address_space *mapping = shmem->mapping;
	unsigned long index, swapped = 0;
	void *value;

	xa_for_each(&mapping->i_pages, index, value) {
		swp_entry_t entry = value_to_swp(value);
		unsigned long slot = swp_offset(entry);

		if (!xa_is_value(value))
			continue;
		if (swp_entry(swp_type(entry), slot).val != entry.val || !slot ||
		    slot >= swap_area_of(entry)->max)
			return audit_fail(a, "mapping %p: at %#lx stands %#lx, no swap slot",
					  (const void *)mapping, index, entry.val);
		a->slots[a->first_slot[swp_type(entry)] + slot]++;
		swapped++;
	}
	if (swapped != shmem->swapped)
		return audit_fail(a, "mapping %p: it counts %lu pages in swap, its tree has %lu",
				  (const void *)mapping, shmem->swapped, swapped);
	return true;
}

static bool check_slot(struct audit *a, const struct swap_area *area, unsigned long slot,
		       unsigned long seen)
{
	unsigned int map = area->map[slot], type = (unsigned int)(area - swap_areas);
	bool cached = map & SWAP_HAS_CACHE, used = test_bit((unsigned int)slot, area->used);

	if (map == SWAP_MAP_BAD && !seen)
		return true;
	if ((map & SWAP_COUNT_MASK) != seen)
		return audit_fail(a, "swap area %u: slot %lu has the count %u, %lu entries name it",
				  type, slot, map & SWAP_COUNT_MASK, seen);
	if (used != !!map)
		return audit_fail(a, "swap area %u: slot %lu has count %u but is marked %s", type,
				  slot, map, used ? "used" : "free");
	if (cached != !!xa_load(&area->cache, slot))
		return audit_fail(a, "swap area %u: slot %lu is marked %s, the cache has %p", type,
				  slot, cached ? "cached" : "not cached",
				  xa_load(&area->cache, slot));
	return true;
}

static bool audit_swap_cache(struct audit *a, struct swap_area *area)
{
	unsigned int type = (unsigned int)(area - swap_areas);
	unsigned long slot;
	struct page *page;

	xa_for_each(&area->cache, slot, page) {
		if (!take_cached(a, page, "swap cache", slot))
			return false;
		if (!PageSwapCache(page) || page->private != swp_entry(type, slot).val)
			return audit_fail(
				a,
				"swap area %u: the page of slot %lu, frame %#lx, has flags %#lx and entry %#lx",
				type, slot, page_to_pfn(page), page->flags, page->private);
		a->swapcache++;
	}
	return true;
}

static bool audit_area(struct audit *a, struct swap_area *area, long *free)
{
	unsigned int type = (unsigned int)(area - swap_areas);
	const u16 *seen = a->slots + a->first_slot[type];
	unsigned long inuse = 0, bad = 1; /* the header's */

	for (unsigned long slot = 1; slot < area->max; slot++) {
		if (!check_slot(a, area, slot, seen[slot]))
			return false;
		bad += area->map[slot] == SWAP_MAP_BAD;
		inuse += area->map[slot] && area->map[slot] != SWAP_MAP_BAD;
	}
	if (inuse != area->inuse || area->max - bad != area->pages)
		return audit_fail(a,
				  "swap area %u counts %lu of %lu slots in use, it is %lu of %lu",
				  type, area->inuse, area->pages, inuse, area->max - bad);
	if (area->writeok)
		*free += (long)(area->pages - inuse);
	return audit_swap_cache(a, area);
}

bool audit_swap(struct audit *a)
{
	const struct shmem *shmem;
	long free = 0;

	list_for_each_entry(shmem, &shmem_swaplist, swaplist)
		if (!count_slots(a, shmem))
			return false;
	for (unsigned int i = 0; i < MAX_SWAPFILES; i++)
		if (swap_areas[i].max && !audit_area(a, &swap_areas[i], &free))
			return false;
	if (free != free_swap)
		return audit_fail(a, "swap counts %ld free slots, its areas have %ld", free_swap,
				  free);
	return true;
}
