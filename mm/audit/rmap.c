/* SPDX-License-Identifier: MIT */
/*
 * The reverse map: every VMA stands in the tree of its file and in that of its family, under its own
 * pages, and these trees hold nobody else. Each tree is walked once, from the VMA that is its first.
 */
#include "kernel/core/vfs.h"
#include "mm/audit/internal.h"
#include "mm/backing/filemap.h"
#include "mm/space/rmap.h"

struct member_sums {
	const void *tree; /* the address_space or anon_vma */
	bool file;
	const char *name;
	unsigned long members, shared;
	unsigned long last_start;
};

static unsigned long subtree_last(const struct rb_node *node)
{
	return node ? rb_entry(node, struct interval_node, rb)->subtree_last : 0;
}

static struct vm_area_struct *vma_of(struct interval_node *node, bool file)
{
	return file ? container_of(node, struct vm_area_struct, file_node) :
		      container_of(node, struct vm_area_struct, anon_node);
}

static bool check_node(struct audit *a, const struct interval_node *node, struct member_sums *sums)
{
	unsigned long most = max(
		node->last, max(subtree_last(node->rb.rb_left), subtree_last(node->rb.rb_right)));

	if (node->start < sums->last_start || node->subtree_last != most)
		return audit_fail(
			a, "%s %p: the interval %#lx-%#lx is out of order or has a wrong end",
			sums->name, sums->tree, node->start, node->last);
	sums->last_start = node->start;
	return true;
}

static bool look_at_member(struct audit *a, struct rb_node *rb, void *arg)
{
	struct interval_node *node = rb_entry(rb, struct interval_node, rb);
	struct member_sums *sums = arg;
	struct vm_area_struct *vma = vma_of(node, sums->file);
	const void *tree = sums->file ? (void *)vma_mapping(vma) : (void *)vma->anon_vma;

	if (!check_node(a, node, sums))
		return false;
	sums->members++;
	sums->shared += !!(vma->vm_flags & VM_SHARED);
	if (tree != sums->tree)
		return audit_fail(a, "%s %p has a VMA %p whose own is %p", sums->name, sums->tree,
				  (void *)vma, tree);
	if (!audit_is_object(vma->vm_mm))
		return audit_fail(a, "%s %p has a VMA %p of no map", sums->name, sums->tree,
				  (void *)vma);
	if (!audit_is_changing(vma->vm_mm) && !audit_in_tree(&vma->vm_rb, &vma->vm_mm->mm_rb))
		return audit_fail(a, "%s %p has a VMA %p, %#lx-%#lx, that %s does not have",
				  sums->name, sums->tree, (void *)vma, vma->vm_start, vma->vm_end,
				  audit_owner(vma->vm_mm));
	return true;
}

/* Does @vma stand in the tree at @root, under its own pages? */
static bool is_member(struct audit *a, const struct vm_area_struct *vma,
		      const struct interval_node *node, const struct rb_root *root,
		      const char *tree)
{
	if (!audit_in_tree(&node->rb, root))
		return audit_fail(a, "%s: the VMA at %#lx is missing in its %s",
				  audit_owner(vma->vm_mm), vma->vm_start, tree);
	if (node->start != vma->vm_pgoff || node->last != vma->vm_pgoff + vma_pages(vma) - 1)
		return audit_fail(
			a, "%s: the VMA at %#lx has pages %#lx-%#lx, its %s says %#lx-%#lx",
			audit_owner(vma->vm_mm), vma->vm_start, vma->vm_pgoff,
			vma->vm_pgoff + vma_pages(vma) - 1, tree, node->start, node->last);
	return true;
}

static bool check_file(struct audit *a, const struct vm_area_struct *vma,
		       struct address_space *mapping)
{
	struct member_sums sums = { .tree = mapping, .file = true, .name = "i_mmap of mapping" };

	if (!is_member(a, vma, &vma->file_node, &mapping->i_mmap, "file's i_mmap"))
		return false;
	if (rb_first(&mapping->i_mmap) != &vma->file_node.rb)
		return true;
	if (!audit_tree(a, &mapping->i_mmap, "i_mmap", look_at_member, &sums))
		return false;
	/* A cache with pages is found by them. */
	if (mapping->nrpages && !xa_find(&mapping->i_pages, &(unsigned long){ 0 }, ~0UL))
		return audit_fail(a, "mapping %p: nrpages is %lu, its tree is empty",
				  (void *)mapping, mapping->nrpages);
	if ((unsigned long)mapping->i_mmap_writable != sums.shared)
		return audit_fail(a, "mapping %p: i_mmap_writable is %d, %lu shared VMAs map it",
				  (void *)mapping, mapping->i_mmap_writable, sums.shared);
	return true;
}

/* Does somebody look at the family, or wait to? Then more than its members count themselves. */
static bool is_watched(const struct anon_vma *anon_vma)
{
	return anon_vma->rwsem.count || anon_vma->rwsem.nr_waiters;
}

static bool check_family(struct audit *a, const struct vm_area_struct *vma,
			 const struct anon_vma *anon_vma)
{
	struct member_sums sums = { .tree = anon_vma, .name = "anon_vma" };
	unsigned long references = (unsigned long)atomic_read(&anon_vma->refcount);

	if (!audit_is_object(anon_vma))
		return audit_fail(a, "%s: the VMA at %#lx has an anon_vma %p that is no object",
				  audit_owner(vma->vm_mm), vma->vm_start, (const void *)anon_vma);
	if (!is_member(a, vma, &vma->anon_node, &anon_vma->tree, "anon_vma"))
		return false;
	if (rb_first(&anon_vma->tree) != &vma->anon_node.rb)
		return true;
	if (!audit_tree(a, &anon_vma->tree, "anon_vma", look_at_member, &sums))
		return false;
	if (references < sums.members ||
	    (references > sums.members && !a->changing && !is_watched(anon_vma)))
		return audit_fail(a, "anon_vma %p has refcount %lu, %lu VMAs are its members",
				  (const void *)anon_vma, references, sums.members);
	return true;
}

bool audit_vma_rmap(struct audit *a, struct vm_area_struct *vma)
{
	struct address_space *mapping = vma_mapping(vma);

	if (mapping && !check_file(a, vma, mapping))
		return false;
	return !vma->anon_vma || check_family(a, vma, vma->anon_vma);
}
