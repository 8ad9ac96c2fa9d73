/* SPDX-License-Identifier: MIT */
/* Shared by the files of mm/frame: blocks, checks and poison behind alloc_page(). */
#ifndef MM_FRAME_INTERNAL_H
#define MM_FRAME_INTERNAL_H

#include "kernel/core/panic.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"

/*
 * How deep an allocation may dig. LOW leaves kswapd its distance, MIN is the normal floor; the
 * rest eat the reserve below min: half of it for atomic callers, three quarters for the OOM
 * killer's victim so that it can exit, all of it for reclaim itself.
 */
enum alloc_level { LEVEL_LOW, LEVEL_MIN, LEVEL_HIGH, LEVEL_VICTIM, LEVEL_ALL };

/* One block, or NULL. Its head's flags are clear but for PG_poisoned; refcount is 0. */
struct page *buddy_take(gfp_t gfp, unsigned int order, enum alloc_level level);
/* At least one and up to @nr + 31 single frames, for @nr >= 1; 0 when none may be taken. */
unsigned int buddy_take_bulk(enum alloc_level level, struct page **pages, unsigned int nr);
void buddy_give(struct page *page, unsigned int order);
void buddy_give_bulk(struct page **pages, unsigned int nr);

/* Per-CPU list (pcp.c): fill this CPU's from the buddy; false when nothing could be taken. */
bool pcp_refill(enum alloc_level level);
unsigned long pcp_frames(void);
/* Each frame on any CPU's list, until @fn says false. No other CPU runs. */
void pcp_for_each(bool (*fn)(struct page *page, void *arg), void *arg);

/* Behind the fast paths (alloc.c). */
struct page *alloc_pages_slow(gfp_t gfp, unsigned int order);
/* Report the page and keep it out of use for good. */
void bad_page(struct page *page, const char *why) __cold;
/* The same for a frame that was to be freed and failed page_is_bad(). */
void bad_free(struct page *page) __cold;

/* A freed frame has none of these: whoever set one still uses the page, or it is free already. */
#define PAGE_FLAGS_NOT_AT_FREE                                                                     \
	(1UL << PG_locked | 1UL << PG_writeback | 1UL << PG_lru | 1UL << PG_active |               \
	 1UL << PG_unevictable | 1UL << PG_swapcache | 1UL << PG_reserved | 1UL << PG_buddy |      \
	 1UL << PG_slab | 1UL << PG_vmalloc | 1UL << PG_mlocked | 1UL << PG_pcp |                  \
	 1UL << PG_poisoned)

/* All the checks of a free in one branch; refcount and mapcount are looked at as one word. */
static __always_inline bool page_is_bad(const struct page *page)
{
	u64 counts = *(const u64 *)&page->_refcount;

	BUILD_BUG_ON(offsetof(struct page, _mapcount) != offsetof(struct page, _refcount) + 4);
	return (page->flags & PAGE_FLAGS_NOT_AT_FREE) | counts | (unsigned long)page->mapping;
}

#if CONFIG_DEBUG
/* Fill 2^order frames being freed and mark them; check them when they are handed out again. */
void poison_free(struct page *page, unsigned int order);
void poison_alloc(struct page *page, unsigned int order);
#else
static inline void poison_free(struct page *page, unsigned int order) { (void)page; (void)order; }
static inline void poison_alloc(struct page *page, unsigned int order) { (void)page; (void)order; }
#endif

/* What PG_poisoned is worth keeping in page->flags of a free frame. */
#define PAGE_FLAGS_KEPT_FREE (CONFIG_DEBUG ? 1UL << PG_poisoned : 0)

/* A frame leaves the allocator: clean flags, no private data, one reference. */
static __always_inline struct page *prep_new_page(struct page *page, unsigned int order)
{
	poison_alloc(page, order);
	page->flags = 0;
	page->private = 0;
	atomic_set(&page->_refcount, 1);
	return page;
}

#endif
