/* SPDX-License-Identifier: MIT */
/* Memory-only files as a whole: what they promise, who maps them, where they have holes, birth and death. */
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"

static const struct address_space_operations shmem_aops = { .name = "shmem" };

/* --- what is promised --- */
atomic_long_t shmem_committed;

static bool promise(unsigned long pages)
{
	if (vm_enough_memory(pages))
		return false;
	atomic_long_add((long)pages, &shmem_committed);
	return true;
}

static void take_back(unsigned long pages)
{
	atomic_long_sub((long)pages, &shmem_committed);
	vm_unacct_memory(pages);
}

bool shmem_charge(struct shmem *shmem)
{
	struct shmem_limit *limit = shmem->limit;
	long max;

	if (!shmem->reserved && !promise(1))
		return false;
	if (!limit)
		return true;
	max = READ_ONCE(limit->max);
	if (atomic_long_inc_return(&limit->used) <= max || !max)
		return true;
	shmem_uncharge(shmem, 1);
	return false;
}

void shmem_uncharge(struct shmem *shmem, unsigned long pages)
{
	if (!shmem->reserved)
		take_back(pages);
	if (shmem->limit)
		atomic_long_sub((long)pages, &shmem->limit->used);
}

/* --- mapping and seals --- */
int shmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct address_space *mapping = file->f_mapping;
	struct shmem *shmem = mapping->shmem;
	int err = 0;

	vma->vm_ops = &shmem_vm_ops;
	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	down_write(&mapping->i_mmap_rwsem);
	if (!(shmem->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		shmem->being_mapped++;
	else if (vma->vm_flags & VM_WRITE)
		err = -EPERM;
	else /* never to be written, like one of a file that is open to read only */
		vma->vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	up_write(&mapping->i_mmap_rwsem);
	return err;
}

void shmem_mmap_done(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;

	if (!(vma->vm_flags & VM_SHARED) || !mapping || !mapping->shmem)
		return;
	down_write(&mapping->i_mmap_rwsem);
	mapping->shmem->being_mapped--;
	up_write(&mapping->i_mmap_rwsem);
}

int shmem_add_seals(struct shmem *shmem, unsigned int seals)
{
	struct address_space *mapping = shmem->mapping;
	int err = 0;

	down_write(&mapping->i_mmap_rwsem);
	if (shmem->seals & F_SEAL_SEAL)
		err = -EPERM;
	else if (seals & ~shmem->seals & F_SEAL_WRITE &&
		 (mapping->i_mmap_writable || shmem->being_mapped))
		err = -EBUSY;
	else
		WRITE_ONCE(shmem->seals, shmem->seals | seals);
	up_write(&mapping->i_mmap_rwsem);
	return err;
}

/* --- what is where --- */
unsigned long shmem_blocks(const struct address_space *mapping)
{
	return (mapping->nrpages + READ_ONCE(mapping->shmem->swapped)) << (PAGE_SHIFT - 9);
}

/* The next value at or after *@index, up to @last; NULL: none is left. */
static void *find_value(struct address_space *mapping, pgoff_t *index, pgoff_t last)
{
	void *entry;

	spin_lock(&mapping->tree_lock);
	entry = xa_find(&mapping->i_pages, index, last);
	while (entry && !xa_is_value(entry))
		entry = xa_find_after(&mapping->i_pages, index, last);
	spin_unlock(&mapping->tree_lock);
	return entry;
}

unsigned long shmem_swap_usage(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	unsigned long swapped = 0;

	if (!READ_ONCE(mapping->shmem->swapped))
		return 0;
	for (; find_value(mapping, &first, last); first++)
		swapped++;
	return swapped;
}

void shmem_willneed(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	struct page *page;
	void *entry;
	bool major;

	for (; (entry = find_value(mapping, &first, last)); first++) {
		page = swapin_readahead(value_to_swp(entry), &major);
		if (page)
			put_page(page);
		if (fatal_signal_pending(current))
			return;
		cond_resched();
	}
}

loff_t shmem_seek(struct address_space *mapping, loff_t pos, loff_t size, bool data)
{
	pgoff_t index = (pgoff_t)pos >> PAGE_SHIFT, found = index;
	pgoff_t end = PFN_UP((u64)size);

	spin_lock(&mapping->tree_lock);
	if (!data)
		while (found < end && xa_load(&mapping->i_pages, found))
			found++;
	else if (!xa_find(&mapping->i_pages, &found, end))
		found = end;
	spin_unlock(&mapping->tree_lock);
	return found == index ? pos : min((loff_t)(found << PAGE_SHIFT), size);
}

/* --- life --- */
int shmem_init_mapping(struct shmem *shmem, struct address_space *mapping,
		       struct shmem_limit *limit, unsigned long reserved)
{
	if (reserved && !promise(reserved))
		return -ENOMEM;
	*shmem = (struct shmem){
		.mapping = mapping, .limit = limit, .reserved = reserved, .seals = F_SEAL_SEAL
	};
	INIT_LIST_HEAD(&shmem->swaplist);
	mapping->a_ops = &shmem_aops;
	mapping->shmem = shmem;
	return 0;
}

void shmem_destroy(struct shmem *shmem)
{
	ASSERT(!shmem->swapped && !shmem->mapping->nrpages);
	if (shmem->reserved)
		take_back(shmem->reserved);
	if (!list_empty(&shmem->swaplist))
		shmem_leave_swaplist(shmem);
}

int shmem_zero_setup(struct vm_area_struct *vma)
{
	struct file *file =
		shmem_file_setup("dev/zero", (loff_t)(vma->vm_end - vma->vm_start), vma->vm_flags);
	struct file *before = vma->vm_file;

	if (IS_ERR(file))
		return -ENOMEM;
	vma->vm_file = file;
	if (before)
		fput(before);
	return shmem_mmap(file, vma);
}
