/* SPDX-License-Identifier: MIT */
/*
 * The tasks that stand for "nothing to do", one a CPU: how each comes to be out of the context in which
 * its CPU was started, and the loop it runs.
 */
#include "kernel/core/sched_internal.h"

#include "kernel/core/param.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/frame/vmalloc.h"
#include "mm/space/mm.h"
#include <asm/irq.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>

static struct task_struct idle_tasks[NR_CPUS];
static bool idle_polls;

static int set_idle(const char *value)
{
	idle_polls = true;
	return strcmp(value, "poll") ? -EINVAL : 0;
}
KNOB(idle, "poll",
     "never halt an idle CPU: while it records, QEMU answers a halted one at ticks only", set_idle);

struct task_struct *init_idle(unsigned int cpu, void *stack)
{
	struct task_struct *idle = &idle_tasks[cpu];

	task_setup(idle);
	atomic_set(&idle->usage, 1);
	strlcpy(idle->comm, "idle", sizeof(idle->comm));
	idle->flags = PF_KTHREAD;
	idle->cpu = (int)cpu;
	idle->cpus_allowed = CPU_MASK(cpu);
	idle->on_rq = 1;
	idle->active_mm = &init_mm;
	mmgrab(&init_mm);
	idle->stack = stack;
	idle->stack_top = (unsigned long)stack + THREAD_SIZE;
	return idle;
}

struct task_struct *this_idle_task(void)
{
	return this_cpu_ptr(&run_queues)->idle;
}

/* This idle CPU keeps a map alive that a flush has taken out of its CR3: it died meanwhile. */
static bool keeps_dead_map(void)
{
	const struct mm_struct *mm = current->active_mm;

	return mm != &init_mm && this_cpu_loaded_mm() != mm;
}

static void drop_dead_map(void)
{
	struct mm_struct *mm = current->active_mm;

	mmgrab(&init_mm);
	current->active_mm = &init_mm;
	mmdrop(mm);
}

/* Lets interrupts in, one of which may end the wait. */
static void wait_for_interrupt(void)
{
	if (likely(!idle_polls)) {
		safe_halt();
		return;
	}
	local_irq_enable();
	cpu_relax();
}

void cpu_idle(void)
{
	for (;;) {
		local_irq_disable();
		while (!need_resched() && !keeps_dead_map()) {
			mark_idle();
			wait_for_interrupt();
			local_irq_disable();
		}
		mark_busy();
		local_irq_enable();
		if (keeps_dead_map())
			drop_dead_map();
		schedule();
	}
}
