/* SPDX-License-Identifier: MIT */
/* Open files. */
#include "fs/file.h"

#include "fs/dentry.h"
#include "fs/fasync.h"
#include "fs/inode.h"
#include "fs/locks.h"
#include "fs/perm.h"
#include "kernel/proc/caps.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

static atomic_t open_files;
int max_files;

void file_table_init(void)
{
	files_init();
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

/* Apart from fput(), which is nearly always done at once. */
static noinline void free_last(struct file *file)
{
	struct inode *inode = file->f_inode;

	if (file->f_owner)
		fasync_release(file);
	if (file->f_op && file->f_op->release)
		file->f_op->release(file);
	remove_locks(inode, file);
	if (inode && S_ISREG(inode->i_mode) && (file->f_mode & FMODE_WRITE))
		put_write_access(inode);
	dput(file->f_dentry);
	free_file(file);
}

void fput(struct file *file)
{
	if (file && atomic_dec_and_test(&file->f_count))
		free_last(file);
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
