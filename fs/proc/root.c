/* SPDX-License-Identifier: MIT */
/* The root of /proc. */
#include "fs/proc/proc.h"
#include "kernel/core/kallsyms.h"
#include "kernel/core/param.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/uts.h"
#include "lib/string.h"

static int show_version(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, UTS_SYSNAME " version " UTS_RELEASE " (Faultline teaching kernel) (gcc " __VERSION__
			       ") " UTS_VERSION "\n");
	return 0;
}

static int show_cmdline(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%s\n", saved_command_line);
	return 0;
}

static void show_symbol(unsigned long addr, char type, const char *name, void *arg)
{
	seq_printf(arg, "%016lx %c %s\n", addr, type, name);
}

/* Who has not CAP_SYSLOG is not told where things are. */
static void show_symbol_name(unsigned long addr, char type, const char *name, void *arg)
{
	(void)addr;
	show_symbol(0, type, name, arg);
}

static int show_kallsyms(struct seq_buf *m, void *arg)
{
	(void)arg;
	kallsyms_for_each(capable(CAP_SYSLOG) ? show_symbol : show_symbol_name, m);
	return 0;
}

static int readlink_mounts(void *arg, char *buf, int size)
{
	(void)arg;
	return (int)strlcpy(buf, "self/mounts", (size_t)size);
}

static const struct pseudo_entry root_entries[] = {
	{ .name = "buddyinfo", .mode = S_IFREG | 0444, .show = proc_show_buddyinfo },
	{ .name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline },
	{ .name = "cpuinfo", .mode = S_IFREG | 0444, .show = proc_show_cpuinfo },
	{ .name = "devices", .mode = S_IFREG | 0444, .show = proc_show_devices },
	{ .name = "diskstats", .mode = S_IFREG | 0444, .show = proc_show_diskstats },
	{ .name = "filesystems", .mode = S_IFREG | 0444, .show = proc_show_filesystems },
	{ .name = "interrupts", .mode = S_IFREG | 0444, .show = proc_show_interrupts },
	{ .name = "kallsyms", .mode = S_IFREG | 0444, .show = show_kallsyms },
	{ .name = "kpagecount", .mode = S_IFREG | 0400, .read = proc_read_kpagecount },
	{ .name = "kpageflags", .mode = S_IFREG | 0400, .read = proc_read_kpageflags },
	{ .name = "loadavg", .mode = S_IFREG | 0444, .show = proc_show_loadavg },
	{ .name = "meminfo", .mode = S_IFREG | 0444, .show = proc_show_meminfo },
	{ .name = "mm_audit", .mode = S_IFREG | 0400, .show = proc_show_mm_audit },
#if CONFIG_DEBUG
	{ .name = "mm_audit_spoil", .mode = S_IFREG | 0400, .show = proc_show_mm_audit_spoil },
#endif
	{ .name = "mounts", .mode = S_IFLNK | 0777, .size = 11, .readlink = readlink_mounts },
	{ .name = "partitions", .mode = S_IFREG | 0444, .show = proc_show_partitions },
	{ .name = "self", .mode = S_IFLNK | 0777, .readlink = proc_self_readlink },
	{ .name = "slabinfo", .mode = S_IFREG | 0400, .show = proc_show_slabinfo },
	{ .name = "stat", .mode = S_IFREG | 0444, .show = proc_show_cpu_stat },
	{ .name = "swaps", .mode = S_IFREG | 0444, .show = proc_show_swaps },
	{ .name = "sys", .mode = S_IFDIR | 0555, .children = proc_sys_entries },
	{ .name = "sysvipc", .mode = S_IFDIR | 0555, .children = proc_sysvipc_entries },
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .readlink = proc_thread_self_readlink },
	{ .name = "trace", .mode = S_IFREG | 0600, .fops = &proc_trace_fops },
	{ .name = "uptime", .mode = S_IFREG | 0444, .show = proc_show_uptime },
	{ .name = "version", .mode = S_IFREG | 0444, .show = show_version },
	{ .name = "vmstat", .mode = S_IFREG | 0444, .show = proc_show_vmstat },
	{ .name = "zoneinfo", .mode = S_IFREG | 0444, .show = proc_show_zoneinfo },
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
	register_pseudo_fs("proc", PROC_SUPER_MAGIC, 1024, &proc_root);
}
