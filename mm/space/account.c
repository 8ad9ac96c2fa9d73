/* SPDX-License-Identifier: MIT */
/*
 * What an address space has been promised, and who says when that is too much: resource limits for
 * one process, the size of memory for all.
 */
#include "lib/errno.h"
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/space/vma.h"

atomic_long_t vm_committed_as;

static bool is_data_mapping(unsigned long vm_flags)
{
	return (vm_flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE;
}

void vm_stat_account(struct mm_struct *mm, unsigned long vm_flags, long pages)
{
	mm->total_vm += (unsigned long)pages;
	if (vm_flags & VM_STACK)
		mm->stack_vm += (unsigned long)pages;
	else if (is_data_mapping(vm_flags))
		mm->data_vm += (unsigned long)pages;
	else if ((vm_flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
		mm->exec_vm += (unsigned long)pages;
}

bool may_expand_vm(const struct mm_struct *mm, unsigned long vm_flags, unsigned long pages)
{
	if (mm->total_vm + pages > mm->rlim_as >> PAGE_SHIFT)
		return false;
	return !is_data_mapping(vm_flags) || mm->data_vm + pages <= mm->rlim_data >> PAGE_SHIFT;
}

/*
 * Linux's overcommit mode 0: promises may exceed what there is, since most are never claimed; only
 * a single one that could never be kept is refused.
 */
int vm_enough_memory(unsigned long pages)
{
	if (pages > totalram_pages() + total_swap_pages())
		return -ENOMEM;
	atomic_long_add((long)pages, &vm_committed_as);
	return 0;
}

void vm_unacct_memory(unsigned long pages)
{
	atomic_long_sub((long)pages, &vm_committed_as);
}

bool can_do_mlock(const struct mm_struct *mm)
{
	return mm->rlim_memlock != 0;
}

int mlock_future_check(const struct mm_struct *mm, unsigned long vm_flags, unsigned long len)
{
	if (!(vm_flags & VM_LOCKED))
		return 0;
	return mm->locked_vm + (len >> PAGE_SHIFT) > mm->rlim_memlock >> PAGE_SHIFT ? -EAGAIN : 0;
}
