/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous kernel memory between VMALLOC_START and VMALLOC_END, each area followed by
 * an unmapped guard page, so that running past the end faults at once. Kernel stacks live here.
 * Context: process context; may sleep. Kernel stacks and device windows can be touched by anybody from
 * then on. What vmalloc() and vzalloc() return may lie below a top-level entry that older maps lack:
 * the first touch from such a map, in whatever context, faults once and is mended without a lock
 * (vmalloc_fault()). So nothing that the page fault's own way in needs may lie there: no stack, no
 * descriptor table, no per-CPU data.
 */
#ifndef MM_FRAME_VMALLOC_H
#define MM_FRAME_VMALLOC_H

#include "lib/types.h"

void vmalloc_init(void);
/* Zeroed when @zero. NULL when out of memory or space. Size is rounded up to pages. */
void *vmalloc(size_t size);
void *vzalloc(size_t size);
void vfree(void *addr);
/* kmalloc when small, vmalloc when large; kvfree() tells by the address. */
void *kvzalloc(size_t size);
void kvfree(void *addr);
/* Map device memory uncached; phys need not be aligned. NULL when out of space. */
void *ioremap(phys_addr_t phys, size_t size);
/* If @addr lies in a guard page: the area it guards [start, end), else false. For oops texts. */
bool vmalloc_guard_hit(unsigned long addr, unsigned long *start, unsigned long *end);
/* Frames in use by the area. */
unsigned long nr_vmalloc_pages(void);

/* A kernel stack of THREAD_SIZE with guard pages below and above; returns its lowest address. */
#define THREAD_SIZE (4 * 4096UL)
void *alloc_kernel_stack(void);
void free_kernel_stack(void *stack);
/* Free the stacks kept for reuse; returns frames freed. */
unsigned long drop_stack_cache(void);
/* For record_frames(): the frames of each area. */
void vmalloc_record(void);

#endif
