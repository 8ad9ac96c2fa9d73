/* SPDX-License-Identifier: MIT */
/* What happens to the maps when a CPU goes from one task to another. */
#ifndef MM_SPACE_MMU_CONTEXT_H
#define MM_SPACE_MMU_CONTEXT_H

#include "kernel/core/task.h"
#include "mm/space/mm.h"
#include <asm/tlbflush.h>

/*
 * From the map of @prev, which runs, to that of @next. A kernel thread runs in whatever map is loaded and
 * keeps it from being freed; handed on if the next is one too. Meanwhile the map is loaded lazily
 * (asm/tlbflush.h). Returns a map to mmdrop() once @next runs, or NULL. Interrupts off.
 */
static inline struct mm_struct *switch_maps(struct task_struct *prev, struct task_struct *next)
{
	struct mm_struct *loaded = prev->active_mm, *drop = NULL;

	if (next->mm) {
		switch_mm_irqs_off(next->mm);
		next->active_mm = next->mm;
		if (!prev->mm)
			drop = loaded;
	} else {
		enter_lazy_tlb();
		next->active_mm = loaded;
		if (prev->mm)
			mmgrab(loaded);
	}
	if (!prev->mm)
		prev->active_mm = NULL;
	return drop;
}

#endif
