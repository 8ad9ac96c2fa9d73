/* SPDX-License-Identifier: MIT */
/* Signals that tell that a file can be read or written. See fs/fasync.h. */
#include "fs/fasync.h"

#include "fs/abi.h"
#include "fs/file.h"
#include "fs/pipe.h"
#include "kernel/core/task.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

/* What F_SETOWN_EX passes; 0, a thread, is also what nobody has set yet. */
struct f_owner_ex {
	s32 type;
	pid_t pid;
};
#define F_OWNER_TID 0
#define F_OWNER_PID 1
#define F_OWNER_PGRP 2

#define POLL_IN 1 /* si_code */
#define POLL_OUT 2

struct file_owner {
	struct list_head entry; /* of those to tell; empty: no O_ASYNC */
	struct file *file;      /* not counted: it frees this */
	unsigned int fd;        /* for si_fd: the descriptor by which O_ASYNC was set */
	struct f_owner_ex to;   /* pid 0: nobody */
	u64 start_ns;           /* of whose number it is, as that may be another's later */
	uid_t uid, euid;        /* of who named it, and may signal no others than itself could */
	int sig;                /* 0: SIGIO without more */
};

static DEFINE_SPINLOCK(fasync_lock); /* file->f_owner, all of those, and the lists */

/* There is one from now on. NULL: no memory. */
static struct file_owner *owner_of(struct file *file)
{
	struct file_owner *owner = READ_ONCE(file->f_owner), *fresh;

	if (owner)
		return owner;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	fresh->file = file;
	INIT_LIST_HEAD(&fresh->entry);
	spin_lock(&fasync_lock);
	owner = file->f_owner;
	if (!owner)
		WRITE_ONCE(file->f_owner, fresh);
	spin_unlock(&fasync_lock);
	if (!owner)
		return fresh;
	kfree(fresh);
	return owner;
}

void fasync_release(struct file *file)
{
	spin_lock(&fasync_lock);
	list_del(&file->f_owner->entry);
	spin_unlock(&fasync_lock);
	kfree(file->f_owner);
}

int fasync_helper(unsigned int fd, struct file *file, bool on, struct list_head *list)
{
	struct file_owner *owner = on ? owner_of(file) : READ_ONCE(file->f_owner);

	if (on && !owner)
		return -ENOMEM;
	spin_lock(&fasync_lock);
	if (owner && !list_empty(&owner->entry)) {
		list_del_init(&owner->entry);
		change_flags(file, O_ASYNC, 0); /* which open(2) set stays, as on Linux */
	}
	if (on) {
		owner->fd = fd;
		list_add(&owner->entry, list);
		change_flags(file, 0, O_ASYNC);
	}
	spin_unlock(&fasync_lock);
	return 0;
}

void fasync_drop(struct list_head *list, bool (*which)(const struct file *file))
{
	struct file_owner *owner, *next;

	spin_lock(&fasync_lock);
	list_for_each_entry_safe(owner, next, list, entry) {
		if (!which(owner->file))
			continue;
		list_del_init(&owner->entry);
		change_flags(owner->file, O_ASYNC, 0);
	}
	spin_unlock(&fasync_lock);
}

/* --- whom --- */

/* The thread that @owner names, for itself or its process; NULL: it is gone. tasklist_lock held. */
static struct task_struct *named_task(const struct file_owner *owner)
{
	struct task_struct *task = find_task_by_pid(owner->to.pid);

	return task && task->start_ns == owner->start_ns ? task : NULL;
}

static bool leads_into(const struct task_struct *task, pid_t pgrp)
{
	return task->group_leader == task && task->signal && task->signal->pgrp == pgrp;
}

/* Is @task a process of the group that @owner names? */
static bool is_named(const struct task_struct *task, const struct file_owner *owner)
{
	return leads_into(task, owner->to.pid) && task->signal->pgrp_born == owner->start_ns;
}

/* The start_ns of whose number @pid is, or of who is dead but has a group by it. tasklist_lock held. */
static u64 born(pid_t pid)
{
	const struct task_struct *task = find_task_by_pid(pid);

	if (task)
		return task->start_ns;
	list_for_each_entry(task, &task_list, tasks)
		if (leads_into(task, pid))
			return task->signal->pgrp_born;
	return 0;
}

/* Is anybody there to be told? */
static bool is_there(const struct file_owner *owner)
{
	const struct task_struct *task;
	bool found = false;

	spin_lock_irq(&tasklist_lock);
	if (owner->to.type == F_OWNER_PGRP) {
		list_for_each_entry(task, &task_list, tasks)
			found |= is_named(task, owner);
	} else {
		task = named_task(owner);
		found = task && (owner->to.type == F_OWNER_TID || task->group_leader == task);
	}
	spin_unlock_irq(&tasklist_lock);
	return found;
}

/* Take @to over, unless somebody is named already and it is not to @replace that. */
static void name_owner(struct file_owner *owner, struct f_owner_ex to, u64 start_ns, bool replace)
{
	spin_lock(&fasync_lock);
	if (replace || !owner->to.pid) {
		owner->to = to;
		owner->start_ns = start_ns;
		owner->uid = current->signal->uid.real;
		owner->euid = current->signal->uid.effective;
	}
	spin_unlock(&fasync_lock);
}

