/* SPDX-License-Identifier: MIT */
/*
 * Work that must be done on a certain CPU, in process context: each has a thread of its own for it
 * ("migration/N"), which runs before all other tasks. Data that only its CPU touches, without a lock
 * and with interrupts on, is reached from elsewhere only in this way.
 */
#ifndef KERNEL_CORE_STOP_H
#define KERNEL_CORE_STOP_H

#include "lib/types.h"

/*
 * Run fn(arg) on every CPU, one after the other or side by side, and return when all have. fn must not
 * sleep. May sleep; no page lock or lock that a reclaimer waits for needs to be free.
 */
void schedule_on_each_cpu(void (*fn)(void *arg), void *arg);
/*
 * Run fn(arg) here while no other CPU runs anything: they spin with interrupts off. Returns what fn
 * does. fn runs with interrupts off, must not sleep or take a lock. May sleep.
 */
int stop_machine(int (*fn)(void *arg), void *arg);
/* Start the threads: after smp_boot_cpus(). */
void stop_init(void);

#endif
