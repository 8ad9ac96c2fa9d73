/* SPDX-License-Identifier: MIT */
/*
 * What the fault path tells the recorder about one fault. Who begins a fault has room for its record, a note,
 * and hangs it on current->fault_note; each door leaves its name there, whoever stores the entry says what
 * and when, and at the end the note becomes a record. While nobody records all of it is nothing.
 */
#ifndef MM_FAULT_NOTE_H
#define MM_FAULT_NOTE_H

#include "kernel/core/sched.h"
#include "kernel/trace/trace.h"
#include "lib/util.h"
#include "mm/fault/fault.h"
#include <asm/msr.h>

/*
 * Doors are noted without a look at how many there are: they are bounded where a fault has to begin anew, and
 * from one such place to the next, or to the end, there are at most as many as stay free then.
 */
#define FAULT_TRY_DOORS 24

struct fault_note {
	struct trace_fault_door *next; /* where the next one goes; NULL: the record is written */
	struct trace_fault record;     /* nr_doors: until the end, is TRACE_DOOR_HANDLE_MM_FAULT noted? */
	struct trace_fault_door doors[TRACE_FAULT_DOORS]; /* right behind it, as in the ring */
};
BUILD_BUG_ON(offsetof(struct fault_note, doors) !=
	     offsetof(struct fault_note, record) + sizeof(struct trace_fault));

/* --- for the doors --- */
static __always_inline void __fault_door(struct fault_note *note, enum trace_door door)
{
	*note->next++ = (struct trace_fault_door){
		.door = (u8)door,
		.cycles = (u32)rdtsc() - (u32)note->record.begin,
	};
}

/* The fault is at this function. Nothing where no fault is under way. */
static __always_inline void fault_door(enum trace_door door)
{
	if (tracing() && current->fault_note)
		__fault_door(current->fault_note, door);
}

/* The same within handle_mm_fault(), where one is. */
static __always_inline void fault_door_within(enum trace_door door)
{
	if (tracing())
		__fault_door(current->fault_note, door);
}

/*
 * handle_mm_fault() was called, and handle_pte_fault() has sent the fault to @door because of what the entry is: the
 * tables were there, so between the three lies nothing worth a look at the clock.
 */
static __always_inline void fault_sent_to(const struct vm_fault *vmf, enum trace_door door)
{
	struct trace_fault_door *next;
	struct fault_note *note;
	u32 cycles;

	if (!tracing())
		return;
	note = current->fault_note;
	next = note->next;
	cycles = (u32)rdtsc() - (u32)note->record.begin;
	if (likely(!note->record.nr_doors)) /* make_tables() did not */
		*next++ = (struct trace_fault_door){ TRACE_DOOR_HANDLE_MM_FAULT, { 0 }, cycles };
	next[0] = (struct trace_fault_door){ TRACE_DOOR_HANDLE_PTE_FAULT, { 0 }, cycles };
	next[1] = (struct trace_fault_door){ (u8)door, { 0 }, cycles };
	note->next = next + 2;
	note->record.before[3] = note->record.after[3] = vmf->orig_pte.pte;
}

/*
 * The entry is @entry now: stored by this fault, or (ENTRY_CHANGED) found to be another's. @listed:
 * TRACE_FAULT_LISTED or 0. ptl held.
 */
static __always_inline void fault_entry_is(pte_t entry, enum trace_door door, u32 listed)
{
	struct fault_note *note;

	if (!tracing())
		return;
	note = current->fault_note;
	note->record.head.seq = trace_seq();
	note->record.after[3] = entry.pte;
	note->record.verdict |= listed;
	__fault_door(note, door);
}
static __always_inline void fault_stored(pte_t entry)
{
	fault_entry_is(entry, TRACE_DOOR_INSTALL, 0);
}
/* The same for a new anonymous page, of which lru_cache_add_anon() follows and tells nothing. */
static __always_inline void fault_stored_anon(pte_t entry)
{
	fault_entry_is(entry, TRACE_DOOR_INSTALL, TRACE_FAULT_LISTED);
}

/* --- for who begins a fault; only while tracing() --- */
/* @note is whatever it was; its first doors, and where the next one goes, are the caller's. @mm: the map, or NULL. */
static __always_inline void fault_note_begin(struct fault_note *note, const struct mm_struct *mm,
					     unsigned long address, u32 error_code,
					     unsigned long ip)
{
	struct trace_fault *record = &note->record;

	record->head.seq = 0;
	record->mm = mm ? mm->number : 0;
	record->address = address;
	record->ip = ip;
	record->error_code = error_code;
	record->verdict = 0;
	record->signal = record->si_code = record->nr_doors = record->tries = 0;
	record->flushes = 0;
	record->vm_end = 0; /* no VMA, until one is told */
	for (int level = 0; level < 3; level++)
		record->before[level] = record->after[level] = 0;
	record->begin = rdtsc();
}
/* It is refused because of what this VMA is. */
void fault_note_refused(struct fault_note *note, const struct vm_area_struct *vma);
/* It is over: write it. */
void fault_note_end(struct fault_note *note);

/*
 * handle_mm_fault() for the kernel, in a program's stead. @note is kept by the caller from a try that ended in
 * VM_FAULT_RETRY to the next ones, which have FAULT_FLAG_TRIED. @first: who asks.
 */
vm_fault_t noted_mm_fault(struct fault_note *note, struct vm_area_struct *vma,
			  unsigned long address, unsigned int flags, enum trace_door first);
static __always_inline vm_fault_t remote_mm_fault(struct fault_note *note,
						  struct vm_area_struct *vma, unsigned long address,
						  unsigned int flags, enum trace_door first)
{
	if (tracing())
		return noted_mm_fault(note, vma, address, flags, first);
	return handle_mm_fault(vma, address, flags);
}

#endif
