/* SPDX-License-Identifier: MIT */
/*
 * madvise: what a program knows about its memory. Advice that is kept in the VMA splits and
 * merges it like new rights do; advice to act is carried out at once, VMA by VMA.
 */
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap.h"
#include "mm/reclaim/lru.h"
#include "mm/reclaim/reclaim.h"
#include "mm/fault/note.h"
#include "mm/space/mman.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/vma.h"
#include <asm/tlbflush.h>

/* Advice kept as flags: which to set, which to clear. False: it is advice to act. */
static bool advice_flags(int behavior, unsigned long *set, unsigned long *clear)
{
	static const struct {
		int behavior;
		unsigned long set, clear;
	} table[] = {
		{ MADV_NORMAL, 0, VM_RAND_READ | VM_SEQ_READ },
		{ MADV_SEQUENTIAL, VM_SEQ_READ, VM_RAND_READ },
		{ MADV_RANDOM, VM_RAND_READ, VM_SEQ_READ },
		{ MADV_DONTFORK, VM_DONTCOPY, 0 },
		{ MADV_DOFORK, 0, VM_DONTCOPY },
		{ MADV_WIPEONFORK, VM_WIPEONFORK, 0 },
		{ MADV_KEEPONFORK, 0, VM_WIPEONFORK },
		{ MADV_DONTDUMP, VM_DONTDUMP, 0 },
		{ MADV_DODUMP, 0, VM_DONTDUMP },
		{ MADV_HUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE },
		{ MADV_NOHUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE },
		{ MADV_MERGEABLE, VM_MERGEABLE, 0 },
		{ MADV_UNMERGEABLE, 0, VM_MERGEABLE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].behavior == behavior) {
			*set = table[i].set;
			*clear = table[i].clear;
			return true;
		}
	}
	return false;
}

static int change_flags(struct vm_area_struct **vmap, unsigned long start, unsigned long end,
			int behavior, unsigned long set, unsigned long clear)
{
	struct vm_area_struct *vma = *vmap;
	unsigned long vm_flags = (vma->vm_flags & ~clear) | set;

	if (behavior == MADV_WIPEONFORK && (vma->vm_file || (vma->vm_flags & VM_SHARED)))
		return -EINVAL;
	if (behavior == MADV_DODUMP && (vma->vm_flags & VM_DONTEXPAND))
		return -EINVAL;
	if (behavior == MADV_DOFORK && (vma->vm_flags & VM_IO))
		return -EINVAL;
	if (vm_flags == vma->vm_flags ||
	    (behavior == MADV_MERGEABLE && (vma->vm_flags & VM_MAYSHARE)))
		return 0;
	vma = vma_modify(vma, start, end, vm_flags);
	if (IS_ERR(vma)) /* memory for a split is short now; it may not be later */
		return PTR_ERR(vma) == -ENOMEM ? -EAGAIN : (int)PTR_ERR(vma);
	vma->vm_flags = vm_flags;
	record_vma_flags(vma);
	*vmap = vma;
	return 0;
}

/* Start reading what is in swap, each with a window around it. */
static void swapin_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct page *page;
	bool major;
	pmd_t *pmd;
	pte_t pte;

	for (; (pmd = next_pte_table(vma->vm_mm, &start, end)); start += PAGE_SIZE) {
		pte = ptep_get(pte_offset(pmd, start));
		if (!is_swap_pte(pte))
			continue;
		page = swapin_readahead(pte_to_swp_entry(pte), &major);
		if (page)
			put_page(page);
		cond_resched();
	}
}

/* 0, or -EAGAIN: it is done, and to ask the file's disk mmap_lock was released. */
static int willneed(struct vm_area_struct *vma, struct faultin *at, unsigned long end)
{
	unsigned long start = at->addr, pages = (end - start) >> PAGE_SHIFT;
	pgoff_t index = linear_page_index(vma, start);
	struct file *file = vma->vm_file;

	if (vma->anon_vma || !file)
		swapin_range(vma, start, end);
	if (!file || !file->f_mapping)
		return 0;
	get_file(file);
	mmap_read_unlock(vma->vm_mm);
	if (file->f_mapping->shmem)
		shmem_willneed(file->f_mapping, index, index + pages - 1);
	else
		force_page_cache_readahead(file->f_mapping, index, pages);
	fput(file);
	at->addr = end;
	at->unlocked = true;
	return -EAGAIN;
}

