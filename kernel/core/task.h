/* SPDX-License-Identifier: MIT */
/*
 * A task: one thread of execution, and what it shares with others of its process. The first three
 * fields are known to the assembly of arch/x86_64 by offset.
 */
#ifndef KERNEL_CORE_TASK_H
#define KERNEL_CORE_TASK_H

#include "kernel/core/lock_check.h"
#include "kernel/core/spinlock.h"
#include "lib/atomic.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"
#include <asm/smp.h>

struct mm_struct;
struct vm_area_struct;
struct files_struct;
struct fs_struct;
struct signal_struct;
struct sighand_struct;
struct pt_regs;
struct fault_note;
struct completion;
struct futex_waiter;

/* thread_flags: reasons to take the slow way back to user mode. Atomic. */
#define TIF_NEED_RESCHED 0x1u
#define TIF_SIGPENDING 0x2u

/* state. */
#define TASK_RUNNING 0x0u
#define TASK_INTERRUPTIBLE 0x1u
#define TASK_UNINTERRUPTIBLE 0x2u
#define TASK_STOPPED 0x4u
#define TASK_ZOMBIE 0x10u
#define TASK_DEAD 0x20u
#define TASK_WAKEKILL 0x100u
#define TASK_KILLABLE (TASK_UNINTERRUPTIBLE | TASK_WAKEKILL)

#define PF_KTHREAD 0x1u
#define PF_EXITING 0x2u
#define PF_MEMALLOC 0x4u /* reclaiming: may use all reserves, must not recurse into reclaim */
#define PF_FORKNOEXEC 0x10u
#define PF_IN_CORE 0x40u /* stands still on its way out while another thread writes a core */
#define PF_NO_SETAFFINITY 0x20u /* a kernel thread bound to its CPU */

/* personality(2), the bits that mean something (linux/personality.h of Linux's user headers). */
#define UNAME26 0x0020000u            /* uname(2) tells a number that old programs can take */
#define ADDR_NO_RANDOMIZE 0x0040000u  /* from the next exec on, programs lie where they always do */
#define ADDR_COMPAT_LAYOUT 0x0200000u /* the same, with mappings from a third of the space upwards */
#define STICKY_TIMEOUTS 0x4000000u    /* select(2) and its kin do not tell how much time was left */
#define READ_IMPLIES_EXEC 0x0400000u  /* until exec, what may be read may be executed */

struct task_struct {
	volatile u32 thread_flags; /* offset 0; TIF_* */
	volatile u32 state;
	unsigned long sp;        /* offset 8: kernel stack pointer while not running */
	unsigned long stack_top; /* offset 16: highest address of the kernel stack */
	struct mm_struct *mm;    /* user map, NULL for kernel threads; own task, or task_lock */
	struct mm_struct *active_mm;    /* in CR3: mm, or for kernel threads the last user map */
	unsigned int flags;     /* PF_*; own task only */
	unsigned int nr_dirtied; /* pages since balance_dirty_pages() last looked; own task only */
	int pagefault_disabled; /* > 0: a user copy fails instead of faulting; own task only */
	unsigned long min_flt, maj_flt; /* own task only */
	/* The VMA of the last fault, while mm->vma_left_seq is that (0: none); own task only. */
	struct vm_area_struct *vma_hint;
	unsigned long vma_hint_seq;
	struct fault_note *fault_note; /* of the fault under way, while recording (mm/fault/note.h); own task only */
	pid_t pid, tgid;                /* constant */
	char comm[16];

	/* scheduler: run queue lock */
	struct list_head run_node;
	int on_rq, cpu, time_slice;
	int slice_ticks;        /* what time_slice is filled up to, by niceness */
	bool wakes_sync;        /* inside wake_up_all_sync(); its own */
	bool urgent;            /* runs before all others of its CPU; set by a bound thread for itself */
	cpumask_t cpus_allowed; /* may have bits of CPUs that there are not */
	unsigned long nvcsw, nivcsw;
	u64 utime_ns, stime_ns, start_ns;
	u64 last_ran_ns; /* when it last came on a CPU or left one */

	void *stack;                    /* lowest address, from alloc_kernel_stack() */
	unsigned long fs_base, gs_base; /* user's; loaded at switch */
	void *fpu; /* state while not running, see <asm/fpu.h>; NULL for kernel threads */

	/* what the last exception said, for sigcontext */
	unsigned long trap_nr, error_code, cr2;

	/*
	 * family: tasklist_lock. Children and parent are the process's: they stand at its leader;
	 * NULL and empty for others
	 */
	struct task_struct *real_parent, *group_leader;
	struct list_head children, sibling, tasks, thread_node;
	int exit_code, exit_signal;
	pid_t parent_tid; /* of a leader: the thread of its parent that made it, or took it over */
	atomic_t usage;

	/* shared with the process's other threads */
	struct files_struct *files;
	struct fs_struct *fs;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	u64 blocked, saved_sigmask, pending_mask; /* sighand->lock; pending_mask: thread-directed */
	u64 real_blocked; /* sighand->lock; the mask proper while sigtimedwait(2) lowers blocked */
	bool restore_sigmask;
	struct list_head pending_list; /* struct sigqueue; sighand->lock */
	unsigned long sas_sp;
	size_t sas_size;
	int sas_flags;       /* own task only */
	unsigned int jobctl; /* JOBCTL_*; sighand->lock */
	/* restart_syscall(2) continues here; own task only. */
	long (*restart_fn)(unsigned long *args);
	unsigned long restart_args[5];

