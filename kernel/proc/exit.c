/* SPDX-License-Identifier: MIT */
/*
 * Ends. A thread gives back what it holds, becomes a zombie and leaves the CPU for good; whoever
 * waits for it (or it itself, if nobody will) takes it off the lists. A leader that ends before its
 * threads stays as a zombie until the last of them is gone; then the parent is told.
 *
 * A task has two references at its end: release_task() drops one, the switch away from it the
 * other.
 */
#include "kernel/core/panic.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/space/mm.h"
#include <asm/fpu.h>
#include <asm/irq.h>
#include <asm/tlbflush.h>
#include <asm/uaccess.h>

/* --- the map --- */

void mm_release(struct task_struct *task)
{
	struct completion *vfork;

	if (task->robust_list)
		exit_robust_list(task);
	task->robust_list = 0;
	exit_pi_futexes(task);
	/* Only if somebody is left to see it. */
	if (task->clear_child_tid && task->mm && atomic_read(&task->mm->mm_users) > 1) {
		if (!put_user(0, task->clear_child_tid))
			futex_wake_shared((u32 *)task->clear_child_tid, 1);
	}
	task->clear_child_tid = NULL;
	task_lock(task);
	vfork = task->vfork_done;
	task->vfork_done = NULL;
	if (vfork)
		complete(vfork);
	task_unlock(task);
}

static void exit_mm(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	mm_release(task);
	if (!mm)
		return;
	spin_lock_irq(&tasklist_lock);
	task->signal->dead.maxrss = max(task->signal->dead.maxrss, mm_maxrss(mm));
	spin_unlock_irq(&tasklist_lock);
	/*
	 * The table stays loaded until the next switch: it is kept as active_mm, which the switch
	 * drops.
	 */
	mmgrab(mm);
	task_lock(task);
	task->mm = NULL;
	task_unlock(task);
	enter_lazy_tlb();
	mmput(mm);
}

static void exit_files_and_fs(struct task_struct *task)
{
	struct files_struct *files = task->files;
	struct fs_struct *fs = task->fs;

	task_lock(task);
	task->files = NULL;
	task->fs = NULL;
	task_unlock(task);
	put_files(files);
	put_fs(fs);
}

/* --- off the lists --- */

/* A thread waits in de_thread() for the others to go. tasklist_lock held. */
static void wake_exec(struct signal_struct *signal)
{
	if (unlikely(signal->group_exec_task))
		wake_up_process(signal->group_exec_task);
}

/* tasklist_lock held. The signals go with the lock: nobody finds the task any more. */
static void leave_group(struct task_struct *task)
{
	struct sighand_struct *sighand = task->sighand;
	struct signal_struct *signal = task->signal;
	struct usage usage = task_usage(task);

	spin_lock(&sighand->lock);
	add_usage(&signal->dead, &usage);
	list_del_init(&task->thread_node);
	signal->nr_threads--;
	flush_sigqueue(&task->pending_mask, &task->pending_list);
	if (task->group_leader == task)
		flush_sigqueue(&signal->shared.mask, &signal->shared.list);
	task->sighand = NULL;
	spin_unlock(&sighand->lock);
	unlink_task(task);
	if (task->group_leader == task)
		list_del_init(&task->sibling);
	wake_exec(signal);
}

void release_task(struct task_struct *task)
{
	struct task_struct *leader;
	struct sighand_struct *sighand;

	do {
		leader = NULL;
		spin_lock_irq(&tasklist_lock);
		sighand = task->sighand;
		leave_group(task);
		if (task->group_leader != task && task->signal->nr_threads == 1 &&
		    task->group_leader->state & TASK_ZOMBIE) {
			/*
			 * The last thread after its leader: now the process is dead, and its parent
			 * may know.
			 */
			leader = task->group_leader;
			if (do_notify_parent(leader, leader->exit_signal))
				leader->state = TASK_DEAD;
			else
				leader = NULL;
		}
		spin_unlock_irq(&tasklist_lock);
		sighand_put(sighand);
		free_pid(task->pid);
		put_task_struct(task);
		task = leader;
	} while (task);
}

/* --- telling the family --- */

/* Who takes the children of @leader: the nearest ancestor that asked for it, or init. */
static struct task_struct *find_new_reaper(const struct task_struct *leader)
{
	struct task_struct *p;

	for (p = leader->real_parent; p && p != init_task; p = p->real_parent)
		if (p->signal->child_subreaper && !(p->state & (TASK_ZOMBIE | TASK_DEAD)))
			return p;
	return init_task;
}

