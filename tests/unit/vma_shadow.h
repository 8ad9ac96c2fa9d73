/* SPDX-License-Identifier: MIT */
/*
 * The shadow model of an address space in the world of vma_world.h: it knows one thing for each page of
 * a window, its rights and what it must read. What differs is shown as rulers, one character a page:
 *
 *	|ww|rr..|nnn    a VMA begins at '|'; w r n: rights; '.': nothing mapped
 */
#ifndef TESTS_UNIT_VMA_SHADOW_H
#define TESTS_UNIT_VMA_SHADOW_H

#include "tests/unit/vma_world.h"

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
