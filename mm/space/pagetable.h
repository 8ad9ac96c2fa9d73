/* SPDX-License-Identifier: MIT */
/*
 * Page tables of a user map: made on the way down, walked, copied at fork, emptied at munmap, and
 * freed with the last mapping in them.
 *
 * Locks: each last-level table has one for its entries, in its struct page ("ptl"). The entries above,
 * and mm->pgtables, change under mm->page_table_lock: they are only ever filled while somebody else
 * may walk, and emptied with mmap_lock held for writing (or by the last user) where nobody has any
 * business. So a holder of mmap_lock for reading may walk down without a lock and take ptl for the
 * leaf; so may the reverse map, which keeps the VMA from leaving.
 */
#ifndef MM_SPACE_PAGETABLE_H
#define MM_SPACE_PAGETABLE_H

#include "mm/space/mm.h"
#include <asm/tlbflush.h>

static inline pgd_t *pgd_offset(const struct mm_struct *mm, unsigned long addr)
{
	return pgd_offset_pgd(mm->pgd, addr);
}

/* The first address of the table of @level (1: of page entries) that translates @addr. */
static inline unsigned long table_base(unsigned long addr, unsigned int level)
{
	return addr & ~((PAGE_SIZE << 9 * level) - 1);
}
/*
 * All levels for @addr, made where they are missing: the entry above the last-level table, or NULL:
 * out of memory. May sleep. mmap_lock or the VMA's lock held.
 */
pmd_t *alloc_tables(struct mm_struct *mm, unsigned long addr);
/* All the way down without making anything: NULL when a level is missing. */
pmd_t *mm_find_pmd(struct mm_struct *mm, unsigned long addr);

/*
 * The lock of the table under @pmd. Two tables of one map (move_ptes) are locked in the order of
 * these addresses.
 */
static inline spinlock_t *pte_lockptr(struct mm_struct *mm, const pmd_t *pmd)
{
	(void)mm;
	return &pfn_to_page(pmd_pfn(*pmd))->ptl;
}
/* The same for who has the entry. */
static inline spinlock_t *ptep_lockptr(const pte_t *pte) { return &virt_to_page(pte)->ptl; }
/*
 * The first entry at or above *@addr, below @end, that has a last-level table; *@addr moves to it
 * (or to the start of the table's part of the range). NULL: none is left. Its part ends at
 * pmd_addr_end(*@addr, @end). No lock beyond the right to walk.
 */
pmd_t *__next_pte_table(struct mm_struct *mm, unsigned long *addr, unsigned long end);
static inline pmd_t *next_pte_table(struct mm_struct *mm, unsigned long *addr, unsigned long end)
{
	return *addr < end ? __next_pte_table(mm, addr, end) : NULL;
}
/* Frees a table page that was taken out of its map, after the flush. */
void free_table_page(struct page *page);

/* The leaf entry with its lock taken; release with pte_unmap_unlock(). */
static inline pte_t *pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmd, unsigned long addr,
					 spinlock_t **ptlp)
{
	pte_t *pte = pte_offset(pmd, addr);
	spinlock_t *ptl = ptep_lockptr(pte);

	(void)mm;
	spin_lock(ptl);
	*ptlp = ptl;
	return pte;
}
static inline void pte_unmap_unlock(pte_t *pte, spinlock_t *ptl)
{
	(void)pte;
	spin_unlock(ptl);
}
/* Leaf entry with its lock, or NULL (no lock) when a level is missing. */
pte_t *get_locked_pte(struct mm_struct *mm, unsigned long addr, spinlock_t **ptlp);

/* The counted page a present entry maps, or NULL for the zero page and other special entries. */
static inline struct page *vm_normal_page(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	(void)vma;
	(void)addr;
	return likely(!pte_special(pte)) ? pfn_to_page(pte_pfn(pte)) : NULL;
}

