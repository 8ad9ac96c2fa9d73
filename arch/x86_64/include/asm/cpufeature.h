/* SPDX-License-Identifier: MIT */
/* What this CPU can do, found once at boot by cpu_detect(); constant afterwards. */
#ifndef ASM_CPUFEATURE_H
#define ASM_CPUFEATURE_H

#include "lib/types.h"

struct cpu_features {
	char vendor[13];
	char model[49];
	u8 phys_bits, virt_bits; /* width of physical and linear addresses */
	bool nx, gbpages, pge, mce, fxsr, apic, tsc, syscall;
	bool smep, smap, umip, erms;
	bool x2apic, xsave, rdtscp;
	bool pcid, invpcid; /* address-space identifiers, see arch/x86_64/mm/asid.h */
};

extern struct cpu_features cpu_features;

/*
 * Read CPUID. Boot CPU, once. boot_fail()s when something the kernel cannot do without is missing.
 */
void cpu_detect(void);
/* Change the kernel's text to suit, and log what was found. Boot CPU, once, before cpu_init_control(). */
void cpu_apply_features(void);
/*
 * Write CR0, CR4 and EFER of this CPU whole from what cpu_detect() found: WP, PGE, SSE and AVX state, and
 * NX, SMEP, SMAP, UMIP where there are any.
 */
void cpu_init_control(void);

/*
 * Let the kernel touch user pages for a few instructions. Three bytes of NOP until cpu_apply_features()
 * finds SMAP and patches CLAC and STAC in (section .smap_fixups lists the places).
 */
static inline __attribute__((__always_inline__)) void stac(void)
{
	__asm__ volatile("1: .byte 0x0f, 0x1f, 0x00\n"
			 ".pushsection .smap_fixups, \"a\"\n"
			 ".long 1b - ., 1\n"
			 ".popsection" : : : "memory", "cc");
}

static inline __attribute__((__always_inline__)) void clac(void)
{
	__asm__ volatile("1: .byte 0x0f, 0x1f, 0x00\n"
			 ".pushsection .smap_fixups, \"a\"\n"
			 ".long 1b - ., 0\n"
			 ".popsection" : : : "memory", "cc");
}

#endif
