/* SPDX-License-Identifier: MIT */
/*
 * Flushing translations, and which map each CPU has loaded. What must happen, and why in this order,
 * is told in asm/tlbflush.h.
 */
#include <asm/tlbflush.h>

#include "arch/x86_64/mm/asid.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "lib/bitops.h"
#include "mm/fault/note.h"
#include "mm/space/mm.h"
#include "mm/stats.h"
#include <asm/cpufeature.h>
#include <asm/irqflags.h>
#include <asm/processor.h>

/*
 * What a CPU has loaded. Written by itself alone, with interrupts off, but for gen: a flush that began
 * with interrupts on may overwrite what one in an interrupt has stored meanwhile. Then it is too small,
 * and the next flush forgets more than it must.
 */
struct tlb_state {
	struct mm_struct *loaded_mm; /* in CR3, never NULL: init_mm is the kernel's own */
	struct mm_struct *used_mm;   /* the same, or NULL: lazy; read by others */
	unsigned long gen;           /* of loaded_mm, up to which this CPU has forgotten */
	cpumask_t self;              /* constant */
	unsigned int asid;           /* of loaded_mm; without PCID always 0 */
	struct asids asids;          /* the slot of loaded_mm is brought up to date when it goes */
};
static DEFINE_PER_CPU(struct tlb_state, cpu_tlb);

static unsigned long tlb_gen(const struct mm_struct *mm)
{
	return (unsigned long)atomic_long_read(&mm->context.tlb_gen);
}

static unsigned long raise_tlb_gen(struct mm_struct *mm)
{
	return (unsigned long)atomic_long_inc_return(&mm->context.tlb_gen); /* a full barrier */
}

/* --- this CPU forgets --- */

static __always_inline void forget_pages(unsigned long start, unsigned long end)
{
	for (; start < end; start += PAGE_SIZE)
		invlpg(start);
}

/* Loading CR3 forgets all but global pages of the PCID that it names. */
static void forget_all_user(void)
{
	write_cr3(read_cr3());
}

/*
 * [start, end) of the map in use was changed, which made it generation @gen. Only what this CPU's own
 * code flushes is counted by kind.
 */
static void catch_up(struct tlb_state *cpu, unsigned long start, unsigned long end,
		     unsigned long gen, bool local)
{
	unsigned long now = tlb_gen(cpu->loaded_mm), pages = (end - start) >> PAGE_SHIFT;

	if (cpu->gen >= gen)
		return;
	if (cpu->gen + 1 == gen && gen == now && pages <= TLB_FLUSH_CEILING) {
		forget_pages(start, end);
		if (local)
			count_vm_events(VM_nr_tlb_local_flush_one, pages);
	} else {
		forget_all_user();
		if (local)
			count_vm_event(VM_nr_tlb_local_flush_all);
	}
	cpu->gen = now;
}

/* --- the others --- */

#define ALL_OF_IT 0, TASK_SIZE /* a range */

struct flush {
	struct mm_struct *mm;
	unsigned long start, end, gen;
	bool freed_tables;
};

/* This CPU, lazy in a map whose tables go: the kernel's own map will do. Interrupts off. */
static void leave_map(void)
{
	switch_mm_irqs_off(&init_mm);
}

/* In the interrupt handler of a CPU that is told. It may have gone to another map meanwhile. */
static void flush_on_request(void *arg)
{
	const struct flush *flush = arg;
	struct tlb_state *cpu = this_cpu_ptr(&cpu_tlb);

	count_vm_event(VM_nr_tlb_remote_flush_received);
	if (cpu->used_mm == flush->mm)
		catch_up(cpu, flush->start, flush->end, flush->gen, false);
	else if (flush->freed_tables && cpu->loaded_mm == flush->mm)
		leave_map();
}

/* Those of @cpus that use what they have loaded. Their generations were raised already. */
static cpumask_t busy_ones(cpumask_t cpus)
{
	unsigned int cpu;

	for_each_cpu_in(cpu, cpus)
		if (!READ_ONCE(per_cpu_ptr(&cpu_tlb, cpu)->used_mm))
			cpus &= ~CPU_MASK(cpu);
	return cpus;
}

/* --- flushes --- */

