/* SPDX-License-Identifier: MIT */
/*
 * Names of kernel addresses, for backtraces. The table is the kernel's own ELF symbol table, which
 * GRUB leaves in memory and describes in multiboot2 tag 9 (3.6.7).
 */
#ifndef KERNEL_CORE_KALLSYMS_H
#define KERNEL_CORE_KALLSYMS_H

#include "lib/types.h"

/*
 * Use an ELF64 symbol table of @symtab_size bytes and its strings. Both stay where they are; entries
 * that point outside of the strings are ignored.
 */
void kallsyms_init(const void *symtab, size_t symtab_size, const char *strtab, size_t strtab_size);

/* All symbols, in no order; @type is the letter that nm(1) gives. */
void kallsyms_for_each(void (*fn)(unsigned long addr, char type, const char *name, void *arg),
		       void *arg);
/* "name+0x12/0x40", or the bare address, into @buf. Returns @buf. */
const char *kallsyms_format(unsigned long addr, char *buf, size_t size);

#endif
