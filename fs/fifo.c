/* SPDX-License-Identifier: MIT */
/* Opening and closing the ends of pipes: by pipe(2), and by name. */
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/perm.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/core/task.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/uaccess.h>

#define DEFAULT_SLOTS 16

static DEFINE_SPINLOCK(files_lock); /* inode->i_pipe and pipe->files */

static struct pipe *alloc_pipe(void)
{
	struct pipe *pipe = kzalloc(sizeof(*pipe), GFP_KERNEL);

	if (!pipe)
		return NULL;
	pipe->slots = kvzalloc(DEFAULT_SLOTS * sizeof(*pipe->slots));
	if (!pipe->slots) {
		kfree(pipe);
		return NULL;
	}
	pipe->nr_slots = DEFAULT_SLOTS;
	mutex_init(&pipe->lock, "pipe");
	init_waitqueue_head(&pipe->wait);
	pipe->files = 1;
	return pipe;
}

/* A file of it is gone; @inode is the fifo's, or NULL. */
static void put_pipe(struct pipe *pipe, struct inode *inode)
{
	bool last;

	spin_lock(&files_lock);
	last = !--pipe->files;
	if (last && inode)
		inode->i_pipe = NULL;
	spin_unlock(&files_lock);
	if (!last)
		return;
	for (; !pipe_empty(pipe); pipe->tail++)
		free_page(slot_of(pipe, pipe->tail)->page);
	if (pipe->spare)
		free_page(pipe->spare);
	kvfree(pipe->slots);
	kfree(pipe);
}

static void leave_pipe(struct pipe *pipe, const struct file *file)
{
	mutex_lock(&pipe->lock);
	if (file->f_mode & FMODE_READ)
		pipe->readers--;
	if (file->f_mode & FMODE_WRITE)
		pipe->writers--;
	wake_up_all(&pipe->wait);
	mutex_unlock(&pipe->lock);
	/* Not under the lock: who lets go of a mutex still looks at it when others may have it. */
	put_pipe(pipe, file->f_inode);
}

void pipe_release(struct file *file)
{
	leave_pipe(file->private_data, file);
}

/* --- what pipe(2) made, opened by a name of /proc --- */

static struct inode *alloc_pipe_inode(struct super_block *sb)
{
	return kzalloc(sizeof(struct inode), GFP_KERNEL);
}

static void free_pipe_inode(struct inode *inode)
{
	kfree(inode);
}

static void evict_pipe_inode(struct inode *inode)
{
	put_pipe(inode->i_pipe, NULL);
}

static const struct super_operations pipe_sops = {
	.name = "pipefs",
	.alloc_inode = alloc_pipe_inode,
	.free_inode = free_pipe_inode,
	.evict_inode = evict_pipe_inode,
};

/* Nowhere mounted. */
static struct super_block pipe_sb = {
	.s_op = &pipe_sops,
	.s_dev = 1,
	.s_magic = 0x50495045, /* PIPEFS_MAGIC */
	.s_blocksize = PAGE_SIZE,
	.s_dirty = LIST_HEAD_INIT(pipe_sb.s_dirty),
	.s_inodes = LIST_HEAD_INIT(pipe_sb.s_inodes),
};

bool is_nameless_pipe(const struct file *file)
{
	return file->f_op == &pipe_fops && (!file->f_inode || file->f_inode->i_sb == &pipe_sb);
}

struct dentry *pipe_dentry(struct file *file)
{
	struct inode *inode = new_inode(&pipe_sb);
	struct file_stat st;
	struct dentry *dentry;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	file_getattr(file, &st);
	inode->i_ino = st.ino;
	inode->i_mode = st.mode;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_fop = &pipe_fops;
	spin_lock(&files_lock);
	inode->i_pipe = file->private_data;
	inode->i_pipe->files++;
	spin_unlock(&files_lock);
	dentry = d_make_root(&pipe_sb, inode);
	return dentry ? dentry : ERR_PTR(-ENOMEM);
}

/* The pipe of a fifo, with one more file. NULL: out of memory. */
static struct pipe *get_fifo(struct inode *inode)
{
	struct pipe *fresh = alloc_pipe(), *pipe;

