/* SPDX-License-Identifier: MIT */
/*
 * Looking up the exception table. A few dozen entries: a linear search is as quick as it needs to
 * be.
 */
#include <asm/extable.h>

extern const struct exception_table_entry __ex_table_start[], __ex_table_end[];

static unsigned long entry_ip(const struct exception_table_entry *entry)
{
	return (unsigned long)&entry->insn + (unsigned long)(long)entry->insn;
}

const struct exception_table_entry *search_exception_table(unsigned long ip)
{
	const struct exception_table_entry *entry;

	for (entry = __ex_table_start; entry < __ex_table_end; entry++)
		if (entry_ip(entry) == ip)
			return entry;
	return NULL;
}

bool fixup_exception(struct pt_regs *regs, int trapnr, unsigned long error_code, unsigned long addr)
{
	const struct exception_table_entry *entry = search_exception_table(regs->ip);

	(void)trapnr;
	(void)error_code;
	(void)addr;
	if (!entry)
		return false;
	regs->ip = (unsigned long)&entry->fixup + (unsigned long)(long)entry->fixup;
	return true;
}
