/* SPDX-License-Identifier: MIT */
/* tap.c - the Test Anything Protocol of the programs in this folder, and their transcript. No heap. */
#include "tap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tests_run, tests_failed;

static bool report(bool cond, const char *fmt, va_list ap)
{
	printf("%s %d - ", cond ? "ok" : "not ok", ++tests_run);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout); /* the program may fork or die at its next line */
	if (!cond)
		tests_failed++;
	return cond;
}

bool ok(bool cond, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(cond, fmt, ap);
	va_end(ap);
	return cond;
}

bool ok_eq(long got, long want, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(got == want, fmt, ap);
	va_end(ap);
	saw("%ld", got);
	if (got != want)
		diag("got %ld (%#lx), want %ld (%#lx)", got, got, want, want);
	return got == want;
}

bool ok_errno(long ret, int want, const char *fmt, ...)
{
	int got = errno;
	bool good = ret == -1 && got == want;
	va_list ap;

	va_start(ap, fmt);
	report(good, fmt, ap);
	va_end(ap);
	if (ret == -1)
		saw("errno %d", got);
	else
		saw("no error");
	if (ret != -1)
		diag("it succeeded with %ld, want errno %d (%s)", ret, want, strerror(want));
	else if (!good)
		diag("got errno %d (%s), want %d (%s)", got, strerror(got), want, strerror(want));
	return good;
}

void skip(const char *text, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tests_run, text, why);
	fflush(stdout);
}

void diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void saw(const char *fmt, ...)
{
	static int wanted = -1;
	va_list ap;

	if (wanted < 0)
		wanted = getenv("TRANSCRIPT") != NULL;
	if (!wanted)
		return;
	fputs("= ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

int tap_done(void)
{
	printf("1..%d\n", tests_run);
	if (tests_failed)
		printf("# %d of %d failed\n", tests_failed, tests_run);
	fflush(stdout);
	return tests_failed ? 1 : 0;
}