/* When not this CPU alone has the map, and up to date. @gen: the caller's. */
static noinline void flush_mm_slow(struct mm_struct *mm, unsigned long start, unsigned long end,
				   unsigned long gen, bool freed_tables)
{
	struct flush flush = { mm, start, end, gen, freed_tables };
	struct tlb_state *cpu = this_cpu_ptr(&cpu_tlb);
	cpumask_t others = READ_ONCE(mm->context.cpumask) & ~cpu->self;

	if (!freed_tables)
		others = busy_ones(others);
	if (others) {
		count_vm_event(VM_nr_tlb_remote_flush);
		if (tracing() && current->fault_note)
			current->fault_note->record.flushes += hweight_long(others);
		smp_call_function_many(others, flush_on_request, &flush);
	}
	if (cpu->used_mm == mm) {
		catch_up(cpu, start, end, gen, true);
	} else if (freed_tables && cpu->loaded_mm == mm) {
		local_irq_disable();
		leave_map();
		local_irq_enable();
	}
}

/* Nearly always the map is this CPU's alone, and has been since the last flush. */
static __always_inline void flush_mm_range(struct mm_struct *mm, unsigned long start,
					   unsigned long end)
{
	unsigned long pages = (end - start) >> PAGE_SHIFT;
	unsigned long gen = raise_tlb_gen(mm);

	ASSERT(!irqs_disabled());
	if (unlikely(READ_ONCE(mm->context.cpumask) != this_cpu_read(cpu_tlb.self) ||
		     this_cpu_read(cpu_tlb.used_mm) != mm ||
		     this_cpu_read(cpu_tlb.gen) + 1 != gen || pages > TLB_FLUSH_CEILING)) {
		flush_mm_slow(mm, start, end, gen, false);
		return;
	}
	forget_pages(start, end);
	count_vm_events(VM_nr_tlb_local_flush_one, pages);
	this_cpu_write(cpu_tlb.gen, gen);
}

void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	flush_mm_range(mm, start, end);
}

void flush_tlb_page(struct mm_struct *mm, unsigned long addr)
{
	flush_mm_range(mm, addr, addr + PAGE_SIZE);
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_mm_range(mm, ALL_OF_IT);
}

void flush_tlb_freed_tables(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	ASSERT(!irqs_disabled());
	flush_mm_slow(mm, start, end, raise_tlb_gen(mm), true);
}

void put_off_tlb_flush(struct mm_struct *mm)
{
	raise_tlb_gen(mm);
}

void flush_tlb_fix_spurious_fault(unsigned long addr)
{
	count_vm_event(VM_nr_tlb_local_flush_one);
	invlpg(addr);
}

/* --- batches --- */

void tlb_batch_add(struct tlb_batch *batch, struct mm_struct *mm)
{
	unsigned long gen = raise_tlb_gen(mm);

	batch->cpus |= READ_ONCE(mm->context.cpumask);
	WRITE_ONCE(mm->context.tlb_batched, gen);
}

/* Whatever map it is that this CPU uses: behind is behind. Interrupts off. */
static void catch_up_batch(bool local)
{
	struct tlb_state *cpu = this_cpu_ptr(&cpu_tlb);

	if (cpu->used_mm)
		catch_up(cpu, ALL_OF_IT, tlb_gen(cpu->used_mm), local);
}

static void batch_on_request(void *arg)
{
	(void)arg;
	count_vm_event(VM_nr_tlb_remote_flush_received);
	catch_up_batch(false);
}

void tlb_batch_flush(struct tlb_batch *batch)
{
	unsigned int self = smp_processor_id();
	cpumask_t others = busy_ones(batch->cpus & ~CPU_MASK(self));

	ASSERT(!irqs_disabled());
	if (others) {
		count_vm_event(VM_nr_tlb_remote_flush);
		smp_call_function_many(others, batch_on_request, NULL);
	}
	if (batch->cpus & CPU_MASK(self))
		catch_up_batch(true);
	batch->cpus = 0;
}

/*
 * Tables have locks of their own, so others may add and flush meanwhile. Who stores tlb_batched late, a
 * smaller number over a larger one, had cleared its entries before that larger one was given out. So
 * whichever number is read here, all entries it stands for are flushed below; what is added after
 * that has another number.
 */
