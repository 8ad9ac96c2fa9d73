/* SPDX-License-Identifier: MIT */
/*
 * The pages of memory-only files: made at the first touch, found again, brought back from swap. The files as
 * a whole are in shmem_file.c.
 */
#include "mm/backing/shmem.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "kernel/debug/race.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/stats.h"

/* --- finding and making pages --- */
static bool beyond_end(const struct address_space *mapping, pgoff_t index)
{
	return index >= PFN_UP((u64)*mapping->i_size);
}

/* The page, referenced; the value of a slot; or NULL. */
static void *find_get_entry(struct address_space *mapping, pgoff_t index)
{
	void *entry;

	spin_lock(&mapping->tree_lock);
	entry = xa_load(&mapping->i_pages, index);
	if (entry && !xa_is_value(entry))
		get_page(entry);
	spin_unlock(&mapping->tree_lock);
	return entry;
}

/* Fill the hole: a locked page of zeroes, clean. ERR_PTR(-ENOMEM, -ENOSPC, -EEXIST). */
static struct page *add_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page;
	int err;

	if (!shmem_charge(mapping->shmem))
		return ERR_PTR(-ENOSPC);
	page = alloc_page(mapping->gfp | __GFP_ZERO);
	err = -ENOMEM;
	if (page) {
		page->flags |= 1UL << PG_locked | 1UL << PG_uptodate | 1UL << PG_swapbacked;
		err = add_to_page_cache_lru(page, mapping, index);
		if (!err)
			return page;
		__ClearPageLocked(page);
		put_page(page);
	}
	shmem_uncharge(mapping->shmem, 1);
	return ERR_PTR(err);
}

/*
 * The page of the slot that stands at @index, locked and back in the page cache. 0; -EAGAIN: look again, if
 * @vmf is not NULL maybe with the fault lock released (*released); -ENOMEM, -EIO.
 */
static noinline int bring_back(struct address_space *mapping, pgoff_t index, void *entry,
			       struct page **pagep, struct vm_fault *vmf, bool *released,
			       bool *major)
{
	swp_entry_t slot = value_to_swp(entry);
	struct page *page = lookup_swap_cache(slot);
	bool may_wait = vmf && fault_may_wait_unlocked(vmf);
	int err;

	*released = may_wait && (!page || PageWriteback(page) || PageLocked(page));
	if (*released)
		release_fault_lock(vmf);
	if (!page)
		page = swapin_readahead(slot, major);
	if (*released) { /* the fault begins anew, and finds it */
		if (page) {
			wait_on_page_locked_killable(page);
			wait_on_page_writeback(page);
			put_page(page);
		}
		return -EAGAIN;
	}
	if (!page)
		return swap_count(slot) ? -ENOMEM : -EAGAIN;
	lock_page(page);
	wait_on_page_writeback(page);
	err = shmem_swap_in(mapping, index, entry, page);
	if (!err) {
		*pagep = page;
		return 0;
	}
	unlock_page(page);
	put_page(page);
	return err;
}

/* It is beyond the end now: a truncation was faster, and need not have seen a page just made. */
static int refuse_page(struct page *page, bool fresh)
{
	if (fresh)
		delete_from_page_cache(page);
	unlock_page(page);
	put_page(page);
	return -EINVAL;
}

int shmem_get_page(struct address_space *mapping, pgoff_t index, enum shmem_want want,
		   struct page **pagep)
{
	bool fresh, released, major;
	struct page *page;
	int err;

	for (;;) {
		void *entry = find_get_entry(mapping, index);

		*pagep = NULL;
		if (!entry && want == SHMEM_READ)
			return 0;
		if (want == SHMEM_CACHE && beyond_end(mapping, index) &&
		    (!entry || xa_is_value(entry)))
			return -EINVAL;
		fresh = !entry;
		err = 0;
		page = entry;
		if (!entry) {
			page = add_page(mapping, index);
			err = IS_ERR(page) ? (int)PTR_ERR(page) : 0;
		} else if (xa_is_value(entry)) {
			err = bring_back(mapping, index, entry, &page, NULL, &released, &major);
		} else {
			lock_page(page);
			if (unlikely(page->mapping != mapping)) { /* truncated, or swapped out */
				unlock_page(page);
				put_page(page);
				continue;
			}
		}
		if (err == -EEXIST || err == -EAGAIN)
			continue;
		if (err)
			return err;
		if (want == SHMEM_CACHE && unlikely(beyond_end(mapping, index)))
			return refuse_page(page, fresh);
		*pagep = page;
		return 0;
	}
}

struct page *shmem_write_begin(struct address_space *mapping, pgoff_t index, unsigned int to)
{
	unsigned int seals = mapping->shmem->seals;
	struct page *page;
	int err;

	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ||
	    (seals & F_SEAL_GROW && (loff_t)(index << PAGE_SHIFT) + to > *mapping->i_size))
		return ERR_PTR(-EPERM);
	err = shmem_get_page(mapping, index, SHMEM_WRITE, &page);
	return err ? ERR_PTR(err) : page;
}

