/* SPDX-License-Identifier: MIT */
/*
 * Inside mm/space only: the VMA tree's changes, merge and split, accounting, and what the files of
 * the mmap family share. All of it wants mmap_lock held for writing unless said.
 */
#ifndef MM_SPACE_VMA_H
#define MM_SPACE_VMA_H

#include "lib/errno.h"
#include "mm/space/mm.h"

/* --- vma.c: the tree alone; nothing here allocates or sleeps --- */

/* Lowest address that belongs to @vma: a stack owns its guard gap. */
unsigned long stack_start_gap(const struct vm_area_struct *vma);
static inline unsigned long vm_start_gap(const struct vm_area_struct *vma)
{
	return likely(!(vma->vm_flags & VM_GROWSDOWN)) ? vma->vm_start : stack_start_gap(vma);
}
static inline bool vma_is_accessible(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCESS_FLAGS;
}
/* As find_vma(), and *@prev is the VMA below the one found (the last one when none is). */
static inline struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long addr,
						   struct vm_area_struct **prev)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	*prev = vma ? vma_prev(vma) : vma_last(mm);
	return vma;
}
/*
 * Bounds are set and overlap no other VMA; @prev is the one below, NULL if there is none. Counts
 * map_count. O(1) but for balancing and gaps. Faults find it at once, but it comes locked for
 * writing, so it may still be changed.
 */
void vma_tree_insert(struct mm_struct *mm, struct vm_area_struct *vma,
		     struct vm_area_struct *prev);
/*
 * fork's way, of a map that nobody searches yet: all VMAs in order to the end of the list, then the
 * tree of them all at once.
 */
void vma_list_append(struct mm_struct *mm, struct vm_area_struct *vma);
void vma_tree_build(struct mm_struct *mm);
/* @vma is locked for writing (vma_start_write()). No fault enters it any more. */
void vma_tree_remove(struct mm_struct *mm, struct vm_area_struct *vma);
/* The bounds of @vma changed, without passing a neighbour: put the gaps around it right. */
void vma_gap_update(struct vm_area_struct *vma);

/* --- vma_merge.c --- */
void vma_cache_init(void);
/* Where in a VMA its place begins; what lies before says what it is, and copies have that, too. */
#define VMA_PLACE offsetof(struct vm_area_struct, vm_rb)
/* A VMA for @mm, zeroed but for its place, in no tree; or NULL. */
struct vm_area_struct *vm_area_alloc(struct mm_struct *mm);
/*
 * A copy of @vma that holds its own references to file and anon_vma but has no place in any tree; or
 * NULL.
 */
struct vm_area_struct *vm_area_dup(const struct vm_area_struct *vma);
/*
 * Only for a VMA in no tree and without references: back to its cache, after a grace period if a
 * fault may still look at it (vma_lock.h).
 */
void vm_area_free(struct vm_area_struct *vma);
/* Drops file and anon_vma, calls vm_ops->close, frees. Already out of every tree. May sleep. */
void vma_release(struct vm_area_struct *vma);
/* Into the tree of @mm, above @prev (NULL: at the bottom), and the reverse map. */
void vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev);
/*
 * The same above all others of a map that is being made, but into the tree only with vma_tree_build(),
 * which comes before anybody searches it.
 */
void vma_append(struct mm_struct *mm, struct vm_area_struct *vma);
/* Out of the reverse map, so that the tables below it may be freed. */
void __vma_unlink_rmap(struct vm_area_struct *vma);
static inline void vma_unlink_rmap(struct vm_area_struct *vma)
{
	if (vma->vm_file || vma->anon_vma)
		__vma_unlink_rmap(vma);
}

/* A range about to be mapped, as merging sees it. */
struct vma_range {
	struct mm_struct *mm;
	unsigned long start, end, vm_flags;
	struct file *file;
	pgoff_t pgoff;
	unsigned long anon_id; /* 0: nothing anonymous in it yet */
};
/* [start, end) as if it were more of @vma. */
static inline struct vma_range range_like(const struct vm_area_struct *vma, unsigned long start,
					  unsigned long end)
{
	return (struct vma_range){ vma->vm_mm, start, end, vma->vm_flags, vma->vm_file,
				   linear_page_index(vma, start), vma->anon_id };
}
/* May the range become part of @vma, if that lies just below it? */
bool can_vma_merge_after(const struct vm_area_struct *vma, const struct vma_range *range);
/*
 * Let the neighbours @prev and @next (either may be NULL) take the free range in. Returns the VMA
 * that has it now, or NULL: make one. @next_first: mmap's order of preference instead of mremap's.
 */
struct vm_area_struct *vma_merge(const struct vma_range *range, struct vm_area_struct *prev,
				 struct vm_area_struct *next, bool next_first);
