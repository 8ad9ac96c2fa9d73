/* SOURCES: kernel/core/param.c lib/kstrtox.c lib/vsprintf.c lib/string.c */
/* SPDX-License-Identifier: MIT */
/* The kernel command line: knobs set, and what is said about words that are not. */
#include "tests/unit/test.h"

#include "kernel/core/param.h"
#include "lib/errno.h"

static unsigned long number;
static bool flag;
static char text[32];

static int set_number(const char *value)
{
	return param_number(value, 0, 7, &number);
}

static int set_flag(const char *value)
{
	return param_bool(value, &flag);
}

static int set_text(const char *value)
{
	snprintf(text, sizeof(text), "%s", value);
	return 0;
}

static int set_plain(const char *value)
{
	flag = true;
	return *value ? -EINVAL : 0;
}

static const struct knob knobs[] = {
	{ "level", "0..7", "a number", set_number },
	{ "faults", "0|1", "a switch", set_flag },
	{ "root", "DEVICE", "a text", set_text },
	{ "plain", "", "no value", set_plain },
};

static enum param_error parse(const char *cmdline, struct param_result *res)
{
	number = 99;
	flag = false;
	text[0] = '\0';
	return param_parse(cmdline, knobs, knobs + 4, res);
}

static void all_kinds(void **state)
{
	struct param_result res;

	(void)state;
	assert_int_equal(parse("/boot/faultline level=3  faults=1\troot=/dev/vda\n", &res),
			 PARAM_OK);
	assert_int_equal(number, 3);
	assert_true(flag);
	assert_string_equal(text, "/dev/vda");
	assert_int_equal(parse("", &res), PARAM_OK);
	assert_int_equal(parse("   ", &res), PARAM_OK);
	assert_int_equal(parse("root=a=b", &res), PARAM_OK);
	assert_string_equal(text, "a=b");
	assert_int_equal(parse("level=1 level=2", &res), PARAM_OK);
	assert_int_equal(number, 2);
	assert_false(flag);
	assert_int_equal(parse("plain level=1", &res), PARAM_OK);
	assert_true(flag);
	assert_int_equal(parse("plain=1", &res), PARAM_BAD_VALUE);
}

static void bad_words(void **state)
{
	static const struct {
		const char *cmdline;
		enum param_error error;
		const char *word;
	} cases[] = {
		{ "lewel=3", PARAM_UNKNOWN, "lewel=3" },
		{ "level=1 quiet faults=1", PARAM_UNKNOWN, "quiet" },
		{ "leve=1", PARAM_UNKNOWN, "leve=1" },
		{ "levels=1", PARAM_UNKNOWN, "levels=1" },
		{ "=1", PARAM_UNKNOWN, "=1" },
		{ "faults", PARAM_NO_VALUE, "faults" },
		{ "faults=", PARAM_BAD_VALUE, "faults=" },
		{ "faults=2", PARAM_BAD_VALUE, "faults=2" },
		{ "faults=yes", PARAM_BAD_VALUE, "faults=yes" },
		{ "level=8", PARAM_BAD_VALUE, "level=8" },
		{ "level=-1", PARAM_BAD_VALUE, "level=-1" },
		{ "level=3x", PARAM_BAD_VALUE, "level=3x" },
		{ "level=99999999999999999999", PARAM_BAD_VALUE, "level=99999999999999999999" },
		{ "level=1 /boot/k", PARAM_UNKNOWN, "/boot/k" },
	};
	struct param_result res;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].cmdline, &res), cases[i].error);
		assert_int_equal(res.error, cases[i].error);
		assert_string_equal(res.word, cases[i].word);
		assert_true((res.knob == NULL) == (cases[i].error == PARAM_UNKNOWN));
	}
}

static void long_word(void **state)
{
	char line[600];
	struct param_result res;

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "root=", 5);
	line[PARAM_VALUE_MAX - 1] = '\0';
	assert_int_equal(parse(line, &res), PARAM_OK);
	line[PARAM_VALUE_MAX - 1] = 'a';
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(parse(line, &res), PARAM_TOO_LONG);
	assert_int_equal(strlen(res.word), PARAM_VALUE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(long_word),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
