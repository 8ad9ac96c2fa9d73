/* SPDX-License-Identifier: MIT */
/*
 * The vmalloc area: frames from anywhere made contiguous by page tables. Areas stand in a tree by
 * address; the lowest gap that fits is taken, so the page tables of the area, which are never freed,
 * stay few. Behind each area one page is left unmapped, and so is the first page of all: every area
 * has a guard on both sides.
 *
 * Address spaces share the area's tables by copying entries of the top level, 512 GiB each, and there
 * are 64 of them. The first is made at boot, so that every map has it from birth: kernel stacks lie
 * below it, because a fault on a missing stack could not even be delivered, and so do device windows.
 * Below the others lies all else. Such an entry is made in init_pgd when its first area is, and a map
 * that is older takes it over when it first runs into the gap: vmalloc_fault(). That saves the tables
 * of 63 entries that hardly any machine uses, and a walk over all maps when one is made.
 *
 * Lock: vmap_lock guards the trees and the upper levels of the tables. Leaf entries belong to the
 * owner of their area.
 */
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/trace/trace.h"
#include "lib/rbtree.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/stats.h"
#include <asm/pgtable.h>
#include <asm/tlbflush.h>

#define STACK_CACHE 16 /* stacks of ended tasks, kept for the next ones */
#define STACK_FRAMES (THREAD_SIZE / PAGE_SIZE)

struct vmap_area {
	struct rb_node node;
	unsigned long start, end; /* without the guard page */
	bool device;              /* maps device memory: no frames to free */
};

/* A part of the area that is searched for gaps by itself. */
struct vmap_part {
	unsigned long start, end;
	/* No gap of hint_size bytes starts below hint: where the search for one that large begins. */
	unsigned long hint, hint_size;
};

static DEFINE_SPINLOCK(vmap_lock);
static struct rb_root vmap_tree;
static struct vmap_part present_part, lazy_part; /* below the first entry; below the others */
static unsigned long vmap_frames;

static void *stack_cache[STACK_CACHE];
static unsigned int nr_cached_stacks;
static DEFINE_SPINLOCK(stack_lock);

static struct vmap_area *area_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct vmap_area, node);
}

/* The first area with end > @addr, or NULL. */
static struct vmap_area *find_area(unsigned long addr)
{
	struct rb_node *node = vmap_tree.rb_node;
	struct vmap_area *found = NULL;

	while (node) {
		struct vmap_area *area = area_of(node);

		if (area->end > addr) {
			found = area;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

static void insert_area(struct vmap_area *area)
{
	struct rb_node **link = &vmap_tree.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = area->start < area_of(parent)->start ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&area->node, parent, link);
	rb_insert_color(&area->node, &vmap_tree);
}

static struct vmap_part *part_of(unsigned long addr)
{
	return addr < lazy_part.start ? &present_part : &lazy_part;
}

/*
 * Reserve @size bytes (whole pages) of @part and a guard page. NULL: no memory for the record, or no
 * gap.
 */
static struct vmap_area *alloc_area(struct vmap_part *part, size_t size)
{
	struct vmap_area *area, *next;
	unsigned long addr;

	if (!size || size > part->end - part->start)
		return NULL;
	area = kmalloc(sizeof(*area), GFP_KERNEL);
	if (!area)
		return NULL;
	spin_lock(&vmap_lock);
	addr = size >= part->hint_size ? part->hint : part->start;
	for (next = find_area(addr); next; next = area_of(rb_next(&next->node))) {
		if (addr + size + PAGE_SIZE <= next->start)
			break;
		addr = next->end + PAGE_SIZE;
	}
	if (addr + size + PAGE_SIZE > part->end) {
		spin_unlock(&vmap_lock);
		kfree(area);
		return NULL;
	}
	*area = (struct vmap_area){ .start = addr, .end = addr + size };
	insert_area(area);
	part->hint = addr + size + PAGE_SIZE;
	part->hint_size = size;
	spin_unlock(&vmap_lock);
	return area;
}

static void free_area(struct vmap_area *area)
{
	struct vmap_part *part = part_of(area->start);
	struct vmap_area *prev;
	unsigned long gap;

	spin_lock(&vmap_lock);
	prev = area_of(rb_prev(&area->node));
	gap = prev && prev->start >= part->start ? prev->end + PAGE_SIZE : part->start;
	part->hint = min(part->hint, gap);
	rb_erase(&area->node, &vmap_tree);
	spin_unlock(&vmap_lock);
	kfree(area);
}

/* --- page tables --- */
/* The leaf entry of @addr, or NULL when a table is missing. */
static pte_t *vmap_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_pgd(init_pgd, addr);
	pud_t *pud = pgd_none(*pgd) ? NULL : pud_offset(pgd, addr);

	if (!pud || pud_none(*pud) || pmd_none(*pmd_offset(pud, addr)))
		return NULL;
	return pte_offset(pmd_offset(pud, addr), addr);
}

/* Hang a new table below @entry, an upper-level entry, unless somebody was faster. */
static bool ensure_table(u64 *entry)
{
	void *table;

	if (READ_ONCE(*entry))
		return true;
	table = get_zeroed_page(GFP_KERNEL);
	if (!table)
		return false;
	spin_lock(&vmap_lock);
	if (!*entry) {
		WRITE_ONCE(*entry, __pa(table) | (_PAGE_TABLE & ~_PAGE_USER));
		trace_kind(TRACE_KIND_TABLE, 0, PFN_DOWN(__pa(table)));
		table = NULL;
	}
	spin_unlock(&vmap_lock);
	free_page(table);
	return true;
}

static pte_t *make_vmap_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_pgd(init_pgd, addr);
	pud_t *pud;

