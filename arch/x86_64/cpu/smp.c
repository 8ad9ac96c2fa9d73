/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, one by one, and interrupting them (SDM vol. 3A 9.4, 11.6).
 *
 *   boot CPU                                    the other
 *   area, stacks, idle task are made            waits for a start-up IPI, as since reset
 *   INIT, 10 ms, SIPI, 200 us, SIPI  ------->   trampoline, secondary_entry, secondary_main()
 *   clocks are compared  <----------------->    clocks are compared
 *   counts it in nr_cpus, says go    ------->   timer, interrupts on, idle
 */
#include <asm/smp.h>

#include "arch/x86_64/boot/acpi.h"
#include "arch/x86_64/cpu/apic.h"
#include "arch/x86_64/cpu/cpu.h"
#include "kernel/core/kallsyms.h"
#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spin.h"
#include "kernel/core/time.h"
#include "lib/bitops.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/vmalloc.h"
#include <asm/cpufeature.h>
#include <asm/irqflags.h>
#include <asm/msr.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <asm/setup.h>
#include <asm/switch.h>

#define START_LIMIT_NS (5 * NSEC_PER_SEC) /* a host with much to do may take its time */

extern char __per_cpu_start[], __per_cpu_end[];
extern char trampoline_start[], trampoline_end[]; /* physical */

static u8 apic_ids[NR_CPUS];

/* What the CPU being started finds in secondary_entry. */
u64 secondary_cr3;
unsigned long secondary_stack, secondary_gs_base;
static char *secondary_ist[NR_IST];

/* How far that CPU has come; each step is made by one of the two and awaited by the other. */
static enum { ABSENT, ALIVE, COMPARING, COMPARED, GO } secondary_state;

static unsigned long max_cpus = NR_CPUS;

static int set_max_cpus(const char *value)
{
	return param_number(value, 1, NR_CPUS, &max_cpus);
}
KNOB(maxcpus, "N", "start at most this many CPUs", set_max_cpus);

void smp_prepare(const struct acpi_madt *madt)
{
	unsigned int listed = max(madt->nr_cpus, 1u);

	nr_cpu_ids = min_t(unsigned int, listed, (unsigned int)max_cpus);
	apic_ids[0] = lapic_id();
	for (unsigned int i = 0, cpu = 1; i < madt->nr_cpus && cpu < nr_cpu_ids; i++)
		if (madt->cpu_apic_ids[i] != apic_ids[0])
			apic_ids[cpu++] = madt->cpu_apic_ids[i];
	if (nr_cpu_ids < listed)
		pr_warn("smp: %u of %u CPUs are left out: this kernel is made for %d, and maxcpus is %lu",
			listed - nr_cpu_ids, listed, NR_CPUS, max_cpus);
}

/* --- starting: the boot CPU's side --- */

static void set_state(int state)
{
	__atomic_store_n(&secondary_state, state, __ATOMIC_RELEASE);
}

static bool state_is(int state)
{
	return __atomic_load_n(&secondary_state, __ATOMIC_ACQUIRE) == (unsigned int)state;
}

static bool wait_for_state(int state, u64 limit_ns)
{
	u64 start = arch_clock_ns();

	while (!state_is(state)) {
		if (arch_clock_ns() - start > limit_ns)
			return false;
		cpu_relax();
	}
	return true;
}

static void delay_us(unsigned int us)
{
	u64 start = arch_clock_ns();

	while (arch_clock_ns() - start < us * 1000ULL)
		cpu_relax();
}

/* Of the block of frames that holds a CPU's variables. */
static unsigned int area_order(void)
{
	size_t frames = PFN_UP((size_t)(__per_cpu_end - __per_cpu_start));

	return frames > 1 ? __fls(frames - 1) + 1 : 0;
}

/* False: out of memory. What was allocated stays, for the next try to fail as well. */
static bool prepare_cpu(unsigned int cpu)
{
	struct page *area = alloc_pages(GFP_KERNEL | __GFP_ZERO, area_order());
	void *stack = alloc_kernel_stack();

	for (unsigned int n = 0; n < NR_IST; n++)
		secondary_ist[n] = alloc_kernel_stack();
	if (!area || !stack || !secondary_ist[NR_IST - 1])
		return false;
	split_page(area, area_order());
	for (unsigned int i = 0; i < 1u << area_order(); i++)
		SetPageReserved(area + i); /* for good: no pointer needs to lead there */
	__per_cpu_offset[cpu] = (unsigned long)page_address(area) - (unsigned long)__per_cpu_start;
	per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
	per_cpu(cpu_number, cpu) = cpu;
	sched_init_cpu(cpu, stack);
	secondary_stack = (unsigned long)stack + THREAD_SIZE;
	secondary_gs_base = __per_cpu_offset[cpu];
	return true;
}

/* SDM vol. 3A 9.4.4.1, with two start-up IPIs for CPUs that miss the first. */
static bool kick_alive(unsigned int cpu, u64 page)
{
	set_state(ABSENT);
	lapic_send_init(apic_ids[cpu]);
	delay_us(10000);
	lapic_send_startup(apic_ids[cpu], (u8)PFN_DOWN(page));
	if (!wait_for_state(ALIVE, 200000))
		lapic_send_startup(apic_ids[cpu], (u8)PFN_DOWN(page));
	if (wait_for_state(ALIVE, START_LIMIT_NS))
		return true;
	lapic_send_init(apic_ids[cpu]); /* should it wake up yet: back to waiting */
	return false;
}

