/* SPDX-License-Identifier: MIT */
/* The heap: one anonymous mapping at start_brk that brk() makes longer and shorter. */
#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/space/mman.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/vma.h"

#define VM_DATA_FLAGS (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/* May there be a mapping at [addr, addr + len)? 0 or -errno. */
static int check_brk_limits(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	unsigned long mapped = get_unmapped_area(mm, addr, len, MAP_FIXED);

	if (IS_ERR_VALUE(mapped))
		return (int)mapped;
	return mlock_future_check(mm, mm->def_flags, len);
}

/*
 * Anonymous memory at the free range: part of the VMA below if that may grow, else a VMA of its
 * own. A VMA that ends at @lowest does not count: the heap does not grow out of the program's
 * bss. 0 or -ENOMEM.
 */
static int do_brk(struct mm_struct *mm, unsigned long addr, unsigned long len,
		  unsigned long vm_flags, unsigned long lowest)
{
	unsigned long exec = current->personality & READ_IMPLIES_EXEC ? VM_EXEC : 0;
	const struct vma_range range = {
		.mm = mm,
		.start = addr,
		.end = addr + len,
		.vm_flags = vm_flags | exec | VM_DATA_FLAGS | VM_ACCOUNT | mm->def_flags,
		.pgoff = addr >> PAGE_SHIFT,
	};
	unsigned long pages = len >> PAGE_SHIFT;
	struct vm_area_struct *vma, *prev;

	if (!may_expand_vm(mm, range.vm_flags, pages) || mm->map_count > sysctl_max_map_count ||
	    vm_enough_memory(pages))
		return -ENOMEM;
	find_vma_prev(mm, addr, &prev);
	if (prev && prev->vm_end > lowest && can_vma_merge_after(prev, &range)) {
		vma_set_bounds(prev, prev->vm_start, range.end);
	} else {
		vma = vm_area_alloc(mm);
		if (!vma) {
			vm_unacct_memory(pages);
			return -ENOMEM;
		}
		vma->vm_start = addr;
		vma->vm_end = range.end;
		vma->vm_flags = range.vm_flags;
		vma->vm_page_prot = vm_get_page_prot(range.vm_flags);
		vma->vm_pgoff = range.pgoff;
		vma_link(mm, vma, prev);
	}
	vm_stat_account(mm, range.vm_flags, (long)pages);
	if (range.vm_flags & VM_LOCKED)
		mm->locked_vm += pages;
	return 0;
}

int vm_brk_flags(unsigned long addr, unsigned long request, unsigned long vm_flags)
{
	unsigned long len = PAGE_ALIGN(request);
	struct mm_struct *mm = current->mm;
	int err;

	if (len < request)
		return -ENOMEM;
	if (!len)
		return 0;
	if (vm_flags & ~VM_EXEC)
		return -EINVAL;
	mmap_write_lock(mm);
	err = check_brk_limits(mm, addr, len);
	if (!err)
		err = do_munmap(mm, addr, len);
	if (!err)
		err = do_brk(mm, addr, len, vm_flags, 0);
	mmap_write_unlock(mm);
	if (!err && (mm->def_flags & VM_LOCKED))
		mm_populate(addr, len);
	return err;
}

/* RLIMIT_DATA counts the initialised data of the program too. */
static bool over_data_limit(const struct mm_struct *mm, unsigned long brk)
{
	return mm->rlim_data != ~0UL &&
	       brk - mm->start_brk + (mm->end_data - mm->start_data) > mm->rlim_data;
}

static int grow_brk(struct mm_struct *mm, unsigned long old, unsigned long new)
{
	struct vm_area_struct *next;

	if (check_brk_limits(mm, old, new - old))
		return -ENOMEM;
	next = find_vma(mm, old);
	if (next && new + PAGE_SIZE > vm_start_gap(next))
		return -ENOMEM;
	return do_brk(mm, old, new - old, 0, mm->start_brk);
}

static int shrink_brk(struct mm_struct *mm, unsigned long new, unsigned long old)
{
	struct vm_area_struct *vma = find_vma(mm, new);

	if (!vma || vma->vm_start >= old)
		return -ENOMEM;
	return do_munmap(mm, new, old - new);
}

long sys_brk(unsigned long brk)
{
	struct mm_struct *mm = current->mm;
	unsigned long old, new = PAGE_ALIGN(brk), grown = 0;
	int err = 0;

	mmap_write_lock(mm);
	old = PAGE_ALIGN(mm->brk);
	if (brk < mm->start_brk || brk > TASK_SIZE || over_data_limit(mm, brk)) {
		err = -ENOMEM;
	} else if (new > old) {
		err = grow_brk(mm, old, new);
		if (!err && (mm->def_flags & VM_LOCKED))
			grown = new - old;
	} else if (new < old) {
		err = shrink_brk(mm, new, old);
	}
	if (!err)
		mm->brk = brk;
	brk = mm->brk;
	mmap_write_unlock(mm);
	if (grown)
		mm_populate(old, grown);
	return (long)brk; /* no errno: who asked sees that nothing moved */
}
