/* SPDX-License-Identifier: MIT */
/* Random bytes for programs: getrandom(2), AT_RANDOM, /dev/urandom. */
#ifndef KERNEL_CORE_RANDOM_H
#define KERNEL_CORE_RANDOM_H

#include "lib/types.h"

/*
 * Fill @buf. Never fails and never waits: the generator is seeded at its first use. Not from
 * interrupts.
 */
void get_random_bytes(void *buf, size_t len);

#endif
