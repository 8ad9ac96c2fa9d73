/* SPDX-License-Identifier: MIT */
/*
 * Making, merging and splitting VMAs. The rules of merging are Linux 6.1's, to the last line of
 * /proc/self/maps: same flags, same file at the next page, no vm_ops->close, and anonymous memory
 * that is one family or not there yet (see can_merge_anon()).
 *
 * Every change of bounds goes through one function, vma_edit(). It takes a few VMAs that lie side
 * by side and gives each its new bounds, or none: then it goes away. Locks: mmap_lock for
 * writing; it locks the VMAs for writing itself, so that no fault sees half of the change;
 * i_mmap_rwsem and the anon_vma's rwsem are held over it, so that no walk of the reverse map does.
 */
#include "kernel/core/vfs.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/frame/slab.h"
#include "mm/space/record.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"
#include "mm/space/vma_lock.h"

static struct kmem_cache *vma_cache;

/* Kinds of mapping that never merge and never grow. */
#define VM_SPECIAL VM_DONTEXPAND

void vma_cache_init(void)
{
	vma_cache = kmem_cache_create("vm_area_struct", sizeof(struct vm_area_struct), 0);
}

struct vm_area_struct *vm_area_alloc(struct mm_struct *mm)
{
	struct vm_area_struct *vma = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (vma) {
		memset(vma, 0, VMA_PLACE);
		vma->vm_mm = mm;
	}
	return vma;
}

struct vm_area_struct *vm_area_dup(const struct vm_area_struct *vma)
{
	struct vm_area_struct *copy = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!copy)
		return NULL;
	memcpy(copy, vma, VMA_PLACE);
	copy->vm_readers = 0; /* those are in the other */
	if (copy->anon_vma)
		atomic_inc(&copy->anon_vma->refcount);
	if (copy->vm_file)
		get_file(copy->vm_file);
	return copy;
}

static void free_vma_rcu(struct rcu_head *head)
{
	kmem_cache_free(vma_cache, container_of(head, struct vm_area_struct, vm_rcu));
}

/* @alone: as mm_has_one_task() says of its map. */
static __always_inline void free_vma(struct vm_area_struct *vma, bool alone)
{
	if (likely(alone))
		kmem_cache_free(vma_cache, vma);
	else
		call_rcu(&vma->vm_rcu, free_vma_rcu);
}

void vm_area_free(struct vm_area_struct *vma)
{
	free_vma(vma, mm_has_one_task(vma->vm_mm));
}

static __always_inline void drop_references(struct vm_area_struct *vma, bool alone)
{
	if (vma->anon_vma)
		put_anon_vma(vma->anon_vma);
	if (vma->vm_file)
		fput(vma->vm_file);
	free_vma(vma, alone);
}

void vma_release(struct vm_area_struct *vma)
{
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	drop_references(vma, mm_has_one_task(vma->vm_mm));
}

static noinline void link_rmap(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma_mapping(vma);

	if (!mapping && !vma->anon_vma)
		return; /* no page of it can be mapped yet */
	rmap_lock(mapping, vma->anon_vma);
	rmap_insert(vma);
	rmap_unlock(mapping, vma->anon_vma);
}

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev)
{
	vma_tree_insert(mm, vma, prev);
	if (vma->vm_file || vma->anon_vma)
		link_rmap(vma);
	record_vma(vma, RECORD_NEW);
}

void vma_append(struct mm_struct *mm, struct vm_area_struct *vma)
{
	vma_list_append(mm, vma);
	if (vma->vm_file || vma->anon_vma)
		link_rmap(vma);
	record_vma(vma, RECORD_NEW);
}

void __vma_unlink_rmap(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma_mapping(vma);

	if (!mapping && !vma->anon_vma)
		return;
	rmap_lock(mapping, vma->anon_vma);
	rmap_remove(vma);
	rmap_unlock(mapping, vma->anon_vma);
}

/* New bounds of one VMA; start == end: it goes away. */
struct vma_edit {
	struct vm_area_struct *vma;
	unsigned long start, end;
};
#define MAX_EDITS 3

static inline struct vma_edit edit(struct vm_area_struct *vma, unsigned long start,
				   unsigned long end)
{
	return (struct vma_edit){ .vma = vma, .start = start, .end = end };
}

static inline bool is_gone(const struct vma_edit *change)
{
	return change->start == change->end;
}

/* In the reverse map's trees only the end moves; @family: what the VMA may have to join. */
static inline bool keeps_its_place(const struct vma_edit *change,
				   const struct vm_area_struct *family)
{
	return change->start == change->vma->vm_start && !is_gone(change) &&
	       (change->vma->anon_vma || !family);
}

static void change_bounds(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	/* Unsigned arithmetic is right in both directions: a lower start is a lower pgoff. */
	vma->vm_pgoff += (start >> PAGE_SHIFT) - (vma->vm_start >> PAGE_SHIFT);
	vma->vm_start = start;
	vma->vm_end = end;
}

