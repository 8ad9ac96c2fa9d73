/* SOURCES: lib/kstrtox.c lib/string.c */
/* CFLAGS: -Wno-format -Wno-format-nonliteral -Wno-format-zero-length */
/* SPDX-License-Identifier: MIT */
/*
 * Formatting against libc's snprintf, over all combinations of flags, widths, precisions, lengths
 * and conversions; and the number parsers. lib/vsprintf.c is included with its functions renamed
 * k_*.
 */
#include "tests/unit/test.h"

#include <limits.h>

#include "lib/errno.h"
#include "lib/util.h"
#include "lib/vsprintf.h"

int k_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int k_snprintf(char *buf, size_t size, const char *fmt, ...);

#define LIB_VSPRINTF_TEST
#define vsnprintf k_vsnprintf
#define snprintf k_snprintf
#include "lib/vsprintf.c"
#undef vsnprintf
#undef snprintf

#define BUF 200

/* The same call to both; compares text, length and that nothing is written behind the size. */
static void compare(size_t size, const char *fmt, ...)
{
	char ours[BUF], theirs[BUF];
	va_list a, b;
	int n, want;

	memset(ours, '#', BUF);
	memset(theirs, '#', BUF);
	va_start(a, fmt);
	va_copy(b, a);
	n = k_vsnprintf(ours, size, fmt, a);
	want = vsnprintf(theirs, size, fmt, b);
	va_end(b);
	va_end(a);
	if (n != want || memcmp(ours, theirs, BUF))
		fail_msg("format \"%s\" size %zu: %d \"%.*s\", libc %d \"%.*s\"", fmt, size, n,
			 size ? BUF : 0, ours, want, size ? BUF : 0, theirs);
}

static const unsigned long values[] = {
	0,
	1,
	7,
	8,
	9,
	10,
	99,
	127,
	128,
	255,
	256,
	32767,
	32768,
	65535,
	65536,
	123456789,
	INT_MAX,
	(unsigned int)INT_MIN,
	UINT_MAX,
	(unsigned long)UINT_MAX + 1,
	LONG_MAX,
	(unsigned long)LONG_MIN,
	ULONG_MAX,
	(unsigned long)-42L,
	0xffff888012345678,
};

/* Combination @n of the five flags. */
static void make_flags(char *out, unsigned int n)
{
	for (unsigned int i = 0; i < 5; i++)
		if (n & (1U << i))
			*out++ = "-+ #0"[i];
	*out = '\0';
}

/* One format with every value; a few buffer sizes with one of them. */
static void compare_values(const char *fmt, unsigned int which)
{
	unsigned long v = values[which % ARRAY_SIZE(values)];

	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++)
		compare(BUF, fmt, values[i]);
	compare(0, fmt, v);
	compare(1, fmt, v);
	compare(5, fmt, v);
}

static void test_integers(void **state __maybe_unused)
{
	static const char *const widths[] = { "", "1", "5", "24" };
	static const char *const precisions[] = { "", ".", ".0", ".1", ".6", ".23" };
	static const char *const lens[] = { "", "hh", "h", "l", "ll", "z", "t", "j" };
	const unsigned int combos = 32 * 4 * 6 * 8;
	char flags[6], fmt[32];

	for (unsigned int n = 0; n < combos; n++)
		for (const char *c = "diuxXo"; *c; c++) {
			make_flags(flags, n % 32);
			snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s%c>", flags, widths[n / 32 % 4],
				 precisions[n / 128 % 6], lens[n / 768], *c);
			compare_values(fmt, n);
		}
}

static void test_random_numbers(void **state __maybe_unused)
{
	uint64_t seed = 41;

	for (int i = 0; i < 20000; i++) {
		unsigned long v = test_random(&seed) >> test_random(&seed) % 64;

		compare(BUF, "%ld %lu %lx %lo", v, v, v, v);
		compare(BUF, "%d %u %X %#o %hhd %hu", v, v, v, v, v, v);
	}
}

