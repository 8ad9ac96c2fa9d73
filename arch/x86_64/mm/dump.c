/* SPDX-License-Identifier: MIT */
/* The walk of the four levels for one address, in words, as an oops shows it. */
#include "kernel/core/printk.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/page.h"
#include <asm/pf.h>
#include <asm/pgtable.h>

/* An entry's bits in words: "present rw user accessed dirty nx". */
static void entry_words(u64 entry, bool leaf, char *buf, size_t size)
{
	static const struct {
		u64 bit;
		const char *set, *clear;
	} words[] = {
		{ _PAGE_PRESENT, "present", "not present" },
		{ _PAGE_RW, "rw", "ro" },
		{ _PAGE_USER, "user", "kernel" },
		{ _PAGE_ACCESSED, "accessed", NULL },
		{ _PAGE_NX, "nx", NULL },
	};
	int n = 0;
	size_t i;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		const char *word = entry & words[i].bit ? words[i].set : words[i].clear;

		if (word)
			n += scnprintf(buf + n, size - (size_t)n, "%s%s", n ? " " : "", word);
	}
	if (leaf && (entry & _PAGE_DIRTY))
		scnprintf(buf + n, size - (size_t)n, " dirty");
}

static void dump_entry(const char *level, unsigned long index, u64 entry, bool leaf)
{
	char words[96];

	if (!entry) {
		pr_err("  %s[%3lu] empty\n", level, index);
		return;
	}
	entry_words(entry, leaf, words, sizeof(words));
	pr_err("  %s[%3lu] %016lx frame %lx %s%s\n", level, index, (unsigned long)entry,
	       (unsigned long)((entry & PTE_PFN_MASK) >> PAGE_SHIFT), words,
	       leaf ? "" : " -> table");
}

/* A table must lie in RAM, or following it would fault again. */
static bool table_ok(u64 entry)
{
	return (entry & _PAGE_PRESENT) && pfn_valid((entry & PTE_PFN_MASK) >> PAGE_SHIFT);
}

void dump_pagetable(unsigned long cr3, unsigned long addr)
{
	static const char *const names[] = { "pgd", "pud", "pmd", "pte" };
	static const int shifts[] = { PGDIR_SHIFT, PUD_SHIFT, PMD_SHIFT, PAGE_SHIFT };
	u64 table = cr3 & PTE_PFN_MASK;
	int level;

	pr_err("page table walk of %016lx from cr3 %lx:\n", addr, cr3);
	for (level = 0; level < 4; level++) {
		unsigned long index = (addr >> shifts[level]) & 511;
		u64 entry = ((u64 *)__va(table))[index];
		bool leaf = level == 3 || (level > 0 && (entry & _PAGE_PSE));

		dump_entry(names[level], index, entry, leaf);
		if (leaf || !table_ok(entry))
			return;
		table = entry & PTE_PFN_MASK;
	}
}
