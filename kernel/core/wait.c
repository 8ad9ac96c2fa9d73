/* SPDX-License-Identifier: MIT */
/* Wait queues and completions. */
#include "kernel/core/wait.h"

void init_waitqueue_head(struct wait_queue_head *q)
{
	spin_lock_init(&q->lock, "wait_queue");
	INIT_LIST_HEAD(&q->head);
}

/*
 * The state is set before the caller looks at its condition, and inside the lock: a waker that made
 * the condition true either finds us on the queue or is seen by that look.
 */
static void __prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *w, int state,
			      bool exclusive)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	w->exclusive = exclusive;
	if (list_empty(&w->entry)) {
		if (exclusive)
			list_add_tail(&w->entry, &q->head);
		else
			list_add(&w->entry, &q->head);
	}
	__atomic_store_n(&current->state, (u32)state, __ATOMIC_SEQ_CST);
	spin_unlock_irqrestore(&q->lock, flags);
}

void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *w, int state)
{
	__prepare_to_wait(q, w, state, false);
}

void prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *w, int state)
{
	__prepare_to_wait(q, w, state, true);
}

void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *w)
{
	unsigned long flags;

	WRITE_ONCE(current->state, TASK_RUNNING);
	spin_lock_irqsave(&q->lock, flags);
	list_del_init(&w->entry);
	spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * Exclusive waiters stand behind all others. One that runs already does not count: wake the next.
 */
static void __wake_up(struct wait_queue_head *q, int nr_exclusive)
{
	struct wait_queue_entry *w, *n;

	list_for_each_entry_safe(w, n, &q->head, entry)
		if (wake_up_process(w->task) && w->exclusive && !--nr_exclusive)
			break;
}

void wake_up(struct wait_queue_head *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	__wake_up(q, 1);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wake_up_all(struct wait_queue_head *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	__wake_up(q, 0);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wake_up_all_sync(struct wait_queue_head *q)
{
	current->wakes_sync = true;
	wake_up_all(q);
	current->wakes_sync = false;
}

void init_completion(struct completion *c)
{
	c->done = 0;
	init_waitqueue_head(&c->wait);
}

/*
 * All under the queue's lock: the waiter, who may free *c when it sees done, waits for the lock as
 * well.
 */
void complete(struct completion *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->wait.lock, flags);
	c->done++;
	__wake_up(&c->wait, 1);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

static bool take_completion(struct completion *c)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(&c->wait.lock, flags);
	done = c->done > 0;
	if (done)
		c->done--;
	spin_unlock_irqrestore(&c->wait.lock, flags);
	return done;
}

void wait_for_completion(struct completion *c)
{
	wait_event(c->wait, take_completion(c));
}

int wait_for_completion_killable(struct completion *c)
{
	return wait_event_killable(c->wait, take_completion(c));
}
