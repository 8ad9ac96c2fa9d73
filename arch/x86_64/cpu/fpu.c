/* SPDX-License-Identifier: MIT */
/*
 * What FPU state the CPU has, and its form in the frame of a signal: the area as XSAVE writes it, with a
 * note in the bytes that are the software's, and a magic word behind it. Who copies a frame and cuts
 * it short has no such word at the place that the note tells, and gets x87 and SSE back only.
 */
#include "kernel/core/panic.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/cpufeature.h>
#include <asm/fpu.h>
#include <asm/processor.h>
#include <asm/uaccess.h>

/* x87, SSE and AVX, the header between them included. */
#define FPU_AREA_MAX 832
#define XSAVE_HEADER_SIZE 64
#define XSTATE_CPUID 0xd

u64 fpu_xfeatures;
unsigned int fpu_area_size = FXSAVE_SIZE;

/* The state a program starts with. */
static u8 init_area[FPU_AREA_MAX] __aligned(FPU_AREA_ALIGN);

/* Offsets in the FXSAVE area (SDM vol. 1 table 10-2). */
#define FXSAVE_FCW 0
#define FXSAVE_MXCSR 24
#define FCW_DEFAULT 0x037f
#define MXCSR_DEFAULT 0x1f80u

void fpu_detect(void)
{
	u32 a, b, c, d, size, offset;

	*(u16 *)(init_area + FXSAVE_FCW) = FCW_DEFAULT;
	*(u32 *)(init_area + FXSAVE_MXCSR) = MXCSR_DEFAULT;
	if (!cpu_features.xsave)
		return;
	cpuid(XSTATE_CPUID, 0, &a, &b, &c, &d);
	fpu_xfeatures = XFEATURE_FPSSE;
	fpu_area_size = XSAVE_HEADER + XSAVE_HEADER_SIZE;
	if (!(a & XFEATURE_AVX))
		return;
	cpuid(XSTATE_CPUID, 2, &size, &offset, &c, &d);
	if (offset + size <= FPU_AREA_MAX) {
		fpu_xfeatures |= XFEATURE_AVX;
		fpu_area_size = offset + size;
	}
}

void fpu_init_cpu(void)
{
	if (fpu_xfeatures)
		__asm__ volatile("xsetbv" : : "a"((u32)fpu_xfeatures), "c"(0), "d"(0) : "memory");
}

void fpu_prepare_area(void *area)
{
	memset(area, 0, fpu_xfeatures ? XSAVE_HEADER + XSAVE_HEADER_SIZE : FXSAVE_SIZE);
}

void fpu_init_area(void *area)
{
	memcpy(area, init_area, fpu_area_size);
}

void fpu_reset(void)
{
	fpu_restore(init_area);
}

/* --- in user memory --- */

#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u

/* struct _fpx_sw_bytes, in the bytes of the software. */
struct frame_note {
	u32 magic1;
	u32 extended_size; /* with the word behind */
	u64 xfeatures;
	u32 xstate_size; /* without */
	u32 padding[7];
};

/* What XSAVE leaves to the software: the note, and behind it the header. */
struct frame_middle {
	struct frame_note note;
	u64 xstate_bv, xcomp_bv, reserved[6];
};

BUILD_BUG_ON(sizeof(struct frame_note) != FXSAVE_SIZE - FXSAVE_SOFTWARE);
BUILD_BUG_ON(sizeof(struct frame_middle) != FXSAVE_SIZE - FXSAVE_SOFTWARE + XSAVE_HEADER_SIZE);

unsigned int fpu_frame_size(void)
{
	return fpu_area_size + (fpu_xfeatures ? sizeof(u32) : 0);
}

int fpu_save_user(void __user *area)
{
	/* All that was asked for is saved, in its initial state or not. */
	struct frame_middle middle = {
		.note = { .magic1 = FP_XSTATE_MAGIC1,
			  .extended_size = fpu_frame_size(),
			  .xfeatures = fpu_xfeatures,
			  .xstate_size = fpu_area_size },
		.xstate_bv = fpu_xfeatures,
	};

	if (!access_ok(area, fpu_frame_size()))
		return -EFAULT;
	if (!fpu_xfeatures)
		return __fxsave_user(area);
	return __xsave_user(area, fpu_xfeatures) ||
			       copy_to_user((char *)area + FXSAVE_SOFTWARE, &middle,
					    sizeof(middle)) ||
			       put_user(FP_XSTATE_MAGIC2, (u32 *)((char *)area + fpu_area_size)) ?
		       -EFAULT :
		       0;
}

/* Which features a frame holds in XSAVE's form, 0: none, it is FXSAVE's alone. */
static int frame_features(const void __user *area, u64 *features)
{
	struct frame_note note;
	u32 magic2;

	*features = 0;
	if (!fpu_xfeatures)
		return 0;
	if (copy_from_user(&note, (const char *)area + FXSAVE_SOFTWARE, sizeof(note)))
		return -EFAULT;
	if (note.magic1 != FP_XSTATE_MAGIC1 ||
	    note.xstate_size < XSAVE_HEADER + XSAVE_HEADER_SIZE ||
	    note.xstate_size > fpu_area_size || note.xstate_size > note.extended_size)
		return 0;
	if (get_user(magic2, (const u32 *)((const char *)area + note.xstate_size)))
		return -EFAULT;
	if (magic2 == FP_XSTATE_MAGIC2)
		*features = note.xfeatures & fpu_xfeatures;
	return 0;
}

/* Features of which user space says nothing. */
static void reset_features(u64 mask)
{
	if (mask)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(init_area), "a"((u32)mask), "d"((u32)(mask >> 32))
				 : "memory");
}

int fpu_restore_user(const void __user *area)
{
	u64 features;

	if (!area) {
		fpu_reset();
		return 0;
	}
	if (!access_ok(area, fpu_area_size) || frame_features(area, &features) ||
	    (features ? __xrstor_user(area, features) : __fxrstor_user(area))) {
		fpu_reset();
		return -EFAULT;
	}
	if (fpu_xfeatures)
		reset_features(fpu_xfeatures & ~(features ? features : XFEATURE_FPSSE));
	return 0;
}
