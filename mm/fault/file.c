/* SPDX-License-Identifier: MIT */
/*
 * First touch of a file mapping. The page cache owns the contents; the three ways to answer are
 *
 *   read           map the cache's page read-only, and its cached neighbours with it
 *   private write  copy the cache's page once; the copy is anonymous from then on
 *   shared write   tell the file system (page_mkwrite), then map the cache's page writable
 */
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/fault/install.h"
#include "mm/frame/buddy.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

/* What is mapped around a read fault, itself included: Linux's fault_around_bytes. */
#define FAULT_AROUND_BYTES (64UL << 10)

/* Ask the mapping's owner for the page. On success vmf->page is referenced and locked. */
static __always_inline vm_fault_t __do_fault(struct vm_fault *vmf)
{
	vm_fault_t verdict;

	fault_door_within(TRACE_DOOR_VM_OPS_FAULT);
	verdict = vmf->vma->vm_ops->fault(vmf);
	if (unlikely(verdict & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)))
		return verdict;
	if (unlikely(!(verdict & VM_FAULT_LOCKED)))
		lock_page(vmf->page);
	return verdict | VM_FAULT_LOCKED;
}

/* The fault is answered by the locked file page: store it, give the lock back. */
static __always_inline void finish_file_fault(struct vm_fault *vmf, pte_t entry)
{
	struct page *page = vmf->page;
	bool stored = install_pte(vmf, page, entry, MAP_FILE);

	unlock_page(page);
	if (unlikely(!stored))
		put_page(page);
}

/*
 * Map what is in the cache already around the address: 64 KiB from the start of the aligned block or
 * of the VMA on, within the VMA and the page table. True when that answered the fault.
 */
static bool do_fault_around(struct vm_fault *vmf)
{
	const struct vm_area_struct *vma = vmf->vma;
	unsigned long block = ALIGN_DOWN(vmf->address, FAULT_AROUND_BYTES);
	unsigned long start = max(block, vma->vm_start);
	unsigned long table_end = ALIGN_DOWN(start, PMD_SIZE) + PMD_SIZE;
	unsigned long end = min(start + FAULT_AROUND_BYTES, min(vma->vm_end, table_end));
	pgoff_t first = vmf_pgoff(vmf) - ((vmf->address - start) >> PAGE_SHIFT);
	pgoff_t last = first + ((end - start) >> PAGE_SHIFT) - 1;

	fault_door_within(TRACE_DOOR_DO_FAULT_AROUND);
	return vma->vm_ops->map_pages(vmf, first, last) & VM_FAULT_NOPAGE;
}

static vm_fault_t do_read_fault(struct vm_fault *vmf)
{
	vm_fault_t verdict;

	fault_sent_to(vmf, TRACE_DOOR_DO_READ_FAULT);
	if (vmf->vma->vm_ops->map_pages && do_fault_around(vmf)) {
		count_vm_event(VM_fault_around);
		return 0;
	}
	verdict = __do_fault(vmf);
	if (!(verdict & VM_FAULT_LOCKED))
		return verdict;
	count_vm_event(VM_fault_read);
	finish_file_fault(vmf,
			  pte_mkyoung(pfn_pte(page_to_pfn(vmf->page), vmf->vma->vm_page_prot)));
	return verdict & VM_FAULT_MAJOR;
}

static vm_fault_t do_cow_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct page *copy;
	vm_fault_t verdict;
	pte_t entry;

	fault_sent_to(vmf, TRACE_DOOR_DO_COW_FAULT);
	verdict = vmf_anon_prepare(vmf);
	if (unlikely(verdict))
		return verdict;
	copy = alloc_page(GFP_USER);
	if (unlikely(!copy))
		return VM_FAULT_OOM;
	verdict = __do_fault(vmf);
	if (!(verdict & VM_FAULT_LOCKED)) {
		put_page(copy);
		return verdict;
	}
	copy_page(page_address(copy), page_address(vmf->page));
	unlock_page(vmf->page);
	put_page(vmf->page);
	copy->flags |= (1UL << PG_uptodate) | (1UL << PG_swapbacked);

	count_vm_event(VM_fault_cow);
	entry = pte_mkdirty(pte_mkyoung(pfn_pte(page_to_pfn(copy), vma->vm_page_prot)));
	if (unlikely(!install_pte(vmf, copy, maybe_mkwrite(entry, vma), MAP_ANON_NEW)))
		put_page(copy);
	return verdict & VM_FAULT_MAJOR;
}

static vm_fault_t do_shared_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	vm_fault_t (*mkwrite)(struct vm_fault * vmf) = vma->vm_ops->page_mkwrite;
	vm_fault_t verdict, refused;
	pte_t entry;

	fault_sent_to(vmf, TRACE_DOOR_DO_SHARED_FAULT);
	verdict = __do_fault(vmf);
	if (!(verdict & VM_FAULT_LOCKED))
		return verdict;
	if (mkwrite)
		fault_door_within(TRACE_DOOR_PAGE_MKWRITE);
	refused = mkwrite ? mkwrite(vmf) : 0;
	if (unlikely(refused)) {
		if (refused & VM_FAULT_RETRY)
			return refused;
		unlock_page(vmf->page);
		put_page(vmf->page);
		return refused & VM_FAULT_ERROR;
	}
	set_page_dirty(vmf->page);
	count_vm_event(VM_fault_shared);
	entry = pte_mkdirty(pte_mkyoung(pfn_pte(page_to_pfn(vmf->page), vma->vm_page_prot)));
	finish_file_fault(vmf, maybe_mkwrite(entry, vma));
	return (verdict & VM_FAULT_MAJOR) | VM_FAULT_DIRTIED;
}

vm_fault_t do_fault(struct vm_fault *vmf)
{
	const struct vm_area_struct *vma = vmf->vma;

	if (unlikely(!vma->vm_ops->fault))
		return VM_FAULT_SIGBUS;
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return do_read_fault(vmf);
	if (!(vma->vm_flags & VM_SHARED))
		return do_cow_fault(vmf);
	return do_shared_fault(vmf);
}
