/* SPDX-License-Identifier: MIT */
/*
 * Taking frames back from pages: how far to look, what to do with each page, and when to wait.
 *
 * Pages of each kind (anon, file) move on two lists. New pages start inactive. A page seen used twice
 * becomes active; the active list's tail is moved to the inactive list when that gets short; the
 * inactive list's tail is what is reclaimed:
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
 *
 * Pages being looked at are off their list ("isolated"), 32 at a time, with a reference each. Who
 * asks for all this, and how often, is in kswapd.c.
 */
#include "mm/reclaim/reclaim.h"

#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "kernel/debug/race.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap.h"
#include "mm/backing/writeback.h"
#include "mm/reclaim/internal.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

#define SWAPPINESS 60 /* of 200: the weight of anon against file pages, as Linux's default */
#define THROTTLE_NS 100000000ULL

/*
 * Of 0: anon and 1: file, how many pages were looked at lately, and how many of those were in use.
 * Lock of the shared set.
 */
static unsigned long recent_scanned[2], recent_rotated[2];
unsigned long nr_isolated;

static DECLARE_WAIT_QUEUE_HEAD(writeback_wait);

static bool is_file_list(enum lru_list list)
{
	return list >= LRU_INACTIVE_FILE;
}

/* --- waiting --- */
void reclaim_writeback_done(void)
{
	if (unlikely(waitqueue_active(&writeback_wait)))
		wake_up_all(&writeback_wait);
}

void wait_for_writeback(void)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&writeback_wait, &wait, TASK_UNINTERRUPTIBLE);
	if (node_stat(N_nr_writeback))
		schedule_timeout(THROTTLE_NS);
	finish_wait(&writeback_wait, &wait);
}

/* --- on and off the lists --- */
unsigned long isolate_pages(enum lru_list list, unsigned long nr, struct list_head *dst,
			    unsigned long *taken)
{
	struct list_head *src = &lru_shared->lists[list];
	unsigned long looked;

	*taken = 0;
	spin_lock(&lru_shared->lock);
	for (looked = 0; looked < nr; looked++) {
		struct page *page;

		if (list_empty(src))
			lru_gather(list);
		if (list_empty(src))
			break;
		page = list_last_entry(src, struct page, lru);
		if (!get_page_unless_zero(page)) { /* on its way out, waits for the lock */
			list_move(&page->lru, src);
			continue;
		}
		lru_del_locked(page);
		list_add(&page->lru, dst);
		(*taken)++;
	}
	recent_scanned[is_file_list(list)] += *taken;
	spin_unlock(&lru_shared->lock);
	__atomic_fetch_add(&nr_isolated, *taken, __ATOMIC_RELAXED);
	return looked;
}

void putback_pages(struct list_head *pages, unsigned long taken)
{
	__atomic_fetch_sub(&nr_isolated, taken, __ATOMIC_RELAXED);
	while (!list_empty(pages)) {
		struct page *page = list_first_entry(pages, struct page, lru);

		list_del(&page->lru);
		putback_lru_page(page);
	}
}

bool isolate_lru_page(struct page *page)
{
	struct lruvec *vec = lock_page_lruvec(page);
	bool isolated;

	if (!vec)
		return false;
	isolated = get_page_unless_zero(page);
	if (isolated)
		lru_del_locked(page);
	spin_unlock(&vec->lock);
	return isolated;
}

void putback_lru_page(struct page *page)
{
	lru_cache_add(page);
	put_page(page);
}

/* --- one page --- */
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
 * Take the clean, unmapped, locked page out of its cache: FREED, or KEEP. Only the cache and we may hold it (of
 * what MADV_FREE was told of, only we). Who
 * looks a page up in the swap cache meanwhile finds out when he has the lock. Whoever held it has let go of it
 * after he made it dirty: so the count is looked at first.
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

/* --- one list --- */
static void shrink_inactive_list(enum lru_list list, unsigned long nr, struct scan_control *sc)
{
	bool file = is_file_list(list);
	unsigned long taken, looked, freed;
	LIST_HEAD(pages);

	looked = isolate_pages(list, nr, &pages, &taken);
	sc->scanned += looked;
	count_vm_events(sc->kswapd ? VM_pgscan_kswapd : VM_pgscan_direct, looked);
	if (!taken)
		return;
	freed = shrink_page_list(&pages, sc);
	sc->reclaimed += freed;
	count_vm_events(sc->kswapd ? VM_pgsteal_kswapd : VM_pgsteal_direct, freed);
	count_vm_events(VM_pgactivate, sc->nr_activated);
	putback_pages(&pages, taken);
	spin_lock(&lru_shared->lock);
	recent_rotated[file] += sc->nr_activated;
	spin_unlock(&lru_shared->lock);
	if (!freed && sc->nr_writeback == taken)
		wait_for_writeback();
}

