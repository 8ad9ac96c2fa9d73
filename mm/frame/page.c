/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a bit of page->flags. Pages are many and waiters few, so pages share 64 wait queues by
 * a hash of their address; a waiter looks at its own page's bit each time the queue is woken.
 */
#include "kernel/core/sched.h"
#include "kernel/core/wait.h"
#include "mm/frame/page.h"
#include "mm/stats.h"

#define PAGE_WAIT_BITS 6

/* A queue's initialiser names the queue itself, hence one by one. */
#define Q1(i) WAIT_QUEUE_INIT(page_wait_table[i])
#define Q8(i) Q1(i), Q1(i + 1), Q1(i + 2), Q1(i + 3), Q1(i + 4), Q1(i + 5), Q1(i + 6), Q1(i + 7)

static struct wait_queue_head page_wait_table[1 << PAGE_WAIT_BITS] = {
	Q8(0), Q8(8), Q8(16), Q8(24), Q8(32), Q8(40), Q8(48), Q8(56),
};

static struct wait_queue_head *page_waitqueue(const struct page *page)
{
	/* 2^64 / golden ratio (Knuth, TAOCP 6.4): neighbours land far apart. */
	u64 hash = page_to_pfn(page) * 0x9e3779b97f4a7c15ULL;

	return &page_wait_table[hash >> (64 - PAGE_WAIT_BITS)];
}

void wake_up_page(struct page *page)
{
	struct wait_queue_head *q = page_waitqueue(page);

	/* The caller's atomic clear orders the bit before this look at the queue. */
	if (unlikely(waitqueue_active(q)))
		wake_up_all(q);
}

void unlock_page(struct page *page)
{
	ASSERT(PageLocked(page));
	sleep_lock_released(page); /* maybe another's: who ends a read unlocks its page */
	ClearPageLocked(page);
	wake_up_page(page);
}

void __lock_page(struct page *page)
{
	struct wait_queue_head *q = page_waitqueue(page);
	DEFINE_WAIT(wait);

	might_sleep();
	count_vm_event(VM_lock_sleep_wait);
	for (;;) {
		prepare_to_wait(q, &wait, TASK_UNINTERRUPTIBLE);
		if (trylock_page(page))
			break;
		schedule();
	}
	finish_wait(q, &wait);
}

static void wait_on_page_bit(struct page *page, enum pageflags bit, u32 state)
{
	struct wait_queue_head *q = page_waitqueue(page);
	DEFINE_WAIT(wait);

	if (!test_bit(bit, &page->flags))
		return;
	might_sleep();
	for (;;) {
		prepare_to_wait(q, &wait, (int)state);
		smp_mb(); /* on the queue before the look at the bit; pairs with the atomic clear */
		if (!test_bit(bit, &page->flags) ||
		    (state == TASK_KILLABLE && fatal_signal_pending(current)))
			break;
		schedule();
	}
	finish_wait(q, &wait);
}

void wait_on_page_locked(struct page *page)
{
	wait_on_page_bit(page, PG_locked, TASK_UNINTERRUPTIBLE);
}

void wait_on_page_locked_killable(struct page *page)
{
	wait_on_page_bit(page, PG_locked, TASK_KILLABLE);
}

void wait_on_page_writeback(struct page *page)
{
	wait_on_page_bit(page, PG_writeback, TASK_UNINTERRUPTIBLE);
}
