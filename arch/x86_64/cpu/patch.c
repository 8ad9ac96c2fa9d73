/* SPDX-License-Identifier: MIT */
/* Branches that are decided at boot. */
#include <asm/patch.h>

#include "kernel/core/panic.h"
#include <asm/irqflags.h>
#include <asm/page.h>
#include <asm/processor.h>

#define JMP_REL32 0xe9
#define JMP_BYTES 5

struct patch_site {
	unsigned long site, target;
	const bool *key;
};
extern const struct patch_site __start_patch_sites[], __stop_patch_sites[];

/* The image's text is not writable; the direct map of it is. */
static void write_jump(const struct patch_site *at)
{
	u32 distance = (u32)(at->target - at->site - JMP_BYTES);
	volatile u8 *insn = __va(__pa_symbol(at->site));

	insn[0] = JMP_REL32;
	for (int i = 0; i < 4; i++)
		insn[1 + i] = (u8)(distance >> 8 * i);
}

void patch_branches(void)
{
	u32 a, b, c, d;

	ASSERT(irqs_disabled());
	for (const struct patch_site *at = __start_patch_sites; at < __stop_patch_sites; at++)
		if (*at->key)
			write_jump(at);
	cpuid(0, 0, &a, &b, &c,
	      &d); /* serializes: SDM vol. 3A 9.1.3, code modified by data writes */
}