static inline bool vma_stays_whole(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->whole;
}
/*
 * Make [start, end) of @vma a VMA (or part of one) that can have @vm_flags: merged with neighbours
 * that have these flags already, or split off. It is locked for writing (vma_start_write()), and the
 * caller then stores the flags. ERR_PTR(-ENOMEM): out of memory or over max_map_count; -EINVAL: it
 * cannot be split. Nothing changed then.
 */
struct vm_area_struct *vma_modify(struct vm_area_struct *vma, unsigned long start,
				  unsigned long end, unsigned long vm_flags);
/*
 * Make @vma end and begin where [start, end), a part of it, does; new VMAs take what lies below
 * and above. 0 or -ENOMEM, nothing changed. max_map_count is the caller's business: munmap may go
 * over it.
 */
int vma_carve(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/* Move one or both ends of @vma into free space (or away from it), with its reverse map. */
void vma_set_bounds(struct vm_area_struct *vma, unsigned long start, unsigned long end);

/* --- account.c --- */
static inline bool is_data_mapping(unsigned long vm_flags)
{
	return (vm_flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE;
}
/* Count @pages (negative: take away) to the kind of memory that @vm_flags make it. */
static inline void vm_stat_kind(struct mm_struct *mm, unsigned long vm_flags, long pages)
{
	if (vm_flags & VM_STACK)
		mm->stack_vm += (unsigned long)pages;
	else if (is_data_mapping(vm_flags))
		mm->data_vm += (unsigned long)pages;
	else if ((vm_flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
		mm->exec_vm += (unsigned long)pages;
}
/* The same, and to total_vm. */
static inline void vm_stat_account(struct mm_struct *mm, unsigned long vm_flags, long pages)
{
	mm->total_vm += (unsigned long)pages;
	vm_stat_kind(mm, vm_flags, pages);
}
/* Do RLIMIT_AS and RLIMIT_DATA allow @pages more? */
static inline bool may_expand_vm(const struct mm_struct *mm, unsigned long vm_flags,
				 unsigned long pages)
{
	if (mm->total_vm + pages > mm->rlim_as >> PAGE_SHIFT)
		return false;
	return !is_data_mapping(vm_flags) || mm->data_vm + pages <= mm->rlim_data >> PAGE_SHIFT;
}
/*
 * May the process lock memory at all; may it lock @len bytes more of a range with @vm_flags (0 or
 * -EAGAIN)?
 */
bool can_do_mlock(const struct mm_struct *mm);
static inline int mlock_future_check(const struct mm_struct *mm, unsigned long vm_flags,
				     unsigned long len)
{
	if (likely(!(vm_flags & VM_LOCKED)))
		return 0;
	return mm->locked_vm + (len >> PAGE_SHIFT) > mm->rlim_memlock >> PAGE_SHIFT ? -EAGAIN : 0;
}

/* --- shared by the mmap family --- */
/*
 * What vm_page_prot must be, by vm_flags and vm_ops: shared memory of which nobody must hear when it
 * is written is writable from its first read on.
 */
static inline pgprot_t vma_page_prot(const struct vm_area_struct *vma)
{
	bool quiet = vma->vm_ops && !vma->vm_ops->page_mkwrite && !(vma->vm_flags & VM_SOFTCLEAN);
	pgprot_t prot = vm_get_page_prot(vma->vm_flags);

	if (quiet && (vma->vm_flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE))
		prot.prot |= _PAGE_RW;
	return prot;
}
/* Where a mapping of @len bytes goes, by hint and MAP_* flags: address or -errno. (mmap.c) */
unsigned long get_unmapped_area(struct mm_struct *mm, unsigned long addr, unsigned long len,
				unsigned long flags);
/* Bring PG_mlocked of what is there of [start, end) into line with the flag of @vma. (mlock.c) */
void mlock_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/*
 * Fault in what mlock() would of [start, end) of @vma. mmap_lock is held, and stays so. The first
 * error, as of faultin_range(), or -EFAULT when nobody may access it. (mlock.c)
 */
int populate_vma(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/*
 * Fault [at->addr, end) of @vma in, moving at->addr on. 0, -ENOMEM, -EFAULT for what would be a
 * signal, -EINTR when the task is being killed; mmap_lock, held on entry, stays so. But with
 * at->may_unlock, for which it must be held for reading, it may also be -EAGAIN: mmap_lock was
 * released to wait for the disk; take it, find the VMA at at->addr again and go on. (mlock.c)
 */
struct faultin {
	unsigned long addr;
	bool may_unlock;
	bool tried;    /* the disk was waited for, for the page at addr */
	bool unlocked; /* set with -EAGAIN; the caller's to clear */
	struct fault_note *note; /* room for one, kept from a try to the next */
};
int faultin_range(struct vm_area_struct *vma, struct faultin *at, unsigned long end, bool write);

#endif
