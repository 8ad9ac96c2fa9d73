/* SPDX-License-Identifier: MIT */
/* The record of a fault, from its begin to its end. Runs only while somebody records. */
#include "mm/fault/note_write.h"

#include "kernel/core/vfs.h"

static noinline void note_file(struct trace_fault *record, const struct vm_area_struct *vma)
{
	struct file_id id = file_id(vma->vm_file);

	record->dev = id.dev;
	record->ino = id.ino;
	record->index = linear_page_index(vma, record->address & PAGE_MASK);
}

static __always_inline void note_vma(struct trace_fault *record, const struct vm_area_struct *vma)
{
	record->vm_start = vma->vm_start;
	record->vm_end = vma->vm_end;
	record->vm_flags = vma->vm_flags;
	record->vm_pgoff = vma->vm_pgoff;
	record->dev = record->ino = 0;
	record->index = 0;
	if (unlikely(vma->vm_file))
		note_file(record, vma);
}

void fault_note_vma(struct fault_note *note, const struct vm_area_struct *vma)
{
	note_vma(&note->record, vma);
}

/* The frame that the entry leads to. Another CPU may take it away meanwhile: a number is as of some moment. */
static __always_inline void note_frame(struct trace_fault *record, pte_t entry)
{
	record->pfn = ~0ULL;
	record->refcount = record->mapcount = 0;
	if (unlikely(!pte_present(entry)))
		return;
	record->pfn = pte_pfn(entry);
	if (unlikely(pte_special(entry)))
		return;
	record->refcount = (u32)page_count(pfn_to_page(pte_pfn(entry)));
	record->mapcount = (u32)page_mapcount(pfn_to_page(pte_pfn(entry)));
}

/* To begin anew: there must be room for the doors of another try. */
static noinline void bound_doors(struct fault_note *note)
{
	note->next = min(note->next, &note->doors[TRACE_FAULT_DOORS]);
}

void __fault_tried(const struct vm_fault *vmf, vm_fault_t verdict)
{
	struct fault_note *note = current->fault_note;
	struct trace_fault *record = &note->record;

	record->tries++;
	record->verdict |= verdict;
	if (unlikely(!vmf->pte)) /* no memory for the tables */
		record->before[3] = record->after[3] = 0;
	if (unlikely(verdict & VM_FAULT_RETRY)) {
		bound_doors(note);
		return;
	}
	note_frame(record, __pte(record->after[3]));
	note_vma(record, vmf->vma);
	if (unlikely(record->before[3]) && !pte_present(__pte(record->before[3])))
		record->index = record->before[3];
}

void fault_note_fill_untried(struct trace_fault *record)
{
	if (!record->vm_end) {
		record->vm_start = record->vm_flags = record->vm_pgoff = record->index = 0;
		record->dev = record->ino = 0;
	}
	if (!record->tries)
		record->before[3] = record->after[3] = 0;
	if (!record->tries || !record->vm_end)
		note_frame(record, __pte(0));
}

void fault_note_end(struct fault_note *note)
{
	fault_note_write(note);
}

vm_fault_t noted_mm_fault(struct fault_note *note, struct vm_area_struct *vma,
			  unsigned long address, unsigned int flags, enum trace_door first)
{
	struct fault_note *outer = current->fault_note;
	u32 error_code = TRACE_FAULT_REMOTE | (flags & FAULT_FLAG_WRITE ? TRACE_FAULT_WRITE : 0);
	vm_fault_t verdict;

	current->fault_note = note;
	if (!(flags & FAULT_FLAG_TRIED))
		fault_note_begin(note, vma->vm_mm, address, error_code, 0, first);
	verdict = handle_mm_fault(vma, address, flags);
	current->fault_note = outer;
	if (!(verdict & VM_FAULT_RETRY))
		fault_note_end(note);
	return verdict;
}
