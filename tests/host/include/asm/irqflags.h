/* SPDX-License-Identifier: MIT */
/* There are no interrupts on the host. */
#ifndef HOST_ASM_IRQFLAGS_H
#define HOST_ASM_IRQFLAGS_H

#include "lib/compiler.h"
#include "lib/types.h"

#define X86_EFLAGS_IF (1UL << 9)

static __always_inline unsigned long local_save_flags(void) { return X86_EFLAGS_IF; }
static __always_inline void local_irq_disable(void) {}
static __always_inline void local_irq_enable(void) {}
static __always_inline bool irqs_disabled_flags(unsigned long flags) { return !(flags & X86_EFLAGS_IF); }
static __always_inline bool irqs_disabled(void) { return false; }
static __always_inline unsigned long arch_local_irq_save(void) { return X86_EFLAGS_IF; }
static __always_inline void local_irq_restore(unsigned long flags) { (void)flags; }
#define local_irq_save(flags) do { (flags) = arch_local_irq_save(); } while (0)

#endif
