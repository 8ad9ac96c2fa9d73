/* SPDX-License-Identifier: MIT */
/*
 * What the files of fs/proc share. Formats are Linux's (proc(5)), so that ordinary tools parse
 * them.
 */
#ifndef FS_PROC_PROC_H
#define FS_PROC_PROC_H

#include "fs/pseudo.h"
#include "kernel/core/task.h"
#include "kernel/core/time.h"
#include "lib/types.h"
#include "mm/space/pagetable.h"

#define PROC_SUPER_MAGIC 0x9fa0 /* statfs(2) */

#define NSEC_PER_CLOCK_TICK (NSEC_PER_SEC / 100) /* USER_HZ is 100 on every Linux */

/*
 * A node's arg names a thread, never points to it: its number, whether it is meant alone or for its
 * whole process, a descriptor of it, and what tells it from a later one of the same number (its start
 * in microseconds, cut).
 */
#define PROC_PID_BITS 22
#define PROC_FD_BITS 20
#define PROC_FD_MAX ((1u << PROC_FD_BITS) - 1)
#define PROC_FD_SHIFT (PROC_PID_BITS + 1)
#define PROC_BIRTH_SHIFT (PROC_FD_SHIFT + PROC_FD_BITS)

static inline void *proc_task_arg(const struct task_struct *task, bool thread)
{
	return (void *)((unsigned long)task->pid | (unsigned long)thread << PROC_PID_BITS |
			task->start_ns / 1000 << PROC_BIRTH_SHIFT);
}
static inline void *proc_fd_arg(void *arg, unsigned int fd)
{
	return (void *)((unsigned long)arg | (unsigned long)fd << PROC_FD_SHIFT);
}
static inline unsigned int proc_fd(void *arg)
{
	return (unsigned int)((unsigned long)arg >> PROC_FD_SHIFT) & PROC_FD_MAX;
}
/* In /proc/PID/task/TID: numbers are the thread's own. */
static inline bool proc_is_thread(void *arg)
{
	return (unsigned long)arg >> PROC_PID_BITS & 1;
}
/* The task, counted (put_task_struct()), or NULL when it is gone. */
struct task_struct *proc_task(void *arg);
/* Has it a place in the file systems? A dead one has not. */
static inline bool proc_has_fs(const struct task_struct *task)
{
	return READ_ONCE(task->fs) || task->flags & PF_KTHREAD;
}
/* Its map, counted (mmput), or NULL for kernel threads, zombies and processes that are gone. */
struct mm_struct *proc_mm(void *arg);
/* Frames that its program's text takes. */
unsigned long proc_text_pages(const struct mm_struct *mm);
/*
 * The number at the start of what was written, decimal or by its prefix, and the blanks around it.
 * Bytes taken, or -EINVAL.
 */
ssize_t proc_parse_long(const char *buf, size_t len, long *value);

/* /proc/PID/... */
#define MAPS_NAME_COLUMN 73 /* where the name starts in maps: 25 + 6 * sizeof(void *) */
int proc_show_maps(struct seq_buf *m, void *arg);
/* maps, and behind each line what @more (NULL: nothing) prints. mmap_lock is held for reading. */
int proc_for_each_vma(struct seq_buf *m, void *arg,
		      void (*more)(struct seq_buf *m, struct vm_area_struct *vma));
int proc_show_smaps(struct seq_buf *m, void *arg);
int proc_show_smaps_rollup(struct seq_buf *m, void *arg);
ssize_t proc_write_clear_refs(void *arg, const char *buf, size_t len);
ssize_t proc_read_pagemap(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t proc_read_kpagecount(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t proc_read_kpageflags(struct file *file, char __user *buf, size_t count, loff_t *pos);
extern const struct file_operations proc_mem_fops;
extern const struct file_operations proc_trace_fops;
int proc_show_stat(struct seq_buf *m, void *arg);
int proc_show_statm(struct seq_buf *m, void *arg);
int proc_show_status(struct seq_buf *m, void *arg);
int proc_show_limits(struct seq_buf *m, void *arg);
int proc_show_wchan(struct seq_buf *m, void *arg);
int proc_show_personality(struct seq_buf *m, void *arg);
int proc_show_coredump_filter(struct seq_buf *m, void *arg);
ssize_t proc_write_coredump_filter(void *arg, const char *buf, size_t len);
int proc_show_mounts(struct seq_buf *m, void *arg);
int proc_show_mountinfo(struct seq_buf *m, void *arg);
int proc_show_filesystems(struct seq_buf *m, void *arg);
int proc_readlink_exe(void *arg, char *buf, int size);
struct dentry *proc_get_exe(void *arg);
int proc_readlink_cwd(void *arg, char *buf, int size);
struct dentry *proc_get_cwd(void *arg);
int proc_readlink_root(void *arg, char *buf, int size);
struct dentry *proc_get_root(void *arg);
int proc_fd_lookup(void *arg, const char *name, struct pseudo_entry *child);
int proc_fd_iterate(void *arg, struct pseudo_dir *dir, loff_t from);
int proc_fdinfo_lookup(void *arg, const char *name, struct pseudo_entry *child);
int proc_fdinfo_iterate(void *arg, struct pseudo_dir *dir, loff_t from);
/* The root's dynamic children: processes. */
int proc_pid_lookup(void *arg, const char *name, struct pseudo_entry *child);
int proc_pid_iterate(void *arg, struct pseudo_dir *dir, loff_t from);
/* The process that an open /proc/PID is of, counted; NULL: @file is not that, or it is gone. */
struct task_struct *proc_dir_task(const struct file *file);
int proc_self_readlink(void *arg, char *buf, int size);
int proc_thread_self_readlink(void *arg, char *buf, int size);
/* System-wide files about memory. */
int proc_show_meminfo(struct seq_buf *m, void *arg);
int proc_show_vmstat(struct seq_buf *m, void *arg);
int proc_show_buddyinfo(struct seq_buf *m, void *arg);
int proc_show_slabinfo(struct seq_buf *m, void *arg);
int proc_show_swaps(struct seq_buf *m, void *arg);
int proc_show_mm_audit(struct seq_buf *m, void *arg);
int proc_show_mm_audit_spoil(struct seq_buf *m, void *arg);
int proc_show_zoneinfo(struct seq_buf *m, void *arg);
/* About the disks. */
int proc_show_devices(struct seq_buf *m, void *arg);
int proc_show_partitions(struct seq_buf *m, void *arg);
int proc_show_diskstats(struct seq_buf *m, void *arg);
/* About the CPUs. */
int proc_show_cpuinfo(struct seq_buf *m, void *arg);
int proc_show_cpu_stat(struct seq_buf *m, void *arg);
int proc_show_interrupts(struct seq_buf *m, void *arg);
int proc_show_loadavg(struct seq_buf *m, void *arg);
int proc_show_uptime(struct seq_buf *m, void *arg);
extern const struct pseudo_entry proc_sys_entries[];
extern const struct pseudo_entry proc_sysvipc_entries[];

void proc_init(void);

#endif
