/* SPDX-License-Identifier: MIT */
/*
 * Flushing translations. A CPU holds translations only of the map its CR3 names (there are no global
 * user pages, and without PCID a CR3 load forgets the rest), so a map that does not run here needs
 * no flush here: it gets one for free when it is switched to.
 */
#include "kernel/core/sched.h"
#include "mm/space/mm.h"
#include "mm/stats.h"
#include <asm/processor.h>
#include <asm/smp.h>
#include <asm/tlbflush.h>

static bool mm_is_live(const struct mm_struct *mm)
{
	return current->active_mm == mm;
}

static void flush_all_user(void)
{
	count_vm_event(VM_tlb_flush_all);
	write_cr3(read_cr3());
}

static void forget_user(void *unused)
{
	(void)unused;
	write_cr3(read_cr3());
}

/* Whatever they have loaded: it may be the map. */
static void flush_others(void)
{
	if (nr_cpus > 1)
		smp_call_function_many(CPU_MASK_ALL, forget_user, NULL);
}

void flush_tlb_page(struct mm_struct *mm, unsigned long addr)
{
	flush_others();
	if (unlikely(!mm_is_live(mm)))
		return;
	count_vm_event(VM_tlb_flush_page);
	invlpg(addr);
}

void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	flush_others();
	if (!mm_is_live(mm))
		return;
	if ((end - start) >> PAGE_SHIFT > TLB_FLUSH_CEILING) {
		flush_all_user();
		return;
	}
	count_vm_events(VM_tlb_flush_page, (end - start) >> PAGE_SHIFT);
	for (; start < end; start += PAGE_SIZE)
		invlpg(start);
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_others();
	if (mm_is_live(mm))
		flush_all_user();
}

/* Kernel pages are global: only toggling PGE forgets them all (SDM vol. 3A 4.10.4.1). */
static void forget_all(void *unused)
{
	unsigned long cr4 = read_cr4();

	(void)unused;
	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	if (nr_cpus > 1)
		smp_call_function_many(CPU_MASK_ALL, forget_all, NULL);
	if ((end - start) >> PAGE_SHIFT > TLB_FLUSH_CEILING) {
		forget_all(NULL);
		return;
	}
	for (; start < end; start += PAGE_SIZE)
		invlpg(start);
}
