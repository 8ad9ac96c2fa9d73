/* SPDX-License-Identifier: MIT */
/*
 * The lock of a whole address space, behind Linux's names. For reading: VMAs stay as they are and
 * tables stay where they are; entries may come and go. For writing: the holder alone changes the
 * layout. Sleeps; process context; not recursive. Order: docs/locking.md.
 */
#ifndef MM_SPACE_MMAP_LOCK_H
#define MM_SPACE_MMAP_LOCK_H

#include "mm/space/mm.h"

static __lock_inline void mmap_read_lock(struct mm_struct *mm) { down_read(&mm->mmap_lock); }
static __lock_inline bool mmap_read_trylock(struct mm_struct *mm) { return down_read_trylock(&mm->mmap_lock); }
/* 0, or -EINTR when a fatal signal arrived first. */
static __lock_inline int mmap_read_lock_killable(struct mm_struct *mm) { return down_read_killable(&mm->mmap_lock); }
static __lock_inline void mmap_read_unlock(struct mm_struct *mm) { up_read(&mm->mmap_lock); }

static __lock_inline void mmap_write_lock(struct mm_struct *mm) { down_write(&mm->mmap_lock); }
/* Give back every VMA locked with vma_start_write(). For a map nobody has yet; else see below. */
static inline void vma_end_write_all(struct mm_struct *mm)
{
	barrier(); /* and the processor keeps stores in order: a release */
	mm->mm_lock_seq++;
}
static __lock_inline void mmap_write_unlock(struct mm_struct *mm)
{
	vma_end_write_all(mm);
	up_write(&mm->mmap_lock);
}
/* The writer stays as a reader; no other writer comes between. */
static __lock_inline void mmap_write_downgrade(struct mm_struct *mm)
{
	vma_end_write_all(mm);
	downgrade_write(&mm->mmap_lock);
}

#endif
