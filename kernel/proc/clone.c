/* SPDX-License-Identifier: MIT */
/* The calls that make tasks, and unshare(2): what may be asked of them. The copying is fork.c. */
#include "kernel/proc/clone.h"

#include "kernel/core/vfs.h"
#include "kernel/core/wait.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

static int check_flags(const struct clone_request *req)
{
	u64 flags = req->flags;

	if (flags & CLONE_NEW_SET)
		return -EINVAL;
	if (flags & CLONE_PIDFD && (flags & (CLONE_THREAD | CLONE_DETACHED) ||
				    (flags & CLONE_PARENT_SETTID && req->pidfd == req->parent_tid)))
		return -EINVAL;
	if ((flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)) ||
	    (flags & CLONE_SIGHAND && !(flags & CLONE_VM)))
		return -EINVAL;
	if (flags & CLONE_PARENT && current->signal->flags & SIGNAL_UNKILLABLE)
		return -EINVAL;
	if (flags & CLONE_SETTLS && req->tls >= TASK_SIZE)
		return -EPERM;
	return 0;
}

/*
 * Wait until the child has another map than ours. Killed: let it run on, but not into our stack
 * frame.
 */
static void wait_for_vfork(struct task_struct *child, struct completion *done)
{
	if (wait_for_completion_killable(done)) {
		task_lock(child);
		child->vfork_done = NULL;
		task_unlock(child);
	}
	put_task_struct(child);
}

static long do_clone(const struct clone_request *req)
{
	DECLARE_COMPLETION(vfork_done);
	struct task_struct *child;
	long pid = check_flags(req);

	if (pid)
		return pid;
	child = copy_process(req);
	if (IS_ERR(child))
		return PTR_ERR(child);
	/*
	 * The child does not run yet, but another thread may kill and reap it as soon as it does.
	 */
	pid = child->pid;
	if (req->flags & CLONE_PARENT_SETTID)
		(void)put_user((int)pid,
			       req->parent_tid); /* a bad address is nobody's error, as on Linux */
	if (req->flags & CLONE_VFORK) {
		child->vfork_done = &vfork_done;
		get_task_struct(child);
	}
	wake_up_new_task(child);
	if (req->flags & CLONE_VFORK)
		wait_for_vfork(child, &vfork_done);
	return pid;
}

long sys_clone(unsigned long flags, unsigned long stack, int __user *parent_tid,
	       int __user *child_tid, unsigned long tls)
{
	struct clone_request req = {
		.flags = (u32)flags & ~CSIGNAL,
		.exit_signal = (int)(flags & CSIGNAL),
		.stack = stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid,
	};

	return do_clone(&req);
}

long sys_fork(void)
{
	struct clone_request req = { .exit_signal = SIGCHLD };

	return do_clone(&req);
}

long sys_vfork(void)
{
	struct clone_request req = { .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD };

	return do_clone(&req);
}

/* struct clone_args, up to version 2; version 0 ends with tls. */
struct clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	u64 set_tid, set_tid_size, cgroup;
};

#define CLONE_ARGS_SIZE_VER0 64
#define SET_TID_MAX 32 /* levels of pid namespaces; there is one */

/* Later versions are fine as long as they ask for nothing that this one does not know. */
static long get_clone_args(struct clone_args *args, const struct clone_args __user *uargs,
			   size_t size)
{
	size_t known = min(size, sizeof(*args));
	char byte;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	for (size_t i = known; i < size; i++) {
		if (get_user(byte, (const char *)uargs + i))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	*args = (struct clone_args){ 0 };
	return copy_from_user(args, uargs, known) ? -EFAULT : 0;
}

static long get_set_tid(pid_t *pid, const struct clone_args *args)
{
	*pid = 0;
	if (args->set_tid_size > SET_TID_MAX || !args->set_tid != !args->set_tid_size)
		return -EINVAL;
	if (!args->set_tid)
		return 0;
	if (get_user(*pid, (const pid_t *)(unsigned long)args->set_tid))
		return -EFAULT;
	if (args->set_tid_size > 1 || *pid < 1 || *pid >= READ_ONCE(pid_max))
		return -EINVAL;
	return capable(CAP_CHECKPOINT_RESTORE) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

long sys_clone3(const struct clone_args __user *uargs, size_t size)
{
	struct clone_args args;
	struct clone_request req;
	long ret = get_clone_args(&args, uargs, size);
	pid_t pid;

	if (ret)
		return ret;
	if (args.exit_signal > NSIG)
		return -EINVAL;
	ret = get_set_tid(&pid, &args);
	if (ret)
		return ret;
	if (args.flags & (CSIGNAL | CLONE_DETACHED) ||
	    args.flags & ~(0xffffffffUL | CLONE_CLEAR_SIGHAND) || !args.stack != !args.stack_size)
		return -EINVAL;
	if ((args.flags & CLONE_SIGHAND && args.flags & CLONE_CLEAR_SIGHAND) ||
	    (args.flags & (CLONE_THREAD | CLONE_PARENT) && args.exit_signal))
		return -EINVAL;
	req = (struct clone_request){
		.flags = args.flags,
		.exit_signal = (int)args.exit_signal,
		.tls = (unsigned long)args.tls,
		.stack = (unsigned long)(args.stack + args.stack_size),
		.child_tid = (int *)(unsigned long)args.child_tid,
		.parent_tid = (int *)(unsigned long)args.parent_tid,
		.pidfd = (int *)(unsigned long)args.pidfd,
		.set_tid = pid,
	};
	return do_clone(&req);
}

long sys_set_tid_address(int __user *tid)
{
	current->clear_child_tid = tid;
	return current->pid;
}

/* --- unshare --- */

static int unshare_fs(void)
{
	struct task_struct *task = current;
	struct fs_struct *old = task->fs, *new = dup_fs(old);

	if (!new)
		return -ENOMEM;
	task_lock(task);
	task->fs = new;
	task_unlock(task);
	put_fs(old);
	return 0;
}

/* What a single thread need not share; its map and handlers only if it does not share them anyway. */
long sys_unshare(unsigned long flags)
{
	const struct task_struct *task = current;
	int ret = 0;

	if (flags &
	    ~(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM))
		return -EINVAL;
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && task->signal->nr_threads > 1)
		return -EINVAL;
	if (flags & (CLONE_SIGHAND | CLONE_VM) && atomic_read(&task->sighand->count) > 1)
		return -EINVAL;
	if (flags & CLONE_VM && atomic_read(&task->mm->mm_users) > 1)
		return -EINVAL;
	if (flags & CLONE_FILES)
		ret = unshare_files();
	if (!ret && flags & CLONE_FS)
		ret = unshare_fs();
	return ret;
}
