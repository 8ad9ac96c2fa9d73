/* SPDX-License-Identifier: MIT */
/*
 * x87, SSE and AVX state: what XSAVE saves (SDM vol. 1 13.4), of which the first 512 bytes are FXSAVE's, or
 * FXSAVE alone where the CPU has no XSAVE. The kernel itself uses general registers only, so a task's
 * state stays in the CPU until the next switch: an area holds it only while its task does not run.
 */
#ifndef ASM_FPU_H
#define ASM_FPU_H

#include "lib/compiler.h"
#include "lib/types.h"

#define FPU_AREA_ALIGN 64
#define FXSAVE_SIZE 512
/* 64 bytes behind it that say what the area holds; XSAVE leaves all but the first 8 as they are. */
#define XSAVE_HEADER FXSAVE_SIZE
/* Bytes 464 to 511 are the software's (SDM vol. 1 10.5.1). */
#define FXSAVE_SOFTWARE 464
#define XFEATURE_FPSSE 0x3UL
#define XFEATURE_AVX 0x4UL

/* Features in XCR0, 0: there is no XSAVE. Constant after cpu_detect(). */
extern u64 fpu_xfeatures;
/* Bytes of an area with all of them. */
extern unsigned int fpu_area_size;

/* Find the above. Boot CPU, once, from cpu_detect(). */
void fpu_detect(void);
/* Allow programs these features. Each CPU, from cpu_init_control(), with CR4.OSXSAVE set. */
void fpu_init_cpu(void);

static __always_inline void fpu_save(void *area)
{
	if (likely(fpu_xfeatures))
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

/* @area is the kernel's and came from fpu_save(). */
static __always_inline void fpu_restore(const void *area)
{
	if (likely(fpu_xfeatures))
		__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* A new area, before its first fpu_save(): what that leaves as it is. */
void fpu_prepare_area(void *area);
/* An area in the state a program starts with (ABI: SysV x86-64, 3.4.1). */
void fpu_init_area(void *area);
/* Load that state. */
void fpu_reset(void);

/*
 * A signal's frame. Process context; user memory is touched.
 * Bytes that fpu_save_user() writes, the word behind the area included.
 */
unsigned int fpu_frame_size(void);
/*
 * The registers to @area, of fpu_frame_size() bytes at a multiple of 64, in the form that Linux's
 * asm/sigcontext.h tells of. 0 or -EFAULT.
 */
int fpu_save_user(void __user *area);
/*
 * And back, from what a program may have changed: 0, or -EFAULT when it cannot be read or is no state
 * of this CPU; then the registers are as at the start of a program. @area NULL: these as well.
 */
int fpu_restore_user(const void __user *area);

/* The instructions on user memory: 0 or -EFAULT. @mask: features (XCR0's bits). */
int __xsave_user(void __user *area, u64 mask);
int __xrstor_user(const void __user *area, u64 mask);
int __fxsave_user(void __user *area);
int __fxrstor_user(const void __user *area);

#endif
