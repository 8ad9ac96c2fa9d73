/* SPDX-License-Identifier: MIT */
/* Memory-only files on the software machine: all that fs/tmpfs has an inode for. */
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/frame/slab.h"
#include "tests/host/internal.h"

struct host_shmem {
	struct file file;
	struct address_space mapping;
	struct shmem shmem;
	loff_t size;
};

static void shmem_release(struct file *file)
{
	struct host_shmem *object = container_of(file, struct host_shmem, file);

	truncate_inode_pages(&object->mapping);
	shmem_destroy(&object->shmem);
}

static long shmem_punch(struct file *file, int mode, loff_t offset, loff_t len)
{
	(void)mode;
	truncate_pagecache_range(file->f_mapping, (pgoff_t)offset >> PAGE_SHIFT,
				 ((pgoff_t)(offset + len) >> PAGE_SHIFT) - 1);
	return 0;
}

static const struct file_operations shmem_fops = {
	.fallocate = shmem_punch,
	.name = "shmem",
	.mmap = shmem_mmap,
	.release = shmem_release,
};

struct file *shmem_file_setup(const char *name, loff_t size, unsigned long vm_flags)
{
	struct host_shmem *object = kzalloc(sizeof(*object), GFP_KERNEL);
	unsigned long reserved = vm_flags & VM_NORESERVE ? 0 : PFN_UP((u64)size);

	(void)name;
	if (!object)
		return ERR_PTR(-ENOMEM);
	object->size = size;
	address_space_init(&object->mapping, NULL, NULL, &object->size);
	if (shmem_init_mapping(&object->shmem, &object->mapping, NULL, reserved)) {
		kfree(object);
		return ERR_PTR(-ENOMEM);
	}
	atomic_set(&object->file.f_count, 1);
	object->file.f_mode = FMODE_READ | FMODE_WRITE;
	object->file.f_op = &shmem_fops;
	object->file.f_mapping = &object->mapping;
	return &object->file;
}

