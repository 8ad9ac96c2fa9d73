/* SOURCES: arch/x86_64/boot/multiboot2.c mm/frame/early.c lib/string.c */
/* SPDX-License-Identifier: MIT */
/*
 * Boot information, whole and broken. Each case lies at the very end of a heap block, so that ASan sees
 * the first byte read past it.
 */
#include "tests/unit/test.h"

#include "arch/x86_64/boot/multiboot2.h"
#include "kernel/core/panic.h"
#include "lib/errno.h"

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

void boot_fail(const char *fmt, ...)
{
	fail_msg("boot_fail: %s", fmt);
	abort();
}

/* Under construction; 8-aligned. */
static struct {
	uint64_t align;
	unsigned char byte[16384];
} image;
static size_t used;

static void put(const void *p, size_t n)
{
	memcpy(image.byte + used, p, n);
	used += n;
}

static void put32(uint32_t v)
{
	put(&v, 4);
}

static void put64(uint64_t v)
{
	put(&v, 8);
}

static void pad(void)
{
	while (used % 8)
		image.byte[used++] = 0;
}

static void begin(void)
{
	used = 0;
	put32(0);
	put32(0);
}

static size_t begin_tag(uint32_t type)
{
	pad();
	put32(type);
	put32(0);
	return used - 8;
}

static void end_tag(size_t at)
{
	uint32_t size = (uint32_t)(used - at);

	memcpy(image.byte + at + 4, &size, 4);
}

static void set_total(uint32_t total)
{
	memcpy(image.byte, &total, 4);
}

static void finish(void)
{
	size_t at = begin_tag(MB2_TAG_END);

	end_tag(at);
	set_total((uint32_t)used);
}

static void put_string_tag(uint32_t type, const char *s)
{
	size_t at = begin_tag(type);

	put(s, strlen(s) + 1);
	end_tag(at);
}

static void put_map(const uint64_t (*pieces)[3], size_t n)
{
	size_t at = begin_tag(MB2_TAG_MMAP);

	put32(24);
	put32(0);
	for (size_t i = 0; i < n; i++) {
		put64(pieces[i][0]);
		put64(pieces[i][1]);
		put32((uint32_t)pieces[i][2]);
		put32(0);
	}
	end_tag(at);
}

static const uint64_t simple_map[][3] = { { 0x100000, 0x7f00000, 1 } };

static void put_simple_map(void)
{
	put_map(simple_map, 1);
}

/* Parse the first @len bytes, in a block that ends with them. */
static int parse_len(size_t len, struct boot_info *info, const char **error)
{
	size_t size = (len + 7) / 8 * 8;
	unsigned char *block = malloc(size ? size : 8);
	int err;

	/*
	 * An odd tail would put the end of the block behind the data: such lengths test whole
	 * words.
	 */
	memset(block, 0xee, size ? size : 8);
	memcpy(block, image.byte, len);
	err = multiboot2_parse(block, len, info, error);
	free(block);
	return err;
}

static int parse(struct boot_info *info)
{
	const char *error;
	int err = parse_len(used, info, &error);

	assert_true((err == 0) == (error == NULL));
	return err;
}

static void whole(void **state)
{
	static const uint64_t map[][3] = {
		{ 0x100000, 0x7ee0000, 1 },     { 0, 0x9fc00, 1 },
		{ 0x9fc00, 0x400, 2 },          { 0x7fe0000, 0x20000, 2 },
		{ 0x100000000, 0x40000000, 1 },
	};
	struct boot_info info;
	size_t at;

	(void)state;
	begin();
	put_string_tag(MB2_TAG_CMDLINE, "root=/dev/vda limit=5");
	put_string_tag(2, "GRUB 2.06"); /* loader name: skipped */
	at = begin_tag(MB2_TAG_MODULE);
	put32(0x200000);
	put32(0x201000);
	put("mod one", 8);
	end_tag(at);
	put_map(map, 5);
	at = begin_tag(MB2_TAG_ACPI_OLD);
	put("RSD PTR old revision", 20);
	end_tag(at);
	finish();
	assert_int_equal(parse(&info), 0);
	assert_string_equal(info.cmdline, "root=/dev/vda limit=5");
	assert_false(info.cmdline_truncated);
	assert_int_equal(info.nr_modules, 1);
	assert_int_equal(info.modules[0].start, 0x200000);
	assert_int_equal(info.modules[0].end, 0x201000);
	assert_string_equal(info.modules[0].name, "mod one");
	assert_int_equal(info.nr_ram, 3);
	assert_int_equal(info.ram[0].start, 0);
	assert_int_equal(info.ram[0].end, 0x9fc00);
	assert_int_equal(info.ram[1].start, 0x100000);
	assert_int_equal(info.ram[1].end, 0x7fe0000);
	assert_int_equal(info.ram[2].end, 0x140000000);
	assert_int_equal(info.rsdp_len, 20);
	assert_memory_equal(info.rsdp, "RSD PTR old", 11);
}

