/* SPDX-License-Identifier: MIT */
/*
 * Reverse map: from a frame to every user entry that maps it.
 *
 * Anonymous: page->mapping points to an anon_vma, the family of VMAs that one VMA became through
 * fork, split and merge; page->index is the page's place in it. All members stand in one interval
 * tree by their pgoff range, so a walk touches only VMAs that could map the page. (Linux chains one
 * anon_vma per process so that a child's own pages do not visit its parent; we pay that visit and
 * save the chains at every fork.)
 * File: page->mapping->i_mmap holds the VMAs of the file the same way.
 *
 * Lock order: mmap_lock, page lock, i_mmap_rwsem or anon_vma->rwsem, ptl.
 */
#ifndef MM_SPACE_RMAP_H
#define MM_SPACE_RMAP_H

#include "kernel/core/panic.h"
#include "kernel/core/vfs.h"
#include "mm/space/mm.h"
#include "mm/stats.h"
#include <asm/tlbflush.h>

struct anon_vma {
	struct rw_semaphore rwsem; /* the tree */
	atomic_t refcount;         /* member VMAs, plus lookers (page_get_anon_vma) */
	struct rb_root tree;       /* interval_node anon_node of the members */
};

/* Slab cache; called by mm_init(). */
void rmap_init(void);
/*
 * Give @vma an anon_vma: a mergeable neighbour's, or a new one. 0 or -ENOMEM. mmap_lock held
 * (reading is enough: serialised inside).
 */
int __anon_vma_prepare(struct vm_area_struct *vma);
static inline int anon_vma_prepare(struct vm_area_struct *vma)
{
	return likely(READ_ONCE(vma->anon_vma)) ? 0 : __anon_vma_prepare(vma);
}
/* A number for vm_area_struct.anon_id that no VMA has. */
unsigned long new_anon_id(void);
/* @dst takes the family of @src over (a reference, nothing in the tree yet). Cannot fail. */
void anon_vma_clone(struct vm_area_struct *dst, const struct vm_area_struct *src);
/* @vma, in no tree any more, leaves the family; the last one frees it. */
void unlink_anon_vma(struct vm_area_struct *vma);
/*
 * The family of a page that is mapped now, kept alive until put_anon_vma(); else NULL. Page
 * locked.
 */
struct anon_vma *page_get_anon_vma(struct page *page);
void put_anon_vma(struct anon_vma *anon_vma);

/*
 * The reverse map finds a VMA through two trees, by pgoff. While a range changes (merge, split,
 * mremap) both stay locked, so that no walk misses an entry. Either argument may be NULL. Sleeps;
 * mmap_lock held for writing.
 */
struct address_space;
static inline void rmap_lock(struct address_space *mapping, struct anon_vma *anon_vma)
{
	if (mapping)
		down_write(&mapping->i_mmap_rwsem);
	if (anon_vma)
		down_write(&anon_vma->rwsem);
}
static inline void rmap_unlock(struct address_space *mapping, struct anon_vma *anon_vma)
{
	if (anon_vma)
		up_write(&anon_vma->rwsem);
	if (mapping)
		up_write(&mapping->i_mmap_rwsem);
}
/* Put @vma into the trees by its present bounds / take it out. Trees locked. */
void rmap_insert(struct vm_area_struct *vma);
/* It is in them, and only its end has moved. Trees locked. */
void rmap_resize(struct vm_area_struct *vma);
void rmap_remove(struct vm_area_struct *vma);
/* The page cache behind @vma, or NULL. */
static inline struct address_space *vma_mapping(const struct vm_area_struct *vma)
{
	return vma->vm_file ? vma->vm_file->f_mapping : NULL;
}

/* Make @page a member of the family of @vma, which has an anon_vma. */
static inline void set_anon_rmap(struct page *page, struct vm_area_struct *vma, unsigned long addr)
{
	ASSERT(vma->anon_vma);
	page->index = linear_page_index(vma, addr);
	WRITE_ONCE(page->mapping,
		   (struct address_space *)((unsigned long)vma->anon_vma | PAGE_MAPPING_ANON));
}
/*
 * A new anonymous page is about to be mapped at @addr: sets mapping and index, counts the map.
 * ptl held.
 */
static inline void page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma,
					  unsigned long addr)
{
	set_anon_rmap(page, vma, addr);
	atomic_set(&page->_mapcount, 1);
	mod_node_stat(N_nr_anon_pages, 1);
}
/* An anonymous page that may have an owner already (swap-in). Page locked, ptl held. */
void page_add_anon_rmap(struct page *page, struct vm_area_struct *vma, unsigned long addr);
static inline void page_add_file_rmap(struct page *page)
{
	if (atomic_inc_return(&page->_mapcount) == 1)
		mod_node_stat(N_nr_mapped, 1);
}
/* One more entry maps a page that is mapped already (fork). ptl held. */
static inline void page_dup_rmap(struct page *page) { atomic_inc(&page->_mapcount); }
/* An entry that mapped the page was cleared. ptl held. The reference is dropped by the caller. */
static inline void page_remove_rmap(struct page *page)
{
	ASSERT(page_mapcount(page) > 0);
	if (atomic_dec_and_test(&page->_mapcount))
		mod_node_stat(PageAnon(page) ? N_nr_anon_pages : N_nr_mapped, -1);
}

/*
 * Clears the accessed bit of every entry that maps the page; returns how many were set.
 * *vm_flags: OR of the VMAs' flags. The flush is left to @batch: without it a busy page whose
 * translation stays in a TLB would look idle ever after. Page locked.
 */
int page_referenced(struct page *page, unsigned long *vm_flags, struct tlb_batch *batch);
/*
 * Take every mapping of the page out (but those of VM_LOCKED VMAs: these mlock the page):
 * anonymous entries become the swap entry in page->private (page must be in the swap cache), file
 * entries are cleared, dirty bits move to the page. Entries of a page that MADV_FREE gave up are
 * cleared as well, up to one that says that it was written: then it is swapbacked again. True when no mapping is left. Page locked, and it
 * stays so until @batch was flushed: before that CPUs may still read and write it.
 */
bool try_to_unmap(struct page *page, struct tlb_batch *batch);
/*
 * Write-protect and clean every entry of a shared file page; true when one was dirty (caller
 * marks the page). Page locked.
 */
bool page_mkclean(struct page *page);

#endif
