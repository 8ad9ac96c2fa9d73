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

int sync_filesystems(void)
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
