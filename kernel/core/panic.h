/* SPDX-License-Identifier: MIT */
/* The ends of the road: what cannot go on says one sentence and stops the machine with a status. */
#ifndef KERNEL_CORE_PANIC_H
#define KERNEL_CORE_PANIC_H

#include "lib/compiler.h"
#include "lib/types.h"

#ifndef CONFIG_DEBUG
#define CONFIG_DEBUG 0
#endif

/*
 * The kernel is broken: sentence, backtrace, QEMU exit code EXIT_PANIC. Any context, from the first
 * C instruction on. Says it on COM2 and COM1.
 */
/* An oops has ended a task in the middle of something. */
extern bool kernel_oopsed;
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
/*
 * The machine, disk or command line is not what we need: one polite sentence that says what, where,
 * and what to do, then exit code EXIT_BOOT_FAIL. No backtrace: it is nobody's bug.
 */
void boot_fail(const char *fmt, ...) __printf(1, 2) __noreturn __cold;

void warn_at(const char *cond, const char *file, int line) __cold;

#define BUG() panic("BUG at %s:%d", __FILE__, __LINE__)
#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(cond))                                                                \
			panic("BUG at %s:%d: %s", __FILE__, __LINE__, #cond);                      \
	} while (0)
/* Says so in the log, with a backtrace, and goes on. Its value is that of the condition. */
#define WARN_ON(cond)                                                                              \
	({                                                                                         \
		bool __warn = !!(cond);                                                            \
		if (unlikely(__warn))                                                              \
			warn_at(#cond, __FILE__, __LINE__);                                        \
		unlikely(__warn);                                                                  \
	})

/* Checked in debug builds; in release the condition is compiled for syntax but not evaluated. */
#if CONFIG_DEBUG
#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("assertion failed at %s:%d: %s", __FILE__, __LINE__, #cond);         \
	} while (0)
#else
#define ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#endif
