/* SPDX-License-Identifier: MIT */
/* Reading multiboot2 boot information. Every length in it is checked against what holds it. */

#include "arch/x86_64/boot/multiboot2.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

struct info_header {
	u32 total_size, reserved;
};

struct tag {
	u32 type, size; /* size: with this header, without padding */
};

struct module_tag {
	struct tag tag;
	u32 start, end;
	char name[];
};

struct mmap_tag {
	struct tag tag;
	u32 entry_size, entry_version;
};

struct mmap_entry {
	u64 addr, len;
	u32 type, reserved;
};

struct elf_tag {
	struct tag tag;
	u32 num, entsize, shndx;
};

/* ELF64 section header (gABI, "Sections"). */
struct elf64_shdr {
	u32 sh_name, sh_type;
	u64 sh_flags, sh_addr, sh_offset, sh_size;
	u32 sh_link, sh_info;
	u64 sh_addralign, sh_entsize;
};

#define SHT_SYMTAB 2

/* Copy the string in the @room bytes at @s; false if it was cut (a missing NUL cuts too). */
static bool copy_string(char *to, size_t size, const char *s, size_t room)
{
	size_t len = strnlen(s, room), n = min(len, size - 1);

	memcpy(to, s, n);
	to[n] = '\0';
	return n == len && len < room;
}

static void read_module(const struct module_tag *tag, struct boot_info *out)
{
	struct boot_module *module = &out->modules[out->nr_modules];

	if (tag->tag.size < sizeof(*tag) || tag->end < tag->start ||
	    out->nr_modules == BOOT_MODULES_MAX)
		return;
	module->start = tag->start;
	module->end = tag->end;
	copy_string(module->name, sizeof(module->name), tag->name, tag->tag.size - sizeof(*tag));
	out->nr_modules++;
}

static void read_rsdp(const struct tag *tag, struct boot_info *out)
{
	u32 len = tag->size - sizeof(*tag);

	/* The newer one (XSDT) is better, whichever comes first. */
	if (len < 20 || (tag->type == MB2_TAG_ACPI_OLD && out->rsdp_len > 20))
		return;
	out->rsdp_len = min(len, (u32)BOOT_RSDP_MAX);
	memcpy(out->rsdp, tag + 1, out->rsdp_len);
}

/* Entries may be unaligned for their type when entry_size is odd: always copied out. */
static void get_entry(const struct mmap_tag *tag, u32 i, struct mmap_entry *entry)
{
	memcpy(entry, (const char *)(tag + 1) + (size_t)i * tag->entry_size, sizeof(*entry));
	if (entry->addr + entry->len < entry->addr)
		entry->len = ~0ULL - entry->addr;
}

static const char *read_mmap(const struct mmap_tag *tag, struct mem_ranges *ram, bool *truncated)
{
	struct mmap_entry entry;
	u32 nr;

	if (tag->tag.size < sizeof(*tag))
		return "the memory map is shorter than its header";
	if (tag->entry_size < sizeof(entry))
		return "the memory map's entries are too small";
	nr = (tag->tag.size - (u32)sizeof(*tag)) / tag->entry_size;
	for (u32 i = 0; i < nr; i++) {
		get_entry(tag, i, &entry);
		if (entry.type == MB2_MEMORY_AVAILABLE &&
		    mem_ranges_add(ram, entry.addr, entry.addr + entry.len))
			*truncated = true;
	}
	for (u32 i = 0; i < nr; i++) {
		get_entry(tag, i, &entry);
		if (entry.type != MB2_MEMORY_AVAILABLE &&
		    mem_ranges_remove(ram, entry.addr, entry.addr + entry.len))
			*truncated = true;
	}
	return NULL;
}

/* GRUB has loaded the sections that no segment holds and tells here where: we want the symbols. */
static void read_elf_sections(const struct elf_tag *tag, struct boot_info *out)
{
	const char *headers = (const char *)tag + sizeof(*tag);
	struct elf64_shdr sym, str;

	if (tag->tag.size < sizeof(*tag) || tag->entsize < sizeof(sym) ||
	    tag->num > (tag->tag.size - sizeof(*tag)) / tag->entsize)
		return;
	for (u32 i = 0; i < tag->num; i++) {
		memcpy(&sym, headers + (size_t)i * tag->entsize, sizeof(sym));
		if (sym.sh_type != SHT_SYMTAB || sym.sh_link >= tag->num)
			continue;
		memcpy(&str, headers + (size_t)sym.sh_link * tag->entsize, sizeof(str));
		if (!sym.sh_addr || !str.sh_addr)
			continue;
		out->symtab = (struct boot_range){ sym.sh_addr, sym.sh_size };
		out->strtab = (struct boot_range){ str.sh_addr, str.sh_size };
		return;
	}
}

static const char *read_tag(const struct tag *tag, struct boot_info *out, struct mem_ranges *ram)
{
	switch (tag->type) {
	case MB2_TAG_CMDLINE:
		out->cmdline_truncated =
			!copy_string(out->cmdline, sizeof(out->cmdline), (const char *)(tag + 1),
				     tag->size - sizeof(*tag));
		break;
	case MB2_TAG_MODULE:
		read_module((const struct module_tag *)tag, out);
		break;
	case MB2_TAG_MMAP:
		return read_mmap((const struct mmap_tag *)tag, ram, &out->ram_truncated);
	case MB2_TAG_ELF_SECTIONS:
		read_elf_sections((const struct elf_tag *)tag, out);
		break;
	case MB2_TAG_ACPI_OLD:
	case MB2_TAG_ACPI_NEW:
		read_rsdp(tag, out);
		break;
	default:
		break;
	}
	return NULL;
}

static const char *read_tags(const char *info, size_t total, struct boot_info *out,
			     struct mem_ranges *ram)
{
	size_t pos = sizeof(struct info_header);

	while (pos <= total - sizeof(struct tag)) {
		const struct tag *tag = (const struct tag *)(info + pos);
		const char *error;

		if (tag->size < sizeof(*tag))
			return "a tag is smaller than its header";
		if (tag->size > total - pos)
			return "a tag reaches past the end";
		if (tag->type == MB2_TAG_END)
			return NULL;
		error = read_tag(tag, out, ram);
		if (error)
			return error;
		pos += ALIGN((size_t)tag->size, MB2_INFO_ALIGN);
		if (pos > total)
			break;
	}
	return "the end tag is missing";
}

int multiboot2_parse(const void *info, size_t max_len, struct boot_info *out, const char **error)
{
	const struct info_header *header = info;
	struct mem_ranges ram = { .nr = 0 };

	memset(out, 0, sizeof(*out));
	*error = NULL;
	if ((unsigned long)info % MB2_INFO_ALIGN)
		*error = "it is not aligned to 8 bytes";
	else if (max_len < sizeof(*header) + sizeof(struct tag) ||
		 header->total_size < sizeof(*header) + sizeof(struct tag))
		*error = "it is too short";
	else if (header->total_size > max_len)
		*error = "it is longer than the memory that it may take";
	else
		*error = read_tags(info, header->total_size, out, &ram);
	if (!*error && !ram.nr)
		*error = "it has no memory map, or one without RAM";
	if (*error)
		return -EINVAL;
	memcpy(out->ram, ram.r, sizeof(ram.r[0]) * ram.nr);
	out->nr_ram = ram.nr;
	return 0;
}
