/* SPDX-License-Identifier: MIT */
/* Signals that are pending: sets of them, and entries with what is to be told about each. */
#include "kernel/proc/sigqueue.h"

#include "kernel/proc/timers.h"
#include "mm/frame/slab.h"
#include <asm/current.h>

static struct kmem_cache *sigqueue_cache;

void sigqueue_init(void)
{
	sigqueue_cache = kmem_cache_create("sigqueue", sizeof(struct sigqueue), 0);
}

static void free_sigqueue(struct sigqueue *q, struct signal_struct *signal)
{
	list_del_init(&q->list);
	if (q->timer)
		return;
	atomic_dec(&signal->nr_queued);
	kmem_cache_free(sigqueue_cache, q);
}

static void remove_signals(u64 set, u64 *mask, struct list_head *list, struct signal_struct *signal)
{
	struct sigqueue *q, *n;

	if (!(*mask & set))
		return;
	*mask &= ~set;
	list_for_each_entry_safe(q, n, list, list)
		if (set & sigmask(q->info.si_signo))
			free_sigqueue(q, signal);
}

void discard_signal(int sig, u64 *mask, struct list_head *list, struct signal_struct *signal)
{
	remove_signals(sigmask(sig), mask, list, signal);
}

void remove_from_all(u64 set, struct signal_struct *signal)
{
	struct task_struct *t;

	remove_signals(set, &signal->shared.mask, &signal->shared.list, signal);
	for_each_thread(signal, t)
		remove_signals(set, &t->pending_mask, &t->pending_list, signal);
}

void flush_sigqueue(u64 *mask, struct list_head *list, struct signal_struct *signal)
{
	remove_signals(~0ULL, mask, list, signal);
	*mask = 0;
}

struct sigqueue *alloc_sigqueue(struct signal_struct *signal, bool always)
{
	struct sigqueue *q;

	if (!always && (unsigned long)atomic_read(&signal->nr_queued) >=
	    signal->rlim[RLIMIT_SIGPENDING].rlim_cur)
		return NULL;
	q = kmem_cache_alloc(sigqueue_cache, GFP_ATOMIC);
	if (q) {
		q->timer = NULL;
		atomic_inc(&signal->nr_queued);
	}
	return q;
}

struct sigqueue *alloc_timer_sigqueue(struct k_itimer *timer)
{
	struct sigqueue *q = alloc_sigqueue(current->signal, false);

	if (q) {
		INIT_LIST_HEAD(&q->list);
		q->timer = timer;
	}
	return q;
}

void release_timer_sigqueue(struct sigqueue *q, struct signal_struct *signal)
{
	q->timer = NULL;
	if (list_empty(&q->list))
		free_sigqueue(q, signal);
}

static void remove_timer_signals(u64 *mask, struct list_head *list, struct signal_struct *signal)
{
	u64 removed = 0, left = 0;
	struct sigqueue *q, *n;

	list_for_each_entry_safe(q, n, list, list) {
		if (q->info.si_code == SI_TIMER) {
			removed |= sigmask(q->info.si_signo);
			free_sigqueue(q, signal);
		} else {
			left |= sigmask(q->info.si_signo);
		}
	}
	*mask &= ~removed | left;
}

void flush_timer_signals(void)
{
	struct task_struct *task = current;
	struct signal_struct *signal = task->signal;

	spin_lock_irq(&task->sighand->lock);
	remove_timer_signals(&task->pending_mask, &task->pending_list, signal);
	remove_timer_signals(&signal->shared.mask, &signal->shared.list, signal);
	recalc_sigpending();
	spin_unlock_irq(&task->sighand->lock);
}

void take_signal(int sig, u64 *mask, struct list_head *list, struct siginfo *info)
{
	struct sigqueue *q, *found = NULL;
	bool more = false;

	list_for_each_entry(q, list, list) {
		if (q->info.si_signo != sig)
			continue;
		if (found)
			more = true;
		else
			found = q;
	}
	if (!more)
		*mask &= ~sigmask(sig);
	if (found) {
		*info = found->info;
		if (found->timer)
			posix_timer_delivered(found->timer, info);
		free_sigqueue(found, current->signal);
	} else {
		/* A real-time one from kill(2) that found no room; the kernel sends none of these. */
		*info = (struct siginfo){ .si_signo = sig,
					  .si_code = sig < SIGRTMIN ? SI_KERNEL : SI_USER };
	}
}
