/* SPDX-License-Identifier: MIT */
/*
 * What the fault path tells about one fault when somebody asked: the fault log hangs a note on
 * current->fault_note before handle_mm_fault() and reads it after. Without a note nothing is kept.
 */
#ifndef MM_FAULT_NOTE_H
#define MM_FAULT_NOTE_H

#include "kernel/core/sched.h"
#include "mm/fault/fault.h"

struct fault_note {
	enum fault_door door;
	/* the leaf entry as the first try saw it, and at the end; raw; 0: none */
	u64 before, after;
	bool major;
	unsigned long vm_start, vm_end, vm_flags; /* the VMA; all 0: none was found */
	pgoff_t vm_pgoff;
	bool file;
	char name[32];           /* last part of the file's name, or "" */
};

/* A door is about to overwrite vmf->orig_pte: keep it. */
static inline void fault_note_before(const struct vm_fault *vmf)
{
	struct fault_note *note = current->fault_note;

	if (unlikely(note) && !note->before)
		note->before = vmf->orig_pte.pte;
}

/* Called at the end of handle_mm_fault(); after VM_FAULT_RETRY the VMA must not be looked at. */
void fault_note_fill(struct fault_note *note, const struct vm_fault *vmf, vm_fault_t verdict);

#endif
