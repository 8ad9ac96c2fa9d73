/* SPDX-License-Identifier: MIT */
/*
 * swapoff's work: every entry of a map that names a slot of the area is replaced by its page, and so is
 * every place of a memory-only file (shmem_swap.c). The area gives
 * out no slots any more, so rounds over all maps end: an entry can only appear again for a page that
 * is in the swap cache already (reclaim) or by fork, which the next round sees.
 */
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap_internal.h"
#include "mm/reclaim/lru.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"

#define RUN 32U /* entries looked at under one hold of the lock */

/*
 * Put the locked page in the place of @entry at @addr if it is still there. True: mapped; the
 * reference moved.
 */
static bool restore_pte(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr,
			swp_entry_t entry, struct page *page)
{
	struct mm_struct *mm = vma->vm_mm;
	spinlock_t *ptl;
	pte_t *pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
	pte_t old = ptep_get(pte), new = pfn_pte(page_to_pfn(page), vma->vm_page_prot);
	bool same = is_swap_pte(old) && pte_to_swp_entry(old).val == entry.val;

	if (same) {
		add_mm_counter(mm, MM_SWAPENTS, -1);
		add_mm_counter(mm, MM_ANONPAGES, 1);
		page_add_anon_rmap(page, vma, addr);
		/* The only copy is in memory now: dirty, so that nobody drops it as clean. */
		new = pte_mkold(pte_mkdirty(new));
		set_pte(pte, pte_swp_soft_dirty(old) ? new : pte_clear_soft_dirty(new));
		record_ptes(mm, TRACE_WHY_SWAPOFF, addr, addr + PAGE_SIZE, pte);
		if (vma->vm_flags & VM_LOCKED)
			mlock_page(page);
	}
	pte_unmap_unlock(pte, ptl);
	if (same)
		swap_free(entry);
	return same;
}

/* 0 also when somebody else changed the entry meanwhile. mmap_lock held. */
static int unuse_pte(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr, swp_entry_t entry)
{
	struct page *page = lookup_swap_cache(entry);
	bool mapped = false, major;
	int err = 0;

	if (!page)
		page = swapin_readahead(entry, &major);
	if (!page)
		return swap_count(entry) ? -ENOMEM : 0;
	lock_page(page);
	wait_on_page_writeback(page);
	if (PageSwapCache(page) && page->private == entry.val) {
		if (PageUptodate(page))
			mapped = restore_pte(vma, pmd, addr, entry, page);
		else
			err = -EIO; /* the slot cannot be read: it stays on the device */
		try_to_free_swap(page);
	}
	unlock_page(page);
	if (!mapped)
		put_page(page);
	return err;
}

static bool names_area(pte_t pte, const struct swap_area *area)
{
	return is_swap_pte(pte) && swap_area_of(pte_to_swp_entry(pte)) == area;
}

/* The entries of one page table in [addr, end). */
static int unuse_table(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr,
		       unsigned long end, const struct swap_area *area)
{
	swp_entry_t entries[RUN];

	while (addr < end) {
		unsigned int nr = (unsigned int)min((end - addr) >> PAGE_SHIFT, (unsigned long)RUN);
		spinlock_t *ptl;
		pte_t *pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);

		for (unsigned int i = 0; i < nr; i++)
			entries[i].val =
				names_area(pte[i], area) ? pte_to_swp_entry(pte[i]).val : 0;
		pte_unmap_unlock(pte, ptl);
		for (unsigned int i = 0; i < nr; i++, addr += PAGE_SIZE) {
			int err = entries[i].val ? unuse_pte(vma, pmd, addr, entries[i]) : 0;

			if (err)
				return err;
		}
		cond_resched();
	}
	return 0;
}

static int unuse_mm(struct mm_struct *mm, const struct swap_area *area)
{
	struct vm_area_struct *vma;
	int err = 0;

	mmap_read_lock(mm);
	for_each_vma(mm, vma) {
		unsigned long addr = vma->vm_start, next;
		pmd_t *pmd;

		if (!vma->anon_vma)
			continue;
		for (; !err && (pmd = next_pte_table(mm, &addr, vma->vm_end)); addr = next) {
			next = pmd_addr_end(addr, vma->vm_end);
			err = unuse_table(vma, pmd, addr, next, area);
			if (signal_pending(current))
				err = -EINTR;
		}
		if (err)
			break;
	}
	mmap_read_unlock(mm);
	return err;
}

/* The next map after @prev (NULL: the first) with a user count; drops @prev's. NULL at the end. */
static struct mm_struct *next_mm(struct mm_struct *prev)
{
	struct list_head *pos = prev ? &prev->mmlist : &mmlist;
	struct mm_struct *mm = NULL;

	spin_lock(&mmlist_lock);
	for (pos = pos->next; pos != &mmlist; pos = pos->next) {
		if (mmget_not_zero(list_entry(pos, struct mm_struct, mmlist))) {
			mm = list_entry(pos, struct mm_struct, mmlist);
			break;
		}
	}
	spin_unlock(&mmlist_lock);
	if (prev)
		mmput(prev);
	return mm;
}

/*
 * Pages in the cache that no entry names any more: their slots only wait for someone to free them.
 */
static void free_cached_slots(struct swap_area *area)
{
	unsigned long slot = 0;
	struct page *page;

	for (;; slot++) {
		spin_lock(&area->lock);
		page = xa_find(&area->cache, &slot, ~0UL);
		if (page)
			get_page(page);
		spin_unlock(&area->lock);
		if (!page)
			return;
		lock_page(page);
		wait_on_page_writeback(page);
		try_to_free_swap(page);
		unlock_page(page);
		put_page(page);
		cond_resched();
	}
}

int try_to_unuse(struct swap_area *area)
{
	while (READ_ONCE(area->inuse)) {
		struct mm_struct *mm = NULL;
		int err;

		while ((mm = next_mm(mm))) {
			err = unuse_mm(mm, area);
			if (err) {
				mmput(mm);
				return err;
			}
		}
		err = shmem_unuse((unsigned int)(area - swap_areas));
		if (err)
			return err;
		free_cached_slots(area);
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
