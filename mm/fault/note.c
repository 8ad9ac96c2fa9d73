/* SPDX-License-Identifier: MIT */
/* The record of a fault, from its begin to its end. Runs only while somebody records. */
#include "mm/fault/note_write.h"

/* Nobody looked at an entry. */
static void no_entry(struct trace_fault *record)
{
	record->before[3] = record->after[3] = 0;
	fault_note_frame(record, __pte(0));
}

void fault_note_refused(struct fault_note *note, const struct vm_area_struct *vma)
{
	fault_note_vma(&note->record, vma);
	if (!note->record.tries)
		no_entry(&note->record);
}

void fault_note_odd_try(struct fault_note *note, const struct vm_fault *vmf, vm_fault_t verdict)
{
	if (!vmf->pte) /* there was no memory for the tables */
		no_entry(&note->record);
	if (!(verdict & VM_FAULT_RETRY)) {
		fault_note_frame(&note->record, __pte(note->record.after[3]));
		fault_note_vma(&note->record, vmf->vma);
		return;
	}
	note->record.nr_doors = false;
	note->next = min(note->next, &note->doors[TRACE_FAULT_DOORS - FAULT_TRY_DOORS]);
}

/* What the record of a fault lacks that did not come to the end of handle_mm_fault(), or found no VMA. */
static void fill_untried(struct trace_fault *record)
{
	record->vm_start = record->vm_flags = record->vm_pgoff = record->index = 0;
	record->dev = record->ino = 0;
	if (record->tries)
		fault_note_frame(record, __pte(record->after[3]));
	else
		no_entry(record);
}

void fault_note_end(struct fault_note *note)
{
	u32 size = fault_record_size(note);
	struct trace_ring *ring;
	unsigned long flags;

	if (!note->record.vm_end)
		fill_untried(&note->record);
	ring = trace_begin(&flags);
	if (trace_room(ring, size))
		fault_record_put(ring, note, size, current);
	trace_end(flags);
	note->next = NULL;
}

static void begin_remote(struct fault_note *note, const struct vm_area_struct *vma,
			 unsigned long address, unsigned int flags, enum trace_door first)
{
	u32 error_code = TRACE_FAULT_REMOTE | (flags & FAULT_FLAG_WRITE ? TRACE_FAULT_WRITE : 0);

	note->doors[0] = (struct trace_fault_door){ .door = (u8)first };
	note->next = &note->doors[1];
	fault_note_begin(note, vma->vm_mm, address, error_code, 0);
}

vm_fault_t noted_mm_fault(struct fault_note *note, struct vm_area_struct *vma,
			  unsigned long address, unsigned int flags, enum trace_door first)
{
	struct fault_note *outer = current->fault_note;
	vm_fault_t verdict;

	current->fault_note = note;
	if (!(flags & FAULT_FLAG_TRIED) || !note->next) /* it is the first try, or that fault is over */
		begin_remote(note, vma, address, flags, first);
	verdict = handle_mm_fault(vma, address, flags);
	current->fault_note = outer;
	if (!(verdict & VM_FAULT_RETRY))
		fault_note_end(note);
	return verdict;
}
