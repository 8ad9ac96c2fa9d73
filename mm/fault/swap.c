/* SPDX-License-Identifier: MIT */
/*
 * A fault on an entry that names a swap slot. The swap cache answers if it has the page; otherwise
 * the device is read, with a window around the fault. Who reads keeps the slot: the page stays in
 * the swap cache, clean, and can be dropped again without a write. Who writes as the sole owner
 * takes the page out of the cache and frees the slot.
 */
#include "kernel/debug/race.h"
#include "mm/backing/swap.h"
#include "mm/fault/install.h"
#include "mm/fault/note.h"
#include "mm/reclaim/lru.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

/* Has the entry changed since the fault began? Then somebody else resolved it. */
static bool entry_changed(struct vm_fault *vmf)
{
	if (!lock_same_pte(vmf))
		return true;
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return false;
}

/* Nobody but this fault's entry and the swap cache knows the page. Page locked, ptl held. */
static bool sole_owner(struct page *page, swp_entry_t entry)
{
	return swap_count(entry) == 1 && page_count(page) == 2 && !PageWriteback(page);
}

/*
 * Store the entry if it is still the swap entry. Page locked and referenced; the reference moves.
 */
static bool install_swapped_page(struct vm_fault *vmf, struct page *page, swp_entry_t entry,
				 bool *need_copy)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;
	pte_t pte = pte_mkyoung(pfn_pte(page_to_pfn(page), vma->vm_page_prot));

	if (unlikely(!lock_same_pte(vmf)))
		return false;
	if (pte_swp_soft_dirty(vmf->orig_pte))
		pte = pte_mksoft_dirty(pte);
	*need_copy = vmf->flags & FAULT_FLAG_WRITE;
	if (*need_copy && sole_owner(page, entry)) {
		pte = maybe_mkwrite(pte_mkdirty(pte), vma);
		*need_copy = false;
	}
	add_mm_counter(mm, MM_ANONPAGES, 1);
	add_mm_counter(mm, MM_SWAPENTS, -1);
	page_add_anon_rmap(page, vma, vmf->address);
	set_pte(vmf->pte, pte);
	fault_stored(pte);
	if (unlikely(vma->vm_flags & VM_LOCKED))
		mlock_page(page);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	vmf->orig_pte = pte; /* what do_wp_page() has to find */
	return true;
}

/* The page came in read-only but this is a write that must copy: the second half of the fault. */
static vm_fault_t write_swapped_page(struct vm_fault *vmf)
{
	if (unlikely(!lock_same_pte(vmf)))
		return 0; /* the instruction faults again */
	return do_wp_page(vmf);
}

/*
 * Ask the device with no lock held that another fault or an mmap may need. The slot may be freed
 * meanwhile, and be another page's when it is read: then the entry has changed as well.
 */
static noinline vm_fault_t swapin_unlocked(struct vm_fault *vmf, swp_entry_t entry)
{
	struct page *page;
	bool major;

	release_fault_lock(vmf);
	fault_door_within(TRACE_DOOR_SWAPIN_READAHEAD);
	page = swapin_readahead(entry, &major);
	if (page) {
		wait_on_page_locked_killable(page);
		put_page(page);
	}
	return VM_FAULT_RETRY | VM_FAULT_MAJOR;
}

vm_fault_t do_swap_page(struct vm_fault *vmf)
{
	swp_entry_t entry = pte_to_swp_entry(vmf->orig_pte);
	bool major = false, need_copy = false;
	vm_fault_t verdict = 0;
	struct page *page;

	fault_sent_to(vmf, TRACE_DOOR_DO_SWAP_PAGE);
	page = lookup_swap_cache(entry);
	if (!page) {
		if (fault_may_wait_unlocked(vmf))
			return swapin_unlocked(vmf, entry);
		fault_door_within(TRACE_DOOR_SWAPIN_READAHEAD);
		page = swapin_readahead(entry, &major);
	}
	if (unlikely(!page))
		return entry_changed(vmf) ? 0 : VM_FAULT_OOM;
	if (major)
		verdict = VM_FAULT_MAJOR;
	race_point_may_sleep("swap-in: page found, not locked");
	if (!fault_lock_page(vmf, page))
		return VM_FAULT_RETRY | VM_FAULT_MAJOR;

	count_vm_event(VM_fault_swap);
	if (unlikely(!PageSwapCache(page) || page->private != entry.val))
		/* left the cache while we waited: the entry has changed, or will fault again */
		goto drop;
	if (unlikely(!PageUptodate(page))) {
		if (!entry_changed(vmf))
			verdict |= VM_FAULT_SIGBUS; /* the device could not read it */
		goto drop;
	}
	if (!install_swapped_page(vmf, page, entry, &need_copy))
		goto drop;
	mark_page_accessed(page);
	swap_free(entry);
	if (pte_write(vmf->orig_pte) || nr_swap_pages() * 2 < total_swap_pages() ||
	    PageMlocked(page))
		try_to_free_swap(page);
	unlock_page(page);
	if (need_copy)
		verdict |= write_swapped_page(vmf);
	return verdict;

drop:
	unlock_page(page);
	put_page(page);
	return verdict;
}
