/* SPDX-License-Identifier: MIT */
/*
 * Memory that must not leave: the mlock family, and faulting in by the kernel (MAP_POPULATE, mlock,
 * MADV_POPULATE). VM_LOCKED is the promise; PG_mlocked keeps a page off the lists of reclaim, which
 * otherwise would find out about the promise for each page again and again.
 */
#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/fault/note.h"
#include "mm/reclaim/lru.h"
#include "mm/space/mman.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/record.h"
#include "mm/space/vma.h"

#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)

/* Would the access succeed as things are? The tables cannot go while mmap_lock is held. */
static bool pte_allows(struct mm_struct *mm, unsigned long addr, bool write)
{
	pmd_t *pmd = mm_find_pmd(mm, addr);
	pte_t pte = pmd ? ptep_get(pte_offset(pmd, addr)) : __pte(0);

	return (pte.pte & _PAGE_PRESENT) && (!write || pte_write(pte));
}

int faultin_range(struct vm_area_struct *vma, struct faultin *at, unsigned long end, bool write)
{
	unsigned int flags = FAULT_FLAG_KILLABLE | (write ? FAULT_FLAG_WRITE : 0) |
			     (at->may_unlock ? FAULT_FLAG_ALLOW_RETRY : 0);
	struct mm_struct *mm = vma->vm_mm;

	for (; at->addr < end; at->addr += PAGE_SIZE, at->tried = false) {
		/*
		 * A write fault may be answered in two steps: first the page, then the right to
		 * write.
		 */
		while (!pte_allows(mm, at->addr, write)) {
			vm_fault_t verdict = remote_mm_fault(
				at->note, vma, at->addr,
				flags | (at->tried ? FAULT_FLAG_TRIED : 0), TRACE_DOOR_POPULATE);

			if (verdict & VM_FAULT_RETRY) {
				at->tried = at->unlocked = true;
				return -EAGAIN;
			}
			if (verdict & VM_FAULT_ERROR)
				return verdict & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
			if (fatal_signal_pending(current))
				return -EINTR;
		}
		cond_resched();
	}
	return 0;
}

static void mlock_pte(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	struct page *page = pte_present(*pte) ? vm_normal_page(walk->vma, addr, *pte) : NULL;
	bool lock = walk->vma->vm_flags & VM_LOCKED;

	if (!page || !!PageMlocked(page) == lock)
		return;
	if (lock) {
		if (page_is_lazyfree(page))
			SetPageDirty(page); /* to be kept, after munlock() too */
		mlock_page(page);
	} else {
		munlock_page(page);
	}
}

void mlock_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct pt_walk walk = { .vma = vma, .pte = mlock_pte };

	walk_page_range(&walk, vma->vm_mm, start, end);
}

/*
 * populate_vma() of [start, end), done up to at->addr already, as faultin_range() does it. Private
 * memory is broken loose by a write; shared pages are not made dirty for nothing.
 */
static int populate_rest(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			 struct faultin *at)
{
	bool write = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
	int err = 0;

	if (!(vma->vm_flags & (VM_LOCKONFAULT | VM_PFNMAP)))
		err = vma_is_accessible(vma) ? faultin_range(vma, at, end, write) : -EFAULT;
	if (!at->unlocked && (vma->vm_flags & VM_LOCKED))
		mlock_pages(vma, start, end);
	return err;
}

int populate_vma(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct fault_note note;
	struct faultin at = { .addr = start, .note = &note };

	return populate_rest(vma, start, end, &at);
}

/* mm_populate() that stops at the first error unless told to go on. The first error. (mlock.c) */
static int __mm_populate(unsigned long start, unsigned long len, bool ignore_errors)
{
	struct mm_struct *mm = current->mm;
	struct fault_note note;
	struct faultin at = { .addr = start, .may_unlock = true, .note = &note };
	unsigned long end = start + len;
	struct vm_area_struct *vma;
	int err, first = 0;

	mmap_read_lock(mm);
	while (at.addr < end && (vma = find_vma_intersection(mm, at.addr, end))) {
		at.addr = max(at.addr, vma->vm_start);
		err = populate_rest(vma, max(start, vma->vm_start), min(end, vma->vm_end), &at);
		if (at.unlocked) {
			mmap_read_lock(mm);
			at.unlocked = false;
			continue;
		}
		if (err && !first)
			first = err;
		if (err == -EINTR || (err && !ignore_errors))
			break;
		at.addr = vma->vm_end;
		at.tried = false;
	}
	mmap_read_unlock(mm);
	return first;
}

int mm_populate(unsigned long start, unsigned long len)
{
	return __mm_populate(start, len, true);
}

/*
 * [start, end) of *@vmap gets the VM_LOCKED_MASK bits @lock; *@vmap becomes the VMA that holds
 * it.
 */
