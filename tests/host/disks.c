/* SPDX-License-Identifier: MIT */
/*
 * Disks in memory under the kernel's own block layer. A request is done at the next "interrupt",
 * which comes when nobody can run: whoever does not wait for a request finds its page busy, as late
 * as a slow disk would have it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/core/block.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/frame/slab.h"
#include "tests/host/internal.h"

#define MAX_DISKS 40
#define SWAP_FLAG_PREFER 0x8000

struct host_disk {
	struct block_device bdev;
	char *memory;
	bool fail_reads, fail_writes;
	bool idle; /* was turned off as swap */
};

static struct host_disk disks[MAX_DISKS];
static int nr_disks;
static LIST_HEAD(submitted);
static LIST_HEAD(done);

static void submit(struct block_device *bdev, struct bio *bio)
{
	(void)bdev;
	list_add_tail(&bio->list, &submitted);
}

static const struct block_device_ops disk_ops = { .name = "memory", .submit = submit };
/* Disks are read and written past the page cache; swapon flushes it all the same. */
static const struct address_space_operations uncached = { .name = "memory" };

static int transfer(struct bio *bio)
{
	const struct host_disk *disk = bio->bdev->driver;
	char *at = disk->memory + (bio->sector << SECTOR_SHIFT);

	if (bio->op == BIO_READ ? disk->fail_reads : disk->fail_writes)
		return -EIO;
	for (unsigned int i = 0; i < bio->nr_vecs; i++) {
		const struct bio_vec *vec = &bio->vecs[i];
		char *ram = (char *)page_address(vec->page) + vec->offset;

		if (bio->op == BIO_READ)
			memcpy(ram, at, vec->len);
		else if (bio->op == BIO_WRITE)
			memcpy(at, ram, vec->len);
		at += vec->len;
	}
	return 0;
}

bool host_disks_interrupt(void)
{
	if (list_empty(&submitted))
		return false;
	list_splice_init(&submitted, &done);
	block_irq();
	return true;
}

/* In the block layer's thread. */
static void poll(void *unused)
{
	struct bio *bio;

	(void)unused;
	while ((bio = list_first_entry_or_null(&done, struct bio, list))) {
		list_del_init(&bio->list);
		bio_endio(bio, transfer(bio));
	}
}

/* @memory NULL: zeroes of our own. */
struct block_device *host_disk_add(const char *name, void *memory, unsigned long pages)
{
	struct host_disk *disk = &disks[nr_disks];

	if (nr_disks == MAX_DISKS)
		panic("more than %d disks", MAX_DISKS);
	*disk = (struct host_disk){ .memory = memory };
	if (!memory)
		disk->memory = calloc(pages, PAGE_SIZE);
	snprintf(disk->bdev.name, sizeof(disk->bdev.name), "%s", name);
	disk->bdev.dev = (dev_t)nr_disks++;
	disk->bdev.nr_sectors = pages << (PAGE_SHIFT - SECTOR_SHIFT);
	disk->bdev.ops = &disk_ops;
	disk->bdev.driver = disk;
	address_space_init(&disk->bdev.mapping, NULL, &uncached, &disk->bdev.size);
	register_block_device(&disk->bdev);
	return &disk->bdev;
}

void host_disks_init(void)
{
	block_init();
	block_register_poll(poll, NULL);
}

/* --- a disk as a file: what swapon opens --- */
static ssize_t disk_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	const struct host_disk *disk = file->private_data;
	size_t n = min(count, (size_t)max(disk->bdev.size - *pos, (loff_t)0));

	if (disk->fail_reads)
		return -EIO;
	memcpy(buf, disk->memory + *pos, n);
	*pos += (loff_t)n;
	return (ssize_t)n;
}

static const struct file_operations disk_fops = { .name = "disk", .read = disk_read };

struct file *host_disk_open(const char *path)
{
	for (int n = 0; n < nr_disks; n++) {
		struct file *file;

		if (strncmp(path, "/dev/", 5) || strcmp(path + 5, disks[n].bdev.name))
			continue;
		file = kzalloc(sizeof(*file), GFP_KERNEL);
		if (!file)
			return ERR_PTR(-ENOMEM);
		atomic_set(&file->f_count, 1);
		file->f_op = &disk_fops;
		file->f_mapping = &disks[n].bdev.mapping;
		file->private_data = &disks[n];
		return file;
	}
	return NULL;
}

struct block_device *file_bdev(struct file *file)
{
	return file->f_op == &disk_fops ? &((struct host_disk *)file->private_data)->bdev : NULL;
}

/* --- swap --- */
static struct host_disk *find_disk(int n)
{
	char name[16];

	snprintf(name, sizeof(name), "hd%d", n);
	for (int i = 0; i < nr_disks; i++)
		if (!strcmp(disks[i].bdev.name, name))
			return &disks[i];
	panic("there is no disk %s", name);
}

/* As mkswap(8): mm/backing/swap_header.h. */
static void mkswap(char *first_page, unsigned long pages)
{
	u32 *header = (u32 *)(first_page + 1024);

	memset(first_page, 0, PAGE_SIZE);
	header[0] = 1;
	header[1] = (u32)pages - 1;
	memcpy(first_page + 4086, "SWAPSPACE2", 10);
}

/* One that was turned off is used again: the block layer cannot forget a disk. */
static struct host_disk *swap_disk(unsigned long pages)
{
	char name[16];

	for (int i = 0; i < nr_disks; i++) {
		struct host_disk *disk = &disks[i];

		if (!disk->idle)
			continue;
		free(disk->memory);
		disk->memory = calloc(pages, PAGE_SIZE);
		disk->bdev.nr_sectors = pages << (PAGE_SHIFT - SECTOR_SHIFT);
		disk->bdev.size = (loff_t)(pages << PAGE_SHIFT);
		disk->idle = disk->fail_reads = disk->fail_writes = false;
		return disk;
	}
	snprintf(name, sizeof(name), "hd%d", nr_disks);
	host_disk_add(name, NULL, pages);
	return &disks[nr_disks - 1];
}

static int disk_number(const struct host_disk *disk)
{
	return (int)(disk - disks);
}

int host_swapon(unsigned long pages, int prio)
{
	struct host_disk *disk = swap_disk(pages);
	char path[32];
	const char *why;
	int err;

	mkswap(disk->memory, pages);
	snprintf(path, sizeof(path), "/dev/%s", disk->bdev.name);
	err = do_swapon(path, prio < 0 ? 0 : SWAP_FLAG_PREFER | prio, &why);
	disk->idle = err != 0;
	return err ? err : disk_number(disk);
}

/* The path of a system call lies in user memory, so a program makes it. */
int host_swapoff(int n)
{
	struct task_struct *before = current, *swapoff = host_create();
	struct host_disk *disk = find_disk(n);
	char path[32];
	long err;

	if (!swapoff)
		return -ENOMEM;
	host_switch(swapoff);
	snprintf(path, sizeof(path), "/dev/%s", disk->bdev.name);
	host_write(HOST_STACK_TOP - sizeof(path), path, sizeof(path));
	err = sys_swapoff((const char *)(HOST_STACK_TOP - sizeof(path)));
	host_switch(before->mm ? before : NULL);
	host_exit(swapoff);
	disk->idle = !err;
	return (int)err;
}

void host_disk_fail(int n, bool reads, bool writes)
{
	find_disk(n)->fail_reads = reads;
	find_disk(n)->fail_writes = writes;
}
