/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys: what programs read or set. A file that can be written has its effect; one whose subject
 * does not exist here is not there, and one that never changes cannot be opened for writing, not even
 * by root.
 */
#include "fs/coredump.h"
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/pipe.h"
#include "fs/proc/proc.h"
#include "fs/tmpfs/sysv.h"
#include "kernel/core/printk.h"
#include "kernel/core/random.h"
#include "kernel/proc/layout.h"
#include "kernel/proc/process.h"
#include "kernel/proc/uts.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/backing/writeback.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mm.h"
#include <asm/crash.h>

/* --- permissions: the mode counts for root too --- */

static int reads_only(void *arg, unsigned int f_mode)
{
	(void)arg;
	return f_mode & FMODE_WRITE ? -EACCES : 0;
}

static int writes_only(void *arg, unsigned int f_mode)
{
	(void)arg;
	return f_mode & FMODE_READ ? -EACCES : 0;
}

/* clang-format off */
#define READ_ONLY(id, fn, with)                                                                   \
	{ .name = id, .mode = S_IFREG | 0444, .show = fn, .arg = with, .may_open = reads_only,    \
	  .ends_at_size = true }
#define WRITE_ONLY(id, fn) \
	{ .name = id, .mode = S_IFREG | 0200, .write = fn, .may_open = writes_only,               \
	  .ends_at_size = true }
#define READ_WRITE(id, show_fn, write_fn, with)                                                   \
	{ .name = id, .mode = S_IFREG | 0644, .show = show_fn, .write = write_fn, .arg = with,    \
	  .ends_at_size = true }
#define CONSTANT(id, text) READ_ONLY(id, show_constant, (void *)text)
#define INT(id, variable, lo, hi) \
	READ_WRITE(id, show_int, write_int, (&(struct sysctl_int){ &variable, lo, hi }))
#define ULONG(id, variable) READ_WRITE(id, show_ulong, write_ulong, &variable)
#define FOLDER(id, table) { .name = id, .mode = S_IFDIR | 0555, .children = table }
/* clang-format on */

/* --- numbers --- */

struct sysctl_int {
	int *value;
	int lo, hi;
};

static size_t blanks(const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && (buf[n] == ' ' || buf[n] == '\t' || buf[n] == '\n'))
		n++;
	return n;
}

#define WORD_LEN 24 /* of any number */

/* The first word without the blanks around it, which count. Bytes taken, or -EINVAL: none, or too long. */
static ssize_t take_word(const char *buf, size_t len, char word[WORD_LEN])
{
	size_t start = blanks(buf, len), end = start;

	while (end < len && buf[end] && !blanks(buf + end, 1))
		end++;
	if (end == start || end - start >= WORD_LEN)
		return -EINVAL;
	memcpy(word, buf + start, end - start);
	word[end - start] = '\0';
	return (ssize_t)(end + blanks(buf + end, len - end));
}

ssize_t proc_parse_long(const char *buf, size_t len, long *value)
{
	char word[WORD_LEN];
	ssize_t n = take_word(buf, len, word);

	return n > 0 && kstrtol(word, 0, value) ? -EINVAL : n;
}

/* One of [lo, hi]. Bytes taken, of nothing 0, or -EINVAL. */
static ssize_t parse_number(const char *buf, size_t len, long lo, long hi, long *value)
{
	ssize_t n = len ? proc_parse_long(buf, len, value) : 0;

	return n > 0 && (*value < lo || *value > hi) ? -EINVAL : n;
}

static int show_int(struct seq_buf *m, void *arg)
{
	const struct sysctl_int *ctl = arg;

	seq_printf(m, "%d\n", READ_ONCE(*ctl->value));
	return 0;
}

static ssize_t write_int(void *arg, const char *buf, size_t len)
{
	const struct sysctl_int *ctl = arg;
	long value;
	ssize_t n = parse_number(buf, len, ctl->lo, ctl->hi, &value);

	if (n > 0)
		WRITE_ONCE(*ctl->value, (int)value);
	return n;
}

static int show_ulong(struct seq_buf *m, void *arg)
{
	const unsigned long *value = arg;

	seq_printf(m, "%lu\n", READ_ONCE(*value));
	return 0;
}

static ssize_t write_ulong(void *arg, const char *buf, size_t len)
{
	unsigned long value, *to = arg;
	char word[WORD_LEN];
	ssize_t n = len ? take_word(buf, len, word) : 0;

	if (n > 0 && kstrtoul(word, 0, &value))
		return -EINVAL;
	if (n > 0)
		WRITE_ONCE(*to, value);
	return n;
}

