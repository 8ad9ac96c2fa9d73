/* SPDX-License-Identifier: MIT */
/* /proc/devices, partitions and diskstats: the drivers, the disks and what they did. */
#include "fs/proc/proc.h"
#include "kernel/core/block.h"

static unsigned int major(dev_t dev)
{
	return (unsigned int)(dev >> 8) & 0xfff;
}

static unsigned int minor(dev_t dev)
{
	return (unsigned int)dev & 0xff;
}

struct majors {
	struct seq_buf *m;
	unsigned int last;
};

static void show_major(struct block_device *bdev, void *arg)
{
	struct majors *majors = arg;

	if (major(bdev->dev) == majors->last)
		return;
	majors->last = major(bdev->dev);
	seq_printf(majors->m, "%3u %s\n", majors->last, bdev->ops->name);
}

int proc_show_devices(struct seq_buf *m, void *arg)
{
	struct majors majors = { m, 0 };

	(void)arg;
	seq_puts(m, "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n\n"
		    "Block devices:\n");
	for_each_block_device(show_major, &majors);
	return 0;
}

static void show_partition(struct block_device *bdev, void *arg)
{
	seq_printf(arg, "%4u  %7u %10llu %s\n", major(bdev->dev), minor(bdev->dev),
		   (unsigned long long)bdev->nr_sectors / 2, bdev->name);
}

int proc_show_partitions(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, "major minor  #blocks  name\n\n");
	for_each_block_device(show_partition, m);
	return 0;
}

static unsigned long long msec(u64 ns)
{
	return (unsigned long long)(ns / 1000000);
}

/* Nothing is merged or discarded: those are 0. */
static void show_disk(struct block_device *bdev, void *arg)
{
	struct disk_stats s;
	struct seq_buf *m = arg;

	get_disk_stats(bdev, &s);
	seq_printf(m, "%4u %7u %s", major(bdev->dev), minor(bdev->dev), bdev->name);
	for (enum bio_op op = BIO_READ; op <= BIO_WRITE; op++)
		seq_printf(m, " %lu 0 %lu %llu", s.requests[op], s.sectors[op],
			   msec(s.wait_ns[op]));
	seq_printf(m, " %u %llu %llu 0 0 0 0 %lu %llu\n", s.in_flight, msec(s.busy_ns),
		   msec(s.wait_ns[BIO_READ] + s.wait_ns[BIO_WRITE] + s.wait_ns[BIO_FLUSH]),
		   s.requests[BIO_FLUSH], msec(s.wait_ns[BIO_FLUSH]));
}

int proc_show_diskstats(struct seq_buf *m, void *arg)
{
	(void)arg;
	for_each_block_device(show_disk, m);
	return 0;
}
