/* SPDX-License-Identifier: MIT */
/* The one way in which a checker stops the machine. */
#include "kernel/debug/report.h"

#include <stdarg.h>

#include "kernel/core/kallsyms.h"
#include "kernel/core/panic.h"
#include "lib/vsprintf.h"
#include <asm/irqflags.h>
#include <asm/percpu.h>
#include <asm/processor.h>

static int reporting_cpu = -1;

bool debug_begin_report(void)
{
	int first = -1, self = (int)smp_processor_id();

	local_irq_disable();
	if (__atomic_compare_exchange_n(&reporting_cpu, &first, self, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return true;
	/* Another CPU's report is not to be disturbed by what follows from the bug here: it ends in panic(). */
	while (first != self)
		hlt();
	return false;
}

void debug_stop(const char *checker, const char *file, unsigned int line, unsigned long caller,
		const char *fmt, ...)
{
	char text[250], place[80], source[64] = "";
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (file)
		snprintf(source, sizeof(source), ", at %s:%u", file, line);
	panic("%s: %s%s in %s", checker, text, source,
	      kallsyms_format(caller - 1, place, sizeof(place)));
}
