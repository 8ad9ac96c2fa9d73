/* SPDX-License-Identifier: MIT */
/*
 * The world that address spaces live in, for host tests of mm/space: frames, swap slots and one
 * file below; a fault path and a reclaim above, as little of each as will do; and the shadow
 * model, which knows one thing for each page of a window: its rights and what it must read. What
 * differs is shown as rulers, one character a page:
 *
 *	|ww|rr..|nnn    a VMA begins at '|'; w r n: rights; '.': nothing mapped
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

/* --- the shadow model --- */
enum rights { HOLE, NONE, READ, WRITE };
struct shadow {
	enum rights rights;
	uint64_t value;
};
struct process {
	struct mm_struct *mm;
	struct shadow page[PAGES];
	bool dontunmap; /* leaves an emptied VMA that could merge but does not, here as on Linux */
};

static const unsigned long prots[] = {0, PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

static void ruler(const struct process *p, char *model, char *tree)
{
	unsigned long page;

	for (page = 0; page < PAGES; page++) {
		struct vm_area_struct *vma = vma_lookup(p->mm, ADDR(page));

		*model++ = ".nrw"[p->page[page].rights];
		if (vma && vma->vm_start == ADDR(page))
			*tree++ = '|';
		*tree++ = !vma                       ? '.'
			  : vma->vm_flags & VM_WRITE ? 'w'
			  : vma->vm_flags & VM_READ  ? 'r'
						     : 'n';
	}
	*model = *tree = '\0';
}

static void differ(const struct process *p, const char *what, const char *step, unsigned long page)
{
	char model[PAGES + 1], tree[2 * PAGES + 1];

	ruler(p, model, tree);
	fail_msg("%s at page %lu after %s\nmodel %s\ntree  %s", what, page, step, model, tree);
}

static unsigned long flags_rights(unsigned long vm_flags)
{
	return vm_flags & VM_WRITE ? WRITE : vm_flags & VM_READ ? READ : NONE;
}

/* Order, gaps and counts of the whole tree; bottom-up recomputed from nothing. */
static unsigned long check_subtree(struct rb_node *rb)
{
	struct vm_area_struct *vma = rb_entry_safe(rb, struct vm_area_struct, vm_rb);
	unsigned long gap;

	if (!rb)
		return 0;
	gap = max(vma->vm_gap, max(check_subtree(rb->rb_left), check_subtree(rb->rb_right)));
	CHECK(vma->rb_subtree_gap == gap);
	return gap;
}

static void check_tree(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *prev = NULL;
	unsigned long total = 0;
	int count = 0;

	for_each_vma (mm, vma) {
		unsigned long below = prev ? prev->vm_end : 0;

		CHECK(vma->vm_start < vma->vm_end && below <= vma->vm_start);
		CHECK(vma->vm_gap == (vm_start_gap(vma) > below ? vm_start_gap(vma) - below : 0));
		CHECK(!vma->anon_vma == !vma->anon_id);
		total += vma_pages(vma);
		prev = vma;
		count++;
	}
	check_subtree(mm->mm_rb.rb_node);
	CHECK(count == mm->map_count);
	CHECK(total == mm->total_vm);
}

/* No entry allows more than its VMA, and the counters count the entries. */
struct count {
	long present, swapped;
};

static void check_entry(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	struct count *count = walk->arg;

	if (pte_none(*pte))
		return;
	walk->vma = vma_lookup(walk->vma->vm_mm, addr);
	CHECK(walk->vma);
	CHECK(!pte_present(*pte) || !pte_write(*pte) || (walk->vma->vm_flags & VM_WRITE));
	CHECK(!(pte->pte & _PAGE_PRESENT) || (walk->vma->vm_flags & VM_ACCESS_FLAGS) ||
	      is_swap_pte(*pte));
	if (pte_present(*pte))
		count->present++;
	else
		count->swapped++;
}

static void check_entries(struct mm_struct *mm)
{
	struct count count = {0, 0};
	struct pt_walk walk = {.vma = vma_first(mm), .pte = check_entry, .arg = &count};

	if (walk.vma)
		walk_page_range(&walk, mm, 0, TASK_SIZE);
	CHECK(mm_counter_sum(mm, MM_ANONPAGES) == count.present && mm_counter_sum(mm, MM_SWAPENTS) == count.swapped);
}

static void check_process(struct process *p, const char *step, bool values)
{
	struct vm_area_struct *vma, *next;
	unsigned long page;

	check_tree(p->mm);
	check_entries(p->mm);
	for (page = 0; page < PAGES; page++) {
		vma = vma_lookup(p->mm, ADDR(page));
		if ((vma ? flags_rights(vma->vm_flags) : HOLE) != p->page[page].rights)
			differ(p, "rights differ", step, page);
		if (values && p->page[page].rights != HOLE &&
		    peek(p->mm, ADDR(page)) != p->page[page].value)
			differ(p, "contents differ", step, page);
	}
	for_each_vma (p->mm, vma) {
		next = vma_next(vma);
		if (!p->dontunmap && next && next->vm_start == vma->vm_end &&
		    next->vm_flags == vma->vm_flags && !vma->anon_id && !next->anon_id &&
		    next->vm_pgoff == vma->vm_pgoff + vma_pages(vma))
			differ(p, "not merged", step, (next->vm_start - BASE) >> PAGE_SHIFT);
	}
}

static struct mm_struct *enter(struct mm_struct *mm)
{
	current->mm = mm;
	return mm;
}

/* --- steps of the random test: each changes the system and the model alike --- */
static inline void step_map(struct process *p, unsigned long page, unsigned long n, enum rights rights)
{
	CHECK((unsigned long)sys_mmap(ADDR(page), n * PAGE_SIZE, prots[rights],
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL,
				      0) == ADDR(page));
	for (; n--; page++)
		p->page[page] = (struct shadow){rights, 0};
}

static inline void step_unmap(struct process *p, unsigned long page, unsigned long n)
{
	CHECK(sys_munmap(ADDR(page), n * PAGE_SIZE) == 0);
	for (; n--; page++)
		p->page[page] = (struct shadow){HOLE, 0};
}

static inline void step_protect(struct process *p, unsigned long page, unsigned long n, enum rights rights)
{
	long err = sys_mprotect(ADDR(page), n * PAGE_SIZE, prots[rights]);

	for (; n-- && p->page[page].rights != HOLE; page++)
		p->page[page].rights = rights;
	CHECK(err == (n + 1 ? -ENOMEM : 0));
}

static void step_write(struct process *p, unsigned long page, unsigned long n, uint64_t value)
{
	for (; n--; page++, value += 3)
		if (p->page[page].rights == WRITE)
			*access(p->mm, ADDR(page), true) = p->page[page].value = value;
}

static void step_dontneed(struct process *p, unsigned long page, unsigned long n)
{
	bool hole = false;

	for (unsigned long i = page; i < page + n; i++) {
		hole |= p->page[i].rights == HOLE;
		p->page[i].value = 0;
	}
	CHECK(sys_madvise(ADDR(page), n * PAGE_SIZE, MADV_DONTNEED) == (hole ? -ENOMEM : 0));
}

static inline void step_remap(struct process *p, unsigned long from, unsigned long to, unsigned long n,
		       bool keep)
{
	struct vm_area_struct *vma = vma_lookup(p->mm, ADDR(from));
	unsigned long i;

	if (!vma)
		return;
	n = min(n, (vma->vm_end - ADDR(from)) >> PAGE_SHIFT);
	if (from < to + n && to < from + n)
		return;
	CHECK((unsigned long)sys_mremap(ADDR(from), n * PAGE_SIZE, n * PAGE_SIZE,
					MREMAP_MAYMOVE | MREMAP_FIXED |
						(keep ? MREMAP_DONTUNMAP : 0),
					ADDR(to)) == ADDR(to));
	p->dontunmap |= keep;
	for (i = 0; i < n; i++) {
		p->page[to + i] = p->page[from + i];
		p->page[from + i] = (struct shadow){keep ? p->page[from + i].rights : HOLE, 0};
	}
}

static void step_swap_out(struct process *p, unsigned long page)
{
	spinlock_t *ptl;
	pte_t *pte = get_locked_pte(p->mm, ADDR(page), &ptl), entry;

	if (!pte)
		return;
	entry = *pte;
	pte_unmap_unlock(pte, ptl);
	if (pte_present(entry))
		swap_out(pfn_to_page(pte_pfn(entry)));
}

static void setup(struct process *p)
{
	memset(p, 0, sizeof(*p));
	p->mm = enter(mm_alloc());
	CHECK(p->mm);
}

static void expect_no_leaks(void)
{
	unsigned int i;

	assert_int_equal(host_alloc_live, 0);
	assert_int_equal(frames_used, 0);
	assert_int_equal(committed_pages(), 0);
	assert_int_equal(atomic_read(&test_file.f_count), 1);
	assert_int_equal(node_stats[N_nr_anon_pages], 0);
	assert_int_equal(node_stats[N_nr_page_table_pages], 0);
	assert_true(list_empty(&mmlist) && RB_EMPTY_ROOT(&file_mapping.i_mmap));
	for (i = 0; i < ARRAY_SIZE(slots); i++)
		assert_int_equal(slots[i].count, 0);
}

#endif
