/* SPDX-License-Identifier: MIT */
/*
 * The mapped side of the page cache: what a regular file's VMA does on a fault, and how a file's
 * pages are taken out of every map again when it shrinks.
 */
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "kernel/debug/race.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/fault/note.h"
#include "mm/reclaim/lru.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

const struct vm_operations_struct generic_file_vm_ops = {
	.name = "file",
	.fault = filemap_fault,
	.map_pages = filemap_map_pages,
	.page_mkwrite = filemap_page_mkwrite,
};

int generic_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	(void)file;
	vma->vm_ops = &generic_file_vm_ops;
	return 0;
}

/* Pages of the file: an access at or beyond this one is SIGBUS. */
static pgoff_t mapping_pages(const struct address_space *mapping)
{
	return (pgoff_t)(((u64)*mapping->i_size + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

/*
 * A mapped page was not in the cache: start reading it, and what madvise() says is worth reading
 * with it.
 */
static void mmap_readahead(struct file *file, unsigned long vm_flags, pgoff_t index)
{
	struct address_space *mapping = file->f_mapping;
	pgoff_t start = ALIGN_DOWN(index, (pgoff_t)RA_MAX_PAGES);

	if (vm_flags & VM_RAND_READ)
		force_page_cache_readahead(mapping, index, 1);
	else if (vm_flags & VM_SEQ_READ)
		page_cache_sync_readahead(mapping, &file->f_ra, index, RA_MAX_PAGES);
	else
		force_page_cache_readahead(mapping, start, RA_MAX_PAGES);
}

/*
 * Where the disk is asked, no lock is held that another fault or an mmap may need: the file keeps
 * itself, and what its VMA wants is noted before the lock goes. The page is waited for, but not kept.
 */
static noinline vm_fault_t read_unlocked(struct vm_fault *vmf, pgoff_t index)
{
	struct file *file = get_file(vmf->vma->vm_file);
	unsigned long vm_flags = vmf->vma->vm_flags;
	struct page *page;

	release_fault_lock(vmf);
	mmap_readahead(file, vm_flags, index);
	page = find_get_page(file->f_mapping, index);
	if (page) {
		wait_on_page_locked_killable(page);
		put_page(page);
	}
	fput(file);
	return VM_FAULT_RETRY | VM_FAULT_MAJOR;
}

/* The page that carries the mark of read-ahead was reached: start the next window. */
static noinline vm_fault_t read_ahead_unlocked(struct vm_fault *vmf, struct page *page,
					       pgoff_t index)
{
	struct file *file = get_file(vmf->vma->vm_file);

	release_fault_lock(vmf);
	page_cache_async_readahead(file->f_mapping, &file->f_ra, page, index);
	put_page(page);
	fput(file);
	return VM_FAULT_RETRY;
}

/* It is not in the cache: begin reading it, and what lies around. NULL: out of memory. */
static noinline struct page *fault_read_page(struct vm_fault *vmf, struct address_space *mapping,
					     pgoff_t index)
{
	struct page *page;

	mmap_readahead(vmf->vma->vm_file, vmf->vma->vm_flags, index);
	page = find_get_page(mapping, index);
	if (page)
		return page;
	page = find_or_create_page(mapping, index);
	if (page)
		unlock_page(page); /* not up to date: the caller reads it */
	return page;
}

/*
 * The locked page is not what it should be: truncated, or not read. It is let go of. 0: look again;
 * SIGBUS: the device cannot read it. *@tried: it was asked before.
 */
static noinline vm_fault_t fault_bad_page(struct page *page, struct address_space *mapping,
					  bool *tried)
{
	vm_fault_t verdict = 0;

	if (page->mapping != mapping) {
		unlock_page(page);
	} else if (*tried) {
		unlock_page(page);
		verdict = VM_FAULT_SIGBUS;
	} else {
		*tried = true;
		ClearPageError(page);
		mapping->a_ops->read_page(mapping, page);
		wait_on_page_locked(page);
	}
	put_page(page);
	return verdict;
}

vm_fault_t filemap_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	vm_fault_t major = 0, verdict;
	pgoff_t index = vmf_pgoff(vmf);
	bool tried = false;
	struct page *page;

	for (;;) {
		page = find_get_page(mapping, index);
		if (unlikely(!page)) {
			if (index >= mapping_pages(mapping))
				return VM_FAULT_SIGBUS;
			if (fault_may_wait_unlocked(vmf))
				return read_unlocked(vmf, index);
			major = VM_FAULT_MAJOR;
			page = fault_read_page(vmf, mapping, index);
			if (!page)
				return VM_FAULT_OOM;
		} else if (unlikely(PageReadahead(page)) && !major &&
			   !(vmf->vma->vm_flags & VM_RAND_READ)) {
			if (fault_may_wait_unlocked(vmf))
				return read_ahead_unlocked(vmf, page, index);
			page_cache_async_readahead(mapping, &vmf->vma->vm_file->f_ra, page, index);
		}
		race_point_may_sleep("file fault: page found, not locked");
		if (!fault_lock_page(vmf, page))
			return VM_FAULT_RETRY | VM_FAULT_MAJOR;
		if (likely(page->mapping == mapping && PageUptodate(page)))
			break;
		if (page->mapping == mapping)
			major = VM_FAULT_MAJOR;
		verdict = fault_bad_page(page, mapping, &tried);
		if (verdict)
			return verdict;
	}
	if (unlikely(index >= mapping_pages(mapping))) {
		unlock_page(page);
		put_page(page);
		return VM_FAULT_SIGBUS;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED | major;
}

/*
 * A locked page is being read or truncated; one with the mark starts read-ahead: these take the full
 * path.
 */
static __always_inline bool may_be_mapped(const struct page *page)
{
	const unsigned long bits = 1UL << PG_uptodate | 1UL << PG_locked | 1UL << PG_readahead;

	return (READ_ONCE(page->flags) & bits) == 1UL << PG_uptodate;
}

/* What stands around *@target, the entry of the fault, is told as it is now. */
static noinline void record_around(const struct vm_fault *vmf, const pte_t *target,
				   pgoff_t start_pgoff, pgoff_t end_pgoff)
{
	pgoff_t pgoff = vmf_pgoff(vmf);

	record_ptes(vmf->vma->vm_mm, TRACE_WHY_FAULT_AROUND,
		    vmf->address - ((pgoff - start_pgoff) << PAGE_SHIFT),
		    vmf->address + ((end_pgoff + 1 - pgoff) << PAGE_SHIFT),
		    target - (pgoff - start_pgoff));
}

/* @values: in the tree there may be swap entries, too. */
static __always_inline vm_fault_t map_pages(struct vm_fault *vmf, pgoff_t start_pgoff,
					    pgoff_t end_pgoff, bool values)
{
	struct vm_area_struct *vma = vmf->vma;
	struct address_space *mapping = vma->vm_file->f_mapping;
	void *const *leaf = NULL;
	pte_t *pte, *target;
	bool answered = false;
	pgoff_t index;
	long mapped = 0;
	spinlock_t *ptl;
	int counter = values ? MM_SHMEMPAGES : MM_FILEPAGES;

	end_pgoff = min(end_pgoff, mapping_pages(mapping) - 1);
	if (unlikely(start_pgoff > end_pgoff))
		return 0;
	target = pte_offset_map_lock(vma->vm_mm, vmf->pmd, vmf->address, &ptl);
	spin_lock(&mapping->tree_lock);
	pte = target - (vmf_pgoff(vmf) - start_pgoff);
	for (index = start_pgoff; index <= end_pgoff; index++, pte++) {
		struct page *page;
		pte_t entry;

		if (index == start_pgoff || !(index & XA_CHUNK_MASK))
			leaf = xa_leaf(&mapping->i_pages, index);
		if (!pte_none(*pte))
			continue;
		page = leaf ? leaf[index & XA_CHUNK_MASK] : xa_load(&mapping->i_pages, index);
		if (!page || (values && xa_is_value(page)) || !may_be_mapped(page))
			continue;
		race_point("fault around: page found unlocked, not mapped");
		get_page(page);
		page_add_file_rmap(page);
		entry = pfn_pte(page_to_pfn(page), vma->vm_page_prot);
		set_pte(pte, pte == target ? pte_mkyoung(entry) : pte_mkold(entry));
		mapped++;
	}
	spin_unlock(&mapping->tree_lock);
	add_mm_counter(vma->vm_mm, counter, mapped);
	answered = !pte_none(*target);
	if (tracing()) {
		if (answered)
			fault_stored(*target);
		record_around(vmf, target, start_pgoff, end_pgoff);
	}
	pte_unmap_unlock(target, ptl);
	return answered ? VM_FAULT_NOPAGE : 0;
}

vm_fault_t filemap_map_pages(struct vm_fault *vmf, pgoff_t start_pgoff, pgoff_t end_pgoff)
{
	return map_pages(vmf, start_pgoff, end_pgoff, false);
}

vm_fault_t shmem_map_pages(struct vm_fault *vmf, pgoff_t start_pgoff, pgoff_t end_pgoff)
{
	return map_pages(vmf, start_pgoff, end_pgoff, true);
}

/* The page, of which @in_file bytes lie in the file, is about to be written. 0 or -errno. */
static inline int reserve_blocks(struct address_space *mapping, struct page *page, loff_t in_file)
{
	if (!mapping->a_ops->prepare_write)
		return 0;
	return mapping->a_ops->prepare_write(mapping, page, 0,
					     (unsigned int)min((loff_t)PAGE_SIZE, in_file));
}

/*
 * Which blocks are the page's may stand on the disk only: ask with the page locked but not the map.
 * What goes wrong is found again at the next try.
 */
static noinline vm_fault_t reserve_unlocked(struct vm_fault *vmf, struct page *page, loff_t in_file)
{
	struct file *file = get_file(vmf->vma->vm_file);

	release_fault_lock(vmf);
	reserve_blocks(file->f_mapping, page, in_file);
	unlock_page(page);
	put_page(page);
	fput(file);
	return VM_FAULT_RETRY;
}

vm_fault_t filemap_page_mkwrite(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	struct page *page = vmf->page;
	loff_t in_file = *mapping->i_size - ((loff_t)page->index << PAGE_SHIFT);
	int err;

	if (unlikely(page->mapping != mapping || in_file <= 0))
		return VM_FAULT_NOPAGE; /* truncated: the access faults again and gets its SIGBUS */
	if (unlikely(!PageMappedToDisk(page)) && mapping->a_ops->prepare_write &&
	    fault_may_wait_unlocked(vmf))
		return reserve_unlocked(vmf, page, in_file);
	err = reserve_blocks(mapping, page, in_file);
	if (unlikely(err))
		return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	return 0;
}

void unmap_mapping_range(struct address_space *mapping, pgoff_t start, pgoff_t end, bool even_cows)
{
	struct interval_node *node;

	down_read(&mapping->i_mmap_rwsem);
	interval_tree_for_each(node, &mapping->i_mmap, start, end) {
		struct vm_area_struct *vma = container_of(node, struct vm_area_struct, file_node);
		pgoff_t first = max(start, node->start), last = min(end, node->last);
		unsigned long addr = vma->vm_start + ((first - node->start) << PAGE_SHIFT);
		struct mmu_gather tlb;

		tlb_gather_mmu(&tlb, vma->vm_mm);
		tlb.skip_anon = !even_cows;
		unmap_page_range(&tlb, vma, addr, addr + ((last - first + 1) << PAGE_SHIFT));
		tlb_finish_mmu(&tlb);
	}
	up_read(&mapping->i_mmap_rwsem);
}

int zero_page_part(struct address_space *mapping, pgoff_t index, unsigned int from, unsigned int to)
{
	struct page *page;

	if (mapping->shmem)
		return shmem_zero_part(mapping, index, from, to);
	page = read_cache_page(mapping, index);
	if (IS_ERR(page)) /* what the device cannot read, nobody will see */
		return PTR_ERR(page) == -ENOMEM ? -ENOMEM : 0;
	lock_page(page);
	if (page->mapping == mapping &&
	    (!mapping->a_ops->prepare_write ||
	     !mapping->a_ops->prepare_write(mapping, page, 0, from ? from : to))) {
		memset((char *)page_address(page) + from, 0, to - from);
		set_page_dirty(page);
	}
	unlock_page(page);
	put_page(page);
	return 0;
}

int truncate_page_tail(struct address_space *mapping, loff_t size)
{
	unsigned int offset = (unsigned int)size & (PAGE_SIZE - 1);

	return offset ? zero_page_part(mapping, (pgoff_t)size >> PAGE_SHIFT, offset, PAGE_SIZE) : 0;
}

/* The first page, referenced, or value in [*index, last]; *index is its place. NULL: there is none. */
static void *find_next_entry(struct address_space *mapping, pgoff_t *index, pgoff_t last)
{
	void *entry;

	spin_lock(&mapping->tree_lock);
	entry = xa_find(&mapping->i_pages, index, last);
	if (entry && !xa_is_value(entry))
		get_page(entry);
	spin_unlock(&mapping->tree_lock);
	return entry;
}

/*
 * A fault may have slipped in before i_size was seen. With the page locked there is only one left to wait
 * for: filemap_map_pages() that found it unlocked, under tree_lock.
 */
void drop_locked_page(struct address_space *mapping, struct page *page, bool even_cows)
{
	spin_lock(&mapping->tree_lock);
	spin_unlock(&mapping->tree_lock);
	if (page_mapped(page))
		unmap_mapping_range(mapping, page->index, page->index, even_cows);
	race_point("truncate: page unmapped, in the cache");
	delete_from_page_cache(page);
}

/*
 * Drop pages [index, last], dirty or not, and what of them is in swap. A page that left the cache while its
 * lock was waited for may have gone to swap: its place is looked at again. One that was emptied is not, or
 * faults that fill it could hold this up for ever.
 */
static void drop_pages(struct address_space *mapping, pgoff_t index, pgoff_t last, bool even_cows)
{
	struct page *page;
	bool dropped;

	while ((page = find_next_entry(mapping, &index, last))) {
		if (xa_is_value(page)) {
			dropped = shmem_drop_slot(mapping, index, page);
		} else {
			lock_page(page);
			wait_on_page_writeback(page);
			dropped = page->mapping == mapping;
			if (dropped)
				drop_locked_page(mapping, page, even_cows);
			unlock_page(page);
			put_page(page);
		}
		if (dropped && index++ == last)
			return;
		cond_resched();
	}
}

void truncate_pagecache(struct address_space *mapping, loff_t newsize)
{
	pgoff_t first = (pgoff_t)(((u64)newsize + PAGE_SIZE - 1) >> PAGE_SHIFT);

	race_point_may_sleep("truncate: size set, pages mapped");
	unmap_mapping_range(mapping, first, ~0UL, true);
	race_point_may_sleep("truncate: pages unmapped, not dropped");
	drop_pages(mapping, first, ~0UL, true);
}

void truncate_pagecache_range(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	unmap_mapping_range(mapping, first, last, false);
	drop_pages(mapping, first, last, false);
}

void truncate_inode_pages(struct address_space *mapping)
{
	/* Of an empty tree, too: its lock, which reclaim may be letting go of with the last page. */
	drop_pages(mapping, 0, ~0UL, true);
	ASSERT(!mapping->nrpages);
}

unsigned long invalidate_mapping_pages(struct address_space *mapping)
{
	unsigned long dropped = 0;
	pgoff_t index = 0;

	for (;; index++) {
		struct page *page = find_next_entry(mapping, &index, ~0UL);

		if (!page)
			return dropped;
		if (xa_is_value(page))
			continue;
		if (trylock_page(page)) {
			if (page->mapping == mapping)
				dropped += remove_unused_page(page);
			unlock_page(page);
		}
		put_page(page);
	}
}