static void newer_acpi_root_wins(void **state)
{
	struct boot_info info;

	(void)state;
	for (int old_first = 0; old_first < 2; old_first++) {
		begin();
		put_simple_map();
		for (int i = 0; i < 2; i++) {
			bool old = i == !old_first;
			char rsdp[36] = { old ? 'o' : 'n' };
			size_t at = begin_tag(old ? MB2_TAG_ACPI_OLD : MB2_TAG_ACPI_NEW);

			put(rsdp, old ? 20 : 36);
			end_tag(at);
		}
		finish();
		assert_int_equal(parse(&info), 0);
		assert_int_equal(info.rsdp_len, 36);
		assert_int_equal(info.rsdp[0], 'n');
	}
}

static void overlaps(void **state)
{
	static const uint64_t map[][3] = {
		{ 0x200000, 0x100000, 1 },
		{ 0x100000, 0x180000, 1 },         /* overlap: one piece */
		{ 0x300000, 0x100000, 1 },         /* touches: the same piece */
		{ 0x180000, 0x1000, 2 },           /* a hole in it */
		{ 0x3ff000, 0x10000, 5 },          /* bad RAM over its end */
		{ 0xfffffffffffff000, 0x2000, 2 }, /* wraps: cut at the top */
		{ 0x500000, 0, 1 },                /* empty */
	};
	struct boot_info info;

	(void)state;
	begin();
	put_map(map, 7);
	finish();
	assert_int_equal(parse(&info), 0);
	assert_int_equal(info.nr_ram, 2);
	assert_int_equal(info.ram[0].start, 0x100000);
	assert_int_equal(info.ram[0].end, 0x180000);
	assert_int_equal(info.ram[1].start, 0x181000);
	assert_int_equal(info.ram[1].end, 0x3ff000);
}

static void too_many_pieces(void **state)
{
	struct boot_info info;
	size_t at;

	(void)state;
	begin();
	at = begin_tag(MB2_TAG_MMAP);
	put32(24);
	put32(0);
	for (uint64_t i = 0; i < BOOT_MEM_MAX + 10; i++) {
		put64(i << 20);
		put64(0x1000);
		put64(1);
	}
	end_tag(at);
	finish();
	assert_int_equal(parse(&info), 0);
	assert_true(info.ram_truncated);
	assert_int_equal(info.nr_ram, BOOT_MEM_MAX);
}

static void every_truncation_fails(void **state)
{
	struct boot_info info;
	const char *error;

	(void)state;
	begin();
	put_string_tag(MB2_TAG_CMDLINE, "limit=1");
	put_simple_map();
	finish();
	assert_int_equal(parse(&info), 0);
	for (size_t len = 0; len < used; len++) {
		/* As said in total_size, and cut by the reader's limit. */
		set_total((uint32_t)len);
		assert_int_equal(parse_len(len, &info, &error), -EINVAL);
		assert_non_null(error);
		set_total((uint32_t)used);
		assert_int_equal(parse_len(len, &info, &error), -EINVAL);
	}
}

static void bad_tag_sizes(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 7, 0x1000, 0xfffffff8, 0xffffffff };
	struct boot_info info;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin();
		put_simple_map();
		pad();
		put32(MB2_TAG_CMDLINE);
		put32(sizes[i]);
		put64(0);
		finish();
		assert_int_equal(parse(&info), -EINVAL);
	}
}

static void bad_map(void **state)
{
	static const uint32_t entry_sizes[] = { 0, 8, 23 };
	struct boot_info info;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t at;

		begin();
		at = begin_tag(MB2_TAG_MMAP);
		put32(entry_sizes[i]);
		put32(0);
		put64(0);
		put64(0x100000);
		put64(1);
		end_tag(at);
		finish();
		assert_int_equal(parse(&info), -EINVAL);
	}
	begin();
	end_tag(begin_tag(MB2_TAG_MMAP));
	finish();
	assert_int_equal(parse(&info), -EINVAL);
	begin();
	finish();
	assert_int_equal(parse(&info), -EINVAL); /* no map at all */
}

/* Entries longer than we know, with a size that is no multiple of 8. */
static void long_entries(void **state)
{
	struct boot_info info;
	size_t at;

	(void)state;
	begin();
	at = begin_tag(MB2_TAG_MMAP);
	put32(29);
	put32(1);
	for (uint64_t i = 0; i < 3; i++) {
		put64(i << 24);
		put64(0x1000);
		put32(1);
		put("123456789", 9);
	}
	end_tag(at);
	finish();
	assert_int_equal(parse(&info), 0);
	assert_int_equal(info.nr_ram, 3);
	assert_int_equal(info.ram[2].start, 2 << 24);
}

