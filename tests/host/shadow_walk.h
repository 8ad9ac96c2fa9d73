/* SPDX-License-Identifier: MIT */
/* The random walk of test_shadow.c: what its steps share. */
#ifndef TESTS_HOST_SHADOW_WALK_H
#define TESTS_HOST_SHADOW_WALK_H

#include "tests/host/shadow.h"

#define OBJECTS 12 /* the first ones are files */
#define FILES 2

/* The step: the running process, and what it concerns, pages [first, first + n). */
struct step {
	struct shadow *me;
	unsigned long first, n, addr, len;
};
extern struct step now;
extern struct object objects[OBJECTS];

unsigned long pick(unsigned long below);
/* Say what is about to be done, for the message of a failure. */
void doing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The call's result must be @want. */
void result(long got, long want);
/* The kernel may have written to the pages of the step. */
void populated(void);

/* --- shadow_calls.c: change the shadow, then make the call --- */
void do_map(void);
void do_unmap(void);
void do_protect(void);
void do_remap(void);
void do_brk(void);
void do_advise(void);
void do_populate(void);
void do_lock(void);

#endif
