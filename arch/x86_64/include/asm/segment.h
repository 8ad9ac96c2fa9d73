/* SPDX-License-Identifier: MIT */
/*
 * Segment selectors, the same numbers as Linux, since signal frames show them to programs. Their
 * order is dictated by SYSCALL and SYSRET (SDM vol. 2B): user data, then user code, 8 apart.
 * No includes and no C: arch/x86_64/include/asm/asm.inc repeats them for NASM.
 */
#ifndef ASM_SEGMENT_H
#define ASM_SEGMENT_H

#define __KERNEL_CS 0x10
#define __KERNEL_DS 0x18
#define __USER32_CS 0x23 /* SYSRET's base; no descriptor of its own use */
#define __USER_DS 0x2b
#define __USER_CS 0x33
#define GDT_TSS 0x40
#define GDT_ENTRIES 10 /* null, -, kcode, kdata, user32, udata, ucode, -, TSS (2) */

/* Interrupt stack table slots in the TSS (SDM vol. 3A 7.7); 0 means "the normal stack". */
#define IST_DF 1
#define IST_NMI 2
#define IST_MC 3
#define NR_IST 3

#endif
