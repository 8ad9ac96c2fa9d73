/* SPDX-License-Identifier: MIT */
/* Beginning: a task that is a copy of current, sharing with it what the clone flags say. */
#include "kernel/core/panic.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/space/mm.h"
#include <asm/fpu.h>
#include <asm/switch.h>
#include <asm/uaccess.h>

/* linux/sched.h of Linux's user headers. */
#define CSIGNAL 0xffUL
#define CLONE_VM 0x100UL
#define CLONE_FS 0x200UL
#define CLONE_FILES 0x400UL
#define CLONE_SIGHAND 0x800UL
#define CLONE_PIDFD 0x1000UL
#define CLONE_VFORK 0x4000UL
#define CLONE_PARENT 0x8000UL
#define CLONE_THREAD 0x10000UL
#define CLONE_SETTLS 0x80000UL
#define CLONE_PARENT_SETTID 0x100000UL
#define CLONE_CHILD_CLEARTID 0x200000UL
#define CLONE_CHILD_SETTID 0x1000000UL
#define CLONE_DETACHED 0x400000UL /* of old; means nothing any more */
#define CLONE_CLEAR_SIGHAND 0x100000000UL
/* Namespaces: there is one of each. */
#define CLONE_NEW_SET 0x7e020000UL

struct clone_request {
	u64 flags;
	int exit_signal;
	unsigned long stack; /* user sp, 0: the parent's */
	unsigned long tls;
	int *child_tid, *parent_tid, *pidfd;
	pid_t set_tid; /* wanted, 0: any */
};

struct task_struct *init_task;
static struct kmem_cache *signal_cache;

/* --- signal_struct --- */

static struct signal_struct *signal_alloc(struct task_struct *owner)
{
	struct signal_struct *signal = kmem_cache_alloc(signal_cache, GFP_KERNEL | __GFP_ZERO);

	if (!signal)
		return NULL;
	atomic_set(&signal->sigcnt, 1);
	atomic_set(&signal->live, 1);
	INIT_LIST_HEAD(&signal->threads);
	INIT_LIST_HEAD(&signal->shared.list);
	init_waitqueue_head(&signal->wait_chldexit);
	init_waitqueue_head(&signal->wait_pidfd);
	signal->owner = owner;
	signal->dumpable = 1;
	itimer_init(signal);
	return signal;
}

struct signal_struct *signal_get(struct signal_struct *signal)
{
	atomic_inc(&signal->sigcnt);
	return signal;
}

void signal_put(struct signal_struct *signal)
{
	if (!atomic_dec_and_test(&signal->sigcnt))
		return;
	put_groups(signal->groups);
	kmem_cache_free(signal_cache, signal);
}

/* The last reference to a task is gone. */
static void free_signal_of(struct task_struct *task)
{
	if (task->signal)
		signal_put(task->signal);
}

/* Linux's defaults, as a Debian shell shows them. */
static void init_rlimits(struct signal_struct *signal)
{
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++)
		signal->rlim[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	signal->rlim[RLIMIT_STACK].rlim_cur = MiB(8);
	signal->rlim[RLIMIT_CORE].rlim_cur = 0;
	signal->rlim[RLIMIT_NPROC] = (struct rlimit){ max_tasks / 2, max_tasks / 2 };
	signal->rlim[RLIMIT_NOFILE] = (struct rlimit){ 1024, 1024 };
	signal->rlim[RLIMIT_MEMLOCK] = (struct rlimit){ MiB(8), MiB(8) };
	signal->rlim[RLIMIT_SIGPENDING] = (struct rlimit){ max_tasks / 2, max_tasks / 2 };
	signal->rlim[RLIMIT_MSGQUEUE] = (struct rlimit){ 819200, 819200 };
	signal->rlim[RLIMIT_NICE] = (struct rlimit){ 0, 0 };
	signal->rlim[RLIMIT_RTPRIO] = (struct rlimit){ 0, 0 };
}

void process_init(void)
{
	signal_cache = kmem_cache_create("signal_struct", sizeof(struct signal_struct), 0);
	task_free_hook = free_signal_of;
	pid_in_use_hook = pid_names_group;
	signal_init();
	futex_init();
}

/* --- what is copied or shared --- */

static int copy_signal(struct task_struct *child, u64 flags)
{
	struct signal_struct *old = current->signal, *signal;

	if (flags & CLONE_THREAD) {
		child->signal =
			old; /* counted when the child is linked: nothing can fail after that */
		return 0;
	}
	signal = signal_alloc(child);
	if (!signal)
		return -ENOMEM;
	memcpy(signal->rlim, old->rlim, sizeof(old->rlim));
	memcpy(&signal->uid, &old->uid, sizeof(old->uid));
	memcpy(&signal->gid, &old->gid, sizeof(old->gid));
	signal->groups = get_groups(old);
	signal->dumpable = old->dumpable;
	if (unlikely(old->rlim[RLIMIT_CPU].rlim_cur != RLIM_INFINITY))
		watch_cpu_time(signal);
	signal->tty_nr = old->tty_nr;
	child->signal = signal;
	return 0;
}

