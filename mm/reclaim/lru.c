/* SPDX-License-Identifier: MIT */
/*
 * The page lists: on which one a page stands is told by its flags alone, so that whoever changes the
 * flags under lru_lock moves the page with them.
 *
 *   swapbacked  active  unevictable   list
 *   yes         no/yes  no            LRU_INACTIVE_ANON / LRU_ACTIVE_ANON
 *   no          no/yes  no            LRU_INACTIVE_FILE / LRU_ACTIVE_FILE
 *   any         no      yes           LRU_UNEVICTABLE
 *
 * Pages enter at the head; reclaim takes from the tail.
 */
#include "mm/reclaim/lru.h"

#include "kernel/core/panic.h"
#include "mm/backing/filemap.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/internal.h"
#include "mm/stats.h"

struct list_head lru_lists[NR_LRU_LISTS];
DEFINE_SPINLOCK(lru_lock);

void lru_init(void)
{
	for (int list = 0; list < NR_LRU_LISTS; list++)
		INIT_LIST_HEAD(&lru_lists[list]);
}

static __always_inline enum lru_list lru_of(unsigned long flags)
{
	if (unlikely(flags & (1UL << PG_unevictable)))
		return LRU_UNEVICTABLE;
	return (flags & (1UL << PG_swapbacked) ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE) +
	       ((flags >> PG_active) & 1);
}

enum lru_list page_lru(const struct page *page)
{
	return lru_of(page->flags);
}

/* The gauges of the lists come first in enum node_stat, in the same order. */
static void count_lru(enum lru_list list, long delta)
{
	BUILD_BUG_ON((int)N_nr_inactive_anon != (int)LRU_INACTIVE_ANON ||
		     (int)N_nr_unevictable != (int)LRU_UNEVICTABLE);
	mod_node_stat((enum node_stat)list, delta);
}

bool page_is_unevictable(const struct page *page)
{
	const struct address_space *mapping;

	if (PageMlocked(page))
		return true;
	mapping = page_mapping(page);
	return mapping && (mapping->flags & AS_UNEVICTABLE);
}

/* The pages that reclaim may not have go to a list of their own; no others stay on it. */
static noinline void fix_unevictable(struct page *page)
{
	if (page_is_unevictable(page)) {
		ClearPageActive(page);
		SetPageUnevictable(page);
	} else {
		ClearPageUnevictable(page);
	}
}

/* Inline: every page that is made or freed comes by here. */
static __always_inline void add_page(struct page *page)
{
	unsigned long flags = page->flags;
	enum lru_list list;

	ASSERT(!PageLRU(page));
	if (unlikely(flags & (1UL << PG_mlocked | 1UL << PG_unevictable)) ||
	    (!PageAnon(page) && unlikely(page_is_unevictable(page)))) {
		fix_unevictable(page);
		flags = page->flags;
	}
	list = lru_of(flags);
	SetPageLRU(page);
	list_add(&page->lru, &lru_lists[list]);
	count_lru(list, 1);
}

static __always_inline void del_page(struct page *page)
{
	count_lru(lru_of(page->flags), -1);
	__list_del_entry(&page->lru);
	ClearPageLRU(page);
}

void lru_add_locked(struct page *page)
{
	add_page(page);
}

void lru_del_locked(struct page *page)
{
	del_page(page);
}

void lru_cache_add(struct page *page)
{
	spin_lock(&lru_lock);
	add_page(page);
	spin_unlock(&lru_lock);
}

void lru_cache_add_anon(struct page *page)
{
	ASSERT(PageAnon(page) && PageSwapBacked(page));
	__SetPageLRU(page);
	spin_lock(&lru_lock);
	list_add(&page->lru, &lru_lists[LRU_INACTIVE_ANON]);
	count_lru(LRU_INACTIVE_ANON, 1);
	spin_unlock(&lru_lock);
}

void lru_del(struct page *page)
{
	spin_lock(&lru_lock);
	if (likely(PageLRU(page)))
		del_page(page);
	spin_unlock(&lru_lock);
}

static void activate_page(struct page *page)
{
	spin_lock(&lru_lock);
	if (PageLRU(page) && !PageActive(page) && !PageUnevictable(page)) {
		lru_del_locked(page);
		SetPageActive(page);
		lru_add_locked(page);
		count_vm_event(VM_pgactivate);
	}
	spin_unlock(&lru_lock);
}

