/* SPDX-License-Identifier: MIT */
/* How fast a timer counts, by a clock that is right. Pure. */
#ifndef ARCH_CPU_TIMER_RATE_H
#define ARCH_CPU_TIMER_RATE_H

#include "lib/types.h"

/*
 * Ticks a second of what @count reads, which counts down and does not come to 0 meanwhile; @clock_ns is in nanoseconds.
 * Takes about 5 ms. A host that takes the CPU away in between does no harm.
 */
u64 timer_rate(u32 (*count)(void), u64 (*clock_ns)(void));

#endif
