/* SPDX-License-Identifier: MIT */
/*
 * Signals: what a process does with each, which are pending, who sends them and how they reach user
 * space. Numbers, flags and structures are those of Linux's x86-64 ABI (asm/signal.h,
 * asm/siginfo.h, asm/sigcontext.h of its user headers).
 *
 * sighand->lock guards the actions, every pending set and blocked mask of the process and its
 * group-stop state. It is taken with interrupts off: timers send signals. Order: tasklist_lock
 * first.
 */
#ifndef KERNEL_PROC_SIGNAL_H
#define KERNEL_PROC_SIGNAL_H

#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/task.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define SIGRTMIN 32
#define NSIG 64

#define sigmask(sig) (1ULL << ((sig)-1))
/*
 * What happens by default: these end in nothing, these stop; the rest kills (SIGCONT continues when
 * sent).
 */
#define SIG_IGNORED_SET (sigmask(SIGCONT) | sigmask(SIGCHLD) | sigmask(SIGWINCH) | sigmask(SIGURG))
#define SIG_STOP_SET (sigmask(SIGSTOP) | sigmask(SIGTSTP) | sigmask(SIGTTIN) | sigmask(SIGTTOU))
#define SIG_CORE_SET /* these leave a core behind */                                           \
	(sigmask(SIGQUIT) | sigmask(SIGILL) | sigmask(SIGTRAP) | sigmask(SIGABRT) |            \
	 sigmask(SIGBUS) | sigmask(SIGFPE) | sigmask(SIGSEGV) | sigmask(SIGXCPU) |             \
	 sigmask(SIGXFSZ) | sigmask(SIGSYS))
#define SIG_UNBLOCKABLE_SET (sigmask(SIGKILL) | sigmask(SIGSTOP))
/* Caused by the instruction itself: delivered before all others. */
#define SIG_SYNCHRONOUS_SET                                                        \
	(sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | sigmask(SIGTRAP) | \
	 sigmask(SIGFPE) | sigmask(SIGSYS))

#define SIG_DFL 0UL
#define SIG_IGN 1UL

#define SA_NOCLDSTOP 0x00000001UL
#define SA_NOCLDWAIT 0x00000002UL
#define SA_SIGINFO 0x00000004UL
#define SA_RESTORER 0x04000000UL
#define SA_ONSTACK 0x08000000UL
#define SA_RESTART 0x10000000UL
#define SA_NODEFER 0x40000000UL
#define SA_RESETHAND 0x80000000UL

#define SA_EXPOSE_TAGBITS 0x00000800UL /* no address has a tag here */
#define SA_KNOWN                                                                             \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART | \
	 SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS)

#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM (1U << 31)

/* si_code. */
#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_SIGIO (-5)
#define SI_TKILL (-6)
#define SI_DETHREAD (-7)
#define SI_ASYNCNL (-60)
#define ILL_ILLOPN 2
#define FPE_INTDIV 1
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

/* As rt_sigaction(2) passes it. */
struct k_sigaction {
	unsigned long handler, flags, restorer;
	u64 mask;
};

/* The part of siginfo_t that carries something; user space sees it zero-padded to 128 bytes. */
#define SI_MAX_SIZE 128
struct siginfo {
	s32 si_signo, si_errno, si_code, __pad;
	union {
		struct {
			s32 pid;
			u32 uid;
			u64 value;
		} rt; /* kill, sigqueue; value: 0 for kill */
		struct {
			s32 pid;
			u32 uid;
			s32 status, __pad;
			s64 utime, stime;
		} chld; /* times in 1/100 s */
		struct {
			unsigned long addr;
			u64 lsb;
			u64 upper;
		} fault;
		struct {
			s32 tid, overrun;
			u64 value;
		} timer;
		struct {
			s64 band;
			s32 fd;
		} poll; /* SIGIO, or what F_SETSIG asked for */
	};
};

struct sigqueue {
	struct list_head list;
	struct siginfo info;
	struct k_itimer *timer; /* that it belongs to, and is not freed by its delivery; or NULL */
	struct queue_user *user; /* that it is counted for */
};

struct sigpending {
	u64 mask;              /* sighand->lock */
	struct list_head list; /* struct sigqueue; sighand->lock. A set bit may have no entry */
};

struct sighand_struct {
	atomic_t count;
	spinlock_t lock;
	struct k_sigaction action[NSIG]; /* lock */
};

#define RLIM_INFINITY (~0UL)
#define RLIMIT_CPU 0
#define RLIMIT_FSIZE 1
#define RLIMIT_DATA 2
#define RLIMIT_STACK 3
#define RLIMIT_CORE 4
#define RLIMIT_NPROC 6
#define RLIMIT_NOFILE 7
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS 9
#define RLIMIT_SIGPENDING 11
#define RLIMIT_MSGQUEUE 12
#define RLIMIT_NICE 13
#define RLIMIT_RTPRIO 14
#define RLIM_NLIMITS 16
struct rlimit {
	unsigned long rlim_cur, rlim_max;
};

