/* SPDX-License-Identifier: MIT */
/* /proc/PID: a directory per process, made anew at every look. */
#include "fs/proc/proc.h"
#include "kernel/core/sched.h"
#include "kernel/core/task.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/pid.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"

struct task_struct *proc_task(void *arg)
{
	return find_get_task((pid_t)(unsigned long)arg);
}

struct mm_struct *proc_mm(void *arg)
{
	struct task_struct *task = proc_task(arg);
	struct mm_struct *mm;

	if (!task)
		return NULL;
	mm = get_task_mm(task);
	put_task_struct(task);
	return mm;
}

/* [start, end) of another process's memory; what is not mapped ends it. Bytes. */
static size_t show_remote(struct seq_buf *m, struct mm_struct *mm, unsigned long start,
			  unsigned long end)
{
	char *buf = get_zeroed_page(GFP_KERNEL);
	size_t done = 0, n = PAGE_SIZE;

	while (buf && start + done < end && n == PAGE_SIZE) {
		n = access_remote_vm(mm, start + done, buf, min(PAGE_SIZE, end - start - done), 0);
		seq_write(m, buf, n);
		done += n;
	}
	if (buf)
		free_page(buf);
	return done;
}

/*
 * A program that overwrote the NUL behind its arguments has put a title of its own there, which may
 * reach into the environment and ends with its own NUL.
 */
static void show_args(struct seq_buf *m, struct mm_struct *mm)
{
	unsigned long end = mm->arg_end;
	char last = 0;

	if (mm->arg_start >= end)
		return;
	access_remote_vm(mm, end - 1, &last, 1, 0);
	if (last && mm->env_start == end && mm->env_end > end)
		end = mm->env_end;
	if (show_remote(m, mm, mm->arg_start, end) && last)
		m->len = min(strnlen(m->buf, m->len) + 1, m->len);
}

static int show_cmdline(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);

	if (mm)
		show_args(m, mm);
	mmput(mm);
	return 0;
}

static int show_environ(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);

	if (mm)
		show_remote(m, mm, mm->env_start, mm->env_end);
	mmput(mm);
	return 0;
}

static int show_auxv(struct seq_buf *m, void *arg)
{
	struct mm_struct *mm = proc_mm(arg);
	size_t i;

	if (!mm)
		return 0;
	for (i = 0; i + 2 < ARRAY_SIZE(mm->saved_auxv) && mm->saved_auxv[i]; i += 2)
		;
	seq_write(m, mm->saved_auxv, (i + 2) * sizeof(mm->saved_auxv[0])); /* AT_NULL included */
	mmput(mm);
	return 0;
}

static int show_comm(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);

	if (!task)
		return -ESRCH;
	seq_printf(m, "%s\n", task->comm);
	put_task_struct(task);
	return 0;
}

static int show_oom_score_adj(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);

	if (!task)
		return -ESRCH;
	seq_printf(m, "%d\n", task->oom_score_adj);
	put_task_struct(task);
	return 0;
}

static ssize_t write_oom_score_adj(void *arg, const char *buf, size_t len)
{
	struct task_struct *task;
	int adj;

	if (kstrtoint(buf, 10, &adj) || adj < -1000 || adj > 1000)
		return -EINVAL;
	task = proc_task(arg);
	if (!task)
		return -ESRCH;
	task->oom_score_adj = adj;
	put_task_struct(task);
	return (ssize_t)len;
}

static int readlink_exe(void *arg, char *buf, int size)
{
	struct mm_struct *mm = proc_mm(arg);
	int len = -ENOENT;
	char *path;

	if (mm && mm->exe_file) {
		path = file_path(mm->exe_file, buf, size);
		if (IS_ERR(path)) {
			len = (int)PTR_ERR(path);
		} else {
			len = (int)strlen(path);
			memmove(buf, path, (size_t)len + 1);
		}
	}
	mmput(mm);
	return len;
}

static const struct pseudo_entry pid_entries[] = {
	{ .name = "auxv", .mode = S_IFREG | 0400, .show = show_auxv },
	{ .name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline },
	{ .name = "comm", .mode = S_IFREG | 0444, .show = show_comm },
	{ .name = "environ", .mode = S_IFREG | 0400, .show = show_environ },
	{ .name = "exe", .mode = S_IFLNK | 0777, .readlink = readlink_exe },
	{ .name = "maps", .mode = S_IFREG | 0444, .show = proc_show_maps },
	{ .name = "mem", .mode = S_IFREG | 0600, .fops = &proc_mem_fops },
	{ .name = "oom_score_adj",
	  .mode = S_IFREG | 0644,
	  .show = show_oom_score_adj,
	  .write = write_oom_score_adj },
	{ .name = "pagemap", .mode = S_IFREG | 0400, .read = proc_read_pagemap },
	{ .name = "stat", .mode = S_IFREG | 0444, .show = proc_show_stat },
	{ .name = "statm", .mode = S_IFREG | 0444, .show = proc_show_statm },
	{ .name = "status", .mode = S_IFREG | 0444, .show = proc_show_status },
	{ 0 }
};

int proc_pid_lookup(void *arg, const char *name, struct pseudo_entry *child)
{
	struct task_struct *task;
	unsigned long long pid;

	(void)arg;
	if (name[0] < '1' || name[0] > '9' || kstrtoull(name, 10, &pid) || pid > 0x7fffffff)
		return -ENOENT;
	task = proc_task((void *)(unsigned long)pid);
	if (!task)
		return -ENOENT;
	put_task_struct(task);
	*child = (struct pseudo_entry){
		.mode = S_IFDIR | 0555,
		.arg = (void *)(unsigned long)pid,
		.children = pid_entries,
	};
	return 0;
}

int proc_pid_iterate(void *arg, struct pseudo_dir *dir, loff_t from)
{
	struct task_struct *task;
	pid_t pid = (pid_t)from;
	char name[12];

	(void)arg;
	while ((task = find_get_next_process(pid))) {
		pid = task->pid;
		put_task_struct(task);
		snprintf(name, sizeof(name), "%d", pid);
		if (!pseudo_emit(dir, name, S_IFDIR, 0x10000UL + (unsigned long)pid, pid))
			return 0;
		pid++;
	}
	return 0;
}

int proc_self_readlink(void *arg, char *buf, int size)
{
	(void)arg;
	return snprintf(buf, (size_t)size, "%d", current->tgid);
}
