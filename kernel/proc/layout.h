/* SPDX-License-Identifier: MIT */
/*
 * Where the parts of a new program go, and by how much each place is moved at random.
 */
#ifndef KERNEL_PROC_LAYOUT_H
#define KERNEL_PROC_LAYOUT_H

#include "lib/types.h"
#include <asm/page.h>

struct mm_struct;

/* A position-independent program goes here, or its heap if it has no interpreter: 2/3 of the space. */
#define ELF_ET_DYN_BASE (TASK_SIZE / 3 * 2)

/* 0: nothing is moved, 1: all but the heap, 2: all. /proc/sys/kernel/randomize_va_space */
extern int randomize_va_space;

/* How far each part is moved, as many bits as on Linux: in pages, align in units of 16 bytes. */
struct layout_shift {
	u32 mmap : 28, unused1 : 4;
	u32 pie : 28, unused2 : 4;
	u32 stack : 22, align : 9, unused3 : 1;
	u32 brk : 18, vdso : 9, unused4 : 5;
};

/* Fill in *@shift for a program that current is about to become: at random, or all 0. */
void layout_choose(struct layout_shift *shift);
/* The end of the stack, page aligned. */
unsigned long layout_stack_top(const struct layout_shift *shift);
/* Set where mmap() looks in @mm, which nobody uses yet, below a stack of @stack_limit bytes. */
void layout_set_mmap_base(struct mm_struct *mm, const struct layout_shift *shift,
			  unsigned long stack_limit);
/* Where a position-independent program with an interpreter goes; page aligned, not 0. */
unsigned long layout_pie_base(const struct layout_shift *shift);
/* Where @len bytes of the vDSO should go, above a stack pointer @sp; page aligned, maybe taken. */
unsigned long layout_vdso(const struct layout_shift *shift, unsigned long sp, unsigned long len);
/* Where the heap begins that the program's end would put at @brk; page aligned. */
unsigned long layout_brk(const struct layout_shift *shift, unsigned long brk);

#endif
