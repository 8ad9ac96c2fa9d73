/* SPDX-License-Identifier: MIT */
/*
 * The recorder: a ring of binary records for each CPU (kernel/trace/format.h has them), that somebody
 * outside, or a reader of /proc/trace, takes out. On with the knob trace=1.
 *
 * A change of what memory looks like calls one of the functions below, within the lock that orders it
 * against other changes of the same thing: the record's number is taken there and then. Off, each is
 * one instruction that does nothing (<asm/patch.h>). Nothing here sleeps, takes a lock, allocates or
 * faults: any context but NMI. A record that finds no room is counted, and LOST tells so when there is
 * room again.
 */
#ifndef KERNEL_TRACE_TRACE_H
#define KERNEL_TRACE_TRACE_H

#include "kernel/trace/format.h"
#include "lib/compiler.h"
#include "lib/types.h"
#include <asm/patch.h>

extern bool trace_on; /* there are rings; constant after boot */

/* Off: one instruction that does nothing. */
static __always_inline bool tracing(void)
{
	return unlikely(patched(&trace_on));
}

extern u64 trace_next_seq;
/* The next number, for a record that is written later. */
static __always_inline u64 trace_seq(void)
{
	return __atomic_fetch_add(&trace_next_seq, 1, __ATOMIC_RELAXED);
}

/*
 * Room for a record of @size bytes, a multiple of 8, in this CPU's ring, with the head filled in (its number is taken
 * now) and the rest to be filled in completely at once: interrupts are off until trace_commit(@flags).
 * NULL: there is none; interrupts are as they were. Only while tracing().
 */
void *trace_reserve(enum trace_type type, u32 size, unsigned long *flags);
void trace_commit(unsigned long flags);

/* trace_NAME(...), for each of these: nothing while off. Their parameters are the record's fields. */
#define TRACE_FUNCTION(name, params, args)                                                         \
	void __trace_##name params;                                                                \
	static __always_inline void trace_##name params                                            \
	{                                                                                          \
		if (tracing())                                                                     \
			__trace_##name args;                                                       \
	}

TRACE_FUNCTION(vma_set, (u32 mm, u64 was_start, u64 start, u64 end, u64 vm_flags, u64 pgoff, u32 dev, u32 ino),
	       (mm, was_start, start, end, vm_flags, pgoff, dev, ino))
TRACE_FUNCTION(vma_clear, (u32 mm, u64 start, u64 end), (mm, start, end))
/* @n: any number; it becomes several records where it must. */
TRACE_FUNCTION(ptes_set, (u32 mm, u64 address, enum trace_why why, const u64 *entries, u32 n),
	       (mm, address, why, entries, n))
TRACE_FUNCTION(ptes_clear, (u32 mm, enum trace_why why, u64 start, u64 end), (mm, why, start, end))
TRACE_FUNCTION(table, (u32 mm, u8 level, u8 op, u64 address, u64 pfn), (mm, level, op, address, pfn))
TRACE_FUNCTION(frame, (enum trace_frame_op op, u8 order, u8 zone, u64 pfn), (op, order, zone, pfn))
TRACE_FUNCTION(kind, (enum trace_kind_of kind, u8 order, u64 pfn), (kind, order, pfn))
TRACE_FUNCTION(cache, (u8 op, u32 dev, u32 ino, u64 index, u64 pfn), (op, dev, ino, index, pfn))
TRACE_FUNCTION(swap, (enum trace_swap_op op, u64 entry, u64 pfn), (op, entry, pfn))
TRACE_FUNCTION(writeback, (u8 op, u32 dev, u32 ino, u64 index, u64 pfn), (op, dev, ino, index, pfn))
TRACE_FUNCTION(lru, (u8 list, u8 cpu_set, u64 pfn), (list, cpu_set, pfn))
TRACE_FUNCTION(reclaim, (u8 op, u8 kswapd, u8 priority, u64 scanned, u64 reclaimed),
	       (op, kswapd, priority, scanned, reclaimed))
/* @comm: 16 bytes. */
TRACE_FUNCTION(fork, (u32 tid, u32 pid, u32 mm, u32 parent_mm, u32 flags, const char *comm),
	       (tid, pid, mm, parent_mm, flags, comm))
TRACE_FUNCTION(exec, (u32 old_mm, u32 new_mm, const char *comm, const char *path),
	       (old_mm, new_mm, comm, path))
TRACE_FUNCTION(exit, (u32 pid, u32 code), (pid, code))
TRACE_FUNCTION(mm_gone, (u32 mm), (mm))
TRACE_FUNCTION(call, (u32 nr, u32 mm, const u64 args[6], u64 ret), (nr, mm, args, ret))
TRACE_FUNCTION(file, (u32 dev, u32 ino, const char *path), (dev, ino, path))
TRACE_FUNCTION(comm, (u32 pid, const char *comm), (pid, comm))
TRACE_FUNCTION(mark, (u64 value), (value))

/* --- where the rings are (trace.c, start.c) --- */
extern struct trace_area *trace_area; /* NULL: there are none */
/*
 * From now on there are these rings: of @cpus, @ring_size bytes (a power of two) at data[cpu] each. Fills in
 * what of the header tells so; @area is zero before. Neither is ever freed.
 */
void trace_use(struct trace_area *area, char *const data[], u32 ring_size, u32 cpus);
/* CPU @cpu's ring. */
char *trace_ring_data(u32 cpu);
/* Is the knob trace=1 given? Then a driver may offer zeroed memory that somebody outside reads, before... */
bool trace_wanted(void);
void trace_offer_memory(void *memory, u64 size);
/* ... this, at boot: begins to record. Without an offer, into RAM that /proc/trace reads. */
void trace_start(void);
/* Does somebody outside read the rings? Then nobody inside may. */
extern bool trace_read_outside;

#endif