struct page *shmem_read_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page;
	int err = shmem_get_page(mapping, index, SHMEM_READ, &page);

	if (err)
		return ERR_PTR(err);
	if (!page) {
		get_page(zero_page);
		return zero_page;
	}
	unlock_page(page);
	return page;
}

int shmem_zero_part(struct address_space *mapping, pgoff_t index, unsigned int from,
		    unsigned int to)
{
	struct page *page;
	int err = shmem_get_page(mapping, index, SHMEM_READ, &page);

	if (err || !page)
		return err;
	memset((char *)page_address(page) + from, 0, to - from);
	set_page_dirty(page);
	unlock_page(page);
	put_page(page);
	return 0;
}

/* The mark of the pages that shmem_allocate() made. */
#define TAG_MADE PAGECACHE_TAG_TOWRITE

/* One page of it. */
static int allocate_page(struct address_space *mapping, pgoff_t index)
{
	void *entry = find_get_entry(mapping, index);
	struct page *page;
	int err;

	if (entry) {
		if (!xa_is_value(entry))
			put_page(entry);
		return 0;
	}
	err = shmem_get_page(mapping, index, SHMEM_WRITE, &page);
	if (err)
		return err;
	set_page_dirty(page); /* or reclaim would make it a hole again */
	spin_lock(&mapping->tree_lock);
	xa_set_mark(&mapping->i_pages, index, TAG_MADE);
	spin_unlock(&mapping->tree_lock);
	unlock_page(page);
	put_page(page);
	return 0;
}

/* Take the marks away; with @drop the pages, too. */
static void forget_made(struct address_space *mapping, pgoff_t index, bool drop)
{
	void *entry;

	for (;; index++) {
		spin_lock(&mapping->tree_lock);
		entry = xa_find_marked(&mapping->i_pages, &index, ~0UL, TAG_MADE);
		if (entry)
			xa_clear_mark(&mapping->i_pages, index, TAG_MADE);
		spin_unlock(&mapping->tree_lock);
		if (!entry)
			return;
		if (drop)
			truncate_pagecache_range(mapping, index, index);
	}
}

int shmem_allocate(struct address_space *mapping, pgoff_t first, pgoff_t end)
{
	pgoff_t index = first;
	int err = 0;

	for (; index < end && !err; index++) {
		err = signal_pending(current) ? -EINTR : allocate_page(mapping, index);
		cond_resched();
	}
	forget_made(mapping, first, err);
	return err;
}

/* --- the mapped side --- */
static vm_fault_t error_verdict(int err)
{
	return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

vm_fault_t shmem_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	pgoff_t index = vmf_pgoff(vmf);
	bool fresh, released, major = false;
	struct page *page;

	for (;;) {
		void *entry = find_get_entry(mapping, index);
		int err;

		fresh = !entry;
		if (entry && likely(!xa_is_value(entry))) {
			page = entry;
			race_point_may_sleep("shmem fault: page found, not locked");
			if (!fault_lock_page(vmf, page))
				return VM_FAULT_RETRY | VM_FAULT_MAJOR;
			if (likely(page->mapping == mapping))
				break;
			unlock_page(page); /* truncated, or on its way to swap */
			put_page(page);
			continue;
		}
		if (beyond_end(mapping, index))
			return VM_FAULT_SIGBUS;
		if (fresh) {
			page = add_page(mapping, index);
			if (likely(!IS_ERR(page)))
				break;
			err = (int)PTR_ERR(page);
		} else {
			err = bring_back(mapping, index, entry, &page, vmf, &released, &major);
			if (!err)
				break;
			if (released)
				return VM_FAULT_RETRY | VM_FAULT_MAJOR;
		}
		if (err != -EEXIST && err != -EAGAIN)
			return error_verdict(err);
	}
	race_point_may_sleep("shmem fault: page locked, size not looked at");
	if (unlikely(beyond_end(mapping, index))) {
		refuse_page(page, fresh);
		return VM_FAULT_SIGBUS;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED | (major ? VM_FAULT_MAJOR : 0);
}

const struct vm_operations_struct shmem_vm_ops = {
	.name = "shmem",
	.fault = shmem_fault,
	.map_pages = shmem_map_pages,
};

/* --- for mincore(2) --- */
bool shmem_is_cached(struct address_space *mapping, pgoff_t index)
{
	void *entry = find_get_entry(mapping, index);
	bool cached;

	if (xa_is_value(entry))
		entry = lookup_swap_cache(value_to_swp(entry));
	if (!entry)
		return false;
	cached = PageUptodate((struct page *)entry);
	put_page(entry);
	return cached;
}
