/* SPDX-License-Identifier: MIT */
/*
 * What the recorder (kernel/trace/trace.h) is told about address spaces: VMAs as they come, change and go,
 * and entries that change otherwise than by a fault. Each is called by who holds the lock for that
 * change, when it is done: mmap_lock for writing, or the lock of the table. While off, nothing.
 */
#ifndef MM_SPACE_RECORD_H
#define MM_SPACE_RECORD_H

#include "kernel/trace/trace.h"
#include "mm/space/mm.h"
#include "mm/space/pagetable.h"

#define RECORD_NEW (~0UL)

void __record_vma(const struct vm_area_struct *vma, unsigned long was);
/* The VMA is now as it is; it began at @was before, or is RECORD_NEW. */
static inline void record_vma(const struct vm_area_struct *vma, unsigned long was)
{
	if (tracing())
		__record_vma(vma, was);
}
/* Only its flags have changed. */
static inline void record_vma_flags(const struct vm_area_struct *vma)
{
	record_vma(vma, vma->vm_start);
}

static inline void record_vma_gone(const struct vm_area_struct *vma)
{
	trace_vma_clear(vma->vm_mm->number, vma->vm_start, vma->vm_end);
}

void __record_ptes(const struct mm_struct *mm, enum trace_why why, unsigned long start,
		   unsigned long end, const pte_t *pte);
/* The entries of [@start, @end), the first of which is *@pte, in one table, are now as they are. */
static inline void record_ptes(const struct mm_struct *mm, enum trace_why why, unsigned long start,
			       unsigned long end, const pte_t *pte)
{
	if (tracing())
		__record_ptes(mm, why, start, end, pte);
}

#endif
