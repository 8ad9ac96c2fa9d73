/* SPDX-License-Identifier: MIT */
/*
 * From a page to its entries. A walk visits the VMAs whose range in the page's object contains the
 * page's index, computes the address where it would be, and asks the page table whether it is.
 *
 * Tables do not vanish under a walk: munmap takes a VMA out of the trees (for writing) before it
 * frees the tables below it, and the walk holds the tree's rwsem for reading.
 */
#include "kernel/debug/race.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"
#include "mm/reclaim/lru.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"
#include <asm/tlbflush.h>

void page_add_anon_rmap(struct page *page, struct vm_area_struct *vma, unsigned long addr)
{
	if (atomic_inc_return(&page->_mapcount) != 1)
		return;
	/* Nobody mapped it: the family it came from may be gone, this one is not. */
	set_anon_rmap(page, vma, addr);
	mod_node_stat(N_nr_anon_pages, 1);
}

/* One walk: @visit gets each entry that maps the page, under ptl; it returns false to stop. */
struct rmap_walk {
	struct page *page;
	bool (*visit)(struct rmap_walk *walk, struct vm_area_struct *vma, pte_t *pte,
		      unsigned long addr);
	struct tlb_batch *batch; /* NULL: the visitor flushes itself */
	unsigned long vm_flags;
	int count;
	bool skip_private; /* VMAs whose entries are never written to the file */
};

/* Visit the entry that maps the page in @vma, if it does. False: stop. */
static bool visit_vma(struct rmap_walk *walk, struct vm_area_struct *vma)
{
	unsigned long addr = vma->vm_start + ((walk->page->index - vma->vm_pgoff) << PAGE_SHIFT);
	bool more = true;
	spinlock_t *ptl;
	pte_t *pte;

	if (walk->skip_private && !(vma->vm_flags & VM_SHARED))
		return true;
	pte = get_locked_pte(vma->vm_mm, addr, &ptl);
	if (!pte)
		return true;
	if (pte_present(*pte) && !pte_special(*pte) && pte_pfn(*pte) == page_to_pfn(walk->page))
		more = walk->visit(walk, vma, pte, addr);
	pte_unmap_unlock(pte, ptl);
	return more;
}

static void walk_anon(struct rmap_walk *walk)
{
	struct anon_vma *anon_vma = page_get_anon_vma(walk->page);
	struct interval_node *node;
	pgoff_t index = walk->page->index;

	if (!anon_vma)
		return;
	down_read(&anon_vma->rwsem);
	interval_tree_for_each(node, &anon_vma->tree, index, index)
		if (!visit_vma(walk, container_of(node, struct vm_area_struct, anon_node)))
			break;
	up_read(&anon_vma->rwsem);
	put_anon_vma(anon_vma);
}

static void walk_file(struct rmap_walk *walk, struct address_space *mapping)
{
	struct interval_node *node;
	pgoff_t index = walk->page->index;

	down_read(&mapping->i_mmap_rwsem);
	interval_tree_for_each(node, &mapping->i_mmap, index, index)
		if (!visit_vma(walk, container_of(node, struct vm_area_struct, file_node)))
			break;
	up_read(&mapping->i_mmap_rwsem);
}

static void rmap_walk(struct rmap_walk *walk)
{
	struct address_space *mapping = page_mapping(walk->page);

	ASSERT(PageLocked(walk->page));
	if (!page_mapped(walk->page))
		return;
	if (PageAnon(walk->page))
		walk_anon(walk);
	else if (mapping)
		walk_file(walk, mapping);
}

static bool referenced_one(struct rmap_walk *walk, struct vm_area_struct *vma, pte_t *pte,
			   unsigned long addr)
{
	(void)addr;
	walk->vm_flags |= vma->vm_flags;
	if (!ptep_test_and_clear_young(pte))
		return true;
	tlb_batch_add(walk->batch, vma->vm_mm);
	/* A page streamed through is no better for it. */
	if (!(vma->vm_flags & VM_SEQ_READ))
		walk->count++;
	return true;
}

