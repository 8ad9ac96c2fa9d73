/* SPDX-License-Identifier: MIT */
/* The machine's end: by reboot(2), or with init. */
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/vfs.h"
#include "kernel/debug/race.h"
#include "kernel/proc/process.h"
#include "mm/audit.h"
#include <asm/processor.h>

static bool powering_off; /* somebody does it */
static bool init_waits;   /* init has come to its own end meanwhile, and writes no more */

static bool still_acts(const struct task_struct *t)
{
	return t->signal && t != current && !(t->state & (TASK_ZOMBIE | TASK_DEAD)) &&
	       !(t->signal == init_task->signal && READ_ONCE(init_waits));
}

/* Kill the process of @t, init included; of our own the other threads. tasklist_lock held. */
static void end_process(struct task_struct *t)
{
	struct signal_struct *signal = t->signal;

	if (signal->flags & SIGNAL_GROUP_EXIT && !signal->core)
		return;
	spin_lock(&t->sighand->lock);
	signal->flags &= ~SIGNAL_UNKILLABLE;
	if (signal == current->signal) {
		signal->flags |= SIGNAL_GROUP_EXIT;
		zap_other_threads(current);
	}
	spin_unlock(&t->sighand->lock);
	if (signal != current->signal)
		send_sig_info(SIGKILL, NULL, t, true);
}

/*
 * Stop everybody else, so that nothing writes any more and no deleted file is left open. Gives up
 * after a while.
 */
static void kill_everybody(void)
{
	u64 deadline = ktime_get_ns() + 2 * NSEC_PER_SEC;
	struct task_struct *t;
	bool left;

	do {
		left = false;
		spin_lock_irq(&tasklist_lock);
		list_for_each_entry(t, &task_list, tasks) {
			if (!still_acts(t))
				continue;
			left = true;
			end_process(t);
		}
		spin_unlock_irq(&tasklist_lock);
		if (left) {
			current->state = TASK_UNINTERRUPTIBLE;
			schedule_timeout(TICK_NSEC);
		}
	} while (left && ktime_get_ns() < deadline);
}

/* The machine's end has begun elsewhere. */
static void __noreturn wait_for_end(void)
{
	if (is_init(current))
		WRITE_ONCE(init_waits, true);
	for (;;) {
		current->state = TASK_UNINTERRUPTIBLE;
		schedule_timeout(NSEC_PER_SEC);
	}
}

void power_off(int status)
{
	if (__atomic_exchange_n(&powering_off, true, __ATOMIC_SEQ_CST))
		wait_for_end();
	kill_everybody();
	vfs_shutdown();
	race_report();
	if (CONFIG_DEBUG && !kernel_oopsed) /* what its victim held is lost */
		mm_audit_or_panic("at power-off");
	machine_power_off(status);
}

void end_of_init(int code)
{
	int status = code & 0x7f ? 128 + (code & 0x7f) : code >> 8 & 0xff;

	if (code & 0x7f)
		pr_err("init was ended by signal %d\n", code & 0x7f);
	power_off(status);
}
