/* SPDX-License-Identifier: MIT */
/*
 * fork's copy of a map: entries, not pages. A private page gets one more reference and one more
 * entry, both entries read-only; who writes first pays for the copy (mm/fault/cow.c).
 *
 * The child's tables are filled without their locks: nobody runs in that map yet, and the
 * reverse map, which may find an entry as soon as it is stored, only takes present entries out, and
 * each is stored once, complete, with its reference and map count taken before.
 */
#include "kernel/core/sched.h"
#include "kernel/debug/race.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"

static noinline int copy_swap_pte(pte_t *dst, pte_t pte, long *rss)
{
	int err = swap_duplicate(pte_to_swp_entry(pte));

	if (err)
		return err;
	set_pte(dst, pte);
	rss[MM_SWAPENTS]++;
	return 0;
}

/* The loop that fork's cost per page is made of. */
static int copy_pte_range(struct mm_struct *src_mm, pmd_t *src_pmd, const struct mm_struct *dst_mm,
			  pmd_t *dst_pmd, unsigned long addr, unsigned long end, long *rss)
{
	pte_t *dst = pte_offset(dst_pmd, addr), *src, *stop;
	spinlock_t *ptl;
	int err = 0;

	src = pte_offset_map_lock(src_mm, src_pmd, addr, &ptl);
	for (stop = src + ((end - addr) >> PAGE_SHIFT); src < stop; src++, dst++) {
		pte_t pte = *src;

		if (pte_none(pte))
			continue;
		if (unlikely(!pte_present(pte))) {
			err = copy_swap_pte(dst, pte, rss);
			if (err)
				break;
			continue;
		}
		if (likely(!pte_special(pte))) {
			struct page *page = pfn_to_page(pte_pfn(pte));

			get_page(page);
			page_dup_rmap(page);
			rss[mm_counter(page)]++;
		}
		if (pte_owned(pte)) {
			ptep_set_wrprotect(src);
			race_point("fork: parent's entry read-only, not flushed");
			pte = pte_wrprotect(pte);
		}
		set_pte(dst, pte_mkold(pte));
	}
	record_ptes(src_mm, TRACE_WHY_FORK, addr, end, pte_offset(src_pmd, addr));
	record_ptes(dst_mm, TRACE_WHY_FORK, addr, end, pte_offset(dst_pmd, addr));
	pte_unmap_unlock(src, ptl);
	return err;
}

int copy_page_range(struct vm_area_struct *dst, struct vm_area_struct *src, bool *stale)
{
	unsigned long addr = src->vm_start, next;
	struct mm_struct *mm = dst->vm_mm;
	long rss[NR_MM_COUNTERS] = { 0 };
	pmd_t *src_pmd, *dst_pmd;
	int err = 0;

	for (; !err && (src_pmd = next_pte_table(src->vm_mm, &addr, src->vm_end)); addr = next) {
		next = pmd_addr_end(addr, src->vm_end);
		dst_pmd = alloc_tables(mm, addr);
		err = -ENOMEM;
		if (dst_pmd)
			err = copy_pte_range(src->vm_mm, src_pmd, mm, dst_pmd, addr, next, rss);
		cond_resched();
	}
	*stale |= rss[MM_ANONPAGES]; /* only those could be written */
	add_mm_counters(mm, rss);
	return err ? -ENOMEM : 0;
}
