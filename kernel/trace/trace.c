/* SPDX-License-Identifier: MIT */
/*
 * The rings.
 *
 * head, tail and lost may lie in memory that others can write: whatever they say, the place of a record is
 * within the ring.
 */
#include "kernel/trace/ring.h"

#include "lib/util.h"

BUILD_BUG_ON(NR_CPUS > TRACE_MAX_CPUS);

bool trace_on;
u64 trace_next_seq __aligned(64) = 1; /* a cache line of its own: all CPUs write it */
struct trace_area *trace_area __aligned(64);
static char *ring_data[NR_CPUS]; /* constant, as is: */
static u32 ring_size;
DEFINE_PER_CPU(struct trace_ring, trace_ring);

void trace_use(struct trace_area *area, char *const data[], u32 size, u32 cpus)
{
	area->version = TRACE_VERSION;
	area->header_size = TRACE_HEADER_SIZE;
	area->nr_cpus = cpus;
	area->ring_size = ring_size = size;
	for (u32 cpu = 0; cpu < cpus; cpu++)
		ring_data[cpu] = data[cpu];
	trace_area = area;
}

char *trace_ring_data(u32 cpu)
{
	return ring_data[cpu];
}

/* The first record of this CPU. */
static void begin_ring(struct trace_ring *ring)
{
	unsigned int cpu = smp_processor_id();

	ring->ends = &trace_area->rings[cpu];
	ring->data = ring->at = ring->looked_at = ring_data[cpu];
	ring->cpu = (u64)cpu << 24;
}

/* How much is free, up to the ring's end and in all. */
static u64 look(struct trace_ring *ring)
{
	u64 left, free;

	ring->head += (u64)(ring->at - ring->looked_at);
	if (ring->at == ring->data + ring_size)
		ring->at = ring->data;
	ring->looked_at = ring->at;
	free = ring_size - (ring->head - READ_ONCE(ring->ends->tail));
	if (free > ring_size) /* nobody reads: tail is nonsense */
		free = 0;
	left = (u64)(ring->data + ring_size - ring->at);
	ring->room = ring->at + min(free, left);
	return free;
}

static void advance(struct trace_ring *ring, u64 size)
{
	ring->at += size;
	WRITE_ONCE(ring->ends->head, ring->ends->head + size);
}

/* @size bytes in one piece at ring->at, if need be behind a PAD. @free: look()'s. */
static bool in_one_piece(struct trace_ring *ring, u32 size, u64 free)
{
	u64 left = (u64)(ring->data + ring_size - ring->at);

	if (size <= left)
		return size <= free;
	if (left + size > free)
		return false;
	*(struct trace_pad *)ring->at = (struct trace_pad){
		.size = (u16)left,
		.type = TRACE_PAD,
		.cpu = (u8)smp_processor_id(),
	};
	barrier();
	advance(ring, left);
	look(ring);
	return true;
}

/*
 * First say how much was lost; but not for each single record that fits, or every other one would be a
 * LOST: there must be room for some.
 */
static bool tell_lost(struct trace_ring *ring, u32 size)
{
	u64 free = look(ring);
	struct trace_lost *lost;

	if (free < ring_size / 4 || free < 4 * (sizeof(*lost) + size) ||
	    !in_one_piece(ring, sizeof(*lost), free))
		return false;
	lost = (struct trace_lost *)ring->at;
	trace_fill_head(ring, &lost->head, TRACE_LOST, sizeof(*lost), current, trace_seq(), rdtsc());
	lost->count = ring->untold;
	ring->untold = 0;
	barrier();
	advance(ring, sizeof(*lost));
	return true;
}

void *trace_make_room(struct trace_ring *ring, u32 size)
{
	if (!ring->ends)
		begin_ring(ring);
	if ((!ring->untold || tell_lost(ring, size)) && in_one_piece(ring, size, look(ring)))
		return ring->at;
	ring->room = ring->at; /* the next record comes here too, and tells */
	ring->untold++;
	WRITE_ONCE(ring->ends->lost, ring->ends->lost + 1);
	return NULL;
}

void *trace_reserve(enum trace_type type, u32 size, unsigned long *flags)
{
	struct trace_ring *ring = trace_begin(flags);
	void *record = trace_room(ring, size);

	if (record)
		trace_fill_head(ring, record, type, size, current, trace_seq(), rdtsc());
	else
		trace_end(*flags);
	return record;
}

void trace_commit(unsigned long flags)
{
	struct trace_ring *ring = this_cpu_ptr(&trace_ring);

	trace_publish(ring, ((const struct trace_record *)ring->at)->size);
	trace_end(flags);
}
