/* SPDX-License-Identifier: MIT */
/*
 * Whether a process that dies of a signal leaves a core, in which file, and whose. There is no
 * helper that a core could be piped to, so no pattern asks for one.
 */
#include "fs/coredump.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/perm.h"
#include "fs/seq_buf.h"
#include "kernel/core/printk.h"
#include "kernel/proc/process.h"
#include "kernel/proc/uts.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/space/mm.h"

/* struct signal_struct.dumpable */
#define SUID_DUMP_DISABLE 0
#define SUID_DUMP_ROOT 2

int core_uses_pid;
static char core_pattern[CORE_PATTERN_SIZE] = "core"; /* pattern_lock */
static DEFINE_SPINLOCK(pattern_lock);

void core_pattern_get(char pattern[CORE_PATTERN_SIZE])
{
	spin_lock(&pattern_lock);
	memcpy(pattern, core_pattern, CORE_PATTERN_SIZE);
	spin_unlock(&pattern_lock);
}

int core_pattern_set(const char *pattern, size_t len)
{
	if (len && *pattern == '|')
		return -EOPNOTSUPP;
	len = min(len, (size_t)CORE_PATTERN_SIZE - 1);
	spin_lock(&pattern_lock);
	memset(core_pattern, 0, CORE_PATTERN_SIZE);
	memcpy(core_pattern, pattern, len);
	spin_unlock(&pattern_lock);
	return 0;
}

/* --- the name --- */

/* Part of a name that somebody else chose: it must not lead into another directory. */
static void put_escaped(struct seq_buf *name, const char *part)
{
	if (!*part || !strcmp(part, ".") || !strcmp(part, "..")) {
		seq_putc(name, '!');
		part += *part != '\0';
	}
	for (; *part; part++)
		seq_putc(name, *part == '/' ? '!' : *part);
}

/* %f, or the whole path, %E. */
static void put_exe(struct seq_buf *name, bool whole)
{
	struct file *exe = current->mm->exe_file;
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	const char *path = buf ? file_path(exe, buf, PATH_MAX) : ERR_PTR(-ENOMEM);

	if (IS_ERR(path))
		name->failed = true;
	else
		put_escaped(name, whole ? path : strrchr(path, '/') + 1);
	kfree(buf);
}

static void put_specifier(struct seq_buf *name, char what, const struct core *core)
{
	const struct signal_struct *signal = current->signal;
	char host[UTS_LEN];

	switch (what) {
	case '%':
		return seq_putc(name, '%');
	case 'p':
	case 'P':
		return seq_printf(name, "%d", current->tgid);
	case 'i':
	case 'I':
		return seq_printf(name, "%d", current->pid);
	case 'u':
		return seq_printf(name, "%u", signal->uid.real);
	case 'g':
		return seq_printf(name, "%u", signal->gid.real);
	case 'd':
		return seq_printf(name, "%d", signal->dumpable);
	case 's':
		return seq_printf(name, "%d", core->info->si_signo);
	case 't':
		return seq_printf(name, "%llu", ktime_get_real_ns() / NSEC_PER_SEC);
	case 'h':
		uts_get(UTS_NODENAME, host);
		return put_escaped(name, host);
	case 'e':
		return put_escaped(name, current->comm);
	case 'f':
	case 'E':
		return put_exe(name, what == 'E');
	case 'c':
		return seq_printf(name, "%lu", core->limit);
	case 'C':
		return seq_printf(name, "%d", smp_processor_id());
	}
}

/* The path by the pattern, NUL-terminated; name->failed: none. */
static void make_name(struct seq_buf *name, const struct core *core)
{
	char pattern[CORE_PATTERN_SIZE];
	bool has_pid = false;

	core_pattern_get(pattern);
	for (const char *p = pattern; *p; p++) {
		if (*p != '%') {
			seq_putc(name, *p);
		} else if (*++p) {
			put_specifier(name, *p, core);
			has_pid |= *p == 'p';
		} else {
			break; /* a single one at the end */
		}
	}
	if (!has_pid && READ_ONCE(core_uses_pid))
		seq_printf(name, ".%d", current->tgid);
	seq_putc(name, '\0');
	if (name->len > PATH_MAX)
		name->failed = true;
}

/* --- the file --- */

/* A new one, which nobody else could have prepared. NULL: not to be had, or not as it must be. */
static struct file *create_core(const char *name)
{
	struct file *file =
		filp_open(name, O_CREAT | O_RDWR | O_NOFOLLOW | O_LARGEFILE | O_EXCL, 0600);
	const struct inode *inode = IS_ERR(file) ? NULL : file->f_inode;

	if (!inode)
		return NULL;
	if (S_ISREG(inode->i_mode) && inode->i_uid == current_fsuid() &&
	    (inode->i_mode & 0677) == 0600 && file->f_op->write_kernel)
		return file;
	fput(file);
	return NULL;
}

/* Of what is not the user's to read: root's file, by a path that the process had no hand in. */
static struct file *create_root_core(const char *name)
{
	struct task_struct *task = current, *init;
	struct fs_struct *own = task->fs, *inits;
	uid_t uid = task->signal->uid.fs;
	struct file *file;

	if (*name != '/') {
		pr_warn("Pid %d(%s) can only dump core to fully qualified path!\n", task->tgid,
			task->comm);
		return NULL;
	}
	init = find_get_task(1); /* not init_task, which an exec in another thread of it changes */
	if (!init)
		return NULL;
	task_lock(init);
	inits = get_fs_struct(init->fs);
	task_unlock(init);
	put_task_struct(init);
	if (!inits)
		return NULL;
	task_lock(task);
	task->fs = inits;
	task_unlock(task);
	task->signal->uid.fs = 0;
	file = create_core(name);
	task->signal->uid.fs = uid;
	task_lock(task);
	task->fs = own;
	task_unlock(task);
	put_fs(inits);
	return file;
}

static struct file *open_core(const struct core *core)
{
	struct seq_buf name = { 0 };
	struct file *file = NULL;

	make_name(&name, core);
	if (!name.failed && current->signal->dumpable == SUID_DUMP_ROOT) {
		file = create_root_core(name.buf);
	} else if (!name.failed) {
		vfs_unlink_path(name.buf);
		file = create_core(name.buf);
	}
	kvfree(name.buf);
	return file;
}

bool core_write(struct core *core, const void *data, size_t n)
{
	const char *from = data;

	while (n) {
		size_t part = min(n, PAGE_SIZE);

		if (part > core->limit - core->written || fatal_signal_pending(current) ||
		    core->file->f_op->write_kernel(core->file, from, part, &core->pos) !=
			    (ssize_t)part)
			return false;
		core->written += part;
		from += part;
		n -= part;
	}
	return true;
}

void do_coredump(const struct siginfo *info)
{
	struct core core = { .info = info, .limit = rlimit(RLIMIT_CORE) };
	struct core_stop stop;
	bool dumped = false;

	if (core.limit < PAGE_SIZE || current->signal->dumpable == SUID_DUMP_DISABLE ||
	    core_begin(&stop, info->si_signo))
		return;
	core.file = open_core(&core);
	if (core.file) {
		dumped = elf_core_dump(&core);
		fput(core.file);
	}
	core_end(dumped);
}
