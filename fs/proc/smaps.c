/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/smaps, smaps_rollup and clear_refs: what each mapping has in memory, page by page, and
 * forgetting who used it. Formats are Linux's (proc(5)).
 */
#include "fs/proc/proc.h"
#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/backing/shmem.h"
#include "mm/frame/slab.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/vma_lock.h"
#include <asm/tlbflush.h>

#define PSS_SHIFT 12 /* shares of pages are counted in 1/4096 of a byte */

/* Bytes; the pss fields: shares of them, shifted. */
struct mem_sizes {
	u64 rss, referenced, anonymous, lazyfree, swap;
	u64 kind[2][2]; /* by private, dirty */
	u64 pss, pss_dirty, pss_anon, pss_file, pss_shmem, pss_locked, pss_swap;
};

/* A page's share of all the maps that have it. */
static u64 share(int users)
{
	return ((u64)PAGE_SIZE << PSS_SHIFT) / (u64)max(users, 1);
}

static void add_page(struct mem_sizes *sizes, const struct vm_area_struct *vma, pte_t pte,
		     const struct page *page)
{
	int maps = page_count(page) == 1 ? 1 : page_mapcount(page);
	bool dirty = pte_dirty(pte) || PageDirty(page);
	u64 pss = share(maps);

	sizes->rss += PAGE_SIZE;
	sizes->pss += pss;
	sizes->kind[maps < 2][dirty] += PAGE_SIZE;
	if (dirty)
		sizes->pss_dirty += pss;
	if (pte_young(pte) || PageReferenced(page))
		sizes->referenced += PAGE_SIZE;
	if (vma->vm_flags & VM_LOCKED)
		sizes->pss_locked += pss;
	if (PageAnon(page)) {
		sizes->anonymous += PAGE_SIZE;
		sizes->pss_anon += pss;
		if (page_is_lazyfree(page) && !dirty)
			sizes->lazyfree += PAGE_SIZE;
	} else if (PageSwapBacked(page)) {
		sizes->pss_shmem += pss;
	} else {
		sizes->pss_file += pss;
	}
}

static void add_pte(struct pt_walk *walk, pte_t *ptep, unsigned long addr)
{
	struct mem_sizes *sizes = walk->arg;
	pte_t pte = *ptep;
	struct page *page;

	if (is_swap_pte(pte)) {
		sizes->swap += PAGE_SIZE;
		sizes->pss_swap += share((int)swap_count(pte_to_swp_entry(pte)));
		return;
	}
	page = pte_present(pte) ? vm_normal_page(walk->vma, addr, pte) : NULL;
	if (page)
		add_page(sizes, walk->vma, pte, page);
}

static void add_vma(struct mem_sizes *sizes, struct vm_area_struct *vma)
{
	struct pt_walk walk = { .vma = vma, .pte = add_pte, .arg = sizes };
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;

	if (mapping && mapping->shmem)
		sizes->swap += PAGE_SIZE * shmem_swap_usage(mapping, vma->vm_pgoff,
							    vma->vm_pgoff + vma_pages(vma) - 1);
	walk_page_range(&walk, vma->vm_mm, vma->vm_start, vma->vm_end);
}

static void show_kb(struct seq_buf *m, const char *name, u64 bytes)
{
	size_t line = m->len;

	seq_puts(m, name);
	seq_pad(m, line, 16);
	seq_printf(m, "%8llu kB\n", (unsigned long long)(bytes >> 10));
}

static void show_sizes(struct seq_buf *m, const struct mem_sizes *sizes, bool rollup)
{
	static const char *const none[] = { "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:",
					    "Shared_Hugetlb:", "Private_Hugetlb:" };

	show_kb(m, "Rss:", sizes->rss);
	show_kb(m, "Pss:", sizes->pss >> PSS_SHIFT);
	show_kb(m, "Pss_Dirty:", sizes->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		show_kb(m, "Pss_Anon:", sizes->pss_anon >> PSS_SHIFT);
		show_kb(m, "Pss_File:", sizes->pss_file >> PSS_SHIFT);
		show_kb(m, "Pss_Shmem:", sizes->pss_shmem >> PSS_SHIFT);
	}
	show_kb(m, "Shared_Clean:", sizes->kind[false][false]);
	show_kb(m, "Shared_Dirty:", sizes->kind[false][true]);
	show_kb(m, "Private_Clean:", sizes->kind[true][false]);
	show_kb(m, "Private_Dirty:", sizes->kind[true][true]);
	show_kb(m, "Referenced:", sizes->referenced);
	show_kb(m, "Anonymous:", sizes->anonymous);
	show_kb(m, "LazyFree:", sizes->lazyfree);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) /* there are no huge pages */
		show_kb(m, none[i], 0);
	show_kb(m, "Swap:", sizes->swap);
	show_kb(m, "SwapPss:", sizes->pss_swap >> PSS_SHIFT);
	show_kb(m, "Locked:", sizes->pss_locked >> PSS_SHIFT);
}

