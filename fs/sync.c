/* SPDX-License-Identifier: MIT */
/* From memory to the disk: on request, every few seconds, and for the last time. */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/syscalls.h"
#include "kernel/core/block.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "lib/errno.h"
#include "mm/backing/writeback.h"

#define INODE_INTERVAL_NS (5 * NSEC_PER_SEC)

int sync_filesystem(struct super_block *sb)
{
	int err = 0, result;

	if (sb_rdonly(sb))
		return 0;
	/* Data first: writing it can no longer change inodes, their blocks were reserved before. */
	writeback_all(true);
	result = sync_inodes_sb(sb);
	if (sb->s_op->sync_fs)
		err = sb->s_op->sync_fs(sb);
	return result ? result : err;
}

static void sync_one(struct super_block *sb, void *arg)
{
	int *err = arg, result = sync_filesystem(sb);

	if (!*err)
		*err = result;
}

/* Everything dirty of all file systems to the devices, durable. */
static int sync_filesystems(void)
{
	int err = 0;

	for_each_super(sync_one, &err);
	return err;
}

long sys_sync(void)
{
	sync_filesystems();
	return 0;
}

long sys_syncfs(int fd)
{
	struct file *file = fget((unsigned int)fd);
	long err = 0;

	if (!file)
		return -EBADF;
	if (!file->f_mode)
		err = -EBADF;
	else if (file->f_inode)
		err = sync_filesystem(file->f_inode->i_sb);
	fput(file);
	return err;
}

static long do_fsync(unsigned int fd, bool datasync)
{
	struct file *file = fget(fd);
	long err = -EINVAL;

	if (!file)
		return -EBADF;
	if (!file->f_mode)
		err = -EBADF;
	else if (file->f_op->fsync)
		err = file->f_op->fsync(file, datasync);
	fput(file);
	return err;
}

long sys_fsync(unsigned int fd)
{
	return do_fsync(fd, false);
}

long sys_fdatasync(unsigned int fd)
{
	return do_fsync(fd, true);
}

#define SYNC_FILE_RANGE_WRITE 2u
#define SYNC_FILE_RANGE_WAIT_AFTER 4u

/* Of a file's data only, and no flush of the disk's cache: a hint, not a promise. */
static long sync_range(struct file *file, loff_t offset, loff_t end, unsigned int flags)
{
	struct inode *inode = file->f_inode;
	pgoff_t last = (pgoff_t)(end - 1) >> PAGE_SHIFT;

	if (!file->f_mode)
		return -EBADF;
	if (!inode || !(S_ISREG(inode->i_mode) || S_ISBLK(inode->i_mode) || S_ISDIR(inode->i_mode)))
		return -ESPIPE;
	if (!file->f_mapping || !(flags & (SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)))
		return 0;
	return filemap_write_range(file->f_mapping, (pgoff_t)offset >> PAGE_SHIFT, last,
				   flags & SYNC_FILE_RANGE_WAIT_AFTER);
}

long sys_sync_file_range(int fd, loff_t offset, loff_t nbytes, unsigned int flags)
{
	struct file *file = fget((unsigned int)fd);
	loff_t end;
	long err;

	if (!file)
		return -EBADF;
	if ((flags & ~7u) || offset < 0 || __builtin_add_overflow(offset, nbytes, &end) ||
	    end < offset)
		err = -EINVAL;
	else
		err = sync_range(file, offset, nbytes ? end : (loff_t)(~0ULL >> 1), flags);
	fput(file);
	return err;
}

static void write_inodes(struct super_block *sb, void *arg)
{
	if (!sb_rdonly(sb))
		sync_inodes_sb(sb);
}

/* Puts changed inodes into the metadata pages, which the flusher then finds dirty. */
static int inode_flusher(void *arg)
{
	for (;;) {
		current->state = TASK_UNINTERRUPTIBLE;
		schedule_timeout(INODE_INTERVAL_NS);
		for_each_super(write_inodes, NULL);
	}
	return 0;
}

void sync_init(void)
{
	kthread_run(inode_flusher, NULL, "inode-flusher");
}

int make_read_only(struct super_block *sb)
{
	sync_filesystem(sb);
	sb->s_flags |= SB_RDONLY; /* nobody can begin to write: now look for who has begun */
	if (sb_has_writers(sb)) {
		sb->s_flags &= ~SB_RDONLY;
		return -EBUSY;
	}
	sync_inodes_sb(sb);
	return sb->s_op->mark_clean ? sb->s_op->mark_clean(sb) : 0;
}

static void shut_down(struct super_block *sb, void *arg)
{
	if (!sb->s_bdev || sb_rdonly(sb))
		return;
	sync_filesystem(sb);
	sb->s_flags |= SB_RDONLY; /* whoever still runs changes nothing from here on */
	evict_orphans(sb);
	sync_inodes_sb(sb);
	if (sb->s_op->mark_clean && sb->s_op->mark_clean(sb))
		pr_err("fs: %s: the last write failed: the disk is not marked clean\n",
		       sb->s_source);
	else
		pr_info("fs: %s is clean\n", sb->s_source);
}

void vfs_shutdown(void)
{
	for_each_super(shut_down, NULL);
}
