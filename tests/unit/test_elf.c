/* SOURCES: kernel/proc/elf.c kernel/proc/script.c */
/* SPDX-License-Identifier: MIT */
/*
 * The ELF and script parsers of exec, fed with programs that are right, wrong in one place, and
 * noise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/proc/elf.h"
#include "lib/errno.h"
#include "lib/util.h"

#define TASK_SIZE 0x7ffffffff000ULL
#define PAGE 4096ULL

static struct elf64_ehdr good_header(void)
{
	struct elf64_ehdr ehdr = {
		.e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_entry = 0x401000,
		.e_phoff = 64,
		.e_ehsize = 64,
		.e_phentsize = sizeof(struct elf64_phdr),
		.e_phnum = 2,
	};

	return ehdr;
}

static int parse(const struct elf64_ehdr *ehdr)
{
	struct elf64_ehdr out;

	return elf_parse_header(ehdr, sizeof(*ehdr), &out);
}

static void header_good(void **state)
{
	struct elf64_ehdr ehdr = good_header(), out;

	(void)state;
	assert_int_equal(elf_parse_header(&ehdr, sizeof(ehdr), &out), 0);
	assert_memory_equal(&ehdr, &out, sizeof(out));
	assert_int_equal(elf_phdrs_size(&out), 112);
	ehdr.e_type = ET_DYN;
	assert_int_equal(parse(&ehdr), 0);
}

/* A buffer of exactly @len bytes, so that the sanitizer sees a read beyond it. */
static void header_short(void **state)
{
	struct elf64_ehdr ehdr = good_header(), out;
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(ehdr); len++) {
		char *buf = malloc(len ? len : 1);

		memcpy(buf, &ehdr, len);
		assert_int_equal(elf_parse_header(buf, len, &out), -ENOEXEC);
		free(buf);
	}
}

#define BAD_HEADER(field, value)                          \
	do {                                              \
		struct elf64_ehdr bad_ = good_header();   \
                                                          \
		bad_.field = (value);                     \
		assert_int_equal(parse(&bad_), -ENOEXEC); \
	} while (0)

static void header_bad(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		BAD_HEADER(e_ident[i], 0);
	BAD_HEADER(e_machine, 3);
	BAD_HEADER(e_machine, 183);
	BAD_HEADER(e_phentsize, 0);
	BAD_HEADER(e_phentsize, 55);
	BAD_HEADER(e_phentsize, 32);
	BAD_HEADER(e_phnum, 0);
	BAD_HEADER(e_phnum, 1171); /* 1171 * 56 > 65536 */
	BAD_HEADER(e_phnum, 0xffff);
	BAD_HEADER(e_phoff, ~0ULL);
	BAD_HEADER(e_phoff, 1ULL << 63);
}

static void phdrs_layout(void **state)
{
	struct elf64_ehdr ehdr = good_header();
	struct elf64_phdr phdrs[] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R,
		  .p_vaddr = 0x400000,
		  .p_filesz = 0x200,
		  .p_memsz = 0x200,
		  .p_align = PAGE },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_offset = 0x2e10,
		  .p_vaddr = 0x403e10,
		  .p_filesz = 0x200,
		  .p_memsz = 0x1400,
		  .p_align = 0x200000 },
		{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
	};
	struct elf_layout layout;

	(void)state;
	ehdr.e_phnum = 3;
	elf_parse_phdrs(&ehdr, phdrs, &layout);
	assert_int_equal(layout.nr_load, 2);
	assert_int_equal(layout.start, 0x400000);
	assert_int_equal(layout.end, 0x406000);
	assert_int_equal(layout.align, 0x200000);
	assert_int_equal(layout.phdr_vaddr, 0x400040);
	assert_false(layout.has_interp);
	assert_false(layout.exec_stack);
	phdrs[2].p_flags |= PF_X;
	elf_parse_phdrs(&ehdr, phdrs, &layout);
	assert_true(layout.exec_stack);
	phdrs[1].p_align = 0x30000; /* no power of two: ignored */
	elf_parse_phdrs(&ehdr, phdrs, &layout);
	assert_int_equal(layout.align, PAGE);
	ehdr.e_phoff = 0x10000; /* in no segment */
	elf_parse_phdrs(&ehdr, phdrs, &layout);
	assert_int_equal(layout.phdr_vaddr, 0);
}