/* Which counter counts the page. */
static inline int mm_counter(const struct page *page)
{
	if (likely(PageAnon(page)))
		return MM_ANONPAGES;
	return PageSwapBacked(page) ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* Does another thread empty parts of the map, too? A gather counts itself. */
static inline bool tlb_flush_nested(const struct mm_struct *mm)
{
	return atomic_read(&mm->context.tlb_flush_pending) > 1;
}

/*
 * Frames and tables taken out of a map wait here until the TLB flush is done; then they are freed.
 * On the stack of the unmapper; arrays for more frames come from the heap when there is memory, a few
 * from the struct itself otherwise.
 */
struct mmu_gather {
	struct mm_struct *mm;
	unsigned long start, end;  /* range that needs a flush */
	struct page *tables;       /* chained by page->private; the CPU may still walk them */
	bool fullmm;               /* the whole map dies: nobody will use a stale leaf entry */
	bool found_tables;         /* last-level ones, by unmap_page_range() */
	bool skip_anon;            /* leave private copies and swap entries; the caller's to set */
	bool dirty_file;           /* shared pages of files that were written here are in it */
	struct page **pages;       /* the array that is being filled */
	struct page **next, **stop; /* its first free place, its end */
	unsigned int nr_batches;   /* arrays from the heap, each with a link to the one before */
	struct page *local[32];
};

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm);
void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct mm_struct *mm);
/* Flush and free what has been gathered. */
void tlb_flush_mmu(struct mmu_gather *tlb);
void tlb_finish_mmu(struct mmu_gather *tlb);

/*
 * Empty every entry of [start, end) in @vma: frames, swap slots, counters. mmap_lock held
 * (reading is enough). Tables stay.
 */
void unmap_page_range(struct mmu_gather *tlb, struct vm_area_struct *vma, unsigned long start,
		      unsigned long end);
/* The same with its own gather: madvise(DONTNEED), truncate. */
void zap_page_range(struct vm_area_struct *vma, unsigned long start, unsigned long size);
/*
 * Free the tables that lie wholly in [floor, ceiling) and cover [start, end); floor and ceiling are
 * the neighbours' bounds (ceiling 0: top). Entries are empty. mmap_lock for writing.
 */
void free_pgtables(struct mmu_gather *tlb, unsigned long start, unsigned long end,
		   unsigned long floor, unsigned long ceiling);

/*
 * fork: share @src's pages in [vm_start, vm_end) with @dst, write-protecting private ones in
 * both; *@stale: entries of @src lost the right to write, the caller flushes. 0 or -ENOMEM. Both
 * mmap_locks held for writing.
 */
int copy_page_range(struct vm_area_struct *dst, struct vm_area_struct *src, bool *stale);
/*
 * Entries of [start, end) were changed and are to be flushed before mmap_lock is given back; end 0:
 * none.
 */
struct stale_range {
	unsigned long start, end;
};
/*
 * Flush it; or everything, if somebody else has entries under way that this one may have found empty.
 */
static inline void flush_stale_range(struct mm_struct *mm, const struct stale_range *stale)
{
	if (unlikely(atomic_read(&mm->context.tlb_flush_pending)))
		flush_tlb_mm(mm);
	else if (stale->end)
		flush_tlb_range(mm, stale->start, stale->end);
}
/*
 * mprotect: give present entries the VMA's new rights. Those that lost some are added to @stale:
 * the caller flushes them. mmap_lock for writing.
 */
void change_protection(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		       pgprot_t newprot, struct stale_range *stale);
/*
 * Forget which pages were written, so that the next write to each marks its entry soft-dirty. Flushes.
 * mmap_lock for writing.
 */
void clear_soft_dirty(struct mm_struct *mm);
/*
 * mremap: move entries of [old, old+len) of @vma to new in @new_vma, and flush them. Returns bytes moved (short
 * on -ENOMEM). mmap_lock for writing.
 */
unsigned long move_page_tables(struct vm_area_struct *vma, unsigned long old,
			       struct vm_area_struct *new_vma, unsigned long new,
			       unsigned long len);

/*
 * Visit each leaf entry of [start, end) that a table exists for; under ptl. @fn may change the
 * entry. For ranges without a table @hole is called (if not NULL), without ptl. mmap_lock held.
 */
struct pt_walk {
	struct vm_area_struct *vma;
	void (*pte)(struct pt_walk *walk, pte_t *pte, unsigned long addr);
	void (*hole)(struct pt_walk *walk, unsigned long start, unsigned long end);
	void *arg;
};
void walk_page_range(struct pt_walk *walk, struct mm_struct *mm, unsigned long start,
		     unsigned long end);

#endif
