/* SPDX-License-Identifier: MIT */
/*
 * The rings. A ring is written by its CPU alone, with interrupts off from trace_reserve() to
 * trace_commit(): no lock. The reader sees a record when head has moved behind it.
 *
 * head, tail and lost may lie in memory that others can write: what the kernel goes by is its own copy of head,
 * and whatever tail says, the place of a record is within the ring.
 */
#include "kernel/trace/trace.h"

#include "kernel/core/sched.h"
#include "lib/string.h"
#include <asm/irqflags.h>
#include <asm/msr.h>
#include <asm/percpu.h>

BUILD_BUG_ON(NR_CPUS > TRACE_MAX_CPUS);

struct ring {
	char *data;
	struct trace_ring_ends *ends;
	u64 head;   /* as published */
	u64 next;   /* head, when what was reserved is written */
	u64 untold; /* records lost since the last LOST */
} __aligned(64);

u32 trace_flags;
u64 trace_last_seq __aligned(64); /* a cache line of its own: all CPUs write it */
struct trace_area *trace_area __aligned(64);
static u32 ring_size;
static struct ring rings[NR_CPUS]; /* each CPU writes its own, interrupts off */

void trace_use(struct trace_area *area, char *const data[], u32 size, u32 cpus)
{
	area->version = TRACE_VERSION;
	area->header_size = TRACE_HEADER_SIZE;
	area->nr_cpus = cpus;
	area->ring_size = size;
	for (u32 cpu = 0; cpu < cpus; cpu++)
		rings[cpu] = (struct ring){ .data = data[cpu], .ends = &area->rings[cpu] };
	ring_size = size;
	trace_area = area;
}

char *trace_ring_data(u32 cpu)
{
	return rings[cpu].data;
}

/* The record's head, in two words and the time. */
static void fill_head(struct trace_record *record, enum trace_type type, u32 size, u64 seq)
{
	record->size = (u16)size;
	record->type = (u8)type;
	record->cpu = (u8)smp_processor_id();
	record->tid = (u32)current->pid;
	record->seq = seq ? seq : trace_seq();
	record->tsc = rdtsc();
}

/*
 * @size bytes at ring->next, which moves behind them; a PAD comes first where they do not fit before the end. NULL: no
 * room.
 */
static void *take(struct ring *ring, u32 size)
{
	u32 at = (u32)ring->next & (ring_size - 1), left = ring_size - at;
	u32 pad = size > left ? left : 0;
	u64 end = ring->next + pad + size;

	if (unlikely(end - READ_ONCE(ring->ends->tail) > ring_size))
		return NULL;
	if (unlikely(pad)) {
		*(struct trace_pad *)(ring->data + at) = (struct trace_pad){
			.size = (u16)pad,
			.type = TRACE_PAD,
			.cpu = (u8)smp_processor_id(),
		};
		at = 0;
	}
	ring->next = end;
	return ring->data + at;
}

/* There is something to tell first: how much was lost. False: no room even for that. */
static noinline bool tell_lost(struct ring *ring, u32 size)
{
	struct trace_lost *lost;

	/* Not a LOST for each single record that fits: it and the record, or neither. */
	if (ring->next + 2 * (sizeof(*lost) + size) - READ_ONCE(ring->ends->tail) > ring_size)
		return false;
	lost = take(ring, sizeof(*lost));
	fill_head(&lost->head, TRACE_LOST, sizeof(*lost), 0);
	lost->count = ring->untold;
	ring->untold = 0;
	return true;
}

void *trace_reserve(enum trace_type type, u32 size, u64 seq, unsigned long *flags)
{
	unsigned long irqs = arch_local_irq_save();
	struct ring *ring = &rings[smp_processor_id()];
	struct trace_record *record = NULL;

	ring->next = ring->head;
	if (likely(!ring->untold) || tell_lost(ring, size))
		record = take(ring, size);
	if (unlikely(!record)) {
		ring->untold++;
		WRITE_ONCE(ring->ends->lost, ring->ends->lost + 1);
		local_irq_restore(irqs);
		return NULL;
	}
	fill_head(record, type, size, seq);
	*flags = irqs;
	return record;
}

void trace_commit(unsigned long flags)
{
	struct ring *ring = &rings[smp_processor_id()];

	ring->head = ring->next;
	__atomic_store_n(&ring->ends->head, ring->head, __ATOMIC_RELEASE);
	local_irq_restore(flags);
}
