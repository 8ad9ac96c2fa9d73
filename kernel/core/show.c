/* SPDX-License-Identifier: MIT */
/* The last words of a run that did not end by itself: most often somebody waits for what does not come. */
#include "kernel/core/show.h"

#include "kernel/core/block.h"
#include "kernel/core/kallsyms.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/buddy.h"
#include "mm/stats.h"
#include <asm/processor.h>
#include <asm/smp.h>
#include <asm/switch.h>

#define DEPTH 10           /* of a chain of calls, the scheduler's part among them */
#define SLEEPERS_SHOWN 100 /* each name takes a search through all symbols */
#define PATIENCE_NS 100000000ULL

static void show_disk(struct block_device *bdev, void *arg)
{
	(void)arg;
	pr_err("disk %s: %u requests in flight\n", bdev->name, READ_ONCE(bdev->stats.in_flight));
}

/* "    in f+0x1/0x2 < its caller < ..." */
static void show_calls(const unsigned long *addrs, unsigned int depth)
{
	char line[LOG_LINE_MAX - 32];
	int n = 0;

	for (unsigned int i = 0; i < depth; i++) {
		char name[80];

		n += scnprintf(line + n, sizeof(line) - (size_t)n, "%s%s", i ? " < " : "",
			       kallsyms_format(addrs[i] - 1, name, sizeof(name)));
	}
	if (n)
		pr_err("       in %s\n", line);
}

static void show_task(const struct task_struct *task, bool locked, unsigned int *sleepers)
{
	bool running = per_cpu(current_task, task->cpu) == task;
	unsigned long addrs[DEPTH];

	pr_err("%6d%6d%6d   %c %3d %10llu    %s%s\n", task->pid, task->tgid,
	       task->real_parent ? task->real_parent->tgid : 0, task_state_char(task), task->cpu,
	       (task->utime_ns + task->stime_ns) / 1000000, task->comm,
	       running ? " (running)" : "");
	if (locked && !running &&
	    READ_ONCE(task->state) & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE) &&
	    ++*sleepers <= SLEEPERS_SHOWN)
		show_calls(addrs, task_backtrace(task, addrs, DEPTH));
}

/* Who holds the lock is soon done with it, or is the one that hangs. */
static bool lock_task_list(void)
{
	u64 start = ktime_get_ns();

	do
		if (spin_trylock(&tasklist_lock))
			return true;
	while (ktime_get_ns() - start < PATIENCE_NS);
	return false;
}

/*
 * The lock keeps tasks and stacks from going away. If it is not to be had, the tasks are listed without it, for
 * the machine is about to stop, but no stack is looked at.
 */
static void show_tasks(void)
{
	bool locked = lock_task_list();
	struct task_struct *task;
	unsigned int sleepers = 0;

	pr_err("   pid  tgid  ppid state cpu    cpu ms  name\n");
	list_for_each_entry(task, &task_list, tasks)
		show_task(task, locked, &sleepers);
	if (locked)
		spin_unlock(&tasklist_lock);
}

void show_state(void)
{
	pr_err("memory: %lu pages free, %lu dirty, %lu being written\n", nr_free_pages(),
	       node_stat(N_nr_dirty), node_stat(N_nr_writeback));
	for_each_block_device(show_disk, NULL);
	show_tasks();
}

/* Idle ones have interrupts on but for a handler's. */
static void show_stopped_cpu(unsigned int cpu, const struct pt_regs *regs)
{
	const struct task_struct *task = per_cpu(current_task, cpu);
	unsigned long addrs[DEPTH];

	if (!regs) {
		pr_err("CPU %u does not stop\n", cpu);
	} else if (!user_mode(regs) && task && (task->pid || !(regs->flags & X86_EFLAGS_IF))) {
		pr_err("CPU %u, with task %s, pid %d\n", cpu, task->comm, task->pid);
		addrs[0] = regs->ip + 1;
		show_calls(addrs, 1 + backtrace_from(task, regs->bp, addrs + 1, DEPTH - 1));
	}
}

void show_stopped_cpus(void)
{
	u64 begin = ktime_get_ns();
	unsigned int cpu;

	for_each_cpu(cpu) {
		if (cpu == smp_processor_id())
			continue;
		while (!smp_stopped_at(cpu) && ktime_get_ns() - begin < NSEC_PER_SEC)
			cpu_relax();
		show_stopped_cpu(cpu, smp_stopped_at(cpu));
	}
}
