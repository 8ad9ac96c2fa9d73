/* SPDX-License-Identifier: MIT */
/* Raw disks: page cache, metadata buffers, and /dev/vda as a file. See fs/bdev.h. */
#include "fs/bdev.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "kernel/core/block.h"
#include "kernel/core/panic.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/writeback.h"
#include "mm/frame/gfp.h"
#include <asm/uaccess.h>

#define PAGE_SECTORS (PAGE_SIZE >> SECTOR_SHIFT)

static struct block_device *mapping_bdev(struct address_space *mapping)
{
	return container_of(mapping, struct block_device, mapping);
}

void end_page_read(struct bio *bio)
{
	for (unsigned int i = 0; i < bio->nr_vecs; i++) {
		struct page *page = bio->vecs[i].page;
		loff_t end = *page->mapping->i_size - ((loff_t)page->index << PAGE_SHIFT);

		if (bio->status) {
			SetPageError(page);
		} else {
			if (end < (loff_t)PAGE_SIZE)
				memset((char *)page_address(page) + max(end, (loff_t)0), 0,
				       PAGE_SIZE - (size_t)max(end, (loff_t)0));
			SetPageUptodate(page);
		}
		unlock_page(page);
	}
	bio_put(bio);
}

static void note_write_error(struct page *page)
{
	struct address_space *mapping = page_mapping(page);

	SetPageError(page);
	if (!mapping)
		return;
	spin_lock(&mapping->tree_lock);
	if (!mapping->wb_err)
		mapping->wb_err = -EIO;
	spin_unlock(&mapping->tree_lock);
}

void end_page_write(struct bio *bio)
{
	for (unsigned int i = 0; i < bio->nr_vecs; i++) {
		struct page *page = bio->vecs[i].page;

		if (bio->status)
			note_write_error(page);
		end_page_writeback(page);
	}
	bio_put(bio);
}

