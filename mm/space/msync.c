/* SPDX-License-Identifier: MIT */
/*
 * msync: MS_SYNC puts what was written through shared mappings on the device. MS_ASYNC has
 * nothing to do: dirty pages are known from the moment they became writable, and the flusher
 * writes them.
 */
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/space/mman.h"
#include "mm/space/mm.h"
#include "mm/space/mmap_lock.h"

/* The file of a shared mapping; mmap_lock is given back for it and taken again. 0 or -errno. */
static int sync_file(struct mm_struct *mm, struct file *file)
{
	int err = 0;

	get_file(file);
	mmap_read_unlock(mm);
	if (file->f_op->fsync)
		err = file->f_op->fsync(file, true);
	fput(file);
	mmap_read_lock(mm);
	return err;
}

/* mmap_lock held. Unmapped parts do not stop the rest, but are told in the end. */
static int sync_range(struct mm_struct *mm, unsigned long start, unsigned long end, int flags)
{
	int err, unmapped = 0;

	do {
		struct vm_area_struct *vma = find_vma(mm, start);

		if (!vma)
			return -ENOMEM;
		if (start < vma->vm_start) {
			unmapped = -ENOMEM;
			if (flags == MS_ASYNC || vma->vm_start >= end)
				return -ENOMEM;
		}
		if ((flags & MS_INVALIDATE) && (vma->vm_flags & VM_LOCKED))
			return -EBUSY;
		start = vma->vm_end;
		if ((flags & MS_SYNC) && vma->vm_file && (vma->vm_flags & VM_SHARED)) {
			err = sync_file(mm, vma->vm_file);
			if (err)
				return err;
		}
	} while (start < end);
	return unmapped;
}

long sys_msync(unsigned long start, size_t len, int flags)
{
	struct mm_struct *mm = current->mm;
	unsigned long end = start + PAGE_ALIGN(len);
	int err;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	if ((start & ~PAGE_MASK) || ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (end < start)
		return -ENOMEM;
	if (end == start)
		return 0;
	mmap_read_lock(mm);
	err = sync_range(mm, start, end, flags);
	mmap_read_unlock(mm);
	return err;
}