int page_referenced(struct page *page, unsigned long *vm_flags, struct tlb_batch *batch)
{
	struct rmap_walk walk = { .page = page, .visit = referenced_one, .batch = batch };

	rmap_walk(&walk);
	*vm_flags = walk.vm_flags;
	return walk.count;
}

/*
 * A page that MADV_FREE gave up, whose entry was @pte and is cleared: may it go? Not if it was written
 * since, through this entry or by who holds it. A CPU that still has the clean entry must look at
 * the table before it writes.
 */
static bool may_drop_lazyfree(const struct page *page, pte_t pte)
{
	return !pte_dirty(pte) && !PageDirty(page) &&
	       page_count(page) == 1 + page_mapcount(page); /* the entries and the caller */
}

/* Reclaim has taken the page out of *@pte. */
static noinline void record_unmapped(const struct mm_struct *mm, unsigned long addr,
				     const pte_t *pte)
{
	if (pte_none(*pte))
		trace_ptes_clear(mm->number, TRACE_WHY_RECLAIM, addr, addr + PAGE_SIZE);
	else
		record_ptes(mm, TRACE_WHY_RECLAIM, addr, addr + PAGE_SIZE, pte);
}

static bool unmap_one(struct rmap_walk *walk, struct vm_area_struct *vma, pte_t *ptep,
		      unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct page *page = walk->page;
	bool lazyfree = page_is_lazyfree(page);
	swp_entry_t entry = { 0 };
	pte_t pte;

	if (vma->vm_flags & VM_LOCKED) {
		mlock_page(page);
		return false;
	}
	if (PageAnon(page) && !lazyfree) {
		entry.val = page->private;
		if (!PageSwapCache(page) || swap_duplicate(entry))
			return false;
	}
	pte = ptep_get_and_clear(ptep);
	race_point("reclaim: entry cleared, swap entry not stored");
	tlb_batch_add(walk->batch, mm);
	if (unlikely(lazyfree) && !may_drop_lazyfree(page, pte)) {
		set_pte(ptep, pte);
		SetPageSwapBacked(page);
		return false;
	}
	update_hiwater_rss(mm);
	if (unlikely(lazyfree)) {
		add_mm_counter(mm, MM_ANONPAGES, -1);
	} else if (PageAnon(page)) {
		if (pte_dirty(pte))
			SetPageDirty(page);
		set_pte(ptep, pte_soft_dirty(pte) ? pte_swp_mksoft_dirty(swp_entry_to_pte(entry)) :
						    swp_entry_to_pte(entry));
		add_mm_counter(mm, MM_ANONPAGES, -1);
		add_mm_counter(mm, MM_SWAPENTS, 1);
	} else {
		if (pte_dirty(pte))
			set_page_dirty(page);
		add_mm_counter(mm, mm_counter(page), -1);
	}
	if (tracing())
		record_unmapped(mm, addr, ptep);
	page_remove_rmap(page);
	put_page(page); /* never the last: the caller holds one */
	return true;
}

bool try_to_unmap(struct page *page, struct tlb_batch *batch)
{
	struct rmap_walk walk = { .page = page, .visit = unmap_one, .batch = batch };

	rmap_walk(&walk);
	return !page_mapped(page);
}

static bool mkclean_one(struct rmap_walk *walk, struct vm_area_struct *vma, pte_t *ptep,
			unsigned long addr)
{
	pte_t pte = *ptep;

	if (!pte_dirty(pte) && !pte_write(pte))
		return true;
	pte = ptep_get_and_clear(ptep);
	race_point("mkclean: entry cleared, not flushed");
	flush_tlb_page(vma->vm_mm, addr);
	if (pte_dirty(pte))
		walk->count++;
	set_pte(ptep, pte_mkclean(pte_wrprotect(pte)));
	record_ptes(vma->vm_mm, TRACE_WHY_WRITEBACK, addr, addr + PAGE_SIZE, ptep);
	return true;
}

bool page_mkclean(struct page *page)
{
	struct rmap_walk walk = { .page = page, .visit = mkclean_one, .skip_private = true };

	if (!PageAnon(page))
		rmap_walk(&walk);
	return walk.count;
}
