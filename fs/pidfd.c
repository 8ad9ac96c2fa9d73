/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of processes: a file that names one for good, however its number is used again. It holds
 * the process's signal_struct, which outlives its tasks.
 */
#include "fs/abi.h"
#include "fs/file.h"
#include "fs/proc/proc.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/process.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define PIDFD_NONBLOCK O_NONBLOCK

/* tasklist_lock held. Dead, waited for or not. */
static bool has_ended(const struct signal_struct *signal)
{
	return !signal->nr_threads ||
	       (signal->nr_threads == 1 && signal->owner->state & (TASK_ZOMBIE | TASK_DEAD));
}

static unsigned int pidfd_poll(struct file *file, struct wait_queue_head **wait)
{
	struct signal_struct *signal = file->private_data;
	unsigned int mask;

	*wait = &signal->wait_pidfd;
	spin_lock_irq(&tasklist_lock);
	mask = has_ended(signal) ? POLLIN | POLLRDNORM : 0;
	spin_unlock_irq(&tasklist_lock);
	return mask;
}

static void pidfd_release(struct file *file)
{
	signal_put(file->private_data);
}

static const struct file_operations pidfd_fops = {
	.name = "pidfd",
	.poll = pidfd_poll,
	.release = pidfd_release,
};

int pidfd_prepare(struct signal_struct *signal, unsigned int flags, struct file **file)
{
	int fd = get_unused_fd(0, true);

	if (fd < 0)
		return fd;
	*file = alloc_file(&pidfd_fops, O_RDWR | flags);
	if (IS_ERR(*file)) {
		put_unused_fd((unsigned int)fd);
		return (int)PTR_ERR(*file);
	}
	(*file)->private_data = signal_get(signal);
	return fd;
}

struct signal_struct *pidfd_signal(unsigned int fd, bool *nonblock)
{
	struct file *file = fget(fd);
	struct signal_struct *signal = ERR_PTR(-EBADF);

	if (file && file->f_op == &pidfd_fops) {
		signal = signal_get(file->private_data);
		*nonblock = file->f_flags & O_NONBLOCK;
	}
	fput(file);
	return signal;
}

struct task_struct *pidfd_get_task(unsigned int fd)
{
	struct task_struct *task = ERR_PTR(-ESRCH);
	bool nonblock;
	struct signal_struct *signal = pidfd_signal(fd, &nonblock);

	if (IS_ERR(signal))
		return ERR_PTR(PTR_ERR(signal));
	spin_lock_irq(&tasklist_lock);
	if (signal->nr_threads) { /* otherwise its owner may be freed */
		task = signal->owner;
		get_task_struct(task);
	}
	spin_unlock_irq(&tasklist_lock);
	signal_put(signal);
	return task;
}

/* --- system calls --- */

long sys_pidfd_open(pid_t pid, unsigned int flags)
{
	struct signal_struct *signal = NULL;
	struct task_struct *task;
	struct file *file;
	long ret = 0;

	if (flags & ~(unsigned int)PIDFD_NONBLOCK || pid <= 0)
		return -EINVAL;
	spin_lock_irq(&tasklist_lock);
	task = find_task_by_pid(pid);
	if (!task)
		ret = -ESRCH;
	else if (task->group_leader != task || !task->signal)
		ret = -EINVAL;
	else
		signal = signal_get(task->signal);
	spin_unlock_irq(&tasklist_lock);
	if (ret)
		return ret;
	ret = pidfd_prepare(signal, flags, &file);
	signal_put(signal);
	if (ret >= 0)
		fd_install((unsigned int)ret, file);
	return ret;
}

/* pidfd_send_signal(2) takes an open /proc/PID as well. */
static struct signal_struct *signal_target(unsigned int fd)
{
	bool nonblock;
	struct signal_struct *signal = pidfd_signal(fd, &nonblock);
	struct task_struct *task = NULL;
	struct file *file;

	if (!IS_ERR(signal))
		return signal;
	file = fget(fd);
	if (file)
		task = proc_dir_task(file);
	fput(file);
	if (!task)
		return signal;
	if (task->signal)
		signal = signal_get(task->signal);
	put_task_struct(task);
	return signal;
}

long sys_pidfd_send_signal(unsigned int fd, int sig, const void __user *uinfo, unsigned int flags)
{
	struct signal_struct *signal;
	long ret;

	if (flags)
		return -EINVAL;
	signal = signal_target(fd);
	if (IS_ERR(signal))
		return PTR_ERR(signal);
	ret = signal_process(signal, sig, uinfo);
	signal_put(signal);
	return ret;
}

static long copy_descriptor(struct task_struct *task, unsigned int fd)
{
	struct files_struct *files = NULL;
	struct file *file;
	int new;

	if (!ptrace_may_access(task, true))
		return -EPERM;
	task_lock(task);
	if (task->files)
		files = get_files(task->files);
	task_unlock(task);
	if (!files)
		return -ESRCH;
	file = files_get(files, fd);
	put_files(files);
	if (!file)
		return -EBADF;
	new = get_unused_fd(0, true);
	if (new >= 0)
		fd_install((unsigned int)new, file);
	else
		fput(file);
	return new;
}

long sys_pidfd_getfd(unsigned int pidfd, unsigned int fd, unsigned int flags)
{
	struct task_struct *task;
	long ret;

	if (flags)
		return -EINVAL;
	task = pidfd_get_task(pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	ret = copy_descriptor(task, fd);
	put_task_struct(task);
	return ret;
}
