/* SPDX-License-Identifier: MIT */
/*
 * Swap's requests to the block layer: where slots lie, reads, batched writes, and what follows
 * them.
 */
#include "kernel/core/printk.h"
#include "kernel/trace/trace.h"
#include "lib/util.h"
#include "mm/backing/swap_internal.h"
#include "mm/stats.h"

#define PAGE_SECTORS (PAGE_SIZE >> SECTOR_SHIFT)

/* The device sector of a slot. */
static sector_t swap_sector(const struct swap_area *area, unsigned long slot)
{
	unsigned int low = 0, high = area->nr_extents - 1;

	while (low < high) {
		unsigned int mid = (low + high + 1) / 2;

		if (area->extents[mid].start <= slot)
			low = mid;
		else
			high = mid - 1;
	}
	return area->extents[low].sector + (slot - area->extents[low].start) * PAGE_SECTORS;
}

static struct swap_area *page_area(const struct page *page)
{
	return swap_area_of((swp_entry_t){ page->private });
}

static unsigned long page_slot(const struct page *page)
{
	return swp_offset((swp_entry_t){ page->private });
}

static void record_io(enum trace_swap_op op, const struct page *page)
{
	trace_swap(op, page->private, page_to_pfn(page));
}

static void report_error(const struct bio *bio, const char *what)
{
	static unsigned int reports;

	if (reports++ < 10)
		pr_err("swap: %s %u pages at sector %llu of %s failed with %d\n", what,
		       bio->nr_vecs, (unsigned long long)bio->sector, bio->bdev->name, bio->status);
}

/* The last user may have gone while the request held the page: then cache and slot go too. */
static void free_if_unused(struct page *page)
{
	if (likely(swap_count((swp_entry_t){ READ_ONCE(page->private) })))
		return;
	if (trylock_page(page)) {
		if (PageSwapCache(page) && !page_mapped(page))
			try_to_free_swap(page);
		unlock_page(page);
	}
}

static void end_swap_read(struct bio *bio)
{
	if (bio->status)
		report_error(bio, "reading");
	for (unsigned int i = 0; i < bio->nr_vecs; i++) {
		struct page *page = bio->vecs[i].page;

		get_page(page);
		record_io(TRACE_SWAP_READ_END, page);
		if (bio->status)
			SetPageError(page);
		else
			SetPageUptodate(page);
		unlock_page(page);
		free_if_unused(page);
		put_page(page);
	}
	bio_put(bio);
}

static void end_swap_write(struct bio *bio)
{
	if (bio->status)
		report_error(bio, "writing");
	for (unsigned int i = 0; i < bio->nr_vecs; i++) {
		struct page *page = bio->vecs[i].page;

		get_page(page);
		record_io(TRACE_SWAP_WRITE_END, page);
		if (bio->status) { /* the frame is the only copy: it stays */
			SetPageDirty(page);
			SetPageError(page);
			ClearPageReclaim(page);
		}
		end_page_writeback(page);
		free_if_unused(page);
		put_page(page);
	}
	bio_put(bio);
}

void swap_read_pages(struct page **pages, unsigned int nr)
{
	const struct swap_area *area = page_area(pages[0]);
	struct bio *bio = NULL;

	count_vm_events(VM_pswpin, nr);
	for (unsigned int i = 0; i < nr; i++) {
		sector_t sector = swap_sector(area, page_slot(pages[i]));

		record_io(TRACE_SWAP_READ_BEGIN, pages[i]);
		/* A swap file's slots need not lie together. */
		if (bio && (bio->sector + bio->nr_vecs * PAGE_SECTORS != sector ||
			    !bio_add_page(bio, pages[i], PAGE_SIZE, 0))) {
			submit_bio(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(area->bdev, BIO_READ, sector);
			bio->end_io = end_swap_read;
			bio_add_page(bio, pages[i], PAGE_SIZE, 0);
		}
	}
	submit_bio(bio);
}

void swap_batch_submit(struct swap_batch *batch)
{
	if (batch->bio)
		submit_bio(batch->bio);
	batch->bio = NULL;
}

int swap_writepage_batch(struct page *page, struct swap_batch *batch)
{
	const struct swap_area *area;
	sector_t sector;

	ASSERT(PageLocked(page) && PageSwapCache(page));
	if (try_to_free_swap(page)) { /* nobody will ever read it */
		ClearPageReclaim(page);
		unlock_page(page);
		return 0;
	}
	area = page_area(page);
	sector = swap_sector(area, page_slot(page));
	ClearPageDirty(page);
	set_page_writeback(page);
	record_io(TRACE_SWAP_WRITE_BEGIN, page);
	unlock_page(page);
	count_vm_event(VM_pswpout);
	if (batch->bio && (batch->bio->bdev != area->bdev ||
			   batch->bio->sector + batch->bio->nr_vecs * PAGE_SECTORS != sector ||
			   !bio_add_page(batch->bio, page, PAGE_SIZE, 0)))
		swap_batch_submit(batch);
	else if (batch->bio)
		return 0;
	batch->bio = bio_alloc(area->bdev, BIO_WRITE, sector);
	batch->bio->end_io = end_swap_write;
	bio_add_page(batch->bio, page, PAGE_SIZE, 0);
	return 0;
}
