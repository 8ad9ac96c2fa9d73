/* SPDX-License-Identifier: MIT */
/*
 * Mistakes for UBSan, KASAN and the lock checker of debug kernels. Values come from volatile
 * variables: of what it can see through the compiler may make anything.
 */
#include "arch/x86_64/entry/crash_debug.h"

#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "lib/string.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include <asm/page.h>

#if CONFIG_DEBUG

static volatile int zero;
static volatile int sink;

void crash_signed_overflow(unsigned long addr)
{
	int most = 0x7fffffff - zero;

	(void)addr;
	sink = most + 1;
}

void crash_shift(unsigned long addr)
{
	(void)addr;
	sink = 1 << (zero + 40);
}

void crash_index(unsigned long addr)
{
	static int numbers[4];

	(void)addr;
	sink = numbers[zero + 4];
}

void crash_misaligned(unsigned long addr)
{
	static u64 word[2];

	(void)addr;
	sink = (int)*(u64 *)((char *)word + zero + 4);
}

void crash_null_member(unsigned long addr)
{
	struct page *page = (struct page *)(long)zero;

	(void)addr;
	sink = (int)page->private;
}

static char *allocate(size_t size)
{
	char *object = kmalloc(size, GFP_KERNEL);

	if (!object)
		panic("no memory for the crash test");
	return object;
}

void crash_slab_behind(unsigned long addr)
{
	char *object = allocate(64);

	(void)addr;
	sink = object[64 + zero];
}

/* The object is one of 64 bytes. */
void crash_slab_asked(unsigned long addr)
{
	char *object = allocate(50);

	(void)addr;
	object[50 + zero] = 1;
}

void crash_slab_freed(unsigned long addr)
{
	char *object = allocate(100);

	(void)addr;
	kfree(object);
	__asm__("" : "+r"(object)); /* the compiler knows nothing of kfree(), but might learn */
	sink = object[8 + zero];
}

void crash_slab_copy(unsigned long addr)
{
	static char target[128];
	char *object = allocate(100);

	(void)addr;
	memcpy(target, object, 101 + (size_t)zero);
	sink = target[0];
}

void crash_frame_freed(unsigned long addr)
{
	char *frame = get_zeroed_page(GFP_KERNEL);

	(void)addr;
	if (!frame)
		panic("no memory for the crash test");
	free_page(frame);
	frame[16 + zero] = 1;
}

void crash_frame_cleared(unsigned long addr)
{
	char *frame = get_zeroed_page(GFP_KERNEL);

	(void)addr;
	if (!frame)
		panic("no memory for the crash test");
	free_page(frame);
	clear_page(frame);
}

static DEFINE_SPINLOCK(spin_a);
static DEFINE_SPINLOCK(spin_b);
static DEFINE_MUTEX(mutex_a);
static DEFINE_MUTEX(mutex_b);

static noinline void spin_both(spinlock_t *first, spinlock_t *second)
{
	spin_lock(first);
	spin_lock(second);
	spin_unlock(second);
	spin_unlock(first);
}

void crash_spin_order(unsigned long addr)
{
	(void)addr;
	spin_both(&spin_a, &spin_b);
	spin_both(&spin_b, &spin_a);
}

static noinline void mutex_both(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
}

void crash_mutex_order(unsigned long addr)
{
	(void)addr;
	mutex_both(&mutex_a, &mutex_b);
	mutex_both(&mutex_b, &mutex_a);
}

/* A page lock is inside of mutex_a; then the other way round, through mutex_b. */
void crash_page_order(unsigned long addr)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)addr;
	if (!page)
		panic("no memory for the crash test");
	mutex_both(&mutex_a, &mutex_b);
	mutex_lock(&mutex_b);
	lock_page(page);
	mutex_unlock(&mutex_b);
	mutex_lock(&mutex_a);
}

void crash_mutex_twice(unsigned long addr)
{
	(void)addr;
	mutex_lock(&mutex_a);
	mutex_lock(&mutex_a);
}

void crash_mutex_not_held(unsigned long addr)
{
	(void)addr;
	mutex_unlock(&mutex_a);
}

void crash_sleep_atomic(unsigned long addr)
{
	(void)addr;
	spin_lock(&spin_a);
	schedule();
}

void crash_sleep_irqs_off(unsigned long addr)
{
	(void)addr;
	local_irq_disable();
	kfree(allocate(10));
	local_irq_enable();
}

/* Free, so that it would not sleep this time. */
void crash_mutex_atomic(unsigned long addr)
{
	(void)addr;
	spin_lock(&spin_a);
	mutex_lock(&mutex_a);
}

void crash_mutex_kept(unsigned long addr)
{
	(void)addr;
	mutex_lock(&mutex_a);
}

void crash_spin_kept(unsigned long addr)
{
	(void)addr;
	spin_lock(&spin_a);
}

#endif
