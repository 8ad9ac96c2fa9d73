/* SPDX-License-Identifier: MIT */
/*
 * Address-space identifiers: with PCID, translations of the maps that a CPU ran lately stay in its
 * TLB, each under the number (0 .. NR_ASIDS - 1) of the slot that the map has on that CPU. The slot
 * says whose the translations are, and up to which generation what was taken away is forgotten.
 *
 * A few slots are enough: the TLB is small, and a map that was not run for long has lost its place
 * in it anyway. They are reused in turn. Map ids are never given out twice, so the slot of a map
 * that died matches no other.
 */
#ifndef ARCH_X86_64_MM_ASID_H
#define ARCH_X86_64_MM_ASID_H

#include "lib/types.h"

#define NR_ASIDS 6

struct asid_slot {
	u64 id;            /* mm->context.id; 0: never used */
	unsigned long gen; /* mm->context.tlb_gen that it has caught up with */
};

struct asids {
	struct asid_slot slots[NR_ASIDS];
	unsigned int next; /* to be reused */
};

/*
 * The slot for map @id whose generation is @gen now; it says so afterwards. *@flush: what the CPU
 * holds under that number is another map's or out of date, and must be forgotten as it is loaded.
 */
unsigned int choose_asid(struct asids *asids, u64 id, unsigned long gen, bool *flush);

#endif
