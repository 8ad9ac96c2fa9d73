/* SPDX-License-Identifier: MIT */
/*
 * What becomes of each page that reclaim looks at:
 *
 *   used since we looked     stays, or becomes active
 *   anon, no swap slot       gets one and enters the swap cache
 *   shared memory            the same, once nobody maps it and only if it was written
 *   mapped                   every entry is taken out (try_to_unmap)
 *   dirty                    is written; freed when the write is done and the scan finds it again
 *   clean                    leaves the page cache or swap cache and is free
 *   anon after MADV_FREE     free if clean; written since then, it goes back to the anon pages
 *
 * Entries are taken out of up to 32 pages, which stay locked, before CPUs are told once for all of them
 * (asm/tlbflush.h); only then is any of the pages written or freed.
 */
#include "kernel/debug/race.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap.h"
#include "mm/backing/writeback.h"
#include "mm/reclaim/internal.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

enum verdict {
	KEEP,     /* back to its list */
	ACTIVATE, /* back to the active list */
	WRITTEN,  /* its write has begun and unlocked it; back to its list */
	RECLAIM,  /* its use does not speak for it; nobody maps it */
	FREED,    /* only our reference is left */
};

/* What its use since the last look says. Page locked. */
static enum verdict check_references(struct page *page, struct scan_control *sc)
{
	unsigned long vm_flags = 0;
	int entries = page_mapped(page) ? page_referenced(page, &vm_flags, &sc->tlb) : 0;
	bool marked = TestClearPageReferenced(page);

	if (unlikely(vm_flags & VM_LOCKED)) { /* munlock() of another mapping took the mark away */
		mlock_page(page);
		return KEEP;
	}
	if (sc->force)
		return RECLAIM;
	if (!entries)
		return marked && !PageSwapBacked(page) && PageDirty(page) ? KEEP : RECLAIM;
	if (PageSwapBacked(page))
		return ACTIVATE;
	/*
	 * A file page used once may be a stream passing by; twice, shared or code, it is worth
	 * keeping.
	 */
	SetPageReferenced(page);
	return marked || entries > 1 || (vm_flags & VM_EXEC) ? ACTIVATE : KEEP;
}

/* Start writing the dirty, unmapped, locked page. The file system may wait for anything. */
static enum verdict pageout(struct page *page, struct scan_control *sc)
{
	struct address_space *mapping = page_mapping(page);

	if (PageSwapBacked(page)) {
		if (!(sc->gfp & __GFP_IO))
			return KEEP;
		if (!PageSwapCache(page) && !shmem_swap_out(page))
			return ACTIVATE;
		SetPageReclaim(page);
		swap_writepage_batch(page, &sc->batch);
		return WRITTEN;
	}
	if (!mapping || !mapping->a_ops->write_page || !(sc->gfp & __GFP_FS))
		return KEEP;
	if (!sc->kswapd && !sc->force && sc->priority > DEF_PRIORITY - 2) {
		wakeup_flusher(); /* it writes in file order; that beats our order by far */
		return KEEP;
	}
	swap_batch_submit(&sc->batch);
	if (!clear_page_dirty_for_io(page))
		return KEEP;
	SetPageReclaim(page);
	mapping->a_ops->write_page(mapping, page);
	return WRITTEN;
}

/*
 * Take the clean, unmapped, locked page out of its cache: FREED, or KEEP. Only the cache and we may hold
 * it (of what MADV_FREE was told of, only we). Who looks a page up in the swap cache meanwhile finds out
 * when he has the lock. Whoever held it has let go of it after he made it dirty: so the count is looked
 * at first.
 */
static enum verdict leave_cache(struct page *page)
{
	if (page_count(page) != 1 + !page_is_lazyfree(page) || PageDirty(page))
		return KEEP;
	if (page_is_lazyfree(page))
		count_vm_event(VM_pglazyfreed);
	if (PageSwapCache(page))
		delete_from_swap_cache(page);
	else if (page_mapping(page) && !remove_unused_page(page))
		return KEEP;
	return page_count(page) == 1 ? FREED : KEEP;
}

/* Before the maps of a page of shared memory are taken out: has it a place to go? Page locked. */
static bool may_swap_shared(const struct page *page, const struct scan_control *sc)
{
	return sc->gfp & __GFP_IO && nr_swap_pages() && !(page->mapping->flags & AS_UNEVICTABLE);
}

/*
 * Shall the isolated, locked page go? RECLAIM: yes, and nobody maps it any more; after the flush
 * let_go() finishes it.
 */
