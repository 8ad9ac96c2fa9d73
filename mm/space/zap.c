/* SPDX-License-Identifier: MIT */
/*
 * Emptying a map: entries first, then the flush, then the frames, then the tables. A frame or
 * table that a CPU may still reach through its TLB must not be used for anything else, so what is
 * taken out waits in the gather until the flush is done (SDM vol. 3A 4.10.4).
 */
#include "kernel/core/sched.h"
#include "kernel/debug/race.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"
#include "mm/frame/slab.h"
#include "mm/reclaim/lru.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"
#include <asm/tlbflush.h>

static void reset_range(struct mmu_gather *tlb)
{
	tlb->start = ~0UL;
	tlb->end = 0;
}

static void gather_init(struct mmu_gather *tlb, struct mm_struct *mm, bool fullmm)
{
	tlb->mm = mm;
	tlb->fullmm = fullmm;
	tlb->found_tables = tlb->skip_anon = tlb->dirty_file = false;
	tlb->tables = NULL;
	tlb->nr_batches = 0;
	tlb->pages = tlb->next = tlb->local;
	tlb->stop = tlb->local + ARRAY_SIZE(tlb->local);
	reset_range(tlb);
	atomic_inc(&mm->context.tlb_flush_pending);
}

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm)
{
	gather_init(tlb, mm, false);
}

void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct mm_struct *mm)
{
	gather_init(tlb, mm, true);
}

/* Translations of [start, end) must be forgotten. */
static inline void tlb_note(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	tlb->start = min(tlb->start, start);
	tlb->end = max(tlb->end, end);
}

/*
 * Frames that are held back at most: 40 MiB of them can wait, the rest of a larger range takes a flush
 * of its own.
 */
#define MAX_BATCHES 20

/* A page's worth of pointers, and the array that was full before it. */
struct gather_batch {
	struct page **before;
	struct page *pages[PAGE_SIZE / sizeof(struct page *) - 1];
};

/* The array is full: go on in one of a page, if there is memory. True: there is none. */
static noinline bool batch_full(struct mmu_gather *tlb)
{
	struct gather_batch *batch;

	BUILD_BUG_ON(sizeof(*batch) != PAGE_SIZE);
	if (tlb->nr_batches == MAX_BATCHES)
		return true;
	batch = kmalloc(sizeof(*batch), GFP_ATOMIC | __GFP_NOWARN);
	if (!batch)
		return true;
	batch->before = tlb->pages;
	tlb->nr_batches++;
	tlb->pages = tlb->next = batch->pages;
	tlb->stop = batch->pages + ARRAY_SIZE(batch->pages);
	return false;
}

/* Back to the full array before this one, which is empty now. False: it was the first. */
static bool leave_batch(struct mmu_gather *tlb)
{
	struct gather_batch *batch = container_of(tlb->pages, struct gather_batch, pages[0]);

	if (tlb->pages == tlb->local)
		return false;
	tlb->pages = batch->before;
	tlb->stop = tlb->pages +
		    (--tlb->nr_batches ? ARRAY_SIZE(batch->pages) : ARRAY_SIZE(tlb->local));
	tlb->next = tlb->stop;
	kfree(batch);
	return true;
}

/*
 * The entry of the frame was cleared: drop the map's reference after the flush. Locks of tables may be
 * held. True: the batch is full, flush soon (tlb_flush_mmu() without them).
 */
static inline bool tlb_remove_page(struct mmu_gather *tlb, struct page *page)
{
	struct page **place = tlb->next++;

	*place = page;
	return unlikely(place + 1 == tlb->stop) && batch_full(tlb);
}

/*
 * An unmapped page that only the swap cache holds would wait there for reclaim: free it with its
 * slot now.
 */
static noinline void free_swap_cache(struct page *page)
{
	if (page_mapped(page) || !trylock_page(page))
		return;
	try_to_free_swap(page);
	unlock_page(page);
}

/* The frames of the array may be used for something else now. */
static void release_batch(struct mmu_gather *tlb)
{
	for (struct page **page = tlb->pages; page < tlb->next; page++)
		if (unlikely(PageSwapCache(*page)))
			free_swap_cache(*page);
	release_pages(tlb->pages, (unsigned int)(tlb->next - tlb->pages));
	tlb->next = tlb->pages;
}

static void release_tables(struct mmu_gather *tlb)
{
	struct page *page = tlb->tables, *next;

	for (; page; page = next) {
		next = (struct page *)page->private;
		free_table_page(page);
	}
	tlb->tables = NULL;
}

static noinline void flush_and_release(struct mmu_gather *tlb)
{
	race_point("unmap: entries cleared, not flushed");
	if (tlb->tables)
		flush_tlb_freed_tables(tlb->mm, tlb->start, tlb->end);
	else if (tlb->end && !tlb->fullmm)
		flush_tlb_range(tlb->mm, tlb->start, tlb->end);
	do
		release_batch(tlb);
	while (leave_batch(tlb));
	release_tables(tlb);
	reset_range(tlb);
}

