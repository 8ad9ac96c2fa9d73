/* SPDX-License-Identifier: MIT */
/* Entries change their address: the loop below mremap(). */
#include "kernel/core/sched.h"
#include "kernel/debug/race.h"
#include "lib/util.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"
#include <asm/tlbflush.h>

/*
 * Both tables' locks, that of the lower address first: who moves the other way round at the same time
 * takes them in the same order.
 */
static void lock_both(spinlock_t *a, spinlock_t *b)
{
	spin_lock(min(a, b));
	if (a != b)
		spin_lock(max(a, b));
}

/*
 * @len bytes within one table at each end. Once the locks are given back others find a page at its
 * new address, and would flush only that. So old translations are forgotten before, if these tables
 * are the @last; else the flush is put off, which makes every other one in between flush all.
 */
static void move_ptes(struct mm_struct *mm, pmd_t *old_pmd, unsigned long old, pmd_t *new_pmd,
		      unsigned long new, unsigned long len, struct stale_range *stale, bool last)
{
	unsigned long addr, low = ~0UL, high = 0;
	spinlock_t *old_ptl = pte_lockptr(mm, old_pmd), *new_ptl = pte_lockptr(mm, new_pmd);
	pte_t *from = pte_offset(old_pmd, old), *to = pte_offset(new_pmd, new), pte;

	lock_both(old_ptl, new_ptl);
	flush_tlb_batched_pending(mm);
	for (addr = old; addr < old + len; addr += PAGE_SIZE, from++, to++) {
		if (pte_none(*from))
			continue;
		pte = ptep_get_and_clear(from);
		if (pte_present(pte)) {
			low = min(low, addr);
			high = addr + PAGE_SIZE;
			pte = pte_mksoft_dirty(pte); /* at this address it is new */
		} else {
			pte = pte_swp_mksoft_dirty(pte);
		}
		set_pte(to, pte);
	}
	if (high) {
		stale->start = min(stale->start, low);
		stale->end = high;
	}
	trace_ptes_clear(mm->number, TRACE_WHY_MREMAP, old, old + len);
	record_ptes(mm, TRACE_WHY_MREMAP, new, new + len, pte_offset(new_pmd, new));
	race_point("mremap: entries moved, not flushed");
	if (last) {
		flush_stale_range(mm, stale);
		stale->end = 0;
	} else if (high) {
		put_off_tlb_flush(mm);
	}
	if (new_ptl != old_ptl)
		spin_unlock(new_ptl);
	spin_unlock(old_ptl);
}

unsigned long move_page_tables(struct vm_area_struct *vma, unsigned long old,
			       struct vm_area_struct *new_vma, unsigned long new, unsigned long len)
{
	unsigned long addr = old, end = old + len, next, target, size;
	struct address_space *mapping = vma_mapping(vma);
	struct mm_struct *mm = vma->vm_mm;
	struct stale_range stale = { .start = end };
	pmd_t *old_pmd, *new_pmd;

	for (; (old_pmd = next_pte_table(mm, &addr, end)); addr = next) {
		target = new + (addr - old);
		next = pmd_addr_end(addr, end);
		size = min(next - addr, pmd_addr_end(target, target + PMD_SIZE) - target);
		next = addr + size;
		new_pmd = alloc_tables(mm, target);
		if (!new_pmd)
			break;
		/*
		 * A walk that saw neither the old nor the new entry would think the page
		 * unmapped.
		 */
		rmap_lock(mapping, new_vma->anon_vma);
		move_ptes(mm, old_pmd, addr, new_pmd, target, size, &stale, next == end);
		rmap_unlock(mapping, new_vma->anon_vma);
		cond_resched();
	}
	if (stale.end)
		flush_stale_range(mm, &stale);
	return old_pmd ? addr - old : len;
}
