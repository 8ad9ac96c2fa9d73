/* SOURCES: arch/x86_64/entry/pf_error.c lib/vsprintf.c lib/string.c */
/* CFLAGS: -Iarch/x86_64/include */
/* SPDX-License-Identifier: MIT */
/* The page fault's error code in words, bits that QEMU never raises included. */
#include "tests/unit/test.h"

#include <asm/pf.h>

static void expect(unsigned long code, const char *words)
{
	char buf[96];

	pf_error_string(code, buf, sizeof(buf));
	assert_string_equal(buf, words);
}

static void test_who_and_what(void **state)
{
	(void)state;
	expect(0, "kernel read from a page that is not present");
	expect(X86_PF_WRITE, "kernel write to a page that is not present");
	expect(X86_PF_USER, "user read from a page that is not present");
	expect(X86_PF_USER | X86_PF_WRITE, "user write to a page that is not present");
	expect(X86_PF_USER | X86_PF_INSTR,
	       "user instruction fetch from a page that is not present");
}

static void test_why(void **state)
{
	(void)state;
	expect(X86_PF_PROT | X86_PF_WRITE | X86_PF_USER,
	       "user write to a present page that does not allow it");
	expect(X86_PF_PROT | X86_PF_INSTR,
	       "kernel instruction fetch from a present page that does not allow it");
	expect(X86_PF_PROT | X86_PF_USER | X86_PF_PK,
	       "user read from a page whose protection key forbids it");
	expect(X86_PF_PROT | X86_PF_USER | X86_PF_SHSTK,
	       "user read from a page by a shadow-stack access that it does not allow");
	expect(X86_PF_PROT | X86_PF_RMP,
	       "kernel read from a page that the reverse map table gives to another guest");
}

/* RSVD wins: the table is broken, whatever else the CPU says (QEMU even omits the P bit). */
static void test_reserved_bit(void **state)
{
	(void)state;
	expect(X86_PF_RSVD | X86_PF_USER,
	       "user read from a page whose table entry has a reserved bit set");
	expect(X86_PF_RSVD | X86_PF_PROT | X86_PF_USER | X86_PF_WRITE,
	       "user write to a page whose table entry has a reserved bit set");
}

static void test_short_buffer(void **state)
{
	char buf[8];

	(void)state;
	pf_error_string(X86_PF_USER, buf, sizeof(buf));
	assert_string_equal(buf, "user re");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_and_what),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_reserved_bit),
		cmocka_unit_test(test_short_buffer),
	};

	TEST_SETUP();
	return cmocka_run_group_tests_name("page-fault error code", tests, NULL, NULL);
}
