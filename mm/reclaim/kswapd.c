/* SPDX-License-Identifier: MIT */
/*
 * Who reclaims: kswapd, woken when free frames fall below the low mark, works up to the high mark;
 * and whoever cannot have a frame at all (direct reclaim). Both make passes over the lists, the
 * first over 1/4096 of them, each one that brings nothing twice as far. Also what the administrator
 * and madvise() ask for.
 */
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/wait.h"
#include "kernel/trace/trace.h"
#include "mm/backing/writeback.h"
#include "mm/backing/xa_nodes.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/reclaim/internal.h"
#include "mm/reclaim/reclaim.h"

#define ISOLATED_PAUSE_NS 10000000ULL
#define KSWAPD_MAX_FAILURES 16
#define MAX_SHRINKERS 8

static DECLARE_WAIT_QUEUE_HEAD(kswapd_wait);
static bool kswapd_wanted;
static unsigned int kswapd_failures; /* rounds in a row without a freed frame */

static unsigned long (*shrinkers[MAX_SHRINKERS])(unsigned long nr);
static unsigned int nr_shrinkers;

void register_shrinker(unsigned long (*scan)(unsigned long nr))
{
	BUG_ON(nr_shrinkers == MAX_SHRINKERS);
	shrinkers[nr_shrinkers++] = scan;
}

/* A few objects with each pass, everything when it gets serious. */
static void shrink_slabs(const struct scan_control *sc)
{
	if (sc->gfp & __GFP_FS)
		for (unsigned int i = 0; i < nr_shrinkers; i++)
			shrinkers[i](BATCH >> min(sc->priority, 3));
	if (sc->priority < DEF_PRIORITY / 2) {
		drop_stack_cache();
		/* The other CPUs are only disturbed when nothing else has helped. */
		if (sc->priority)
			kmem_cache_shrink_local();
		else
			kmem_cache_shrink_all();
	}
}

static void record_begin(const struct scan_control *sc)
{
	trace_reclaim(1, sc->kswapd, (u8)sc->priority, 0, 0);
}

static void record_end(const struct scan_control *sc)
{
	trace_reclaim(0, sc->kswapd, (u8)max(sc->priority, 0), sc->scanned, sc->reclaimed);
}

static void reclaim_pass(struct scan_control *sc)
{
	shrink_lists(sc);
	shrink_slabs(sc);
}

/* So many pages are isolated by others that we could not see any: let them finish. */
static void throttle_direct(void)
{
	for (int tries = 0; tries < 8; tries++) {
		unsigned long inactive = lru_size(LRU_INACTIVE_ANON) + lru_size(LRU_INACTIVE_FILE);

		if (__atomic_load_n(&nr_isolated, __ATOMIC_RELAXED) <= inactive)
			return;
		current->state = TASK_UNINTERRUPTIBLE;
		schedule_timeout(ISOLATED_PAUSE_NS);
	}
}

/* Frames enough, but none that lie together. */
static bool fragmented(unsigned int order)
{
	return order && zone_watermark_ok(0, WMARK_LOW) && !zone_watermark_ok(order, WMARK_MIN);
}

static unsigned long try_to_free_pages(gfp_t gfp, unsigned int order)
{
	struct scan_control sc = { .gfp = gfp,
				   .priority = DEF_PRIORITY,
				   .target = max(BATCH, 1UL << order) };

	throttle_direct();
	if (fragmented(order) && (gfp & GFP_KERNEL) == GFP_KERNEL)
		sc.reclaimed = reclaim_block(order);
	if (sc.reclaimed)
		return sc.reclaimed;
	record_begin(&sc);
	for (; sc.priority >= 0; sc.priority--) {
		reclaim_pass(&sc);
		if (sc.reclaimed >= sc.target)
			break;
		if (sc.priority == DEF_PRIORITY - 2 && node_stat(N_nr_dirty))
			wakeup_flusher();
	}
	if (sc.reclaimed)
		kswapd_failures = 0;
	else if (node_stat(N_nr_writeback))
		wait_for_writeback(); /* what is being written now is what can be freed next */
	record_end(&sc);
	return sc.reclaimed;
}

unsigned long shrink_all(unsigned long nr)
{
	unsigned int saved = current->flags & PF_MEMALLOC;
	struct scan_control sc = { .gfp = GFP_KERNEL, .priority = DEF_PRIORITY, .target = nr };

	current->flags |= PF_MEMALLOC;
	record_begin(&sc);
	for (; sc.priority >= 0 && sc.reclaimed < nr; sc.priority--)
		reclaim_pass(&sc);
	record_end(&sc);
	current->flags = (current->flags & ~PF_MEMALLOC) | saved;
	return sc.reclaimed;
}

