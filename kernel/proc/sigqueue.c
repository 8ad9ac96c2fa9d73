/* SPDX-License-Identifier: MIT */
/* Signals that are pending: sets of them, and entries with what is to be told about each. */
#include "kernel/proc/sigqueue.h"

#include "kernel/proc/timers.h"
#include "mm/frame/slab.h"
#include <asm/current.h>

/*
 * RLIMIT_SIGPENDING counts what all processes of a user have: each entry stands with the real id that
 * its receiver had when it was made.
 */
struct queue_user {
	struct list_head node; /* users */
	uid_t uid;
	atomic_t queued; /* sigqueue_users_lock to change, but for root's */
};

static struct kmem_cache *sigqueue_cache;
static struct queue_user root_user;
static DEFINE_SPINLOCK(sigqueue_users_lock); /* interrupts off, for sighand->lock is held mostly */
static LIST_HEAD(users); /* sigqueue_users_lock; those that have entries, without root */

void sigqueue_init(void)
{
	sigqueue_cache = kmem_cache_create("sigqueue", sizeof(struct sigqueue), 0);
}

/* sigqueue_users_lock held. NULL: nothing is queued for that user. */
static struct queue_user *find_user(uid_t uid)
{
	struct queue_user *user;

	if (!uid)
		return &root_user;
	list_for_each_entry(user, &users, node)
		if (user->uid == uid)
			return user;
	return NULL;
}

unsigned int sigqueue_count(uid_t uid)
{
	struct queue_user *user;
	unsigned int queued;
	unsigned long flags;

	spin_lock_irqsave(&sigqueue_users_lock, flags);
	user = find_user(uid);
	queued = user ? (unsigned int)atomic_read(&user->queued) : 0;
	spin_unlock_irqrestore(&sigqueue_users_lock, flags);
	return queued;
}

/* sigqueue_users_lock held. NULL: no memory. */
static struct queue_user *new_user(uid_t uid)
{
	struct queue_user *user = kzalloc(sizeof(*user), GFP_ATOMIC);

	if (user) {
		user->uid = uid;
		list_add_tail(&user->node, &users);
	}
	return user;
}

/* One more for @uid, unless there are @most. NULL: there are, or no memory. */
static struct queue_user *charge_user(uid_t uid, unsigned long most)
{
	struct queue_user *user;
	unsigned long flags;

	if (likely(!uid)) {
		if ((unsigned long)atomic_inc_return(&root_user.queued) <= most)
			return &root_user;
		atomic_dec(&root_user.queued);
		return NULL;
	}
	spin_lock_irqsave(&sigqueue_users_lock, flags);
	user = find_user(uid);
	if (!user && most)
		user = new_user(uid);
	if (user && (unsigned long)atomic_read(&user->queued) >= most)
		user = NULL;
	else if (user)
		atomic_inc(&user->queued);
	spin_unlock_irqrestore(&sigqueue_users_lock, flags);
	return user;
}

static void uncharge_user(struct queue_user *user)
{
	unsigned long flags;
	bool last;

	if (likely(user == &root_user)) {
		atomic_dec(&user->queued);
		return;
	}
	spin_lock_irqsave(&sigqueue_users_lock, flags);
	last = atomic_dec_and_test(&user->queued);
	if (last)
		list_del(&user->node);
	spin_unlock_irqrestore(&sigqueue_users_lock, flags);
	if (last)
		kfree(user);
}

static void free_sigqueue(struct sigqueue *q)
{
	list_del_init(&q->list);
	if (q->timer)
		return;
	uncharge_user(q->user);
	kmem_cache_free(sigqueue_cache, q);
}

static void remove_signals(u64 set, u64 *mask, struct list_head *list)
{
	struct sigqueue *q, *n;

	if (!(*mask & set))
		return;
	*mask &= ~set;
	list_for_each_entry_safe(q, n, list, list)
		if (set & sigmask(q->info.si_signo))
			free_sigqueue(q);
}

void discard_signal(int sig, u64 *mask, struct list_head *list)
{
	remove_signals(sigmask(sig), mask, list);
}

void remove_from_all(u64 set, struct signal_struct *signal)
{
	struct task_struct *t;

	remove_signals(set, &signal->shared.mask, &signal->shared.list);
	for_each_thread(signal, t)
		remove_signals(set, &t->pending_mask, &t->pending_list);
}

void flush_sigqueue(u64 *mask, struct list_head *list)
{
	remove_signals(~0ULL, mask, list);
	*mask = 0;
}

struct sigqueue *alloc_sigqueue(struct signal_struct *signal, bool always)
{
	unsigned long most = always ? ~0UL : READ_ONCE(signal->rlim[RLIMIT_SIGPENDING].rlim_cur);
	struct queue_user *user = charge_user(signal->uid.real, most);
	struct sigqueue *q = user ? kmem_cache_alloc(sigqueue_cache, GFP_ATOMIC) : NULL;

	if (q) {
		q->timer = NULL;
		q->user = user;
	} else if (user) {
		uncharge_user(user);
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

void release_timer_sigqueue(struct sigqueue *q)
{
	q->timer = NULL;
	if (list_empty(&q->list))
		free_sigqueue(q);
}

static void remove_timer_signals(u64 *mask, struct list_head *list)
{
	u64 removed = 0, left = 0;
	struct sigqueue *q, *n;

	list_for_each_entry_safe(q, n, list, list) {
		if (q->info.si_code == SI_TIMER) {
			removed |= sigmask(q->info.si_signo);
			free_sigqueue(q);
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
	remove_timer_signals(&task->pending_mask, &task->pending_list);
	remove_timer_signals(&signal->shared.mask, &signal->shared.list);
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
		free_sigqueue(found);
	} else {
		/* It found no room, or is SIGKILL. */
		*info = (struct siginfo){ .si_signo = sig, .si_code = SI_USER };
	}
}
