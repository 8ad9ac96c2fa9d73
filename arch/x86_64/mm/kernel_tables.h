/* SPDX-License-Identifier: MIT */
/* Entries of the kernel's own tables, made while the early allocator is open. */
#ifndef ARCH_X86_64_MM_KERNEL_TABLES_H
#define ARCH_X86_64_MM_KERNEL_TABLES_H

#include <asm/pgtable.h>

/*
 * The entry for @addr, a kernel address, with zeroed tables above it made as needed. No memory: the
 * boot fails. Boot CPU only, before early_mem_close().
 */
pmd_t *pmd_ensure(unsigned long addr);
pte_t *pte_ensure(unsigned long addr);

#endif
