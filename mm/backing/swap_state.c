/* SPDX-License-Identifier: MIT */
/*
 * The swap cache: the page of a slot, as long as both exist. It is what makes a fault find a page
 * that is still being written, makes all processes that share a slot get the same frame, and lets a
 * page that was only read go again without a write.
 *
 * A page in the cache has PG_swapcache, its entry in page->private, and one reference held by the
 * cache. It enters and leaves locked; area->lock guards the tree and the slot counts together.
 */
#include "kernel/trace/trace.h"
#include "lib/util.h"
#include "mm/backing/swap_internal.h"
#include "mm/backing/xa_nodes.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/lru.h"
#include "mm/stats.h"

#define RA_MAX 8U /* pages read at once: 2^page_cluster of Linux, page_cluster 3 */

/* Read-ahead pages that were used since the last window, and where and how large that was. */
static unsigned int ra_hits = 4, ra_last = RA_MAX;
static unsigned long ra_prev;

static swp_entry_t page_entry(const struct page *page)
{
	return (swp_entry_t){ page->private };
}

/* Put the locked page, not yet anywhere, under its entry. area->lock held. 0 or -ENOMEM. */
static int cache_insert(struct swap_area *area, struct page *page, swp_entry_t entry)
{
	int err = xa_store(&area->cache, swp_offset(entry), page);

	if (err)
		return err;
	get_page(page);
	page->private = entry.val;
	SetPageSwapCache(page);
	area->map[swp_offset(entry)] |= SWAP_HAS_CACHE;
	mod_node_stat(N_nr_swapcache, 1);
	trace_swap(TRACE_SWAP_ADD, entry.val, page_to_pfn(page));
	return 0;
}

bool add_to_swap_slot(struct page *page, swp_entry_t entry, unsigned int users)
{
	struct swap_area *area = swap_area_of(entry);
	int err;

	spin_lock(&area->lock);
	err = cache_insert(area, page, entry);
	if (err)
		release_slot(area, swp_offset(entry));
	else
		area->map[swp_offset(entry)] += (u16)users;
	spin_unlock(&area->lock);
	if (err)
		return false;
	SetPageDirty(page); /* the slot holds nothing yet */
	return true;
}

bool add_to_swap(struct page *page)
{
	swp_entry_t entry = get_swap_slot();

	return entry.val && add_to_swap_slot(page, entry, 0);
}

void delete_from_swap_cache(struct page *page)
{
	swp_entry_t entry = page_entry(page);
	struct swap_area *area = swap_area_of(entry);
	unsigned long slot = swp_offset(entry);

	ASSERT(PageLocked(page) && PageSwapCache(page) && !PageWriteback(page));
	spin_lock(&area->lock);
	xa_erase(&area->cache, slot);
	trace_swap(TRACE_SWAP_DEL, entry.val, page_to_pfn(page));
	ClearPageSwapCache(page);
	page->private = 0;
	area->map[slot] &= SWAP_COUNT_MASK;
	if (!area->map[slot])
		release_slot(area, slot);
	spin_unlock(&area->lock);
	mod_node_stat(N_nr_swapcache, -1);
	put_page(page);
}

bool try_to_free_swap(struct page *page)
{
	if (!PageSwapCache(page) || PageWriteback(page) || swap_count(page_entry(page)))
		return false;
	delete_from_swap_cache(page);
	SetPageDirty(page); /* its contents are nowhere else now */
	return true;
}

/* The page with a reference, or NULL; does not count as a hit of read-ahead. */
static struct page *find_swap_page(swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(entry);
	struct page *page = NULL;

	spin_lock(&area->lock);
	if (swp_offset(entry) < area->max)
		page = xa_load(&area->cache, swp_offset(entry));
	if (page)
		get_page(page);
	spin_unlock(&area->lock);
	return page;
}

/* A read of this page failed, alone or with others. */
static bool read_failed(const struct page *page)
{
	return unlikely(PageError(page)) && !PageUptodate(page);
}

struct page *lookup_swap_cache(swp_entry_t entry)
{
	struct page *page = find_swap_page(entry);

	if (!page)
		return NULL;
	if (read_failed(page)) { /* for swapin_readahead() to try again */
		put_page(page);
		return NULL;
	}
	if (PageReadahead(page) && TestClearPageReadahead(page)) {
		count_vm_event(VM_swap_ra_hit);
		ra_hits++;
	}
	return page;
}

