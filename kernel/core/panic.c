/* SPDX-License-Identifier: MIT */
/*
 * Giving up, in three manners: the kernel is broken, the machine does not suit, something is odd.
 */

#include "kernel/core/panic.h"

#include <stdarg.h>

#include "kernel/core/printk.h"
#include "kernel/core/show.h"
#include "lib/vsprintf.h"
#include <asm/irqflags.h>
#include <asm/processor.h>
#include <asm/smp.h>
#include <asm/traps.h>

bool kernel_oopsed;
static bool panicking;
static int dying_cpu = -1;

/* The first CPU that gives up speaks; it stops the others, and one that comes here too waits for that. */
static void silence_others(void)
{
	int none = -1, self = (int)smp_processor_id();

	local_irq_disable();
	if (!__atomic_compare_exchange_n(&dying_cpu, &none, self, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST) &&
	    none != self)
		for (;;)
			hlt();
	smp_send_stop();
}

/* The one line that must come out, whoever held which lock. */
static __printf(2, 0) void say_at_the_end(const char *what, const char *fmt, va_list args)
{
	char text[768];

	silence_others();
	vscnprintf(text, sizeof(text), fmt, args);
	printk_emergency();
	pr_emerg("%s: %s", what, text);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_at_the_end("kernel panic", fmt, args);
	va_end(args);
	if (!panicking) {
		panicking = true;
		show_backtrace((unsigned long)__builtin_frame_address(0));
		show_stopped_cpus();
	}
	machine_exit(EXIT_PANIC);
}

void boot_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_at_the_end("boot failure", fmt, args);
	va_end(args);
	machine_exit(EXIT_BOOT_FAIL);
}

void warn_at(const char *cond, const char *file, int line)
{
	pr_warn("warning at %s:%d: %s", file, line, cond);
	show_backtrace((unsigned long)__builtin_frame_address(0));
}
