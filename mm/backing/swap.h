/* SPDX-License-Identifier: MIT */
/*
 * Swap: areas in Linux's mkswap format (v1, "SWAPSPACE2"), slots counted across fork, the swap
 * cache that keeps a page findable while any entry still names its slot.
 *
 * A swap entry in a page table: bits 9..13 the area ("type"), bits 14..62 the slot ("offset"), bit 1
 * soft-dirty; the others of bits 0..8 clear, so the CPU faults and pte_present() is false. Slot 0 is the
 * header, so a valid entry is never zero.
 */
#ifndef MM_BACKING_SWAP_H
#define MM_BACKING_SWAP_H

#include "kernel/core/spinlock.h"
#include "mm/frame/page.h"
#include "mm/space/mm.h"
#include <asm/pgtable.h>

typedef struct { unsigned long val; } swp_entry_t;
#define MAX_SWAPFILES 32
#define SWAP_MAP_MAX 0x7fff /* counts stay below; one more duplicate is refused with -ENOMEM */

static inline swp_entry_t swp_entry(unsigned int type, unsigned long offset)
{
	return (swp_entry_t){ ((unsigned long)type << 9) | (offset << 14) };
}
static inline unsigned int swp_type(swp_entry_t e) { return (e.val >> 9) & 31; }
static inline unsigned long swp_offset(swp_entry_t e) { return e.val >> 14; }
static inline pte_t swp_entry_to_pte(swp_entry_t e) { return __pte(e.val); }
static inline swp_entry_t pte_to_swp_entry(pte_t p)
{
	return (swp_entry_t){ pte_swp_clear_soft_dirty(p).pte };
}
static inline bool is_swap_pte(pte_t p) { return !pte_none(p) && !pte_present(p); }

/* swapon(2) and swapoff(2), for who may. Path is a user string. */
long sys_swapon(const char *path, int flags);
long sys_swapoff(const char *path);
/*
 * The same with a kernel string: boot. 0 or -errno, then *why says in words what is wrong (a constant
 * string); what is wrong with a header also goes to the log.
 */
int do_swapon(const char *path, int flags, const char **why);

/* The page in the swap cache with a reference, or NULL. Not one whose read failed. */
struct page *lookup_swap_cache(swp_entry_t entry);
/*
 * The page of @entry, from the cache or by reading it (and a window around the fault, if it pays):
 * referenced, maybe still locked by the read: lock_page() waits for it. *major is set when the
 * device was asked. NULL: out of memory. Not up to date after the lock: read error (a page whose
 * read failed together with others is read once more, alone, by the next call).
 */
struct page *swapin_readahead(swp_entry_t entry, bool *major);
/*
 * Give the locked anonymous page a slot and put it in the swap cache, dirty. False: no space or
 * memory.
 */
bool add_to_swap(struct page *page);
/*
 * The same for a slot that was got, of which somebody is a user already (@users: 0 or 1). On failure the
 * slot is free again. Does not sleep.
 */
bool add_to_swap_slot(struct page *page, swp_entry_t entry, unsigned int users);
/* A free slot, marked as held by the cache, for that; val 0: there is none. */
swp_entry_t get_swap_slot(void);
/* It was not needed after all. */
void put_swap_slot(swp_entry_t entry);
/*
 * Write a locked, swap-cache page out (sets writeback, unlocks). 0 or -errno (page redirtied). Pages
 * whose slots follow each other share one request, which is sent when the next page does not fit, or
 * by swap_batch_submit(). Submit before waiting for anything.
 */
struct bio;
struct swap_batch { struct bio *bio; };
int swap_writepage_batch(struct page *page, struct swap_batch *batch);
void swap_batch_submit(struct swap_batch *batch);
/*
 * Take the locked page out of the swap cache; drops the cache's reference and its hold on the slot.
 */
void delete_from_swap_cache(struct page *page);
/*
 * The same if no entry needs the slot any more and it is not under writeback. Page locked. True:
 * done.
 */
bool try_to_free_swap(struct page *page);
/* An entry is copied (fork): one more user of the slot. 0 or -ENOMEM (count is full), -ENOENT. */
int swap_duplicate(swp_entry_t entry);
/*
 * One user of the slot less; the last one frees the slot, unless the swap cache holds it. ptl may
 * be held.
 */
void swap_free(swp_entry_t entry);
/*
 * The same for zap: when no user is left, the cached page goes too if nobody maps it or works on
 * it. ptl may be held.
 */
void free_swap_and_cache(swp_entry_t entry);
/* Users of the slot, not counting the cache; for reuse decisions. */
int swap_count(swp_entry_t entry);

/* Pages. */
unsigned long total_swap_pages(void);
unsigned long nr_swap_pages(void); /* free slots */

void swap_init(void);
/* /proc/swaps lines: fn gets path, kind, size in KiB, used in KiB, priority. */
void swap_for_each(void (*fn)(const char *path, bool is_file, unsigned long size_kib, unsigned long used_kib, int prio, void *arg), void *arg);
/* swapoff of everything at power-off is not needed: contents die with the machine. */

#endif