/*
 * A failed request does not say which of its pages the device cannot read: ask for this one alone.
 */
static noinline void read_again(struct page *page, swp_entry_t entry)
{
	lock_page(page);
	if (!PageSwapCache(page) || page->private != entry.val || PageUptodate(page)) {
		unlock_page(page);
		return;
	}
	ClearPageError(page);
	swap_read_pages(&page, 1);
	wait_on_page_locked(page);
}

/*
 * The page of a slot in use, referenced: the cached one, or a fresh one, locked and entered in the
 * cache, that the caller must read (*fresh). NULL: the slot is free, or no memory.
 */
static struct page *find_or_add_page(swp_entry_t entry, gfp_t gfp, bool *fresh)
{
	struct swap_area *area = swap_area_of(entry);
	unsigned long slot = swp_offset(entry);
	struct page *page = find_swap_page(entry), *new;

	*fresh = false;
	if (page)
		return page;
	new = alloc_page(gfp);
	if (!new)
		return NULL;
	__SetPageLocked(new);
	__SetPageSwapBacked(new);
	if (gfp & __GFP_RECLAIM)
		xa_preload();
	spin_lock(&area->lock);
	if (slot < area->max && area->map[slot] & SWAP_HAS_CACHE) {
		page = xa_load(&area->cache, slot); /* somebody was faster */
		if (page)
			get_page(page);
	} else if (slot < area->max && area->map[slot] && area->map[slot] != SWAP_MAP_BAD) {
		if (!cache_insert(area, new, entry))
			page = new;
	}
	spin_unlock(&area->lock);
	if (page != new) {
		__ClearPageLocked(new);
		put_page(new);
		return page;
	}
	lru_cache_add(new);
	*fresh = true;
	return new;
}

/*
 * How many slots around the fault to read: twice the last window's hits, as long as there are any;
 * without hits only a fault next to the last one is worth a second page. Never less than half of
 * the last window, so that one miss does not end a good run.
 */
static unsigned int ra_window(unsigned long slot)
{
	unsigned int hits = __atomic_exchange_n(&ra_hits, 0, __ATOMIC_RELAXED), pages;

	if (hits)
		pages = roundup_pow_of_two(hits + 2);
	else
		pages = slot == ra_prev + 1 || slot + 1 == ra_prev ? 2 : 1;
	ra_prev = slot;
	pages = clamp(pages, ra_last / 2, RA_MAX);
	ra_last = pages;
	return pages;
}

/*
 * Slots of the window other than the faulting one: if there is memory to spare, and no waiting for
 * it.
 */
static struct page *add_readahead_page(swp_entry_t entry)
{
	bool fresh;
	struct page *page;

	if (!swap_count(entry))
		return NULL;
	page = find_or_add_page(entry, __GFP_NOWARN, &fresh);
	if (!page)
		return NULL;
	if (!fresh) {
		put_page(page);
		return NULL;
	}
	SetPageReadahead(page);
	count_vm_event(VM_swap_ra);
	return page;
}

/* Read the fresh pages of the window, run by run; drops the references but the target's. */
static void read_window(struct page **pages, unsigned int nr, const struct page *target)
{
	for (unsigned int i = 0, end; i < nr; i = end + 1) {
		for (end = i; end < nr && pages[end]; end++)
			;
		if (end > i)
			swap_read_pages(pages + i, end - i);
	}
	for (unsigned int i = 0; i < nr; i++)
		if (pages[i] && pages[i] != target)
			put_page(pages[i]);
}

struct page *swapin_readahead(swp_entry_t entry, bool *major)
{
	unsigned long slot = swp_offset(entry), first;
	unsigned int window = ra_window(slot);
	struct page *pages[RA_MAX] = { NULL }, *target;
	bool fresh;

	/* The page itself first: it may wait for memory, the others must not keep it waiting. */
	target = find_or_add_page(entry, GFP_USER, &fresh);
	if (!target)
		return NULL;
	if (!fresh) {
		if (read_failed(target))
			read_again(target, entry);
		return target;
	}
	*major = true;
	first = ALIGN_DOWN(slot, (unsigned long)window);
	for (unsigned int i = 0; i < window; i++) {
		if (first + i == slot)
			pages[i] = target;
		else if (first + i)
			pages[i] = add_readahead_page(swp_entry(swp_type(entry), first + i));
	}
	read_window(pages, window, target);
	return target;
}
