/* SPDX-License-Identifier: MIT */
/* What an address space remembers for the CPUs' sake: who may hold translations of it, and how old. */
#ifndef ASM_MMU_H
#define ASM_MMU_H

#include "lib/atomic.h"
#include "lib/types.h"
#include <asm/smp.h>

/* See asm/tlbflush.h for the protocol. */
typedef struct {
	u64 id;                     /* of this map alone, never given out again; constant */
	atomic_long_t tlb_gen;      /* raised after entries were changed, before CPUs are told */
	cpumask_t cpumask;          /* CPUs that have the map loaded, busy or lazy; atomic */
	unsigned long tlb_batched;  /* the gen at which reclaim last put a flush off; a table's lock */
	unsigned long tlb_unbatched;/* up to that one all are done; conservative, so no lock */
	atomic_t tlb_flush_pending; /* gathers under way, see tlb_gather_mmu() */
} mm_context_t;

#endif
