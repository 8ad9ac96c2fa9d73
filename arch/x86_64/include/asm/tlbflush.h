/* SPDX-License-Identifier: MIT */
/*
 * Making CPUs forget translations.
 *
 * A CPU keeps what it found in the page tables: in its TLB the last step's result, in its
 * paging-structure caches where the tables of the upper steps are (SDM vol. 3A 4.10). It does not
 * notice that an entry in memory changes. Until it is told to, it may go by the old one: read and
 * write a frame that was taken away, write where only reading is allowed any more, walk through a
 * table that is something else by now. So:
 *
 *	whoever takes a right, a frame or a table away stores the entry, flushes, and only then
 *	gives the frame or table to others (zap.c holds both back until then). Who only adds rights
 *	flushes nothing: the worst case is one fault that finds the entry allowing the access
 *	(4.10.4.3), and forgets its own CPU's old copy.
 *
 * Only the CPUs that may hold translations of a map are interrupted:
 *
 *	generation  mm->context.tlb_gen says how many times something was taken away from the map;
 *	            each CPU notes up to which one it has forgotten. Who flushes raises it first,
 *	            with a full barrier, and then looks who has the map loaded. Who loads a map puts
 *	            itself into mm->context.cpumask first, with a full barrier, and then looks at the
 *	            generation. One of the two sees the other, so none is missed. A CPU that is told
 *	            of a range and finds that it is just one generation behind forgets the range; if
 *	            it missed others, all; if it is ahead already, nothing.
 *	lazy        A kernel thread, or an idle CPU, runs on with the map of the task before it: it
 *	            touches no user address, and the same task may come back. Such a CPU says so
 *	            (enter_lazy_tlb()) and is left alone: when it goes back to user code, it stops being lazy
 *	            first, with a full barrier, and then compares generations. Tables are another
 *	            matter: the CPU may walk them on its own account at any time, so when tables go,
 *	            lazy CPUs are told too, and change to the kernel's own map.
 *	raised      Who raises the generation and flushes later (tlb_batch_add(), put_off_tlb_flush())
 *	            need not fear flushes of others in between: every CPU will find that it missed
 *	            one, and forget all.
 *
 * With PCID (SDM vol. 3A 4.10.1) a CPU keeps translations of a few maps it is not running; each of
 * these has its own note of the generation, and is compared when it is loaded: asid.h.
 *
 * All functions that interrupt others: interrupts on; spinlocks may be held that are never taken
 * with interrupts off; they return when every CPU that had to has forgotten.
 */
#ifndef ASM_TLBFLUSH_H
#define ASM_TLBFLUSH_H

#include "lib/types.h"
#include <asm/mmu.h>

struct mm_struct;

/* More pages than this and reloading CR3 is cheaper than one INVLPG a page. */
#define TLB_FLUSH_CEILING 33

/* Forget user translations of @mm in [start, end) wherever they may be. */
void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end);
/* One page. */
void flush_tlb_page(struct mm_struct *mm, unsigned long addr);
/* All of @mm. */
void flush_tlb_mm(struct mm_struct *mm);
/* A range whose page tables were taken out: lazy CPUs, too, and they stop using the map. */
void flush_tlb_freed_tables(struct mm_struct *mm, unsigned long start, unsigned long end);
/*
 * Entries of @mm were changed, and a flush will follow before the caller's mmap_lock (for writing) is
 * given back. Until then whoever flushes for reasons of his own flushes these as well. The table's
 * lock is held, under which the entries were changed.
 */
void put_off_tlb_flush(struct mm_struct *mm);
/* Kernel translations in [start, end) on all CPUs. */
void flush_tlb_kernel_range(unsigned long start, unsigned long end);
/*
 * The entry has come to allow the access that faulted: this CPU's copy of it is old. Others will find
 * out themselves.
 */
void flush_tlb_fix_spurious_fault(unsigned long addr);

/*
 * Reclaim takes pages of many maps out, and flushes once for all of them: tlb_batch_add() for each,
 * under the table's lock, after its entry was cleared; tlb_batch_flush() before any of the pages is
 * written, freed or unlocked. A batch belongs to one thread.
 */
struct tlb_batch {
	cpumask_t cpus; /* that had one of the maps loaded */
};
void tlb_batch_add(struct tlb_batch *batch, struct mm_struct *mm);
void tlb_batch_flush(struct tlb_batch *batch);
/*
 * Is a flush of a batch still owed to entries of @mm? Then it is done now: whoever finds an entry
 * empty must be able to say that nobody uses what was there. The table's lock is held.
 */
void __flush_tlb_batched_pending(struct mm_struct *mm);
#define flush_tlb_batched_pending(mm)                                                              \
	do {                                                                                       \
		if (unlikely(READ_ONCE((mm)->context.tlb_batched) !=                               \
			     READ_ONCE((mm)->context.tlb_unbatched)))                              \
			__flush_tlb_batched_pending(mm);                                           \
	} while (0)

/* --- which map this CPU has loaded --- */
/* A new map has its number and no CPU. */
void init_new_context(struct mm_struct *mm);
/* @cpu, which does not run yet, will start with the kernel's own map. */
void tlb_init_cpu(unsigned int cpu);
/* Load @next, if it is not, and catch up with its flushes. Interrupts off. */
void switch_mm_irqs_off(struct mm_struct *next);
/*
 * From now on this CPU touches no user address, until switch_mm_irqs_off(). What is loaded stays so,
 * but may be exchanged for the kernel's own map by a flush; the caller keeps the map from being freed.
 */
void enter_lazy_tlb(void);
/* The map that CR3 names. */
struct mm_struct *this_cpu_loaded_mm(void);

#endif
