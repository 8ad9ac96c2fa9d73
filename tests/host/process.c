/* SPDX-License-Identifier: MIT */
/*
 * Processes: what fork, exec and exit of the kernel do to maps, descriptors as far as mm needs
 * them, and the receiving end of signals. The reaper is the part of a killed process that does not
 * run in a test: it gives the memory back when the OOM killer has chosen somebody.
 */
#include <stdlib.h>

#include "kernel/core/printk.h"
#include "kernel/core/wait.h"
#include "kernel/proc/signal.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "tests/host/internal.h"
#include <asm/pf.h>
#include <asm/ptrace.h>
#include <asm/tlbflush.h>
#include <asm/traps.h>

#define STACK_BYTES (132UL << 10) /* what exec maps at first */

static DECLARE_WAIT_QUEUE_HEAD(reaper_wait);

/* --- signals --- */
void force_sig_fault(int sig, int code, void *addr)
{
	host_task_of(current)->verdict = (struct host_verdict){ sig, code, (unsigned long)addr };
}

void send_sig_kill(struct task_struct *task)
{
	host_task_of(task)->killed = true;
	task->pending_mask |= sigmask(SIGKILL);
	set_thread_flag(task, TIF_SIGPENDING);
	if (task->state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL))
		task->state = TASK_RUNNING;
	wake_up(&reaper_wait);
}

void host_kill(struct task_struct *task)
{
	send_sig_kill(task);
}

bool host_killed(const struct task_struct *task)
{
	return host_task_of(task)->killed;
}

void die(const char *what, struct pt_regs *regs, long err, unsigned long addr)
{
	panic("oops: %s (ip %lx, error code %lx, address %lx)", what, regs->ip, (unsigned long)err,
	      addr);
}

void dump_pagetable(unsigned long table, unsigned long addr)
{
	pr_err("page table walk of %016lx from cr3 %lx\n", addr, table);
}

void show_backtrace(unsigned long bp)
{
	host_complain("the kernel wants a backtrace (frame %lx): see HOST_LOG=1", bp);
}

/* --- life --- */
struct task_struct *host_create(void)
{
	struct host_task *host;
	struct mm_struct *mm = mm_alloc();

	if (!mm)
		return NULL;
	mm->start_brk = mm->brk = HOST_BRK;
	mm->start_stack = HOST_STACK_TOP;
	if (setup_stack_vma(mm, HOST_STACK_TOP, STACK_BYTES, false)) {
		mmput(mm);
		return NULL;
	}
	host = host_task_new("test");
	host->task.mm = mm;
	return &host->task;
}

struct task_struct *host_clone(struct task_struct *task)
{
	struct host_task *host = host_task_new("thread");

	mmget(task->mm);
	host->task.mm = task->mm;
	host->task.tgid = task->tgid;
	host->task.group_leader = task;
	return &host->task;
}

struct task_struct *host_fork(struct task_struct *parent)
{
	struct task_struct *before = current;
	struct host_task *host;
	struct mm_struct *mm;

	host_become(parent); /* it is the parent's own system call */
	mm = dup_mm(parent->mm);
	host_become(before);
	if (IS_ERR(mm))
		return NULL;
	host = host_task_new("child");
	host->task.mm = mm;
	for (int fd = 0; fd < HOST_FDS; fd++)
		if (host_task_of(parent)->fds[fd])
			host->fds[fd] = get_file(host_task_of(parent)->fds[fd]);
	return &host->task;
}

void host_switch(struct task_struct *task)
{
	host_become(task);
}

/* As exit_mm(): the table stays loaded until the next switch. current gives its map up. */
static void exit_mm(void)
{
	struct mm_struct *mm = current->mm;

	if (!mm)
		return;
	mmgrab(mm);
	current->mm = NULL;
	enter_lazy_tlb();
	mmput(mm);
}

static void exit_as(struct task_struct *task)
{
	struct task_struct *before = current == task ? NULL : current;

	host_become(task);
	exit_mm();
	host_become(before);
}

void host_exit(struct task_struct *task)
{
	struct host_task *host = host_task_of(task);

	for (int fd = 0; fd < HOST_FDS; fd++) {
		fput(host->fds[fd]);
		host->fds[fd] = NULL;
	}
	host_leave_cpus(task);
	if (task->mm)
		exit_as(task);
	else if (task == current)
		host_become(NULL);
	host_task_free(host);
}

/* The next killed process that nobody runs as. */
static struct task_struct *find_victim(void)
{
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks)
		if (host_killed(task) && task->mm && !host_task_runs(task))
			return task;
	return NULL;
}

static int reaper(void *unused)
{
	struct task_struct *victim;

	(void)unused;
	for (;;) {
		wait_event(reaper_wait, (victim = find_victim()) != NULL);
		exit_as(victim);
	}
	return 0;
}

void host_process_init(void)
{
	kthread_run(reaper, NULL, "reaper");
}

/* --- descriptors --- */
struct file *fget(unsigned int fd)
{
	struct file *file = fd < HOST_FDS ? host_task_of(current)->fds[fd] : NULL;

	return file ? get_file(file) : NULL;
}

void host_close(int fd)
{
	struct file **slot = &host_task_of(current)->fds[fd];

	fput(*slot);
	*slot = NULL;
}
