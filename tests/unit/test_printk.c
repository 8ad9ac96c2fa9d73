/* SOURCES: kernel/core/printk.c kernel/core/param.c lib/kstrtox.c lib/vsprintf.c lib/string.c */
/* SPDX-License-Identifier: MIT */
/* The kernel log where an interrupt that nothing keeps out speaks within a line. */
#include "tests/unit/test.h"

#include "arch/x86_64/cpu/uart.h"
#include "kernel/core/printk.h"

static char com1[4096], com2[4096];
static void (*within)(void); /* comes once, in the middle of what goes to a port */

u64 arch_clock_ns(void)
{
	return 1500000000;
}

static void put(char *port, const char *s, size_t n)
{
	size_t length = strlen(port);

	memcpy(port + length, s, n);
	port[length + n] = '\0';
}

void uart_write(u16 port, const char *s, size_t n)
{
	void (*interrupt)(void) = within;
	char *to = port == UART_COM1 ? com1 : com2;

	put(to, s, n / 2);
	within = NULL;
	if (interrupt)
		interrupt();
	put(to, s + n / 2, n - n / 2);
}

static int fresh(void **state)
{
	(void)state;
	com1[0] = com2[0] = '\0';
	within = NULL;
	return 0;
}

static void once(void)
{
	pr_warn("nmi");
}

static void many(void)
{
	for (int i = 0; i < 4; i++)
		pr_warn("nmi %d", i);
}

static void again(void)
{
	within = once; /* finds the line of the first being put out */
	pr_warn("first");
}

static void record_within_record(void **state)
{
	u64 from = log_end_position();
	char text[128] = "";

	(void)state;
	within = once;
	pr_info("whole");
	assert_string_equal(com2, "[    1.500000] whole\n[    1.500000] nmi\n");
	log_read(&from, text, sizeof(text) - 1);
	assert_string_equal(text, "<6>[    1.500000] whole\n<4>[    1.500000] nmi\n");
}

static void several(void **state)
{
	(void)state;
	within = many;
	pr_info("whole");
	assert_string_equal(com2,
			    "[    1.500000] whole\n[    1.500000] nmi 0\n[    1.500000] nmi 1\n"
			    "[    1.500000] nmi 2\n[    1.500000] nmi 3\n");
}

static void while_the_waiting_is_put_out(void **state)
{
	(void)state;
	within = again;
	pr_info("whole");
	assert_string_equal(com2,
			    "[    1.500000] whole\n[    1.500000] first\n[    1.500000] nmi\n");
}

static void line_of_the_end(void **state)
{
	(void)state;
	within = once;
	log_port_line("power-off: status 0\n");
	assert_string_equal(com2, "power-off: status 0\n[    1.500000] nmi\n");
}

static void not_shown_is_not_shown_later(void **state)
{
	(void)state;
	console_loglevel = LOGLEVEL_WARN;
	within = once;
	pr_err("whole");
	assert_string_equal(com2, "[    1.500000] whole\n");
	console_loglevel = LOGLEVEL_DEBUG;
}

static void faults(void)
{
	printk_interrupted_by_fault();
	pr_err("oops");
}

/* Last: there is no way back from an emergency. */
static void fault_within_record(void **state)
{
	(void)state;
	printk_interrupted_by_fault(); /* no record is underway: no emergency */
	pr_info("calm");
	assert_string_equal(com1, "");
	within = faults;
	pr_info("whole");
	assert_non_null(strstr(com1, "[    1.500000] oops\n"));
	assert_non_null(strstr(com2, "[    1.500000] oops\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(record_within_record, fresh),
		cmocka_unit_test_setup(several, fresh),
		cmocka_unit_test_setup(while_the_waiting_is_put_out, fresh),
		cmocka_unit_test_setup(line_of_the_end, fresh),
		cmocka_unit_test_setup(not_shown_is_not_shown_later, fresh),
		cmocka_unit_test_setup(fault_within_record, fresh),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
