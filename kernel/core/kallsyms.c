/* SPDX-License-Identifier: MIT */
/* Addresses to names, from the kernel's ELF symbol table (System V gABI, "Symbol Table"). */

#include "kernel/core/kallsyms.h"

#include "lib/string.h"
#include "lib/vsprintf.h"

struct elf64_sym {
	u32 st_name;
	u8 st_info, st_other;
	u16 st_shndx;
	u64 st_value, st_size;
};

#define STT_NOTYPE 0
#define STT_FUNC 2
#define STB_LOCAL 0
#define SHN_UNDEF 0
#define SHN_ABS 0xfff1

static const struct elf64_sym *symbols;
static size_t nr_symbols;
static const char *strings;
static size_t strings_size;

void kallsyms_init(const void *symtab, size_t symtab_size, const char *strtab, size_t strtab_size)
{
	/* The last string must end inside of the table. */
	while (strtab_size && strtab[strtab_size - 1])
		strtab_size--;
	symbols = symtab;
	nr_symbols = symtab_size / sizeof(*symbols);
	strings = strtab;
	strings_size = strtab_size;
}

static const char *symbol_name(const struct elf64_sym *sym)
{
	if (sym->st_name >= strings_size || sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS)
		return "";
	return strings + sym->st_name;
}

static bool is_code_label(const struct elf64_sym *sym)
{
	unsigned int type = sym->st_info & 15;

	return type == STT_FUNC || type == STT_NOTYPE;
}

/*
 * Name of the function that @addr lies in, with the distance from its start and its size (0 for
 * assembly labels); NULL when unknown. Linear: for reports only.
 */
static const char *kallsyms_lookup(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	const struct elf64_sym *best = NULL;

	for (size_t i = 0; i < nr_symbols; i++) {
		const struct elf64_sym *sym = &symbols[i];

		if (!is_code_label(sym) || sym->st_value > addr || !symbol_name(sym)[0])
			continue;
		/* NASM's name for a label inside of a macro. */
		if (strstarts(symbol_name(sym), "..@"))
			continue;
		/* Of labels at one address, the function with a size tells more. */
		if (!best || sym->st_value > best->st_value ||
		    (sym->st_value == best->st_value && sym->st_size > best->st_size))
			best = sym;
	}
	if (!best)
		return NULL;
	*offset = addr - best->st_value;
	*size = best->st_size;
	return symbol_name(best);
}

/* Where the parts of the image begin, for the letter. */
extern char _etext[], __end_rodata[], __per_cpu_end[];

static char symbol_type(const struct elf64_sym *sym)
{
	unsigned int binding = sym->st_info >> 4;
	char type = 'b';

	if (sym->st_value < (unsigned long)_etext)
		type = 't';
	else if (sym->st_value < (unsigned long)__end_rodata)
		type = 'r';
	else if (sym->st_value < (unsigned long)__per_cpu_end)
		type = 'd';
	return binding == STB_LOCAL ? type : (char)(type - 'a' + 'A');
}

void kallsyms_for_each(void (*fn)(unsigned long addr, char type, const char *name, void *arg),
		       void *arg)
{
	for (size_t i = 0; i < nr_symbols; i++) {
		const struct elf64_sym *sym = &symbols[i];

		if ((sym->st_info & 15) <= STT_FUNC && symbol_name(sym)[0])
			fn(sym->st_value, symbol_type(sym), symbol_name(sym), arg);
	}
}

const char *kallsyms_format(unsigned long addr, char *buf, size_t size)
{
	unsigned long offset, length;
	const char *name = kallsyms_lookup(addr, &offset, &length);

	if (name && length)
		snprintf(buf, size, "%s+0x%lx/0x%lx", name, offset, length);
	else if (name)
		snprintf(buf, size, "%s+0x%lx", name, offset);
	else
		snprintf(buf, size, "0x%lx", addr);
	return buf;
}
