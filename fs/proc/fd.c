/* SPDX-License-Identifier: MIT */
/*
 * What a process has open and where it stands: /proc/PID/{fd,fdinfo}/N, exe, cwd and root. The links
 * lead to the object itself, whatever became of its name.
 */
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pipe.h"
#include "fs/proc/proc.h"
#include "kernel/core/task.h"
#include "kernel/proc/pid.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"

/* The task whose secrets current may know: counted, or ERR_PTR(-ENOENT, -EACCES). */
static struct task_struct *inspected_task(void *arg)
{
	struct task_struct *task = proc_task(arg);

	if (!task)
		return ERR_PTR(-ENOENT);
	if (ptrace_may_access(task, false))
		return task;
	put_task_struct(task);
	return ERR_PTR(-EACCES);
}

/* Its table of descriptors, counted (put_files), or ERR_PTR. */
static struct files_struct *files_of(void *arg)
{
	struct task_struct *task = inspected_task(arg);
	struct files_struct *files;

	if (IS_ERR(task))
		return ERR_CAST(task);
	task_lock(task);
	files = get_files(task->files);
	task_unlock(task);
	put_task_struct(task);
	return files ? files : ERR_PTR(-ENOENT);
}

static struct file *file_of(void *arg)
{
	struct files_struct *files = files_of(arg);
	struct file *file;

	if (IS_ERR(files))
		return ERR_CAST(files);
	file = files_get(files, proc_fd(arg));
	put_files(files);
	return file ? file : ERR_PTR(-ENOENT);
}

/* --- links --- */

/* Move the end-aligned @path to the start of its buffer. Length, or what ERR_PTR says. */
static int to_front(char *path, char *buf)
{
	size_t len;

	if (IS_ERR(path))
		return (int)PTR_ERR(path);
	len = strlen(path);
	memmove(buf, path, len + 1);
	return (int)len;
}

/* What has no name is called by its kind. */
static int readlink_file(struct file *file, char *buf, int size)
{
	const char *kind = file->f_op->name;

	if (is_nameless_pipe(file))
		return snprintf(buf, (size_t)size, "pipe:[%lu]", file->f_inode->i_ino);
	if (file->f_dentry || *kind == '/')
		return to_front(file_path(file, buf, size), buf);
	return snprintf(buf, (size_t)size, "anon_inode:[%s]", kind);
}

static int readlink_fd(void *arg, char *buf, int size)
{
	struct file *file = file_of(arg);
	int len;

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	len = readlink_file(file, buf, size);
	fput(file);
	return len;
}

static struct dentry *get_link_fd(void *arg)
{
	struct file *file = file_of(arg);
	struct dentry *dentry;

	if (IS_ERR(file))
		return ERR_CAST(file);
	dentry = file->f_dentry ? dget(file->f_dentry) : ERR_PTR(-ENXIO);
	fput(file);
	return dentry;
}

struct dentry *proc_get_exe(void *arg)
{
	struct task_struct *task = inspected_task(arg);
	struct dentry *dentry = ERR_PTR(-ENOENT);
	struct mm_struct *mm;

	if (IS_ERR(task))
		return ERR_CAST(task);
	mm = get_task_mm(task);
	if (mm && mm->exe_file && mm->exe_file->f_dentry)
		dentry = dget(mm->exe_file->f_dentry);
	mmput(mm);
	put_task_struct(task);
	return dentry;
}

struct dentry *proc_get_cwd(void *arg)
{
	struct task_struct *task = inspected_task(arg);
	struct dentry *dentry = NULL;
	struct fs_struct *fs;

	if (IS_ERR(task))
		return ERR_CAST(task);
	task_lock(task);
	fs = get_fs_struct(task->fs);
	task_unlock(task);
	if (fs) {
		spin_lock(&fs->lock);
		dentry = dget(fs->cwd);
		spin_unlock(&fs->lock);
	}
	put_fs(fs);
	put_task_struct(task);
	return dentry ? dentry : ERR_PTR(-ENOENT);
}

struct dentry *proc_get_root(void *arg)
{
	struct task_struct *task = inspected_task(arg);
	bool dead;

	if (IS_ERR(task))
		return ERR_CAST(task);
	dead = !proc_has_fs(task);
	put_task_struct(task);
	return dead ? ERR_PTR(-ENOENT) : get_root();
}

