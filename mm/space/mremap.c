/* SPDX-License-Identifier: MIT */
/*
 * mremap: make a mapping longer or shorter, in place or somewhere else, with its pages. Checks in
 * the order of Linux 6.1: one VMA at a time (later kernels move several).
 */
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/space/mman.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"
#include "mm/space/vma_lock.h"

/* One call in flight. mmap_lock is held for writing from the first use to the last. */
struct mremap {
	struct mm_struct *mm;
	unsigned long addr, old_len, new_addr, new_len, flags;
	bool locked; /* the result is VM_LOCKED: what was added wants populating */
};

/* The VMA that may be resized as asked, or ERR_PTR. */
static struct vm_area_struct *vma_to_resize(const struct mremap *req)
{
	struct vm_area_struct *vma = vma_lookup(req->mm, req->addr);
	pgoff_t pgoff;

	if (!vma)
		return ERR_PTR(-EFAULT);
	/* old_len 0 duplicates a shared mapping; of a private one there is nothing to share. */
	if (!req->old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return ERR_PTR(-EINVAL);
	if ((req->flags & MREMAP_DONTUNMAP) && (vma->vm_flags & VM_DONTEXPAND))
		return ERR_PTR(-EINVAL);
	if (req->old_len > vma->vm_end - req->addr)
		return ERR_PTR(-EFAULT);
	if (req->new_len == req->old_len)
		return vma;
	pgoff = linear_page_index(vma, req->addr);
	if (pgoff + (req->new_len >> PAGE_SHIFT) < pgoff)
		return ERR_PTR(-EINVAL);
	if (vma->vm_flags & VM_DONTEXPAND)
		return ERR_PTR(-EFAULT);
	if (req->new_len > req->old_len) {
		if (mlock_future_check(req->mm, vma->vm_flags, req->new_len - req->old_len))
			return ERR_PTR(-EAGAIN);
		if (!may_expand_vm(req->mm, vma->vm_flags,
				   (req->new_len - req->old_len) >> PAGE_SHIFT))
			return ERR_PTR(-ENOMEM);
	}
	return vma;
}

/*
 * A VMA at the new place for the pages that will come from @vma; merged with its neighbours there
 * if they allow it. NULL: out of memory. @vma itself may be one of those: look it up again.
 */
static struct vm_area_struct *copy_vma(const struct mremap *req, struct vm_area_struct *vma)
{
	struct vma_range range = range_like(vma, req->addr, req->addr + req->new_len);
	struct vm_area_struct *prev, *next, *copy;

	range.start = req->new_addr;
	range.end = req->new_addr + req->new_len;
	/* Without pages nothing binds anonymous memory to its old place: fresh pgoffs merge. */
	if (vma_is_anonymous(vma) && !vma->anon_vma)
		range.pgoff = req->new_addr >> PAGE_SHIFT;
	next = find_vma_prev(req->mm, req->new_addr, &prev);
	/*
	 * What DONTUNMAP leaves behind and what it moves do not become one, as on Linux, unless the
	 * old range is about to be parted from it by losing its lock.
	 */
	if (!(req->flags & MREMAP_DONTUNMAP) || (prev != vma && next != vma) ||
	    (vma->vm_flags & VM_LOCKED)) {
		copy = vma_merge(&range, prev, next, false);
		if (copy)
			return copy;
	}
	copy = vm_area_dup(vma);
	if (!copy)
		return NULL;
	copy->vm_start = range.start;
	copy->vm_end = range.end;
	copy->vm_pgoff = range.pgoff;
	if (copy->vm_ops && copy->vm_ops->open)
		copy->vm_ops->open(copy);
	vma_link(req->mm, copy, prev);
	return copy;
}

/*
 * Unmap the old range without giving its promise back (the new range has it): VM_ACCOUNT is hidden
 * from munmap and restored on what stays of the VMA on either side.
 */
static void unmap_moved(struct mm_struct *mm, unsigned long addr, unsigned long len, bool accounted)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr), *below = NULL, *above = NULL;
	unsigned long end = addr + len;

	if (!vma || !len)
		return;
	vma_start_write(vma);
	if (accounted)
		vma->vm_flags &= ~VM_ACCOUNT;
	if (vma->vm_start < addr)
		below = vma;
	if (vma->vm_end > end)
		above = vma;
	if (do_munmap(mm, addr, len)) {
		/* No memory to split: the VMA stays whole, with its flag, promised twice. */
		above = NULL;
		if (accounted)
			add_committed((long)(len >> PAGE_SHIFT));
	} else if (above) {
		above = vma_lookup(mm, end);
	}
	if (accounted && below)
		below->vm_flags |= VM_ACCOUNT;
	if (accounted && above)
		above->vm_flags |= VM_ACCOUNT;
}

