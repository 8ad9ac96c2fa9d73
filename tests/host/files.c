/* SPDX-License-Identifier: MIT */
/*
 * One flat folder of regular files. Each has a region of its own on one large disk, where its pages
 * lie in runs of sixteen with a gap behind each; what ext2 does for the page cache beyond that
 * (keep inodes, find free blocks) does not matter here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/core/block.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/writeback.h"
#include "mm/frame/slab.h"
#include "tests/host/internal.h"

#define MAX_FILES 64
#define FILE_PAGES 16384UL /* of the largest file: 64 MiB */
#define RUN 16UL
#define REGION_PAGES (FILE_PAGES + FILE_PAGES / RUN) /* of the disk, for each */
#define PAGE_SECTORS (PAGE_SIZE >> SECTOR_SHIFT)

/* What the kernel calls an inode; here it is the whole file. */
struct inode {
	char name[32];
	struct address_space mapping;
	loff_t size;
	unsigned long region; /* number, also of the inode */
	int denied;           /* deny_write_access() */
	struct host_file_errors errors;
};
struct host_file {
	struct inode inode;
};

static struct host_file *files[MAX_FILES];
static struct block_device *disk;
static char *disk_memory;

/* The page of the disk that has page @index of the file. */
static unsigned long disk_page(const struct inode *inode, pgoff_t index)
{
	return inode->region * REGION_PAGES + index + index / RUN;
}

static sector_t page_sector(const struct inode *inode, pgoff_t index)
{
	return disk_page(inode, index) * PAGE_SECTORS;
}

/* Move @n bytes at @pos of the file between disk and memory; @from and @to NULL: zero the disk. */
static void move_bytes(const struct inode *inode, void *to, const void *from, size_t n, size_t pos)
{
	for (size_t done = 0, part; done < n; done += part) {
		size_t offset = (pos + done) % PAGE_SIZE;
		char *disk_at = disk_memory + offset +
				(disk_page(inode, (pos + done) / PAGE_SIZE) << PAGE_SHIFT);

		part = min(n - done, PAGE_SIZE - offset);
		if (to)
			memcpy((char *)to + done, disk_at, part);
		else if (from)
			memcpy(disk_at, (const char *)from + done, part);
		else
			memset(disk_at, 0, part);
	}
}

/* Bytes of the file in the page at @index. */
static size_t bytes_in(const struct inode *inode, pgoff_t index)
{
	loff_t left = inode->size - ((loff_t)index << PAGE_SHIFT);

	return (size_t)clamp(left, (loff_t)0, (loff_t)PAGE_SIZE);
}

/* --- address_space_operations --- */
static void end_read(struct bio *bio)
{
	for (unsigned int i = 0; i < bio->nr_vecs; i++) {
		struct page *page = bio->vecs[i].page;
		const struct inode *inode = page->mapping->host;
		size_t bytes = bytes_in(inode, page->index);

		memset((char *)page_address(page) + bytes, 0, PAGE_SIZE - bytes);
		if (bio->status || inode->errors.read)
			SetPageError(page);
		else
			SetPageUptodate(page);
		unlock_page(page);
	}
	bio_put(bio);
}

/* One request for each run. */
static int read_pages(struct address_space *mapping, struct page **pages, unsigned int nr)
{
	struct bio *bio = NULL;

	for (unsigned int i = 0; i < nr; i++) {
		if (bio &&
		    (pages[i]->index % RUN == 0 || !bio_add_page(bio, pages[i], PAGE_SIZE, 0))) {
			submit_bio(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(disk, BIO_READ,
					page_sector(mapping->host, pages[i]->index));
			bio->end_io = end_read;
			bio_add_page(bio, pages[i], PAGE_SIZE, 0);
		}
	}
	submit_bio(bio);
	return 0;
}

static int read_page(struct address_space *mapping, struct page *page)
{
	return read_pages(mapping, &page, 1);
}

static void end_write(struct bio *bio)
{
	struct page *page = bio->vecs[0].page;
	struct address_space *mapping = page->mapping;
	int err = bio->status ? bio->status : mapping->host->errors.write;

	if (err) {
		SetPageError(page);
		spin_lock(&mapping->tree_lock);
		mapping->wb_err = mapping->wb_err ? mapping->wb_err : err;
		spin_unlock(&mapping->tree_lock);
	}
	end_page_writeback(page);
	bio_put(bio);
}

static int write_page(struct address_space *mapping, struct page *page)
{
	size_t bytes = bytes_in(mapping->host, page->index);
	struct bio *bio;

	/* What a mapping stored behind the end of the file must not show when it grows. */
	memset((char *)page_address(page) + bytes, 0, PAGE_SIZE - bytes);
	set_page_writeback(page);
	unlock_page(page);
	if (!bytes || mapping->host->errors.write) {
		int err = bytes ? mapping->host->errors.write : 0;

		if (err) {
			spin_lock(&mapping->tree_lock);
			mapping->wb_err = err;
			spin_unlock(&mapping->tree_lock);
		}
		end_page_writeback(page);
		return err;
	}
	bio = bio_alloc(disk, BIO_WRITE, page_sector(mapping->host, page->index));
	bio->end_io = end_write;
	bio_add_page(bio, page, PAGE_SIZE, 0);
	submit_bio(bio);
	return 0;
}

static int prepare_write(struct address_space *mapping, struct page *page, unsigned int from,
			 unsigned int to)
{
	(void)page;
	(void)from;
	(void)to;
	return mapping->host->errors.reserve;
}

static const struct address_space_operations host_aops = {
	.name = "host",
	.read_page = read_page,
	.read_pages = read_pages,
	.write_page = write_page,
	.prepare_write = prepare_write,
};

static ssize_t file_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return filemap_read(file, buf, count, pos);
}