static void misaligned(void **state)
{
	struct boot_info info;
	const char *error;
	unsigned char *block;

	(void)state;
	begin();
	put_simple_map();
	finish();
	block = malloc(used + 8);
	for (size_t shift = 1; shift < 8; shift++) {
		memcpy(block + shift, image.byte, used);
		assert_int_equal(multiboot2_parse(block + shift, used, &info, &error), -EINVAL);
	}
	free(block);
}

static void strings_without_end(void **state)
{
	struct boot_info info;
	char *longest = malloc(BOOT_CMDLINE_MAX + 1);
	size_t at;

	(void)state;
	begin();
	put_simple_map();
	at = begin_tag(MB2_TAG_CMDLINE);
	put("no-nul-here", 11);
	end_tag(at);
	finish();
	assert_int_equal(parse(&info), 0);
	assert_true(info.cmdline_truncated);
	assert_string_equal(info.cmdline, "no-nul-here");

	memset(longest, 'x', BOOT_CMDLINE_MAX);
	longest[BOOT_CMDLINE_MAX] = '\0';
	begin();
	put_simple_map();
	put_string_tag(MB2_TAG_CMDLINE, longest);
	finish();
	assert_int_equal(parse(&info), 0);
	assert_true(info.cmdline_truncated);
	assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
	free(longest);
}

static void odd_modules(void **state)
{
	struct boot_info info;
	size_t at;

	(void)state;
	begin();
	put_simple_map();
	end_tag(begin_tag(MB2_TAG_MODULE)); /* no body */
	at = begin_tag(MB2_TAG_MODULE);     /* ends before it starts */
	put32(0x2000);
	put32(0x1000);
	put("x", 2);
	end_tag(at);
	for (int i = 0; i < BOOT_MODULES_MAX + 3; i++) {
		at = begin_tag(MB2_TAG_MODULE);
		put32(0x1000);
		put32(0x2000);
		put("m", 2);
		end_tag(at);
	}
	finish();
	assert_int_equal(parse(&info), 0);
	assert_int_equal(info.nr_modules, BOOT_MODULES_MAX);
}

static void put_section(uint32_t type, uint64_t addr, uint64_t size, uint32_t link)
{
	put32(0);
	put32(type);
	put64(0);
	put64(addr);
	put64(0);
	put64(size);
	put32(link);
	put32(0);
	put64(0);
	put64(0);
}

static void elf_sections(void **state)
{
	static const struct {
		uint32_t num, entsize, link;
		bool found;
	} cases[] = {
		{ 3, 64, 2, true },           { 3, 64, 3, false }, { 3, 64, 0xffffffff, false },
		{ 4, 64, 2, false },          { 3, 0, 2, false },  { 3, 63, 2, false },
		{ 0xffffffff, 64, 2, false }, { 0, 64, 2, false },
	};
	struct boot_info info;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t at;

		begin();
		put_simple_map();
		at = begin_tag(MB2_TAG_ELF_SECTIONS);
		put32(cases[i].num);
		put32(cases[i].entsize);
		put32(0);
		put_section(0, 0, 0, 0);
		put_section(2, 0x300000, 240, cases[i].link);
		put_section(3, 0x310000, 100, 0);
		end_tag(at);
		finish();
		assert_int_equal(parse(&info), 0);
		assert_int_equal(info.symtab.size, cases[i].found ? 240 : 0);
		if (cases[i].found) {
			assert_int_equal(info.symtab.start, 0x300000);
			assert_int_equal(info.strtab.start, 0x310000);
			assert_int_equal(info.strtab.size, 100);
		}
	}
}

/* Flip bytes at random: whatever comes out, nothing outside is read and the result is sane. */
static void random_damage(void **state)
{
	uint64_t seed = 0x5eed;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct boot_info info;
		const char *error;
		int err;

		begin();
		put_string_tag(MB2_TAG_CMDLINE, "root=/dev/vda");
		put_simple_map();
		put_string_tag(MB2_TAG_ACPI_NEW, "RSD PTR 0123456789012345678901234567");
		finish();
		for (int n = 0; n < 4; n++)
			image.byte[test_random(&seed) % used] = (unsigned char)test_random(&seed);
		err = parse_len(used, &info, &error);
		CHECK(err == 0 || (err == -EINVAL && error));
		CHECK(info.nr_ram <= BOOT_MEM_MAX && info.rsdp_len <= BOOT_RSDP_MAX);
		for (unsigned int i = 0; i < info.nr_ram; i++)
			CHECK(info.ram[i].start < info.ram[i].end);
		CHECK(memchr(info.cmdline, 0, sizeof(info.cmdline)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(newer_acpi_root_wins),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(too_many_pieces),
		cmocka_unit_test(every_truncation_fails),
		cmocka_unit_test(bad_tag_sizes),
		cmocka_unit_test(bad_map),
		cmocka_unit_test(long_entries),
		cmocka_unit_test(misaligned),
		cmocka_unit_test(strings_without_end),
		cmocka_unit_test(odd_modules),
		cmocka_unit_test(elf_sections),
		cmocka_unit_test(random_damage),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
