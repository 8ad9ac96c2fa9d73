/* SPDX-License-Identifier: MIT */
/* The tables of descriptors: they grow as numbers are asked for, and never shrink. */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/locks.h"
#include "fs/syscalls.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"

int nr_open = 1024 * 1024; /* Linux's */

static struct kmem_cache *files_cache;

void files_init(void)
{
	files_cache = kmem_cache_create("files", sizeof(struct files_struct), 0);
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
	files->open = &files->small_open;
	files->cloexec = &files->small_cloexec;
	return files;
}

static void free_files(struct files_struct *files)
{
	if (files->fd != files->small)
		kvfree(files->fd);
	kmem_cache_free(files_cache, files);
}

/* Of how many numbers a table is in which @fd has its place; less, if nr_open forbids that. */
static unsigned int size_for(unsigned int fd)
{
	unsigned long size = roundup_pow_of_two(fd + 1UL);
	unsigned int most = (unsigned int)READ_ONCE(nr_open);

	return size <= most ? (unsigned int)size : most / BITS_PER_LONG * BITS_PER_LONG;
}

/* The larger table at @fd gets what is in the one that there is; which is to be freed, if not NULL. */
static struct file **move_table(struct files_struct *files, struct file **fd, unsigned int size)
{
	struct file **old = files->fd == files->small ? NULL : files->fd;
	unsigned long *bits = (unsigned long *)(fd + size);

	memcpy(fd, files->fd, files->size * sizeof(*fd));
	memcpy(bits, files->open, files->size / 8);
	memcpy(bits + BITS_TO_LONGS(size), files->cloexec, files->size / 8);
	files->fd = fd;
	files->open = bits;
	files->cloexec = bits + BITS_TO_LONGS(size);
	WRITE_ONCE(files->size, size);
	return old;
}

/* Let @fd have a place. Without the lock; somebody else may do the same. 0, -EMFILE or -ENOMEM. */
static int grow_files(struct files_struct *files, unsigned int fd)
{
	unsigned int size = size_for(fd);
	struct file **table;

	if (fd < READ_ONCE(files->size))
		return 0;
	if (fd >= size)
		return -EMFILE;
	table = kvzalloc(size * sizeof(*table) + size / 4);
	if (!table)
		return -ENOMEM;
	spin_lock(&files->lock);
	if (files->size < size)
		table = move_table(files, table, size);
	spin_unlock(&files->lock);
	kvfree(table);
	return 0;
}

int get_unused_fd(unsigned int first, bool cloexec)
{
	struct files_struct *files = current->files;
	unsigned long limit = rlimit(RLIMIT_NOFILE);
	unsigned int fd, size;
	int err;

	for (;;) {
		spin_lock(&files->lock);
		size = files->size;
		fd = max(first, files->next);
		if (fd < size)
			fd = (unsigned int)find_next_zero_bit(files->open, size, fd);
		if (fd < size && fd < limit) {
			__set_bit(fd, files->open);
			__assign_bit(fd, files->cloexec, cloexec);
			if (first <= files->next)
				files->next = fd + 1;
		}
		spin_unlock(&files->lock);
		if (fd >= limit)
			return -EMFILE;
		if (fd < size)
			return (int)fd;
		err = grow_files(files, fd);
		if (err)
			return err;
	}
}

/* Nobody has number @fd any more. Lock held. */
static __always_inline void clear_fd(struct files_struct *files, unsigned int fd)
{
	__clear_bit(fd, files->open);
	__clear_bit(fd, files->cloexec);
	if (fd < files->next)
		files->next = fd;
}

void put_unused_fd(unsigned int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	clear_fd(files, fd);
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
		clear_fd(files, fd);
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

bool files_cloexec(struct files_struct *files, unsigned int fd)
{
	bool closes;

	spin_lock(&files->lock);
	closes = fd < files->size && files->fd[fd] && test_bit(fd, files->cloexec);
	spin_unlock(&files->lock);
	return closes;
}

bool fd_closes_on_exec(unsigned int fd)
{
	return files_cloexec(current->files, fd);
}

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

long sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	struct files_struct *files;
	unsigned long fd = first;
	int err;

	if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
		return -EINVAL;
	err = flags & CLOSE_RANGE_UNSHARE ? unshare_files() : 0;
	if (err)
		return err;
	files = current->files;
	for (; fd <= last && fd < READ_ONCE(files->size); fd++) {
		struct file *file = NULL;

		spin_lock(&files->lock);
		fd = find_next_bit(files->open, files->size, fd);
		if (fd <= last && flags & CLOSE_RANGE_CLOEXEC && fd < files->size)
			__set_bit(fd, files->cloexec);
		else if (fd <= last)
			file = remove_fd(files, (unsigned int)fd);
		spin_unlock(&files->lock);
		close_file(file, files);
		cond_resched();
	}
	return 0;
}

/* Numbers up to the last that is taken, in whole words. Lock held. */
static unsigned int used_size(const struct files_struct *files)
{
	unsigned int words = files->size / BITS_PER_LONG;

	while (words > 1 && !files->open[words - 1])
		words--;
	return words * BITS_PER_LONG;
}

/* The files of [@fd, @end). The lock of @files is held. */
static void copy_range(struct files_struct *copy, struct files_struct *files, unsigned long fd,
		       unsigned long end)
{
	for (; (fd = find_next_bit(files->open, end, fd)) < end; fd++) {
		if (!files->fd[fd]) /* reserved by another thread: not ours */
			continue;
		copy->fd[fd] = get_file(files->fd[fd]);
		__set_bit(fd, copy->open);
	}
}

/*
 * The lock is held. Others are let run now and then, but only if nobody else changes @files meanwhile:
 * what moves from one number to another must be found at one of them.
 */
static void copy_all(struct files_struct *copy, struct files_struct *files, unsigned int size)
{
	const unsigned int piece = 4096;
	bool ours = atomic_read(&files->count) == 1;

	for (unsigned int fd = 0; fd < size; fd += piece) {
		if (fd && ours) {
			spin_unlock(&files->lock);
			cond_resched();
			spin_lock(&files->lock);
		}
		copy_range(copy, files, fd, min(fd + piece, size));
	}
}

struct files_struct *dup_files(struct files_struct *files)
{
	struct files_struct *copy = alloc_files();
	unsigned int size;
	int err;

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (!files)
		return copy;
	spin_lock(&files->lock);
	while ((size = used_size(files)) > copy->size) {
		spin_unlock(&files->lock);
		err = grow_files(copy, size - 1);
		if (err) {
			free_files(copy);
			return ERR_PTR(err);
		}
		spin_lock(&files->lock);
	}
	memcpy(copy->cloexec, files->cloexec, size / 8);
	copy_all(copy, files, size);
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
	for_each_set_bit(fd, files->open, files->size) {
		close_file(files->fd[fd], files);
		cond_resched();
	}
	free_files(files);
}

int unshare_files(void)
{
	struct files_struct *shared = current->files, *copy;

	if (atomic_read(&shared->count) == 1)
		return 0;
	copy = dup_files(shared);
	if (IS_ERR(copy))
		return (int)PTR_ERR(copy);
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
		cond_resched();
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

	int err;

	if (newfd >= rlimit(RLIMIT_NOFILE))
		return -EBADF;
	file = fget(oldfd);
	if (!file)
		return -EBADF;
	err = grow_files(files, newfd);
	if (err) {
		fput(file);
		return err == -EMFILE ? -EBADF : err;
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
