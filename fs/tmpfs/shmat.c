/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory, mapped. A VMA of a segment has an open file of its own, which leads to the segment, and
 * counts as an attach.
 */
#include "fs/syscalls.h"
#include "fs/tmpfs/sysv.h"
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/space/mmap_lock.h"

static void shm_open(struct vm_area_struct *vma)
{
	shm_attached(vma->vm_file->private_data);
}

static void shm_close(struct vm_area_struct *vma)
{
	shm_detached(vma->vm_file->private_data);
}

static const struct vm_operations_struct shm_vm_ops = {
	.name = "SysV shm",
	.fault = shmem_fault,
	.map_pages = shmem_map_pages,
	.open = shm_open,
	.close = shm_close,
};

static int shm_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = shmem_mmap(file, vma);

	if (!err) {
		vma->vm_ops = &shm_vm_ops;
		shm_attached(file->private_data);
	}
	return err;
}

static const struct file_operations shm_fops = {
	.name = "SysV shm",
	.mmap = shm_mmap,
	.fallocate = tmpfs_fallocate, /* madvise(2): MADV_REMOVE */
};

/* Where it is to go. 0 or -EINVAL. */
static int check_address(unsigned long *addr, int flags)
{
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (*addr & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		*addr &= PAGE_MASK;
		if (!*addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	return 0;
}

/* Another open file of the segment, which the caller holds. */
static long map_segment(struct segment *seg, unsigned long addr, bool fixed, int flags)
{
	unsigned long prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
			     (flags & SHM_EXEC ? PROT_EXEC : 0);
	struct file *file =
		dentry_open(seg->file->f_dentry, flags & SHM_RDONLY ? O_RDONLY : O_RDWR);
	unsigned long map_flags = MAP_SHARED | (fixed ? MAP_FIXED : 0), populate = 0;
	struct mm_struct *mm = current->mm;
	long result = -EINVAL;

	if (IS_ERR(file))
		return PTR_ERR(file);
	file->f_op = &shm_fops;
	file->private_data = seg;
	mmap_write_lock(mm);
	if (!fixed || flags & SHM_REMAP ||
	    (addr + seg->size >= addr && !find_vma_intersection(mm, addr, addr + seg->size)))
		result = (long)do_mmap(file, addr, seg->size, prot, map_flags, 0, &populate);
	mmap_write_unlock(mm);
	if (populate)
		mm_populate((unsigned long)result, populate);
	fput(file);
	return result;
}

long sys_shmat(int id, unsigned long addr, int flags)
{
	unsigned int want =
		0444u | (flags & SHM_RDONLY ? 0 : 0222u) | (flags & SHM_EXEC ? 0111u : 0);
	bool fixed = addr;
	long result = check_address(&addr, flags);
	struct segment *seg;

	if (id < 0)
		return -EINVAL;
	if (result)
		return result;
	seg = shm_hold(id, want);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	result = map_segment(seg, addr, fixed, flags);
	shm_release(seg);
	return result;
}

/* Is the VMA a part of what shmat(2) mapped at @addr, of @file (NULL: of any segment)? */
static bool attached_at(const struct vm_area_struct *vma, unsigned long addr,
			const struct file *file)
{
	return vma->vm_ops == &shm_vm_ops && (!file || vma->vm_file == file) &&
	       (vma->vm_start - addr) >> PAGE_SHIFT == vma->vm_pgoff;
}

/* mmap_lock held for writing. */
static long detach(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);
	unsigned long at, end;
	struct file *file;

	while (vma && !attached_at(vma, addr, NULL))
		vma = vma_next(vma);
	if (!vma)
		return -EINVAL;
	file = get_file(vma->vm_file);
	end = addr + PAGE_ALIGN((unsigned long)file->f_inode->i_size);
	for (; vma && vma->vm_end <= end; vma = find_vma(mm, at)) {
		at = vma->vm_end;
		if (attached_at(vma, addr, file))
			do_munmap(mm, vma->vm_start, vma->vm_end - vma->vm_start);
	}
	fput(file);
	return 0;
}

long sys_shmdt(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	long result;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	mmap_write_lock(mm);
	result = detach(mm, addr);
	mmap_write_unlock(mm);
	return result;
}
