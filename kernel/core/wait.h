/* SPDX-License-Identifier: MIT */
/*
 * Wait queues. A sleeper puts itself on the queue, sets its state, checks its condition, and calls
 * schedule(); a waker makes the condition true, then calls wake_up(). wake_up() works in any
 * context, interrupts included (the queue's lock disables them).
 */
#ifndef KERNEL_CORE_WAIT_H
#define KERNEL_CORE_WAIT_H

#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "lib/errno.h"
#include "lib/list.h"

struct wait_queue_head {
	spinlock_t lock;
	struct list_head head; /* lock */
};
typedef struct wait_queue_head wait_queue_head_t;

struct wait_queue_entry {
	struct task_struct *task;
	struct list_head entry; /* queue's lock; empty when not queued */
	bool exclusive;         /* wake_up() wakes one of these */
};

#define WAIT_QUEUE_INIT(q)                                            \
	{                                                             \
		SPINLOCK_INIT("wait_queue"), LIST_HEAD_INIT((q).head) \
	}
#define DECLARE_WAIT_QUEUE_HEAD(q) struct wait_queue_head q = WAIT_QUEUE_INIT(q)
#define DEFINE_WAIT(w) struct wait_queue_entry w = { current, LIST_HEAD_INIT((w).entry), false }

void init_waitqueue_head(struct wait_queue_head *q);
/* Queue the entry (once) and set current's state. */
void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *w, int state);
void prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *w, int state);
/* Back to TASK_RUNNING and off the queue. */
void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *w);
/* All non-exclusive waiters and one exclusive. */
void wake_up(struct wait_queue_head *q);
void wake_up_all(struct wait_queue_head *q);
/*
 * The same by who has more for them to do and will soon sleep itself: those woken to the caller's
 * CPU do not preempt it. Pipes run full so. Not from interrupt handlers.
 */
void wake_up_all_sync(struct wait_queue_head *q);
static inline bool waitqueue_active(const struct wait_queue_head *q)
{
	return !list_empty(&q->head);
}

#define wait_event(q, cond)                                                \
	do {                                                               \
		if (cond)                                                  \
			break;                                             \
		DEFINE_WAIT(__w);                                          \
		for (;;) {                                                 \
			prepare_to_wait(&(q), &__w, TASK_UNINTERRUPTIBLE); \
			if (cond)                                          \
				break;                                     \
			schedule();                                        \
		}                                                          \
		finish_wait(&(q), &__w);                                   \
	} while (0)

/* 0, or -ERESTARTSYS when a signal is pending. */
#define wait_event_interruptible(q, cond) \
	__wait_event_state(q, cond, TASK_INTERRUPTIBLE, signal_pending(current))
/* 0, or -ERESTARTSYS when a fatal signal is pending. */
#define wait_event_killable(q, cond) \
	__wait_event_state(q, cond, TASK_KILLABLE, fatal_signal_pending(current))
#define __wait_event_state(q, cond, state, stop)                      \
	({                                                            \
		int __ret = 0;                                        \
		if (!(cond)) {                                        \
			DEFINE_WAIT(__w);                             \
			for (;;) {                                    \
				prepare_to_wait(&(q), &__w, (state)); \
				if (cond)                             \
					break;                        \
				if (stop) {                           \
					__ret = -ERESTARTSYS;         \
					break;                        \
				}                                     \
				schedule();                           \
			}                                             \
			finish_wait(&(q), &__w);                      \
		}                                                     \
		__ret;                                                \
	})

/* One-shot event. complete() works in any context. */
struct completion {
	int done;
	struct wait_queue_head wait;
};
#define DECLARE_COMPLETION(c) struct completion c = { 0, WAIT_QUEUE_INIT((c).wait) }
void init_completion(struct completion *c);
void complete(struct completion *c);
void wait_for_completion(struct completion *c);
/* 0, or -ERESTARTSYS when a fatal signal came first: complete() may still come. */
int wait_for_completion_killable(struct completion *c);

#endif