static void test_strings(void **state __maybe_unused)
{
	static const char *const texts[] = { "", "a", "hello", "a longer string" };

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		compare(BUF, "%s|%10s|%-10s|", texts[i], texts[i], texts[i]);
		compare(BUF, "%.3s|%.0s|%.s|%8.3s|%-8.3s|", texts[i], texts[i], texts[i], texts[i],
			texts[i]);
		compare(BUF, "%*s|%-*s|%.*s|%*.*s|", 7, texts[i], 7, texts[i], 2, texts[i], 9, 4,
			texts[i]);
		compare(BUF, "%*s|%.*s|", -7, texts[i], -1, texts[i]);
		for (size_t size = 0; size < 12; size++)
			compare(size, "[%s]", texts[i]);
	}
	compare(BUF, "%s|%10s|%-10s|", NULL, NULL, NULL);
	compare(BUF, "%c%c%5c|%-5c|%c", 'a', 'b', 'c', 'd', 0);
	compare(BUF, "100%% %%%d%%", 5);
	compare(BUF, "");
	compare(BUF, "no conversion at all");
}

/* The precision bounds what is read, so the string needs no NUL. */
static void test_string_unterminated(void **state __maybe_unused)
{
	char *text = malloc(4);

	memcpy(text, "abcd", 4);
	compare(BUF, "%.4s|%.2s", text, text);
	free(text);
}

static void test_pointers(void **state __maybe_unused)
{
	compare(BUF, "%p|%20p|%-20p|", (void *)0x1234, (void *)0xffff888000000000, (void *)1);
	compare(BUF, "%p|%10p|%-10p|", NULL, NULL, NULL);
}

static void test_stars(void **state __maybe_unused)
{
	for (int w = -12; w <= 12; w++)
		for (int p = -3; p <= 12; p++) {
			compare(BUF, "%*.*d|%0*d|", w, p, 1234, w, -56);
			compare(BUF, "%#*.*x|%-#0*lx|", w, p, 0xbeef, w, 0xcafeUL);
		}
}

/* More arguments than registers, so that both parts of a va_list are used, in mixed widths. */
static void test_many_arguments(void **state __maybe_unused)
{
	compare(BUF, "%d %ld %hhx %s %c %llu %zu %td %x %lo %i %p %s", -1, -2L, 0x3ff, "four", '5',
		6ULL, (size_t)7, (ptrdiff_t)-8, 9U, 10UL, 11, (void *)12, "end");
}

/* What C leaves undefined must stay within the buffer and not touch the other arguments. */
static void test_odd_formats(void **state __maybe_unused)
{
	char buf[64];

	assert_int_equal(k_snprintf(buf, sizeof(buf), "%y %d", 5), 4);
	assert_string_equal(buf, "%y 5");
	assert_int_equal(k_snprintf(buf, sizeof(buf), "x%"), 2);
	assert_string_equal(buf, "x%");
	assert_int_equal(k_snprintf(NULL, 0, "%d", 12345), 5);
	assert_int_equal(k_snprintf(buf, 8, "%99999999999d", 1), INT_MAX);
	assert_string_equal(buf, "       ");
	assert_int_equal(k_snprintf(buf, 8, "%.2000000000d%.2000000000d", 1, 1), INT_MAX);
	assert_string_equal(buf, "0000000");
}

static void test_scnprintf(void **state __maybe_unused)
{
	char buf[8];

	assert_int_equal(scnprintf(buf, sizeof(buf), "%s", "abc"), 3);
	assert_int_equal(scnprintf(buf, sizeof(buf), "%s", "abcdefg"), 7);
	assert_int_equal(scnprintf(buf, sizeof(buf), "%s", "abcdefghij"), 7);
	assert_string_equal(buf, "abcdefg");
	assert_int_equal(scnprintf(buf, 0, "%s", "abc"), 0);
	assert_int_equal(scnprintf(buf, 1, "%s", "abc"), 0);
}

static void check_u64(const char *s, int base, int err, u64 want)
{
	u64 n = 0x5a5a;

	if (kstrtoull(s, base, &n) != err || n != (err ? 0x5a5a : want))
		fail_msg("kstrtoull(\"%s\", %d): %llu", s, base, n);
}