static ssize_t file_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return filemap_write(file, buf, count, pos);
}

static int file_fsync(struct file *file, bool datasync)
{
	(void)datasync;
	return filemap_write_range(file->f_mapping, 0, ~0UL, true);
}

static const struct file_operations host_fops = {
	.name = "host",
	.read = file_read,
	.write = file_write,
	.mmap = generic_file_mmap,
	.fsync = file_fsync,
};

/* --- open files --- */
static struct file *open_inode(struct inode *inode, bool write)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return ERR_PTR(-ENOMEM);
	atomic_set(&file->f_count, 1);
	file->f_mode = FMODE_READ | (write ? FMODE_WRITE : 0);
	file->f_op = &host_fops;
	file->f_inode = inode;
	file->f_mapping = &inode->mapping;
	return file;
}

void fput(struct file *file)
{
	if (!file || !atomic_dec_and_test(&file->f_count))
		return;
	if (file->f_op->release)
		file->f_op->release(file);
	kfree(file);
}

/* --- by name --- */
static struct host_file *find_file(const char *name)
{
	for (int i = 0; i < MAX_FILES; i++)
		if (files[i] && !strcmp(files[i]->inode.name, name))
			return files[i];
	return NULL;
}

bool may_swap(void)
{
	return true;
}

/* "/name": one of ours; "/dev/hdN": a disk. */
struct file *filp_open(const char *path, int flags, umode_t mode)
{
	struct file *dev = host_disk_open(path);
	struct host_file *file = path[0] == '/' ? find_file(path + 1) : NULL;

	(void)mode;
	if (dev || !file)
		return dev ? dev : ERR_PTR(-ENOENT);
	return open_inode(&file->inode, flags & 3);
}

int host_open(struct host_file *file, bool write)
{
	struct host_task *host = host_task_of(current);

	for (int fd = 0; fd < HOST_FDS; fd++) {
		struct file *open;

		if (host->fds[fd])
			continue;
		open = open_inode(&file->inode, write);
		if (IS_ERR(open))
			return (int)PTR_ERR(open);
		host->fds[fd] = open;
		return fd;
	}
	return -EMFILE;
}

__weak unsigned int names_changed; /* of who links no names */

char *file_path(struct file *file, char *buf, int size)
{
	snprintf(buf, (size_t)size, "/%s", file->f_inode ? file->f_inode->name : file->f_op->name);
	return buf;
}

struct file_id inode_id(const struct inode *inode)
{
	return inode ? (struct file_id){ 1, (u32)inode->region + 1 } : (struct file_id){ 0, 0 };
}

void file_getattr(struct file *file, struct file_stat *st)
{
	*st = (struct file_stat){ .mode = file->f_inode ? 0100000 : 0060000 };
	if (file->f_inode) {
		st->ino = file->f_inode->region + 1;
		st->size = file->f_inode->size;
	}
}

int deny_write_access(struct file *file)
{
	file->f_inode->denied++;
	return 0;
}

void allow_write_access(struct file *file)
{
	file->f_inode->denied--;
}

ssize_t kernel_read(struct file *file, void *buf, size_t count, loff_t pos)
{
	if (!file->f_inode)
		return file->f_op->read(file, buf, count, &pos);
	return filemap_read_kernel(file, buf, count, &pos);
}

sector_t file_bmap(struct file *file, pgoff_t index, struct block_device **bdev)
{
	*bdev = disk;
	return file->f_inode->region ? page_sector(file->f_inode, index) : 0;
}