int page_io_wait(struct block_device *bdev, bool write, sector_t sector, struct page *page,
		 unsigned int offset, unsigned int len)
{
	struct bio *bio = bio_alloc(bdev, write ? BIO_WRITE : BIO_READ, sector);
	int err;

	bio_add_page(bio, page, len, offset);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

/* Bytes of the page that the device has. */
static unsigned int page_bytes(const struct block_device *bdev, const struct page *page)
{
	sector_t first = (sector_t)page->index * PAGE_SECTORS;

	if (first >= bdev->nr_sectors)
		return 0;
	return (unsigned int)min_t(u64, PAGE_SECTORS, bdev->nr_sectors - first) << SECTOR_SHIFT;
}

static int bdev_read_pages(struct address_space *mapping, struct page **pages, unsigned int nr)
{
	struct block_device *bdev = mapping_bdev(mapping);
	struct bio *bio = NULL;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int bytes = page_bytes(bdev, pages[i]);

		pages[i]->private = 0;
		if (!bytes) {
			SetPageError(pages[i]);
			unlock_page(pages[i]);
			continue;
		}
		if (bytes < PAGE_SIZE)
			memset((char *)page_address(pages[i]) + bytes, 0, PAGE_SIZE - bytes);
		if (bio && !bio_add_page(bio, pages[i], bytes, 0)) {
			submit_bio(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(bdev, BIO_READ, (sector_t)pages[i]->index * PAGE_SECTORS);
			bio->end_io = end_page_read;
			bio_add_page(bio, pages[i], bytes, 0);
		}
	}
	if (bio)
		submit_bio(bio);
	return 0;
}

static int bdev_read_page(struct address_space *mapping, struct page *page)
{
	return bdev_read_pages(mapping, &page, 1);
}

/*
 * The dirty sectors only; runs but the last are waited for, so that one completion ends the page.
 */
static int bdev_write_page(struct address_space *mapping, struct page *page)
{
	struct block_device *bdev = mapping_bdev(mapping);
	unsigned int dirty = (unsigned int)page->private, from, to;
	sector_t first = (sector_t)page->index * PAGE_SECTORS;
	struct bio *bio = NULL;

	dirty &= (1u << (page_bytes(bdev, page) >> SECTOR_SHIFT)) - 1;
	page->private = 0;
	set_page_writeback(page);
	unlock_page(page);
	for (from = 0; dirty >> from; from = to) {
		if (!(dirty >> from & 1)) {
			to = from + 1;
			continue;
		}
		for (to = from; dirty >> to & 1; to++)
			;
		if (dirty >> to) {
			if (page_io_wait(bdev, true, first + from, page, from << SECTOR_SHIFT,
					 (to - from) << SECTOR_SHIFT))
				note_write_error(page);
			continue;
		}
		bio = bio_alloc(bdev, BIO_WRITE, first + from);
		bio->end_io = end_page_write;
		bio_add_page(bio, page, (to - from) << SECTOR_SHIFT, from << SECTOR_SHIFT);
	}
	if (bio)
		submit_bio(bio);
	else
		end_page_writeback(page);
	return 0;
}

/* Called before every store into the locked page, by write(2) and mmap too: they dirty sectors. */
static int bdev_prepare_write(struct address_space *mapping, struct page *page, unsigned int from,
			      unsigned int to)
{
	unsigned int first = from >> SECTOR_SHIFT, last = (to - 1) >> SECTOR_SHIFT;

	if (mapping_bdev(mapping)->read_only)
		return -EROFS;
	if (!PageUptodate(page)) /* fresh, to be overwritten whole */
		page->private = 0;
	page->private |= (2ul << last) - (1ul << first);
	return 0;
}

static void bdev_invalidate_page(struct address_space *mapping, struct page *page)
{
	page->private = 0;
}

static const struct address_space_operations bdev_aops = {
	.name = "block device",
	.read_page = bdev_read_page,
	.read_pages = bdev_read_pages,
	.write_page = bdev_write_page,
	.prepare_write = bdev_prepare_write,
	.invalidate_page = bdev_invalidate_page,
};

static void set_buf(struct buf *b, struct page *page, u64 block, unsigned int size)
{
	b->page = page;
	b->data = (char *)page_address(page) + (block * size & (PAGE_SIZE - 1));
	b->size = size;
}

int bread(struct block_device *bdev, u64 block, unsigned int size, struct buf *b)
{
	struct page *page;

	b->page = NULL;
	if (block >= (u64)bdev->size / size)
		return -EIO;
	page = read_cache_page(&bdev->mapping, (pgoff_t)(block * size >> PAGE_SHIFT));
	if (IS_ERR(page))
		return (int)PTR_ERR(page);
	set_buf(b, page, block, size);
	return 0;
}

/* The page is locked. */
static void dirty_locked(struct buf *b)
{
	unsigned int from = (unsigned int)((unsigned long)b->data & (PAGE_SIZE - 1));

	bdev_prepare_write(b->page->mapping, b->page, from, from + b->size);
	set_page_dirty(b->page);
}

void bdirty(struct buf *b)
{
	lock_page(b->page);
	dirty_locked(b);
	unlock_page(b->page);
}

int bget_zeroed(struct block_device *bdev, u64 block, unsigned int size, struct buf *b)
{
	struct page *page;
	int err;

	if (size < PAGE_SIZE) { /* the neighbours in its page are wanted */
		err = bread(bdev, block, size, b);
		if (err)
			return err;
		lock_page(b->page);
	} else {
		b->page = NULL;
		if (block >= (u64)bdev->size / size)
			return -EIO;
		page = find_or_create_page(&bdev->mapping, (pgoff_t)block);
		if (!page)
			return -ENOMEM;
		if (!PageUptodate(page))
			page->private = 0;
		set_buf(b, page, block, size);
	}
	memset(b->data, 0, size);
	SetPageUptodate(b->page);
	dirty_locked(b);
	unlock_page(b->page);
	return 0;
}

void brelse(struct buf *b)
{
	if (b->page)
		put_page(b->page);
	b->page = NULL;
}

void bforget(struct block_device *bdev, u64 block, unsigned int size)
{
	struct page *page = find_lock_page(&bdev->mapping, (pgoff_t)(block * size >> PAGE_SHIFT));
	unsigned int from = (unsigned int)(block * size & (PAGE_SIZE - 1)) >> SECTOR_SHIFT;
	unsigned int sectors = size >> SECTOR_SHIFT;

	if (!page)
		return;
	wait_on_page_writeback(page);
	/* The page may stay dirty with no dirty sector: writing it is then nothing. */
	if (PageUptodate(page))
		page->private &= ~(((1ul << sectors) - 1) << from);
	unlock_page(page);
	put_page(page);
}

/* --- the device as a file --- */

static int blkdev_open(struct inode *inode, struct file *file)
{
	struct block_device *bdev = block_device_by_dev(inode->i_rdev);

	if (!bdev)
		return -ENXIO;
	if ((file->f_mode & FMODE_WRITE) && bdev->read_only)
		return -EROFS;
	file->f_mapping = &bdev->mapping;
	return 0;
}

static ssize_t blkdev_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return *pos < 0 ? -EINVAL : filemap_read(file, buf, count, pos);
}

