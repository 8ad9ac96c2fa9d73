/* SPDX-License-Identifier: MIT */
/*
 * Block layer: the list of disks, the pool that requests come from, and the thread that ends them.
 *
 * The pool is fixed, so that writing memory out never has to allocate any: who finds it empty
 * sleeps until a request in flight comes home. Requests are ended by one thread, in process
 * context; a driver's interrupt handler does no more than wake it.
 */
#include "kernel/core/block.h"

#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/stats.h"

#define BIO_POOL 64 /* requests in flight; the most that one caller holds unsubmitted is one */
#define MAX_POLLS 8

static LIST_HEAD(block_devices); /* boot only, then constant */
static LIST_HEAD(free_bios);     /* bio_lock */
static DEFINE_SPINLOCK(bio_lock);
static DECLARE_WAIT_QUEUE_HEAD(bio_wait);

static struct {
	void (*fn)(void *arg);
	void *arg;
} polls[MAX_POLLS];
static int nr_polls; /* boot only, then constant */
static int irq_seen; /* set by interrupts, taken by the completion thread */
static DECLARE_WAIT_QUEUE_HEAD(completion_wait);

int register_block_device(struct block_device *bdev)
{
	if (find_block_device(bdev->name))
		return -EEXIST;
	bdev->size = (loff_t)(bdev->nr_sectors << SECTOR_SHIFT);
	spin_lock_init(&bdev->stats_lock, "disk_stats");
	list_add_tail(&bdev->list, &block_devices);
	pr_info("block: %s, %llu KiB%s (%s)\n", bdev->name, (u64)bdev->nr_sectors / 2,
		bdev->read_only ? ", read-only" : "", bdev->ops->name);
	return 0;
}

struct block_device *find_block_device(const char *name)
{
	struct block_device *bdev;

	list_for_each_entry(bdev, &block_devices, list)
		if (!strcmp(bdev->name, name))
			return bdev;
	return NULL;
}

struct block_device *block_device_by_dev(dev_t dev)
{
	struct block_device *bdev;

	list_for_each_entry(bdev, &block_devices, list)
		if (bdev->dev == dev)
			return bdev;
	return NULL;
}

void for_each_block_device(void (*fn)(struct block_device *bdev, void *arg), void *arg)
{
	struct block_device *bdev;

	list_for_each_entry(bdev, &block_devices, list)
		fn(bdev, arg);
}

static struct bio *take_free_bio(void)
{
	struct bio *bio;

	spin_lock(&bio_lock);
	bio = list_first_entry_or_null(&free_bios, struct bio, list);
	if (bio)
		list_del_init(&bio->list);
	spin_unlock(&bio_lock);
	return bio;
}

struct bio *bio_alloc(struct block_device *bdev, enum bio_op op, sector_t sector)
{
	struct bio *bio;

	wait_event(bio_wait, (bio = take_free_bio()) != NULL);
	bio->bdev = bdev;
	bio->op = op;
	bio->sector = sector;
	bio->nr_vecs = 0;
	bio->status = 0;
	bio->end_io = NULL;
	bio->private = NULL;
	bio->started_ns = 0;
	return bio;
}

void bio_put(struct bio *bio)
{
	spin_lock(&bio_lock);
	list_add(&bio->list, &free_bios);
	spin_unlock(&bio_lock);
	wake_up(&bio_wait);
}

bool bio_add_page(struct bio *bio, struct page *page, unsigned int len, unsigned int offset)
{
	struct bio_vec *vec;

	if (bio->nr_vecs == BIO_MAX_VECS)
		return false;
	vec = &bio->vecs[bio->nr_vecs++];
	vec->page = page;
	vec->offset = offset;
	vec->len = len;
	return true;
}

static u64 bio_bytes(const struct bio *bio)
{
	u64 bytes = 0;

	for (unsigned int i = 0; i < bio->nr_vecs; i++)
		bytes += bio->vecs[i].len;
	return bytes;
}

/* Why the request cannot go to the device, or NULL. */
static const char *bio_refusal(const struct bio *bio)
{
	const struct block_device *bdev = bio->bdev;
	u64 sectors = bio_bytes(bio) >> SECTOR_SHIFT;

	if (bio->op == BIO_FLUSH)
		return NULL;
	if (!sectors)
		return "empty";
	if (bio->sector > bdev->nr_sectors || sectors > bdev->nr_sectors - bio->sector)
		return "beyond the end of the device";
	if (bio->op == BIO_WRITE && bdev->read_only)
		return "device is read-only";
	return NULL;
}

