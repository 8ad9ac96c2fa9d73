/* SPDX-License-Identifier: MIT */
/* Where the rings lie, and their beginning. */
#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "kernel/core/printk.h"
#include "kernel/trace/trace.h"
#include "lib/string.h"
#include "mm/frame/buddy.h"
#include "mm/frame/record.h"
#include "mm/frame/slab.h"
#include <asm/page.h>
#include <asm/patch.h>
#include <asm/percpu.h>
#include <asm/processor.h>
#include <asm/vdso.h>

#define RING_MIN (16u << 10) /* a few records of each kind */
#define RAM_SHARE 64         /* all rings in RAM together are at most this part of it */

static bool wanted;
static void *offered;
static u64 offered_size;
bool trace_read_outside;

static int set_trace(const char *value)
{
	return param_bool(value, &wanted);
}
KNOB(trace, "0|1", "record what memory does, for who reads the shared memory or /proc/trace",
     set_trace);

bool trace_wanted(void)
{
	return wanted;
}

void trace_offer_memory(void *memory, u64 size)
{
	offered = memory;
	offered_size = size;
}

/* The largest power of two of which @cpus fit in @size bytes; at most 2 GiB. */
static u32 ring_bytes(u64 size, u32 cpus)
{
	u32 bytes = 1u << 31;

	while ((u64)bytes * cpus > size)
		bytes >>= 1;
	return bytes;
}

static void use_offered(u32 cpus)
{
	char *data[NR_CPUS];
	u32 size = offered_size > TRACE_HEADER_SIZE ?
			   ring_bytes(offered_size - TRACE_HEADER_SIZE, cpus) :
			   0;

	if (size < RING_MIN)
		boot_fail("the shared memory for records has %llu KiB, too little for %u CPUs",
			  (unsigned long long)offered_size >> 10, cpus);
	for (u32 cpu = 0; cpu < cpus; cpu++)
		data[cpu] = (char *)offered + TRACE_HEADER_SIZE + (u64)cpu * size;
	trace_use(offered, data, size, cpus);
	trace_read_outside = true;
}

/* Blocks of the frame allocator, mapped since ever: a record is written where no fault may happen. */
static void use_ram(u32 cpus)
{
	u32 size = min(ring_bytes(totalram_pages() * PAGE_SIZE / RAM_SHARE, cpus),
		       (u32)(PAGE_SIZE << MAX_ORDER));
	struct trace_area *area = kzalloc(TRACE_HEADER_SIZE, GFP_KERNEL);
	char *data[NR_CPUS];

	size = max(size, RING_MIN);
	for (u32 cpu = 0; cpu < cpus; cpu++) {
		data[cpu] = kmalloc(size, GFP_KERNEL);
		if (!area || !data[cpu])
			boot_fail("no memory to record in: give the machine more RAM (MEM=)");
	}
	trace_use(area, data, size, cpus);
}

void trace_start(void)
{
	if (!wanted)
		return;
	if (offered)
		use_offered(nr_cpu_ids);
	else
		use_ram(nr_cpu_ids);
	trace_area->tsc_khz = tsc_khz;
	trace_area->tsc_boot = vdso_page.data.tsc_base;
	trace_area->wall_boot = arch_boot_wall_seconds();
	trace_area->nr_frames = max_pfn;
	barrier();
	memcpy(trace_area->magic, TRACE_MAGIC, sizeof(trace_area->magic));
	trace_on = true;
	patch_branches();
	pr_info("trace: %u KiB for each of %u CPUs, %s", trace_area->ring_size >> 10,
		trace_area->nr_cpus, trace_read_outside ? "read outside" : "see /proc/trace");
	record_frames();
}