static ssize_t blkdev_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	struct block_device *bdev = mapping_bdev(file->f_mapping);
	ssize_t n;

	if (*pos < 0)
		return -EINVAL;
	if (*pos >= bdev->size)
		return count ? -ENOSPC : 0;
	count = (size_t)min_t(u64, count, (u64)(bdev->size - *pos));
	inode_lock(file->f_inode);
	n = filemap_write(file, buf, count, pos);
	inode_unlock(file->f_inode);
	return n;
}

static loff_t blkdev_llseek(struct file *file, loff_t offset, int whence)
{
	return generic_llseek_size(file, offset, whence, mapping_bdev(file->f_mapping)->size);
}

static int blkdev_fsync(struct file *file, bool datasync)
{
	int err = filemap_write_range(file->f_mapping, 0, ~0UL, true);

	return err ? err : blkdev_flush(mapping_bdev(file->f_mapping));
}

#define BLKGETSIZE 0x1260
#define BLKSSZGET 0x1268
#define BLKGETSIZE64 0x80081272

static long blkdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct block_device *bdev = mapping_bdev(file->f_mapping);

	switch (cmd) {
	case BLKGETSIZE:
		return put_user((unsigned long)bdev->nr_sectors, (unsigned long __user *)arg);
	case BLKGETSIZE64:
		return put_user((u64)bdev->size, (u64 __user *)arg);
	case BLKSSZGET:
		return put_user(1 << SECTOR_SHIFT, (int __user *)arg);
	}
	return -ENOTTY;
}

const struct file_operations blkdev_fops = {
	.name = "block device",
	.open = blkdev_open,
	.read = blkdev_read,
	.write = blkdev_write,
	.llseek = blkdev_llseek,
	.mmap = generic_file_mmap,
	.fsync = blkdev_fsync,
	.ioctl = blkdev_ioctl,
};

static void init_mapping(struct block_device *bdev, void *arg)
{
	address_space_init(&bdev->mapping, NULL, &bdev_aops, &bdev->size);
	/*
	 * File systems read their metadata while they hold locks that reclaim would need; and in the
	 * middle of a change, as when a process that the OOM killer chose gives back the blocks of a
	 * removed file: failing there would lose them.
	 */
	bdev->mapping.gfp = GFP_NOFS | __GFP_HIGH | __GFP_NOFAIL;
	trace_file(bdev->dev, 0, bdev->name);
}

void bdev_init(void)
{
	for_each_block_device(init_mapping, NULL);
}
