/* SPDX-License-Identifier: MIT */
/* munmap: the entries, the VMAs or parts of them, and the tables that nobody else needs. */
#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/vma.h"
#include "mm/space/vma_lock.h"

static void unaccount(struct vm_area_struct *vma, unsigned long pages)
{
	struct mm_struct *mm = vma->vm_mm;

	if (mm->hiwater_vm < mm->total_vm)
		mm->hiwater_vm = mm->total_vm;
	vm_stat_account(mm, vma->vm_flags, -(long)pages);
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm -= pages;
	if (vma->vm_flags & VM_ACCOUNT)
		vm_unacct_memory(pages);
}

/*
 * Empty [start, end) of @vma and cut it off. A VMA that goes as a whole leaves the reverse map only
 * (so that its tables may go) and is removed later. Returns whether it does.
 */
static bool unmap_vma(struct mmu_gather *tlb, struct vm_area_struct *vma, unsigned long start,
		      unsigned long end)
{
	vma_start_write(vma);
	unmap_page_range(tlb, vma, start, end);
	unaccount(vma, (end - start) >> PAGE_SHIFT);
	if (vma->vm_start == start && vma->vm_end == end) {
		vma_unlink_rmap(vma);
		return true;
	}
	if (vma->vm_start < start)
		vma_set_bounds(vma, vma->vm_start, start);
	else
		vma_set_bounds(vma, end, vma->vm_end);
	return false;
}

/* Unmap [start, end), which begins in @first or below it, and cuts no VMA into two. */
static void unmap_region(struct mm_struct *mm, struct vm_area_struct *first, unsigned long start,
			 unsigned long end)
{
	struct vm_area_struct *gone = NULL, *vma, *next = first, *prev = vma_prev(first);
	unsigned long from = max(start, first->vm_start), to = from;
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, mm);
	while (next && next->vm_start < end) {
		vma = next;
		next = vma_next(vma);
		to = min(vma->vm_end, end);
		if (unmap_vma(&tlb, vma, max(vma->vm_start, start), to)) {
			if (!gone)
				gone = vma;
		} else if (vma->vm_start < start) {
			prev = vma;
		} else {
			next = vma; /* what is left of it ends the range */
			break;
		}
	}
	vma = next;
	free_pgtables(&tlb, from, to, prev ? prev->vm_end : 0, vma ? vma->vm_start : 0);
	tlb_finish_mmu(&tlb);
	for (; gone && gone != vma; gone = next) {
		next = vma_next(gone);
		vma_tree_remove(mm, gone);
		record_vma_gone(gone);
		vma_release(gone);
	}
}

/* Would less than all of a VMA go that stays whole? @first: of the range. */
static bool splits_whole_one(struct mm_struct *mm, struct vm_area_struct *first,
			     unsigned long start, unsigned long end)
{
	struct vm_area_struct *last = first;

	if (first->vm_start < start && vma_stays_whole(first))
		return true;
	if (first->vm_end < end)
		last = find_vma_intersection(mm, end - 1, end);
	return last && end < last->vm_end && vma_stays_whole(last);
}

int do_munmap(struct mm_struct *mm, unsigned long start, size_t len)
{
	struct vm_area_struct *vma;
	unsigned long end;

	if ((start & ~PAGE_MASK) || start > TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	end = start + PAGE_ALIGN(len);
	if (end == start)
		return -EINVAL;
	vma = find_vma_intersection(mm, start, end);
	if (!vma)
		return 0;
	if (splits_whole_one(mm, vma, start, end))
		return -EINVAL;
	if (vma->vm_start < start && end < vma->vm_end) {
		/* A hole makes two of one. */
		if (mm->map_count >= sysctl_max_map_count || vma_carve(vma, vma->vm_start, end))
			return -ENOMEM;
	}
	unmap_region(mm, vma, start, end);
	return 0;
}

static __always_inline int lock_and_unmap(unsigned long start, size_t len)
{
	struct mm_struct *mm = current->mm;
	int err;

	mmap_write_lock(mm);
	err = do_munmap(mm, start, len);
	mmap_write_unlock(mm);
	return err;
}

int vm_munmap(unsigned long start, size_t len)
{
	return lock_and_unmap(start, len);
}

long sys_munmap(unsigned long addr, size_t len)
{
	return lock_and_unmap(addr, len);
}
