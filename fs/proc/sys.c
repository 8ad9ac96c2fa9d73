/* SPDX-License-Identifier: MIT */
/* /proc/sys: the few switches that programs read or set. */
#include "fs/proc/proc.h"
#include "kernel/proc/layout.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mm.h"
#include <asm/crash.h>

/* A decimal number of [lo, hi] between blanks and newlines; -EINVAL. */
static int parse_number(const char *buf, size_t len, unsigned long lo, unsigned long hi,
			unsigned long *out)
{
	unsigned long long value;
	char text[24];
	size_t n = len;

	for (; n && *buf == ' '; n--)
		buf++;
	while (n && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	if (!n || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, buf, n);
	text[n] = '\0';
	if (kstrtoull(text, 10, &value) || value < lo || value > hi)
		return -EINVAL;
	*out = (unsigned long)value;
	return 0;
}

static ssize_t write_drop_caches(void *arg, const char *buf, size_t len)
{
	unsigned long what;

	(void)arg;
	if (parse_number(buf, len, 1, 4, &what))
		return -EINVAL;
	drop_caches((int)what);
	return (ssize_t)len;
}

static int show_drop_caches(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, "0\n");
	return 0;
}

static int show_max_map_count(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%d\n", sysctl_max_map_count);
	return 0;
}

static ssize_t write_max_map_count(void *arg, const char *buf, size_t len)
{
	unsigned long count;

	(void)arg;
	if (parse_number(buf, len, 0, 0x7fffffff, &count))
		return -EINVAL;
	sysctl_max_map_count = (int)count;
	return (ssize_t)len;
}

static int show_randomize(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%d\n", randomize_va_space);
	return 0;
}

static ssize_t write_randomize(void *arg, const char *buf, size_t len)
{
	unsigned long value;

	(void)arg;
	if (parse_number(buf, len, 0, 0x7fffffff, &value))
		return -EINVAL;
	randomize_va_space = (int)value;
	return (ssize_t)len;
}

static int show_constant(struct seq_buf *m, void *arg)
{
	seq_printf(m, "%s\n", (const char *)arg);
	return 0;
}

static const struct pseudo_entry vm_entries[] = {
	{ .name = "drop_caches",
	  .mode = S_IFREG | 0644,
	  .show = show_drop_caches,
	  .write = write_drop_caches },
	{ .name = "max_map_count",
	  .mode = S_IFREG | 0644,
	  .show = show_max_map_count,
	  .write = write_max_map_count },
	{ .name = "mmap_min_addr", .mode = S_IFREG | 0444, .show = show_constant, .arg = "65536" },
	{ .name = "overcommit_memory", .mode = S_IFREG | 0444, .show = show_constant, .arg = "0" },
	{ 0 }
};

static const struct pseudo_entry kernel_entries[] = {
	{ .name = "crash", .mode = S_IFREG | 0200, .write = crash_request },
	{ .name = "ostype", .mode = S_IFREG | 0444, .show = show_constant, .arg = "Linux" },
	{ .name = "osrelease",
	  .mode = S_IFREG | 0444,
	  .show = show_constant,
	  .arg = "6.1.0-faultline" },
	{ .name = "pid_max", .mode = S_IFREG | 0444, .show = show_constant, .arg = "32768" },
	{ .name = "randomize_va_space",
	  .mode = S_IFREG | 0644,
	  .show = show_randomize,
	  .write = write_randomize },
	{ 0 }
};

const struct pseudo_entry proc_sys_entries[] = {
	{ .name = "kernel", .mode = S_IFDIR | 0555, .children = kernel_entries },
	{ .name = "vm", .mode = S_IFDIR | 0555, .children = vm_entries },
	{ 0 }
};
