/* SPDX-License-Identifier: MIT */
/*
 * One CPU's ring as its writer sees it, and writing a record without a call: for what is written often.
 *
 * A ring is written by its CPU alone, with interrupts off from trace_begin() to trace_end(): no lock. The
 * reader sees a record when head has moved behind it.
 */
#ifndef KERNEL_TRACE_RING_H
#define KERNEL_TRACE_RING_H

#include "kernel/core/sched.h"
#include "kernel/trace/trace.h"
#include <asm/irqflags.h>
#include <asm/msr.h>
#include <asm/percpu.h>

/* Its CPU's, interrupts off. */
struct trace_ring {
	char *at;   /* where the next record goes */
	char *room; /* up to here nothing is in the way, as of the last look; not past the ring's end */
	struct trace_ring_ends *ends;
	u64 head;   /* bytes written, as of the last look */
	char *looked_at; /* @at then */
	char *data;
	u64 untold; /* records lost since the last LOST */
	u64 cpu;    /* its number, where the first word of a record has it */
};
DECLARE_PER_CPU(struct trace_ring, trace_ring);

/* Look again where there is room. Where the record goes, or NULL: there is none, which is counted. */
void *trace_make_room(struct trace_ring *ring, u32 size);

/* This CPU's ring; interrupts are off from here to trace_end(). */
static __always_inline struct trace_ring *trace_begin(unsigned long *flags)
{
	*flags = arch_local_irq_save();
	return this_cpu_ptr(&trace_ring);
}

/* Is there room at ring->at, without a look? */
static __always_inline bool trace_has_room(const struct trace_ring *ring, u32 size)
{
	return likely((u64)(ring->room - ring->at) >= size);
}

/* Where a record of @size bytes goes; NULL: nowhere. */
static __always_inline void *trace_room(struct trace_ring *ring, u32 size)
{
	if (trace_has_room(ring, size))
		return ring->at;
	return trace_make_room(ring, size);
}

/* @record is at ring->at. @task: current. */
static __always_inline void trace_fill_head(const struct trace_ring *ring,
					    struct trace_record *record, enum trace_type type,
					    u32 size, const struct task_struct *task, u64 seq,
					    u64 tsc)
{
	/* size, type, cpu, tid: at once */
	*(u64 *)record = ((u64)(u32)task->pid << 32) + ring->cpu + ((u64)type << 16) + size;
	record->seq = seq;
	record->tsc = tsc;
}

/* The record of @size bytes is whole. */
static __always_inline void trace_publish(struct trace_ring *ring, u32 size)
{
	ring->at += size;
	barrier(); /* x86 keeps stores in order: SDM vol. 3A 8.2.2 */
	ring->ends->head += size; /* one instruction */
}

static __always_inline void trace_end(unsigned long flags)
{
	local_irq_restore(flags);
}

#endif
