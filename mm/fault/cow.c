/* SPDX-License-Identifier: MIT */
/*
 * A write to a present, read-only entry in a VMA that allows writing.
 *
 *   the zero page                  a zeroed frame replaces it
 *   anonymous, one reference       the writer is the sole owner: make the entry writable in place
 *   anonymous, shared by fork      copy; the other owners keep the old frame
 *   file page, private mapping     copy; the copy is anonymous from then on
 *   file page, shared mapping      tell the file system, then make the entry writable
 *
 * The reference count tells the truth about owners: every entry holds one, the swap cache one. So
 * "page_count() == 1" means that this entry is all there is.
 */
#include "kernel/debug/race.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"
#include "mm/fault/install.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/lru.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"
#include <asm/tlbflush.h>

/*
 * May the frame be written in place? A page whose only other holder is the swap cache is taken out
 * of it first. ptl held, so no new owner can appear.
 */
static bool can_reuse(struct page *page)
{
	if (likely(page_count(page) == 1))
		return true;
	if (!PageSwapCache(page) || page_count(page) != 2 || !trylock_page(page))
		return false;
	try_to_free_swap(page);
	unlock_page(page);
	return page_count(page) == 1;
}

/* Make the entry writable in place; ptl is released. No flush: rights were only added. */
static void wp_page_reuse(struct vm_fault *vmf)
{
	pte_t entry = maybe_mkwrite(pte_mkdirty(pte_mkyoung(vmf->orig_pte)), vmf->vma);

	set_pte(vmf->pte, entry);
	fault_stored(entry);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
}

/*
 * Replace the entry by one for @copy. False: the entry changed meanwhile. The old translation is
 * flushed before the new one is stored, so no CPU can read the old frame after this one wrote.
 */
static bool wp_install_copy(struct vm_fault *vmf, struct page *old, struct page *copy)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;
	pte_t entry = pte_mkdirty(pte_mkyoung(pfn_pte(page_to_pfn(copy), vma->vm_page_prot)));

	if (unlikely(!lock_same_pte(vmf)))
		return false;
	pte_clear(vmf->pte);
	race_point("cow: entry cleared, not flushed");
	flush_tlb_page(mm, vmf->address);
	if (!old) {
		add_mm_counter(mm, MM_ANONPAGES, 1);
	} else {
		if (!PageAnon(old)) {
			add_mm_counter(mm, PageSwapBacked(old) ? MM_SHMEMPAGES : MM_FILEPAGES, -1);
			add_mm_counter(mm, MM_ANONPAGES, 1);
		}
		page_remove_rmap(old);
	}
	page_add_new_anon_rmap(copy, vma, vmf->address);
	race_point("cow: flushed, copy not stored");
	entry = maybe_mkwrite(entry, vma);
	set_pte(vmf->pte, entry);
	fault_stored_anon(entry);
	lru_cache_add_anon(copy);
	if (unlikely(vma->vm_flags & VM_LOCKED))
		mlock_page(copy);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return true;
}

/* @old: referenced by us, or NULL for the zero page and other special ones. ptl is not held. */
static vm_fault_t wp_page_copy(struct vm_fault *vmf, struct page *old)
{
	struct page *copy = NULL;
	vm_fault_t refused;

	fault_door_within(TRACE_DOOR_WP_PAGE_COPY);
	refused = vmf_anon_prepare(vmf);
	if (likely(!refused)) {
		copy = alloc_page(GFP_USER);
		refused = copy ? 0 : VM_FAULT_OOM;
	}
	if (unlikely(refused)) {
		if (old)
			put_page(old);
		return refused;
	}
	if (old)
		copy_page(page_address(copy), page_address(old));
	else if (likely(is_zero_pfn(pte_pfn(vmf->orig_pte))))
		clear_page(page_address(copy));
	else
		copy_page(page_address(copy), page_address(pfn_to_page(pte_pfn(vmf->orig_pte))));
	copy->flags |= (1UL << PG_uptodate) | (1UL << PG_swapbacked);

	count_vm_event(VM_fault_wp_copy);
	if (likely(wp_install_copy(vmf, old, copy))) {
		if (old)
			put_page(old); /* the entry's */
	} else {
		put_page(copy);
	}
	if (old)
		put_page(old);
	return 0;
}

/* A shared file page is about to be written: @page is mapped and referenced by us; ptl not held. */
static vm_fault_t wp_page_shared(struct vm_fault *vmf, struct page *page)
{
	const struct vm_area_struct *vma = vmf->vma;
	vm_fault_t refused = 0;

	fault_door_within(TRACE_DOOR_WP_PAGE_SHARED);
	vmf->page = page;
	lock_page(page);
	if (vma->vm_ops && vma->vm_ops->page_mkwrite) {
		fault_door_within(TRACE_DOOR_PAGE_MKWRITE);
		refused = vma->vm_ops->page_mkwrite(vmf);
	}
	if (unlikely(refused)) {
		if (refused & VM_FAULT_RETRY)
			return refused;
		unlock_page(page);
		put_page(page);
		return refused & VM_FAULT_ERROR;
	}
	set_page_dirty(page);
	count_vm_event(VM_fault_wp_shared);
	if (likely(lock_same_pte(vmf)))
		wp_page_reuse(vmf);
	unlock_page(page);
	put_page(page);
	return VM_FAULT_DIRTIED;
}

vm_fault_t do_wp_page(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct page *page = vm_normal_page(vma, vmf->address, vmf->orig_pte);

	fault_door_within(TRACE_DOOR_DO_WP_PAGE);
	if (page && PageAnon(page) && can_reuse(page)) {
		fault_door_within(TRACE_DOOR_WP_PAGE_REUSE);
		count_vm_event(VM_fault_wp_reuse);
		wp_page_reuse(vmf);
		return 0;
	}
	if (page)
		get_page(page);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	if (page && (vma->vm_flags & VM_SHARED))
		return wp_page_shared(vmf, page);
	return wp_page_copy(vmf, page);
}