void fasync_default_owner(struct file *file, pid_t pgrp)
{
	struct f_owner_ex to = { pgrp ? F_OWNER_PGRP : F_OWNER_PID, pgrp ? pgrp : current->tgid };
	u64 start_ns;

	spin_lock_irq(&tasklist_lock);
	start_ns = born(to.pid);
	spin_unlock_irq(&tasklist_lock);
	name_owner(file->f_owner, to, start_ns, false);
}

/* As Linux, any number will do that is a thread's, a group's or a session's. */
static long set_owner(struct file *file, struct f_owner_ex to)
{
	struct file_owner *owner;
	u64 start_ns;
	bool taken;

	spin_lock_irq(&tasklist_lock);
	start_ns = born(to.pid);
	taken = find_task_by_pid(to.pid) || pid_names_group(to.pid);
	spin_unlock_irq(&tasklist_lock);
	if (to.pid && !taken)
		return -ESRCH;
	owner = owner_of(file);
	if (!owner)
		return -ENOMEM;
	name_owner(owner, to, start_ns, true);
	return 0;
}

/* F_SETOWN: groups are negative. */
static long set_owner_number(struct file *file, int who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return set_owner(file, who < 0 ? (struct f_owner_ex){ F_OWNER_PGRP, -who } :
					 (struct f_owner_ex){ F_OWNER_PID, who });
}

static long set_owner_ex(struct file *file, const struct f_owner_ex __user *arg)
{
	struct f_owner_ex to;

	if (copy_from_user(&to, arg, sizeof(to)))
		return -EFAULT;
	if (to.type < F_OWNER_TID || to.type > F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(file, to);
}

static long set_signal(struct file *file, unsigned long sig)
{
	struct file_owner *owner;

	if (sig > NSIG)
		return -EINVAL;
	owner = owner_of(file);
	if (!owner)
		return -ENOMEM;
	spin_lock(&fasync_lock);
	owner->sig = (int)sig;
	spin_unlock(&fasync_lock);
	return 0;
}

/* What it says now. */
static struct file_owner get_owner(const struct file *file)
{
	struct file_owner owner = { 0 };

	spin_lock(&fasync_lock);
	if (file->f_owner)
		owner = *file->f_owner;
	spin_unlock(&fasync_lock);
	return owner;
}

long fcntl_owner(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct file_owner owner;

	if (cmd == F_SETOWN)
		return set_owner_number(file, (int)arg);
	if (cmd == F_SETOWN_EX)
		return set_owner_ex(file, (const struct f_owner_ex __user *)arg);
	if (cmd == F_SETSIG)
		return set_signal(file, arg);
	owner = get_owner(file);
	if (cmd == F_GETSIG)
		return owner.sig;
	if (!is_there(&owner))
		owner.to.pid = 0;
	if (cmd == F_GETOWN_EX)
		return copy_to_user((void __user *)arg, &owner.to, sizeof(owner.to)) ? -EFAULT : 0;
	return owner.to.type == F_OWNER_PGRP ? -owner.to.pid : owner.to.pid;
}

/* --- telling --- */

/* Might who named it signal it? Threads of the kernel are not told at all. */
static bool may_tell(const struct file_owner *owner, const struct signal_struct *to)
{
	if (!to)
		return false;
	return !owner->euid || owner->euid == to->uid.saved || owner->euid == to->uid.real ||
	       owner->uid == to->uid.saved || owner->uid == to->uid.real;
}

/* tasklist_lock held. What cannot be queued any more becomes a plain SIGIO. */
static void tell(const struct file_owner *owner, struct task_struct *task, unsigned int f_mode)
{
	/* Signals whose si_code says something else already. */
	const u64 own_codes = sigmask(SIGILL) | sigmask(SIGFPE) | sigmask(SIGSEGV) |
			      sigmask(SIGBUS) | sigmask(SIGTRAP) | sigmask(SIGCHLD) |
			      sigmask(SIGSYS);
	bool group = owner->to.type != F_OWNER_TID, in = f_mode == FMODE_READ;
	struct siginfo info = {
		.si_signo = owner->sig,
		.si_code = in ? POLL_IN : POLL_OUT,
		.poll.band = in ? POLLIN | POLLRDNORM : POLLOUT | POLLWRNORM | POLLWRBAND,
		.poll.fd = (s32)owner->fd,
	};

	if (!may_tell(owner, task->signal))
		return;
	if (owner->sig && sigmask(owner->sig) & own_codes)
		info.si_code = SI_SIGIO;
	if (!owner->sig || send_sig_info(owner->sig, &info, task, group))
		send_sig_info(SIGIO, NULL, task, group);
}

static void tell_all(const struct file_owner *owner, unsigned int f_mode)
{
	struct task_struct *task;

	spin_lock_irq(&tasklist_lock);
	if (owner->to.type == F_OWNER_PGRP) {
		list_for_each_entry(task, &task_list, tasks)
			if (is_named(task, owner))
				tell(owner, task, f_mode);
	} else {
		task = named_task(owner);
		if (task)
			tell(owner, task, f_mode);
	}
	spin_unlock_irq(&tasklist_lock);
}

/* The ends of a pipe hear only of what is theirs. */
static bool concerns(const struct file_owner *owner, unsigned int f_mode)
{
	return owner->file->f_op != &pipe_fops || owner->file->f_mode & f_mode;
}

void __kill_fasync(struct list_head *list, unsigned int f_mode)
{
	struct file_owner *owner;

	spin_lock(&fasync_lock);
	list_for_each_entry(owner, list, entry)
		if (concerns(owner, f_mode) && owner->to.pid)
			tell_all(owner, f_mode);
	spin_unlock(&fasync_lock);
}
