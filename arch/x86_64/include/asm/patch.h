/* SPDX-License-Identifier: MIT */
/*
 * Branches on what never changes after boot: where the answer is no they cost one instruction that does
 * nothing. It is five bytes long, and where the answer is yes patch_branches() writes a jump over it.
 */
#ifndef ASM_PATCH_H
#define ASM_PATCH_H

#include "lib/compiler.h"
#include "lib/types.h"

/* What patch_branches() made of *@key; no before that. @key: address of a variable, constant. */
static __always_inline bool patched(const bool *key)
{
	__asm__ goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t" /* SDM vol. 2B, NOP */
		     ".pushsection .patch_sites, \"a\"\n\t"
		     ".balign 8\n\t"
		     ".quad 1b, %l[yes], %c0\n\t"
		     ".popsection"
		     : : "i"(key) : : yes);
	return false;
yes:
	return true;
}

/* Boot, one CPU, interrupts off: all branches go by what their variables are now. */
void patch_branches(void);

#endif