void __flush_tlb_batched_pending(struct mm_struct *mm)
{
	unsigned long gen = READ_ONCE(mm->context.tlb_batched);

	flush_tlb_mm(mm);
	WRITE_ONCE(mm->context.tlb_unbatched, gen);
}

/* --- the kernel's own --- */

struct kernel_range {
	unsigned long start, end;
};

static void forget_kernel_range(void *arg)
{
	const struct kernel_range *range = arg;
	unsigned long cr4;

	if ((range->end - range->start) >> PAGE_SHIFT <= TLB_FLUSH_CEILING) {
		for (unsigned long addr = range->start; addr < range->end; addr += PAGE_SIZE)
			invlpg(addr);
		return;
	}
	if (cpu_features.invpcid) {
		invpcid_all();
		return;
	}
	/* Kernel pages are global: only toggling PGE forgets them all (SDM vol. 3A 4.10.4.1). */
	cr4 = read_cr4();
	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	struct kernel_range range = { start, end };

	on_each_cpu_mask(CPU_MASK_ALL, forget_kernel_range, &range);
}

/* --- loading maps --- */

#define CR3_NOFLUSH (1UL << 63) /* what is held under the PCID stays */

void init_new_context(struct mm_struct *mm)
{
	static atomic_long_t last_id = ATOMIC_LONG_INIT(1); /* init_mm's */

	mm->context.id = (u64)atomic_long_inc_return(&last_id);
	atomic_long_set(&mm->context.tlb_gen, 1);
}

void tlb_init_cpu(unsigned int cpu)
{
	/* PCID 0 is what a CPU starts with, and slot 0's. */
	*per_cpu_ptr(&cpu_tlb, cpu) = (struct tlb_state){
		.loaded_mm = &init_mm,
		.gen = tlb_gen(&init_mm),
		.self = CPU_MASK(cpu),
		.asids = { .slots[0] = { .id = init_mm.context.id }, .next = 1 },
	};
}

struct mm_struct *this_cpu_loaded_mm(void)
{
	return this_cpu_read(cpu_tlb.loaded_mm);
}

void enter_lazy_tlb(void)
{
	this_cpu_write(cpu_tlb.used_mm, (struct mm_struct *)NULL);
}

/* Back to the map that was kept: was something taken away from it meanwhile? */
static void stop_being_lazy(struct tlb_state *cpu)
{
	unsigned long gen;

	WRITE_ONCE(cpu->used_mm, cpu->loaded_mm);
	smp_mb(); /* who raises the generation after this sees that we are not lazy */
	gen = tlb_gen(cpu->loaded_mm);
	if (cpu->gen == gen)
		return;
	forget_all_user();
	cpu->gen = gen;
}

/* What CR3 is to be for @mm. Its generation is read after this CPU can be seen in its mask. */
static unsigned long choose_cr3(struct tlb_state *cpu, struct mm_struct *mm)
{
	unsigned long cr3 = __pa(mm->pgd);
	bool flush;

	if (!cpu_features.pcid) {
		cpu->gen = tlb_gen(mm);
		return cr3;
	}
	cpu->asids.slots[cpu->asid].gen = cpu->gen;
	cpu->gen = tlb_gen(mm);
	cpu->asid = choose_asid(&cpu->asids, mm->context.id, cpu->gen, &flush);
	return cr3 | cpu->asid | (flush ? 0 : CR3_NOFLUSH);
}

void switch_mm_irqs_off(struct mm_struct *next)
{
	struct tlb_state *cpu = this_cpu_ptr(&cpu_tlb);
	struct mm_struct *prev = cpu->loaded_mm;
	unsigned int self = smp_processor_id();

	if (prev == next) {
		if (!cpu->used_mm && next != &init_mm)
			stop_being_lazy(cpu);
		return;
	}
	if (next != &init_mm) {
		WRITE_ONCE(cpu->used_mm, next);
		set_bit(self, &next->context.cpumask); /* a full barrier */
	} else {
		WRITE_ONCE(cpu->used_mm, NULL);
	}
	write_cr3(choose_cr3(cpu, next));
	cpu->loaded_mm = next;
	/* Not before: as long as the old tables are in CR3 they must not be freed. */
	if (prev != &init_mm)
		clear_bit(self, &prev->context.cpumask);
}