void tlb_flush_mmu(struct mmu_gather *tlb)
{
	if (tlb->end || tlb->next != tlb->local)
		flush_and_release(tlb);
}

/*
 * Another thread may empty parts of the same map at the same time (madvise, truncate). What it has
 * taken out this one found empty and did not note, so who is not alone flushes everything: when this
 * returns, nobody can reach what was in the range, whoever took it out.
 */
void tlb_finish_mmu(struct mmu_gather *tlb)
{
	tlb_flush_mmu(tlb);
	if (unlikely(tlb_flush_nested(tlb->mm)))
		flush_tlb_mm(tlb->mm);
	atomic_dec(&tlb->mm->context.tlb_flush_pending);
}

/* One entry, present and cleared now, that mapped @page; true: the batch is full. ptl held. */
static inline bool zap_page(struct mmu_gather *tlb, struct vm_area_struct *vma, struct page *page,
			    pte_t pte, long *rss)
{
	if (likely(PageAnon(page))) {
		rss[MM_ANONPAGES]--;
	} else {
		if (pte_dirty(pte)) {
			set_page_dirty(page);
			tlb->dirty_file = true;
		}
		if (pte_young(pte) && !(vma->vm_flags & VM_SEQ_READ))
			mark_page_accessed(page);
		rss[PageSwapBacked(page) ? MM_SHMEMPAGES : MM_FILEPAGES]--;
	}
	if (unlikely(vma->vm_flags & VM_LOCKED) && PageMlocked(page))
		munlock_page(page);
	page_remove_rmap(page);
	return tlb_remove_page(tlb, page);
}

/*
 * A file's page that is not mapped here any more is one that page_mkclean() will not find here. Nobody
 * may write it after that: CPUs forget it while the table is locked.
 */
static noinline void flush_dirty_file(struct mmu_gather *tlb)
{
	flush_tlb_range(tlb->mm, tlb->start, tlb->end);
	tlb->dirty_file = false;
	reset_range(tlb);
}

/* All entries of [addr, end) were emptied, or all but private ones. */
static noinline void record_zap(const struct mmu_gather *tlb, unsigned long addr, unsigned long end,
				const pte_t *first)
{
	if (tlb->skip_anon)
		record_ptes(tlb->mm, TRACE_WHY_TRUNCATE, addr, end, first);
	else
		trace_ptes_clear(tlb->mm->number,
				 tlb->fullmm ? TRACE_WHY_EXIT : TRACE_WHY_MUNMAP, addr, end);
}

/*
 * Entries of one table; returns the address behind the last one emptied, short of @end when the
 * batch is full.
 */
static unsigned long zap_pte_range(struct mmu_gather *tlb, struct vm_area_struct *vma, pmd_t *pmd,
				   unsigned long addr, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	long rss[NR_MM_COUNTERS] = { 0 };
	spinlock_t *ptl;
	pte_t *const first = pte_offset_map_lock(mm, pmd, addr, &ptl);
	pte_t *stop = first + ((end - addr) >> PAGE_SHIFT);
	pte_t *pte, *low = first, *high = NULL; /* none was present below @low or from @high on */

	flush_tlb_batched_pending(mm);
	while (low < stop && pte_none(*low))
		low++;
	for (pte = low; pte < stop; pte++) {
		struct page *page;
		pte_t old = *pte;

		if (pte_none(old))
			continue;
		if (unlikely(!pte_present(old))) {
			if (!tlb->skip_anon) {
				pte_clear(pte);
				free_swap_and_cache(pte_to_swp_entry(old));
				rss[MM_SWAPENTS]--;
			}
			continue;
		}
		page = vm_normal_page(vma, addr, old);
		if (unlikely(tlb->skip_anon) && page && PageAnon(page))
			continue;
		old = ptep_get_and_clear(pte); /* the CPU may have set bits meanwhile */
		high = pte + 1;
		if (likely(page) && unlikely(zap_page(tlb, vma, page, old, rss)))
			stop = high;
	}
	if (high)
		tlb_note(tlb, addr + ((unsigned long)(low - first) << PAGE_SHIFT),
			 addr + ((unsigned long)(high - first) << PAGE_SHIFT));
	if (high || rss[MM_SWAPENTS]) {
		if (!tlb->fullmm) /* nobody will ask */
			update_hiwater_rss(mm);
		add_mm_counters(mm, rss);
	}
	if (unlikely(tlb->dirty_file))
		flush_dirty_file(tlb);
	if (tracing())
		record_zap(tlb, addr, addr + ((unsigned long)(pte - first) << PAGE_SHIFT), first);
	pte_unmap_unlock(pte, ptl);
	return addr + ((unsigned long)(pte - first) << PAGE_SHIFT);
}

