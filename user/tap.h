/* SPDX-License-Identifier: MIT */
/*
 * tap.h - the smallest Test Anything Protocol a program can speak.
 *
 * A program calls ok() once per claim and ends with `return tap_done();`. The plan line `1..N`
 * comes last, so nobody counts by hand. The functions live in tap.c.
 */
#ifndef USER_TAP_H
#define USER_TAP_H

#include <stdbool.h>

/*
 * Prints `ok N - text` or `not ok N - text`; returns cond, so a test can stop where going on is
 * pointless.
 */
bool ok(bool cond, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ok() with a diagnosis: on a difference it prints both numbers as a `# ` line below the result. */
bool ok_eq(long got, long want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * A system call must fail with this errno: call as ok_errno(close(99), EBADF, "..."). `ret` is
 * what it gave.
 */
bool ok_errno(long ret, int want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prints `ok N - text # SKIP why`: the claim cannot be judged on this machine. */
void skip(const char *text, const char *why);

/* A line for the reader, `# ...`; never judged. */
void diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A line of the transcript, `= ...`: what was really seen, whatever a claim asked for. Printed only
 * with TRANSCRIPT in the environment; `make oracle` compares it with Linux line by line, so that no
 * address, frame number or time may be in it. The helpers of probe.h write theirs by themselves.
 */
void saw(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A set-up step went wrong, so no claim can be judged: prints `Bail out! what: reason` and exits
 * with 1.
 */
void bail(const char *what) __attribute__((noreturn));

/* Prints the plan. Returns the exit status: 0 if every claim held, otherwise 1. */
int tap_done(void);

#endif