/* PR_SET_PDEATHSIG: the thread that made @child ended. tasklist_lock held. */
static void tell_of_parents_death(struct task_struct *child)
{
	struct task_struct *t;

	for_each_thread(child->signal, t)
		if (t->pdeath_signal)
			send_own_signal(t->pdeath_signal, t, true);
}

/*
 * Children of a process that ends go to another. tasklist_lock held. Zombies among them are collected
 * on @dead if that one ignores them.
 */
static void reparent_children(struct task_struct *leader, struct list_head *dead)
{
	struct task_struct *child, *n, *reaper;

	if (list_empty(&leader->children))
		return;
	reaper = find_new_reaper(leader);
	list_for_each_entry_safe(child, n, &leader->children, sibling) {
		tell_of_parents_death(child);
		child->real_parent = reaper;
		child->parent_tid = reaper->pid;
		child->exit_signal = SIGCHLD;
		if (child->state & TASK_ZOMBIE && child->signal->nr_threads == 1 &&
		    do_notify_parent(child, SIGCHLD)) {
			child->state = TASK_DEAD;
			list_move_tail(&child->sibling, dead);
		} else {
			list_move_tail(&child->sibling, &reaper->children);
		}
		hang_up_if_orphaned(child, leader, NULL); /* it was the shell */
	}
}

/*
 * A thread ends, its process does not: another one takes its children, whom it made. tasklist_lock held.
 */
static void hand_over_children(struct task_struct *task)
{
	struct task_struct *child, *t, *heir = NULL;

	for_each_thread(task->signal, t)
		if (!heir && !(t->flags & PF_EXITING))
			heir = t;
	list_for_each_entry(child, &task->group_leader->children, sibling) {
		if (!heir || child->parent_tid != task->pid)
			continue;
		child->parent_tid = heir->pid;
		tell_of_parents_death(child);
	}
}

/* The process is dead: what depended on it goes to others. */
static void forget_family(struct task_struct *leader)
{
	struct task_struct *child, *n;
	LIST_HEAD(dead);

	spin_lock_irq(&tasklist_lock);
	hang_up_if_orphaned(leader, leader->real_parent, leader); /* the link to the shell */
	reparent_children(leader, &dead);
	spin_unlock_irq(&tasklist_lock);
	list_for_each_entry_safe(child, n, &dead, sibling)
		release_task(child);
}

/*
 * A leader becomes a zombie; a thread needs nobody to wait for it. True: it is to release itself.
 */
static bool exit_notify(struct task_struct *task)
{
	bool autoreap = task != task->group_leader;

	spin_lock_irq(&tasklist_lock);
	if (unlikely(!list_empty(&task->group_leader->children)))
		hand_over_children(task);
	if (!autoreap) {
		task->state = TASK_ZOMBIE;
		autoreap =
			task->signal->nr_threads == 1 && do_notify_parent(task, task->exit_signal);
		if (autoreap)
			task->state = TASK_DEAD; /* a parent that waits does not take it */
		wake_exec(task->signal);
	}
	spin_unlock_irq(&tasklist_lock);
	return autoreap;
}

/* --- a core, written by one thread of many --- */

int core_begin(struct core_stop *stop, int sig)
{
	struct task_struct *task = current;
	struct signal_struct *signal = task->signal;
	int others;

	init_completion(&stop->stopped);
	spin_lock_irq(&task->sighand->lock);
	if (signal->flags & SIGNAL_GROUP_EXIT || signal->group_exec_task) {
		spin_unlock_irq(&task->sighand->lock);
		return -EAGAIN;
	}
	signal->flags |= SIGNAL_GROUP_EXIT;
	signal->group_exit_code = sig;
	signal->core = stop;
	others = zap_other_threads(task);
	atomic_set(&stop->running, others);
	clear_thread_flag(task, TIF_SIGPENDING); /* from here on SIGKILL alone sets it */
	spin_unlock_irq(&task->sighand->lock);
	if (others)
		wait_for_completion(&stop->stopped);
	return 0;
}

void core_end(bool dumped)
{
	struct task_struct *task = current;
	struct signal_struct *signal = task->signal;

	spin_lock_irq(&task->sighand->lock);
	if (dumped && !fatal_signal_pending(task))
		signal->group_exit_code |= 0x80;
	signal->core = NULL;
	spin_unlock_irq(&task->sighand->lock);
	wake_up_all(&signal->wait_chldexit);
}

/* One of those others: what it was doing is to be read from its registers and its memory. */
static void wait_for_core(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	fpu_save(task->fpu);
	if (atomic_dec_and_test(&signal->core->running))
		complete(&signal->core->stopped);
	wait_event(signal->wait_chldexit, !READ_ONCE(signal->core));
}