static int show_constant(struct seq_buf *m, void *arg)
{
	seq_printf(m, "%s\n", (const char *)arg);
	return 0;
}

/* --- vm --- */

static ssize_t write_drop_caches(void *arg, const char *buf, size_t len)
{
	long what;
	ssize_t n = parse_number(buf, len, 1, 4, &what);

	(void)arg;
	if (n > 0)
		drop_caches((int)what);
	return n;
}

static int show_min_free(struct seq_buf *m, void *arg)
{
	unsigned long pages = 0;

	(void)arg;
	for (int i = 0; i < MAX_NR_ZONES; i++)
		pages += zones[i].watermark[WMARK_MIN];
	seq_printf(m, "%lu\n", pages << (PAGE_SHIFT - 10));
	return 0;
}

static const struct pseudo_entry vm_entries[] = {
	INT("dirty_background_ratio", dirty_background_ratio, 0, 100),
	INT("dirty_ratio", vm_dirty_ratio, 0, 100),
	INT("dirty_writeback_centisecs", dirty_writeback_centisecs, 0, INT32_MAX),
	WRITE_ONLY("drop_caches", write_drop_caches),
	INT("max_map_count", sysctl_max_map_count, 0, INT32_MAX),
	READ_ONLY("min_free_kbytes", show_min_free, NULL),
	CONSTANT("mmap_min_addr", "65536"),
	INT("overcommit_memory", sysctl_overcommit_memory, 0, 2),
	INT("overcommit_ratio", sysctl_overcommit_ratio, 0, INT32_MAX),
	{ 0 }
};

/* --- kernel --- */

static int show_uts(struct seq_buf *m, void *arg)
{
	char name[UTS_LEN];

	uts_get((enum uts_name)(unsigned long)arg, name);
	seq_printf(m, "%s\n", name);
	return 0;
}

/* The first line; what is too long is cut. */
static ssize_t write_uts(void *arg, const char *buf, size_t len)
{
	const char *end = memchr(buf, '\n', len);
	size_t n = end ? (size_t)(end - buf) : len;

	if (len)
		uts_set((enum uts_name)(unsigned long)arg, buf, min(n, (size_t)UTS_LEN - 1));
	return (ssize_t)len;
}

static int show_printk(struct seq_buf *m, void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++)
		seq_printf(m, i < 3 ? "%d\t" : "%d\n", READ_ONCE(console_printk[i]));
	return 0;
}