	spin_lock(&files_lock);
	pipe = inode->i_pipe;
	if (pipe)
		pipe->files++;
	else
		pipe = inode->i_pipe = fresh;
	spin_unlock(&files_lock);
	if (fresh && pipe != fresh)
		put_pipe(fresh, NULL);
	return pipe;
}

/* Each end waits for the other to be opened, even if it is closed again at once. */
static int wait_for_partner(struct pipe *pipe, const unsigned int *opened, unsigned int before)
{
	return wait_event_interruptible(pipe->wait, READ_ONCE(*opened) != before);
}

int fifo_open(struct inode *inode, struct file *file)
{
	unsigned int mode = file->f_mode & (FMODE_READ | FMODE_WRITE);
	bool named = inode->i_sb != &pipe_sb; /* else nobody waits, and an end may be gone */
	bool waits = !(file->f_flags & O_NONBLOCK), alone;
	struct pipe *pipe = get_fifo(inode);
	unsigned int readers_before, writers_before;
	int err = 0;

	if (!pipe)
		return -ENOMEM;
	file->private_data = pipe;
	file->f_pos = -1;
	mutex_lock(&pipe->lock);
	if (named && mode == FMODE_WRITE && !waits && !pipe->readers) {
		mutex_unlock(&pipe->lock);
		put_pipe(pipe, inode);
		return -ENXIO;
	}
	readers_before = pipe->reader_no;
	writers_before = pipe->writer_no;
	alone = mode == FMODE_READ ? !pipe->writers : mode == FMODE_WRITE ? !pipe->readers : false;
	if (mode & FMODE_READ) {
		pipe->readers++;
		pipe->reader_no++;
	}
	if (mode & FMODE_WRITE) {
		pipe->writers++;
		pipe->writer_no++;
	}
	if (alone && !waits) /* no end of file before there was a writer: pipe_poll() */
		file->f_pos = pipe->writer_no;
	wake_up_all(&pipe->wait);
	mutex_unlock(&pipe->lock);
	if (alone && waits && named)
		err = mode == FMODE_READ ?
			      wait_for_partner(pipe, &pipe->writer_no, writers_before) :
			      wait_for_partner(pipe, &pipe->reader_no, readers_before);
	if (err)
		leave_pipe(pipe, file);
	return err;
}

/* Both ends as files. 0 or -errno, nothing held. */
static int make_pipe(struct file *ends[2], int flags)
{
	struct pipe *pipe = alloc_pipe();

	if (!pipe)
		return -ENOMEM;
	ends[0] = alloc_file(&pipe_fops, O_RDONLY | (flags & O_NONBLOCK));
	ends[1] = alloc_file(&pipe_fops, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)));
	for (int i = 0; i < 2; i++) {
		if (!IS_ERR(ends[i]))
			continue;
		if (!IS_ERR(ends[!i]))
			free_file(ends[!i]);
		put_pipe(pipe, NULL);
		return (int)PTR_ERR(ends[i]);
	}
	pipe->readers = pipe->writers = 1;
	pipe->files = 2;
	for (int i = 0; i < 2; i++) {
		ends[i]->private_data = pipe;
		ends[i]->f_pos = -1;
	}
	return 0;
}

long sys_pipe2(int __user *user, int flags)
{
	struct file *ends[2];
	int fds[2] = { -1, -1 }, err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = make_pipe(ends, flags);
	if (err)
		return err;
	for (int i = 0; i < 2 && !err; i++) {
		fds[i] = get_unused_fd(0, flags & O_CLOEXEC);
		err = min(fds[i], 0);
	}
	if (!err && copy_to_user(user, fds, sizeof(fds)))
		err = -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (!err) {
			fd_install((unsigned int)fds[i], ends[i]);
			continue;
		}
		if (fds[i] >= 0)
			put_unused_fd((unsigned int)fds[i]);
		fput(ends[i]);
	}
	return err;
}

long sys_pipe(int __user *fds)
{
	return sys_pipe2(fds, 0);
}