/* --- exit --- */

/* Nothing may sleep between setting the last state and here. */
static void __noreturn leave_cpu(void)
{
	schedule();
	panic("%s, pid %d, ran after its end", current->comm, current->pid);
}

void do_exit(int code)
{
	struct task_struct *task = current;
	bool group_dead;

	if (in_interrupt() || task->pid == 0)
		panic("%s ends in a place where it cannot", task->comm);
	if (!task->signal)
		kthread_exit();
	group_dead = exit_signals(task, code);
	if (unlikely(task->flags & PF_IN_CORE))
		wait_for_core(task);
	task->exit_code = code;
	trace_exit((u32)task->tgid, (u32)code);
	if (group_dead)
		exit_itimers(task->signal);
	exit_mm(task);
	exit_files_and_fs(task);
	if (group_dead && task->signal->leader && task->signal->tty_nr)
		tty_session_end();
	if (group_dead && is_init(task))
		end_of_init(task->signal->group_exit_code);
	if (group_dead)
		forget_family(task->group_leader);
	if (exit_notify(task)) {
		release_task(task);
		task->state = TASK_DEAD;
	}
	leave_cpu();
}

void do_group_exit(int code)
{
	struct task_struct *task = current;
	struct signal_struct *signal = task->signal;

	if (signal) {
		spin_lock_irq(&task->sighand->lock);
		if (signal->flags & SIGNAL_GROUP_EXIT) {
			code = signal->group_exit_code;
		} else if (signal->group_exec_task && signal->group_exec_task != task) {
			code = 0; /* one thread of many that exec sweeps away */
		} else {
			signal->flags |= SIGNAL_GROUP_EXIT;
			signal->group_exit_code = code;
			zap_other_threads(task);
		}
		spin_unlock_irq(&task->sighand->lock);
	}
	do_exit(code);
}

long sys_exit(int code)
{
	do_exit((code & 0xff) << 8);
}

long sys_exit_group(int code)
{
	do_group_exit((code & 0xff) << 8);
}

/* --- exec in one thread of many --- */

/* tasklist_lock and sighand->lock held: current takes over everything that makes a leader. */
static void become_leader(struct task_struct *task, struct task_struct *old)
{
	struct task_struct *child;

	exchange_pids(task, old);
	list_replace_init(&old->sibling, &task->sibling);
	list_splice_init(&old->children, &task->children);
	list_for_each_entry(child, &task->children, sibling) {
		child->real_parent = task;
		child->parent_tid = task->pid;
	}
	task->real_parent = old->real_parent;
	old->real_parent = NULL;
	old->exit_signal = -1;
	task->group_leader = task;
	old->group_leader = task;
	task->signal->owner = task;
	task->start_ns = old->start_ns;
	if (init_task == old)
		init_task = task;
	old->state = TASK_DEAD;
}

/* The other threads are dead or dying: only a leader that is a zombie may be left on the list. */
static bool alone(struct task_struct *task)
{
	struct task_struct *t;

	for_each_thread(task->signal, t)
		if (t != task && !(t == task->group_leader && t->state & TASK_ZOMBIE))
			return false;
	return true;
}

int de_thread(void)
{
	struct task_struct *task = current, *old = NULL;
	struct signal_struct *signal = task->signal;
	bool killed;

	spin_lock_irq(&tasklist_lock);
	if (signal->nr_threads == 1) {
		task->exit_signal = SIGCHLD;
		spin_unlock_irq(&tasklist_lock);
		return 0;
	}
	spin_lock(&task->sighand->lock);
	if (signal->flags & SIGNAL_GROUP_EXIT || signal->group_exec_task) {
		spin_unlock(&task->sighand->lock);
		spin_unlock_irq(&tasklist_lock);
		return -EAGAIN;
	}
	signal->group_exec_task = task;
	zap_other_threads(task);
	spin_unlock(&task->sighand->lock);
	/* Each that goes wakes us under tasklist_lock: see wake_exec(). */
	while (!(killed = fatal_signal_pending(task)) && !alone(task)) {
		task->state = TASK_KILLABLE;
		spin_unlock_irq(&tasklist_lock);
		schedule();
		spin_lock_irq(&tasklist_lock);
	}
	if (!killed && task->group_leader != task) {
		old = task->group_leader;
		spin_lock(&task->sighand->lock);
		become_leader(task, old);
		spin_unlock(&task->sighand->lock);
	}
	if (!killed)
		task->exit_signal = SIGCHLD;
	signal->group_exec_task = NULL;
	spin_unlock_irq(&tasklist_lock);
	if (old)
		release_task(old);
	return killed ? -EAGAIN : 0;
}
