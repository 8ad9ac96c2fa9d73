/* SPDX-License-Identifier: MIT */
/*
 * Ext2: file data between page cache and disk.
 *
 * The usual page lies in one piece on the disk, perhaps with a hole at its end (the end of file, or
 * a file being filled): it moves in one request, neighbours in the same one, and nobody waits. A
 * page whose blocks are scattered moves piece by piece, each waited for.
 */
#include "fs/ext2/ext2.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/writeback.h"

#define MAX_PAGE_BLOCKS (PAGE_SIZE / 1024)

/* Where the blocks of one page are. */
struct page_map {
	u64 block[MAX_PAGE_BLOCKS]; /* 0: hole */
	unsigned int n;             /* blocks in a page */
	unsigned int mapped;        /* leading blocks that lie in one piece */
	bool simple;                /* ... and behind them are only holes */
};

/*
 * Of a locked page in the cache. What lies behind the end of file counts as a hole: truncation sets
 * i_size first, then takes the lock of each page that stands in its way, and only then frees blocks. So
 * either we see its i_size here, or it waits until we are done with the blocks.
 */
static int map_page(struct inode *inode, const struct page *page, struct page_map *map)
{
	unsigned int bits = EXT2_SB(inode->i_sb)->geo.block_bits;
	u64 first = (u64)page->index << (PAGE_SHIFT - bits);
	u64 end = ((u64)READ_ONCE(inode->i_size) + (1u << bits) - 1) >> bits;

	map->n = 1u << (PAGE_SHIFT - bits);
	map->mapped = 0;
	map->simple = true;
	for (unsigned int i = 0; i < map->n; i++) {
		s64 block = first + i < end ? ext2_get_block(inode, first + i, false, NULL) : 0;

		if (block == -EFBIG)
			block = 0;
		if (block < 0)
			return (int)block;
		map->block[i] = (u64)block;
		if (block && map->mapped == i && (!i || map->block[i - 1] + 1 == (u64)block))
			map->mapped++;
		else if (block)
			map->simple = false;
	}
	return 0;
}

static sector_t block_sector(const struct inode *inode, u64 block)
{
	return block << (EXT2_SB(inode->i_sb)->geo.block_bits - SECTOR_SHIFT);
}

static void fail_read(struct page *page)
{
	SetPageError(page);
	unlock_page(page);
}

/*
 * A page of one block that has it keeps it for as long as it is in the cache: truncation drops the
 * page first. Smaller blocks may be freed under a page that stays.
 */
static void mark_mapped(const struct inode *inode, struct page *page)
{
	if (EXT2_SB(inode->i_sb)->geo.block_bits == PAGE_SHIFT)
		SetPageMappedToDisk(page);
}

/* Piece by piece, holes as zeroes. The page is unlocked at the end. */
static int read_scattered(struct inode *inode, struct page *page, const struct page_map *map)
{
	unsigned int size = EXT2_SB(inode->i_sb)->geo.block_size;
	loff_t end = inode->i_size - ((loff_t)page->index << PAGE_SHIFT);
	int err = 0;

	for (unsigned int i = 0; i < map->n && !err; i++) {
		if (!map->block[i])
			memset((char *)page_address(page) + i * size, 0, size);
		else
			err = page_io_wait(inode->i_sb->s_bdev, false,
					   block_sector(inode, map->block[i]), page, i * size,
					   size);
	}
	if (err) {
		fail_read(page);
		return err;
	}
	end = max(end, (loff_t)0);
	if (end < (loff_t)PAGE_SIZE)
		memset((char *)page_address(page) + end, 0, PAGE_SIZE - (size_t)end);
	SetPageUptodate(page);
	unlock_page(page);
	return 0;
}

/*
 * Pages that lie behind each other, to be read by one request. It is allocated only when it is
 * complete: to find the next page's block may take a request, too, and tasks that each hold one and
 * wait for another would wait for ever.
 */
struct read_run {
	struct page **pages;
	unsigned int n, last_bytes; /* a page with a hole at its end is the last */
	sector_t sector;
};

static void submit_run(const struct inode *inode, struct read_run *run)
{
	struct bio *bio;

	if (!run->n)
		return;
	bio = bio_alloc(inode->i_sb->s_bdev, BIO_READ, run->sector);
	bio->end_io = end_page_read;
	for (unsigned int i = 0; i < run->n; i++)
		bio_add_page(bio, run->pages[i], i + 1 < run->n ? PAGE_SIZE : run->last_bytes, 0);
	run->n = 0;
	submit_bio(bio);
}

/* Does the page at @page follow the run, and fit in its request? */
static bool joins(const struct read_run *run, struct page **page, sector_t sector)
{
	return run->n && run->n < BIO_MAX_VECS && run->pages + run->n == page &&
	       run->last_bytes == PAGE_SIZE &&
	       run->sector + (sector_t)run->n * (PAGE_SIZE >> SECTOR_SHIFT) == sector;
}

