/* SPDX-License-Identifier: MIT */
/*
 * Where pointers of the kernel stand that live in no slab: its data, and the stacks of its tasks from
 * their stack pointer up. For the audit.
 */
#ifndef ASM_ROOTS_H
#define ASM_ROOTS_H

/*
 * Calls @fn for each such range of words [from, to). The CPUs' own data (lists of free frames) is left
 * out. Nobody else runs; the caller's stack is one of the ranges.
 */
void for_each_root(void (*fn)(const unsigned long *from, const unsigned long *to));

#endif
