/* SPDX-License-Identifier: MIT */
/* Shared by the files of swap: areas, slots, requests. */
#ifndef MM_BACKING_SWAP_INTERNAL_H
#define MM_BACKING_SWAP_INTERNAL_H

#include "kernel/core/block.h"
#include "kernel/core/spinlock.h"
#include "lib/xarray.h"
#include "mm/backing/swap.h"

struct file;

/* One u16 per slot: how many entries name it, and whether the swap cache has its page. */
#define SWAP_HAS_CACHE 0x8000u
#define SWAP_COUNT_MASK 0x7fffu
#define SWAP_MAP_BAD 0x7fffu

/* Slots [start, start + nr) lie at sector on the device, one after the other. */
struct swap_extent {
	unsigned long start, nr;
	sector_t sector;
};

/*
 * A swap area. The structs are never freed, so that who comes with an entry of an area that was
 * turned off finds max == 0 instead of garbage.
 */
struct swap_area {
	spinlock_t lock;          /* max, map, used, inuse, next, cluster_left, cache */
	bool in_use;              /* swap_mutex */
	bool writeok;             /* gives out slots; swap_lock */
	int prio;                 /* swap_lock */
	struct list_head list;    /* swap_lock: of areas that give out slots, by priority */
	unsigned long max;        /* slots, the header's included; 0: the area is off */
	unsigned long pages;      /* slots that can hold a page; constant */
	unsigned long inuse;
	u16 *map;
	unsigned long *used;      /* bit per slot: not free */
	unsigned long next;       /* where the search for a slot goes on */
	unsigned long cluster_left; /* slots until a new run of free ones is looked for */
	struct xarray cache;      /* slot -> page */

	struct file *file;        /* counted; constant while on, as all below */
	struct block_device *bdev;
	bool is_file;
	struct swap_extent *extents; /* by start */
	unsigned int nr_extents;
	char path[64];
};

extern struct swap_area swap_areas[MAX_SWAPFILES];
extern spinlock_t swap_lock;
extern struct list_head swap_active; /* swap_lock */
extern long total_swap, free_swap;   /* slots; atomic */

static inline struct swap_area *swap_area_of(swp_entry_t entry)
{
	return &swap_areas[swp_type(entry)];
}

/* --- slots (swap_slots.c) --- */
/* Nobody uses the slot any more. area->lock held. */
void release_slot(struct swap_area *area, unsigned long slot);

/* --- requests (swap_io.c) --- */
/*
 * Read @nr pages, locked and in the swap cache, of consecutive slots; each is unlocked when done.
 */
void swap_read_pages(struct page **pages, unsigned int nr);

/* --- swapoff (unuse.c) --- */
/* Bring every page of the area back to memory. 0, -EINTR, -ENOMEM, -EIO. */
int try_to_unuse(struct swap_area *area);

#endif
