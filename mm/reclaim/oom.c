/* SPDX-License-Identifier: MIT */
/*
 * The last resort. The process that holds most memory (frames, swap slots and page tables, shifted by
 * its oom_score_adj) gets SIGKILL and the right to use the reserves on its way out; everyone else tries
 * again when it is gone. Never taken: pid 1, kernel threads, and who asked for -1000.
 */
#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "kernel/proc/signal.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mm.h"
#include "mm/stats.h"

#define OOM_SCORE_ADJ_MIN (-1000)
#define VICTIM_WAIT_NS (10 * 1000 * 1000ULL)  /* between looks at whether it is gone */
#define VICTIM_PATIENCE_NS (3 * NSEC_PER_SEC) /* then the next one: it hangs on something we hold */
#define TABLE_ROWS 24

static DEFINE_MUTEX(oom_lock);
static u64 last_kill_ns;       /* oom_lock */
static u64 exit_wait_began_ns; /* oom_lock; 0: no large process is on its way out */

/* May be killed: has memory of its own, and is not one that must not be. task_lock held. */
static bool eligible(const struct task_struct *task)
{
	return task->mm && task->tgid != 1 && !(task->flags & PF_KTHREAD) &&
	       task->oom_score_adj != OOM_SCORE_ADJ_MIN;
}

/* Frames that would come free, plus the bias. task_lock held, task eligible. */
static long badness(const struct task_struct *task)
{
	const struct mm_struct *mm = task->mm;
	long total = (long)(totalram_pages() + total_swap_pages());
	long points = (long)(mm_rss(mm) + get_mm_counter(mm, MM_SWAPENTS) + mm->pgtables);

	return points + task->oom_score_adj * (total / 1000);
}

unsigned long oom_score(struct task_struct *task)
{
	long total = (long)(totalram_pages() + total_swap_pages()), points = 0;

	task_lock(task);
	if (eligible(task))
		points = (1000 + badness(task) * 1000 / total) * 2 / 3;
	task_unlock(task);
	return (unsigned long)max(points, 0L);
}

static void print_row(const struct task_struct *task)
{
	const struct mm_struct *mm = task->mm;

	pr_info("[%7d] %5d %8lu %8lu %8lu %8lu %8lu %7lu %6d %s\n", task->pid, task->tgid,
		mm->total_vm, get_mm_counter(mm, MM_ANONPAGES), get_mm_counter(mm, MM_FILEPAGES),
		get_mm_counter(mm, MM_SHMEMPAGES), get_mm_counter(mm, MM_SWAPENTS), mm->pgtables,
		task->oom_score_adj, task->comm);
}

static void print_table(gfp_t gfp, unsigned int order)
{
	struct task_struct *task;
	unsigned int rows = 0;
	unsigned long flags;

	pr_warn("%s invoked the OOM killer: gfp %#x, order %u, oom_score_adj %d\n", current->comm,
		gfp, order, current->oom_score_adj);
	pr_info("frames: %lu RAM, %lu free, %lu anon, %lu page cache, %lu shared, %lu slab, %lu page tables; swap: %lu of %lu free\n",
		totalram_pages(), nr_free_pages(), node_stat(N_nr_anon_pages),
		node_stat(N_nr_file_pages), node_stat(N_nr_shmem), nr_slab_pages(),
		node_stat(N_nr_page_table_pages), nr_swap_pages(), total_swap_pages());
	pr_info("[  pid  ]  tgid total_vm     anon     file    shmem     swap  tables    adj name (frames)\n");
	spin_lock_irqsave(&tasklist_lock, flags);
	list_for_each_entry(task, &task_list, tasks) {
		if (task->group_leader != task)
			continue;
		task_lock(task);
		if (task->mm && rows++ < TABLE_ROWS)
			print_row(task);
		task_unlock(task);
	}
	spin_unlock_irqrestore(&tasklist_lock, flags);
	if (rows > TABLE_ROWS)
		pr_info("... and %u more\n", rows - TABLE_ROWS);
}