static void phdrs_interp(void **state)
{
	static const struct {
		u64 offset, size;
		int ret;
	} cases[] = {
		{ 0x100, 0, -ENOEXEC },     { 0x100, 1, -ENOEXEC },  { 0x100, 2, 0 },
		{ 0x100, 28, 0 },           { 0x100, 4096, 0 },      { 0x100, 4097, -ENOEXEC },
		{ 0x100, ~0ULL, -ENOEXEC }, { ~0ULL, 28, -ENOEXEC },
	};
	struct elf64_ehdr ehdr = good_header();
	struct elf64_phdr phdr = { .p_type = PT_INTERP };
	struct elf_layout layout;
	size_t i;

	(void)state;
	ehdr.e_phnum = 1;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		phdr.p_offset = cases[i].offset;
		phdr.p_filesz = cases[i].size;
		elf_parse_phdrs(&ehdr, &phdr, &layout);
		assert_true(layout.has_interp);
		assert_int_equal(layout.nr_load, 0);
		assert_int_equal(elf_check_program(&ehdr, &layout), cases[i].ret);
	}
	assert_int_equal(elf_parse_interp("/lib/ld.so", 11), 0);
	assert_int_equal(elf_parse_interp("/lib/ld.so", 10), -ENOEXEC);
	assert_int_equal(elf_parse_interp("", 0), -ENOEXEC);
}

/* Of a program all that cannot be mapped is refused; an interpreter's type is seen only then. */
static void types(void **state)
{
	static const u16 bad[] = { 0, 1, 4, 0xffff };
	struct elf64_ehdr ehdr = good_header();
	struct elf_layout layout = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(elf_check_program(&ehdr, &layout), 0);
	ehdr.e_type = ET_DYN;
	assert_int_equal(elf_check_program(&ehdr, &layout), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ehdr.e_type = bad[i];
		assert_int_equal(parse(&ehdr), 0);
		assert_false(elf_can_map(&ehdr));
		assert_int_equal(elf_check_program(&ehdr, &layout), -ENOEXEC);
	}
}

static void segment_good(void **state)
{
	struct elf64_phdr phdr = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = 0x2e10,
		.p_vaddr = 0x403e10,
		.p_filesz = 0x300,
		.p_memsz = 0x1400,
	};
	struct elf_segment seg;

	(void)state;
	assert_int_equal(elf_parse_segment(&phdr, TASK_SIZE, &seg), 0);
	assert_int_equal(seg.map_start, 0x403000);
	assert_int_equal(seg.map_size, 0x2000);
	assert_int_equal(seg.file_offset, 0x2000);
	assert_int_equal(seg.zero_start, 0x404110);
	assert_int_equal(seg.zero_end, 0x405000);
	assert_int_equal(seg.bss_start, 0x405000);
	assert_int_equal(seg.bss_end, 0x406000);
	assert_int_equal(seg.prot, 3);
	/* Nothing behind the file's part: its page keeps what the file has. */
	phdr.p_memsz = phdr.p_filesz;
	phdr.p_flags = PF_R | PF_X;
	assert_int_equal(elf_parse_segment(&phdr, TASK_SIZE, &seg), 0);
	assert_int_equal(seg.zero_start, seg.zero_end);
	assert_int_equal(seg.bss_start, seg.bss_end);
	assert_int_equal(seg.prot, 5);
	/* Only bss, page aligned: no file mapping. */
	phdr = (struct elf64_phdr){ .p_type = PT_LOAD, .p_vaddr = 0x500000, .p_memsz = 1 };
	assert_int_equal(elf_parse_segment(&phdr, TASK_SIZE, &seg), 0);
	assert_int_equal(seg.map_size, 0);
	assert_int_equal(seg.zero_start, seg.zero_end);
	assert_int_equal(seg.bss_start, 0x500000);
	assert_int_equal(seg.bss_end, 0x501000);
	/* Nothing at all. */
	phdr.p_memsz = 0;
	assert_int_equal(elf_parse_segment(&phdr, TASK_SIZE, &seg), 0);
	assert_int_equal(seg.map_size, 0);
	assert_int_equal(seg.bss_end, seg.bss_start);
}

static void segment_bad(void **state)
{
	static const struct elf64_phdr bad[] = {
		{ .p_vaddr = 0x400000, .p_filesz = 2, .p_memsz = 1 },
		{ .p_vaddr = 0x400000, .p_filesz = 0, .p_memsz = TASK_SIZE + 1 },
		{ .p_vaddr = 0x400000, .p_filesz = ~0ULL, .p_memsz = ~0ULL },
		{ .p_vaddr = TASK_SIZE, .p_memsz = 1 },
		{ .p_vaddr = TASK_SIZE - 1, .p_memsz = 2 },
		{ .p_vaddr = ~0ULL, .p_memsz = 0 },
		{ .p_vaddr = 0xffffffff80000000ULL, .p_filesz = 4096, .p_memsz = 4096 },
		{ .p_vaddr = 0x400123,
		  .p_offset = 0x100,
		  .p_filesz = 1,
		  .p_memsz = 1 }, /* would start before the file */
		{ .p_vaddr = 0x400000, .p_offset = 1ULL << 63, .p_filesz = 1, .p_memsz = 1 },
	};
	struct elf_segment seg;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(elf_parse_segment(&bad[i], TASK_SIZE, &seg), -EINVAL);
}

