/* SPDX-License-Identifier: MIT */
/* The root of /proc. */
#include "fs/proc/proc.h"
#include "kernel/core/time.h"
#include <asm/cpufeature.h>
#include <asm/percpu.h>

static int show_uptime(struct seq_buf *m, void *arg)
{
	u64 now = ktime_get_ns();

	(void)arg;
	seq_printf(m, "%llu.%02llu 0.00\n", (unsigned long long)(now / NSEC_PER_SEC),
		   (unsigned long long)(now % NSEC_PER_SEC / 10000000));
	return 0;
}

static int show_version(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, "Linux version 6.1.0-faultline (Faultline teaching kernel) " __VERSION__ "\n");
	return 0;
}

static int show_cpuinfo(struct seq_buf *m, void *arg)
{
	unsigned int cpu;

	(void)arg;
	for_each_cpu(cpu)
		seq_printf(
			m,
			"processor\t: %u\nvendor_id\t: %s\nmodel name\t: %s\naddress sizes\t: %u bits physical, %u bits virtual\n\n",
			cpu, cpu_features.vendor, cpu_features.model, cpu_features.phys_bits,
			cpu_features.virt_bits);
	return 0;
}

static const struct pseudo_entry root_entries[] = {
	{ .name = "buddyinfo", .mode = S_IFREG | 0444, .show = proc_show_buddyinfo },
	{ .name = "cpuinfo", .mode = S_IFREG | 0444, .show = show_cpuinfo },
	{ .name = "meminfo", .mode = S_IFREG | 0444, .show = proc_show_meminfo },
	{ .name = "mm_audit", .mode = S_IFREG | 0400, .show = proc_show_mm_audit },
#if CONFIG_DEBUG
	{ .name = "mm_audit_spoil", .mode = S_IFREG | 0400, .show = proc_show_mm_audit_spoil },
#endif
	{ .name = "self", .mode = S_IFLNK | 0777, .readlink = proc_self_readlink },
	{ .name = "slabinfo", .mode = S_IFREG | 0400, .show = proc_show_slabinfo },
	{ .name = "swaps", .mode = S_IFREG | 0444, .show = proc_show_swaps },
	{ .name = "sys", .mode = S_IFDIR | 0555, .children = proc_sys_entries },
	{ .name = "uptime", .mode = S_IFREG | 0444, .show = show_uptime },
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
