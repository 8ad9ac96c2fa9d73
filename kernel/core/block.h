/* SPDX-License-Identifier: MIT */
/*
 * Block layer: what a driver fills in, and how file systems and swap ask for sectors. A request is
 * a run of sectors and a list of page fragments. A driver's interrupt only wakes the block layer's
 * completion thread, which ends the requests in process context: end_io may take locks and free
 * memory, but never waits for a disk.
 */
#ifndef KERNEL_CORE_BLOCK_H
#define KERNEL_CORE_BLOCK_H

#include "kernel/core/spinlock.h"
#include "lib/list.h"
#include "lib/types.h"
#include "mm/backing/filemap.h"

#define SECTOR_SHIFT 9
#define BIO_MAX_VECS 32

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH };

struct bio_vec {
	struct page *page;
	unsigned int offset, len; /* bytes; multiples of 512 */
};

struct bio {
	struct block_device *bdev;
	enum bio_op op;
	sector_t sector;        /* of 512 bytes */
	unsigned int nr_vecs;
	struct bio_vec vecs[BIO_MAX_VECS];
	int status;             /* 0, or -EIO when done */
	/*
	 * in the completion thread, or, when there was nothing to wait for, before submit_bio() returns;
	 * owns the bio, usually ends in bio_put()
	 */
	void (*end_io)(struct bio *bio);
	void *private;
	struct list_head list;  /* driver's */
	u64 started_ns;         /* 0: not handed to the driver */
};

struct block_device_ops {
	const char *name;
	/* Take the bio; completes, now or later, through bio_endio(). May sleep for a free slot. */
	void (*submit)(struct block_device *bdev, struct bio *bio);
};

/* What a disk has done, by enum bio_op. */
struct disk_stats {
	unsigned long requests[3], sectors[3];
	u64 wait_ns[3];         /* sum of what each request took */
	u64 busy_ns;            /* with one request or more in flight */
	unsigned int in_flight;
};

struct block_device {
	char name[16];          /* "vda" */
	dev_t dev;
	sector_t nr_sectors;
	bool read_only;
	const struct block_device_ops *ops;
	void *driver;
	struct address_space mapping; /* page cache of the raw device */
	loff_t size;            /* bytes, = nr_sectors << 9 */
	struct list_head list;
	bool claimed;           /* mounted or swap: bdev_claim() */
	spinlock_t stats_lock;  /* alone */
	struct disk_stats stats; /* stats_lock; of requests that ended, but for in_flight */
	u64 busy_since;         /* stats_lock */
};

/* A driver found a disk. Names must be unique. */
int register_block_device(struct block_device *bdev);
/* By name ("vda") or dev number; NULL if there is none. */
struct block_device *find_block_device(const char *name);
struct block_device *block_device_by_dev(dev_t dev);
void for_each_block_device(void (*fn)(struct block_device *bdev, void *arg), void *arg);

/*
 * A bio from a pool that never runs dry for reclaim (sleeps for one instead). Free with bio_put().
 */
struct bio *bio_alloc(struct block_device *bdev, enum bio_op op, sector_t sector);
void bio_put(struct bio *bio);
/* Add a fragment; false when the bio is full. */
bool bio_add_page(struct bio *bio, struct page *page, unsigned int len, unsigned int offset);
/* Checks range (status -EIO beyond the device) and hands it to the driver. */
void submit_bio(struct bio *bio);
/* Submit and sleep for the result: 0 or -errno. The bio stays the caller's. */
int submit_bio_wait(struct bio *bio);
/*
 * For drivers. An interrupt handler calls block_irq(), which makes the completion thread call each
 * registered @poll; a poll takes finished requests off its ring and calls bio_endio() for each.
 */
void block_register_poll(void (*poll)(void *arg), void *arg);
void block_irq(void);
void bio_endio(struct bio *bio, int status);
/* Have the disk to oneself. False: somebody has it already. */
static inline bool bdev_claim(struct block_device *bdev)
{
	return !__atomic_exchange_n(&bdev->claimed, true, __ATOMIC_ACQUIRE);
}
static inline void bdev_release(struct block_device *bdev)
{
	__atomic_store_n(&bdev->claimed, false, __ATOMIC_RELEASE);
}
/* Make the device's write cache durable. Sleeps. */
int blkdev_flush(struct block_device *bdev);
/* For /proc/diskstats. */
void get_disk_stats(struct block_device *bdev, struct disk_stats *stats);
void block_init(void);

#endif
