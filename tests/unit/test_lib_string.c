/* SOURCES: */
/* SPDX-License-Identifier: MIT */
/*
 * The kernel's string functions against libc's. lib/string.c is included with its functions
 * renamed k_*, since the program has libc's under the plain names. Areas are malloc'ed to their
 * exact size, so that the address sanitizer sees a C access that goes one byte too far; guard
 * bytes show it for asm.
 */
#include "tests/unit/test.h"

#include "lib/string.h"
#include "lib/util.h"

void *k_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *k_memmove(void *dst, const void *src, size_t n);
void *k_memset(void *dst, int c, size_t n);
int k_memcmp(const void *a, const void *b, size_t n);
void *k_memchr(const void *s, int c, size_t n);
size_t k_strlen(const char *s);
size_t k_strnlen(const char *s, size_t max);
int k_strcmp(const char *a, const char *b);
int k_strncmp(const char *a, const char *b, size_t n);
char *k_strchr(const char *s, int c);
char *k_strrchr(const char *s, int c);
char *k_strstr(const char *s, const char *what);

#define LIB_STRING_TEST
#define memcpy k_memcpy
#define memmove k_memmove
#define memset k_memset
#define memcmp k_memcmp
#define memchr k_memchr
#define strlen k_strlen
#define strnlen k_strnlen
#define strcmp k_strcmp
#define strncmp k_strncmp
#define strchr k_strchr
#define strrchr k_strrchr
#define strstr k_strstr
#define strlcpy k_strlcpy
size_t k_strlcpy(char *restrict dst, const char *restrict src, size_t size);
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef strlcpy

#define AREA 700
#define GUARD 64

static const size_t lengths[] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12, 15,  16,  17,  20,  23,  24,  25,  31,
	32, 33, 34, 39, 40, 41, 47, 48, 63, 64, 65, 71, 100, 127, 128, 129, 255, 256, 257, 500,
};

static uint64_t seed = 31;
static unsigned char ours[AREA], theirs[AREA], source[AREA];

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void randomize(unsigned char *p, size_t n)
{
	while (n--)
		*p++ = (unsigned char)test_random(&seed);
}

static void test_memcpy(void **state __maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (size_t to = 0; to < 16; to++)
			for (size_t from = 0; from < 16; from++) {
				randomize(source, AREA);
				randomize(ours, AREA);
				memcpy(theirs, ours, AREA);
				memcpy(theirs + GUARD + to, source + from, lengths[i]);
				CHECK(k_memcpy(ours + GUARD + to, source + from, lengths[i]) ==
				      ours + GUARD + to);
				CHECK(!memcmp(ours, theirs, AREA));
			}
}

static void test_memmove(void **state __maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (size_t to = 0; to < 80; to++)
			for (size_t from = 0; from < 80; from += to % 2 ? 7 : 5) {
				randomize(ours, AREA);
				memcpy(theirs, ours, AREA);
				memmove(theirs + to, theirs + from, lengths[i]);
				CHECK(k_memmove(ours + to, ours + from, lengths[i]) == ours + to);
				CHECK(!memcmp(ours, theirs, AREA));
			}
}

static void test_memset(void **state __maybe_unused)
{
	for (size_t n = 0; n < 300; n++)
		for (size_t at = 0; at < 9; at++) {
			int c = (int)test_random(&seed);

			randomize(ours, AREA);
			memcpy(theirs, ours, AREA);
			memset(theirs + GUARD + at, c, n);
			CHECK(k_memset(ours + GUARD + at, c, n) == ours + GUARD + at);
			CHECK(!memcmp(ours, theirs, AREA));
		}
}

static void test_memcmp(void **state __maybe_unused)
{
	for (size_t n = 0; n < 70; n++)
		for (int round = 0; round < 50; round++) {
			unsigned char *a = malloc(n), *b = malloc(n);
			void *found;

			for (size_t i = 0; i < n; i++)
				a[i] = b[i] = (unsigned char)(test_random(&seed) % 4 * 85);
			for (int k = 0; n && k < round % 3; k++)
				b[test_random(&seed) % n] ^= (unsigned char)test_random(&seed);
			CHECK(sign(k_memcmp(a, b, n)) == sign(memcmp(a, b, n)));
			CHECK(k_memchr(a, 170 + 256, n) == memchr(a, 170 + 256, n));
			found = memchr_inv(a, n ? a[0] : 0, n);
			for (size_t i = 0; i < n; i++)
				if (a[i] != a[0]) {
					CHECK(found == a + i);
					found = NULL;
					break;
				}
			CHECK(!found);
			free(a);
			free(b);
		}
}

/* A heap string of exactly @n letters from a small alphabet that has a negative char in it. */
static char *make_string(size_t n)
{
	char *s = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		s[i] = "ab\xfe"[test_random(&seed) % 3];
	s[n] = '\0';
	return s;
}

static void check_pair(const char *a, const char *b)
{
	CHECK(sign(k_strcmp(a, b)) == sign(strcmp(a, b)));
	for (size_t n = 0; n < 6; n++) {
		CHECK(sign(k_strncmp(a, b, n)) == sign(strncmp(a, b, n)));
		CHECK(k_strnlen(a, n) == strnlen(a, n));
	}
	CHECK(k_strlen(a) == strlen(a));
	CHECK(k_strstr(a, b) == strstr(a, b));
	CHECK(strstarts(a, b) == !strncmp(a, b, strlen(b)));
	for (const char *c = "ab\xfez";; c++) { /* the final NUL is looked for as well */
		CHECK(k_strchr(a, *c) == strchr(a, *c));
		CHECK(k_strrchr(a, *c) == strrchr(a, *c));
		if (!*c)
			break;
	}
}

static void test_strings(void **state __maybe_unused)
{
	for (int round = 0; round < 20000; round++) {
		char *a = make_string(test_random(&seed) % 12);
		char *b = make_string(test_random(&seed) % 5);

		check_pair(a, b);
		check_pair(b, a);
		check_pair(a, a);
		free(a);
		free(b);
	}
}

static void test_strlcpy(void **state __maybe_unused)
{
	for (size_t len = 0; len < 10; len++)
		for (size_t size = 0; size < 12; size++) {
			size_t kept = size ? min(len, size - 1) : 0;
			char *src = make_string(len), *dst = malloc(size);

			CHECK(k_strlcpy(dst, src, size) == len);
			CHECK(!size || (!memcmp(dst, src, kept) && !dst[kept]));
			free(src);
			free(dst);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memcpy),
		cmocka_unit_test(test_memmove),
		cmocka_unit_test(test_memset),
		cmocka_unit_test(test_memcmp),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_strlcpy),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
