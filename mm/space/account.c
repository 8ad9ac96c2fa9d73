/* SPDX-License-Identifier: MIT */
/*
 * What an address space has been promised, and who says when that is too much: resource limits for
 * one process, the size of memory for all.
 */
#include "lib/errno.h"
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/space/vma.h"

DEFINE_PER_CPU(long, vm_committed);

long committed_pages(void)
{
	unsigned int cpu;
	long sum = 0;

	for_each_cpu(cpu)
		sum += READ_ONCE(per_cpu(vm_committed, cpu));
	return sum;
}

/*
 * Linux's overcommit mode 0: promises may exceed what there is, since most are never claimed; only
 * a single one that could never be kept is refused.
 */
int vm_enough_memory(unsigned long pages)
{
	if (pages > totalram_pages() + total_swap_pages())
		return -ENOMEM;
	add_committed((long)pages);
	return 0;
}

bool can_do_mlock(const struct mm_struct *mm)
{
	return mm->rlim_memlock != 0;
}
