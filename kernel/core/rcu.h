/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update: lookups that take no lock. A reader between rcu_read_lock() and rcu_read_unlock() may follow
 * pointers that others unlink meanwhile, for what they unlink they free only after a grace period: a time in which
 * every CPU has been outside of all such sections at least once.
 *
 * The kernel is not preempted, so a CPU that went through schedule(), ran user mode or idled has left every section
 * it was in: a reader costs nothing, and must not sleep.
 */
#ifndef KERNEL_CORE_RCU_H
#define KERNEL_CORE_RCU_H

#include "lib/compiler.h"
#include "lib/types.h"
#include <asm/percpu.h>

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

#if CONFIG_DEBUG
DECLARE_PER_CPU(int, rcu_nesting); /* might_sleep() looks at it */
static inline void rcu_read_lock(void) { this_cpu_inc(rcu_nesting); barrier(); }
static inline void rcu_read_unlock(void) { barrier(); this_cpu_dec(rcu_nesting); }
#else
static inline void rcu_read_lock(void) { barrier(); }
static inline void rcu_read_unlock(void) { barrier(); }
#endif

/* A pointer that readers follow: load it once, with what it points to complete. */
#define rcu_dereference(p) READ_ONCE(p)

/*
 * Call func(head) after a grace period, in a kernel thread; it may sleep. Process context, outside of readers' sections.
 * With one CPU that is at once: so what @func needs must not be locked by the caller.
 */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
/* Wait for a grace period. May sleep. */
void synchronize_rcu(void);

/* This CPU is in no section now: schedule(), the tick in user mode or idleness. */
DECLARE_PER_CPU(unsigned long, rcu_passed);
static inline void rcu_quiescent_state(void) { this_cpu_inc(rcu_passed); }
/* After smp_boot_cpus(). */
void rcu_init(void);

#endif