/* MREMAP_DONTUNMAP: the old range stays, empty, and not locked any more. */
static void keep_emptied(const struct mremap *req, struct vm_area_struct *vma,
			 struct vm_area_struct *copy)
{
	if (vma->vm_flags & VM_LOCKED) {
		/* Only split: Linux does not merge here, even where it could. */
		if (vma_carve(vma, req->addr, req->addr + req->old_len))
			req->mm->locked_vm -= vma_pages(vma); /* no memory: all is unlocked */
		else
			req->mm->locked_vm -= req->old_len >> PAGE_SHIFT;
		vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
		record_vma_flags(vma);
		mlock_pages(vma, vma->vm_start, vma->vm_end);
	}
	if (copy != vma && vma->vm_start == req->addr && vma->vm_end == req->addr + req->old_len) {
		vma_unlink_rmap(vma);
		unlink_anon_vma(vma);
		rmap_lock(vma_mapping(vma), NULL);
		rmap_insert(vma);
		rmap_unlock(vma_mapping(vma), NULL);
	}
}

/* Move to new_addr, where the range is free. The address or -errno. */
static unsigned long move_vma(struct mremap *req, struct vm_area_struct *vma)
{
	unsigned long vm_flags = vma->vm_flags, new_pages = req->new_len >> PAGE_SHIFT, moved;
	unsigned long kept = req->flags & MREMAP_DONTUNMAP ? 0 : req->old_len >> PAGE_SHIFT;
	unsigned long more = new_pages - kept;
	struct mm_struct *mm = req->mm;
	struct vm_area_struct *copy;

	if (vma_stays_whole(vma) && req->old_len != vma->vm_end - vma->vm_start)
		return (unsigned long)-EINVAL;
	/* Unmapping may make three VMAs of one: have room for that before anything is done. */
	if (mm->map_count >= sysctl_max_map_count - 3)
		return (unsigned long)-ENOMEM;
	if ((vm_flags & VM_ACCOUNT) && vm_enough_memory(more))
		return (unsigned long)-ENOMEM;
	copy = copy_vma(req, vma);
	if (!copy) {
		if (vm_flags & VM_ACCOUNT)
			vm_unacct_memory(more);
		return (unsigned long)-ENOMEM;
	}
	vm_stat_account(mm, vm_flags, (long)new_pages);
	if (vm_flags & VM_LOCKED)
		mm->locked_vm += new_pages;
	vma = vma_lookup(mm, req->addr);
	vma_start_write(vma); /* as @copy is */
	moved = move_page_tables(vma, req->addr, copy, req->new_addr, req->old_len);
	if (moved < req->old_len) {
		/* The tables of the old range are still there: the way back needs no memory. */
		move_page_tables(copy, req->new_addr, vma, req->addr, moved);
		unmap_moved(mm, req->new_addr, req->new_len, false);
		/* munmap gave new_pages back, but promised were only @more. */
		if (vm_flags & VM_ACCOUNT)
			add_committed((long)kept);
		return (unsigned long)-ENOMEM;
	}
	req->locked = vm_flags & VM_LOCKED;
	if (req->flags & MREMAP_DONTUNMAP)
		keep_emptied(req, vma, copy);
	else
		unmap_moved(mm, req->addr, req->old_len, vm_flags & VM_ACCOUNT);
	return req->new_addr;
}

