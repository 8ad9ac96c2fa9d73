/* SPDX-License-Identifier: MIT */
/* Mistakes to order: one function each, in a table by name. */

#include <asm/crash.h>

#include "arch/x86_64/entry/crash_debug.h"
#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/vmalloc.h"
#include <asm/irq.h>
#include <asm/page.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/smp.h>
#include <asm/traps.h>
#include <asm/uaccess.h>

static u8 data_page[16];

/* In assembly: of an access that cannot be right the compiler may make what it likes. */
static void read_at(unsigned long addr)
{
	__asm__ volatile("movb (%0), %%al" : : "r"(addr) : "rax", "memory");
}

static void write_at(unsigned long addr)
{
	__asm__ volatile("movb $1, (%0)" : : "r"(addr) : "memory");
}

static void exec_at(unsigned long addr)
{
	((void (*)(void))addr)();
}

static void crash_null_read(unsigned long addr)
{
	(void)addr;
	read_at(0x10);
}

static void crash_null_write(unsigned long addr)
{
	(void)addr;
	write_at(0x10);
}

static void crash_text_write(unsigned long addr)
{
	(void)addr;
	write_at((unsigned long)crash_test);
}

static void crash_data_exec(unsigned long addr)
{
	(void)addr;
	data_page[0] = 0xc3; /* RET: harmless if it ran */
	exec_at((unsigned long)data_page);
}

static void crash_noncanonical(unsigned long addr)
{
	(void)addr;
	read_at(0x8000000000000000UL);
}

static void crash_divide(unsigned long addr)
{
	(void)addr;
	__asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx", "cc");
}

static void crash_undefined(unsigned long addr)
{
	(void)addr;
	__asm__ volatile("ud2");
}

/*
 * A page of our own, whose table entry gets a bit that must be clear: no machine has memory at
 * 2^51.
 */
static void crash_reserved_bit(unsigned long addr)
{
	pgd_t *pgd;
	pte_t *pte;

	addr = (unsigned long)vmalloc(PAGE_SIZE);
	if (!addr)
		panic("no memory for the crash test");
	pgd = pgd_offset_pgd(init_pgd, addr);
	pte = pte_offset(pmd_offset(pud_offset(pgd, addr), addr), addr);
	set_pte(pte, __pte(ptep_get(pte).pte | BIT(51)));
	invlpg(addr);
	read_at(addr);
}

/*
 * 256 bytes a call: finds the guard page soon. The volatile counter keeps the compiler from seeing
 * the end.
 */
static noinline int overflow(volatile int *depth)
{
	volatile char frame[256];

	frame[0] = (char)*depth;
	if (++*depth < 0)
		return 0;
	return overflow(depth) + frame[0];
}

static void crash_stack_overflow(unsigned long addr)
{
	volatile int depth = 0;

	(void)addr;
	overflow(&depth);
}

/*
 * A report whose own registers cannot be read: the fault inside the oops must be told, not looped.
 */
static void crash_nested(unsigned long addr)
{
	(void)addr;
	die("test of a fault inside the report", (struct pt_regs *)0x18, 0, 0);
}

static void crash_bug(unsigned long addr)
{
	BUG_ON(addr != ~addr);
}

static void crash_panic(unsigned long addr)
{
	(void)addr;
	panic("test of panic");
}

static void crash_warn(unsigned long addr)
{
	WARN_ON(addr != ~addr);
}

static void crash_in_timer(struct timer *timer)
{
	(void)timer;
	read_at(0x10);
}

static void crash_irq(unsigned long addr)
{
	static struct timer timer = { .fn = crash_in_timer };

	(void)addr;
	timer_add(&timer, ktime_get_ns());
	for (;;)
		schedule_timeout(NSEC_PER_SEC);
}

static void crash_vmalloc_freed(unsigned long addr)
{
	addr = (unsigned long)vmalloc(PAGE_SIZE);
	vfree((void *)addr);
	read_at(addr);
}

struct touch_timer {
	struct timer timer;
	char *area; /* NULL: touched */
};

static void touch_in_timer(struct timer *timer)
{
	struct touch_timer *touch = container_of(timer, struct touch_timer, timer);

	touch->area[0] = 1;
	WRITE_ONCE(touch->area, NULL);
}

/* Not touched by us before, and we stay on the CPU: the handler meets this map without the entry. */
static void crash_vmalloc_irq(unsigned long addr)
{
	char *area = vmalloc(PAGE_SIZE);
	struct touch_timer touch = { .timer.fn = touch_in_timer, .area = area };

	(void)addr;
	if (!area)
		panic("no memory for the crash test");
	timer_add(&touch.timer, ktime_get_ns());
	while (READ_ONCE(touch.area))
		cpu_relax();
	vfree(area);
}

static void crash_lock_twice(unsigned long addr)
{
	static DEFINE_SPINLOCK(lock);

	(void)addr;
	spin_lock(&lock);
	spin_lock(&lock);
}

