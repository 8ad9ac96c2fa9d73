/* SPDX-License-Identifier: MIT */
/*
 * The world that address spaces live in, for host tests of mm/space: frames, swap slots and one
 * file below; a fault path and a reclaim above, as little of each as will do. Included by one file of
 * a program, for it defines what these call.
 */
#ifndef TESTS_UNIT_VMA_WORLD_H
#define TESTS_UNIT_VMA_WORLD_H

#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/lru.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mman.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"
#include "mm/stats.h"
#include "tests/host/host.h"

#define PAGES 192UL                                 /* of the window that random tests work in */
#define BASE (0x10000000UL - PAGES * PAGE_SIZE / 2) /* so that a page-table boundary is inside */
#define ADDR(page) (BASE + (unsigned long)(page)*PAGE_SIZE)
#define FRAMES 16384UL

/* --- the floor below: frames, swap, files, as little of each as will do --- */
long node_stats[NR_NODE_STATS];
unsigned long vm_events[NR_VM_EVENTS];
struct page *zero_page;
unsigned long zero_pfn;
static pgd_t kernel_pgd[512];
pgd_t *init_pgd = kernel_pgd;
static unsigned long next_frame = 1, free_frames[FRAMES], nr_free, frames_used;
static unsigned long frames_left = FRAMES;

struct page *alloc_page(gfp_t gfp)
{
	struct page *page;

	if (!frames_left)
		return NULL;
	frames_left--;
	frames_used++;
	page = pfn_to_page(nr_free ? free_frames[--nr_free] : next_frame++);
	memset(page, 0, sizeof(*page));
	atomic_set(&page->_refcount, 1);
	memset(page_address(page), gfp & __GFP_ZERO ? 0 : 0xa5, PAGE_SIZE);
	return page;
}
void __put_page(struct page *page)
{
	CHECK(page_mapcount(page) == 0 && !PageSwapCache(page) && !PageTable(page));
	free_frames[nr_free++] = page_to_pfn(page);
	frames_left++;
	frames_used--;
}
void release_pages(struct page *const *pages, unsigned int nr)
{
	while (nr--)
		put_page(*pages++);
}
void free_zeroed_page(struct page *page)
{
	put_page(page);
}
void *get_zeroed_page(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	return page ? page_address(page) : NULL;
}
void free_page(void *addr)
{
	put_page(virt_to_page(addr));
}
unsigned long totalram_pages(void)
{
	return FRAMES;
}
unsigned long total_swap_pages(void)
{
	return 0;
}

static struct slot {
	int count;
	uint64_t value;
} slots[4096];

static bool swap_counts_full;

int swap_duplicate(swp_entry_t entry)
{
	if (swap_counts_full)
		return -ENOMEM;
	slots[swp_offset(entry)].count++;
	return 0;
}
void free_swap_and_cache(swp_entry_t entry)
{
	CHECK(slots[swp_offset(entry)].count > 0);
	slots[swp_offset(entry)].count--;
}
struct page *swapin_readahead(swp_entry_t entry, bool *major)
{
	(void)entry;
	(void)major;
	return NULL;
}
bool try_to_free_swap(struct page *page)
{
	(void)page;
	return false;
}
void mark_page_accessed(struct page *page)
{
	(void)page;
}
void deactivate_page(struct page *page)
{
	(void)page;
}
void mark_page_lazyfree(struct page *page)
{
	(void)page;
}
void mlock_page(struct page *page)
{
	SetPageMlocked(page);
}
void munlock_page(struct page *page)
{
	ClearPageMlocked(page);
}
bool isolate_lru_page(struct page *page)
{
	(void)page;
	return false;
}
unsigned long reclaim_pages(struct list_head *list)
{
	(void)list;
	return 0;
}
bool set_page_dirty(struct page *page)
{
	(void)page;
	return true;
}
void force_page_cache_readahead(struct address_space *mapping, pgoff_t start, unsigned long nr)
{
	(void)mapping;
	(void)start;
	(void)nr;
}
void truncate_pagecache_range(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	(void)mapping;
	(void)first;
	(void)last;
}
void unlock_page(struct page *page)
{
	ClearPageLocked(page);
}
void __lock_page(struct page *page)
{
	(void)page;
	abort();
}
int deny_write_access(struct file *file)
{
	(void)file;
	return 0;
}
void allow_write_access(struct file *file)
{
	(void)file;
}

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = {.name = "test"};

	(void)file;
	vma->vm_ops = &ops;
	return 0;
}
static const struct file_operations file_ops = {.name = "test", .mmap = file_mmap};
static struct address_space file_mapping;
static struct file test_file = {
	.f_mode = FMODE_READ | FMODE_WRITE, .f_op = &file_ops, .f_mapping = &file_mapping};
