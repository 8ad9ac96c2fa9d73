/* SPDX-License-Identifier: MIT */
/* mprotect: new rights for a range of whole pages, VMA by VMA. */
#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/space/mman.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/vma.h"

/* Memory that was only read so far and becomes writable counts as promised from now on. */
static int account_writable(struct vm_area_struct *vma, unsigned long pages,
			    unsigned long *vm_flags)
{
	struct mm_struct *mm = vma->vm_mm;

	if (!(*vm_flags & VM_WRITE))
		return 0;
	if (!may_expand_vm(mm, *vm_flags, pages) && may_expand_vm(mm, vma->vm_flags, pages))
		return -ENOMEM;
	if (vma->vm_flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))
		return 0;
	if (vm_enough_memory(pages))
		return -ENOMEM;
	*vm_flags |= VM_ACCOUNT;
	return 0;
}

/*
 * [start, end) of *@vmap gets @vm_flags; *@vmap becomes the VMA that holds it then. Locked private
 * memory that may be written now gets its copies here, not by faults later. 0 or -ENOMEM.
 */
static int mprotect_fixup(struct vm_area_struct **vmap, unsigned long start, unsigned long end,
			  unsigned long vm_flags, struct stale_range *stale)
{
	struct vm_area_struct *vma = *vmap;
	unsigned long old_flags = vma->vm_flags, pages = (end - start) >> PAGE_SHIFT;

	if (vm_flags == old_flags)
		return 0;
	if (account_writable(vma, pages, &vm_flags))
		return -ENOMEM;
	vma = vma_modify(vma, start, end, vm_flags);
	if (IS_ERR(vma)) {
		if ((vm_flags & ~old_flags) & VM_ACCOUNT)
			vm_unacct_memory(pages);
		return (int)PTR_ERR(vma);
	}
	*vmap = vma;
	vma->vm_flags = vm_flags;
	record_vma_flags(vma);
	vma->vm_page_prot = vma_page_prot(vma);
	change_protection(vma, start, end, vma->vm_page_prot, stale);
	if ((old_flags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && (vm_flags & VM_WRITE))
		populate_vma(vma, start, end);
	vm_stat_kind(vma->vm_mm, old_flags, -(long)pages);
	vm_stat_kind(vma->vm_mm, vm_flags, (long)pages);
	return 0;
}

/* The first VMA of the range, whose start PROT_GROWSDOWN moves. ERR_PTR as mprotect's errno. */
static struct vm_area_struct *first_vma(struct mm_struct *mm, unsigned long *start,
					unsigned long end, unsigned long grows)
{
	struct vm_area_struct *vma = find_vma(mm, *start);

	if (!vma)
		return ERR_PTR(-ENOMEM);
	if (grows & PROT_GROWSDOWN) {
		if (vma->vm_start >= end)
			return ERR_PTR(-ENOMEM);
		*start = vma->vm_start;
		return vma->vm_flags & VM_GROWSDOWN ? vma : ERR_PTR(-EINVAL);
	}
	if (vma->vm_start > *start)
		return ERR_PTR(-ENOMEM);
	return grows & PROT_GROWSUP ? ERR_PTR(-EINVAL) : vma; /* nothing grows up on x86 */
}

static int protect_range(struct mm_struct *mm, unsigned long start, unsigned long end,
			 unsigned long prot, unsigned long grows, struct stale_range *stale)
{
	struct vm_area_struct *vma = first_vma(mm, &start, end, grows);
	int err;

	if (IS_ERR(vma))
		return (int)PTR_ERR(vma);
	for (;;) {
		unsigned long stop = min(vma->vm_end, end);
		unsigned long vm_flags =
			(vma->vm_flags & ~VM_ACCESS_FLAGS) | (prot & VM_ACCESS_FLAGS);

		/* VM_MAY* stand four bits above what they allow. */
		if (vm_flags & ~(vm_flags >> 4) & VM_ACCESS_FLAGS)
			return -EACCES;
		err = mprotect_fixup(&vma, start, stop, vm_flags, stale);
		if (err)
			return err;
		/*
		 * A merge may have gone beyond what was asked for: that part had these rights
		 * already.
		 */
		start = max(stop, vma->vm_end);
		if (start >= end)
			return 0;
		vma = vma_next(vma);
		if (!vma || vma->vm_start != start)
			return -ENOMEM;
	}
}

long sys_mprotect(unsigned long start, size_t len, unsigned long prot)
{
	unsigned long grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP), end;
	struct stale_range stale = { 0, 0 };
	struct mm_struct *mm = current->mm;
	int err;

	prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (start & ~PAGE_MASK))
		return -EINVAL;
	if (!len)
		return 0;
	end = start + PAGE_ALIGN(len);
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	if (prot & PROT_READ && current->personality & READ_IMPLIES_EXEC)
		prot |= PROT_EXEC;
	mmap_write_lock(mm);
	err = protect_range(mm, start, end, prot, grows, &stale);
	/*
	 * Once for all VMAs. Until now a CPU may have written where it should not any more, but nobody
	 * was told so: mprotect() has not returned, and an entry without the right to write keeps
	 * the dirty bit that such a store needs, so reclaim and writeback do not miss it.
	 */
	flush_stale_range(mm, &stale);
	mmap_write_unlock(mm);
	return err;
}