static int copy_sighand(struct task_struct *child, u64 flags)
{
	if (flags & CLONE_SIGHAND) {
		atomic_inc(&current->sighand->count);
		child->sighand = current->sighand;
		return 0;
	}
	child->sighand = sighand_dup(current->sighand);
	if (!child->sighand)
		return -ENOMEM;
	if (unlikely(flags & CLONE_CLEAR_SIGHAND))
		flush_signal_handlers(child->sighand);
	return 0;
}

static int copy_files_and_fs(struct task_struct *child, u64 flags)
{
	child->files = flags & CLONE_FILES ? get_files(current->files) : dup_files(current->files);
	child->fs = flags & CLONE_FS ? get_fs_struct(current->fs) : dup_fs(current->fs);
	return child->files && child->fs ? 0 : -ENOMEM;
}

static int copy_mm(struct task_struct *child, u64 flags)
{
	struct mm_struct *mm = current->mm;

	if (flags & CLONE_VM) {
		mmget(mm);
	} else {
		mm = dup_mm(mm);
		if (IS_ERR(mm))
			return (int)PTR_ERR(mm);
		mm->membarrier = current->mm->membarrier;
	}
	child->mm = mm;
	child->active_mm = mm;
	return 0;
}

static void copy_thread(struct task_struct *child, const struct clone_request *req)
{
	struct task_struct *parent = current;

	child->fs_base = req->flags & CLONE_SETTLS ? req->tls : parent->fs_base;
	child->gs_base = parent->gs_base;
	arch_prepare_fork(child, current_pt_regs(), req->stack);
	memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->flags = PF_FORKNOEXEC;
	child->cpus_allowed = parent->cpus_allowed;
	child->blocked = parent->blocked;
	child->sas_flags = SS_DISABLE;
	/*
	 * A stack of its own comes without the old one's alternate; a vfork child runs on the
	 * parent's.
	 */
	if ((req->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
		child->sas_sp = parent->sas_sp;
		child->sas_size = parent->sas_size;
		child->sas_flags = parent->sas_flags;
	}
	child->personality = parent->personality;
	child->oom_score_adj = parent->oom_score_adj;
	child->set_child_tid = req->flags & CLONE_CHILD_SETTID ? req->child_tid : NULL;
	child->clear_child_tid = req->flags & CLONE_CHILD_CLEARTID ? req->child_tid : NULL;
}

/* Undo whatever of the copies was made; the child never ran. */
static void drop_copies(struct task_struct *child, u64 flags)
{
	if (child->mm)
		mmput(child->mm);
	if (child->files)
		put_files(child->files);
	if (child->fs)
		put_fs(child->fs);
	if (child->sighand)
		sighand_put(child->sighand);
	if (child->signal && !(flags & CLONE_THREAD))
		signal_put(child->signal);
	free_unborn_task(child);
}

/* --- joining the family; tasklist_lock held --- */

/* sighand->lock held as well. */
static void join_group(struct task_struct *child, struct signal_struct *signal)
{
	list_add_tail(&child->thread_node, &signal->threads);
	signal->nr_threads++;
}

static void join_as_thread(struct task_struct *child)
{
	struct task_struct *leader = current->group_leader;

	atomic_inc(&child->signal->sigcnt);
	atomic_inc(&child->signal->live);
	child->tgid = leader->tgid;
	child->group_leader = leader;
	child->exit_signal = -1;
	join_group(child, child->signal);
}

static void join_as_process(struct task_struct *child, const struct clone_request *req)
{
	struct task_struct *leader = current->group_leader;
	struct task_struct *parent = req->flags & CLONE_PARENT ? leader->real_parent : leader;

	child->exit_signal = req->flags & CLONE_PARENT ? leader->exit_signal : req->exit_signal;
	child->real_parent = parent;
	child->signal->pgrp = leader->signal->pgrp;
	child->signal->session = leader->signal->session;
	join_group(child, child->signal);
	list_add_tail(&child->sibling, &parent->children);
}

/*
 * Nothing fails after this. A signal for the process that came during the copying is for the copy
 * too: do it again.
 */
static int join_family(struct task_struct *child, const struct clone_request *req)
{
	struct sighand_struct *sighand = current->sighand;
	int ret = 0;

	spin_lock_irq(&tasklist_lock);
	spin_lock(&sighand->lock);
	recalc_sigpending();
	if (signal_pending(current)) {
		ret = -ERESTARTNOINTR;
	} else if (nr_tasks >= max_tasks) {
		ret = -EAGAIN;
	} else {
		if (req->flags & CLONE_THREAD)
			join_as_thread(child);
		else
			join_as_process(child, req);
		link_task(child);
	}
	spin_unlock(&sighand->lock);
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

/* --- clone --- */

static int check_flags(const struct clone_request *req)
{
	u64 flags = req->flags;

	if (flags & CLONE_NEW_SET)
		return -EINVAL;
	if (flags & CLONE_PIDFD &&
	    (flags & (CLONE_THREAD | CLONE_DETACHED) ||
	     (flags & CLONE_PARENT_SETTID && req->pidfd == req->parent_tid)))
		return -EINVAL;
	if ((flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)) ||
	    (flags & CLONE_SIGHAND && !(flags & CLONE_VM)))
		return -EINVAL;
	if (flags & CLONE_PARENT && current->signal->flags & SIGNAL_UNKILLABLE)
		return -EINVAL;
	if (req->exit_signal < 0 || req->exit_signal > NSIG)
		return -EINVAL;
	if (flags & CLONE_SETTLS && req->tls >= TASK_SIZE)
		return -EPERM;
	return 0;
}

/* The number that clone3(2) was asked for. */
static int set_tid(struct task_struct *child, pid_t pid)
{
	int ret = claim_pid(pid);

	if (ret)
		return ret;
	free_pid(child->pid);
	child->pid = child->tgid = pid;
	return 0;
}

/* CLONE_PIDFD: a descriptor that is installed when nothing can fail any more, or -errno. */
static int make_pidfd(struct task_struct *child, const struct clone_request *req,
		      struct file **file)
{
	int fd = pidfd_prepare(child->signal, 0, file);

	if (fd < 0 || !put_user(fd, req->pidfd))
		return fd;
	put_unused_fd((unsigned int)fd);
	fput(*file);
	return -EFAULT;
}

static struct task_struct *copy_process(const struct clone_request *req)
{
	struct task_struct *child;
	struct file *pidfd_file = NULL;
	int ret, pidfd = 0;

	if (signal_pending(current))
		return ERR_PTR(-ERESTARTNOINTR);
	if (READ_ONCE(nr_tasks) >= max_tasks)
		return ERR_PTR(-EAGAIN);
	child = alloc_task(true);
	if (!child)
		return ERR_PTR(-ENOMEM);
	ret = unlikely(req->set_tid) ? set_tid(child, req->set_tid) : 0;
	if (!ret)
		ret = copy_files_and_fs(child, req->flags);
	if (!ret)
		ret = copy_sighand(child, req->flags);
	if (!ret)
		ret = copy_signal(child, req->flags);
	if (!ret)
		ret = copy_mm(child, req->flags);
	if (!ret && unlikely(req->flags & CLONE_PIDFD)) {
		pidfd = make_pidfd(child, req, &pidfd_file);
		ret = pidfd < 0 ? pidfd : 0;
	}
	if (!ret) {
		copy_thread(child, req);
		ret = join_family(child, req);
		if (ret && pidfd_file) {
			put_unused_fd((unsigned int)pidfd);
			fput(pidfd_file);
		}
	}
	if (!ret && pidfd_file)
		fd_install((unsigned int)pidfd, pidfd_file);
	if (ret) {
		drop_copies(child, req->flags);
		return ERR_PTR(ret);
	}
	return child;
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
	if (args->set_tid_size > 1 || *pid < 1 || *pid >= PID_MAX)
		return -EINVAL;
	return current->signal->uid.effective ? -EPERM : 0;
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

/* --- pid 1 --- */

void start_init(void (*fn)(void *arg), void *arg)
{
	struct task_struct *task = alloc_task(true);

	if (task) {
		free_pid(task->pid);
		task->pid = task->tgid = 1;
		task->signal = signal_alloc(task);
		task->sighand = sighand_alloc();
		task->files = dup_files(NULL);
		task->fs = dup_fs(NULL);
	}
	if (!task || !task->signal || !task->sighand || !task->files || !task->fs)
		panic("out of memory for the first process");
	task->sas_flags = SS_DISABLE;
	task->exit_signal = SIGCHLD;
	task->signal->flags = SIGNAL_UNKILLABLE;
	init_rlimits(task->signal);
	strlcpy(task->comm, "init", sizeof(task->comm));
	fpu_init_area(task->fpu);
	arch_prepare_kthread(task, fn, arg);
	spin_lock_irq(&tasklist_lock);
	init_task = task;
	join_group(task, task->signal);
	link_task(task);
	spin_unlock_irq(&tasklist_lock);
	wake_up_new_task(task);
}
