/* SPDX-License-Identifier: MIT */
/*
 * Page tables on the way down: making the levels, finding entries, walking a range. The three upper
 * levels have one entry format (SDM vol. 3A tables 4-15 to 4-18), so one function fills them all.
 */
#include "kernel/core/sched.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "mm/frame/buddy.h"
#include "mm/space/pagetable.h"
#include "mm/stats.h"

void free_table_page(struct page *page)
{
	__ClearPageTable(page);
	mod_node_stat(N_nr_page_table_pages, -1);
	free_zeroed_page(page); /* tables are freed when their last entry is gone */
}

/* @level: 0, or what to tell the recorder, of @addr. */
static __always_inline int __fill_entry(struct mm_struct *mm, u64 *entry, u8 level,
					unsigned long addr)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (unlikely(!page))
		return -ENOMEM;
	__SetPageTable(page);
	BUILD_BUG_ON(sizeof(struct page) != 64);
	spin_lock_init(&page->ptl, "ptl");
	mod_node_stat(N_nr_page_table_pages, 1);
	spin_lock(&mm->page_table_lock);
	if (likely(!*entry)) {
		WRITE_ONCE(*entry, page_to_phys(page) | _PAGE_TABLE);
		mm->pgtables++;
		if (level)
			trace_table(mm->number, level, 1, table_base(addr, level),
				    page_to_pfn(page));
		page = NULL;
	}
	spin_unlock(&mm->page_table_lock);
	if (unlikely(page))
		free_table_page(page);
	return 0;
}

static noinline int fill_entry_recorded(struct mm_struct *mm, u64 *entry, u8 level,
					unsigned long addr)
{
	return __fill_entry(mm, entry, level, addr);
}

static noinline int fill_entry_quietly(struct mm_struct *mm, u64 *entry)
{
	return __fill_entry(mm, entry, 0, 0);
}

/*
 * Hang an empty table of @level, which is to translate @addr, under @entry unless another thread
 * does so first. 0 or -ENOMEM. May sleep.
 */
static __always_inline int fill_entry(struct mm_struct *mm, u64 *entry, u8 level,
				      unsigned long addr)
{
	return tracing() ? fill_entry_recorded(mm, entry, level, addr) :
			   fill_entry_quietly(mm, entry);
}

/* The entry of the next level, making the table if there is none. NULL: out of memory. */
static __always_inline pud_t *pud_alloc(struct mm_struct *mm, pgd_t *pgd, unsigned long addr)
{
	if (pgd_none(*pgd) && fill_entry(mm, &pgd->pgd, 3, addr))
		return NULL;
	return pud_offset(pgd, addr);
}

static __always_inline pmd_t *pmd_alloc(struct mm_struct *mm, pud_t *pud, unsigned long addr)
{
	if (pud_none(*pud) && fill_entry(mm, &pud->pud, 2, addr))
		return NULL;
	return pmd_offset(pud, addr);
}

/* Makes the last-level table below @pmd. 0 or -ENOMEM. */
static __always_inline int pte_alloc(struct mm_struct *mm, pmd_t *pmd, unsigned long addr)
{
	return pmd_none(*pmd) ? fill_entry(mm, &pmd->pmd, 1, addr) : 0;
}

pmd_t *alloc_tables(struct mm_struct *mm, unsigned long addr)
{
	pud_t *pud = pud_alloc(mm, pgd_offset(mm, addr), addr);
	pmd_t *pmd = pud ? pmd_alloc(mm, pud, addr) : NULL;

	return pmd && !pte_alloc(mm, pmd, addr) ? pmd : NULL;
}

pmd_t *mm_find_pmd(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return NULL;
	pud = pud_offset(pgd, addr);
	if (pud_none(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	return pmd_none(*pmd) ? NULL : pmd;
}

/* At *@addr itself there is none. */
static noinline pmd_t *find_pte_table(struct mm_struct *mm, unsigned long *addr, unsigned long end)
{
	unsigned long at = *addr;

	while (at < end) {
		pgd_t *pgd = pgd_offset(mm, at);
		pud_t *pud;
		pmd_t *pmd;

		if (pgd_none(*pgd)) {
			at = pgd_addr_end(at, end);
			continue;
		}
		pud = pud_offset(pgd, at);
		if (pud_none(*pud)) {
			at = pud_addr_end(at, end);
			continue;
		}
		pmd = pmd_offset(pud, at);
		do {
			if (!pmd_none(*pmd)) {
				*addr = at;
				return pmd;
			}
			at = pmd_addr_end(at, end);
			pmd++;
		} while (at < end && pmd_index(at));
	}
	*addr = end;
	return NULL;
}

pmd_t *__next_pte_table(struct mm_struct *mm, unsigned long *addr, unsigned long end)
{
	pmd_t *pmd = mm_find_pmd(mm, *addr);

	return likely(pmd) ? pmd : find_pte_table(mm, addr, end);
}

pte_t *get_locked_pte(struct mm_struct *mm, unsigned long addr, spinlock_t **ptlp)
{
	pmd_t *pmd = mm_find_pmd(mm, addr);

	return pmd ? pte_offset_map_lock(mm, pmd, addr, ptlp) : NULL;
}

void walk_page_range(struct pt_walk *walk, struct mm_struct *mm, unsigned long start,
		     unsigned long end)
{
	unsigned long addr = start, hole = start, stop;
	spinlock_t *ptl;
	pmd_t *pmd;
	pte_t *pte;

	for (; (pmd = next_pte_table(mm, &addr, end)); hole = addr) {
		if (hole < addr && walk->hole)
			walk->hole(walk, hole, addr);
		stop = pmd_addr_end(addr, end);
		pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
		for (; addr < stop; addr += PAGE_SIZE, pte++)
			walk->pte(walk, pte, addr);
		pte_unmap_unlock(pte, ptl);
		cond_resched();
	}
	if (hole < end && walk->hole)
		walk->hole(walk, hole, end);
}
