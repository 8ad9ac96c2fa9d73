/* SPDX-License-Identifier: MIT */
/* The real header, but for the instructions that concern the MMU: those go to tests/host/mmu.c. */
#ifndef HOST_ASM_PROCESSOR_H
#define HOST_ASM_PROCESSOR_H

#define read_cr3 native_read_cr3
#define write_cr3 native_write_cr3
#define read_cr4 native_read_cr4
#define write_cr4 native_write_cr4
#define invlpg native_invlpg
#include "arch/x86_64/include/asm/processor.h"
#undef read_cr3
#undef write_cr3
#undef read_cr4
#undef write_cr4
#undef invlpg

unsigned long read_cr3(void);
void write_cr3(unsigned long value);
unsigned long read_cr4(void);
void write_cr4(unsigned long value);
void invlpg(unsigned long addr);

#endif