static noinline void record_gone(const struct vma_edit *edits, int n)
{
	for (int i = 0; i < n; i++)
		if (is_gone(&edits[i]))
			record_vma_gone(edits[i].vma);
}

/* The bounds alone, and the places in the reverse map that follow from them. Its trees are locked. */
static noinline void edit_bounds(const struct vma_edit *edits, int n,
				 const struct vm_area_struct *family)
{
	bool keeps[MAX_EDITS];
	int i;

	if (tracing())
		record_gone(edits, n);
	for (i = 0; i < n; i++) {
		keeps[i] = keeps_its_place(&edits[i], family);
		if (!keeps[i])
			rmap_remove(edits[i].vma);
	}
	for (i = 0; i < n; i++) {
		struct vm_area_struct *vma = edits[i].vma;
		unsigned long was = vma->vm_start;

		if (is_gone(&edits[i]))
			continue;
		if (family && !vma->anon_vma && (edits[i].start < was || edits[i].end > vma->vm_end))
			anon_vma_clone(vma, family);
		change_bounds(vma, edits[i].start, edits[i].end);
		record_vma(vma, was);
		if (keeps[i])
			rmap_resize(vma);
		else
			rmap_insert(vma);
	}
}

/*
 * Apply @n edits at once. All VMAs have the same file, and one anon_vma or none; who has none and
 * grows joins the others' family, since it may now hold their pages. @fresh are VMAs in no tree
 * that fill the space which the first edit sets free. Bounds change before the tree does: so gaps
 * that are the same before and after never look different in between, and nothing is propagated.
 */
static void vma_edit(struct mm_struct *mm, const struct vma_edit *edits, int n,
		     struct vm_area_struct **fresh, int nr_fresh)
{
	struct address_space *mapping = vma_mapping(edits[0].vma);
	const struct vm_area_struct *family = NULL;
	bool alone = mm_has_one_task(mm);
	int i;

	for (i = 0; i < n; i++) {
		if (!likely(alone) || CONFIG_DEBUG) /* which asserts it */
			vma_start_write(edits[i].vma);
		if (edits[i].vma->anon_vma)
			family = edits[i].vma;
	}
	rmap_lock(mapping, family ? family->anon_vma : NULL);
	edit_bounds(edits, n, family);
	for (i = 0; i < n; i++)
		if (is_gone(&edits[i]))
			vma_tree_remove(mm, edits[i].vma);
	for (i = 0; i < nr_fresh; i++) {
		struct vm_area_struct *beside = edits[0].vma;

		vma_tree_insert(mm, fresh[i],
				fresh[i]->vm_start < beside->vm_start ? vma_prev(beside) : beside);
		rmap_insert(fresh[i]);
		record_vma(fresh[i], RECORD_NEW);
	}
	rmap_unlock(mapping, family ? family->anon_vma : NULL);
	for (i = 0; i < n; i++)
		if (is_gone(&edits[i]))
			drop_references(edits[i].vma, alone);
}

void vma_set_bounds(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct vma_edit change = edit(vma, start, end);

	vma_edit(vma->vm_mm, &change, 1, NULL, 0);
	vma_gap_update(vma);
}

/* A VMA like @vma for [start, end), a part of it; in no tree. NULL: out of memory. */
static struct vm_area_struct *copy_part(const struct vm_area_struct *vma, unsigned long start,
					unsigned long end)
{
	struct vm_area_struct *part = vm_area_dup(vma);

	if (part) {
		change_bounds(part, start, end);
		if (part->vm_ops && part->vm_ops->open)
			part->vm_ops->open(part);
	}
	return part;
}

int vma_carve(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct vm_area_struct *fresh[2] = { NULL, NULL };
	struct vma_edit change = edit(vma, start, end);
	int n = 0;

	if (start > vma->vm_start && !(fresh[n++] = copy_part(vma, vma->vm_start, start)))
		return -ENOMEM;
	if (end < vma->vm_end && !(fresh[n++] = copy_part(vma, end, vma->vm_end))) {
		if (fresh[0])
			vma_release(fresh[0]);
		return -ENOMEM;
	}
	if (n)
		vma_edit(vma->vm_mm, &change, 1, fresh, n);
	return 0;
}

/*
 * A range may join @vma when both hold the same family's pages; or when the range has none yet,
 * unless @vma came from a parent by fork: Linux keeps those apart to keep its chains short, and a
 * user sees it. A range with pages does not join a VMA without any.
 */
static inline bool can_merge_anon(unsigned long anon_id, const struct vm_area_struct *vma)
{
	return anon_id == vma->anon_id || (!anon_id && !vma->anon_inherited);
}

static inline bool can_merge(const struct vm_area_struct *vma, const struct vma_range *range,
			     unsigned long anon_id)
{
	return vma->vm_flags == range->vm_flags && vma->vm_file == range->file &&
	       !(vma->vm_flags & VM_SPECIAL) && !(vma->vm_ops && vma->vm_ops->close) &&
	       can_merge_anon(anon_id, vma);
}