static int dontneed(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    int behavior)
{
	if ((vma->vm_flags & VM_LOCKED) && behavior != MADV_DONTNEED_LOCKED)
		return -EINVAL;
	zap_page_range(vma, start, end - start);
	return 0;
}

/* What is kept of the page elsewhere is given up too, unless others have the page. ptl held. */
static bool forget_copy(struct page *page)
{
	bool forgotten = false;

	if (!trylock_page(page))
		return false;
	if (page_mapcount(page) == 1 && (!PageSwapCache(page) || try_to_free_swap(page))) {
		ClearPageDirty(page);
		forgotten = true;
	}
	unlock_page(page);
	return forgotten;
}

/*
 * MADV_FREE: until it is written again, which the entry's dirty bit tells, the page may be dropped at any
 * moment, for all that this map cares. In swap it is not worth the slot.
 */
static void lazyfree_pte(struct pt_walk *walk, pte_t *ptep, unsigned long addr)
{
	pte_t pte = *ptep;
	struct page *page;

	if (is_swap_pte(pte)) {
		pte_clear(ptep);
		free_swap_and_cache(pte_to_swp_entry(pte));
		add_mm_counter(walk->vma->vm_mm, MM_SWAPENTS, -1);
		trace_ptes_clear(walk->vma->vm_mm->number, TRACE_WHY_MADVISE, addr,
				 addr + PAGE_SIZE);
		return;
	}
	page = pte_present(pte) ? vm_normal_page(walk->vma, addr, pte) : NULL;
	if (!page || ((PageSwapCache(page) || PageDirty(page)) && !forget_copy(page)))
		return;
	ptep_set_unused(ptep);
	record_ptes(walk->vma->vm_mm, TRACE_WHY_MADVISE, addr, addr + PAGE_SIZE, ptep);
	mark_page_lazyfree(page);
}

static int lazyfree_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct pt_walk walk = { .vma = vma, .pte = lazyfree_pte };

	if ((vma->vm_flags & VM_LOCKED) || !vma_is_anonymous(vma))
		return -EINVAL;
	walk_page_range(&walk, vma->vm_mm, start, end);
	/*
	 * From now on each write leaves a mark. Even if nothing was found: another thread that is at
	 * the same may not have come so far.
	 */
	flush_tlb_range(vma->vm_mm, start, end);
	return 0;
}

/*
 * MADV_COLD and MADV_PAGEOUT: a page that others map too is left alone, it is not only ours to
 * judge.
 */
static void cold_pte(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	struct page *page = pte_present(*pte) ? vm_normal_page(walk->vma, addr, *pte) : NULL;
	struct list_head *pageout = walk->arg;

	if (!page || page_mapcount(page) != 1)
		return;
	ptep_test_and_clear_young(pte);
	ClearPageReferenced(page);
	if (!pageout)
		deactivate_page(page);
	else if (isolate_lru_page(page))
		list_add(&page->lru, pageout);
}

static int cold_range(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		      bool pageout)
{
	LIST_HEAD(pages);
	struct pt_walk walk = { .vma = vma, .pte = cold_pte, .arg = pageout ? &pages : NULL };

	if (vma->vm_flags & VM_LOCKED)
		return -EINVAL;
	walk_page_range(&walk, vma->vm_mm, start, end);
	if (!list_empty(&pages))
		reclaim_pages(&pages);
	else
		flush_tlb_range(vma->vm_mm, start, end); /* or accesses would leave no mark */
	return 0;
}

/*
 * A hole in the file: whoever maps it reads zeroes. As the file system may ask the disk, mmap_lock is
 * released. -EAGAIN: done; or another errno.
 */