	if (!ensure_table(&pgd->pgd))
		return NULL;
	pud = pud_offset(pgd, addr);
	if (!ensure_table(&pud->pud) || !ensure_table(&pmd_offset(pud, addr)->pmd))
		return NULL;
	return pte_offset(pmd_offset(pud, addr), addr);
}

/* Clear the area's entries, forget the translations, then free the frames (not device memory). */
static void unmap_area(struct vmap_area *area)
{
	struct page *page, *next;
	LIST_HEAD(frames);

	for (unsigned long addr = area->start; addr < area->end; addr += PAGE_SIZE) {
		pte_t *pte = vmap_pte(addr);

		if (!pte || pte_none(*pte))
			continue;
		if (!area->device)
			list_add(&pfn_to_page(pte_pfn(*pte))->lru, &frames);
		pte_clear(pte);
	}
	flush_tlb_kernel_range(area->start, area->end);
	list_for_each_entry_safe(page, next, &frames, lru) {
		__ClearPageVmalloc(page);
		trace_kind(TRACE_KIND_NONE, 0, page_to_pfn(page));
		__free_pages(page, 0);
		__atomic_fetch_sub(&vmap_frames, 1, __ATOMIC_RELAXED);
	}
	free_area(area);
}

/* For the recorder: what the frames of an area at @addr are used as. */
static enum trace_kind_of kind_at(unsigned long addr)
{
	return addr < lazy_part.start ? TRACE_KIND_STACK : TRACE_KIND_VMALLOC;
}

static bool map_frames(const struct vmap_area *area, gfp_t gfp)
{
	for (unsigned long addr = area->start; addr < area->end; addr += PAGE_SIZE) {
		pte_t *pte = make_vmap_pte(addr);
		struct page *page = pte ? alloc_page(gfp) : NULL;

		if (!page)
			return false;
		__SetPageVmalloc(page);
		set_pte(pte, pfn_pte(page_to_pfn(page), PAGE_KERNEL));
		__atomic_fetch_add(&vmap_frames, 1, __ATOMIC_RELAXED);
		trace_kind(kind_at(addr), 0, page_to_pfn(page));
	}
	return true;
}

static void *vmalloc_part(struct vmap_part *part, size_t size, gfp_t gfp)
{
	struct vmap_area *area;

	if (size > PFN_PHYS(totalram_pages()))
		return NULL;
	area = alloc_area(part, PAGE_ALIGN(size));
	if (!area)
		return NULL;
	if (!map_frames(area, gfp)) {
		unmap_area(area);
		return NULL;
	}
	return (void *)area->start;
}

void *vmalloc(size_t size)
{
	return vmalloc_part(&lazy_part, size, GFP_KERNEL);
}

void *vzalloc(size_t size)
{
	return vmalloc_part(&lazy_part, size, GFP_KERNEL | __GFP_ZERO);
}

void vfree(void *addr)
{
	struct vmap_area *area;

	if (!addr)
		return;
	spin_lock(&vmap_lock);
	area = find_area((unsigned long)addr);
	spin_unlock(&vmap_lock);
	if (WARN_ON(!area || area->start != (unsigned long)addr))
		return;
	unmap_area(area);
}

void *kvzalloc(size_t size)
{
	return size <= PAGE_SIZE ? kzalloc(size, GFP_KERNEL) : vzalloc(size);
}

