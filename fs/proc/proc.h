/* SPDX-License-Identifier: MIT */
/*
 * What the files of fs/proc share. Formats are Linux's (proc(5)), so that ordinary tools parse
 * them.
 */
#ifndef FS_PROC_PROC_H
#define FS_PROC_PROC_H

#include "fs/pseudo.h"
#include "lib/types.h"
#include "mm/space/pagetable.h"

struct task_struct;

#define PROC_SUPER_MAGIC 0x9fa0 /* statfs(2) */

/*
 * A node's arg is the pid of its process. The task, counted, or NULL when it is gone:
 * put_task_struct().
 */
struct task_struct *proc_task(void *arg);
/* Its map, counted (mmput), or NULL for kernel threads, zombies and processes that are gone. */
struct mm_struct *proc_mm(void *arg);

/* /proc/PID/... */
int proc_show_maps(struct seq_buf *m, void *arg);
ssize_t proc_read_pagemap(struct file *file, char __user *buf, size_t count, loff_t *pos);
extern const struct file_operations proc_mem_fops;
int proc_show_stat(struct seq_buf *m, void *arg);
int proc_show_statm(struct seq_buf *m, void *arg);
int proc_show_status(struct seq_buf *m, void *arg);
/* The root's dynamic children: processes. */
int proc_pid_lookup(void *arg, const char *name, struct pseudo_entry *child);
int proc_pid_iterate(void *arg, struct pseudo_dir *dir, loff_t from);
int proc_self_readlink(void *arg, char *buf, int size);
/* System-wide files about memory. */
int proc_show_meminfo(struct seq_buf *m, void *arg);
int proc_show_vmstat(struct seq_buf *m, void *arg);
int proc_show_buddyinfo(struct seq_buf *m, void *arg);
int proc_show_slabinfo(struct seq_buf *m, void *arg);
int proc_show_swaps(struct seq_buf *m, void *arg);
int proc_show_mm_audit(struct seq_buf *m, void *arg);
int proc_show_mm_audit_spoil(struct seq_buf *m, void *arg);
/* About the CPUs. */
int proc_show_cpuinfo(struct seq_buf *m, void *arg);
int proc_show_cpu_stat(struct seq_buf *m, void *arg);
int proc_show_interrupts(struct seq_buf *m, void *arg);
int proc_show_loadavg(struct seq_buf *m, void *arg);
int proc_show_uptime(struct seq_buf *m, void *arg);
extern const struct pseudo_entry proc_sys_entries[];

void proc_init(void);

#endif
