/* SPDX-License-Identifier: MIT */
/*
 * The page fault's error code (SDM vol. 3A 4.7, figure 4-12; bit 31: AMD APM vol. 2 15.36.10). Only
 * arch/x86_64 reads these bits; everything below gets FAULT_FLAG_* and verdicts.
 */
#ifndef ASM_PF_H
#define ASM_PF_H

#include "lib/types.h"

#define X86_PF_PROT (1UL << 0)  /* P: the translation was there, the right was not */
#define X86_PF_WRITE (1UL << 1) /* W/R */
#define X86_PF_USER (1UL << 2)  /* U/S: the CPU was in user mode */
#define X86_PF_RSVD (1UL << 3)  /* a reserved bit was set in an entry */
#define X86_PF_INSTR (1UL << 4) /* I/D: instruction fetch */
#define X86_PF_PK (1UL << 5)    /* protection key */
#define X86_PF_SHSTK (1UL << 6) /* shadow-stack access */
#define X86_PF_RMP (1UL << 31)  /* SEV-SNP reverse map table */

/*
 * The error code in words, such as "user write to a page that is not present". @size bytes at
 * @buf, always terminated. Pure.
 */
void pf_error_string(unsigned long error_code, char *buf, size_t size);

/*
 * Every level of @mm's (or, for kernel addresses, the kernel's) table for @addr, in words, to the
 * log. Reads physical memory only through the direct map; safe in an oops.
 */
void dump_pagetable(unsigned long cr3, unsigned long addr);

#endif
