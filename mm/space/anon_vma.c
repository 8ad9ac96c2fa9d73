/* SPDX-License-Identifier: MIT */
/*
 * Families of VMAs that may hold the same anonymous page, and the trees in which the reverse map
 * finds VMAs by page index.
 *
 * Why a looker can trust page->mapping: a page that is mapped has a VMA, which is a member. Its
 * unmap comes before that VMA leaves; and the last member leaves under lookup_lock. So who sees
 * the page mapped under lookup_lock sees a family that is still there, and counts itself in.
 */
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/frame/slab.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"

static struct kmem_cache *anon_vma_cache;
static DEFINE_SPINLOCK(lookup_lock);
static atomic_long_t last_anon_id;

void rmap_init(void)
{
	anon_vma_cache = kmem_cache_create("anon_vma", sizeof(struct anon_vma), 0);
}

unsigned long new_anon_id(void)
{
	return (unsigned long)atomic_long_inc_return(&last_anon_id);
}

static noinline void put_last(struct anon_vma *anon_vma)
{
	bool last;

	spin_lock(&lookup_lock);
	last = atomic_dec_and_test(&anon_vma->refcount);
	spin_unlock(&lookup_lock);
	if (last)
		kmem_cache_free(anon_vma_cache, anon_vma);
}

void put_anon_vma(struct anon_vma *anon_vma)
{
	if (unlikely(!atomic_add_unless(&anon_vma->refcount, -1, 1)))
		put_last(anon_vma);
}

struct anon_vma *page_get_anon_vma(struct page *page)
{
	struct anon_vma *anon_vma = NULL;
	unsigned long mapping;

	spin_lock(&lookup_lock);
	mapping = (unsigned long)READ_ONCE(page->mapping);
	if ((mapping & PAGE_MAPPING_ANON) && page_mapped(page)) {
		anon_vma = (struct anon_vma *)(mapping - PAGE_MAPPING_ANON);
		atomic_inc(&anon_vma->refcount);
	}
	spin_unlock(&lookup_lock);
	return anon_vma;
}

static struct anon_vma *anon_vma_alloc(void)
{
	struct anon_vma *anon_vma = kmem_cache_alloc(anon_vma_cache, GFP_KERNEL);

	if (!anon_vma)
		return NULL;
	init_rwsem(&anon_vma->rwsem, "anon_vma");
	atomic_set(&anon_vma->refcount, 1);
	anon_vma->tree = RB_ROOT;
	return anon_vma;
}

/*
 * Could @below and @above become one VMA if only their rights were the same? Then they had better
 * share a family: mprotect() back and forth must be able to merge them again.
 */
static bool anon_vma_compatible(const struct vm_area_struct *below,
				const struct vm_area_struct *above)
{
	return below->vm_end == above->vm_start && below->vm_file == above->vm_file &&
	       !((below->vm_flags ^ above->vm_flags) & ~VM_ACCESS_FLAGS) &&
	       above->vm_pgoff == below->vm_pgoff + vma_pages(below);
}

/* The neighbour whose family @vma may join, or NULL. */
static struct vm_area_struct *find_mergeable_anon_vma(struct vm_area_struct *vma)
{
	struct vm_area_struct *next = vma_next(vma), *prev = vma_prev(vma);

	if (next && smp_load_acquire(&next->anon_vma) && !next->anon_inherited &&
	    anon_vma_compatible(vma, next))
		return next;
	if (prev && smp_load_acquire(&prev->anon_vma) && !prev->anon_inherited &&
	    anon_vma_compatible(prev, vma))
		return prev;
	return NULL;
}

static void anon_node_insert(struct vm_area_struct *vma)
{
	vma->anon_node.start = vma->vm_pgoff;
	vma->anon_node.last = vma->vm_pgoff + vma_pages(vma) - 1;
	interval_tree_insert(&vma->anon_node, &vma->anon_vma->tree);
}

int __anon_vma_prepare(struct vm_area_struct *vma)
{
	struct vm_area_struct *neighbour = find_mergeable_anon_vma(vma);
	struct anon_vma *anon_vma = neighbour ? neighbour->anon_vma : anon_vma_alloc();
	struct mm_struct *mm = vma->vm_mm;
	bool late;

	if (!anon_vma)
		return -ENOMEM;
	if (neighbour)
		atomic_inc(&anon_vma->refcount);
	down_write(&anon_vma->rwsem);
	/* Faults in other threads may be here for the same VMA: page_table_lock picks one. */
	spin_lock(&mm->page_table_lock);
	late = vma->anon_vma;
	if (likely(!late)) {
		vma->anon_id = neighbour ? neighbour->anon_id : new_anon_id();
		smp_store_release(&vma->anon_vma, anon_vma);
		anon_node_insert(vma);
	}
	spin_unlock(&mm->page_table_lock);
	up_write(&anon_vma->rwsem);
	if (unlikely(late))
		put_anon_vma(anon_vma);
	return 0;
}

void anon_vma_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	dst->anon_vma = src->anon_vma;
	dst->anon_id = src->anon_id;
	dst->anon_inherited = src->anon_inherited;
	if (dst->anon_vma)
		atomic_inc(&dst->anon_vma->refcount);
}

void unlink_anon_vma(struct vm_area_struct *vma)
{
	if (vma->anon_vma)
		put_anon_vma(vma->anon_vma);
	vma->anon_vma = NULL;
	vma->anon_id = 0;
	vma->anon_inherited = false;
}

void rmap_insert(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma_mapping(vma);

	if (mapping) {
		vma->file_node.start = vma->vm_pgoff;
		vma->file_node.last = vma->vm_pgoff + vma_pages(vma) - 1;
		interval_tree_insert(&vma->file_node, &mapping->i_mmap);
		if (vma->vm_flags & VM_SHARED)
			mapping->i_mmap_writable++;
	}
	if (vma->anon_vma)
		anon_node_insert(vma);
}

void rmap_resize(struct vm_area_struct *vma)
{
	pgoff_t last = vma->vm_pgoff + vma_pages(vma) - 1;

	if (vma_mapping(vma))
		interval_tree_set_last(&vma->file_node, last);
	if (vma->anon_vma)
		interval_tree_set_last(&vma->anon_node, last);
}

void rmap_remove(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma_mapping(vma);

	if (mapping) {
		interval_tree_remove(&vma->file_node, &mapping->i_mmap);
		if (vma->vm_flags & VM_SHARED)
			mapping->i_mmap_writable--;
	}
	if (vma->anon_vma)
		interval_tree_remove(&vma->anon_node, &vma->anon_vma->tree);
}
