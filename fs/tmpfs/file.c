/* SPDX-License-Identifier: MIT */
/* Tmpfs: regular files. Reading and writing go through the page cache, as for a disk's files. */
#include "fs/tmpfs/tmpfs.h"

#include "fs/names.h"
#include "fs/perm.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/fault/fault.h"

/*
 * The first store to a page moves the file's times, as on Linux; of later ones nobody hears. Shared
 * memory without a name, whose times nobody sees, has shmem_vm_ops.
 */
static vm_fault_t tmpfs_fault(struct vm_fault *vmf)
{
	vm_fault_t verdict = shmem_fault(vmf);
	const struct vm_area_struct *vma = vmf->vma;

	if (verdict & VM_FAULT_LOCKED && vmf->flags & FAULT_FLAG_WRITE && vma->vm_flags & VM_SHARED)
		file_update_time(vma->vm_file->f_inode);
	return verdict;
}

static const struct vm_operations_struct tmpfs_vm_ops = {
	.name = "tmpfs file",
	.fault = tmpfs_fault,
	.map_pages = shmem_map_pages,
};

static int tmpfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = shmem_mmap(file, vma);

	touch_atime(file->f_inode);
	vma->vm_ops = &tmpfs_vm_ops;
	return err;
}

static int tmpfs_fsync(struct file *file, bool datasync)
{
	return 0;
}

static loff_t tmpfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file->f_inode;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek_size(file, offset, whence, inode->i_size);
	inode_lock(inode);
	if (offset < 0 || offset >= inode->i_size) {
		offset = -ENXIO;
	} else {
		offset = shmem_seek(&inode->i_data, offset, inode->i_size, whence == SEEK_DATA);
		if (whence == SEEK_DATA && offset == inode->i_size)
			offset = -ENXIO;
	}
	if (offset >= 0)
		file->f_pos = offset;
	inode_unlock(inode);
	return offset;
}

/* i_rwsem held. */
static int tmpfs_truncate(struct inode *inode, loff_t size)
{
	unsigned int seals = TMPFS_I(inode)->shmem.seals;
	loff_t old = inode->i_size;
	int err;

	if ((size < old && seals & F_SEAL_SHRINK) || (size > old && seals & F_SEAL_GROW))
		return -EPERM;
	if (size > old) {
		inode->i_size = size;
		return 0;
	}
	err = truncate_page_tail(&inode->i_data, size);
	if (err)
		return err;
	inode->i_size = size;
	truncate_pagecache(&inode->i_data,
			   size); /* also of the same size: what was allocated behind */
	return 0;
}

static int punch_hole(struct inode *inode, loff_t from, loff_t to)
{
	loff_t first = ALIGN(from, (loff_t)PAGE_SIZE), end = ALIGN_DOWN(to, (loff_t)PAGE_SIZE);
	int err = 0;

	if (from < min(first, to))
		err = shmem_zero_part(&inode->i_data, (pgoff_t)from >> PAGE_SHIFT,
				      (unsigned int)from & ~PAGE_MASK,
				      (unsigned int)(min(first, to) - 1) % PAGE_SIZE + 1);
	if (!err && end >= first && end < to)
		err = shmem_zero_part(&inode->i_data, (pgoff_t)end >> PAGE_SHIFT, 0,
				      (unsigned int)(to - end));
	if (!err && end > first)
		truncate_pagecache_range(&inode->i_data, (pgoff_t)first >> PAGE_SHIFT,
					 ((pgoff_t)end >> PAGE_SHIFT) - 1);
	return err;
}

long tmpfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file->f_inode;
	unsigned int seals;
	loff_t end = offset + len;
	long err = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	inode_lock(inode);
	seals = TMPFS_I(inode)->shmem.seals;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		err = seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ? -EPERM :
								     punch_hole(inode, offset, end);
	} else {
		bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && end > inode->i_size;

		err = check_new_size(inode, end);
		if (!err && grows && seals & F_SEAL_GROW)
			err = -EPERM;
		if (!err)
			err = shmem_allocate(&inode->i_data, (pgoff_t)offset >> PAGE_SHIFT,
					     PFN_UP((u64)end));
		if (!err && grows)
			inode->i_size = end;
	}
	if (!err) {
		if (!capable(CAP_FSETID))
			inode->i_mode = without_suid(inode);
		file_update_time(inode);
	}
	inode_unlock(inode);
	return err;
}

const struct file_operations tmpfs_file_fops = {
	.name = "tmpfs file",
	.read = generic_file_read,
	.write = generic_file_write,
	.write_kernel = generic_file_write_kernel,
	.llseek = tmpfs_llseek,
	.mmap = tmpfs_mmap,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
};

const struct inode_operations tmpfs_file_iops = {
	.name = "tmpfs file",
	.truncate = tmpfs_truncate,
};
