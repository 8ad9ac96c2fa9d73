/* SPDX-License-Identifier: MIT */
/* Mistakes of the kernel made on purpose, so that tests can see what is said about them. */
#ifndef ASM_CRASH_H
#define ASM_CRASH_H

#include "lib/types.h"

struct pt_regs;

/*
 * Make the mistake called @kind in the context of the caller; "user-read", "user-write" and "user-exec" make it at
 * @addr, a mapped user address of current. Returns only for "warn" and for "vmalloc-irq", which is no
 * mistake, and -EINVAL for an unknown kind.
 * Kinds: null-read null-write text-write data-exec noncanonical reserved-bit user-read user-write user-exec
 * divide undefined stack-overflow nested bug panic warn irq (in interrupt context) lock-twice
 * no-answer timer-stuck (these two: the boot CPU is in a timer's function for ever; need another CPU)
 * vmalloc-freed vmalloc-irq (memory that the map does not know yet is touched in interrupt context);
 * debug kernels know those of arch/x86_64/entry/crash_debug.h as well.
 */
int crash_test(const char *kind, unsigned long addr);
/*
 * write(2) to /proc/sys/kernel/crash: "KIND ADDR", ADDR in hexadecimal; in the writer's context. Needs the knob
 * crash=ask: without it -EPERM, for no program may stop the kernel.
 */
ssize_t crash_request(void *arg, const char *text, size_t len);
/*
 * The knob `crash`: a kernel thread makes that mistake. Boot, once tasks run; does nothing without
 * the knob.
 */
void crash_test_init(void);
/*
 * The same for the kinds that need user memory: process 1 makes it, on its first stack or program
 * page.
 */
void crash_test_user(const struct pt_regs *regs);

#endif
