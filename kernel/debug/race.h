/* SPDX-License-Identifier: MIT */
/*
 * Race points: places between two steps, of which another CPU may see the first without the second. With the
 * knob race_seed=N a debug kernel lingers at some of them, and N decides at which, how often and for how long;
 * under ICOUNT=1, where CPUs run in turns and time is counted in instructions, the same N gives the same
 * order of all that happens. At power-off the log tells how many points were passed, and a digest of their order.
 *
 *	race_point("munmap: entries cleared, not flushed");        any context; may hold spinlocks
 *	race_point_may_sleep("fault: found, not locked");          may let others run on this CPU
 *
 * In release kernels, and in builds for the host, they are nothing.
 */
#ifndef KERNEL_DEBUG_RACE_H
#define KERNEL_DEBUG_RACE_H

#include "kernel/core/panic.h"
#include "lib/compiler.h"
#include "lib/types.h"

#if CONFIG_DEBUG && !__STDC_HOSTED__
struct race_site {
	const char *const name;
	u64 id; /* of the name, 0: not yet known */
};

extern unsigned long race_seed; /* 0: no point does anything */
void race_linger(struct race_site *site, bool may_sleep);

#define __race_point(what, may_sleep)                                                              \
	do {                                                                                       \
		static struct race_site __site = { (what), 0 };                                    \
		if (unlikely(race_seed))                                                           \
			race_linger(&__site, (may_sleep));                                         \
	} while (0)
/* What happened, for the log. Nothing if there is no seed. */
void race_report(void);
/*
 * Before the clocks are looked at: if there is a seed, wait until the time stamp counter is a multiple of
 * 2^29, to the instruction under ICOUNT=1. How long a boot loader takes is a matter of the host's time.
 */
void race_align(void);
#else
#define __race_point(what, may_sleep) ((void)0)
static inline void race_align(void) {}
static inline void race_report(void) {}
#endif

#define race_point(what) __race_point(what, false)
#define race_point_may_sleep(what) __race_point(what, true)

#endif
