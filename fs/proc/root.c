/* SPDX-License-Identifier: MIT */
/* The root of /proc. */
#include "fs/proc/proc.h"
#include "lib/string.h"

static int show_version(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, "Linux version 6.1.0-faultline (Faultline teaching kernel) " __VERSION__ "\n");
	return 0;
}

static int readlink_mounts(void *arg, char *buf, int size)
{
	(void)arg;
	return (int)strlcpy(buf, "self/mounts", (size_t)size);
}

static const struct pseudo_entry root_entries[] = {
	{ .name = "buddyinfo", .mode = S_IFREG | 0444, .show = proc_show_buddyinfo },
	{ .name = "cpuinfo", .mode = S_IFREG | 0444, .show = proc_show_cpuinfo },
	{ .name = "filesystems", .mode = S_IFREG | 0444, .show = proc_show_filesystems },
	{ .name = "interrupts", .mode = S_IFREG | 0444, .show = proc_show_interrupts },
	{ .name = "loadavg", .mode = S_IFREG | 0444, .show = proc_show_loadavg },
	{ .name = "meminfo", .mode = S_IFREG | 0444, .show = proc_show_meminfo },
	{ .name = "mm_audit", .mode = S_IFREG | 0400, .show = proc_show_mm_audit },
#if CONFIG_DEBUG
	{ .name = "mm_audit_spoil", .mode = S_IFREG | 0400, .show = proc_show_mm_audit_spoil },
#endif
	{ .name = "mounts", .mode = S_IFLNK | 0777, .size = 11, .readlink = readlink_mounts },
	{ .name = "self", .mode = S_IFLNK | 0777, .readlink = proc_self_readlink },
	{ .name = "slabinfo", .mode = S_IFREG | 0400, .show = proc_show_slabinfo },
	{ .name = "stat", .mode = S_IFREG | 0444, .show = proc_show_cpu_stat },
	{ .name = "swaps", .mode = S_IFREG | 0444, .show = proc_show_swaps },
	{ .name = "sys", .mode = S_IFDIR | 0555, .children = proc_sys_entries },
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .readlink = proc_thread_self_readlink },
	{ .name = "uptime", .mode = S_IFREG | 0444, .show = proc_show_uptime },
	{ .name = "version", .mode = S_IFREG | 0444, .show = show_version },
	{ .name = "vmstat", .mode = S_IFREG | 0444, .show = proc_show_vmstat },
	{ 0 }
};

static const struct pseudo_entry proc_root = {
	.mode = S_IFDIR | 0555,
	.children = root_entries,
	.lookup = proc_pid_lookup,
	.iterate = proc_pid_iterate,
};

void proc_init(void)
{
	register_pseudo_fs("proc", PROC_SUPER_MAGIC, &proc_root);
}