void kvfree(void *addr)
{
	if ((unsigned long)addr >= VMALLOC_START && (unsigned long)addr <= VMALLOC_END)
		vfree(addr);
	else
		kfree(addr);
}

void *ioremap(phys_addr_t phys, size_t size)
{
	unsigned long offset = phys & ~PAGE_MASK;
	struct vmap_area *area;

	if (!size || size > present_part.end - present_part.start)
		return NULL;
	area = alloc_area(&present_part, PAGE_ALIGN(size + offset));
	if (!area)
		return NULL;
	area->device = true;
	for (unsigned long addr = area->start; addr < area->end; addr += PAGE_SIZE) {
		pte_t *pte = make_vmap_pte(addr);

		if (!pte) {
			unmap_area(area);
			return NULL;
		}
		set_pte(pte,
			pfn_pte(PFN_DOWN(phys) + PFN_DOWN(addr - area->start), PAGE_KERNEL_IO));
	}
	return (void *)(area->start + offset);
}

/* --- kernel stacks --- */
static void *take_cached_stack(void)
{
	void *stack = NULL;

	spin_lock(&stack_lock);
	if (nr_cached_stacks)
		stack = stack_cache[--nr_cached_stacks];
	spin_unlock(&stack_lock);
	return stack;
}

void *alloc_kernel_stack(void)
{
	void *stack = take_cached_stack();

	if (!stack)
		stack = vmalloc_part(&present_part, THREAD_SIZE, GFP_KERNEL);
	if (stack)
		mod_node_stat(N_nr_kernel_stack, STACK_FRAMES);
	return stack;
}

void free_kernel_stack(void *stack)
{
	if (!stack)
		return;
	mod_node_stat(N_nr_kernel_stack, -(long)STACK_FRAMES);
	spin_lock(&stack_lock);
	if (nr_cached_stacks < STACK_CACHE) {
		stack_cache[nr_cached_stacks++] = stack;
		stack = NULL;
	}
	spin_unlock(&stack_lock);
	vfree(stack);
}

unsigned long drop_stack_cache(void)
{
	unsigned long freed = 0;

	for (;;) {
		void *stack = take_cached_stack();

		if (!stack)
			return freed;
		vfree(stack);
		freed += STACK_FRAMES;
	}
}

/* --- for reports --- */
bool vmalloc_guard_hit(unsigned long addr, unsigned long *start, unsigned long *end)
{
	unsigned long page = addr & PAGE_MASK;
	struct vmap_area *above, *below;
	bool hit = false;

	/* The oops may have happened under the lock: then no answer. */
	if (addr < VMALLOC_START || addr > VMALLOC_END || !spin_trylock(&vmap_lock))
		return false;
	above = find_area(page + PAGE_SIZE);
	below = page > VMALLOC_START ? find_area(page - 1) : NULL;
	/* Stacks grow down into the page below them; that is the likelier victim of the two. */
	if (above && above->start == page + PAGE_SIZE) {
		*start = above->start;
		*end = above->end;
		hit = true;
	} else if (below && below->end == page) {
		*start = below->start;
		*end = below->end;
		hit = true;
	}
	spin_unlock(&vmap_lock);
	return hit;
}

unsigned long nr_vmalloc_pages(void)
{
	return __atomic_load_n(&vmap_frames, __ATOMIC_RELAXED);
}

void vmalloc_record(void)
{
	spin_lock(&vmap_lock);
	for (struct vmap_area *area = area_of(rb_first(&vmap_tree)); area;
	     area = area_of(rb_next(&area->node)))
		for (unsigned long addr = area->start; !area->device && addr < area->end;
		     addr += PAGE_SIZE)
			trace_kind(kind_at(addr), 0, pte_pfn(*vmap_pte(addr)));
	spin_unlock(&vmap_lock);
}

void vmalloc_init(void)
{
	unsigned long lazy = VMALLOC_START + PGDIR_SIZE;
	pgd_t *pgd = pgd_offset_pgd(init_pgd, VMALLOC_START);

	present_part = (struct vmap_part){ .start = VMALLOC_START + PAGE_SIZE, .end = lazy };
	lazy_part = (struct vmap_part){ .start = lazy + PAGE_SIZE, .end = VMALLOC_END + 1 };
	present_part.hint = present_part.start;
	lazy_part.hint = lazy_part.start;
	if (!ensure_table(&pgd->pgd))
		boot_fail(
			"no memory for the page tables of the vmalloc area: give the machine more RAM (MEM=)");
}
