/* SPDX-License-Identifier: MIT */
/* What the checkers of debug kernels (UBSan, KASAN, locks) say when they found something. */
#ifndef KERNEL_DEBUG_REPORT_H
#define KERNEL_DEBUG_REPORT_H

#include "lib/compiler.h"
#include "lib/types.h"

/*
 * True: report what was found and stop. False: this CPU makes a report already, and what that trips over is to be
 * ignored. Does not return while another CPU makes one. Interrupts are off afterwards. Any context.
 */
bool debug_begin_report(void) __cold;

/*
 * Panic with "@checker: sentence, at file:line in function+0x12/0x40"; @file may be NULL, @caller is the return
 * address into the function at fault.
 */
void debug_stop(const char *checker, const char *file, unsigned int line, unsigned long caller,
		const char *fmt, ...) __printf(5, 6) __noreturn __cold;

#endif
