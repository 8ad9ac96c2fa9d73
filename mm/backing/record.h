/* SPDX-License-Identifier: MIT */
/* What the recorder (kernel/trace/trace.h) is told about pages of files. While off, nothing. */
#ifndef MM_BACKING_RECORD_H
#define MM_BACKING_RECORD_H

#include "kernel/trace/trace.h"
#include "mm/frame/page.h"

void __record_cache(u8 op, const struct page *page);
/* The page has just come into its mapping (@op 1), or is about to leave it (0). tree_lock held. */
static inline void record_cache(u8 op, const struct page *page)
{
	if (tracing())
		__record_cache(op, page);
}

void __record_writeback(u8 op, const struct page *page);
/* Its write to the file begins (@op 1) or is done (0). tree_lock held. */
static inline void record_writeback(u8 op, const struct page *page)
{
	if (tracing())
		__record_writeback(op, page);
}

struct file;
void __record_file(struct file *file);
/* The file is open, and may be mapped: numbers for it, f_id, and a name for them, if it has one. */
static inline void record_file(struct file *file)
{
	if (tracing())
		__record_file(file);
}

void __record_mapped_file(struct file *file);
/* It is about to be mapped: its name once more, if it may be another now. */
static inline void record_mapped_file(struct file *file)
{
	if (tracing())
		__record_mapped_file(file);
}

#endif