static int ext2_read_pages(struct address_space *mapping, struct page **pages, unsigned int nr)
{
	struct inode *inode = mapping->host;
	unsigned int size = EXT2_SB(inode->i_sb)->geo.block_size, bytes;
	struct read_run run = { 0 };
	struct page_map map;
	int err = 0, result;
	sector_t sector;

	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = pages[i];

		result = map_page(inode, page, &map);
		if (result) {
			fail_read(page);
			err = result;
			continue;
		}
		if (!map.simple || !map.mapped) {
			result = read_scattered(inode, page, &map);
			err = result ? result : err;
			continue;
		}
		mark_mapped(inode, page);
		bytes = map.mapped * size;
		memset((char *)page_address(page) + bytes, 0, PAGE_SIZE - bytes);
		sector = block_sector(inode, map.block[0]);
		if (!joins(&run, &pages[i], sector)) {
			submit_run(inode, &run);
			run = (struct read_run){ .pages = &pages[i], .sector = sector };
		}
		run.n++;
		run.last_bytes = bytes;
	}
	submit_run(inode, &run);
	return err;
}

static int ext2_read_page(struct address_space *mapping, struct page *page)
{
	return ext2_read_pages(mapping, &page, 1);
}

static void write_failed(struct address_space *mapping, struct page *page, int err)
{
	SetPageError(page);
	spin_lock(&mapping->tree_lock);
	if (!mapping->wb_err)
		mapping->wb_err = err;
	spin_unlock(&mapping->tree_lock);
}

/* Holes are left out: nothing was written there, or prepare_write would have filled them. */
static void write_scattered(struct inode *inode, struct page *page, const struct page_map *map)
{
	unsigned int size = EXT2_SB(inode->i_sb)->geo.block_size;

	for (unsigned int i = 0; i < map->n; i++)
		if (map->block[i] &&
		    page_io_wait(inode->i_sb->s_bdev, true, block_sector(inode, map->block[i]),
				 page, i * size, size))
			write_failed(page->mapping, page, -EIO);
	end_page_writeback(page);
}

static int ext2_write_page(struct address_space *mapping, struct page *page)
{
	struct inode *inode = mapping->host;
	loff_t end = inode->i_size - ((loff_t)page->index << PAGE_SHIFT);
	struct page_map map = { .simple = true };
	struct bio *bio;
	int err = 0;

	/* What a mapping stored behind the end of file must not show when the file grows. */
	if (end > 0 && end < (loff_t)PAGE_SIZE)
		memset((char *)page_address(page) + end, 0, PAGE_SIZE - (size_t)end);
	if (end > 0)
		err = map_page(inode, page, &map);
	if (err)
		write_failed(mapping, page, err);
	set_page_writeback(page);
	unlock_page(page);
	if (err || (map.simple && !map.mapped)) {
		end_page_writeback(page);
		return err;
	}
	if (!map.simple) {
		write_scattered(inode, page, &map);
		return 0;
	}
	bio = bio_alloc(inode->i_sb->s_bdev, BIO_WRITE, block_sector(inode, map.block[0]));
	bio->end_io = end_page_write;
	bio_add_page(bio, page, map.mapped * EXT2_SB(inode->i_sb)->geo.block_size, 0);
	submit_bio(bio);
	return 0;
}

/*
 * A block just allocated holds on the disk what somebody deleted. Until the caller's data is there
 * (if it ever comes: the source of the copy may vanish) it must read as zeroes. An up-to-date page
 * has them; otherwise the page is about to be overwritten whole, and gets them first.
 */
static int cover_fresh_block(struct inode *inode, struct page *page, unsigned int i, s64 block,
			     bool whole)
{
	unsigned int size = EXT2_SB(inode->i_sb)->geo.block_size;

	/* Its neighbours are old: settle this one alone, now. */
	if (!PageUptodate(page) && !whole) {
		memset((char *)page_address(page) + i * size, 0, size);
		return page_io_wait(inode->i_sb->s_bdev, true, block_sector(inode, (u64)block),
				    page, i * size, size);
	}
	if (!PageUptodate(page)) {
		clear_page(page_address(page));
		SetPageUptodate(page);
	}
	set_page_dirty(page);
	return 0;
}

/* Blocks for bytes [from, to) of the page. */
static noinline int get_blocks(struct inode *inode, struct page *page, unsigned int from,
			       unsigned int to)
{
	unsigned int bits = EXT2_SB(inode->i_sb)->geo.block_bits;
	u64 first = (u64)page->index << (PAGE_SHIFT - bits);
	bool whole = bits == PAGE_SHIFT || first << bits >= (u64)inode->i_size, fresh;
	int err = 0;

	for (unsigned int i = from >> bits; i <= (to - 1) >> bits && !err; i++) {
		s64 block = ext2_get_block(inode, first + i, true, &fresh);

		if (block < 0)
			err = (int)block;
		else if (fresh)
			err = cover_fresh_block(inode, page, i, block, whole);
	}
	if (!err)
		mark_mapped(inode, page);
	return err;
}

static int ext2_prepare_write(struct address_space *mapping, struct page *page, unsigned int from,
			      unsigned int to)
{
	struct inode *inode = mapping->host;
	int err = 0;

	if (sb_rdonly(inode->i_sb))
		return -EROFS;
	if (!PageMappedToDisk(page))
		err = get_blocks(inode, page, from, to);
	/*
	 * Stores through a mapping come by here once per cleaning: the file's times move with them.
	 */
	if (!err)
		file_update_time(inode);
	return err;
}

const struct address_space_operations ext2_aops = {
	.name = "ext2",
	.read_page = ext2_read_page,
	.read_pages = ext2_read_pages,
	.write_page = ext2_write_page,
	.prepare_write = ext2_prepare_write,
};
