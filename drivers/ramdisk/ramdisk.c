/* SPDX-License-Identifier: MIT */
/*
 * A request is done before submit() returns: there is nothing to wait for, and end_io runs in its
 * submitter's context, as for a request that is refused.
 */
#include "drivers/ramdisk/ramdisk.h"

#include "kernel/core/block.h"
#include "kernel/core/printk.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/slab.h"
#include <asm/setup.h>

#define RAMDISK_MAJOR 1 /* as on Linux */

static void ramdisk_submit(struct block_device *bdev, struct bio *bio)
{
	char *at = (char *)bdev->driver + (bio->sector << SECTOR_SHIFT);

	for (unsigned int i = 0; bio->op != BIO_FLUSH && i < bio->nr_vecs; i++) {
		const struct bio_vec *vec = &bio->vecs[i];
		char *memory = (char *)page_address(vec->page) + vec->offset;

		if (bio->op == BIO_READ)
			memcpy(memory, at, vec->len);
		else
			memcpy(at, memory, vec->len);
		at += vec->len;
	}
	bio_endio(bio, 0);
}

static const struct block_device_ops ramdisk_ops = {
	.name = "RAM",
	.submit = ramdisk_submit,
};

void ramdisk_init(void)
{
	size_t size;
	void *data;

	for (unsigned int i = 0; (data = boot_module(i, &size)) != NULL; i++) {
		struct block_device *bdev = kzalloc(sizeof(*bdev), GFP_KERNEL);

		if (!bdev) {
			pr_err("ramdisk: no memory for ram%u\n", i);
			return;
		}
		snprintf(bdev->name, sizeof(bdev->name), "ram%u", i);
		bdev->dev = RAMDISK_MAJOR << 8 | i;
		bdev->nr_sectors = size >> SECTOR_SHIFT;
		bdev->ops = &ramdisk_ops;
		bdev->driver = data;
		register_block_device(bdev);
	}
}
