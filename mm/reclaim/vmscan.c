/* SPDX-License-Identifier: MIT */
/*
 * Taking frames back from pages: how far to look, at which lists, and when to wait.
 *
 * Pages of each kind (anon, file) move on two lists. New pages start inactive. A page seen used twice
 * becomes active; the active list's tail is moved to the inactive list when that gets short; the
 * inactive list's tail is what is reclaimed.
 *
 * Pages being looked at are off their list ("isolated"), 32 at a time, with a reference each. What
 * becomes of each of them is said in evict.c; who asks for all this, and how often, in kswapd.c.
 */
#include "mm/reclaim/reclaim.h"

#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "mm/backing/swap.h"
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
