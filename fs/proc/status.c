/* SPDX-License-Identifier: MIT */
/* /proc/PID/stat, statm and status: a process in numbers. */
#include "fs/proc/proc.h"
#include "kernel/core/sched.h"
#include "kernel/core/task.h"
#include "kernel/core/time.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"

#define NSEC_PER_CLOCK_TICK (NSEC_PER_SEC / 100) /* USER_HZ is 100 on every Linux */
#define KIB_PER_PAGE (PAGE_SIZE / 1024)

static char state_letter(const struct task_struct *task)
{
	u32 state = task->state;

	if (state & (TASK_ZOMBIE | TASK_DEAD))
		return 'Z';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_UNINTERRUPTIBLE)
		return 'D';
	return state & TASK_INTERRUPTIBLE ? 'S' : 'R';
}

static const char *state_word(char letter)
{
	switch (letter) {
	case 'R':
		return "R (running)";
	case 'S':
		return "S (sleeping)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	default:
		return "Z (zombie)";
	}
}

int proc_show_stat(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);
	struct process_ids ids;
	struct process_times times;
	struct mm_struct *mm;

	if (!task)
		return -ESRCH;
	get_process_ids(task, &ids);
	get_process_times(task, &times);
	mm = get_task_mm(task);
	seq_printf(m, "%d (%s) %c %d %d %d %d %d 0 ", task->pid, task->comm, state_letter(task),
		   ids.ppid, ids.pgrp, ids.session, ids.tty_nr, ids.tty_pgrp);
	seq_printf(m, "%lu %lu %lu %lu ", times.min_flt, times.cmin_flt, times.maj_flt,
		   times.cmaj_flt);
	seq_printf(m, "%llu %llu %llu %llu 20 0 %d 0 %llu ",
		   (unsigned long long)(times.utime_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(times.stime_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(times.cutime_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(times.cstime_ns / NSEC_PER_CLOCK_TICK), ids.threads,
		   (unsigned long long)(task->start_ns / NSEC_PER_CLOCK_TICK));
	seq_printf(m, "%lu %lu %lu ", mm ? mm->total_vm << PAGE_SHIFT : 0, mm ? mm_rss(mm) : 0,
		   ~0UL);
	seq_printf(m, "%lu %lu %lu 0 0 ", mm ? mm->start_code : 0, mm ? mm->end_code : 0,
		   mm ? mm->start_stack : 0);
	seq_printf(m, "0 0 0 0 0 0 0 %d %d 0 0 0 0 0 ", task->exit_signal, task->cpu);
	seq_printf(m, "%lu %lu %lu %lu %lu %lu %lu %d\n", mm ? mm->start_data : 0,
		   mm ? mm->end_data : 0, mm ? mm->start_brk : 0, mm ? mm->arg_start : 0,
		   mm ? mm->arg_end : 0, mm ? mm->env_start : 0, mm ? mm->env_end : 0,
		   task->exit_code);
	mmput(mm);
	put_task_struct(task);
	return 0;
}

int proc_show_statm(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);
	unsigned long text;

	if (!mm) {
		seq_puts(m, "0 0 0 0 0 0 0\n");
		return 0;
	}
	text = (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >> PAGE_SHIFT;
	seq_printf(m, "%lu %lu %lu %lu 0 %lu 0\n", mm->total_vm, mm_rss(mm),
		   get_mm_counter(mm, MM_FILEPAGES) + get_mm_counter(mm, MM_SHMEMPAGES), text,
		   mm->data_vm + mm->stack_vm);
	mmput(mm);
	return 0;
}

static void show_kib(struct seq_buf *m, const char *name, long pages)
{
	seq_printf(m, "%s:\t%8lu kB\n", name,
		   (pages < 0 ? 0 : (unsigned long)pages) * KIB_PER_PAGE);
}

static void show_mm_status(struct seq_buf *m, struct mm_struct *mm)
{
	unsigned long text =
		(PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >> PAGE_SHIFT;
	unsigned long rss = mm_rss(mm);

	show_kib(m, "VmPeak", (long)mm->total_vm);
	show_kib(m, "VmSize", (long)mm->total_vm);
	show_kib(m, "VmLck", (long)mm->locked_vm);
	show_kib(m, "VmHWM", (long)max(rss, mm->hiwater_rss));
	show_kib(m, "VmRSS", (long)rss);
	show_kib(m, "RssAnon", get_mm_counter(mm, MM_ANONPAGES));
	show_kib(m, "RssFile", get_mm_counter(mm, MM_FILEPAGES));
	show_kib(m, "RssShmem", get_mm_counter(mm, MM_SHMEMPAGES));
	show_kib(m, "VmData", (long)mm->data_vm);
	show_kib(m, "VmStk", (long)mm->stack_vm);
	show_kib(m, "VmExe", (long)text);
	show_kib(m, "VmLib", (long)(mm->exec_vm > text ? mm->exec_vm - text : 0));
	show_kib(m, "VmPTE", (long)mm->pgtables);
	show_kib(m, "VmSwap", get_mm_counter(mm, MM_SWAPENTS));
}

/* The mask in hexadecimal, and as ranges: "0-2,5". */
static void show_cpus(struct seq_buf *m, cpumask_t mask)
{
	const char *comma = "";
	unsigned int cpu, last;

	seq_printf(m, "Cpus_allowed:\t%0*lx\nCpus_allowed_list:\t", (int)(nr_cpus + 3) / 4, mask);
	for (cpu = 0; cpu < nr_cpus; cpu = last + 1) {
		last = cpu;
		if (!(mask & CPU_MASK(cpu)))
			continue;
		while (last + 1 < nr_cpus && mask & CPU_MASK(last + 1))
			last++;
		seq_printf(m, cpu == last ? "%s%u" : "%s%u-%u", comma, cpu, last);
		comma = ",";
	}
	seq_puts(m, "\n");
}

int proc_show_status(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);
	struct process_ids ids;
	struct mm_struct *mm;

	if (!task)
		return -ESRCH;
	get_process_ids(task, &ids);
	seq_printf(m, "Name:\t%s\nState:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n", task->comm,
		   state_word(state_letter(task)), task->tgid, task->pid, ids.ppid);
	seq_puts(m, "TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
	mm = get_task_mm(task);
	if (mm)
		show_mm_status(m, mm);
	mmput(mm);
	seq_printf(m, "Threads:\t%d\n", ids.threads);
	show_cpus(m, READ_ONCE(task->cpus_allowed) & CPU_MASK_ALL);
	seq_printf(m, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		   task->nvcsw, task->nivcsw);
	put_task_struct(task);
	return 0;
}
