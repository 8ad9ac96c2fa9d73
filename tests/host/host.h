/* SPDX-License-Identifier: MIT */
/*
 * What a host test gets beside the kernel sources it names: an arena that plays RAM, the kernel's
 * log as a string, panics that can be expected, and allocation failures on demand.
 *
 * A test names tests/host/shim.c among its SOURCES, and tests/host/alloc.c unless it takes the
 * real slab allocator. Every function of both is weak: linking the real source replaces it.
 */
#ifndef TESTS_HOST_HOST_H
#define TESTS_HOST_HOST_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Make frames [0, @pages) and their zeroed struct pages. Untouched memory costs nothing. Again: a
 * new arena.
 */
void host_ram_init(unsigned long pages);
/* Whoever touches the frame dies. */
void host_ram_forbid(unsigned long pfn);
void host_ram_exit(void);
extern int host_ram_fd; /* the arena as a file */

/*
 * Log records (pr_err and so on) since the last host_log_clear(); also printed when HOST_LOG is
 * set.
 */
bool host_log_has(const char *text);
void host_log_clear(void);

/* True when @statement panics; the text is in host_panic_text. Locks it held are not given back. */
extern jmp_buf host_panic_jump;
extern bool host_panic_expected;
extern char host_panic_text[512];
#define HOST_PANICS(statement)                                                                     \
	({                                                                                         \
		volatile bool __panicked = true;                                                   \
		host_panic_expected = true;                                                        \
		if (!setjmp(host_panic_jump)) {                                                    \
			statement;                                                                 \
			__panicked = false;                                                        \
		}                                                                                  \
		host_panic_expected = false;                                                       \
		__panicked;                                                                        \
	})

/* tests/host/alloc.c: the n-th allocation from now (1: the next) fails, once; 0: none does. */
extern unsigned long host_alloc_fail_at;
/* Fail each allocation with this chance in 1000; from a fixed seed. */
extern unsigned int host_alloc_fail_permille;
/* Objects handed out and not given back: 0 at the end means no leak. */
extern long host_alloc_live;

#endif
