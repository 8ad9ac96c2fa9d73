/* SPDX-License-Identifier: MIT */
/*
 * New rights for entries that are there already: the loop below mprotect(), and the one that has
 * writes fault once more so that they can be told.
 */
#include "kernel/core/sched.h"
#include "kernel/debug/race.h"
#include "lib/util.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/vma.h"
#include "mm/space/vma_lock.h"
#include <asm/tlbflush.h>

/* Does @new allow less than @old, so that a CPU must forget @old? */
static inline bool rights_removed(pte_t old, pte_t new)
{
	return (old.pte & ~new.pte &(_PAGE_PRESENT | _PAGE_RW)) || (new.pte & ~old.pte &_PAGE_NX);
}

/*
 * Only the fault path finds out whether a page may be written in place. An entry for which it did
 * so, and that was not shared by fork since, is spared a second fault when the VMA allows writing
 * again: a private one is marked as owned meanwhile, a shared one is dirty, as writeback would have
 * cleaned and write-protected it, and soft-dirty.
 */
static inline pte_t new_rights(pte_t old, pgprot_t prot, unsigned long vm_flags)
{
	pte_t new = pte_modify(old, prot);

	if (!pte_owned(old) &&
	    !((vm_flags & VM_SHARED) && pte_dirty(old) && pte_soft_dirty(old)))
		return new;
	if (vm_flags & VM_WRITE)
		return pte_mkwrite(new);
	return vm_flags & VM_SHARED ? new : pte_mkowned(new);
}

/* One entry. Whether a CPU must forget it. ptl held. */
static inline bool change_entry(pte_t *pte, pgprot_t prot, unsigned long vm_flags)
{
	pte_t old = ptep_get(pte), new;

	do {
		if (!pte_present(old))
			return false;
		new = new_rights(old, prot, vm_flags);
	} while (!pte_same(old, new) && !ptep_try_update(pte, &old, new));
	return rights_removed(old, new);
}

/* The entries of [start, end), in one table, of which @behind is the next. */
static noinline void record_changed(const struct mm_struct *mm, unsigned long start,
				    unsigned long end, const pte_t *behind)
{
	record_ptes(mm, TRACE_WHY_MPROTECT, start, end, behind - ((end - start) >> PAGE_SHIFT));
}

void change_protection(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		       pgprot_t newprot, struct stale_range *stale)
{
	unsigned long vm_flags = vma->vm_flags;
	unsigned long addr = start, stop, low = ~0UL, high = 0;
	struct mm_struct *mm = vma->vm_mm;
	spinlock_t *ptl;
	pmd_t *pmd;
	pte_t *pte;

	while ((pmd = next_pte_table(mm, &addr, end))) {
		stop = pmd_addr_end(addr, end);
		pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
		flush_tlb_batched_pending(mm);
		for (; addr < stop; addr += PAGE_SIZE, pte++) {
			if (change_entry(pte, newprot, vm_flags)) {
				low = min(low, addr);
				high = addr + PAGE_SIZE;
			}
		}
		if (tracing())
			record_changed(mm, max(start, (stop - 1) & PMD_MASK), stop, pte);
		pte_unmap_unlock(pte, ptl);
		cond_resched();
	}
	if (!high)
		return;
	race_point_may_sleep("mprotect: entries changed, not flushed");
	if (!stale->end)
		stale->start = low; /* VMAs come in order */
	stale->end = high;
}

static void clear_soft_dirty_pte(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	if (pte_present(*pte))
		ptep_clear_soft_dirty(pte);
	else if (!pte_none(*pte))
		set_pte(pte, pte_swp_clear_soft_dirty(*pte));
	record_ptes(walk->vma->vm_mm, TRACE_WHY_SOFT_DIRTY, addr, addr + PAGE_SIZE, pte);
}

void clear_soft_dirty(struct mm_struct *mm)
{
	struct pt_walk walk = { .pte = clear_soft_dirty_pte };
	struct vm_area_struct *vma;

	for_each_vma(mm, vma) {
		vma_start_write(vma);
		walk.vma = vma;
		vma->vm_flags |= VM_SOFTCLEAN;
		vma->vm_page_prot = vma_page_prot(vma);
		walk_page_range(&walk, mm, vma->vm_start, vma->vm_end);
	}
	flush_tlb_mm(mm);
}
