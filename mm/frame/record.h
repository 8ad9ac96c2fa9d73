/* SPDX-License-Identifier: MIT */
/* What the recorder (kernel/trace/trace.h) is told about frames when it begins. */
#ifndef MM_FRAME_RECORD_H
#define MM_FRAME_RECORD_H

/*
 * Each free block, and what all other frames are used as; but not those whose section sleeps. At
 * boot, while this CPU is the only one.
 */
void record_frames(void);

#endif