void unmap_page_range(struct mmu_gather *tlb, struct vm_area_struct *vma, unsigned long start,
		      unsigned long end)
{
	unsigned long addr = start, stop;
	pmd_t *pmd;

	while ((pmd = next_pte_table(vma->vm_mm, &addr, end))) {
		tlb->found_tables = true;
		stop = pmd_addr_end(addr, end);
		addr = zap_pte_range(tlb, vma, pmd, addr, stop);
		if (tlb->next == tlb->stop) /* perhaps before @stop */
			tlb_flush_mmu(tlb);
		cond_resched();
	}
}

void zap_page_range(struct vm_area_struct *vma, unsigned long start, unsigned long size)
{
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, vma->vm_mm);
	unmap_page_range(&tlb, vma, start, start + size);
	tlb_finish_mmu(&tlb);
}

/* Does the table that maps @size bytes around @addr lie wholly in [floor, ceiling)? */
static inline bool table_is_free(unsigned long addr, unsigned long size, unsigned long floor,
				 unsigned long ceiling)
{
	unsigned long base = addr & ~(size - 1);

	return base >= floor && base + size - 1 <= ceiling - 1;
}

/* Take the table of @level under @entry out; it is freed after the flush. */
static void take_table(struct mmu_gather *tlb, u64 *entry, u8 level, unsigned long addr)
{
	struct page *page = pfn_to_page((*entry & PTE_PFN_MASK) >> PAGE_SHIFT);

	/* Nobody fills the entry again before our caller lets go of its locks. */
	trace_table(tlb->mm->number, level, 0, table_base(addr, level), page_to_pfn(page));
	spin_lock(&tlb->mm->page_table_lock);
	WRITE_ONCE(*entry, 0);
	tlb->mm->pgtables--;
	spin_unlock(&tlb->mm->page_table_lock);
	page->private = (unsigned long)tlb->tables;
	tlb->tables = page;
	tlb_note(tlb, addr, addr + PAGE_SIZE);
}

static noinline void free_pte_tables(struct mmu_gather *tlb, pud_t *pud, unsigned long addr,
				     unsigned long end, unsigned long floor, unsigned long ceiling)
{
	pmd_t *pmd = pmd_offset(pud, addr);

	for (; addr < end; addr = pmd_addr_end(addr, end), pmd++)
		if (!pmd_none(*pmd) && table_is_free(addr, PMD_SIZE, floor, ceiling))
			take_table(tlb, &pmd->pmd, 1, addr);
}

static void free_pmd_tables(struct mmu_gather *tlb, pgd_t *pgd, unsigned long addr,
			    unsigned long end, unsigned long floor, unsigned long ceiling)
{
	pud_t *pud = pud_offset(pgd, addr);
	unsigned long next;

	for (; addr < end; addr = next, pud++) {
		next = pud_addr_end(addr, end);
		if (pud_none(*pud))
			continue;
		free_pte_tables(tlb, pud, addr, next, floor, ceiling);
		if (table_is_free(addr, PUD_SIZE, floor, ceiling))
			take_table(tlb, &pud->pud, 2, addr);
	}
}

/* Can any table of the level whose tables map @size bytes be free? */
static inline bool may_free(unsigned long start, unsigned long end, unsigned long floor,
			    unsigned long ceiling, unsigned long size)
{
	unsigned long lowest = max(ALIGN(floor, size), start & ~(size - 1));

	return lowest < end && lowest + size - 1 <= ceiling - 1;
}

static noinline void free_all_levels(struct mmu_gather *tlb, unsigned long start, unsigned long end,
				     unsigned long floor, unsigned long ceiling)
{
	pgd_t *pgd = pgd_offset(tlb->mm, start);
	unsigned long addr = start, next;

	for (; addr < end; addr = next, pgd++) {
		next = pgd_addr_end(addr, end);
		if (pgd_none(*pgd))
			continue;
		free_pmd_tables(tlb, pgd, addr, next, floor, ceiling);
		if (table_is_free(addr, PGDIR_SIZE, floor, ceiling))
			take_table(tlb, &pgd->pgd, 3, addr);
	}
}

void free_pgtables(struct mmu_gather *tlb, unsigned long start, unsigned long end,
		   unsigned long floor, unsigned long ceiling)
{
	race_point("unmap: pages gone, tables there");
	/* Most often the neighbours use every last-level table of the range. */
	if (!may_free(start, end, floor, ceiling, PMD_SIZE))
		return;
	if ((start ^ (end - 1)) & PUD_MASK || may_free(start, end, floor, ceiling, PUD_SIZE)) {
		free_all_levels(tlb, start, end, floor, ceiling);
	} else if (tlb->found_tables) { /* or at least what is above those; found anywhere */
		pgd_t *pgd = pgd_offset(tlb->mm, start);

		if (!pgd_none(*pgd) && !pud_none(*pud_offset(pgd, start)))
			free_pte_tables(tlb, pud_offset(pgd, start), start, end, floor, ceiling);
	}
}
