/* SPDX-License-Identifier: MIT */
/*
 * The one store: every door of the fault path ends here or in do_wp_page(). Inline, so that each
 * door gets the variant for its kind of page with nothing left to decide at run time.
 */
#ifndef MM_FAULT_INSTALL_H
#define MM_FAULT_INSTALL_H

#include "kernel/debug/race.h"
#include "mm/fault/note.h"
#include "mm/reclaim/lru.h"
#include "mm/space/rmap.h"

/*
 * Take ptl and ask: is the entry still what the fault saw? False: somebody else was first; ptl is
 * released.
 */
static __always_inline bool lock_same_pte(struct vm_fault *vmf)
{
	race_point_may_sleep("fault: ready to store, entry not locked");
	vmf->ptl = ptep_lockptr(vmf->pte);
	spin_lock(vmf->ptl);
	if (likely(pte_same(ptep_get(vmf->pte), vmf->orig_pte)))
		return true;
	fault_entry_is(ptep_get(vmf->pte), TRACE_DOOR_ENTRY_CHANGED, 0);
	spin_unlock(vmf->ptl);
	return false;
}

/*
 * Store @entry for a page that was not mapped here, if the entry is still what the fault saw:
 * takes ptl, compares with vmf->orig_pte, counts rss, stores. False: somebody else was first,
 * nothing was changed, ptl is released. True: stored, ptl released. The reference on @page moves
 * to the table when stored. @page is NULL for MAP_SPECIAL.
 */
enum fault_kind { MAP_ANON_NEW, MAP_FILE, MAP_SPECIAL };

static __always_inline bool install_pte(struct vm_fault *vmf, struct page *page, pte_t entry,
					enum fault_kind kind)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;

	if (unlikely(!lock_same_pte(vmf)))
		return false;
	if (kind == MAP_ANON_NEW) {
		add_mm_counter(mm, MM_ANONPAGES, 1);
		page_add_new_anon_rmap(page, vma, vmf->address);
	} else if (kind == MAP_FILE) {
		add_mm_counter(mm, PageSwapBacked(page) ? MM_SHMEMPAGES : MM_FILEPAGES, 1);
		page_add_file_rmap(page);
	}
	set_pte(vmf->pte, entry);
	if (kind == MAP_ANON_NEW) {
		fault_stored_anon(entry);
		lru_cache_add_anon(page);
	} else {
		fault_stored(entry);
	}
	if (kind != MAP_SPECIAL && unlikely(vma->vm_flags & VM_LOCKED))
		mlock_page(page);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return true;
}

#endif
