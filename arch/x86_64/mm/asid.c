/* SPDX-License-Identifier: MIT */
/* The choice of an address-space identifier. */
#include "arch/x86_64/mm/asid.h"

unsigned int choose_asid(struct asids *asids, u64 id, unsigned long gen, bool *flush)
{
	unsigned int asid;

	for (asid = 0; asid < NR_ASIDS; asid++) {
		struct asid_slot *slot = &asids->slots[asid];

		if (slot->id == id) {
			*flush = slot->gen < gen;
			slot->gen = gen;
			return asid;
		}
	}
	asid = asids->next;
	asids->next = (asid + 1) % NR_ASIDS;
	asids->slots[asid] = (struct asid_slot){ id, gen };
	*flush = true;
	return asid;
}
