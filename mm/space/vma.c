/* SPDX-License-Identifier: MIT */
/*
 * The tree of VMAs: by address, with two questions answered in O(log n).
 *
 *   Which VMA is at or above an address?   walk down
 *   Where is a free range of n bytes?      each VMA knows the gap below it (vm_gap), each subtree
 *                                          the largest such gap (rb_subtree_gap): subtrees without
 *                                          a gap that fits are not entered
 *
 * Locks: mmap_lock, for writing to change anything; faults walk down without (vma_lock.c).
 * mmap_cache alone is written by readers too; it is a hint whose bounds are checked at each use,
 * and removal moves it on.
 */
#include "lib/util.h"
#include "mm/space/vma.h"
#include "mm/space/vma_lock.h"

static __always_inline struct vm_area_struct *to_vma(struct rb_node *rb)
{
	return rb_entry(rb, struct vm_area_struct, vm_rb);
}

static inline unsigned long gap_below(struct rb_node *rb)
{
	return rb ? to_vma(rb)->rb_subtree_gap : 0;
}

/* See RB_DECLARE_CALLBACKS. */
static inline bool compute_subtree_gap(struct vm_area_struct *vma, bool exit)
{
	unsigned long gap = max(vma->vm_gap,
				max(gap_below(vma->vm_rb.rb_left), gap_below(vma->vm_rb.rb_right)));

	if (exit && vma->rb_subtree_gap == gap)
		return true;
	vma->rb_subtree_gap = gap;
	return false;
}

RB_DECLARE_CALLBACKS(static, vma_gap, struct vm_area_struct, vm_rb, rb_subtree_gap,
		     compute_subtree_gap);

struct vm_area_struct *__find_vma(struct mm_struct *mm, unsigned long addr)
{
	struct rb_node *rb = mm->mm_rb.rb_node;
	struct vm_area_struct *found = NULL;

	while (rb) {
		struct vm_area_struct *vma = to_vma(rb);

		if (vma->vm_end <= addr) {
			rb = rb->rb_right;
			continue;
		}
		found = vma;
		if (vma->vm_start <= addr)
			break;
		rb = rb->rb_left;
	}
	if (found)
		WRITE_ONCE(mm->mmap_cache, found);
	return found;
}

noinline unsigned long stack_start_gap(const struct vm_area_struct *vma)
{
	return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP : 0;
}

/* Free bytes between @prev (NULL: address 0) and @vma that a mapping may have. */
static unsigned long gap_between(const struct vm_area_struct *prev,
				 const struct vm_area_struct *vma)
{
	unsigned long start = prev ? prev->vm_end : 0, end = vm_start_gap(vma);

	return end > start ? end - start : 0;
}

static void set_gap(struct vm_area_struct *vma, const struct vm_area_struct *prev)
{
	unsigned long gap = gap_between(prev, vma);
	struct mm_struct *mm = vma->vm_mm;

	if (gap == vma->vm_gap)
		return;
	if (gap < vma->vm_gap) {
		vma->vm_gap = gap;
		vma_gap_propagate(&vma->vm_rb, NULL);
		return;
	}
	if (mm->gap_hint && mm->gap_hint->vm_start < vma->vm_start)
		mm->gap_hint = NULL;
	vma->vm_gap = gap;
	/* The largest gaps above can only have become this one. */
	for (struct rb_node *rb = &vma->vm_rb; rb && to_vma(rb)->rb_subtree_gap < gap;
	     rb = rb_parent(rb))
		to_vma(rb)->rb_subtree_gap = gap;
}

void vma_gap_update(struct vm_area_struct *vma)
{
	struct vm_area_struct *next = vma_next(vma);

	set_gap(vma, vma_prev(vma));
	if (next)
		set_gap(next, vma);
}

static void list_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev,
		      struct vm_area_struct *next)
{
	vma->vm_prev = prev;
	vma->vm_next = next;
	*(prev ? &prev->vm_next : &mm->first_vma) = vma;
	*(next ? &next->vm_prev : &mm->last_vma) = vma;
}

/*
 * Of two neighbours in order the deeper one has no child on the other's side: there the new one
 * hangs. Its successor is thus always above it, and one way up puts the gaps of both right.
 */
void vma_tree_insert(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev)
{
	struct vm_area_struct *next = prev ? vma_next(prev) : vma_first(mm);
	struct rb_node **link = &mm->mm_rb.rb_node, *parent = NULL;
	unsigned long gap;

	ASSERT(!prev || prev->vm_end <= vma->vm_start);
	ASSERT(!next || vma->vm_end <= next->vm_start);
	if (prev && !prev->vm_rb.rb_right) {
		parent = &prev->vm_rb;
		link = &parent->rb_right;
	} else if (next) {
		parent = &next->vm_rb;
		link = &parent->rb_left;
	}
	vma_set_write_locked(vma, mm);
	list_link(mm, vma, prev, next);
	rb_link_node(&vma->vm_rb, parent, link);
	gap = gap_between(prev, vma);
	vma->vm_gap = vma->rb_subtree_gap = gap;
	if (gap && (!next || parent != &next->vm_rb))
		vma_gap_propagate(parent, next ? &next->vm_rb : NULL);
	if (next && (gap = gap_between(vma, next)) != next->vm_gap) {
		next->vm_gap = gap;
		if (next == mm->gap_hint && gap < mm->gap_hint_len)
			mm->gap_hint = vma; /* what is left of that gap lies below @vma */
		vma_gap_propagate(&next->vm_rb, NULL);
	}
	rb_insert_augmented(&vma->vm_rb, &mm->mm_rb, &vma_gap);
	mm->map_count++;
	mm->mmap_cache = vma; /* who maps it will use it */
}

