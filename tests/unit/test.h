/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes first: cmocka with the headers it needs, and a random number
 * generator that gives the same numbers in every run. A test's main() is
 *
 *	TEST_SETUP();
 *	return cmocka_run_group_tests(tests, NULL, NULL);
 *
 * A test file names what it is linked with in its first lines, for the top Makefile:
 * SOURCES: kernel sources, compiled natively; CFLAGS: extra flags for this test alone.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST_SETUP() cmocka_set_message_output(CM_OUTPUT_TAP)

/* For checks in long loops: cheaper than cmocka's bookkeeping, which only hears of failures. */
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

/* xorshift64* (Vigna 2016): @state must not be 0. */
static inline uint64_t test_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

#endif /* TESTS_UNIT_TEST_H */