static int mlock_fixup(struct vm_area_struct **vmap, unsigned long start, unsigned long end,
		       unsigned long lock)
{
	struct vm_area_struct *vma = *vmap;
	unsigned long old_flags = vma->vm_flags, vm_flags = (old_flags & ~VM_LOCKED_MASK) | lock;
	unsigned long pages = (end - start) >> PAGE_SHIFT;

	if (vm_flags == old_flags || (old_flags & VM_DONTEXPAND))
		return 0;
	vma = vma_modify(vma, start, end, vm_flags);
	if (IS_ERR(vma))
		return (int)PTR_ERR(vma);
	*vmap = vma;
	vma->vm_flags = vm_flags;
	record_vma_flags(vma);
	if (!((old_flags ^ vm_flags) & VM_LOCKED))
		return 0;
	if (vm_flags & VM_LOCKED)
		vma->vm_mm->locked_vm += pages;
	else
		vma->vm_mm->locked_vm -= pages;
	mlock_pages(vma, start, end);
	return 0;
}

/* mmap_lock held for writing. The whole range must be mapped. */
static int apply_range(struct mm_struct *mm, unsigned long start, unsigned long end,
		       unsigned long lock)
{
	struct vm_area_struct *vma;
	int err;

	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	vma = vma_lookup(mm, start);
	if (!vma)
		return -ENOMEM;
	for (;;) {
		unsigned long stop = min(vma->vm_end, end);

		err = mlock_fixup(&vma, start, stop, lock);
		if (err)
			return err;
		start = max(stop, vma->vm_end);
		if (start >= end)
			return 0;
		vma = vma_next(vma);
		if (!vma || vma->vm_start != start)
			return -ENOMEM;
	}
}

/* Pages of the range that are locked already: locking them again needs no more of the limit. */
static unsigned long count_locked(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = find_vma_intersection(mm, start, end);
	unsigned long pages = 0;

	for (; vma && vma->vm_start < end; vma = vma_next(vma))
		if (vma->vm_flags & VM_LOCKED)
			pages += (min(vma->vm_end, end) - max(vma->vm_start, start)) >> PAGE_SHIFT;
	return pages;
}

static long do_mlock(unsigned long start, size_t len, unsigned long lock)
{
	struct mm_struct *mm = current->mm;
	unsigned long limit = mm->rlim_memlock >> PAGE_SHIFT, pages;
	int err = -ENOMEM;

	if (!can_do_mlock(mm))
		return -EPERM;
	len = PAGE_ALIGN(len + (start & ~PAGE_MASK));
	start &= PAGE_MASK;
	mmap_write_lock(mm);
	pages = mm->locked_vm + (len >> PAGE_SHIFT);
	if (pages > limit)
		pages -= count_locked(mm, start, start + len);
	if (pages <= limit || mm->rlim_memlock == ~0UL)
		err = apply_range(mm, start, start + len, lock);
	mmap_write_unlock(mm);
	if (err)
		return err;
	err = __mm_populate(start, len, false);
	/* POSIX's words for it: not all of it is mapped memory; or it could not be locked now. */
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

long sys_mlock(unsigned long start, size_t len)
{
	return do_mlock(start, len, VM_LOCKED);
}

long sys_mlock2(unsigned long start, size_t len, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return do_mlock(start, len, flags ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED);
}

long sys_munlock(unsigned long start, size_t len)
{
	struct mm_struct *mm = current->mm;
	int err;

	len = PAGE_ALIGN(len + (start & ~PAGE_MASK));
	start &= PAGE_MASK;
	mmap_write_lock(mm);
	err = apply_range(mm, start, start + len, 0);
	mmap_write_unlock(mm);
	return err;
}

/* All VMAs, and with MCL_FUTURE all to come. What cannot be split or merged stays as it is. */
static void apply_all(struct mm_struct *mm, int flags)
{
	unsigned long lock = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	struct vm_area_struct *vma;

	mm->def_flags = (mm->def_flags & ~VM_LOCKED_MASK) | (flags & MCL_FUTURE ? lock : 0);
	if ((flags & MCL_FUTURE) && !(flags & MCL_CURRENT))
		return;
	for (vma = vma_first(mm); vma; vma = vma_next(vma))
		mlock_fixup(&vma, vma->vm_start, vma->vm_end, flags & MCL_CURRENT ? lock : 0);
}

long sys_mlockall(int flags)
{
	struct mm_struct *mm = current->mm;
	int err = -ENOMEM;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!can_do_mlock(mm))
		return -EPERM;
	mmap_write_lock(mm);
	if (!(flags & MCL_CURRENT) || mm->total_vm <= mm->rlim_memlock >> PAGE_SHIFT) {
		apply_all(mm, flags);
		err = 0;
	}
	mmap_write_unlock(mm);
	if (!err && (flags & MCL_CURRENT))
		mm_populate(0, TASK_SIZE);
	return err;
}

long sys_munlockall(void)
{
	struct mm_struct *mm = current->mm;

	mmap_write_lock(mm);
	apply_all(mm, 0);
	mmap_write_unlock(mm);
	return 0;
}
