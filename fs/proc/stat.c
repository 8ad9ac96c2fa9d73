/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat, statm, limits, wchan, personality and coredump_filter: a process or thread in
 * numbers. The fields of stat are those of proc(5), in its order.
 */
#include "fs/proc/proc.h"
#include "fs/tty/tty.h"
#include "kernel/core/sched.h"
#include "kernel/core/task.h"
#include "kernel/core/time.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"

#define RLIMIT_RSS 5

unsigned long proc_text_pages(const struct mm_struct *mm)
{
	unsigned long text =
		(PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >> PAGE_SHIFT;

	return min(text, mm->exec_vm);
}

/* Our PF_* as Linux's users know them. */
static unsigned int linux_flags(const struct task_struct *task)
{
	static const struct {
		unsigned int ours, theirs;
	} map[] = {
		{ PF_EXITING, 0x4 },      { PF_FORKNOEXEC, 0x40 },          { PF_MEMALLOC, 0x800 },
		{ PF_KTHREAD, 0x200000 }, { PF_NO_SETAFFINITY, 0x4000000 },
	};
	unsigned int flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (task->flags & map[i].ours)
			flags |= map[i].theirs;
	return flags;
}

static void show_family(struct seq_buf *m, struct task_struct *task, const struct process_ids *ids)
{
	seq_printf(m, "%d (%.15s) %c %d %d %d %d %d %u ", task->pid, task->comm,
		   task_state_char(task), ids->ppid, ids->pgrp, ids->session, ids->tty_nr,
		   ids->tty_nr ? READ_ONCE(console_tty.pgrp) : -1, linux_flags(task));
}

static void show_times(struct seq_buf *m, const struct process_times *t)
{
	seq_printf(m, "%lu %lu %lu %lu ", t->min_flt, t->cmin_flt, t->maj_flt, t->cmaj_flt);
	seq_printf(m, "%llu %llu %llu %llu ",
		   (unsigned long long)(t->utime_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(t->stime_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(t->cutime_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(t->cstime_ns / NSEC_PER_CLOCK_TICK));
}

/* The lower 31 signals, for who still reads them here instead of in status. */
static void show_masks(struct seq_buf *m, struct task_struct *task)
{
	struct process_signals s;

	get_process_signals(task, &s);
	seq_printf(m, "%llu %llu %llu %llu ", (unsigned long long)s.pending & 0x7fffffff,
		   (unsigned long long)s.blocked & 0x7fffffff,
		   (unsigned long long)s.ignored & 0x7fffffff,
		   (unsigned long long)s.caught & 0x7fffffff);
}

/* One thread's own share; what its children used is the process's all the same. */
static void own_times(const struct task_struct *task, struct process_times *times)
{
	times->min_flt = task->min_flt;
	times->maj_flt = task->maj_flt;
	times->utime_ns = task->utime_ns;
	times->stime_ns = task->stime_ns;
}

int proc_show_stat(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);
	struct rlimit limits[RLIM_NLIMITS];
	struct process_times times;
	struct process_ids ids;
	struct mm_struct *mm;
	bool told;

	if (!task)
		return -ESRCH;
	memset(limits, 0xff, sizeof(limits)); /* kernel threads have no limits */
	get_process_limits(task, limits);
	get_process_ids(task, &ids);
	get_process_times(task, &times);
	if (proc_is_thread(arg))
		own_times(task, &times);
	told = ptrace_may_access(task, false);
	mm = get_task_mm(task);
	show_family(m, task, &ids);
	show_times(m, &times);
	seq_printf(m, "20 0 %d 0 %llu ", ids.threads,
		   (unsigned long long)(task->start_ns / NSEC_PER_CLOCK_TICK));
	seq_printf(m, "%lu %lu %lu ", mm ? mm->total_vm << PAGE_SHIFT : 0, mm ? mm_rss(mm) : 0,
		   limits[RLIMIT_RSS].rlim_cur);
	seq_printf(m, "%lu %lu %lu 0 0 ",
		   !mm  ? 0 :
		   told ? mm->start_code :
			  1,
		   !mm  ? 0 :
		   told ? mm->end_code :
			  1,
		   mm && told ? mm->start_stack : 0);
	show_masks(m, task);
	seq_printf(m, "%d 0 0 %d %d 0 0 0 0 0 ",
		   told && ids.threads < 2 && task->state != TASK_RUNNING, task->exit_signal,
		   task->cpu);
	if (mm && told)
		seq_printf(m, "%lu %lu %lu %lu %lu %lu %lu ", mm->start_data, mm->end_data,
			   mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		seq_puts(m, "0 0 0 0 0 0 0 ");
	seq_printf(m, "%d\n", told ? task->exit_code : 0);
	mmput(mm);
	put_task_struct(task);
	return 0;
}

int proc_show_statm(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);

	if (!mm) {
		seq_puts(m, "0 0 0 0 0 0 0\n");
		return 0;
	}
	seq_printf(m, "%lu %lu %lu %lu 0 %lu 0\n", mm->total_vm, mm_rss(mm),
		   get_mm_counter(mm, MM_FILEPAGES) + get_mm_counter(mm, MM_SHMEMPAGES),
		   proc_text_pages(mm), mm->data_vm + mm->stack_vm);
	mmput(mm);
	return 0;
}

static void show_limit(struct seq_buf *m, unsigned long limit)
{
	char text[24] = "unlimited";

	if (limit != RLIM_INFINITY)
		snprintf(text, sizeof(text), "%lu", limit);
	seq_printf(m, "%-20s ", text);
}

int proc_show_limits(struct seq_buf *m, void *arg)
{
	static const char *const names[RLIM_NLIMITS][2] = {
		{ "Max cpu time", "seconds" },     { "Max file size", "bytes" },
		{ "Max data size", "bytes" },      { "Max stack size", "bytes" },
		{ "Max core file size", "bytes" }, { "Max resident set", "bytes" },
		{ "Max processes", "processes" },  { "Max open files", "files" },
		{ "Max locked memory", "bytes" },  { "Max address space", "bytes" },
		{ "Max file locks", "locks" },     { "Max pending signals", "signals" },
		{ "Max msgqueue size", "bytes" },  { "Max nice priority", NULL },
		{ "Max realtime priority", NULL }, { "Max realtime timeout", "us" },
	};
	struct task_struct *task = proc_task(arg);
	struct rlimit limits[RLIM_NLIMITS];

	if (!task)
		return -ESRCH;
	memset(limits, 0xff, sizeof(limits));
	get_process_limits(task, limits);
	put_task_struct(task);
	seq_printf(m, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++) {
		seq_printf(m, "%-25s ", names[i][0]);
		show_limit(m, limits[i].rlim_cur);
		show_limit(m, limits[i].rlim_max);
		seq_printf(m, names[i][1] ? "%-10s\n" : "\n", names[i][1]);
	}
	return 0;
}

/* Where it sleeps is not told, as by a Linux that is made without it: "0". */
int proc_show_wchan(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_putc(m, '0');
	return 0;
}

int proc_show_personality(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);

	if (!task)
		return -ESRCH;
	seq_printf(m, "%08x\n", task->personality);
	put_task_struct(task);
	return 0;
}

int proc_show_coredump_filter(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);

	if (mm)
		seq_printf(m, "%08x\n", READ_ONCE(mm->dump_filter));
	mmput(mm);
	return 0;
}

ssize_t proc_write_coredump_filter(void *arg, const char *buf, size_t len)
{
	struct mm_struct *mm;
	long filter;

	if (proc_parse_long(buf, len, &filter) != (ssize_t)len || filter < 0)
		return -EINVAL;
	if (filter > (long)~0U)
		return -ERANGE;
	mm = proc_mm(arg);
	if (!mm)
		return -ESRCH;
	WRITE_ONCE(mm->dump_filter, (unsigned int)filter & MMF_DUMP_ALL);
	mmput(mm);
	return (ssize_t)len;
}