/* The first ones, as many as there are. */
static ssize_t write_printk(void *arg, const char *buf, size_t len)
{
	size_t done = 0;
	long level;

	(void)arg;
	for (int i = 0; i < 4 && done < len; i++) {
		ssize_t n = parse_number(buf + done, len - done, INT32_MIN, INT32_MAX, &level);

		if (n < 0)
			return done ? (ssize_t)done : n;
		WRITE_ONCE(console_printk[i], (int)level);
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int show_core_pattern(struct seq_buf *m, void *arg)
{
	char pattern[CORE_PATTERN_SIZE];

	(void)arg;
	core_pattern_get(pattern);
	seq_printf(m, "%s\n", pattern);
	return 0;
}

/* The first line. */
static ssize_t write_core_pattern(void *arg, const char *buf, size_t len)
{
	const char *end = memchr(buf, '\n', len);
	int err = core_pattern_set(buf, end ? (size_t)(end - buf) : len);

	(void)arg;
	return err ? err : (ssize_t)len;
}

/* --- kernel/random --- */

static void show_bytes(struct seq_buf *m, const u8 id[16])
{
	for (int i = 0; i < 16; i++)
		seq_printf(m, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
	seq_putc(m, '\n');
}

/* RFC 9562, version 4. */
static void make_uuid(u8 id[16])
{
	get_random_bytes(id, 16);
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
}

static int show_uuid(struct seq_buf *m, void *arg)
{
	u8 id[16];

	(void)arg;
	make_uuid(id);
	show_bytes(m, id);
	return 0;
}

/* The same until the machine is turned off. */
static int show_boot_id(struct seq_buf *m, void *arg)
{
	static DEFINE_MUTEX(lock);
	static u8 id[16]; /* lock */

	(void)arg;
	mutex_lock(&lock);
	if (!id[6])
		make_uuid(id);
	mutex_unlock(&lock);
	show_bytes(m, id);
	return 0;
}

static const struct pseudo_entry random_entries[] = {
	READ_ONLY("boot_id", show_boot_id, NULL),
	CONSTANT("entropy_avail", "256"),
	CONSTANT("poolsize", "256"),
	READ_ONLY("uuid", show_uuid, NULL),
	{ 0 }
};

static int show_threads_max(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%u\n", READ_ONCE(max_tasks));
	return 0;
}

static ssize_t write_threads_max(void *arg, const char *buf, size_t len)
{
	long max;
	ssize_t n = parse_number(buf, len, 1, PID_MAX, &max);

	(void)arg;
	if (n > 0)
		WRITE_ONCE(max_tasks, (unsigned int)max);
	return n;
}

static const struct pseudo_entry kernel_entries[] = {
	CONSTANT("cap_last_cap", "40"),
	READ_WRITE("core_pattern", show_core_pattern, write_core_pattern, NULL),
	INT("core_uses_pid", core_uses_pid, INT32_MIN, INT32_MAX),
	WRITE_ONLY("crash", crash_request),
	READ_WRITE("domainname", show_uts, write_uts, (void *)UTS_DOMAINNAME),
	READ_WRITE("hostname", show_uts, write_uts, (void *)UTS_NODENAME),
	CONSTANT("ngroups_max", "65536"),
	CONSTANT("osrelease", UTS_RELEASE),
	CONSTANT("ostype", UTS_SYSNAME),
	CONSTANT("overflowgid", "65534"),
	CONSTANT("overflowuid", "65534"),
	INT("pid_max", pid_max, PID_MAX_MIN, PID_MAX),
	READ_WRITE("printk", show_printk, write_printk, NULL),
	FOLDER("random", random_entries),
	INT("randomize_va_space", randomize_va_space, INT32_MIN, INT32_MAX),
	CONSTANT("shm_rmid_forced", "0"),
	ULONG("shmall", sysctl_shmall),
	ULONG("shmmax", sysctl_shmmax),
	INT("shmmni", sysctl_shmmni, 0, SHMMNI_MAX),
	CONSTANT("tainted", "0"),
	READ_WRITE("threads-max", show_threads_max, write_threads_max, NULL),
	CONSTANT("version", UTS_VERSION),
	{ 0 }
};

/* --- fs --- */

static int show_inode_nr(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%lu\t0\n", nr_inodes());
	return 0;
}

static int show_dentry_state(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%lu\t0\t45\t0\t0\t0\n", nr_dentries());
	return 0;
}

static int show_file_nr(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%d\t0\t%d\n", nr_open_files(), READ_ONCE(max_files));
	return 0;
}

static int show_pipe_max_size(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_printf(m, "%u\n", READ_ONCE(pipe_max_size));
	return 0;
}

static ssize_t write_pipe_max_size(void *arg, const char *buf, size_t len)
{
	long size;
	ssize_t n = parse_number(buf, len, 0, PIPE_MAX_BYTES, &size);

	(void)arg;
	if (n > 0)
		WRITE_ONCE(pipe_max_size, pipe_slots_for((unsigned long)size) * PAGE_SIZE);
	return n;
}

static const struct pseudo_entry fs_entries[] = {
	READ_ONLY("dentry-state", show_dentry_state, NULL),
	INT("file-max", max_files, 0, INT32_MAX),
	READ_ONLY("file-nr", show_file_nr, NULL),
	READ_ONLY("inode-nr", show_inode_nr, NULL),
	INT("nr_open", nr_open, NR_OPEN_SMALL, NR_OPEN_MOST),
	CONSTANT("overflowgid", "65534"),
	CONSTANT("overflowuid", "65534"),
	READ_WRITE("pipe-max-size", show_pipe_max_size, write_pipe_max_size, NULL),
	ULONG("pipe-user-pages-hard", pipe_user_pages_hard),
	ULONG("pipe-user-pages-soft", pipe_user_pages_soft),
	INT("protected_hardlinks", protected_hardlinks, 0, 1),
	INT("protected_symlinks", protected_symlinks, 0, 1),
	INT("suid_dumpable", suid_dumpable, 0, 2),
	{ 0 }
};

const struct pseudo_entry proc_sys_entries[] = {
	FOLDER("fs", fs_entries),
	FOLDER("kernel", kernel_entries),
	FOLDER("vm", vm_entries),
	{ 0 }
};