/* Something that expired, for a thread to handle: kernel/proc/timers.h. */
struct expiry {
	struct list_head node;
	void (*fn)(struct expiry *expiry);
	bool stopped;
};

/* What tasks used, summed up. */
struct usage {
	u64 utime_ns, stime_ns, exec_ns;
	unsigned long min_flt, maj_flt, nvcsw, nivcsw, maxrss; /* maxrss: frames */
};

#define SIGNAL_STOP_STOPPED 0x1u   /* all threads are stopped */
#define SIGNAL_STOP_CONTINUED 0x2u /* SIGCONT came since wait(2) last reported it */
#define SIGNAL_GROUP_EXIT 0x4u     /* all threads are dying: group_exit_code */
#define SIGNAL_UNKILLABLE 0x8u     /* init: default actions of signals from user space do nothing */
#define SIGNAL_CLD_STOPPED 0x10u   /* the parent is to be told */
#define SIGNAL_CLD_CONTINUED 0x20u

/* task->jobctl */
#define JOBCTL_STOP_PENDING 0x1u /* is to stop at its next way out of the kernel */
#define JOBCTL_STOP_CONSUME 0x2u /* is still counted in group_stop_count */

/* A process: what its threads share, and what outlives them until the parent has waited. */
/* Supplementary groups, in order; shared by processes that have not changed theirs since fork. */
struct group_info {
	atomic_t count;
	int n;
	gid_t gid[];
};

struct signal_struct {
	atomic_t sigcnt;          /* tasks that point here */
	atomic_t live;            /* threads that do not end yet; goes down under sighand->lock */
	int nr_threads;           /* on the list below; tasklist_lock and sighand->lock */
	struct list_head threads; /* task->thread_node, leader included; changed under both locks */
	unsigned int flags;       /* SIGNAL_*; sighand->lock */
	int group_exit_code;      /* sighand->lock */
	struct task_struct *group_exec_task; /* kills all others to exec; sighand->lock */
	int group_stop_count; /* threads still to stop; sighand->lock */
	int stop_code;        /* signal that wait(2) shall report, 0: none; sighand->lock */
	struct core_stop *core; /* a thread writes a core, the others stand still; sighand->lock */
	struct sigpending shared; /* for any thread */
	struct wait_queue_head wait_chldexit;
	struct wait_queue_head wait_pidfd; /* who polls a descriptor of it */

	pid_t pgrp, session; /* tasklist_lock */
	u64 pgrp_born;       /* start_ns of whose number pgrp is; tasklist_lock */
	bool leader;         /* of the session */
	int tty_nr;        /* controlling terminal as in /proc/PID/stat, 0: none; kept by the tty */
	bool no_new_group; /* has exec'ed: setpgid(2) by the parent is refused */
	unsigned int exec_id, parent_exec_id; /* programs it ran; its parent had, when it was made */
	int dumpable; /* may others look into it? 1: yes; a core: 0: none, 1: its own, 2: root's */
	int oom_score_adj_min; /* see set_oom_score_adj(); tasklist_lock */
	bool no_new_privs, child_subreaper; /* prctl(2); own process, the latter also tasklist_lock */
	bool thp_disable;                   /* prctl(2); own process */
	struct caps {
		u64 permitted, effective, inheritable, bounding, ambient;
		bool keep; /* when the last user id that is root's goes */
	} caps; /* own process; kernel/proc/caps.c */
	struct {
		uid_t real, effective, saved, fs; /* fs: what files are judged by */
	} uid; /* everyone starts as root; own process */
	struct {
		gid_t real, effective, saved, fs;
	} gid;
	struct group_info *groups; /* counted; NULL: none; see get_groups() */
	struct rlimit rlim[RLIM_NLIMITS]; /* own process */

	struct usage dead;     /* of threads that are gone; tasklist_lock */
	struct usage children; /* of children waited for; tasklist_lock */
	struct task_struct *owner; /* the group leader; tasklist_lock */
	/* timers (itimer.c, posix_timer.c) */
	struct timer real_timer; /* ITIMER_REAL; set under sighand->lock */
	u64 real_interval;       /* ns, 0: once; sighand->lock */
	struct expiry real_expiry, cpu_expiry;
	struct cpu_itimer {
		u64 expires, interval; /* ns of CPU time; 0: disarmed */
	} cpu_itimer[2]; /* ITIMER_VIRTUAL, ITIMER_PROF; sighand->lock */
	bool cpu_watched; /* the tick is to look at the CPU time used; never taken back */
	struct list_head posix_timers; /* struct k_itimer.node; sighand->lock */
	int next_timer_id;             /* sighand->lock */
};

static inline unsigned long rlimit(unsigned int which)
{
	return READ_ONCE(current->signal->rlim[which].rlim_cur);
}

/* --- sending (kernel/proc/signal.c). Process or interrupt context unless said otherwise --- */
/* To the calling thread, as if it had sent it: what a write that cannot be done deserves. */
void send_sig_self(int sig);
/* SIGKILL to the whole process, whatever it does (OOM killer). */
void send_sig_kill(struct task_struct *task);
/* To every process of the group: the tty's keys. */
void signal_pgrp(pid_t pgrp, int sig);
/*
 * current did something that its next user instruction cannot follow: deliver @sig for sure. If it
 * is blocked or ignored, it kills. @addr goes to si_addr. Process context.
 */
