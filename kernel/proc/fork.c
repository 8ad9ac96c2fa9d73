/* SPDX-License-Identifier: MIT */
/* Beginning: a task that is a copy of current, sharing with it what the clone flags say. */
#include "kernel/core/panic.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/clone.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/space/mm.h"
#include <asm/fpu.h>
#include <asm/switch.h>
#include <asm/uaccess.h>

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
	signal->rlim[RLIMIT_NOFILE] = (struct rlimit){ 1024, 4096 };
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
	signal->oom_score_adj_min = old->oom_score_adj_min;
	signal->no_new_privs = old->no_new_privs;
	signal->thp_disable = old->thp_disable;
	signal->caps = old->caps;
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
	struct files_struct *files =
		flags & CLONE_FILES ? get_files(current->files) : dup_files(current->files);

	if (IS_ERR(files))
		return (int)PTR_ERR(files);
	child->files = files;
	child->fs = flags & CLONE_FS ? get_fs_struct(current->fs) : dup_fs(current->fs);
	return child->fs ? 0 : -ENOMEM;
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
	child->timer_slack_ns = parent->timer_slack_ns;
	child->nice = parent->nice;
	child->policy = parent->policy;
	child->slice_ticks = parent->slice_ticks;
	if (unlikely(parent->reset_on_fork))
		sched_reset(child);
	child->ioprio = parent->ioprio;
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
	child->parent_tid = req->flags & CLONE_PARENT ? leader->parent_tid : current->pid;
	child->signal->parent_exec_id = req->flags & CLONE_PARENT ? leader->signal->parent_exec_id :
								    leader->signal->exec_id;
	child->real_parent = parent;
	child->signal->pgrp = leader->signal->pgrp;
	child->signal->pgrp_born = leader->signal->pgrp_born;
	child->signal->session = leader->signal->session;
	join_group(child, child->signal);
	list_add_tail(&child->sibling, &parent->children);
}

/*
 * RLIMIT_NPROC: has current's user as many tasks as it may? Root, and who may pass over limits, is
 * not asked. tasklist_lock held.
 */
static bool user_has_enough(void)
{
	const uid_t uid = current->signal->uid.real;
	unsigned long n = 0, most = rlimit(RLIMIT_NPROC);
	struct task_struct *task;

	if (!uid || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return false;
	list_for_each_entry(task, &task_list, tasks)
		n += task->signal && task->signal->uid.real == uid; /* kernel threads have none */
	return n >= most;
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
	} else if (nr_tasks >= max_tasks || user_has_enough()) {
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

/* --- the copy --- */

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

static noinline void record_fork(const struct task_struct *child, const struct clone_request *req)
{
	trace_fork((u32)child->pid, (u32)child->tgid, child->mm ? child->mm->number : 0,
		   current->mm ? current->mm->number : 0, (u32)req->flags, child->comm);
}

struct task_struct *copy_process(const struct clone_request *req)
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
	if (tracing())
		record_fork(child, req);
	return child;
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
	if (!task || !task->signal || !task->sighand || IS_ERR(task->files) || !task->fs)
		panic("out of memory for the first process");
	task->sas_flags = SS_DISABLE;
	task->exit_signal = SIGCHLD;
	task->signal->flags = SIGNAL_UNKILLABLE;
	init_rlimits(task->signal);
	caps_init(task->signal);
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
