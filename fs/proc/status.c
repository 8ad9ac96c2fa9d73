/* SPDX-License-Identifier: MIT */
/* /proc/PID/status: a process or thread in words, for people and for tools that look for a name. */
#include "fs/file.h"
#include "fs/proc/proc.h"
#include "kernel/core/sched.h"
#include "kernel/core/task.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define NODEMASK_WORDS 32         /* of 32 bits: Debian's Linux is made for 1024 nodes */

static const char *state_word(char letter)
{
	switch (letter) {
	case 'R':
		return "R (running)";
	case 'S':
		return "S (sleeping)";
	case 'D':
		return "D (disk sleep)";
	case 'I':
		return "I (idle)";
	case 'T':
		return "T (stopped)";
	case 'Z':
		return "Z (zombie)";
	default:
		return "X (dead)";
	}
}

static void put_name(struct seq_buf *m, const struct task_struct *task)
{
	for (const char *c = task->comm; c < task->comm + sizeof(task->comm) && *c; c++) {
		if (*c == '\n')
			seq_puts(m, "\\n");
		else if (*c == '\\')
			seq_puts(m, "\\\\");
		else
			seq_putc(m, *c);
	}
}

static void show_files(struct seq_buf *m, struct task_struct *task)
{
	unsigned int size = 0;

	task_lock(task);
	if (task->files)
		size = READ_ONCE(task->files->size);
	task_unlock(task);
	seq_printf(m, "FDSize:\t%u\n", size);
}

static void show_umask(struct seq_buf *m, struct task_struct *task)
{
	task_lock(task);
	if (task->fs)
		seq_printf(m, "Umask:\t%#04o\n", READ_ONCE(task->fs->umask));
	task_unlock(task);
}

static void show_ids(struct seq_buf *m, struct task_struct *task, const struct process_ids *ids)
{
	struct group_info *groups;

	seq_printf(m, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		   state_word(task_state_char(task)), task->tgid, task->pid, ids->ppid);
	/* The fourth is for the file system: it is the effective one. */
	seq_printf(m, "Uid:\t%u\t%u\t%u\t%u\n", ids->uid.real, ids->uid.effective, ids->uid.saved,
		   ids->uid.fs);
	seq_printf(m, "Gid:\t%u\t%u\t%u\t%u\n", ids->gid.real, ids->gid.effective, ids->gid.saved,
		   ids->gid.fs);
	show_files(m, task);
	seq_puts(m, "Groups:\t");
	groups = task->signal ? get_groups(task->signal) : NULL; /* a kernel thread has none */
	for (int i = 0; groups && i < groups->n; i++)
		seq_printf(m, "%u%s", groups->gid[i], i + 1 < groups->n ? " " : "");
	put_groups(groups);
	seq_printf(m, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", task->tgid,
		   task->pid, ids->pgrp, ids->session);
}

static void show_kib(struct seq_buf *m, const char *name, unsigned long pages)
{
	seq_printf(m, "%s:\t%8lu kB\n", name, pages * KIB_PER_PAGE);
}

static void show_mm(struct seq_buf *m, const struct task_struct *task, struct mm_struct *mm)
{
	unsigned long text = proc_text_pages(mm), rss = mm_rss(mm);

	show_kib(m, "VmPeak", max(mm->total_vm, mm->hiwater_vm));
	show_kib(m, "VmSize", mm->total_vm);
	show_kib(m, "VmLck", mm->locked_vm);
	show_kib(m, "VmPin", 0); /* nothing pins memory for devices */
	show_kib(m, "VmHWM", max(rss, mm->hiwater_rss));
	show_kib(m, "VmRSS", rss);
	show_kib(m, "RssAnon", get_mm_counter(mm, MM_ANONPAGES));
	show_kib(m, "RssFile", get_mm_counter(mm, MM_FILEPAGES));
	show_kib(m, "RssShmem", get_mm_counter(mm, MM_SHMEMPAGES));
	show_kib(m, "VmData", mm->data_vm);
	show_kib(m, "VmStk", mm->stack_vm);
	show_kib(m, "VmExe", text);
	show_kib(m, "VmLib", mm->exec_vm > text ? mm->exec_vm - text : 0);
	show_kib(m, "VmPTE", mm->pgtables);
	show_kib(m, "VmSwap", get_mm_counter(mm, MM_SWAPENTS));
	show_kib(m, "HugetlbPages", 0);
	seq_printf(m, "CoreDumping:\t%d\n", task->signal->core != NULL);
	seq_puts(m, "THP_enabled:\t0\n"); /* nobody has huge pages */
}

static void show_signals(struct seq_buf *m, struct task_struct *task)
{
	struct rlimit limits[RLIM_NLIMITS] = { 0 };
	struct process_signals s;

	get_process_signals(task, &s);
	get_process_limits(task, limits);
	seq_printf(m, "SigQ:\t%u/%lu\n", s.queued, limits[RLIMIT_SIGPENDING].rlim_cur);
	seq_printf(m, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
		   (unsigned long long)s.pending, (unsigned long long)s.shared,
		   (unsigned long long)s.blocked);
	seq_printf(m, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)s.ignored,
		   (unsigned long long)s.caught);
}

static void show_caps(struct seq_buf *m, const struct process_ids *ids)
{
	seq_printf(m, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n",
		   (unsigned long long)ids->cap_inheritable, (unsigned long long)ids->cap_permitted,
		   (unsigned long long)ids->cap_effective);
	seq_printf(m, "CapBnd:\t%016llx\nCapAmb:\t%016llx\n",
		   (unsigned long long)ids->cap_bounding, (unsigned long long)ids->cap_ambient);
	seq_printf(m, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", ids->no_new_privs);
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
	seq_puts(m, "\nMems_allowed:\t"); /* node 0, which is all memory */
	for (int word = 0; word < NODEMASK_WORDS; word++)
		seq_puts(m, word < NODEMASK_WORDS - 1 ? "00000000," : "00000001\n");
	seq_puts(m, "Mems_allowed_list:\t0\n");
}

int proc_show_status(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);
	struct process_ids ids;
	struct mm_struct *mm;

	if (!task)
		return -ESRCH;
	get_process_ids(task, &ids);
	seq_puts(m, "Name:\t");
	put_name(m, task);
	seq_putc(m, '\n');
	show_umask(m, task);
	show_ids(m, task, &ids);
	mm = get_task_mm(task);
	if (mm)
		show_mm(m, task, mm);
	mmput(mm);
	seq_printf(m, "Threads:\t%d\n", ids.threads);
	show_signals(m, task);
	show_caps(m, &ids);
	show_cpus(m, READ_ONCE(task->cpus_allowed) & CPU_MASK_ALL);
	seq_printf(m, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		   task->nvcsw, task->nivcsw);
	put_task_struct(task);
	return 0;
}