static struct file *fds[] = {&test_file};

struct file *fget(unsigned int fd)
{
	return fd < ARRAY_SIZE(fds) && fds[fd] ? get_file(fds[fd]) : NULL;
}
void fput(struct file *file)
{
	if (file)
		atomic_dec(&file->f_count);
}
void shmem_mmap_done(struct vm_area_struct *vma)
{
	(void)vma;
}
void shmem_willneed(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	(void)mapping;
	(void)first;
	(void)last;
}
bool shmem_is_cached(struct address_space *mapping, pgoff_t index)
{
	(void)mapping;
	(void)index;
	return false;
}
int shmem_zero_setup(struct vm_area_struct *vma)
{
	vma->vm_file = get_file(&test_file);
	return file_mmap(vma->vm_file, vma);
}

/* --- the pretended fault path: anonymous memory, copy-on-write, swap-in --- */
static uint64_t *page_value(const struct page *page)
{
	return page_address(page);
}

static struct page *fresh_page(struct vm_area_struct *vma, unsigned long addr, uint64_t value)
{
	struct page *page = alloc_page(__GFP_ZERO);

	CHECK(page && !anon_vma_prepare(vma));
	__SetPageSwapBacked(page);
	*page_value(page) = value;
	page_add_new_anon_rmap(page, vma, addr);
	return page;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address, unsigned int flags)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long addr = address & PAGE_MASK;
	pmd_t *pmd = alloc_tables(mm, addr);
	struct page *page;
	pte_t *pte;

	if (!pmd || vma->vm_file)
		return VM_FAULT_OOM;
	pte = pte_offset(pmd, addr);
	if (!pte_present(*pte)) {
		struct slot *slot =
			is_swap_pte(*pte) ? &slots[swp_offset(pte_to_swp_entry(*pte))] : NULL;

		page = fresh_page(vma, addr, slot ? slot->value : 0);
		if (slot) {
			slot->count--;
			add_mm_counter(mm, MM_SWAPENTS, -1);
		}
		add_mm_counter(mm, MM_ANONPAGES, 1);
	} else {
		page = pfn_to_page(pte_pfn(*pte));
		if ((flags & FAULT_FLAG_WRITE) && page_count(page) > 1) {
			struct page *old = page;

			page = fresh_page(vma, addr, *page_value(old));
			page_remove_rmap(old);
			put_page(old);
		}
	}
	set_pte(pte, pte_mkyoung(pte_mkdirty(pfn_pte(page_to_pfn(page), vma->vm_page_prot))));
	if (flags & FAULT_FLAG_WRITE)
		set_pte(pte, maybe_mkwrite(*pte, vma));
	return 0;
}

/* As the CPU would: the entry if it allows the access, else a fault. */
static uint64_t *access(struct mm_struct *mm, unsigned long addr, bool write)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	pmd_t *pmd = mm_find_pmd(mm, addr);
	pte_t pte = pmd ? *pte_offset(pmd, addr) : __pte(0);

	CHECK(vma && (vma->vm_flags & (write ? VM_WRITE : VM_READ)));
	if (!(pte.pte & _PAGE_PRESENT) || (write && !pte_write(pte))) {
		CHECK(!handle_mm_fault(vma, addr, write ? FAULT_FLAG_WRITE : 0));
		pte = *pte_offset(mm_find_pmd(mm, addr), addr);
	}
	return page_value(pfn_to_page(pte_pfn(pte)));
}

/* What a read would give, without faulting anything in. */
static uint64_t peek(struct mm_struct *mm, unsigned long addr)
{
	pmd_t *pmd = mm_find_pmd(mm, addr);
	pte_t pte = pmd ? *pte_offset(pmd, addr) : __pte(0);

	if (is_swap_pte(pte))
		return slots[swp_offset(pte_to_swp_entry(pte))].value;
	return pte_none(pte) ? 0 : *page_value(pfn_to_page(pte_pfn(pte)));
}

/*
 * Write the page out through the reverse map, as reclaim would; every entry must turn into a
 * slot.
 */
static void swap_out(struct page *page)
{
	struct tlb_batch batch = { 0 };
	unsigned long slot = 1;

	while (slots[slot].count)
		slot++;
	CHECK(slot < ARRAY_SIZE(slots));
	slots[slot] = (struct slot){1, *page_value(page)}; /* the cache's own */
	get_page(page);
	SetPageLocked(page);
	SetPageSwapCache(page);
	page->private = swp_entry(0, slot).val;
	CHECK(try_to_unmap(page, &batch));
	ClearPageSwapCache(page);
	slots[slot].count--;
	unlock_page(page);
	CHECK(page_count(page) == 1);
	put_page(page);
}

#endif