void force_sig_fault(int sig, int code, void __user *addr);
void force_sig(int sig); /* SI_KERNEL */
/*
 * With a siginfo (NULL: the kernel's), to one process (@group) or thread. tasklist_lock held, or @task
 * is current. Not from interrupts. 0, -EAGAIN or -ESRCH.
 */
int send_sig_info(int sig, const struct siginfo *info, struct task_struct *task, bool group);
/*
 * Entries of timers, charged to current's process. alloc: process context, NULL: no memory, or too
 * many are queued. send: true: it is pending now or was already; sighand->lock and tasklist_lock held.
 * release: the timer goes; a pending signal stays. sighand->lock held.
 */
struct sigqueue *alloc_timer_sigqueue(struct k_itimer *timer);
bool send_sigqueue(struct sigqueue *q, struct task_struct *task, bool group);
void release_timer_sigqueue(struct sigqueue *q);
/* Entries that the processes of a user have, by its real id (/proc/PID/status). Any context. */
unsigned int sigqueue_count(uid_t uid);
/* Forget what timers sent to current, which execs. */
void flush_timer_signals(void);
/*
 * pidfd_send_signal(2), once the process is found: siginfo from the user, or NULL for kill(2)'s. 0 or
 * -errno.
 */
long signal_process(struct signal_struct *signal, int sig, const void __user *uinfo);
/* The same with the siginfo of kill(2): current sends it. */
int send_own_signal(int sig, struct task_struct *task, bool group);
/*
 * How the owner's death or stop is told to its parent. tasklist_lock held. True: nobody will wait
 * for it.
 */
bool do_notify_parent(struct task_struct *task, int sig);
void do_notify_parent_cldstop(struct task_struct *task, int code);

/* Set TIF_SIGPENDING as the masks say. sighand->lock held; for other tasks it is only ever set. */
void recalc_sigpending(void);
/* Change current's mask (SIGKILL and SIGSTOP never get in). */
void set_current_blocked(u64 mask);
/*
 * For ppoll, pselect6: install the user's mask for the duration of the call, 0, -EINVAL or -EFAULT
 * (@umask NULL: nothing). After the call restore_saved_sigmask_unless(interrupted): an interrupted
 * call keeps it until the handler ran.
 */
int set_user_sigmask(const u64 __user *umask, size_t sigsetsize);
void restore_saved_sigmask_unless(bool interrupted);

/* --- delivery (kernel/proc/deliver.c) --- */
/*
 * On the way to user mode with TIF_SIGPENDING set; interrupts on. Runs default actions (may not
 * return), or makes @regs enter a handler, or restarts the interrupted system call. Call again
 * while TIF_SIGPENDING is set.
 */
void do_signal(struct pt_regs *regs);

/* --- life --- */
/* References that keep the structure (kernel/proc/fork.c). get returns @signal. */
struct signal_struct *signal_get(struct signal_struct *signal);
void signal_put(struct signal_struct *signal);
struct sighand_struct *sighand_alloc(void);
struct sighand_struct *sighand_dup(struct sighand_struct *old);
void sighand_put(struct sighand_struct *sighand);
/* exec: handlers become SIG_DFL, ignored stay ignored. */
void flush_signal_handlers(struct sighand_struct *sighand);
/*
 * Forget all pending signals of a set. Whoever is left to see it holds sighand->lock, or nobody is.
 */
void flush_sigqueue(u64 *mask, struct list_head *list);
/* One signal of such a set. sighand->lock held. */
void discard_signal(int sig, u64 *mask, struct list_head *list);
/*
 * current goes: others take over its share of shared signals and stops. True: there are none, and
 * @code is what the process ends by, unless something else ended it.
 */
bool exit_signals(struct task_struct *task, int code);
/* SIGKILL every other thread; returns how many have not begun to exit. sighand->lock held. */
int zap_other_threads(struct task_struct *task);
void signal_wake_up(struct task_struct *task, bool fatal);
/*
 * Next deliverable signal of current outside @mask with its siginfo, taken off; 0: none.
 * sighand->lock held.
 */
int dequeue_signal(u64 mask, struct siginfo *info);
/*
 * Take current out of a group stop it has not joined yet. True: it was the last one. sighand->lock
 * held.
 */
bool leave_group_stop(struct task_struct *task);
/* Is the process group of current without a shell that could continue it? */
bool current_pgrp_orphaned(void);
void signal_init(void);

#define for_each_thread(signal, t) list_for_each_entry(t, &(signal)->threads, thread_node)

/* --- ids.c --- */
/* The process's groups, counted, or NULL when there are none; drop them (NULL is fine). */
struct group_info *get_groups(struct signal_struct *signal);
void put_groups(struct group_info *groups);
/* Is @gid one of current's supplementary groups? */
bool in_groups(gid_t gid);

#endif
