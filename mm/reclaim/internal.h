/* SPDX-License-Identifier: MIT */
/* Shared by the files of mm/reclaim. */
#ifndef MM_RECLAIM_INTERNAL_H
#define MM_RECLAIM_INTERNAL_H

#include "kernel/core/spinlock.h"
#include "lib/list.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/frame/gfp.h"
#include "mm/reclaim/lru.h"
#include "mm/stats.h"
#include <asm/tlbflush.h>

/* One set of lists; see lru.c for the sets. Lock order: that of the shared set, then that of a CPU's. */
struct lruvec {
	spinlock_t lock; /* the lists, and PG_lru, PG_active, PG_unevictable, lruvec and lru of their pages */
	struct list_head lists[NR_LRU_LISTS];
	struct list_head older[NR_LRU_LISTS]; /* what stood there when the round of lru_gather() began */
} __aligned(64);

#define LRUVEC_SHARED NR_CPUS /* behind the CPUs' own */
#define NR_LRUVECS (NR_CPUS + 1)
extern struct lruvec lruvecs[NR_LRUVECS]; /* index: page->lruvec */
#define lru_shared (&lruvecs[LRUVEC_SHARED])

/* The list that the page's flags name. Its set is locked, or the page is isolated. */
enum lru_list page_lru(const struct page *page);
/* Lock the set that the page stands in. NULL: it is on no list, nothing was locked. */
struct lruvec *lock_page_lruvec(struct page *page);
/* Take it off, flags kept. Its set is locked. */
void lru_del_locked(struct page *page);
#define GATHER 256 /* pages taken over from each CPU at a time */
/*
 * Bring the oldest pages of each CPU's @list into the shared set, whose lock is held. In rounds: a page that
 * comes back, or is new, waits until all that were there before it have had their turn, whatever CPU they are of.
 */
void lru_gather(enum lru_list list);
/* Is it mlocked? */
bool page_is_unevictable(const struct page *page);

#define BATCH 32UL      /* pages isolated at a time (Linux's SWAP_CLUSTER_MAX) */
#define DEF_PRIORITY 12 /* the first pass looks at 1/4096 of each list */

/* What one reclaimer wants, may do, and has done. */
struct scan_control {
	gfp_t gfp;                  /* I/O, file systems */
	int priority;               /* a pass looks at 1/2^priority of each list */
	bool kswapd;
	bool force;                 /* MADV_PAGEOUT: whether a page was used does not matter */
	unsigned long target;       /* frames wanted in all */
	unsigned long scanned, reclaimed;
	unsigned long submitted;    /* pages whose write was begun in this pass */
	unsigned long nr_activated, nr_writeback, nr_freed; /* of the current batch */
	struct swap_batch batch;    /* pages on their way to swap, not submitted yet */
	struct tlb_batch tlb;       /* of entries looked at or taken out, not flushed yet */
};

extern unsigned long nr_isolated;

static inline unsigned long lru_size(enum lru_list list)
{
	return node_stat((enum node_stat)list);
}

/* --- vmscan.c --- */

/* One pass over the lists at sc->priority. May sleep. */
void shrink_lists(struct scan_control *sc);
/*
 * Take up to @nr pages off the tail of a list, each with a reference. Returns how many were looked
 * at.
 */
unsigned long isolate_pages(enum lru_list list, unsigned long nr, struct list_head *dst,
			    unsigned long *taken);
/* All of @pages go back to their lists; @taken is what isolate_pages() said. */
void putback_pages(struct list_head *pages, unsigned long taken);
/* Sleep until the write of some page ends, at most 100 ms. */
void wait_for_writeback(void);
/* The write of some page has ended: who waits for pages to become clean looks again. */
void reclaim_writeback_done(void);

/* --- evict.c --- */

/*
 * Reclaim what can be of the isolated pages; the others stay on the list. Returns frames freed, and leaves
 * the counts of the batch in @sc. May sleep.
 */
unsigned long shrink_page_list(struct list_head *pages, struct scan_control *sc);
/*
 * Drop the isolated, locked page from its cache if it is clean and unmapped. True: only our
 * reference is left.
 */
bool drop_page(struct page *page);

/* --- block.c --- */

/*
 * Reclaim the pages of one aligned block of 2^@order frames, used or not, so that it can be handed out whole;
 * of a few others if that one cannot be emptied. Writes them where they belong, with all that may wait for:
 * for GFP_KERNEL only. Returns frames freed. May sleep.
 */
unsigned long reclaim_block(unsigned int order);

#endif
