/* SPDX-License-Identifier: MIT */
/* Open files and descriptor tables. */
#include "fs/file.h"

#include "fs/dentry.h"
#include "fs/inode.h"
#include "fs/locks.h"
#include "fs/perm.h"
#include "fs/syscalls.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

static struct kmem_cache *files_cache;
static atomic_t open_files;
int max_files;

void file_table_init(void)
{
	files_cache = kmem_cache_create("files", sizeof(struct files_struct), 0);
	/* As on Linux: a KiB of ten, if each file takes one. */
	max_files = (int)min(max(totalram_pages() * (PAGE_SIZE / 1024) / 10, 8192UL), INT32_MAX);
}

int nr_open_files(void)
{
	return atomic_read(&open_files);
}

struct file *alloc_file(const struct file_operations *fops, unsigned int flags)
{
	static const unsigned int modes[] = { FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE,
					      FMODE_NEITHER };
	struct file *file;

	if (atomic_read(&open_files) >= READ_ONCE(max_files) && !capable(CAP_SYS_ADMIN))
		return ERR_PTR(-ENFILE);
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&open_files);
	atomic_set(&file->f_count, 1);
	file->f_mode = flags & O_PATH ? 0 : modes[flags & O_ACCMODE];
	file->f_flags = flags;
	file->f_op = fops;
	file->f_ra.ra_pages = RA_MAX_PAGES;
	mutex_init(&file->f_pos_lock, "f_pos_lock");
	return file;
}

void free_file(struct file *file)
{
	atomic_dec(&open_files);
	kfree(file);
}

void fput(struct file *file)
{
	struct inode *inode;

	if (!file || !atomic_dec_and_test(&file->f_count))
		return;
	if (file->f_op && file->f_op->release)
		file->f_op->release(file);
	inode = file->f_inode;
	remove_locks(inode, file);
	if (inode && S_ISREG(inode->i_mode) && (file->f_mode & FMODE_WRITE))
		put_write_access(inode);
	dput(file->f_dentry);
	free_file(file);
}

/* A descriptor of the table @files no longer stands for @file (NULL is fine), whose reference goes. */
static void close_file(struct file *file, struct files_struct *files)
{
	if (file)
		remove_locks(file->f_inode, files);
	fput(file);
}

struct file *files_get(struct files_struct *files, unsigned int fd)
{
	struct file *file = NULL;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	if (fd < files->size && files->fd[fd])
		file = get_file(files->fd[fd]);
	spin_unlock(&files->lock);
	return file;
}

int files_next(struct files_struct *files, unsigned int fd)
{
	int found = -1;

	spin_lock(&files->lock);
	for (; fd < files->size && found < 0; fd++)
		if (files->fd[fd])
			found = (int)fd;
	spin_unlock(&files->lock);
	return found;
}

struct file *fget(unsigned int fd)
{
	return files_get(current->files, fd);
}

static struct files_struct *alloc_files(void)
{
	struct files_struct *files = kmem_cache_alloc(files_cache, GFP_KERNEL | __GFP_ZERO);

	if (!files)
		return NULL;
	atomic_set(&files->count, 1);
	spin_lock_init(&files->lock, "files");
	files->size = NR_OPEN_SMALL;
	files->fd = files->small;
	return files;
}

/* To full size. Called without the lock; somebody else may do the same. 0 or -ENOMEM. */
static int grow_files(struct files_struct *files)
{
	struct file **table = kzalloc(NR_OPEN * sizeof(*table), GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	spin_lock(&files->lock);
	if (files->size < NR_OPEN) {
		memcpy(table, files->small, sizeof(files->small));
		files->fd = table;
		files->size = NR_OPEN;
		table = NULL;
	}
	spin_unlock(&files->lock);
	kfree(table);
	return 0;
}

int get_unused_fd(unsigned int first, bool cloexec)
{
	struct files_struct *files = current->files;
	unsigned int fd, size;

	unsigned long limit = min_t(unsigned long, rlimit(RLIMIT_NOFILE), NR_OPEN);

	for (;;) {
		spin_lock(&files->lock);
		size = files->size;
		fd = first < size ? (unsigned int)find_next_zero_bit(files->open, size, first) :
				    size;
		if (fd < size && fd < limit) {
			__set_bit(fd, files->open);
			__assign_bit(fd, files->cloexec, cloexec);
		}
		spin_unlock(&files->lock);
		if (fd < size && fd < limit)
			return (int)fd;
		if (size == NR_OPEN || fd >= limit)
			return -EMFILE;
		if (grow_files(files))
			return -ENOMEM;
	}
}

void put_unused_fd(unsigned int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	__clear_bit(fd, files->open);
	__clear_bit(fd, files->cloexec);
	spin_unlock(&files->lock);
}

void fd_install(unsigned int fd, struct file *file)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	ASSERT(test_bit(fd, files->open) && !files->fd[fd]);
	files->fd[fd] = file;
	spin_unlock(&files->lock);
}

/* Take number @fd out of the table: its file, or NULL. Lock held. */
static struct file *remove_fd(struct files_struct *files, unsigned int fd)
{
	struct file *file = fd < files->size ? files->fd[fd] : NULL;

	if (file) {
		files->fd[fd] = NULL;
		__clear_bit(fd, files->open);
		__clear_bit(fd, files->cloexec);
	}
	return file;
}

long sys_close(unsigned int fd)
{
	struct files_struct *files = current->files;
	struct file *file;

	spin_lock(&files->lock);
	file = remove_fd(files, fd);
	spin_unlock(&files->lock);
	if (!file)
		return -EBADF;
	close_file(file, files);
	return 0;
}

