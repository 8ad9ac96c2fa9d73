/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: a binary buddy system of orders 0 to 10 in zones by address, with per-CPU
 * lists of single frames in front of it.
 *
 * Context: process context, or atomic context with GFP_ATOMIC; never from an interrupt handler (so
 * no lock here disables interrupts). Lock: zone->lock, innermost but for printk.
 */
#ifndef MM_FRAME_BUDDY_H
#define MM_FRAME_BUDDY_H

#include "kernel/core/spinlock.h"
#include "lib/types.h"
#include "mm/frame/gfp.h"
#include "mm/frame/page.h"

#define MAX_ORDER 10 /* the largest block is 2^10 frames: 4 MiB */

enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, MAX_NR_ZONES }; /* < 16 MiB, < 4 GiB, rest */
enum zone_watermark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARK };

struct free_area {
	struct list_head free_list; /* zone->lock */
	unsigned long nr_free;      /* blocks; zone->lock */
};

struct zone {
	const char *name;
	spinlock_t lock;
	unsigned long start_pfn, end_pfn; /* [start, end), holes included */
	unsigned long managed;            /* frames handed to the allocator; constant after boot */
	unsigned long present;            /* frames of RAM */
	unsigned long nr_free;            /* in free_area[]; zone->lock */
	unsigned long watermark[NR_WMARK];/* frames; constant after boot */
	struct free_area free_area[MAX_ORDER + 1];
};

extern struct zone zones[MAX_NR_ZONES];

/* One line per zone and order for gdb and /proc/buddyinfo reads zones[] directly. */

/* Set up zones for frames [0, max_pfn), none of them free. Boot only, once. */
void zones_init(unsigned long max_pfn_);
/*
 * Hand [start_pfn, end_pfn) of RAM to the allocator: count it as the allocator's, and free it. Between the
 * two it may sleep (nr_sleeping_pages). free_frame_range() needs the struct pages, zeroed, of every block of
 * 2^MAX_ORDER frames that the range touches: freeing looks at a block's buddy even if that lies in a
 * hole. A zeroed struct page means: not the allocator's, and never was. Counting: boot only.
 */
void count_managed(unsigned long start_pfn, unsigned long end_pfn);
void free_frame_range(unsigned long start_pfn, unsigned long end_pfn);
void free_range_to_buddy(unsigned long start_pfn, unsigned long end_pfn);
/* Frames that count as free but cannot be had before their section wakes. */
extern unsigned long nr_sleeping_pages;
/* @wake makes some of them free: true; or there are none: false. Called with no lock held. */
void register_wake_section(bool (*wake)(void));
/*
 * Computes the watermarks from the managed frames. Boot only, after the last free_range_to_buddy().
 */
void zones_finish(void);

/*
 * 2^order physically contiguous frames, refcount 1 on the first, flags, mapping and private clear. NULL when
 * there is none and reclaim (if @gfp allows) could not help. With __GFP_RECLAIM it may sleep.
 */
struct page *alloc_pages(gfp_t gfp, unsigned int order);
/* Order 0: the fast path, from this CPU's list. */
struct page *alloc_page(gfp_t gfp);
/* Gives back what alloc_pages(order) gave; refcount must be 0 or 1 (the caller's). */
void __free_pages(struct page *page, unsigned int order);
/* What alloc_pages(order) gave becomes single frames, each with a reference of its own. */
void split_page(struct page *page, unsigned int order);
/* Order 0, refcount already 0: to this CPU's list. What put_page() ends in. */
void free_unref_page(struct page *page);
/*
 * Order 0, the caller's the last reference, all bytes zero: kept for whoever asks for a zeroed frame
 * next.
 */
void free_zeroed_page(struct page *page);
/* The same by direct-map address. */
void *get_zeroed_page(gfp_t gfp);
void free_page(void *addr);

/*
 * Give every CPU's lists, the zeroed frames too, back to the buddy (drop_caches, before declaring OOM). May
 * sleep, also in reclaim and with any sleeping lock held: the threads that do it need no memory and no lock.
 */
void drain_all_pages(void);

/*
 * Does the frame, which is valid, lie in a free block? Exact with zone->lock held, a snapshot without.
 */
bool frame_is_free(unsigned long pfn);

/* Totals in frames. Free includes the per-CPU lists and nr_sleeping_pages. */
unsigned long nr_free_pages(void);
unsigned long totalram_pages(void);

/* True when free frames of the zones usable for @gfp are above the mark after taking 2^order. */
bool zone_watermark_ok(unsigned int order, enum zone_watermark mark);

/*
 * Hooks of the floor above, set once at boot by mm/reclaim; NULL until then.
 * wake: free frames fell below the low mark. reclaim: try to free at least @nr frames, returns
 * how many were freed; may sleep. oom: nothing could be freed; true when the caller should retry.
 */
struct reclaim_ops {
	void (*wake_kswapd)(void);
	unsigned long (*try_to_free_pages)(gfp_t gfp, unsigned int order);
	bool (*out_of_memory)(gfp_t gfp, unsigned int order);
};
void register_reclaim(const struct reclaim_ops *ops);

#endif
