/* SPDX-License-Identifier: MIT */
/* Mistakes that only a debug kernel notices: further rows for the table of crash.c. */
#ifndef ENTRY_CRASH_DEBUG_H
#define ENTRY_CRASH_DEBUG_H

#define DEBUG_CRASHES(X)                                                                           \
	X("signed-overflow", crash_signed_overflow)                                                \
	X("shift", crash_shift)                                                                    \
	X("index", crash_index)                                                                    \
	X("misaligned", crash_misaligned)                                                          \
	X("null-member", crash_null_member)                                                        \
	X("slab-behind", crash_slab_behind)                                                        \
	X("slab-asked", crash_slab_asked)                                                          \
	X("slab-freed", crash_slab_freed)                                                          \
	X("slab-copy", crash_slab_copy)                                                            \
	X("frame-freed", crash_frame_freed)                                                        \
	X("frame-cleared", crash_frame_cleared)                                                    \
	X("spin-order", crash_spin_order)                                                          \
	X("mutex-order", crash_mutex_order)                                                        \
	X("page-order", crash_page_order)                                                          \
	X("mutex-twice", crash_mutex_twice)                                                        \
	X("mutex-not-held", crash_mutex_not_held)                                                  \
	X("sleep-atomic", crash_sleep_atomic)                                                      \
	X("sleep-irqs-off", crash_sleep_irqs_off)                                                  \
	X("mutex-atomic", crash_mutex_atomic)                                                      \
	X("mutex-kept", crash_mutex_kept)                                                          \
	X("spin-kept", crash_spin_kept)

#define X(kind, fn) void fn(unsigned long addr);
DEBUG_CRASHES(X)
#undef X

#endif
