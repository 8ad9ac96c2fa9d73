/* SPDX-License-Identifier: MIT */
/*
 * The life of a task_struct: made with a stack and a number, known by the list, freed by the last
 * reference.
 */
#include "kernel/core/task.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/fpu.h>

LIST_HEAD(task_list);
DEFINE_SPINLOCK(tasklist_lock);
unsigned int nr_tasks, max_tasks;
void (*task_free_hook)(struct task_struct *task);

static struct kmem_cache *task_cache, *fpu_cache;

void task_init(void)
{
	task_cache = kmem_cache_create("task_struct", sizeof(struct task_struct), 16);
	fpu_cache = kmem_cache_create("fpu", fpu_area_size, FPU_AREA_ALIGN);
	/* Linux's rule: stacks may take an eighth of the RAM. */
	max_tasks = (unsigned int)clamp(totalram_pages() / (8 * (THREAD_SIZE / PAGE_SIZE)), 64UL,
					PID_MAX - 512UL);
}

void task_setup(struct task_struct *task)
{
	INIT_LIST_HEAD(&task->run_node);
	INIT_LIST_HEAD(&task->children);
	INIT_LIST_HEAD(&task->sibling);
	INIT_LIST_HEAD(&task->tasks);
	INIT_LIST_HEAD(&task->thread_node);
	INIT_LIST_HEAD(&task->pending_list);
	INIT_LIST_HEAD(&task->pi_waiters);
	spin_lock_init(&task->alloc_lock, "task->alloc_lock");
	task->group_leader = task;
	task->slice_ticks = SLICE_TICKS;
}

struct task_struct *alloc_task(bool user)
{
	struct task_struct *task = kmem_cache_alloc(task_cache, GFP_KERNEL | __GFP_ZERO);

	if (!task)
		return NULL;
	task_setup(task);
	atomic_set(&task->usage, 2);
	task->cpus_allowed = ~0UL;
	task->start_ns = ktime_get_ns();
	task->stack = alloc_kernel_stack();
	if (user)
		task->fpu = kmem_cache_alloc(fpu_cache, GFP_KERNEL);
	if (task->fpu)
		fpu_prepare_area(task->fpu);
	task->pid = alloc_pid();
	task->tgid = task->pid;
	if (!task->stack || (user && !task->fpu) || task->pid < 0) {
		free_unborn_task(task);
		return NULL;
	}
	task->stack_top = (unsigned long)task->stack + THREAD_SIZE;
	return task;
}

static void free_task(struct task_struct *task)
{
	if (task->stack)
		free_kernel_stack(task->stack);
	if (task->fpu)
		kmem_cache_free(fpu_cache, task->fpu);
	kmem_cache_free(task_cache, task);
}

void free_unborn_task(struct task_struct *task)
{
	if (task->pid > 0)
		free_pid(task->pid);
	free_task(task);
}

void put_task_struct(struct task_struct *task)
{
	if (!atomic_dec_and_test(&task->usage))
		return;
	ASSERT(task->state & (TASK_DEAD | TASK_ZOMBIE));
	if (task_free_hook)
		task_free_hook(task);
	free_task(task);
}

char task_state_char(const struct task_struct *task)
{
	u32 state = READ_ONCE(task->state);

	if (state & TASK_DEAD)
		return 'X';
	if (state & TASK_ZOMBIE)
		return 'Z';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_UNINTERRUPTIBLE) /* a kernel thread waits for work, not for a disk */
		return task->flags & PF_KTHREAD ? 'I' : 'D';
	return state & TASK_INTERRUPTIBLE ? 'S' : 'R';
}
