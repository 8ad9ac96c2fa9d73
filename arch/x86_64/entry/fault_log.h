/* SPDX-License-Identifier: MIT */
/*
 * The fault log: one line per page fault, in the manner of `perf trace -F`, to the debug console
 * (port 0xe9). On with the knob faults=1; off it costs one predicted branch per fault. docs/faults.md
 * tells the columns.
 */
#ifndef ARCH_ENTRY_FAULT_LOG_H
#define ARCH_ENTRY_FAULT_LOG_H

#include "mm/fault/note.h"
#include <asm/ptrace.h>

extern bool fault_log_enabled; /* set by the knob at boot */

/* Time-stamp counter, for the cost column. */
u64 fault_log_clock(void);
/*
 * Write the line for a fault that began at @begin. Process or interrupted context; takes no lock
 * but its own.
 */
void fault_log_write(const struct pt_regs *regs, unsigned long error_code, unsigned long address,
		     const struct fault_note *note, u64 begin);

#endif