/* --- for tests --- */
struct host_file *host_file_create(const char *name, const void *contents, size_t size)
{
	struct host_file *file = calloc(1, sizeof(*file));
	unsigned long region = 1; /* 0 would put a page at sector 0, which means a hole */

	while (region < MAX_FILES && files[region])
		region++;
	if (region == MAX_FILES || size > FILE_PAGES << PAGE_SHIFT)
		panic("host_file_create: more than %d files, or one larger than 64 MiB",
		      MAX_FILES - 1);
	snprintf(file->inode.name, sizeof(file->inode.name), "%s", name);
	file->inode.region = region;
	file->inode.size = (loff_t)size;
	if (contents)
		move_bytes(&file->inode, NULL, contents, size, 0);
	address_space_init(&file->inode.mapping, &file->inode, &host_aops, &file->inode.size);
	files[region] = file;
	return file;
}

void host_file_remove(struct host_file *file)
{
	host_settle();
	truncate_inode_pages(&file->inode.mapping);
	writeback_forget(&file->inode.mapping);
	move_bytes(&file->inode, NULL, NULL, PAGE_ALIGN((size_t)file->inode.size), 0);
	files[file->inode.region] = NULL;
	free(file);
}

/* Whole blocks are given back; clearing the tail of the last one is the page cache's part. */
int host_file_truncate(struct host_file *file, size_t size)
{
	size_t old = (size_t)file->inode.size;

	if (size < old && truncate_page_tail(&file->inode.mapping, (loff_t)size))
		return -ENOMEM;
	file->inode.size = (loff_t)size;
	if (size < old) {
		truncate_pagecache(&file->inode.mapping, (loff_t)size);
		move_bytes(&file->inode, NULL, NULL, PAGE_ALIGN(old) - PAGE_ALIGN(size),
			   PAGE_ALIGN(size));
	}
	return 0;
}

/* An open file that nobody else sees, for one call. */
static ssize_t with_file(struct host_file *file, void *buf, size_t n, loff_t pos, bool write)
{
	struct file open = { .f_count = ATOMIC_INIT(1),
			     .f_mode = FMODE_READ | FMODE_WRITE,
			     .f_op = &host_fops,
			     .f_inode = &file->inode,
			     .f_mapping = &file->inode.mapping };
	struct page *page;
	size_t part;

	if (!write)
		return filemap_read_kernel(&open, buf, n, &pos);
	/* filemap_write() takes user memory: do what it does, page by page. */
	for (size_t done = 0; done < n; done += part) {
		loff_t at = pos + (loff_t)done;
		size_t offset = (size_t)at & ~PAGE_MASK;

		part = min(n - done, PAGE_SIZE - offset);
		if (at + (loff_t)part > file->inode.size)
			file->inode.size = at + (loff_t)part;
		page = read_cache_page(&file->inode.mapping, (pgoff_t)(at >> PAGE_SHIFT));
		if (IS_ERR(page))
			return PTR_ERR(page);
		lock_page(page);
		memcpy((char *)page_address(page) + offset, (const char *)buf + done, part);
		set_page_dirty(page);
		unlock_page(page);
		put_page(page);
	}
	return (ssize_t)n;
}

ssize_t host_file_read(struct host_file *file, void *buf, size_t n, loff_t pos)
{
	return with_file(file, buf, n, pos, false);
}

ssize_t host_file_write(struct host_file *file, const void *buf, size_t n, loff_t pos)
{
	return with_file(file, (void *)buf, n, pos, true);
}

void host_file_on_disk(const struct host_file *file, void *buf, size_t n, size_t pos)
{
	move_bytes(&file->inode, buf, NULL, n, pos);
}

int host_file_sync(struct host_file *file)
{
	return filemap_write_range(&file->inode.mapping, 0, ~0UL, true);
}

void host_file_drop(struct host_file *file)
{
	host_file_sync(file);
	invalidate_mapping_pages(&file->inode.mapping);
}

struct page *host_file_page(struct host_file *file, pgoff_t index)
{
	struct page *page = find_get_page(&file->inode.mapping, index);

	if (page)
		put_page(page);
	return page;
}

struct address_space *host_file_mapping(struct host_file *file)
{
	return &file->inode.mapping;
}

struct host_file_errors *host_file_errors(struct host_file *file)
{
	return &file->inode.errors;
}

void host_files_init(void)
{
	size_t bytes = (MAX_FILES * REGION_PAGES) << PAGE_SHIFT;

	disk_memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk_memory == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	disk = host_disk_add("files", disk_memory, MAX_FILES * REGION_PAGES);
}
