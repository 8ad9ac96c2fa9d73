/* SPDX-License-Identifier: MIT */
/* Time for native.c, in cycles if the CPU counts them for us. */
#ifndef TESTS_BENCH_CYCLES_H
#define TESTS_BENCH_CYCLES_H

#include <stdint.h>

/* Finds out what there is. Returns the unit of cycles_now(): "cycles" or "ns". Call it first. */
const char *cycles_init(void);

/* Now, from any beginning. */
uint64_t cycles_now(void);

#endif
