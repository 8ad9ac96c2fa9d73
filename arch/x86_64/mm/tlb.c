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

void flush_tlb_page(struct mm_struct *mm, unsigned long addr)
{
	if (unlikely(!mm_is_live(mm)))
		return;
	count_vm_event(VM_tlb_flush_page);
	invlpg(addr);
}

void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
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
	if (mm_is_live(mm))
		flush_all_user();
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	if ((end - start) >> PAGE_SHIFT > TLB_FLUSH_CEILING) {
		/*
		 * Kernel pages are global: only toggling PGE forgets them all (SDM vol. 3A
		 * 4.10.4.1).
		 */
		unsigned long cr4 = read_cr4();

		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
		return;
	}
	for (; start < end; start += PAGE_SIZE)
		invlpg(start);
}