/*
 * Whatever the bytes are: no undefined behaviour, and what is accepted lies below the end of user
 * space.
 */
static void noise(void **state)
{
	static const u64 edges[] = {
		0,         1,          4095, 4096, TASK_SIZE - 1, TASK_SIZE, TASK_SIZE + 1,
		INT64_MAX, 1ULL << 63, ~0ULL
	};
	unsigned int round, i;

	(void)state;
	srandom(1);
	for (round = 0; round < 200000; round++) {
		struct elf64_ehdr ehdr = good_header();
		struct elf64_phdr phdrs[4];
		struct elf_layout layout;
		struct elf_segment seg;
		u64 *words = (u64 *)phdrs;

		for (i = 0; i < sizeof(phdrs) / 8; i++)
			words[i] = random() & 1 ? edges[(size_t)random() % ARRAY_SIZE(edges)] :
						  (u64)random() << (random() % 34);
		for (i = 0; i < 4; i++)
			phdrs[i].p_type = random() & 1 ? PT_LOAD : PT_INTERP;
		ehdr.e_phnum = 4;
		ehdr.e_phoff = (u64)random() % 8192;
		elf_parse_phdrs(&ehdr, phdrs, &layout);
		for (i = 0; i < 4; i++) {
			if (elf_parse_segment(&phdrs[i], TASK_SIZE, &seg))
				continue;
			assert_true(seg.map_start + seg.map_size <= TASK_SIZE);
			assert_true(seg.zero_start <= seg.zero_end && seg.zero_end <= TASK_SIZE);
			assert_true(seg.bss_start <= seg.bss_end && seg.bss_end <= TASK_SIZE);
			assert_true(seg.zero_end - seg.zero_start < PAGE);
		}
	}
}

struct script_case {
	const char *text;
	int ret;
	const char *interp, *arg;
};

static void scripts(void **state)
{
	static const struct script_case cases[] = {
		{ "#!/bin/sh\necho\n", 0, "/bin/sh", "" },
		{ "#! /bin/sh\n", 0, "/bin/sh", "" },
		{ "#!\t /bin/sh \t\n", 0, "/bin/sh", "" },
		{ "#!/bin/sh -e\n", 0, "/bin/sh", "-e" },
		{ "#!/usr/bin/env a b  c \n", 0, "/usr/bin/env", "a b  c" },
		{ "#!/bin/sh", 0, "/bin/sh", "" },
		{ "#!/bin/sh -e  ", 0, "/bin/sh", "-e  " },
		{ "#!x", 0, "x", "" },
		{ "#!\n/bin/sh\n", -ENOEXEC, NULL, NULL },
		{ "#!  \n", -ENOEXEC, NULL, NULL },
		{ "#!", -ENOEXEC, NULL, NULL },
		{ "#", -ENOEXEC, NULL, NULL },
		{ "", -ENOEXEC, NULL, NULL },
		{ "echo\n", -ENOEXEC, NULL, NULL },
		{ " #!/bin/sh\n", -ENOEXEC, NULL, NULL },
	};
	struct script script;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = strlen(cases[i].text);
		char *buf = malloc(len ? len : 1); /* no NUL behind it */

		memcpy(buf, cases[i].text, len);
		assert_int_equal(script_parse(buf, len, &script), cases[i].ret);
		free(buf);
		if (cases[i].ret)
			continue;
		assert_string_equal(script.interp, cases[i].interp);
		assert_string_equal(script.arg, cases[i].arg);
	}
}

static void scripts_cut(void **state)
{
	char buf[SCRIPT_LINE_MAX];
	struct script script;

	(void)state;
	/* The name may go on beyond what was read. */
	memset(buf, 'x', sizeof(buf));
	memcpy(buf, "#!", 2);
	assert_int_equal(script_parse(buf, sizeof(buf), &script), -ENOEXEC);
	/* The argument may too: it is cut, in front of the last byte, which is only looked at. */
	memcpy(buf, "#!/bin/sh ", 10);
	assert_int_equal(script_parse(buf, sizeof(buf), &script), 0);
	assert_string_equal(script.interp, "/bin/sh");
	assert_int_equal(strlen(script.arg), sizeof(buf) - 11);
	/* The whole file is one name, and one byte shorter than the limit. */
	memset(buf + 2, 'y', sizeof(buf) - 2);
	assert_int_equal(script_parse(buf, sizeof(buf) - 1, &script), 0);
	assert_int_equal(strlen(script.interp), sizeof(buf) - 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_good),  cmocka_unit_test(header_short),
		cmocka_unit_test(header_bad),   cmocka_unit_test(phdrs_layout),
		cmocka_unit_test(phdrs_interp), cmocka_unit_test(segment_good),
		cmocka_unit_test(types),
		cmocka_unit_test(segment_bad),  cmocka_unit_test(noise),
		cmocka_unit_test(scripts),      cmocka_unit_test(scripts_cut),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