/* MREMAP_FIXED or MREMAP_DONTUNMAP: the new place is the caller's (or its hint). */
static unsigned long mremap_to(struct mremap *req)
{
	struct vm_area_struct *vma;
	unsigned long place;
	int err;

	if ((req->new_addr & ~PAGE_MASK) || req->new_len > TASK_SIZE ||
	    req->new_addr > TASK_SIZE - req->new_len)
		return (unsigned long)-EINVAL;
	if (req->addr + req->old_len > req->new_addr && req->new_addr + req->new_len > req->addr)
		return (unsigned long)-EINVAL;
	/* Worst case two unmaps in the middle, before move_vma() wants its three. */
	if (req->mm->map_count + 2 >= sysctl_max_map_count - 3)
		return (unsigned long)-ENOMEM;
	if (req->flags & MREMAP_FIXED) {
		err = do_munmap(req->mm, req->new_addr, req->new_len);
		if (err)
			return (unsigned long)err;
	}
	if (req->old_len > req->new_len) {
		err = do_munmap(req->mm, req->addr + req->new_len, req->old_len - req->new_len);
		if (err)
			return (unsigned long)err;
		req->old_len = req->new_len;
	}
	vma = vma_to_resize(req);
	if (IS_ERR(vma))
		return (unsigned long)PTR_ERR(vma);
	if ((req->flags & MREMAP_DONTUNMAP) &&
	    !may_expand_vm(req->mm, vma->vm_flags, req->old_len >> PAGE_SHIFT))
		return (unsigned long)-ENOMEM;
	place = get_unmapped_area(req->mm, req->new_addr, req->new_len,
				  req->flags & MREMAP_FIXED ? MAP_FIXED : 0);
	if (IS_ERR_VALUE(place))
		return place;
	req->new_addr = place;
	return move_vma(req, vma);
}

/* Is the space right above @vma free for @more bytes? (A stack's guard gap does not count here.) */
static bool vma_expandable(struct vm_area_struct *vma, unsigned long more)
{
	unsigned long end = vma->vm_end + more;

	return end > vma->vm_end && end <= TASK_SIZE &&
	       !find_vma_intersection(vma->vm_mm, vma->vm_end, end);
}

/*
 * Grow at the VMA's end, taking in the VMA above if that becomes a neighbour and agrees. 0 or
 * -ENOMEM.
 */
static int grow_in_place(struct mremap *req, struct vm_area_struct *vma)
{
	const struct vma_range range = range_like(vma, vma->vm_end, req->addr + req->new_len);
	unsigned long pages = (range.end - range.start) >> PAGE_SHIFT;

	if ((vma->vm_flags & VM_ACCOUNT) && vm_enough_memory(pages))
		return -ENOMEM;
	if (vma->vm_ops && vma->vm_ops->close) /* such never merge, but may grow */
		vma_set_bounds(vma, vma->vm_start, range.end);
	else
		vma_merge(&range, vma, vma_next(vma), false); /* at least @vma itself takes it */
	vm_stat_account(req->mm, range.vm_flags, (long)pages);
	if (range.vm_flags & VM_LOCKED) {
		req->mm->locked_vm += pages;
		req->locked = true;
	}
	req->new_addr = req->addr;
	return 0;
}

static unsigned long do_mremap(struct mremap *req)
{
	struct vm_area_struct *vma = vma_lookup(req->mm, req->addr);
	int err;

	if (!vma)
		return (unsigned long)-EFAULT;
	if (req->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return mremap_to(req);
	if (req->old_len >= req->new_len) {
		err = 0;
		if (req->old_len > req->new_len)
			err = do_munmap(req->mm, req->addr + req->new_len,
					req->old_len - req->new_len);
		return err ? (unsigned long)err : req->addr;
	}
	vma = vma_to_resize(req);
	if (IS_ERR(vma))
		return (unsigned long)PTR_ERR(vma);
	if (req->old_len == vma->vm_end - req->addr &&
	    vma_expandable(vma, req->new_len - req->old_len)) {
		err = grow_in_place(req, vma);
		return err ? (unsigned long)err : req->addr;
	}
	if (!(req->flags & MREMAP_MAYMOVE))
		return (unsigned long)-ENOMEM;
	req->new_addr = get_unmapped_area(req->mm, 0, req->new_len, 0);
	return IS_ERR_VALUE(req->new_addr) ? req->new_addr : move_vma(req, vma);
}

long sys_mremap(unsigned long addr, unsigned long old_len, unsigned long new_len,
		unsigned long flags, unsigned long new_addr)
{
	struct mremap req = { current->mm, addr, PAGE_ALIGN(old_len), new_addr, PAGE_ALIGN(new_len),
			      flags,       false };
	unsigned long ret;

	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || old_len != new_len))
		return -EINVAL;
	if ((addr & ~PAGE_MASK) || !req.new_len)
		return -EINVAL;
	mmap_write_lock(req.mm);
	ret = do_mremap(&req);
	mmap_write_unlock(req.mm);
	if (!IS_ERR_VALUE(ret) && req.locked && req.new_len > req.old_len)
		mm_populate(ret + req.old_len, req.new_len - req.old_len);
	return (long)ret;
}
