/* SPDX-License-Identifier: MIT */
/* Interrupts of this CPU: off, on, and off with the old state kept. */
#ifndef ASM_IRQFLAGS_H
#define ASM_IRQFLAGS_H

#include "lib/compiler.h"
#include "lib/types.h"

#define X86_EFLAGS_IF (1UL << 9) /* SDM vol. 1 3.4.3.3 */

static __always_inline unsigned long local_save_flags(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0" : "=rm"(flags) : : "memory");
	return flags;
}

static __always_inline void local_irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static __always_inline void local_irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static __always_inline bool irqs_disabled_flags(unsigned long flags)
{
	return !(flags & X86_EFLAGS_IF);
}

static __always_inline bool irqs_disabled(void)
{
	return irqs_disabled_flags(local_save_flags());
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = local_save_flags();

	local_irq_disable();
	return flags;
}

/* Only the interrupt flag is restored; popf would cost more and bring the others with it. */
static __always_inline void local_irq_restore(unsigned long flags)
{
	if (!irqs_disabled_flags(flags))
		local_irq_enable();
}

#define local_irq_save(flags) do { (flags) = arch_local_irq_save(); } while (0)

#endif