static enum verdict look_at(struct page *page, struct scan_control *sc)
{
	enum verdict verdict;

	if (page_count(page) == 1)
		return FREED; /* its owner died meanwhile */
	if (unlikely(page_is_unevictable(page)))
		return KEEP;
	if (PageWriteback(page)) {
		SetPageReclaim(page);
		sc->nr_writeback++;
		return KEEP;
	}
	verdict = check_references(page, sc);
	if (verdict != RECLAIM)
		return verdict;
	if (PageSwapCache(page) && !page_mapped(page) && try_to_free_swap(page))
		return page_count(page) == 1 ? FREED : KEEP;
	if (PageAnon(page) && PageSwapBacked(page) && !PageSwapCache(page) &&
	    (!(sc->gfp & __GFP_IO) || !page_mapped(page) || !add_to_swap(page)))
		return ACTIVATE;
	if (PageSwapBacked(page) && page_mapping(page) && !may_swap_shared(page, sc))
		return ACTIVATE;
	race_point_may_sleep("reclaim: page chosen, still mapped");
	if (page_mapped(page) && !try_to_unmap(page, &sc->tlb)) {
		/*
		 * One mapping keeps it, others may be gone: unlocked before CPUs forget them, it
		 * could be written back and written to after that, by who is not asked any more.
		 */
		tlb_batch_flush(&sc->tlb);
		return PageMlocked(page) ? KEEP : ACTIVATE;
	}
	return RECLAIM;
}

/* No CPU can reach the page now. On WRITTEN it comes back unlocked. */
static enum verdict let_go(struct page *page, struct scan_control *sc)
{
	return PageDirty(page) ? pageout(page, sc) : leave_cache(page);
}

/* The verdict is known: unlock the page, and take it off its list if it is free. */
static void settle(struct page *page, enum verdict verdict, struct scan_control *sc)
{
	if (verdict == WRITTEN)
		sc->submitted++;
	else
		unlock_page(page);
	if (verdict == ACTIVATE) {
		SetPageActive(page);
		sc->nr_activated++;
	} else if (verdict == FREED) {
		list_del(&page->lru);
		put_page(page);
		sc->nr_freed++;
	}
}

/*
 * What was found to go, locked: CPUs are told once for all of them. A file's dirty pages are unlocked
 * with the others and locked again one by one, as the file system may wait for any page. What stays
 * goes back to @pages.
 */
static void let_go_of_all(struct list_head *gone, struct list_head *pages, struct scan_control *sc)
{
	struct page *page, *next;
	LIST_HEAD(to_file);

	race_point_may_sleep("reclaim: pages unmapped, not flushed");
	tlb_batch_flush(&sc->tlb);
	list_for_each_entry_safe(page, next, gone, lru) {
		if (PageDirty(page) && !PageSwapBacked(page)) {
			unlock_page(page);
			list_move_tail(&page->lru, &to_file);
		} else {
			settle(page, let_go(page, sc), sc);
		}
	}
	list_splice_init(gone, pages);
	list_for_each_entry_safe(page, next, &to_file, lru) {
		bool changed;

		if (!trylock_page(page))
			continue;
		changed = page_mapped(page) || PageWriteback(page);
		settle(page, changed ? KEEP : let_go(page, sc), sc);
	}
	list_splice_init(&to_file, pages);
}

bool drop_page(struct page *page)
{
	return !page_mapped(page) && !PageDirty(page) && !PageWriteback(page) &&
	       leave_cache(page) == FREED;
}

unsigned long shrink_page_list(struct list_head *pages, struct scan_control *sc)
{
	struct page *page, *next;
	unsigned int nr_gone = 0;
	LIST_HEAD(gone);
	LIST_HEAD(stay);

	sc->nr_activated = sc->nr_writeback = sc->nr_freed = 0;
	list_for_each_entry_safe(page, next, pages, lru) {
		enum verdict verdict;

		if (!trylock_page(page))
			continue;
		verdict = look_at(page, sc);
		if (verdict != RECLAIM) {
			settle(page, verdict, sc);
			continue;
		}
		list_move_tail(&page->lru, &gone);
		if (++nr_gone == BATCH) {
			let_go_of_all(&gone, &stay, sc);
			nr_gone = 0;
		}
	}
	let_go_of_all(&gone, &stay, sc);
	list_splice_init(&stay, pages);
	swap_batch_submit(&sc->batch);
	return sc->nr_freed;
}
