/* SPDX-License-Identifier: MIT */
/* /proc/PID: a directory per process, made anew at every look. */
#include "fs/proc/proc.h"
#include "kernel/core/sched.h"
#include "kernel/core/task.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/pid.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/reclaim.h"

/* The arg of the process itself. */
static void *without_details(void *arg)
{
	return (void *)((unsigned long)arg &
			(~0UL << PROC_BIRTH_SHIFT | ((1UL << PROC_PID_BITS) - 1)));
}

struct task_struct *proc_task(void *arg)
{
	pid_t pid = (pid_t)((unsigned long)arg & ((1UL << PROC_PID_BITS) - 1));
	struct task_struct *task = find_get_task(pid);

	if (!task || proc_task_arg(task, false) == without_details(arg))
		return task;
	put_task_struct(task); /* another one has the number now */
	return NULL;
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

/* A process may look at its descriptors though it became root's when it changed its ids. */
static bool proc_is_own(void *arg)
{
	struct task_struct *task = proc_task(arg);
	bool own = task && task->signal == current->signal;

	if (task)
		put_task_struct(task);
	return own;
}

/* For what only those may read who may look into the process itself. */
static int may_inspect(void *arg, unsigned int f_mode)
{
	struct task_struct *task = proc_task(arg);
	int err = 0;

	(void)f_mode;
	if (!task)
		return -ESRCH;
	if (!ptrace_may_access(task, false))
		err = -EACCES;
	put_task_struct(task);
	return err;
}

/* Nobody enters the directories of a process that was waited for. */
static int is_alive(void *arg, unsigned int f_mode)
{
	struct task_struct *task = proc_task(arg);

	(void)f_mode;
	if (!task)
		return -ESRCH;
	put_task_struct(task);
	return 0;
}

/* A dead one sees no mounts any more. */
static int sees_mounts(void *arg, unsigned int f_mode)
{
	struct task_struct *task = proc_task(arg);
	bool sees;

	(void)f_mode;
	if (!task)
		return -EINVAL;
	sees = proc_has_fs(task);
	put_task_struct(task);
	return sees ? 0 : -EINVAL;
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

static int show_oom_score(struct seq_buf *m, void *arg)
{
	struct task_struct *task = proc_task(arg);

	if (!task)
		return -ESRCH;
	seq_printf(m, "%lu\n", oom_score(task));
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
	long adj;
	int err;

	if (proc_parse_long(buf, len, &adj) != (ssize_t)len || adj < -1000 || adj > 1000)
		return -EINVAL;
	task = proc_task(arg);
	if (!task)
		return -ESRCH;
	err = set_oom_score_adj(task, (int)adj);
	put_task_struct(task);
	return err ? err : (ssize_t)len;
}

/* Renaming is for the process itself, thread by thread. */
static ssize_t write_comm(void *arg, const char *buf, size_t len)
{
	struct task_struct *task = proc_task(arg);
	size_t n = min(len, sizeof(task->comm) - 1);
	ssize_t ret = -EINVAL;

	if (!task)
		return -ESRCH;
	if (task->signal == current->signal) {
		task_lock(task);
		memset(task->comm, 0, sizeof(task->comm));
		memcpy(task->comm, buf, n);
		trace_comm((u32)task->pid, task->comm);
		task_unlock(task);
		ret = (ssize_t)len;
	}
	put_task_struct(task);
	return ret;
}

/* --- the tables --- */

static int task_lookup(void *arg, const char *name, struct pseudo_entry *child);
static int task_iterate(void *arg, struct pseudo_dir *dir, loff_t from);

/* Processes and threads have the same files, but the first. */
static const struct pseudo_entry pid_entries[] = {
	{ .name = "task",
	  .mode = S_IFDIR | 0555,
	  .may_open = is_alive,
	  .lookup = task_lookup,
	  .iterate = task_iterate },
	{ .name = "auxv",
	  .mode = S_IFREG | 0400,
	  .show = show_auxv,
	  .may_open = may_inspect,
	  .ends_at_size = true },
	{ .name = "clear_refs", .mode = S_IFREG | 0200, .write = proc_write_clear_refs },
	{ .name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline, .ends_at_size = true },
	{ .name = "comm", .mode = S_IFREG | 0644, .show = show_comm, .write = write_comm },
	{ .name = "coredump_filter",
	  .mode = S_IFREG | 0644,
	  .show = proc_show_coredump_filter,
	  .write = proc_write_coredump_filter },
	{ .name = "cwd",
	  .mode = S_IFLNK | 0777,
	  .readlink = proc_readlink_cwd,
	  .get_link = proc_get_cwd },
	{ .name = "environ",
	  .mode = S_IFREG | 0400,
	  .show = show_environ,
	  .may_open = may_inspect,
	  .ends_at_size = true },
	{ .name = "exe",
	  .mode = S_IFLNK | 0777,
	  .readlink = proc_readlink_exe,
	  .get_link = proc_get_exe },
	{ .name = "fd",
	  .mode = S_IFDIR | 0500,
	  .is_own = proc_is_own,
	  .lookup = proc_fd_lookup,
	  .iterate = proc_fd_iterate },
	{ .name = "fdinfo",
	  .mode = S_IFDIR | 0555,
	  .lookup = proc_fdinfo_lookup,
	  .iterate = proc_fdinfo_iterate },
	{ .name = "limits", .mode = S_IFREG | 0444, .show = proc_show_limits },
	{ .name = "maps", .mode = S_IFREG | 0444, .show = proc_show_maps, .may_open = may_inspect },
	{ .name = "mem", .mode = S_IFREG | 0600, .fops = &proc_mem_fops },
	{ .name = "mountinfo",
	  .mode = S_IFREG | 0444,
	  .show = proc_show_mountinfo,
	  .may_open = sees_mounts },
	{ .name = "mounts",
	  .mode = S_IFREG | 0444,
	  .show = proc_show_mounts,
	  .may_open = sees_mounts },
	{ .name = "oom_score", .mode = S_IFREG | 0444, .show = show_oom_score },
	{ .name = "oom_score_adj",
	  .mode = S_IFREG | 0644,
	  .show = show_oom_score_adj,
	  .write = write_oom_score_adj,
	  .ends_at_size = true },
	{ .name = "pagemap",
	  .mode = S_IFREG | 0400,
	  .read = proc_read_pagemap,
	  .may_open = may_inspect },
	{ .name = "personality",
	  .mode = S_IFREG | 0400,
	  .show = proc_show_personality,
	  .may_open = may_inspect },
	{ .name = "root",
	  .mode = S_IFLNK | 0777,
	  .readlink = proc_readlink_root,
	  .get_link = proc_get_root },
	{ .name = "smaps",
	  .mode = S_IFREG | 0444,
	  .show = proc_show_smaps,
	  .may_open = may_inspect },
	{ .name = "smaps_rollup",
	  .mode = S_IFREG | 0444,
	  .show = proc_show_smaps_rollup,
	  .may_open = may_inspect },
	{ .name = "stat", .mode = S_IFREG | 0444, .show = proc_show_stat },
	{ .name = "statm", .mode = S_IFREG | 0444, .show = proc_show_statm },
	{ .name = "status", .mode = S_IFREG | 0444, .show = proc_show_status },
	{ .name = "wchan", .mode = S_IFREG | 0444, .show = proc_show_wchan },
	{ 0 }
};

/* --- directories of processes and threads --- */

/* The effective user; root if it may not be inspected, but for the directory itself. */
static int owner(void *arg, umode_t mode, uid_t *uid, gid_t *gid)
{
	struct task_struct *task = proc_task(arg);
	struct process_ids ids;
	bool shown;

	if (!task)
		return -ENOENT;
	get_process_ids(task, &ids);
	shown = mode == (S_IFDIR | 0555) || ids.dumpable == 1 || task->flags & PF_KTHREAD;
	*uid = shown ? ids.uid.effective : 0;
	*gid = shown ? ids.gid.effective : 0;
	put_task_struct(task);
	return 0;
}

/* The task that @name is the number of, counted, or NULL. */
static struct task_struct *task_named(const char *name)
{
	unsigned long long pid;

	if (name[0] < '1' || name[0] > '9' || kstrtoull(name, 10, &pid) || pid > 0x7fffffff)
		return NULL;
	return find_get_task((pid_t)pid);
}

int proc_pid_lookup(void *arg, const char *name, struct pseudo_entry *child)
{
	struct task_struct *task = task_named(name);

	(void)arg;
	if (!task)
		return -ENOENT;
	*child = (struct pseudo_entry){
		.mode = S_IFDIR | 0555,
		.arg = proc_task_arg(task, false),
		.owner = owner,
		.may_open = is_alive,
		.children = pid_entries,
	};
	put_task_struct(task);
	return 0;
}

struct task_struct *proc_dir_task(const struct file *file)
{
	const struct pseudo_entry *entry = pseudo_dir_entry(file);

	return entry && entry->children == pid_entries ? proc_task(entry->arg) : NULL;
}

static int task_lookup(void *arg, const char *name, struct pseudo_entry *child)
{
	struct task_struct *task = task_named(name), *process = proc_task(arg);
	int err = -ENOENT;

	if (task && process && task->tgid == process->tgid) {
		*child = (struct pseudo_entry){
			.mode = S_IFDIR | 0555,
			.arg = proc_task_arg(task, true),
			.children = pid_entries + 1,
		};
		err = 0;
	}
	if (task)
		put_task_struct(task);
	if (process)
		put_task_struct(process);
	return err;
}

/* Name @task by its number, whose reference is taken. False: no room. */
static bool emit_task(struct pseudo_dir *dir, struct task_struct *task, pid_t *pid)
{
	char name[12];

	*pid = task->pid;
	put_task_struct(task);
	snprintf(name, sizeof(name), "%d", *pid);
	return pseudo_emit(dir, name, S_IFDIR, 0x10000UL + (unsigned long)*pid, *pid);
}

int proc_pid_iterate(void *arg, struct pseudo_dir *dir, loff_t from)
{
	struct task_struct *task;
	pid_t pid;

	(void)arg;
	for (pid = (pid_t)from; (task = find_get_next_process(pid)); pid++)
		if (!emit_task(dir, task, &pid))
			break;
	return 0;
}

static int task_iterate(void *arg, struct pseudo_dir *dir, loff_t from)
{
	struct task_struct *process = proc_task(arg), *task;
	pid_t pid;

	if (!process)
		return -ENOENT;
	for (pid = (pid_t)from; (task = find_get_next_thread(process, pid)); pid++)
		if (!emit_task(dir, task, &pid))
			break;
	put_task_struct(process);
	return 0;
}

int proc_self_readlink(void *arg, char *buf, int size)
{
	(void)arg;
	return snprintf(buf, (size_t)size, "%d", current->tgid);
}

int proc_thread_self_readlink(void *arg, char *buf, int size)
{
	(void)arg;
	return snprintf(buf, (size_t)size, "%d/task/%d", current->tgid, current->pid);
}
