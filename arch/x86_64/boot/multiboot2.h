/* SPDX-License-Identifier: MIT */
/*
 * The boot information that a multiboot2 loader leaves in memory, and what we make of it. Section numbers
 * are those of the Multiboot2 Specification, version 2.0. Pure: reads only [info, info + max_len), writes
 * only *out; tested on the host with broken input.
 */
#ifndef ARCH_BOOT_MULTIBOOT2_H
#define ARCH_BOOT_MULTIBOOT2_H

#include "lib/types.h"
#include "mm/frame/early.h"

#define MB2_BOOT_MAGIC 0x36d76289u /* in EAX, 3.3 */
#define MB2_INFO_ALIGN 8           /* of the information and of every tag in it, 3.6.1 */

/* Tag types, 3.6.2 ff. */
enum mb2_tag {
	MB2_TAG_END = 0,
	MB2_TAG_CMDLINE = 1,
	MB2_TAG_MODULE = 3,
	MB2_TAG_MMAP = 6,
	MB2_TAG_ELF_SECTIONS = 9,
	MB2_TAG_ACPI_OLD = 14,
	MB2_TAG_ACPI_NEW = 15,
};

/* Types in the memory map, 3.6.8. */
#define MB2_MEMORY_AVAILABLE 1
#define MB2_MEMORY_ACPI 3

#define BOOT_MEM_MAX EARLY_RANGES_MAX
#define BOOT_MODULES_MAX 8
#define BOOT_CMDLINE_MAX 1024
#define BOOT_RSDP_MAX 36 /* ACPI 6.4, 5.2.5.3 */

struct boot_module {
	u32 start, end; /* physical, [start, end) */
	char name[64];
};

/* A piece of physical memory, [start, start + size); size 0: absent. */
struct boot_range {
	u64 start, size;
};

struct boot_info {
	/*
	 * RAM, sorted by address, no two pieces touching or overlapping, whole bytes as reported.
	 */
	struct mem_range ram[BOOT_MEM_MAX];
	unsigned int nr_ram;
	bool ram_truncated; /* the map had more pieces than fit */
	char cmdline[BOOT_CMDLINE_MAX];
	bool cmdline_truncated;
	struct boot_module modules[BOOT_MODULES_MAX];
	unsigned int nr_modules;
	u8 rsdp[BOOT_RSDP_MAX]; /* copy of the ACPI root pointer */
	u32 rsdp_len;           /* 0: the loader gave none */
	struct boot_range info;         /* the information itself; set by the caller */
	struct boot_range symtab, strtab; /* the kernel's ELF symbols, as GRUB loaded them */
};

/*
 * Read the information at @info; at most @max_len bytes of it are readable. Tags of unknown type are skipped.
 * Where two pieces of the map overlap, the one that is not RAM wins. Returns 0, or -EINVAL with
 * *@error set to what is wrong with it.
 */
int multiboot2_parse(const void *info, size_t max_len, struct boot_info *out, const char **error);

#endif