void vma_list_append(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct *prev = vma_last(mm);

	ASSERT(!prev || prev->vm_end <= vma->vm_start);
	vma_set_write_locked(vma, mm);
	list_link(mm, vma, prev, NULL);
	vma->vm_gap = gap_between(prev, vma);
	mm->map_count++;
}

/*
 * The next @n VMAs of the list as a balanced tree. Its upper @levels are full, those are black; what
 * is left over below is red.
 */
static struct rb_node *build_tree(struct vm_area_struct **next, unsigned int n, int levels)
{
	struct rb_node *left = NULL, *right = NULL;
	struct vm_area_struct *vma;

	if (n > 2)
		left = build_tree(next, (n - 1) / 2, levels - 1);
	vma = *next;
	*next = vma_next(vma);
	if (n > 1)
		right = build_tree(next, n / 2, levels - 1);
	rb_join(&vma->vm_rb, left, right, levels > 0);
	compute_subtree_gap(vma, false);
	return &vma->vm_rb;
}

void vma_tree_build(struct mm_struct *mm)
{
	struct vm_area_struct *first = vma_first(mm);
	unsigned int n = (unsigned int)mm->map_count;

	if (first)
		mm->mm_rb.rb_node = build_tree(&first, n, n > 1 ? ilog2(n) : 1);
}

void vma_tree_remove(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct *next = vma_next(vma), *prev = vma_prev(vma);

	*(prev ? &prev->vm_next : &mm->first_vma) = next;
	*(next ? &next->vm_prev : &mm->last_vma) = prev;
	if (mm->gap_hint == vma)
		mm->gap_hint = next; /* its gap takes in that of @vma */
	/* First, since balancing copies the values that it finds on its way. */
	if (next)
		set_gap(next, prev);
	rb_erase_augmented(&vma->vm_rb, &mm->mm_rb, &vma_gap);
	vma_mark_detached(mm, vma);
	if (mm->mmap_cache == vma)
		mm->mmap_cache = next; /* what find_vma() now answers for its range */
	mm->map_count--;
}

/* Does the gap below @vma hold @len bytes within [low, high)? The place is at its upper end. */
static bool gap_fits(const struct vm_area_struct *vma, unsigned long len, unsigned long low,
		     unsigned long high, unsigned long *addr, bool topdown)
{
	unsigned long end = vm_start_gap(vma), start = end - vma->vm_gap;

	start = max(start, low);
	end = min(end, high);
	if (vma->vm_gap < len || end < start || end - start < len)
		return false;
	*addr = topdown ? end - len : start;
	return true;
}

/*
 * The VMA with the highest fitting gap below it in the subtree, or NULL. Recursion is as deep as the
 * tree is high. A right subtree is entered when it has a gap that is large enough and does not begin
 * too high; only along the path of @high can that turn out to be in vain.
 */
static struct vm_area_struct *highest_gap(struct rb_node *rb, unsigned long len, unsigned long low,
					  unsigned long high, unsigned long *addr)
{
	while (gap_below(rb) >= len) {
		struct vm_area_struct *vma = to_vma(rb), *found = NULL;

		if (vma->vm_end <= high - len)
			found = highest_gap(rb->rb_right, len, low, high, addr);
		if (found)
			return found;
		if (gap_fits(vma, len, low, high, addr, true))
			return vma;
		if (vma->vm_start < low)
			return NULL;
		rb = rb->rb_left;
	}
	return NULL;
}

static bool lowest_gap(struct rb_node *rb, unsigned long len, unsigned long low, unsigned long high,
		       unsigned long *addr)
{
	while (gap_below(rb) >= len) {
		const struct vm_area_struct *vma = to_vma(rb);

		if (vma->vm_start >= low + len && lowest_gap(rb->rb_left, len, low, high, addr))
			return true;
		if (gap_fits(vma, len, low, high, addr, false))
			return true;
		if (vma->vm_end > high - len)
			return false;
		rb = rb->rb_right;
	}
	return false;
}

/* The space above the last VMA belongs to no VMA's gap. */
static unsigned long free_above_last(struct mm_struct *mm, unsigned long low)
{
	struct vm_area_struct *last = vma_last(mm);

	return last && last->vm_end > low ? last->vm_end : low;
}

/* Mapping after mapping goes below the last one: the gap that was found then is tried first. */
unsigned long vm_unmapped_area(struct mm_struct *mm, unsigned long len, unsigned long low,
			       unsigned long high)
{
	unsigned long addr, start = free_above_last(mm, low);

	if (high < low || high - low < len)
		return (unsigned long)-ENOMEM;
	if (start <= high && high - start >= len)
		return high - len;
	if (mm->gap_hint && len >= mm->gap_hint_len && high == mm->gap_hint_high &&
	    gap_fits(mm->gap_hint, len, low, high, &addr, true))
		return addr;
	mm->gap_hint = highest_gap(mm->mm_rb.rb_node, len, low, high, &addr);
	mm->gap_hint_len = len;
	mm->gap_hint_high = high;
	return mm->gap_hint ? addr : (unsigned long)-ENOMEM;
}

unsigned long vm_unmapped_area_bottomup(struct mm_struct *mm, unsigned long len, unsigned long low,
					unsigned long high)
{
	unsigned long addr, start = free_above_last(mm, low);

	if (high < low || high - low < len)
		return (unsigned long)-ENOMEM;
	if (lowest_gap(mm->mm_rb.rb_node, len, low, high, &addr))
		return addr;
	if (start <= high && high - start >= len)
		return start;
	return (unsigned long)-ENOMEM;
}
