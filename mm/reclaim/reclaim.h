/* SPDX-License-Identifier: MIT */
/* Taking memory back: kswapd, direct reclaim, OOM. The policy: vmscan.c of lists, evict.c of a page. */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include "lib/types.h"
#include "lib/list.h"
#include "mm/frame/gfp.h"

struct mm_struct;
struct page;
struct task_struct;

/* Register with the frame allocator and start kswapd. Boot, after the scheduler runs. */
void reclaim_init(void);
/*
 * Free about @nr pages of any kind; returns how many. For tests and MADV_PAGEOUT see
 * reclaim_pages().
 */
unsigned long shrink_all(unsigned long nr);
/* Reclaim exactly the pages on @list (isolated, linked by lru): madvise(MADV_PAGEOUT). */
unsigned long reclaim_pages(struct list_head *list);
/* Take @page off its LRU list with a reference for reclaim_pages(). False: not on a list. */
bool isolate_lru_page(struct page *page);
/* Put an isolated page back and drop the reference. */
void putback_lru_page(struct page *page);
/* echo N > drop_caches: 1 page cache, 2 slabs (inodes by their shrinker), 3 both. */
void drop_caches(int what);
/* Slab shrinkers: fs registers one that frees up to @nr unused objects and returns how many. */
void register_shrinker(unsigned long (*scan)(unsigned long nr));
/* Kill the largest process and say so; true when memory will come free. Needs no lock. */
bool out_of_memory(gfp_t gfp, unsigned int order);
/* /proc/PID/oom_score: how near the task is to being chosen, on Linux's scale. Takes task_lock. */
unsigned long oom_score(struct task_struct *task);

#endif
