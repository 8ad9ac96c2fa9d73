/* SPDX-License-Identifier: MIT */
/*
 * Memory-only files. Their pages are made zeroed on first touch, live in a page cache that no
 * device backs, and die with the file; reclaim passes them by (AS_UNEVICTABLE).
 */
#include "mm/backing/shmem.h"

#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/fault/fault.h"
#include "mm/frame/slab.h"
#include "mm/stats.h"

struct shmem_object {
	struct file file;
	struct address_space mapping;
	loff_t size; /* bytes; constant */
};

static struct kmem_cache *shmem_cache;
static const struct address_space_operations shmem_aops = { .name = "shmem" };

static vm_fault_t shmem_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	struct page *page;

	if (((u64)vmf_pgoff(vmf) << PAGE_SHIFT) >= (u64)*mapping->i_size)
		return VM_FAULT_SIGBUS;
	page = find_or_create_page(mapping, vmf_pgoff(vmf));
	if (!page)
		return VM_FAULT_OOM;
	if (!PageUptodate(page)) {
		clear_page(page_address(page));
		SetPageUptodate(page);
		mod_node_stat(N_nr_shmem, 1);
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct shmem_vm_ops = {
	.name = "shmem",
	.fault = shmem_fault,
	.map_pages = filemap_map_pages,
};

static int shmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	(void)file;
	vma->vm_ops = &shmem_vm_ops;
	return 0;
}

static void shmem_release(struct file *file)
{
	truncate_inode_pages(file->f_mapping);
}

static const struct file_operations shmem_file_ops = {
	.name = "/dev/zero (deleted)",
	.mmap = shmem_mmap,
	.release = shmem_release,
};

struct file *shmem_file_setup(const char *name, loff_t size)
{
	struct shmem_object *object = kmem_cache_alloc(shmem_cache, GFP_KERNEL | __GFP_ZERO);

	(void)name;
	if (!object)
		return ERR_PTR(-ENOMEM);
	object->size = (loff_t)PAGE_ALIGN((u64)size);
	address_space_init(&object->mapping, NULL, &shmem_aops, &object->size);
	object->mapping.flags |= AS_UNEVICTABLE;
	atomic_set(&object->file.f_count, 1);
	object->file.f_mode = FMODE_READ | FMODE_WRITE;
	object->file.f_op = &shmem_file_ops;
	object->file.f_mapping = &object->mapping;
	return &object->file;
}

int shmem_zero_setup(struct vm_area_struct *vma)
{
	struct file *file = shmem_file_setup("dev/zero", (loff_t)(vma->vm_end - vma->vm_start));

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	if (vma->vm_file)
		fput(vma->vm_file);
	vma->vm_file = file;
	return file->f_op->mmap(file, vma);
}

void shmem_init(void)
{
	shmem_cache = kmem_cache_create("shmem", sizeof(struct shmem_object), 0);
}
