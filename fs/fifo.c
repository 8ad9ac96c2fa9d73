/* SPDX-License-Identifier: MIT */
/* Opening and closing the ends of pipes: by pipe(2), and by name. */
#include "fs/dentry.h"
#include "fs/fasync.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/perm.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/proc/caps.h"
#include "kernel/core/task.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/uaccess.h>

#define DEFAULT_SLOTS 16

#define LEAST_SLOTS 2U /* of a user who has too many */

static DEFINE_SPINLOCK(files_lock); /* inode->i_pipe, pipe->files and pipes */
static LIST_HEAD(pipes);            /* all that there are */

unsigned int pipe_max_size = 1048576;
unsigned long pipe_user_pages_soft = 16384, pipe_user_pages_hard;

int pipe_may_have(const struct pipe *pipe, uid_t uid, unsigned int slots)
{
	unsigned long soft = READ_ONCE(pipe_user_pages_soft), sum = slots;
	unsigned long hard = READ_ONCE(pipe_user_pages_hard);
	const struct pipe *other;

	if (capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return 0;
	spin_lock(&files_lock);
	list_for_each_entry(other, &pipes, all)
		if (other->uid == uid && other != pipe)
			sum += READ_ONCE(other->nr_slots);
	spin_unlock(&files_lock);
	if (soft && sum > soft) {
		sum -= slots - min(slots, LEAST_SLOTS);
		return hard && sum > hard ? -EPERM : 1;
	}
	return hard && sum > hard ? -EPERM : 0;
}

/* NULL: no memory, or its user has too many. */
static struct pipe *alloc_pipe(void)
{
	struct pipe *pipe = kzalloc(sizeof(*pipe), GFP_KERNEL);
	unsigned int most = DEFAULT_SLOTS;
	int verdict;

	if (!pipe)
		return NULL;
	if (!capable(CAP_SYS_RESOURCE))
		most = min(most, (unsigned int)(READ_ONCE(pipe_max_size) / PAGE_SIZE));
	pipe->uid = current->signal->uid.real;
	verdict = pipe_may_have(pipe, pipe->uid, most);
	pipe->nr_slots = verdict ? LEAST_SLOTS : most;
	pipe->slots = verdict < 0 ? NULL : kvzalloc(pipe->nr_slots * sizeof(*pipe->slots));
	if (!pipe->slots) {
		kfree(pipe);
		return NULL;
	}
	mutex_init(&pipe->lock, "pipe");
	init_waitqueue_head(&pipe->wait);
	INIT_LIST_HEAD(&pipe->async);
	pipe->files = 1;
	spin_lock(&files_lock);
	list_add(&pipe->all, &pipes);
	spin_unlock(&files_lock);
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
	if (last)
		list_del(&pipe->all);
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
	if (!pipe->readers != !pipe->writers) {
		kill_fasync(&pipe->async, FMODE_READ);
		kill_fasync(&pipe->async, FMODE_WRITE);
	}
	mutex_unlock(&pipe->lock);
	/* Not under the lock: who lets go of a mutex still looks at it when others may have it. */
	put_pipe(pipe, file->f_inode);
}

void pipe_release(struct file *file)
{
	leave_pipe(file->private_data, file);
}

/* --- what pipe(2) made: no name, but an inode, which a name of /proc may open once more --- */

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
	if (inode->i_pipe)
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
	.s_flags = SB_STRICTATIME, /* for fstatfs(2), to which Linux says no relatime */
	.s_dirty = LIST_HEAD_INIT(pipe_sb.s_dirty),
	.s_inodes = LIST_HEAD_INIT(pipe_sb.s_inodes),
};

bool is_nameless_pipe(const struct file *file)
{
	return file->f_op == &pipe_fops && file->f_inode->i_sb == &pipe_sb;
}

/* A fresh pipe at its inode. Counted; NULL: no memory, or its user has too many. */
static struct dentry *make_pipe_dentry(void)
{
	struct inode *inode = new_inode(&pipe_sb);

	if (!inode)
		return NULL;
	inode->i_pipe = alloc_pipe();
	if (!inode->i_pipe) {
		iput(inode);
		return NULL;
	}
	/* The only number it has: its place in memory, cut down so as not to tell where. */
	inode->i_ino = (unsigned long)inode->i_pipe >> 6 & 0xffffff;
	inode->i_mode = S_IFIFO | 0600;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_fop = &pipe_fops;
	return d_make_root(&pipe_sb, inode);
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
	file->f_writer_no = ~0U;
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
		file->f_writer_no = pipe->writer_no;
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
	struct dentry *dentry = make_pipe_dentry();
	struct pipe *pipe;

	if (!dentry)
		return -ENFILE;
	pipe = dentry->d_inode->i_pipe;
	ends[0] = alloc_file(&pipe_fops, O_RDONLY | (flags & O_NONBLOCK));
	ends[1] = alloc_file(&pipe_fops, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)));
	for (int i = 0; i < 2; i++) {
		if (!IS_ERR(ends[i]))
			continue;
		if (!IS_ERR(ends[!i]))
			free_file(ends[!i]);
		dput(dentry);
		return (int)PTR_ERR(ends[i]);
	}
	pipe->readers = pipe->writers = 1;
	pipe->files += 2;
	for (int i = 0; i < 2; i++) {
		ends[i]->private_data = pipe;
		ends[i]->f_writer_no = ~0U;
		ends[i]->f_inode = dentry->d_inode;
		ends[i]->f_dentry = i ? dentry : dget(dentry);
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