bool fd_closes_on_exec(unsigned int fd)
{
	struct files_struct *files = current->files;
	bool closes;

	spin_lock(&files->lock);
	closes = fd < files->size && files->fd[fd] && test_bit(fd, files->cloexec);
	spin_unlock(&files->lock);
	return closes;
}

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

long sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	struct files_struct *files;
	int err;

	if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
		return -EINVAL;
	err = flags & CLOSE_RANGE_UNSHARE ? unshare_files() : 0;
	if (err)
		return err;
	files = current->files;
	for (unsigned int fd = first; fd <= last && fd < NR_OPEN; fd++) {
		struct file *file = NULL;

		spin_lock(&files->lock);
		if (!(flags & CLOSE_RANGE_CLOEXEC))
			file = remove_fd(files, fd);
		else if (test_bit(fd, files->open))
			__set_bit(fd, files->cloexec);
		spin_unlock(&files->lock);
		close_file(file, files);
	}
	return 0;
}

struct files_struct *dup_files(struct files_struct *files)
{
	struct files_struct *copy = alloc_files();
	unsigned long fd;

	if (!copy || !files)
		return copy;
	if (READ_ONCE(files->size) > copy->size && grow_files(copy)) {
		kmem_cache_free(files_cache, copy);
		return NULL;
	}
	spin_lock(&files->lock);
	while (files->size > copy->size) { /* it grew just now */
		spin_unlock(&files->lock);
		if (grow_files(copy)) {
			kmem_cache_free(files_cache, copy);
			return NULL;
		}
		spin_lock(&files->lock);
	}
	memcpy(copy->cloexec, files->cloexec, files->size / 8);
	for_each_set_bit(fd, files->open, files->size) {
		if (!files->fd[fd]) /* reserved by another thread: not ours */
			continue;
		copy->fd[fd] = get_file(files->fd[fd]);
		__set_bit(fd, copy->open);
	}
	spin_unlock(&files->lock);
	return copy;
}

struct files_struct *get_files(struct files_struct *files)
{
	if (files)
		atomic_inc(&files->count);
	return files;
}

void put_files(struct files_struct *files)
{
	unsigned long fd;

	if (!files || !atomic_dec_and_test(&files->count))
		return;
	for_each_set_bit(fd, files->open, files->size)
		close_file(files->fd[fd], files);
	if (files->fd != files->small)
		kfree(files->fd);
	kmem_cache_free(files_cache, files);
}

int unshare_files(void)
{
	struct files_struct *shared = current->files, *copy;

	if (atomic_read(&shared->count) == 1)
		return 0;
	copy = dup_files(shared);
	if (!copy)
		return -ENOMEM;
	task_lock(current);
	current->files = copy;
	task_unlock(current);
	put_files(shared);
	return 0;
}

void close_on_exec(struct files_struct *files)
{
	unsigned long fd;

	for_each_set_bit(fd, files->cloexec, files->size) {
		struct file *file;

		spin_lock(&files->lock);
		file = remove_fd(files, (unsigned int)fd);
		spin_unlock(&files->lock);
		close_file(file, files);
	}
}

long sys_dup(unsigned int fd)
{
	struct file *file = fget(fd);
	int copy;

	if (!file)
		return -EBADF;
	copy = get_unused_fd(0, false);
	if (copy < 0)
		fput(file);
	else
		fd_install((unsigned int)copy, file);
	return copy;
}

/* Make @newfd stand for what @oldfd does; what it stood for is closed. */
static long do_dup(unsigned int oldfd, unsigned int newfd, bool cloexec)
{
	struct files_struct *files = current->files;
	struct file *file, *replaced;

	if (newfd >= min_t(unsigned long, rlimit(RLIMIT_NOFILE), NR_OPEN))
		return -EBADF;
	file = fget(oldfd);
	if (!file)
		return -EBADF;
	if (newfd >= READ_ONCE(files->size) && grow_files(files)) {
		fput(file);
		return -ENOMEM;
	}
	spin_lock(&files->lock);
	replaced = files->fd[newfd];
	if (!replaced && test_bit(newfd, files->open)) { /* another thread is opening it */
		spin_unlock(&files->lock);
		fput(file);
		return -EBUSY;
	}
	files->fd[newfd] = file;
	__set_bit(newfd, files->open);
	__assign_bit(newfd, files->cloexec, cloexec);
	spin_unlock(&files->lock);
	close_file(replaced, files);
	return newfd;
}

long sys_dup2(unsigned int oldfd, unsigned int newfd)
{
	struct file *file;

	if (oldfd != newfd)
		return do_dup(oldfd, newfd, false);
	file = fget(oldfd);
	if (!file)
		return -EBADF;
	fput(file);
	return newfd;
}

long sys_dup3(unsigned int oldfd, unsigned int newfd, int flags)
{
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	return do_dup(oldfd, newfd, flags & O_CLOEXEC);
}

ssize_t simple_read(char __user *to, size_t count, loff_t *pos, const void *from, size_t size)
{
	size_t n, left;

	if (*pos < 0)
		return -EINVAL;
	if ((u64)*pos >= size || !count)
		return 0;
	n = min(count, size - (size_t)*pos);
	left = copy_to_user(to, (const char *)from + *pos, n);
	if (left == n)
		return -EFAULT;
	*pos += (loff_t)(n - left);
	return (ssize_t)(n - left);
}
