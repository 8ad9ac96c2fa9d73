/* SPDX-License-Identifier: MIT */
/* Waiting for another CPU without sleeping, and not for ever: a machine that hangs is to say so. */
#ifndef KERNEL_CORE_SPIN_H
#define KERNEL_CORE_SPIN_H

#include "lib/compiler.h"
#include "lib/types.h"
#include <asm/processor.h>

/* One wait that lasts. All zero: it has just begun. */
struct spin_wait {
	u64 last_ns;   /* when it was looked at last, 0: not yet */
	u64 waited_ns; /* as far as this CPU ran itself */
};

/*
 * True: what is waited for does not come any more. So it is after the knob lockup= seconds, 30 if it is not given: what
 * spins waits for microseconds, but a host with much to do may stop the other CPU for seconds. A look that comes
 * late was late because this CPU did not run either, and counts as a second at most: a machine that was
 * stopped as a whole goes on. False as long as the clock does not run yet. Any context.
 */
bool spin_wait_too_long(struct spin_wait *wait);

#define SPINS_PER_CLOCK 4096u /* a multiple of SPINS_PER_PAUSE */

/*
 * Spin until @cond, which another CPU makes true. @lockup: what to say when that takes too long. It is panic() where the
 * wait is short whatever the machine is at, and panic() itself does not come by; if it returns, the wait begins anew.
 */
#define spin_until(cond, lockup)                                                                   \
	do {                                                                                       \
		struct spin_wait __wait = { 0, 0 };                                                \
		for (unsigned int __looks = 1; !(cond); __looks++) {                               \
			if (likely(__looks % SPINS_PER_PAUSE))                                     \
				continue;                                                          \
			cpu_relax();                                                               \
			if (unlikely(__looks % SPINS_PER_CLOCK == 0) &&                            \
			    spin_wait_too_long(&__wait)) {                                         \
				lockup;                                                            \
				__wait = (struct spin_wait){ 0, 0 };                               \
			}                                                                          \
		}                                                                                  \
	} while (0)

#endif