	int *set_child_tid, *clear_child_tid; /* user addresses */
	struct completion *vfork_done;
	unsigned long robust_list; /* user address of the head of held robust futexes */
	/* Locks of futex(2) that know their owner (kernel/proc/futex_pi.c); pi_lock there. */
	struct list_head pi_waiters;     /* who waits for a lock of this task */
	struct futex_waiter *pi_blocked; /* as which it waits for one itself */
	bool pi_exited;                  /* gives nothing to wait for any more */
	int pdeath_signal;         /* sent to this task when its parent dies; own task only */
	int oom_score_adj;
	unsigned long timer_slack_ns; /* prctl(2), 0: not set; nobody asks */
	s8 nice;           /* -20 .. 19; run queue lock, or tasklist_lock and only read */
	u8 policy;         /* SCHED_*; likewise */
	bool reset_on_fork; /* children start without what privilege gave; tasklist_lock */
	u16 ioprio;        /* ioprio_set(2); nobody asks */
	unsigned int personality; /* personality(2); own task only */
	/* Set by the OOM killer on any CPU, which flags must not be: may use reserves on its way out. */
	bool oom_victim;
	u64 sum_exec_ns; /* time on a CPU up to the last switch; run queue lock */
	/* task_lock(): mm, files, fs, comm and vfork_done as others see them. */
	spinlock_t alloc_lock;
	struct hlist_node pid_node; /* pid hash; tasklist_lock */
#if CONFIG_DEBUG
	struct held_lock held_locks[HELD_LOCKS_MAX]; /* that sleep; own task only */
	int nr_held; /* -1: more than can be remembered */
#endif
};

static inline void set_thread_flag(struct task_struct *task, u32 flag)
{
	__atomic_fetch_or(&task->thread_flags, flag, __ATOMIC_SEQ_CST);
}
static inline void clear_thread_flag(struct task_struct *task, u32 flag)
{
	__atomic_fetch_and(&task->thread_flags, ~flag, __ATOMIC_SEQ_CST);
}

/*
 * References: the task itself until it is reaped, plus whoever looks. The last one frees it;
 * process context.
 */
void put_task_struct(struct task_struct *task);
static inline void get_task_struct(struct task_struct *task)
{
	atomic_inc(&task->usage);
}

/*
 * Lock order: tasklist_lock, sighand->lock, run queue lock; alloc_lock stands alone (only wake-ups
 * inside).
 */
static inline void task_lock(struct task_struct *task)
{
	spin_lock(&task->alloc_lock);
}
static inline void task_unlock(struct task_struct *task)
{
	spin_unlock(&task->alloc_lock);
}

/*
 * Every task, threads and kernel threads included (idle tasks are not), by .tasks. Taken with
 * interrupts off.
 */
extern struct list_head task_list;
extern spinlock_t tasklist_lock;
/*
 * Tasks on task_list, and how many user space may have made before fork fails with EAGAIN;
 * tasklist_lock.
 */
extern unsigned int nr_tasks, max_tasks;

/*
 * A task that nobody knows yet: zeroed but for its lists, locks, stack, pid and start time, with
 * two references (its own, dropped by release, and the CPU's). @user: with an FPU area. NULL: out
 * of memory or pids. May sleep.
 */
struct task_struct *alloc_task(bool user);
/* What each task has from the beginning, the idle ones too: empty lists, locks, itself as leader, a slice. */
void task_setup(struct task_struct *task);
/* Undo alloc_task() of a task that never ran and was never linked. */
void free_unborn_task(struct task_struct *task);
/* Make it known: on task_list and in the pid hash. tasklist_lock held. */
void link_task(struct task_struct *task);
void unlink_task(struct task_struct *task);
/* The task with that pid, not counted. tasklist_lock held. NULL if there is none. */
struct task_struct *find_task_by_pid(pid_t pid);
/* The same, counted; takes tasklist_lock. */
struct task_struct *find_get_task(pid_t pid);
/* What else is to be freed with a task; set once at boot by kernel/proc. */
extern void (*task_free_hook)(struct task_struct *task);
/* Caches of this file; limits by the RAM there is. Called by sched_init(). */
void task_init(void);

/*
 * pids: 2 .. pid_max - 1, handed out in rising order before any is used again; 1 is init's alone. A
 * number is not given out while it still names a process group or session, which @in_use (set by
 * kernel/proc) knows.
 */
#define PID_MAX 32768
#define PID_MAX_MIN 301
extern int pid_max; /* PID_MAX_MIN .. PID_MAX (/proc/sys/kernel/pid_max) */
pid_t alloc_pid(void); /* -EAGAIN */
void free_pid(pid_t pid);
/* This one, in 1 .. pid_max - 1: 0 or -EEXIST. */
int claim_pid(pid_t pid);
pid_t last_allocated_pid(void);
extern bool (*pid_in_use_hook)(pid_t pid); /* called with tasklist_lock held */
/* exec by a thread: @task takes over @leader's pid, @leader gets @task's. tasklist_lock held. */
void exchange_pids(struct task_struct *task, struct task_struct *leader);

/* The end of a kernel thread: the calling task is gone. */
void kthread_exit(void) __attribute__((noreturn));
/* One letter for the state: R S D I T Z X, as in /proc/PID/stat. */
char task_state_char(const struct task_struct *task);

#endif
