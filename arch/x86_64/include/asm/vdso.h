/* SPDX-License-Identifier: MIT */
/*
 * The clock as programs read it without entering the kernel: a page of numbers that they may look at
 * ([vvar]), and code that does ([vdso], vdso/user.c).
 */
#ifndef ASM_VDSO_H
#define ASM_VDSO_H

#include "lib/types.h"

#define VVAR_PAGES 4 /* in front of the code; the first one holds vdso_data. As many as on Linux */
#define VDSO_PAGES 2

/* Each word is read by itself, by programs at any time. */
struct vdso_data {
	/* ns since boot = (tsc - tsc_base) * tsc_mult >> 32; constant after clock_init() */
	u64 tsc_base, tsc_mult;
	u64 real_offset_ns; /* wall clock minus time since boot; WRITE_ONCE */
	bool rdtscp;        /* the CPU has it, and TSC_AUX holds its number; constant after boot */
};

#if !__STDC_HOSTED__
/* Alone in its page: programs see all of it. */
extern union vdso_page {
	struct vdso_data data;
	u8 bytes[4096];
} vdso_page;
extern char vdso_image[]; /* VDSO_PAGES pages: an ELF shared object */
/* Does every CPU's TSC give the same time? Else the kernel must correct it. Constant after boot. */
bool arch_clock_in_user(void);
#endif

#endif
