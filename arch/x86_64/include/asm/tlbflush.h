/* SPDX-License-Identifier: MIT */
/*
 * Making the CPU forget translations. A change that takes rights or a frame away must be followed
 * by a flush before the frame is reused; a change that only adds rights need not be (SDM vol. 3A
 * 4.10.4.3: the worst case is one spurious fault).
 */
#ifndef ASM_TLBFLUSH_H
#define ASM_TLBFLUSH_H

#include "lib/types.h"

struct mm_struct;

/* More pages than this and reloading CR3 is cheaper than one INVLPG a page. */
#define TLB_FLUSH_CEILING 33

/*
 * Forget user translations of @mm in [start, end) on every CPU that may hold them. Returns when
 * all have. May be called under the page-table lock; never with interrupts off.
 */
void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end);
/* All user translations of @mm. */
void flush_tlb_mm(struct mm_struct *mm);
/* One page. */
void flush_tlb_page(struct mm_struct *mm, unsigned long addr);
/* Kernel translations in [start, end) on all CPUs. */
void flush_tlb_kernel_range(unsigned long start, unsigned long end);

#endif
