/* SPDX-License-Identifier: MIT */
/*
 * The page cache of a raw disk, and the buffers that file systems keep their metadata in.
 *
 * A page holds several blocks when they are smaller than it, and only some may be metadata: the
 * others are file data whose truth is in the files' own caches. So a page remembers which of its
 * eight sectors are dirty (page->private, under the page lock), and only those are written.
 */
#ifndef FS_BDEV_H
#define FS_BDEV_H

#include "lib/types.h"
#include "mm/frame/page.h"

struct bio;
struct block_device;

/* A block in the cache: holds the page until brelse(). */
struct buf {
	struct page *page;
	void *data;
	unsigned int size; /* bytes */
};

/* Read block @block of @size bytes (512..PAGE_SIZE, power of two). 0, -EIO, -ENOMEM. */
int bread(struct block_device *bdev, u64 block, unsigned int size, struct buf *b);
/* A block whose old contents do not matter: all zeroes, dirty. */
int bget_zeroed(struct block_device *bdev, u64 block, unsigned int size, struct buf *b);
/* @b->data was changed (by a caller that keeps others from changing it). May sleep. */
void bdirty(struct buf *b);
/* NULL page is fine; clears it. */
void brelse(struct buf *b);
/* The block is free now: what the cache holds of it must never be written. Waits for I/O on it. */
void bforget(struct block_device *bdev, u64 block, unsigned int size);

/* bio->end_io for pages of a cache. A page that was read is zeroed behind the end of its file. */
void end_page_read(struct bio *bio);
void end_page_write(struct bio *bio);
/* One fragment of a locked page, waiting for it. 0 or -EIO. */
int page_io_wait(struct block_device *bdev, bool write, sector_t sector, struct page *page,
		 unsigned int offset, unsigned int len);

extern const struct file_operations blkdev_fops;

#endif
