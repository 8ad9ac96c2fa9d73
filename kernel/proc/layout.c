/* SPDX-License-Identifier: MIT */
/*
 * The layout of a program's address space, from the top down, each place with what moves it:
 *
 *	vDSO		right above the stack, up to 2 MiB more, or among the mappings
 *	stack		0x7ffffffff000 less up to 16 GiB; its sp by less than 8 KiB more
 *	mappings	the gap for the stack below, less up to 1 TiB; downwards
 *	PIE programs	2/3 of the space, up to 1 TiB more; the heap of those without interpreter
 *	heap		behind the program, up to 1 GiB more
 *	ET_EXEC		where it was linked
 *
 * As on Linux (Documentation/admin-guide/sysctl/kernel.rst, randomize_va_space).
 */
#include "kernel/proc/layout.h"

#include "kernel/core/param.h"
#include "kernel/core/random.h"
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/space/mm.h"

/* The stack's limit keeps mappings away from it: this much room at least and at most. */
#define MIN_GAP MiB(128)
#define MAX_GAP (TASK_SIZE / 6 * 5)
#define MAX_STACK_SHIFT ((1UL << 22) - 1) /* pages */

int randomize_va_space = 2;

static int set_norandmaps(const char *value)
{
	randomize_va_space = 0;
	return *value ? -EINVAL : 0;
}
KNOB(norandmaps, "", "programs lie at the same addresses in each run", set_norandmaps);

void layout_choose(struct layout_shift *shift)
{
	BUILD_BUG_ON(sizeof(*shift) != 16);
	memset(shift, 0, sizeof(*shift));
	if (!randomize_va_space || current->personality & ADDR_NO_RANDOMIZE)
		return;
	get_random_bytes(shift, sizeof(*shift));
	if (randomize_va_space == 1)
		shift->brk = 0;
}

unsigned long layout_stack_top(const struct layout_shift *shift)
{
	return TASK_SIZE - (unsigned long)shift->stack * PAGE_SIZE;
}

/* Of the gap, what the stack's own shift may take comes on top, if there is any. */
static unsigned long topdown_base(const struct layout_shift *shift, unsigned long stack_limit)
{
	unsigned long gap = stack_limit, pad = STACK_GUARD_GAP;

	if (shift->mmap | shift->stack)
		pad += MAX_STACK_SHIFT * PAGE_SIZE;
	if (gap + pad > gap)
		gap += pad;
	return PAGE_ALIGN(TASK_SIZE - clamp(gap, MIN_GAP, MAX_GAP) - shift->mmap * PAGE_SIZE);
}

void layout_set_mmap_base(struct mm_struct *mm, const struct layout_shift *shift,
			  unsigned long stack_limit)
{
	mm->mmap_legacy_base += shift->mmap * PAGE_SIZE;
	mm->mmap_base = current->personality & ADDR_COMPAT_LAYOUT ?
				mm->mmap_legacy_base :
				topdown_base(shift, stack_limit);
}

unsigned long layout_pie_base(const struct layout_shift *shift)
{
	return (ELF_ET_DYN_BASE & PAGE_MASK) + shift->pie * PAGE_SIZE;
}

unsigned long layout_brk(const struct layout_shift *shift, unsigned long brk)
{
	return PAGE_ALIGN(brk) + shift->brk * PAGE_SIZE;
}

/* Within the stack's page table, for it needs one of its own anywhere else. */
unsigned long layout_vdso(const struct layout_shift *shift, unsigned long sp, unsigned long len)
{
	unsigned long start = PAGE_ALIGN(sp);
	unsigned long end = min(ALIGN(start + len, PMD_SIZE), TASK_SIZE) - len;

	return end > start ? start + shift->vdso % (((end - start) >> PAGE_SHIFT) + 1) * PAGE_SIZE :
			     start;
}
