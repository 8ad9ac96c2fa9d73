/* SPDX-License-Identifier: MIT */
/* fcntl(2), and ioctl(2) as far as all files share it. */
#include "fs/fasync.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/locks.h"
#include "fs/perm.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define FD_CLOEXEC 1

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static long dup_from(struct file *file, unsigned long first, bool cloexec)
{
	int fd;

	if (first >= rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	fd = get_unused_fd((unsigned int)first, cloexec);
	if (fd >= 0)
		fd_install((unsigned int)fd, get_file(file));
	return fd;
}

static long get_or_set_cloexec(unsigned int fd, bool set, bool value)
{
	struct files_struct *files = current->files;
	long old;

	spin_lock(&files->lock);
	old = test_bit(fd, files->cloexec) ? FD_CLOEXEC : 0;
	if (set && test_bit(fd, files->open))
		__assign_bit(fd, files->cloexec, value);
	spin_unlock(&files->lock);
	return set ? 0 : old;
}

static long set_async(unsigned int fd, struct file *file, bool on)
{
	if (on == !!(file->f_flags & O_ASYNC) || !file->f_op->fasync)
		return 0;
	return file->f_op->fasync(fd, file, on);
}

static long set_flags(unsigned int fd, struct file *file, unsigned int flags)
{
	const struct inode *inode = file->f_inode;
	long err;

	if (flags & ~file->f_flags & O_NOATIME && inode && !owner_or_capable(inode))
		return -EPERM;
	if (flags & O_DIRECT && file->f_op != &pipe_fops && !can_be_direct(file))
		return -EINVAL;
	err = set_async(fd, file, flags & O_ASYNC);
	if (err)
		return err;
	change_flags(file, SETFL_MASK, flags & SETFL_MASK);
	return 0;
}

static long do_fcntl(unsigned int fd, struct file *file, unsigned int cmd, unsigned long arg)
{
	long result = -EINVAL;

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result = dup_from(file, arg, cmd == F_DUPFD_CLOEXEC);
		break;
	case F_GETFD:
		result = get_or_set_cloexec(fd, false, false);
		break;
	case F_SETFD:
		result = get_or_set_cloexec(fd, true, arg & FD_CLOEXEC);
		break;
	case F_GETFL:
		result = file->f_flags;
		break;
	case F_SETFL:
		result = set_flags(fd, file, (unsigned int)arg);
		break;
	case F_SETOWN:
	case F_GETOWN:
	case F_SETSIG:
	case F_GETSIG:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
		result = fcntl_owner(file, cmd, arg);
		break;
	case F_ADD_SEALS:
	case F_GET_SEALS:
		result = memfd_fcntl(file, cmd == F_ADD_SEALS, arg);
		break;
	case F_GETPIPE_SZ:
		result = pipe_get_size(file);
		break;
	case F_SETPIPE_SZ:
		result = pipe_set_size(file, arg);
		break;
	case F_GETLK:
	case F_OFD_GETLK:
		result = fcntl_getlk(file, cmd, (struct flock __user *)arg);
		break;
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		result = fcntl_setlk(fd, file, cmd, (struct flock __user *)arg);
		break;
	}
	return result;
}

long sys_fcntl(unsigned int fd, unsigned int cmd, unsigned long arg)
{
	struct file *file = fget(fd);
	long result = -EBADF;

	if (!file)
		return -EBADF;
	/* Of what was opened with O_PATH there is only the descriptor. */
	if (file->f_mode || cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD ||
	    cmd == F_SETFD || cmd == F_GETFL)
		result = do_fcntl(fd, file, cmd, arg);
	fput(file);
	return result;
}

/* ioctl(2)'s requests that every file has (asm-generic/ioctls.h). */
#define FIGETBSZ 2
#define FIONREAD 0x541b
#define FIONBIO 0x5421
#define FIOASYNC 0x5452
#define FIONCLEX 0x5450
#define FIOCLEX 0x5451

static long set_nonblock(struct file *file, const int __user *arg)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	change_flags(file, O_NONBLOCK, on ? O_NONBLOCK : 0);
	return 0;
}

static long set_async_ioctl(unsigned int fd, struct file *file, const int __user *arg)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	if (!on != !(file->f_flags & O_ASYNC) && !file->f_op->fasync)
		return -ENOTTY;
	return set_async(fd, file, on);
}

static long do_ioctl(struct file *file, unsigned int fd, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return get_or_set_cloexec(fd, true, cmd == FIOCLEX);
	case FIONBIO:
		return set_nonblock(file, (const int __user *)arg);
	case FIOASYNC:
		return set_async_ioctl(fd, file, (const int __user *)arg);
	case FIGETBSZ:
		return put_user(file->f_inode ? file->f_inode->i_sb->s_blocksize : PAGE_SIZE,
				(unsigned int __user *)arg);
	case FIONREAD:
		if (file->f_inode && S_ISREG(file->f_inode->i_mode))
			return put_user((int)(file->f_inode->i_size - file->f_pos),
					(int __user *)arg);
		break;
	}
	return file->f_op->ioctl ? file->f_op->ioctl(file, cmd, arg) : -ENOTTY;
}

long sys_ioctl(unsigned int fd, unsigned int cmd, unsigned long arg)
{
	struct file *file = fget(fd);
	long result = -EBADF; /* for O_PATH, too */

	if (!file)
		return result;
	if (file->f_op && file->f_mode)
		result = do_ioctl(file, fd, cmd, arg);
	fput(file);
	return result;
}