static void test_kstrtoull(void **state __maybe_unused)
{
	check_u64("0", 0, 0, 0);
	check_u64("0", 10, 0, 0);
	check_u64("123", 10, 0, 123);
	check_u64("+123", 0, 0, 123);
	check_u64("0123", 0, 0, 0123);
	check_u64("0123", 10, 0, 123);
	check_u64("0xfF", 0, 0, 255);
	check_u64("0XfF", 16, 0, 255);
	check_u64("ff\n", 16, 0, 255);
	check_u64("1011", 2, 0, 11);
	check_u64("18446744073709551615", 10, 0, ~0ULL);
	check_u64("0xffffffffffffffff", 0, 0, ~0ULL);
	check_u64("18446744073709551616", 10, -ERANGE, 0);
	check_u64("0x10000000000000000", 0, -ERANGE, 0);
	check_u64("99999999999999999999999", 10, -ERANGE, 0);
	check_u64("99999999999999999999999x", 10, -EINVAL, 0);
	check_u64("", 0, -EINVAL, 0);
	check_u64("+", 0, -EINVAL, 0);
	check_u64("++1", 0, -EINVAL, 0);
	check_u64("-1", 0, -EINVAL, 0);
	check_u64("\n", 0, -EINVAL, 0);
	check_u64("0x", 0, -EINVAL, 0);
	check_u64("0x", 16, -EINVAL, 0);
	check_u64("08", 0, -EINVAL, 0);
	check_u64("12", 2, -EINVAL, 0);
	check_u64(" 1", 0, -EINVAL, 0);
	check_u64("1 ", 0, -EINVAL, 0);
	check_u64("1\n\n", 0, -EINVAL, 0);
	check_u64("1\nx", 0, -EINVAL, 0);
	check_u64("1", 1, -EINVAL, 0);
	check_u64("1", 17, -EINVAL, 0);
	check_u64("1", -1, -EINVAL, 0);
}

static void test_kstrto_narrow(void **state __maybe_unused)
{
	unsigned int u;
	unsigned long ul;
	long l;
	s64 ll;
	int i;

	assert_int_equal(kstrtoll("-9223372036854775808", 10, &ll), 0);
	assert_true(ll == INT64_MIN);
	assert_int_equal(kstrtoll("9223372036854775807", 10, &ll), 0);
	assert_true(ll == INT64_MAX);
	assert_int_equal(kstrtoll("9223372036854775808", 10, &ll), -ERANGE);
	assert_int_equal(kstrtoll("-9223372036854775809", 10, &ll), -ERANGE);
	assert_int_equal(kstrtoll("-", 10, &ll), -EINVAL);
	assert_int_equal(kstrtoll("-+1", 10, &ll), -EINVAL);
	assert_int_equal(kstrtoint("-2147483648", 10, &i), 0);
	assert_int_equal(i, INT_MIN);
	assert_int_equal(kstrtoint("2147483648", 10, &i), -ERANGE);
	assert_int_equal(kstrtoint("-0x10", 0, &i), 0);
	assert_int_equal(i, -16);
	assert_int_equal(kstrtouint("4294967295", 10, &u), 0);
	assert_int_equal(u, UINT_MAX);
	assert_int_equal(kstrtouint("4294967296", 10, &u), -ERANGE);
	assert_int_equal(kstrtoul("77", 8, &ul), 0);
	assert_int_equal(ul, 63);
	assert_int_equal(kstrtol("-77", 10, &l), 0);
	assert_int_equal(l, -77);
	assert_int_equal(kstrtol("x", 10, &l), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),       cmocka_unit_test(test_random_numbers),
		cmocka_unit_test(test_strings),        cmocka_unit_test(test_string_unterminated),
		cmocka_unit_test(test_pointers),       cmocka_unit_test(test_stars),
		cmocka_unit_test(test_many_arguments), cmocka_unit_test(test_odd_formats),
		cmocka_unit_test(test_scnprintf),      cmocka_unit_test(test_kstrtoull),
		cmocka_unit_test(test_kstrto_narrow),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
