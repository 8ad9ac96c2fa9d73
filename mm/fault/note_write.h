/* SPDX-License-Identifier: MIT */
/* The end of a fault's note, without a call: for who has one for every fault of a program. */
#ifndef MM_FAULT_NOTE_WRITE_H
#define MM_FAULT_NOTE_WRITE_H

#include "kernel/trace/ring.h"
#include "lib/string.h"
#include "mm/fault/note.h"

/* What the record of a fault lacks that did not come to the end of handle_mm_fault(). */
void fault_note_fill_untried(struct trace_fault *record);

/* As fault_note_end(). */
static __always_inline void fault_note_write(struct fault_note *note)
{
	struct trace_fault *record = &note->record, *to;
	struct trace_fault_door *end = note->next;
	const struct task_struct *task = current;
	u64 now = rdtsc();
	unsigned long flags;
	u32 size;

	if (unlikely(!record->tries || !record->vm_end))
		fault_note_fill_untried(record);
	if (unlikely(end >= &note->doors[TRACE_FAULT_DOORS]))
		end = &note->doors[TRACE_FAULT_DOORS - 1];
	*end = (struct trace_fault_door){ TRACE_DOOR_END, { 0 }, (u32)now - (u32)record->begin };
	record->nr_doors = (u8)(end - note->doors + 1);
	size = (u32)((char *)(end + 1) - (char *)record);
	to = trace_begin(size, &flags);
	if (likely(to)) {
		u64 seq = record->head.seq;

		trace_fill_head(&to->head, TRACE_FAULT, size, likely(seq) ? seq : trace_seq(), now);
		to->pid = (u32)task->tgid;
		copy_words(&to->mm, &record->mm, (size - sizeof(to->head)) / sizeof(u64));
		memcpy(to->comm, task->comm, sizeof(to->comm));
		trace_end(size);
	}
	local_irq_restore(flags);
}

#endif
