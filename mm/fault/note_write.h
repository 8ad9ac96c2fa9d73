/* SPDX-License-Identifier: MIT */
/* The end of a try and of a fault's note, without a call: for who has one for every fault of a program. */
#ifndef MM_FAULT_NOTE_WRITE_H
#define MM_FAULT_NOTE_WRITE_H

#include "kernel/core/vfs.h"
#include "kernel/trace/ring.h"
#include "lib/string.h"
#include "mm/fault/note.h"

/* A try that did not end as most do. */
void fault_note_odd_try(struct fault_note *note, const struct vm_fault *vmf, vm_fault_t verdict);

static __always_inline void fault_note_vma(struct trace_fault *record,
					   const struct vm_area_struct *vma)
{
	record->vm_start = vma->vm_start;
	record->vm_end = vma->vm_end;
	record->vm_flags = vma->vm_flags;
	record->vm_pgoff = vma->vm_pgoff;
	if (likely(!vma->vm_file)) {
		record->dev = record->ino = 0;
		record->index = 0;
		return;
	}
	BUILD_BUG_ON(offsetof(struct trace_fault, ino) != offsetof(struct trace_fault, dev) + 4);
	__builtin_memcpy(&record->dev, &vma->vm_file->f_id, sizeof(u64));
	record->index = vma->vm_pgoff + ((record->address - vma->vm_start) >> PAGE_SHIFT);
}

/* The frame that the entry leads to. Another CPU may take it away meanwhile: a number is as of some moment. */
static __always_inline void fault_note_frame(struct trace_fault *record, pte_t entry)
{
	if (unlikely(!pte_present(entry) || pte_special(entry))) {
		record->pfn = pte_present(entry) ? pte_pfn(entry) : ~0ULL;
		record->refcount = record->mapcount = 0;
		return;
	}
	record->pfn = pte_pfn(entry);
	BUILD_BUG_ON(offsetof(struct page, _mapcount) != offsetof(struct page, _refcount) + 4);
	__builtin_memcpy(&record->refcount, &pfn_to_page(pte_pfn(entry))->_refcount, sizeof(u64));
}

/* At the end of each handle_mm_fault(); after VM_FAULT_RETRY the VMA must not be looked at. */
static __always_inline void fault_tried(const struct vm_fault *vmf, vm_fault_t verdict)
{
	struct fault_note *note;
	struct trace_fault *record;

	if (!tracing())
		return;
	note = current->fault_note;
	record = &note->record;
	record->tries++;
	record->verdict |= verdict;
	if (unlikely(verdict & (VM_FAULT_RETRY | VM_FAULT_OOM))) {
		fault_note_odd_try(note, vmf, verdict);
		return;
	}
	fault_note_frame(record, __pte(record->after[3]));
	fault_note_vma(record, vmf->vma);
	if (unlikely(record->before[3]) && !pte_present(__pte(record->before[3])))
		record->index = record->before[3];
}

/* Bytes of the record, END included. */
static __always_inline u32 fault_record_size(const struct fault_note *note)
{
	return (u32)((const char *)(note->next + 1) - (const char *)&note->record);
}

/* The record, of that size, to where there is room for it. @task: current. */
static __always_inline void fault_record_put(struct trace_ring *ring, struct fault_note *note, u32 size,
					     const struct task_struct *task)
{
	struct trace_fault *record = &note->record, *to = (struct trace_fault *)ring->at;
	u32 nr_doors = (size - (u32)sizeof(*record)) / (u32)sizeof(*note->doors);
	u64 now = rdtsc(), seq = record->head.seq;

	note->doors[nr_doors - 1] = (struct trace_fault_door){
		.door = TRACE_DOOR_END,
		.cycles = (u32)now - (u32)record->begin,
	};
	record->nr_doors = (u8)nr_doors;
	trace_fill_head(ring, &to->head, TRACE_FAULT, size, task, likely(seq) ? seq : trace_seq(), now);
	/* Not a byte more: behind it may be what the reader has not taken yet. */
	BUILD_BUG_ON(offsetof(struct trace_fault, pid) != sizeof(to->head));
	copy_words(&to->pid, &record->pid,
		   nr_doors + (sizeof(*record) - sizeof(record->head)) / sizeof(u64));
	to->pid = (u32)task->tgid;
	memcpy(to->comm, task->comm, sizeof(to->comm));
	trace_publish(ring, size);
}

/* As fault_note_end(); most of the time without a call, and the registers that it would need. */
static __always_inline void fault_note_write(struct fault_note *note, const struct task_struct *task)
{
	unsigned long flags;
	struct trace_ring *ring = trace_begin(&flags);

	if (unlikely(!trace_has_room(ring, sizeof(*note)) || !note->record.vm_end)) {
		trace_end(flags);
		fault_note_end(note);
		return;
	}
	fault_record_put(ring, note, fault_record_size(note), task);
	trace_end(flags);
}

#endif
