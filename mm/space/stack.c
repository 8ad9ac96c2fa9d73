/* SPDX-License-Identifier: MIT */
/* Mappings that grow down on a fault below them: the stack. */
#include "lib/util.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"

#define VM_STACK_FLAGS \
	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_GROWSDOWN | VM_ACCOUNT)

/*
 * Limits on a stack that shall be @size bytes long, @grow pages more than now. Promises the
 * memory.
 */
static int acct_stack_growth(struct vm_area_struct *vma, unsigned long size, unsigned long grow)
{
	struct mm_struct *mm = vma->vm_mm;

	if (!may_expand_vm(mm, vma->vm_flags, grow) || size > mm->rlim_stack ||
	    mlock_future_check(mm, vma->vm_flags, grow << PAGE_SHIFT))
		return -ENOMEM;
	/* What was never promised will not be given back either: a stack nobody may write, say. */
	return vma->vm_flags & VM_ACCOUNT ? vm_enough_memory(grow) : 0;
}

int expand_stack(struct vm_area_struct *vma, unsigned long address)
{
	struct vm_area_struct *prev = vma_prev(vma);
	struct mm_struct *mm = vma->vm_mm;
	unsigned long grow;

	address &= PAGE_MASK;
	if (address < MMAP_MIN_ADDR)
		return -EPERM;
	if (address >= vma->vm_start)
		return 0; /* another thread was faster */
	if (!(vma->vm_flags & VM_GROWSDOWN) || (prev && address < prev->vm_end))
		return -ENOMEM;
	/* What cannot be accessed is a guard of the program's own making and needs no gap. */
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && vma_is_accessible(prev) &&
	    address - prev->vm_end < STACK_GUARD_GAP)
		return -ENOMEM;
	if (anon_vma_prepare(vma))
		return -ENOMEM;
	grow = (vma->vm_start - address) >> PAGE_SHIFT;
	if (grow > vma->vm_pgoff || acct_stack_growth(vma, vma->vm_end - address, grow))
		return -ENOMEM;
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += grow;
	vm_stat_account(mm, vma->vm_flags, (long)grow);
	vma_set_bounds(vma, address, vma->vm_end);
	return 0;
}

int setup_stack_vma(struct mm_struct *mm, unsigned long stack_top, unsigned long size,
		    bool executable)
{
	struct vm_area_struct *vma = vm_area_alloc(mm), *prev, *next;
	int err = -ENOMEM;

	if (!vma)
		return err;
	mmap_write_lock(mm);
	vma->vm_start = stack_top - size;
	vma->vm_end = stack_top;
	vma->vm_flags = VM_STACK_FLAGS | (executable ? VM_EXEC : 0) | mm->def_flags;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	vma->vm_pgoff = vma->vm_start >> PAGE_SHIFT;
	/* RLIMIT_STACK may be less than what exec needs; it stops growth from here on. */
	next = find_vma_prev(mm, vma->vm_start, &prev);
	if (!(next && next->vm_start < stack_top) &&
	    may_expand_vm(mm, vma->vm_flags, size >> PAGE_SHIFT))
		err = vm_enough_memory(size >> PAGE_SHIFT);
	if (err) {
		vm_area_free(vma);
	} else {
		vma_link(mm, vma, prev);
		vm_stat_account(mm, vma->vm_flags, (long)(size >> PAGE_SHIFT));
	}
	mmap_write_unlock(mm);
	return err;
}