/* A function that the boot CPU is in for ever, with interrupts off; others want something of that CPU. */
static bool boot_cpu_is_lost;

static void never_return(struct timer *timer)
{
	(void)timer;
	WRITE_ONCE(boot_cpu_is_lost, true);
	for (;;)
		cpu_relax();
}

static struct timer endless = { .fn = never_return };

static void ask_nothing(void *arg)
{
	(void)arg;
}

static int ask_boot_cpu(void *arg)
{
	timer_add(&endless, ktime_get_ns());
	while (!READ_ONCE(boot_cpu_is_lost))
		cpu_relax();
	if (arg)
		timer_del(&endless);
	else
		smp_call_function_many(CPU_MASK(0), ask_nothing, NULL);
	return 0;
}

static void ask_from_other_cpu(void *arg)
{
	while (READ_ONCE(nr_cpus) == 1)
		schedule_timeout(TICK_NSEC);
	if (!kthread_run_on_cpu(ask_boot_cpu, arg, "crash", 1))
		panic("no memory for the crash test");
	for (;;)
		schedule_timeout(NSEC_PER_SEC);
}

static void crash_no_answer(unsigned long addr)
{
	(void)addr;
	ask_from_other_cpu(NULL);
}

static void crash_timer_stuck(unsigned long addr)
{
	(void)addr;
	ask_from_other_cpu(&endless);
}

static const struct {
	const char *kind;
	void (*fn)(unsigned long addr);
} crashes[] = { { "null-read", crash_null_read },
		{ "null-write", crash_null_write },
		{ "text-write", crash_text_write },
		{ "data-exec", crash_data_exec },
		{ "noncanonical", crash_noncanonical },
		{ "reserved-bit", crash_reserved_bit },
		{ "user-read", read_at },
		{ "user-write", write_at },
		{ "user-exec", exec_at },
		{ "divide", crash_divide },
		{ "undefined", crash_undefined },
		{ "stack-overflow", crash_stack_overflow },
		{ "nested", crash_nested },
		{ "bug", crash_bug },
		{ "panic", crash_panic },
		{ "warn", crash_warn },
		{ "irq", crash_irq },
		{ "lock-twice", crash_lock_twice },
		{ "no-answer", crash_no_answer },
		{ "timer-stuck", crash_timer_stuck },
		{ "vmalloc-freed", crash_vmalloc_freed },
		{ "vmalloc-irq", crash_vmalloc_irq },
#if CONFIG_DEBUG
#define X(kind, fn) { kind, fn },
		DEBUG_CRASHES(X)
#undef X
#endif
};

int crash_test(const char *kind, unsigned long addr)
{
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++) {
		if (strcmp(crashes[i].kind, kind))
			continue;
		crashes[i].fn(addr);
		return 0;
	}
	return -EINVAL;
}

#define KIND_MAX 24

static char crash_kind[KIND_MAX];
static bool by_programs;

static int set_crash(const char *value)
{
	by_programs = !strcmp(value, "ask");
	if (by_programs)
		return 0;
	strlcpy(crash_kind, value, sizeof(crash_kind));
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		if (!strcmp(crashes[i].kind, value))
			return 0;
	return -EINVAL;
}
KNOB(crash, "KIND|ask", "make a mistake of the kernel (kinds: arch/x86_64/include/asm/crash.h)",
     set_crash);

ssize_t crash_request(void *arg, const char *text, size_t len)
{
	char kind[KIND_MAX];
	unsigned long addr;
	size_t n = 0;

	(void)arg;
	if (!by_programs)
		return -EPERM;
	for (; text[n] && text[n] != ' '; n++) {
		if (n == KIND_MAX - 1)
			return -EINVAL;
		kind[n] = text[n];
	}
	kind[n] = '\0';
	if (text[n] != ' ' || kstrtoul(text + n + 1, 16, &addr))
		return -EINVAL;
	return crash_test(kind, addr) ? -EINVAL : (ssize_t)len;
}

static int crash_thread(void *arg)
{
	(void)arg;
	crash_test(crash_kind, 0);
	pr_info("crash test %s: the kernel goes on", crash_kind);
	return 0;
}

void crash_test_init(void)
{
	if (crash_kind[0] && !strstarts(crash_kind, "user-") &&
	    !kthread_run(crash_thread, NULL, "crash"))
		panic("no memory for the crash test");
}

void crash_test_user(const struct pt_regs *regs)
{
	unsigned long addr = strcmp(crash_kind, "user-exec") ? regs->sp : regs->ip;
	u8 byte;

	/* Paged in first: the fault must be about the right, not about presence. */
	if (strstarts(crash_kind, "user-") && !get_user(byte, (u8 __user *)addr)) {
		(void)byte;
		crash_test(crash_kind, addr);
	}
}