/*
 * The worst task, counted; NULL: there is none. *dying is set when one killed before has not gone
 * yet; such tasks are left out.
 */
static struct task_struct *select_victim(bool *dying)
{
	struct task_struct *task, *worst = NULL;
	unsigned long flags;
	long most = 0;

	*dying = false;
	spin_lock_irqsave(&tasklist_lock, flags);
	list_for_each_entry(task, &task_list, tasks) {
		long points = 0;

		task_lock(task);
		if (eligible(task) && READ_ONCE(task->oom_victim))
			*dying = true;
		else if (eligible(task))
			points = max(badness(task), 1L);
		task_unlock(task);
		if (points > most) {
			most = points;
			worst = task;
		}
	}
	if (worst)
		get_task_struct(worst);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return worst;
}

/* Everyone who runs in the victim's map must let go of it before a frame comes free. */
static void kill_victim(struct task_struct *victim)
{
	const struct mm_struct *mm;
	struct task_struct *task;
	unsigned long flags;

	task_lock(victim);
	mm = victim->mm;
	if (mm)
		pr_err("out of memory: killed process %d (%s): anon %ld KiB, file %ld KiB, swap %ld KiB, oom_score_adj %d\n",
		       victim->tgid, victim->comm, get_mm_counter(mm, MM_ANONPAGES) * 4,
		       get_mm_counter(mm, MM_FILEPAGES) * 4, get_mm_counter(mm, MM_SWAPENTS) * 4,
		       victim->oom_score_adj);
	task_unlock(victim);
	if (!mm)
		return; /* gone by itself meanwhile */
	count_vm_event(VM_oom_kill);
	last_kill_ns = ktime_get_ns();
	spin_lock_irqsave(&tasklist_lock, flags);
	list_for_each_entry(task, &task_list, tasks)
		if (task->mm == mm)
			WRITE_ONCE(task->oom_victim, true);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	send_sig_kill(victim);
}

/*
 * A large process is on its way out, whoever sent it there: to kill another one now would be rash.
 * But nobody is waited for longer than VICTIM_PATIENCE_NS.
 */
static bool large_exit_pending(u64 now)
{
	if (!mm_large_exits()) {
		exit_wait_began_ns = 0;
		return false;
	}
	if (!exit_wait_began_ns)
		exit_wait_began_ns = now;
	return now - exit_wait_began_ns < VICTIM_PATIENCE_NS;
}

/*
 * Kill somebody, unless one who was killed before is still on the way. False: nobody is left, and who wants
 * several frames side by side can do without. oom_lock held.
 */
static bool choose_and_kill(gfp_t gfp, unsigned int order)
{
	struct task_struct *victim;
	bool dying;
	u64 now;

	victim = select_victim(&dying);
	now = ktime_get_ns();
	if ((dying && (!victim || now - last_kill_ns < VICTIM_PATIENCE_NS)) ||
	    large_exit_pending(now)) {
		if (victim)
			put_task_struct(victim);
		return true;
	}
	if (!victim && order)
		return false;
	print_table(gfp, order);
	if (!victim)
		panic("out of memory, and no process is left that may be killed: give the machine more RAM (MEM=) or swap");
	kill_victim(victim);
	put_task_struct(victim);
	return true;
}

bool out_of_memory(gfp_t gfp, unsigned int order)
{
	bool retry = true;

	/* Who is dying anyway gets the reserves: that is the quickest way to have its memory. */
	if (current->mm && current->tgid != 1 && fatal_signal_pending(current)) {
		current->oom_victim = true;
		return true;
	}
	/* Several CPUs run out at once: one kills, and one victim is enough for all. */
	if (mutex_trylock(&oom_lock)) {
		retry = choose_and_kill(gfp, order);
		mutex_unlock(&oom_lock);
	}
	if (!retry)
		return false;
	current->state = TASK_UNINTERRUPTIBLE;
	schedule_timeout(VICTIM_WAIT_NS);
	return true;
}