static void count_start(struct bio *bio)
{
	struct block_device *bdev = bio->bdev;

	bio->started_ns = ktime_get_ns();
	spin_lock(&bdev->stats_lock);
	if (!bdev->stats.in_flight++)
		bdev->busy_since = bio->started_ns;
	spin_unlock(&bdev->stats_lock);
}

static void count_end(struct bio *bio)
{
	struct block_device *bdev = bio->bdev;
	struct disk_stats *stats = &bdev->stats;
	u64 now = ktime_get_ns();

	spin_lock(&bdev->stats_lock);
	stats->requests[bio->op]++;
	stats->sectors[bio->op] += bio_bytes(bio) >> SECTOR_SHIFT;
	stats->wait_ns[bio->op] += now - bio->started_ns;
	if (!--stats->in_flight)
		stats->busy_ns += now - bdev->busy_since;
	spin_unlock(&bdev->stats_lock);
}

void get_disk_stats(struct block_device *bdev, struct disk_stats *stats)
{
	spin_lock(&bdev->stats_lock);
	*stats = bdev->stats;
	spin_unlock(&bdev->stats_lock);
}

void submit_bio(struct bio *bio)
{
	const char *why = bio_refusal(bio);

	might_sleep();
	if (why) {
		pr_err("block: %s: %s at sector %llu refused: %s\n", bio->bdev->name,
		       bio->op == BIO_WRITE ? "write" : "read", (u64)bio->sector, why);
		bio_endio(bio, -EIO);
		return;
	}
	/* The pages of a read are unlocked by its end_io: no longer the caller's locks. */
	for (unsigned int i = 0; CONFIG_DEBUG && bio->op == BIO_READ && i < bio->nr_vecs; i++)
		sleep_lock_released(bio->vecs[i].page);
	/* Linux counts these in KiB. */
	if (bio->op == BIO_READ)
		count_vm_events(VM_pgpgin, bio_bytes(bio) >> 10);
	else if (bio->op == BIO_WRITE)
		count_vm_events(VM_pgpgout, bio_bytes(bio) >> 10);
	count_start(bio);
	bio->bdev->ops->submit(bio->bdev, bio);
}

static void bio_complete(struct bio *bio)
{
	complete(bio->private);
}

int submit_bio_wait(struct bio *bio)
{
	struct completion done;

	init_completion(&done);
	bio->end_io = bio_complete;
	bio->private = &done;
	submit_bio(bio);
	wait_for_completion(&done);
	return bio->status;
}

void bio_endio(struct bio *bio, int status)
{
	static const char *const op_names[] = { "read", "write", "flush" };

	bio->status = status;
	if (bio->started_ns)
		count_end(bio);
	if (status)
		pr_err("block: %s: %s of %llu bytes at sector %llu failed (%d)\n", bio->bdev->name,
		       op_names[bio->op], bio_bytes(bio), (u64)bio->sector, status);
	bio->end_io(bio);
}

int blkdev_flush(struct block_device *bdev)
{
	struct bio *bio;
	int err;

	if (bdev->read_only)
		return 0;
	bio = bio_alloc(bdev, BIO_FLUSH, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

void block_register_poll(void (*poll)(void *arg), void *arg)
{
	if (nr_polls == MAX_POLLS)
		panic("block: more than %d drivers want to be polled", MAX_POLLS);
	polls[nr_polls].fn = poll;
	polls[nr_polls].arg = arg;
	nr_polls++;
}

void block_irq(void)
{
	__atomic_store_n(&irq_seen, 1, __ATOMIC_RELEASE);
	wake_up(&completion_wait);
}

static int completion_thread(void *arg)
{
	/* A request that reclaim waits for must not wait for reclaim. */
	current->flags |= PF_MEMALLOC;
	for (;;) {
		wait_event(completion_wait, __atomic_exchange_n(&irq_seen, 0, __ATOMIC_ACQ_REL));
		for (int i = 0; i < nr_polls; i++)
			polls[i].fn(polls[i].arg);
	}
	return 0;
}

void block_init(void)
{
	struct bio *pool = kzalloc(BIO_POOL * sizeof(*pool), GFP_KERNEL);
	struct task_struct *thread;

	if (!pool)
		panic("block: no memory for the request pool");
	for (int i = 0; i < BIO_POOL; i++)
		list_add_tail(&pool[i].list, &free_bios);
	thread = kthread_run(completion_thread, NULL, "kblockd");
	if (IS_ERR_OR_NULL(thread))
		panic("block: cannot start the completion thread (%ld)", PTR_ERR(thread));
}
