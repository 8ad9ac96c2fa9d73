/* SPDX-License-Identifier: MIT */
/*
 * The exception table: for each instruction of the user copy routines that may fault for good, where
 * to go on. Section __ex_table; both members are distances from their own address.
 */
#ifndef ASM_EXTABLE_H
#define ASM_EXTABLE_H

#include "lib/types.h"
#include <asm/ptrace.h>

struct exception_table_entry {
	s32 insn, fixup;
};

/* The entry for the instruction at @ip, or NULL. Any context. */
const struct exception_table_entry *search_exception_table(unsigned long ip);
/* If regs->ip has an entry, make it go on at the fix-up; false: it has none. */
bool fixup_exception(struct pt_regs *regs, int trapnr, unsigned long error_code, unsigned long addr);

#endif