static inline bool can_take_above(const struct vm_area_struct *vma, const struct vma_range *range,
				  unsigned long anon_id)
{
	return vma->vm_end == range->start && can_merge(vma, range, anon_id) &&
	       vma->vm_pgoff + vma_pages(vma) == range->pgoff;
}

static inline bool can_take_below(const struct vm_area_struct *vma, const struct vma_range *range)
{
	return vma->vm_start == range->end && can_merge(vma, range, range->anon_id) &&
	       vma->vm_pgoff == range->pgoff + ((range->end - range->start) >> PAGE_SHIFT);
}

bool can_vma_merge_after(const struct vm_area_struct *vma, const struct vma_range *range)
{
	return can_take_above(vma, range, range->anon_id);
}

/* Both neighbours take the range from their side: do they also go together? */
static bool sides_go_together(const struct vm_area_struct *prev, const struct vm_area_struct *next)
{
	return !prev->anon_id || !next->anon_id || prev->anon_id == next->anon_id;
}

struct vm_area_struct *vma_merge(const struct vma_range *range, struct vm_area_struct *prev,
				 struct vm_area_struct *next, bool next_first)
{
	bool with_next = next && can_take_below(next, range), with_prev;
	unsigned long anon_id = range->anon_id;
	struct vma_edit edits[MAX_EDITS];

	/* mmap() looks at @next first and then asks whether @prev goes with that. */
	if (next_first && with_next)
		anon_id = next->anon_id;
	with_prev = prev && can_take_above(prev, range, anon_id);
	if (with_prev && with_next && sides_go_together(prev, next)) {
		edits[0] = edit(prev, prev->vm_start, next->vm_end);
		edits[1] = edit(next, 0, 0);
		vma_edit(range->mm, edits, 2, NULL, 0);
		return prev;
	}
	if (with_prev) {
		vma_set_bounds(prev, prev->vm_start, range->end);
		return prev;
	}
	if (with_next) {
		vma_set_bounds(next, range->start, next->vm_end);
		return next;
	}
	return NULL;
}

/* The neighbour of @vma at the end of the range that reaches that far, or NULL. */
static struct vm_area_struct *taker_below(struct vm_area_struct *vma, const struct vma_range *range)
{
	struct vm_area_struct *prev = range->start == vma->vm_start ? vma_prev(vma) : NULL;

	return prev && can_take_above(prev, range, range->anon_id) ? prev : NULL;
}

static struct vm_area_struct *taker_above(struct vm_area_struct *vma, const struct vma_range *range)
{
	struct vm_area_struct *next = range->end == vma->vm_end ? vma_next(vma) : NULL;

	return next && can_take_below(next, range) ? next : NULL;
}

/* @vma loses [start, end), one end of it or all, to @prev or @next or (all of it) to both. */
static struct vm_area_struct *give_away(struct vm_area_struct *vma, const struct vma_range *range,
					struct vm_area_struct *prev, struct vm_area_struct *next)
{
	unsigned long end = prev && next ? next->vm_end : range->end;
	struct vma_edit edits[MAX_EDITS];
	int n = 0;

	if (range->start == vma->vm_start && range->end == vma->vm_end)
		edits[n++] = edit(vma, 0, 0);
	else if (prev)
		edits[n++] = edit(vma, range->end, vma->vm_end);
	else
		edits[n++] = edit(vma, vma->vm_start, range->start);
	if (prev)
		edits[n++] = edit(prev, prev->vm_start, end);
	if (prev && next)
		edits[n++] = edit(next, 0, 0);
	else if (next)
		edits[n++] = edit(next, range->start, next->vm_end);
	vma_edit(range->mm, edits, n, NULL, 0);
	return prev ? prev : next;
}

/* [start, end) of @vma, at one end of it or both, to a neighbour that takes it. NULL: none does. */
static struct vm_area_struct *offer(struct vm_area_struct *vma, unsigned long start,
				    unsigned long end, unsigned long vm_flags)
{
	struct vma_range range = range_like(vma, start, end);
	struct vm_area_struct *prev, *next;

	range.vm_flags = vm_flags;
	prev = taker_below(vma, &range);
	next = taker_above(vma, &range);
	if (prev && next && !sides_go_together(prev, next))
		next = NULL;
	return prev || next ? give_away(vma, &range, prev, next) : NULL;
}

struct vm_area_struct *vma_modify(struct vm_area_struct *vma, unsigned long start,
				  unsigned long end, unsigned long vm_flags)
{
	struct vm_area_struct *taker = NULL;
	int more;

	if (start == vma->vm_start || end == vma->vm_end)
		taker = offer(vma, start, end, vm_flags);
	if (taker)
		return taker;
	more = (start > vma->vm_start) + (end < vma->vm_end);
	if (vma->vm_mm->map_count + more > sysctl_max_map_count && more)
		return ERR_PTR(-ENOMEM);
	if (more && vma_stays_whole(vma))
		return ERR_PTR(-EINVAL);
	if (!more)
		vma_start_write(vma); /* or vma_carve() does it */
	return vma_carve(vma, start, end) ? ERR_PTR(-ENOMEM) : vma;
}
