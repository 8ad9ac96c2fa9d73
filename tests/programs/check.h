/* SPDX-License-Identifier: MIT */
/*
 * TAP for test programs that are linked with nothing else: check(condition, what), and the plan at
 * the end.
 */
#ifndef TESTS_PROGRAMS_CHECK_H
#define TESTS_PROGRAMS_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int checks, failures;

static bool check(bool cond, const char *what)
{
	printf("%sok %d - %s\n", cond ? "" : "not ", ++checks, what);
	fflush(stdout);
	failures += !cond;
	return cond;
}

static int checks_done(void)
{
	printf("1..%d\n", checks);
	return failures != 0;
}

#endif