/* Returns whether it runs. */
static bool start_cpu(unsigned int cpu, u64 page)
{
	unsigned long flags;

	if (!prepare_cpu(cpu)) {
		pr_warn("smp: no memory to start CPU %u", cpu);
		return false;
	}
	if (!kick_alive(cpu, page)) {
		pr_warn("smp: CPU %u (APIC %u) does not answer and is left out", cpu,
			apic_ids[cpu]);
		return false;
	}
	local_irq_save(flags);
	set_state(COMPARING);
	clock_sync_boot_cpu();
	local_irq_restore(flags);
	while (!state_is(COMPARED))
		cpu_relax();
	__atomic_store_n(&nr_cpus, cpu + 1, __ATOMIC_RELEASE);
	set_state(GO);
	return true;
}

void smp_boot_cpus(void)
{
	u64 page = trampoline_page();
	unsigned int cpu;

	if (nr_cpu_ids == 1)
		return;
	if (!page) {
		pr_warn("smp: no page below 1 MiB is free, which the other CPUs need to start");
		return;
	}
	memcpy(__va(page), __va((unsigned long)trampoline_start),
	       (size_t)(trampoline_end - trampoline_start));
	secondary_cr3 = __pa(init_pgd);
	for (cpu = 1; cpu < nr_cpu_ids; cpu++)
		if (!start_cpu(cpu, page))
			break;
	pr_info("smp: %u CPUs run", nr_cpus);
}

/* --- starting: the other side. From secondary_entry: own stack and GS base, interrupts off. --- */

void secondary_main(void)
{
	gdt_init(secondary_ist);
	idt_load();
	cpu_init_control();
	syscall_init();
	lapic_init_cpu();
	arch_adopt_boot_task(this_idle_task());
	set_state(ALIVE);
	while (!state_is(COMPARING))
		cpu_relax();
	clock_sync_secondary();
	set_state(COMPARED);
	while (!state_is(GO))
		cpu_relax();
	lapic_timer_start(HZ);
	local_irq_enable();
	cpu_idle();
}

/* --- interrupting one another --- */

/*
 * A call is made from the caller's own struct, which stays as it is until all have answered. call_from tells
 * a CPU who wants something: the bit of a caller is set after its struct is complete, and whoever sets the
 * first one sends the interrupt.
 */
struct call {
	smp_call_func_t fn;
	void *arg;
	cpumask_t pending; /* CPUs that have not done it */
};
static DEFINE_PER_CPU(struct call, outgoing_call);
static DEFINE_PER_CPU(cpumask_t, call_from);

void smp_send_reschedule(unsigned int cpu)
{
	lapic_send_ipi(apic_ids[cpu], VECTOR_RESCHEDULE);
}

static __noreturn void stop_for_call(const struct call *call)
{
	char name[96];

	kallsyms_format((unsigned long)call->fn, name, sizeof(name));
	panic("CPUs with bits %lx do not do what CPU %u asks of them: %s",
	      READ_ONCE(call->pending), smp_processor_id(), name);
}

void smp_call_function_many(cpumask_t mask, smp_call_func_t fn, void *arg)
{
	struct call *call = this_cpu_ptr(&outgoing_call);
	unsigned int self = smp_processor_id(), cpu;

	mask &= CPU_MASK_ALL & ~CPU_MASK(self);
	if (!mask)
		return;
	ASSERT(!irqs_disabled() && !call->pending);
	call->fn = fn;
	call->arg = arg;
	__atomic_store_n(&call->pending, mask, __ATOMIC_RELEASE);
	for_each_cpu_in(cpu, mask)
		if (!__atomic_fetch_or(per_cpu_ptr(&call_from, cpu), CPU_MASK(self),
				       __ATOMIC_SEQ_CST))
			lapic_send_ipi(apic_ids[cpu], VECTOR_CALL_FUNCTION);
	spin_until(!__atomic_load_n(&call->pending, __ATOMIC_ACQUIRE), stop_for_call(call));
}

void on_each_cpu_mask(cpumask_t mask, smp_call_func_t fn, void *arg)
{
	unsigned long flags;

	smp_call_function_many(mask, fn, arg);
	if (!(mask & CPU_MASK(smp_processor_id())))
		return;
	local_irq_save(flags);
	fn(arg);
	local_irq_restore(flags);
}

void smp_handle_calls(void)
{
	cpumask_t self = CPU_MASK(smp_processor_id()), from;
	unsigned int cpu;

	from = __atomic_exchange_n(this_cpu_ptr(&call_from), 0, __ATOMIC_SEQ_CST);
	for_each_cpu_in(cpu, from) {
		struct call *call = per_cpu_ptr(&outgoing_call, cpu);

		call->fn(call->arg);
		__atomic_fetch_and(&call->pending, ~self, __ATOMIC_RELEASE);
	}
}

/* --- the end --- */

static bool stopping;
static DEFINE_PER_CPU(const struct pt_regs *, stopped_at); /* NULL: it runs */

void smp_send_stop(void)
{
	if (nr_cpus == 1 || __atomic_exchange_n(&stopping, true, __ATOMIC_SEQ_CST))
		return;
	lapic_send_nmi_to_others();
}

const struct pt_regs *smp_stopped_at(unsigned int cpu)
{
	return __atomic_load_n(per_cpu_ptr(&stopped_at, cpu), __ATOMIC_ACQUIRE);
}

void smp_stop_if_asked(const struct pt_regs *regs)
{
	if (likely(!READ_ONCE(stopping)))
		return;
	local_irq_disable();
	__atomic_store_n(this_cpu_ptr(&stopped_at), regs, __ATOMIC_RELEASE);
	for (;;)
		hlt();
}
