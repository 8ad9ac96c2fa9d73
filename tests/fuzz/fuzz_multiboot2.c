/* SOURCES: arch/x86_64/boot/multiboot2.c mm/frame/early.c tests/host/shim.c */
/* SPDX-License-Identifier: MIT */
/*
 * Boot information. Input: u8 flags (1: the total size is set right; 2: an end tag is added), then
 * the information as it lies in memory. What comes out must be RAM in order and strings that end.
 */
#include "tests/fuzz/fuzz.h"

#include "arch/x86_64/boot/multiboot2.h"

enum { FIX_SIZE = 1, ADD_END = 2 };

static void check(const struct boot_info *info)
{
	CHECK(info->nr_ram && info->nr_ram <= BOOT_MEM_MAX);
	for (unsigned int i = 0; i < info->nr_ram; i++) {
		CHECK(info->ram[i].start < info->ram[i].end);
		CHECK(!i || info->ram[i - 1].end < info->ram[i].start);
	}
	CHECK(memchr(info->cmdline, '\0', sizeof(info->cmdline)));
	CHECK(info->nr_modules <= BOOT_MODULES_MAX);
	for (unsigned int i = 0; i < info->nr_modules; i++) {
		CHECK(info->modules[i].start <= info->modules[i].end);
		CHECK(memchr(info->modules[i].name, '\0', sizeof(info->modules[i].name)));
	}
	CHECK(!info->rsdp_len || (info->rsdp_len >= 20 && info->rsdp_len <= BOOT_RSDP_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t end_tag[2] = { MB2_TAG_END, 8 };
	struct fuzz_input in = { data, data + size };
	uint8_t flags = fuzz_u8(&in);
	size_t len = (size_t)(in.end - in.at), total = (len + 7) & ~7UL;
	static struct boot_info info;
	const char *error;
	uint32_t *block;

	if (flags & ADD_END)
		total += 8;
	block = fuzz_block(&in, total, 0);
	if (flags & ADD_END)
		memcpy((char *)block + total - 8, end_tag, 8);
	if (flags & FIX_SIZE && total)
		block[0] = (uint32_t)total;
	if (multiboot2_parse(block, total, &info, &error)) {
		CHECK(error);
	} else {
		CHECK(!error);
		check(&info);
	}
	free(block);
	return 0;
}

/* Tags as GRUB writes them: each line is type, size, contents. */
size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	/* clang-format off */
	static const uint32_t words[] = {
		0, 0,
		MB2_TAG_CMDLINE, 16, 0x746f6f72, 0x0061763d,
		MB2_TAG_MODULE, 24, 0x200000, 0x201000, 0x20646f6d, 0x00656e6f,
		MB2_TAG_MMAP, 88, 24, 0,
		0, 0, 0x9fc00, 0, MB2_MEMORY_AVAILABLE, 0,
		0x9f000, 0, 0x1000, 0, MB2_MEMORY_ACPI, 0,
		0x100000, 0, 0x7ee0000, 0, MB2_MEMORY_AVAILABLE, 0,
#define WORDS_BEFORE_ELF 34
		MB2_TAG_ELF_SECTIONS, 20 + 128, 2, 64, 1,
		0, 2, 0, 0, 0x400000, 0, 0, 0, 0x300, 0, 1, 0, 0, 0, 24, 0,
		0, 3, 0, 0, 0x401000, 0, 0, 0, 0x100, 0, 0, 0, 0, 0, 0, 0, 0,
		MB2_TAG_ACPI_OLD, 28, 0x20445352, 0x20525450, 0, 0, 0, 0,
		MB2_TAG_ACPI_NEW, 44, 0x20445352, 0x20525450, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	/* clang-format on */

	if (n > 1 || size < sizeof(words) + 1)
		return 0;
	buf[0] = FIX_SIZE | ADD_END;
	memcpy(buf + 1, words, sizeof(words));
	return 1 + (n ? WORDS_BEFORE_ELF * 4 : sizeof(words));
}