/* Takes the reference on @dentry. */
static int readlink_dentry(struct dentry *dentry, char *buf, int size)
{
	int len;

	if (IS_ERR(dentry))
		return (int)PTR_ERR(dentry);
	len = to_front(d_path(dentry, buf, size, D_PATH_DELETED), buf);
	dput(dentry);
	return len;
}

int proc_readlink_exe(void *arg, char *buf, int size)
{
	return readlink_dentry(proc_get_exe(arg), buf, size);
}

int proc_readlink_cwd(void *arg, char *buf, int size)
{
	return readlink_dentry(proc_get_cwd(arg), buf, size);
}

int proc_readlink_root(void *arg, char *buf, int size)
{
	return readlink_dentry(proc_get_root(arg), buf, size);
}

/* --- descriptors --- */

static int show_fdinfo(struct seq_buf *m, void *arg)
{
	struct files_struct *files = files_of(arg);
	struct file_stat st;
	struct file *file;
	unsigned int flags;

	if (IS_ERR(files))
		return (int)PTR_ERR(files);
	file = files_get(files, proc_fd(arg));
	if (file) {
		file_getattr(file, &st);
		flags = READ_ONCE(file->f_flags) & ~(unsigned int)O_CLOEXEC;
		if (files_cloexec(files, proc_fd(arg)))
			flags |= O_CLOEXEC;
		seq_printf(m, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n",
			   (long long)file->f_pos, flags,
			   file->f_dentry ? file->f_dentry->d_sb->s_mnt_id : 0, st.ino);
		fput(file);
	}
	put_files(files);
	return file ? 0 : -ENOENT;
}

/* @name as a descriptor of the process: its open file, counted, *arg being that of the node. */
static struct file *file_named(void **arg, const char *name)
{
	unsigned int fd;

	if (name[0] < '0' || name[0] > '9' || (name[0] == '0' && name[1]) ||
	    kstrtouint(name, 10, &fd) || fd > PROC_FD_MAX)
		return ERR_PTR(-ENOENT);
	*arg = proc_fd_arg(*arg, fd);
	return file_of(*arg);
}

int proc_fd_lookup(void *arg, const char *name, struct pseudo_entry *child)
{
	struct file *file = file_named(&arg, name);
	umode_t mode = S_IFLNK;

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	if (file->f_mode & FMODE_READ)
		mode |= 0500;
	if (file->f_mode & FMODE_WRITE)
		mode |= 0300;
	fput(file);
	*child = (struct pseudo_entry){
		.mode = mode,
		.arg = arg,
		.size = 64,
		.readlink = readlink_fd,
		.get_link = get_link_fd,
	};
	return 0;
}

/* Of others it tells what only those may know who may look into them, as the links do. */
static int may_open_fdinfo(void *arg, unsigned int f_mode)
{
	struct task_struct *task = inspected_task(arg);

	(void)f_mode;
	if (IS_ERR(task))
		return (int)PTR_ERR(task);
	put_task_struct(task);
	return 0;
}

int proc_fdinfo_lookup(void *arg, const char *name, struct pseudo_entry *child)
{
	struct file *file = file_named(&arg, name);

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	fput(file);
	*child = (struct pseudo_entry){ .mode = S_IFREG | 0444,
					.arg = arg,
					.show = show_fdinfo,
					.may_open = may_open_fdinfo };
	return 0;
}

static int iterate_fds(void *arg, struct pseudo_dir *dir, loff_t from, umode_t mode)
{
	struct files_struct *files = files_of(arg);
	char name[12];
	int fd = (int)from - 1;

	if (IS_ERR(files))
		return (int)PTR_ERR(files);
	for (fd = max(fd, 0); (fd = files_next(files, (unsigned int)fd)) >= 0; fd++) {
		snprintf(name, sizeof(name), "%d", fd);
		if (!pseudo_emit(dir, name, mode, 0x1000UL + (unsigned long)fd, fd + 1))
			break;
	}
	put_files(files);
	return 0;
}

int proc_fd_iterate(void *arg, struct pseudo_dir *dir, loff_t from)
{
	return iterate_fds(arg, dir, from, S_IFLNK);
}

int proc_fdinfo_iterate(void *arg, struct pseudo_dir *dir, loff_t from)
{
	return iterate_fds(arg, dir, from, S_IFREG);
}