static int remove_range(struct vm_area_struct *vma, struct faultin *at, unsigned long end)
{
	loff_t offset = (loff_t)linear_page_index(vma, at->addr) << PAGE_SHIFT;
	loff_t len = (loff_t)(end - at->addr);
	struct file *file = vma->vm_file;
	long err = -EOPNOTSUPP;

	if ((vma->vm_flags & VM_LOCKED) || !file || !file->f_mapping)
		return -EINVAL;
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	get_file(file);
	mmap_read_unlock(vma->vm_mm);
	at->addr = end;
	at->unlocked = true;
	if (file->f_op->fallocate)
		err = file->f_op->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					    offset, len);
	fput(file);
	return err ? (int)err : -EAGAIN;
}

static int populate(struct vm_area_struct *vma, struct faultin *at, unsigned long end, bool write)
{
	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return -EINVAL;
	return faultin_range(vma, at, end, write);
}

/*
 * [at->addr, end) of *@vmap, which becomes the VMA that holds it afterwards. 0 or -errno; -EAGAIN as
 * for faultin_range(). With at->unlocked mmap_lock was released, on errors too.
 */
static int advise_vma(struct vm_area_struct **vmap, struct faultin *at, unsigned long end,
		      int behavior)
{
	unsigned long start = at->addr, set, clear;
	struct vm_area_struct *vma = *vmap;

	if (advice_flags(behavior, &set, &clear))
		return change_flags(vmap, start, end, behavior, set, clear);
	switch (behavior) {
	case MADV_WILLNEED:
		return willneed(vma, at, end);
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return dontneed(vma, start, end, behavior);
	case MADV_FREE:
		return lazyfree_range(vma, start, end);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return cold_range(vma, start, end, behavior == MADV_PAGEOUT);
	case MADV_REMOVE:
		return remove_range(vma, at, end);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate(vma, at, end, behavior == MADV_POPULATE_WRITE);
	default:
		return -EINVAL;
	}
}

/* COLLAPSE too, which fails for every VMA: there are no huge pages. */
static bool advice_exists(int behavior)
{
	return (behavior >= MADV_NORMAL && behavior <= MADV_DONTNEED) ||
	       (behavior >= MADV_FREE && behavior <= MADV_COLLAPSE);
}

/* Every mapped part gets the advice; that there were unmapped parts is told in the end. */
static int advise_range(struct mm_struct *mm, unsigned long start, unsigned long end, int behavior)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	struct fault_note note;
	struct faultin at = { .addr = start, .may_unlock = true, .note = &note };
	int err, unmapped = 0;

	while (at.addr < end) {
		unsigned long stop;

		if (!vma)
			return -ENOMEM;
		if (at.addr < vma->vm_start) {
			unmapped = -ENOMEM;
			at.addr = vma->vm_start;
			if (at.addr >= end)
				break;
		}
		stop = min(vma->vm_end, end);
		err = advise_vma(&vma, &at, stop, behavior);
		if (at.unlocked) {
			mmap_read_lock(mm);
			at.unlocked = false;
			if (err != -EAGAIN)
				return err;
			vma = find_vma(mm, at.addr);
			continue;
		}
		if (err)
			return err;
		at = (struct faultin){
			.addr = max(stop, vma->vm_end),
			.may_unlock = true,
			.note = &note,
		};
		vma = vma_next(vma);
	}
	return unmapped;
}

int do_madvise(struct mm_struct *mm, unsigned long start, size_t len_in, int behavior)
{
	unsigned long len = PAGE_ALIGN(len_in), end = start + len, set, clear;
	int err;

	if (!advice_exists(behavior) || (start & ~PAGE_MASK) || (len_in && !len) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (advice_flags(behavior, &set, &clear)) {
		mmap_write_lock(mm);
		err = advise_range(mm, start, end, behavior);
		mmap_write_unlock(mm);
	} else {
		mmap_read_lock(mm);
		err = advise_range(mm, start, end, behavior);
		mmap_read_unlock(mm);
	}
	return err;
}

long sys_madvise(unsigned long start, size_t len, int behavior)
{
	return do_madvise(current->mm, start, len, behavior);
}