static void show_flags(struct seq_buf *m, unsigned long flags)
{
	static const char names[32][3] = {
		"rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "??", "pf",
		"??", "??", "lo", "io", "sr", "rr", "dc", "de", "lf", "ac", "nr",
		"ht", "sf", "ar", "wf", "dd", "sd", "mm", "hg", "nh", "mg",
	};

	flags ^= VM_SOFTCLEAN; /* Linux tells the opposite */
	seq_puts(m, "VmFlags: ");
	for (unsigned int bit = 0; bit < ARRAY_SIZE(names); bit++)
		if (flags & (1UL << bit))
			seq_printf(m, "%s ", names[bit]);
	seq_putc(m, '\n');
}

static void show_smap(struct seq_buf *m, struct vm_area_struct *vma)
{
	struct mem_sizes sizes = { 0 };

	add_vma(&sizes, vma);
	show_kb(m, "Size:", vma->vm_end - vma->vm_start);
	show_kb(m, "KernelPageSize:", PAGE_SIZE);
	show_kb(m, "MMUPageSize:", PAGE_SIZE);
	show_sizes(m, &sizes, false);
	seq_puts(m, "THPeligible:    0\n");
	show_flags(m, vma->vm_flags);
}

int proc_show_smaps(struct seq_buf *m, void *arg)
{
	return proc_for_each_vma(m, arg, show_smap);
}

int proc_show_smaps_rollup(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);
	struct mem_sizes sizes = { 0 };
	struct vm_area_struct *vma;
	size_t line = m->len;

	if (!mm)
		return -ESRCH;
	mmap_read_lock(mm);
	for_each_vma(mm, vma)
		add_vma(&sizes, vma);
	seq_printf(m, "%08lx-%08lx ---p 00000000 00:00 0 ",
		   vma_first(mm) ? vma_first(mm)->vm_start : 0,
		   vma_last(mm) ? vma_last(mm)->vm_end : 0);
	mmap_read_unlock(mm);
	seq_pad(m, line, MAPS_NAME_COLUMN);
	seq_puts(m, "[rollup]\n");
	show_sizes(m, &sizes, true);
	mmput(mm);
	return 0;
}

/* --- clear_refs --- */
enum { CLEAR_ALL = 1, CLEAR_ANON, CLEAR_MAPPED, CLEAR_SOFT_DIRTY, CLEAR_HIWATER_RSS };

static void clear_young_pte(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	struct page *page = pte_present(*pte) ? vm_normal_page(walk->vma, addr, *pte) : NULL;

	if (!page)
		return;
	ptep_test_and_clear_young(pte);
	ClearPageReferenced(page);
}

/* mmap_lock for writing held. */
static void clear_referenced(struct mm_struct *mm, int type)
{
	struct pt_walk walk = { .pte = clear_young_pte };
	struct vm_area_struct *vma;

	for_each_vma(mm, vma) {
		walk.vma = vma;
		if (type == CLEAR_ALL || (type == CLEAR_MAPPED) == (vma->vm_file != NULL))
			walk_page_range(&walk, mm, vma->vm_start, vma->vm_end);
	}
	flush_tlb_mm(mm); /* or accesses would leave no mark */
}

ssize_t proc_write_clear_refs(void *arg, const char *buf, size_t len)
{
	struct mm_struct *mm;
	int type;

	if (kstrtoint(buf, 10, &type) || type < CLEAR_ALL || type > CLEAR_HIWATER_RSS)
		return -EINVAL;
	mm = proc_mm(arg);
	if (!mm)
		return -ESRCH;
	mmap_write_lock(mm);
	if (type == CLEAR_HIWATER_RSS)
		WRITE_ONCE(mm->hiwater_rss, mm_rss(mm));
	else if (type == CLEAR_SOFT_DIRTY)
		clear_soft_dirty(mm);
	else
		clear_referenced(mm, type);
	mmap_write_unlock(mm);
	mmput(mm);
	return (ssize_t)len;
}