void mark_page_accessed(struct page *page)
{
	if (!PageReferenced(page)) {
		SetPageReferenced(page);
	} else if (!PageActive(page) && !PageUnevictable(page) && PageLRU(page)) {
		activate_page(page);
		ClearPageReferenced(page);
	}
}

/* To the inactive list's tail. lru_lock held. */
static void move_to_inactive_tail(struct page *page)
{
	lru_del_locked(page);
	ClearPageActive(page);
	lru_add_locked(page);
	list_move_tail(&page->lru, &lru_lists[page_lru(page)]);
}

void deactivate_page(struct page *page)
{
	spin_lock(&lru_lock);
	if (PageLRU(page) && !PageUnevictable(page)) {
		if (PageActive(page))
			count_vm_event(VM_pgdeactivate);
		ClearPageReferenced(page);
		move_to_inactive_tail(page);
	}
	spin_unlock(&lru_lock);
}

void mlock_page(struct page *page)
{
	if (TestSetPageMlocked(page))
		return;
	count_vm_event(VM_unevictable_pgs_mlocked);
	/*
	 * An isolated page goes to the right list when it is put back: that looks at the flag too.
	 */
	spin_lock(&lru_lock);
	if (PageLRU(page)) {
		lru_del_locked(page);
		lru_add_locked(page);
	}
	spin_unlock(&lru_lock);
}

/* If another VM_LOCKED mapping has the page, reclaim finds out and locks it again. */
void munlock_page(struct page *page)
{
	if (!TestClearPageMlocked(page))
		return;
	count_vm_event(VM_unevictable_pgs_munlocked);
	spin_lock(&lru_lock);
	if (PageLRU(page)) {
		lru_del_locked(page);
		lru_add_locked(page);
	}
	spin_unlock(&lru_lock);
}

/* Its write is done and reclaim waits for it: the next scan finds it first. */
static void rotate_reclaimable_page(struct page *page)
{
	spin_lock(&lru_lock);
	if (PageLRU(page) && !PageActive(page) && !PageUnevictable(page)) {
		list_move_tail(&page->lru, &lru_lists[page_lru(page)]);
		count_vm_event(VM_pgrotated);
	}
	spin_unlock(&lru_lock);
}

/* --- the ends of a page that mm/frame/page.h declares --- */
void end_page_writeback(struct page *page)
{
	struct address_space *mapping = page_mapping(page);

	get_page(page); /* once the flag is clear nothing else keeps it from being freed */
	if (mapping) {
		spin_lock(&mapping->tree_lock);
		xa_clear_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_WRITEBACK);
		ClearPageWriteback(page);
		spin_unlock(&mapping->tree_lock);
	} else {
		ClearPageWriteback(page);
	}
	mod_node_stat(N_nr_writeback, -1);
	if (TestClearPageReclaim(page))
		rotate_reclaimable_page(page);
	wake_up_page(page);
	reclaim_writeback_done();
	put_page(page);
}

/* The last reference to @page is gone, and it is on no list. */
static __always_inline void free_unlisted(struct page *page)
{
	ASSERT(!PageSwapCache(page));
	if (unlikely(PageMlocked(page)) && TestClearPageMlocked(page))
		count_vm_event(VM_unevictable_pgs_munlocked);
	if (likely(PageAnon(page)))
		page->mapping = NULL;
	page->flags &= ~(1UL << PG_active | 1UL << PG_unevictable);
	free_unref_page(page);
}

void __put_page(struct page *page)
{
	if (likely(PageLRU(page)))
		lru_del(page);
	free_unlisted(page);
}

/* lru_lock is let go of now and then: somebody may wait for it. */
#define RELEASE_BATCH 64U

static void release_batch(struct page *const *pages, unsigned int nr)
{
	spin_lock(&lru_lock);
	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = pages[i];

		if (!atomic_dec_and_test(&page->_refcount))
			continue;
		if (likely(PageLRU(page)))
			del_page(page);
		free_unlisted(page);
	}
	spin_unlock(&lru_lock);
}

void release_pages(struct page *const *pages, unsigned int nr)
{
	for (; nr > RELEASE_BATCH; pages += RELEASE_BATCH, nr -= RELEASE_BATCH)
		release_batch(pages, RELEASE_BATCH);
	release_batch(pages, nr);
}
