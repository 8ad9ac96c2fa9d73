/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of devices. Handlers run with interrupts off on the interrupted task's kernel stack,
 * may wake tasks, and may not sleep.
 */
#ifndef ASM_IRQ_H
#define ASM_IRQ_H

#include "lib/types.h"
#include <asm/percpu.h>

struct pt_regs;

typedef void (*irq_handler_t)(void *arg);

/*
 * Route an interrupt line to @fn(@arg): ISA interrupt 0..15 (through the MADT's overrides) or a
 * global system interrupt from 16 on (level, active low). @name is kept. 0, -EINVAL for no such
 * line, -EBUSY when the line is taken, -ENOSPC without a free vector.
 */
int request_irq(unsigned int irq, irq_handler_t fn, void *arg, const char *name);
/*
 * A vector for a message-signalled interrupt to this CPU: fills in the address and data to write to
 * the device (SDM vol. 3A 11.11). 0 or -ENOSPC.
 */
int alloc_msi_vector(irq_handler_t fn, void *arg, const char *name, u64 *msg_addr, u32 *msg_data);

/* How deep in interrupt handlers (timer included) this CPU is. */
DECLARE_PER_CPU(unsigned int, irq_depth);
static inline bool in_interrupt(void) { return this_cpu_read(irq_depth) != 0; }

/* For /proc/interrupts: how often @vector came to @cpu. */
#define NR_VECTORS 256
unsigned long irq_count(unsigned int vector, unsigned int cpu);
/* What it is called there. False: it is not in use. */
struct irq_name {
	char number[8];
	const char *what;
};
bool get_irq_name(unsigned int vector, struct irq_name *name);

#endif
