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

int sysctl_overcommit_memory = OVERCOMMIT_GUESS, sysctl_overcommit_ratio = 50;

unsigned long commit_limit(void)
{
	return totalram_pages() * (unsigned long)sysctl_overcommit_ratio / 100 + total_swap_pages();
}

/*
 * Promises may exceed what there is, since most are never claimed: by default only a single one that
 * could never be kept is refused.
 */
int vm_enough_memory(unsigned long pages)
{
	if (likely(sysctl_overcommit_memory == OVERCOMMIT_GUESS)) {
		if (pages > totalram_pages() + total_swap_pages())
			return -ENOMEM;
	} else if (sysctl_overcommit_memory == OVERCOMMIT_NEVER &&
		   (unsigned long)max(committed_pages(), 0L) + pages > commit_limit()) {
		return -ENOMEM;
	}
	add_committed((long)pages);
	return 0;
}

bool can_do_mlock(const struct mm_struct *mm)
{
	return mm->rlim_memlock != 0;
}
