/* SPDX-License-Identifier: MIT */
#include "kernel/core/stop.h"

#include <asm/irqflags.h>

void schedule_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

int stop_machine(int (*fn)(void *arg), void *arg)
{
	unsigned long flags;
	int ret;

	local_irq_save(flags);
	ret = fn(arg);
	local_irq_restore(flags);
	return ret;
}

void stop_init(void)
{
}