unsigned long reclaim_pages(struct list_head *list)
{
	unsigned int saved = current->flags & PF_MEMALLOC;
	struct scan_control sc = { .gfp = GFP_KERNEL, .force = true };
	unsigned long freed;

	current->flags |= PF_MEMALLOC;
	record_begin(&sc);
	sc.reclaimed = freed = shrink_page_list(list, &sc);
	record_end(&sc);
	/* Those that had to be written first: their contents are on the way, the frames follow. */
	putback_pages(list, 0);
	current->flags = (current->flags & ~PF_MEMALLOC) | saved;
	return freed;
}

/* Free frames up to the high mark. */
static void balance_node(void)
{
	struct scan_control sc = { .gfp = GFP_KERNEL, .kswapd = true, .priority = DEF_PRIORITY };
	unsigned long before;

	record_begin(&sc);
	do {
		before = sc.reclaimed;
		sc.target = before + BATCH;
		reclaim_pass(&sc);
		if (zone_watermark_ok(0, WMARK_HIGH)) {
			kswapd_failures = 0;
			break;
		}
		if (sc.reclaimed == before)
			sc.priority--;
		cond_resched();
	} while (sc.priority > 0);
	record_end(&sc);
	if (!sc.reclaimed && !sc.priority)
		kswapd_failures++;
}

static int kswapd(void *unused)
{
	(void)unused;
	current->flags |= PF_MEMALLOC;
	for (;;) {
		wait_event(kswapd_wait, READ_ONCE(kswapd_wanted));
		WRITE_ONCE(kswapd_wanted, false);
		balance_node();
	}
	return 0;
}

static void wake_kswapd(void)
{
	if (kswapd_failures >= KSWAPD_MAX_FAILURES || READ_ONCE(kswapd_wanted))
		return;
	WRITE_ONCE(kswapd_wanted, true);
	wake_up(&kswapd_wait);
}

static const struct reclaim_ops reclaim_ops = {
	.wake_kswapd = wake_kswapd,
	.try_to_free_pages = try_to_free_pages,
	.out_of_memory = out_of_memory,
};

void reclaim_init(void)
{
	register_reclaim(&reclaim_ops);
	if (!kthread_run(kswapd, NULL, "kswapd0"))
		boot_fail("no memory to start kswapd: give the machine more RAM (MEM=)");
}

/* --- drop_caches --- */
/*
 * What nobody maps: a clean page of a file, or a page of the swap cache that outlived the last entry
 * naming its slot (the entry's owner found it busy). Page locked. True: only our reference is left.
 */
static bool drop_unused(struct page *page)
{
	if (PageSwapCache(page))
		return !page_mapped(page) && try_to_free_swap(page);
	return drop_page(page);
}

/* Drop the unused pages among @nr from the tail of a list. */
static unsigned long drop_batch(enum lru_list list, unsigned long nr, unsigned long *looked)
{
	struct page *page, *next;
	unsigned long taken, freed = 0;
	LIST_HEAD(pages);

	*looked = isolate_pages(list, nr, &pages, &taken);
	list_for_each_entry_safe(page, next, &pages, lru) {
		bool dropped;

		if (!trylock_page(page))
			continue;
		dropped = drop_unused(page);
		unlock_page(page);
		if (dropped) {
			list_del(&page->lru);
			put_page(page);
			freed++;
		}
	}
	putback_pages(&pages, taken);
	cond_resched();
	return freed;
}

void drop_caches(int what)
{
	unsigned long freed = 0;

	if (what & 2)
		for (unsigned int i = 0; i < nr_shrinkers; i++)
			while (shrinkers[i](~0UL))
				cond_resched();
	for (int list = LRU_INACTIVE_ANON; (what & 1) && list <= LRU_ACTIVE_FILE; list++) {
		unsigned long left = 2 * lru_size(list), looked; /* one round has begun, one is whole */

		while (left) {
			freed += drop_batch(list, min(left, BATCH), &looked);
			if (!looked)
				break;
			left -= looked;
		}
	}
	count_vm_events(VM_drop_pagecache, freed);
	if (what & 2) {
		xa_nodes_drop_reserves();
		kmem_cache_shrink_all();
		drop_stack_cache();
	}
	drain_all_pages();
}