/* Move the tail of an active list to the inactive one; only code in use stays. */
static void shrink_active_list(enum lru_list list, unsigned long nr, struct scan_control *sc)
{
	bool file = is_file_list(list);
	unsigned long taken, rotated = 0, moved = 0;
	struct page *page;
	LIST_HEAD(pages);

	sc->scanned += isolate_pages(list, nr, &pages, &taken);
	count_vm_events(VM_pgrefill, taken);
	list_for_each_entry(page, &pages, lru) {
		unsigned long vm_flags = 0;
		bool used = false;

		if (!trylock_page(page))
			continue; /* busy: it stays where it is */
		if (page_mapped(page))
			used = page_referenced(page, &vm_flags, &sc->tlb);
		unlock_page(page);
		rotated += used;
		if (used && file && (vm_flags & VM_EXEC))
			continue;
		ClearPageActive(page);
		moved++;
	}
	tlb_batch_flush(&sc->tlb);
	count_vm_events(VM_pgdeactivate, moved);
	putback_pages(&pages, taken);
	spin_lock(&lru_shared->lock);
	recent_rotated[file] += rotated;
	spin_unlock(&lru_shared->lock);
}

static unsigned long int_sqrt(unsigned long n)
{
	unsigned long root = 0;

	while ((root + 1) * (root + 1) <= n)
		root++;
	return root;
}

/*
 * The more memory, the smaller a share of it needs to be under watch: 1:1 below 1 GiB, 1:3 at 1
 * GiB.
 */
static bool inactive_is_low(enum lru_list inactive)
{
	unsigned long in = lru_size(inactive), act = lru_size(inactive + 1);
	unsigned long gib = (in + act) >> (30 - PAGE_SHIFT);

	return in * (gib ? int_sqrt(10 * gib) : 1) < act;
}

/* --- all lists --- */
/*
 * How many pages of each list to look at. Anon and file share the work by cost: the kind whose pages
 * lately turned out to be in use when looked at gets less of it.
 */
static void scan_counts(const struct scan_control *sc, unsigned long *count)
{
	unsigned long anon = lru_size(LRU_INACTIVE_ANON) + lru_size(LRU_ACTIVE_ANON);
	unsigned long file = lru_size(LRU_INACTIVE_FILE) + lru_size(LRU_ACTIVE_FILE);
	unsigned long size[2] = { anon, file };
	unsigned long weight[2] = { SWAPPINESS, 200 - SWAPPINESS };
	/* Pages with a slot already can go even when there is no free slot left. */
	bool swap = (sc->gfp & __GFP_IO) && (nr_swap_pages() || node_stat(N_nr_swapcache));

	spin_lock(&lru_shared->lock);
	for (int kind = 0; kind < 2; kind++) {
		if (recent_scanned[kind] > size[kind] / 4 + BATCH) { /* old news counts half */
			recent_scanned[kind] /= 2;
			recent_rotated[kind] /= 2;
		}
		weight[kind] =
			weight[kind] * (recent_scanned[kind] + 1) / (recent_rotated[kind] + 1) + 1;
	}
	spin_unlock(&lru_shared->lock);
	if (sc->priority <= 2)
		weight[0] = weight[1] = 1; /* desperate: everything, whatever it costs */
	if (!swap)
		weight[0] = 0;
	for (int list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
		unsigned long n = max(lru_size(list) >> sc->priority, min(lru_size(list), BATCH));
		unsigned long share = weight[is_file_list(list)];

		if (sc->priority > 2)
			n = DIV_ROUND_UP(n * share, weight[0] + weight[1]);
		count[list] = share ? n : 0;
	}
}

void shrink_lists(struct scan_control *sc)
{
	unsigned long count[NR_LRU_LISTS] = { 0 };
	bool left = true;

	sc->submitted = 0;
	scan_counts(sc, count);
	while (left && sc->reclaimed < sc->target) {
		left = false;
		for (int list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
			unsigned long nr = min(count[list], BATCH);

			if (!nr)
				continue;
			count[list] -= nr;
			left = true;
			if (list == LRU_INACTIVE_ANON || list == LRU_INACTIVE_FILE)
				shrink_inactive_list(list, nr, sc);
			else if (inactive_is_low(list - 1))
				shrink_active_list(list, nr, sc);
		}
		cond_resched();
	}
	/* With nothing anonymous to scan for now, still keep an eye on what is in use. */
	if (nr_swap_pages() && inactive_is_low(LRU_INACTIVE_ANON))
		shrink_active_list(LRU_ACTIVE_ANON, BATCH, sc);
	/*
	 * Written pages come free when their write is done. Wait for the first of them rather than write
	 * out all memory at ever lower priorities.
	 */
	if (sc->reclaimed < sc->target && sc->submitted)
		wait_for_writeback();
}
