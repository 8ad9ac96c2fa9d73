/* SPDX-License-Identifier: MIT */
/* Writing dirty page-cache pages to their devices: fsync, msync, sync, the flusher, throttling. */
#ifndef MM_BACKING_WRITEBACK_H
#define MM_BACKING_WRITEBACK_H

#include "kernel/core/sched.h"
#include "mm/backing/filemap.h"

/*
 * Write dirty pages [start, end] (pages, inclusive); @wait: until they are on the device; returns 0
 * or the first error. May sleep.
 */
int filemap_write_range(struct address_space *mapping, pgoff_t start, pgoff_t end, bool wait);
/* Write dirty pages of every inode: sync(2). */
void writeback_all(bool wait);
/*
 * Percent of the memory that dirty pages could use: from the first on the flusher works, at the second
 * writers wait; and how often the flusher comes by itself, in hundredths of a second, 0: never.
 */
extern int dirty_background_ratio, vm_dirty_ratio, dirty_writeback_centisecs;
/* Sleeps while too much is dirty. */
void balance_dirty_pages(void);
/* Writers call this after dirtying a page: now and then it looks whether they must wait. */
#define DIRTIED_BETWEEN_LOOKS 32U
static inline void balance_dirty_pages_ratelimited(void)
{
	if (unlikely(++current->nr_dirtied >= DIRTIED_BETWEEN_LOOKS))
		balance_dirty_pages();
}
/* Start the flusher thread (see above). Boot, after the scheduler runs. */
void writeback_init(void);
void wakeup_flusher(void);
/* Forget @mapping (inode dies). */
void writeback_forget(struct address_space *mapping);

#endif
