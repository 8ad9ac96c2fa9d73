/* SPDX-License-Identifier: MIT */
/*
 * x87 and SSE state, in the 512-byte, 16-aligned format of FXSAVE (SDM vol. 1 10.5). The kernel itself
 * uses general registers only, so a task's state stays in the CPU until the next switch. OSXSAVE is off:
 * programs see no AVX.
 */
#ifndef ASM_FPU_H
#define ASM_FPU_H

#include "lib/types.h"

#define FPU_AREA_SIZE 512
#define FPU_AREA_ALIGN 16
#define MXCSR_DEFAULT 0x1f80u

static inline void fpu_save(void *area)
{
	__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

/*
 * @area came from fpu_save(), fpu_init_area() or passed fpu_sanitize(); anything else may raise
 * #GP.
 */
static inline void fpu_restore(const void *area)
{
	__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* The state a program starts with (ABI: SysV x86-64, 3.4.1). */
void fpu_init_area(void *area);
/* Make an area that user space wrote (sigreturn) loadable: clears reserved MXCSR bits. */
void fpu_sanitize(void *area);

#endif
