/* SPDX-License-Identifier: MIT */
/*
 * Read-ahead: a file read in order is read from the disk before it is asked for.
 *
 *   |<----------- size ----------->|
 *   start            ^ mark        start + size
 *                    |<-async_size>|
 *
 * A miss that continues the last read opens a window. The first page of its last part carries
 * PG_readahead: whoever touches it starts the next window, twice as large, while the reader still
 * has pages to go. A miss elsewhere reads just what was asked for.
 */
#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/frame/buddy.h"
#include "mm/stats.h"

#define RA_INITIAL_PAGES 4U

/* Hand a run of consecutive locked pages to the file system and let go of them. */
static void read_run(struct address_space *mapping, struct page **pages, unsigned int nr)
{
	unsigned int i;

	if (!nr)
		return;
	if (mapping->a_ops->read_pages) {
		mapping->a_ops->read_pages(mapping, pages, nr);
	} else {
		for (i = 0; i < nr; i++)
			mapping->a_ops->read_page(mapping, pages[i]);
	}
	for (i = 0; i < nr; i++)
		put_page(pages[i]);
}

/* Start reading what is missing of [start, start + nr); the page at @mark gets PG_readahead. */
static void do_readahead(struct address_space *mapping, pgoff_t start, unsigned long nr,
			 pgoff_t mark)
{
	struct page *run[RA_MAX_PAGES];
	unsigned int in_run = 0;
	pgoff_t end, index, last;

	if (*mapping->i_size <= 0)
		return;
	last = (pgoff_t)(*mapping->i_size - 1) >> PAGE_SHIFT;
	end = min(start + nr - 1, last);
	for (index = start; index <= end; index++) {
		struct page *page = find_get_page(mapping, index);

		if (page) {
			put_page(page);
		} else {
			page = alloc_page(mapping->gfp | __GFP_NOWARN);
			if (!page)
				break;
			__SetPageLocked(page);
			if (index == mark)
				__SetPageReadahead(page);
			if (!add_to_page_cache_lru(page, mapping, index)) {
				run[in_run++] = page;
				if (in_run < ARRAY_SIZE(run))
					continue;
			} else {
				__ClearPageLocked(page);
				page->flags &= ~(1UL << PG_readahead);
				put_page(page);
			}
		}
		read_run(mapping, run, in_run);
		in_run = 0;
	}
	read_run(mapping, run, in_run);
}

static void submit_window(struct address_space *mapping, struct file_ra_state *ra)
{
	do_readahead(mapping, ra->start, ra->size, ra->start + ra->size - ra->async_size);
}

void page_cache_sync_readahead(struct address_space *mapping, struct file_ra_state *ra,
			       pgoff_t index, unsigned long req_pages)
{
	unsigned int most = ra->ra_pages ? ra->ra_pages : RA_MAX_PAGES;
	bool sequential = index == 0 || index == ra->prev_index + 1 || index == ra->prev_index ||
			  index == ra->start + ra->size;

	req_pages = clamp(req_pages, 1UL, (unsigned long)most);
	if (!sequential) {
		do_readahead(mapping, index, req_pages, ~0UL);
		return;
	}
	ra->start = index;
	ra->size = min(max((unsigned int)req_pages * 2, RA_INITIAL_PAGES), most);
	ra->async_size = ra->size > req_pages ? ra->size - (unsigned int)req_pages : ra->size / 2;
	submit_window(mapping, ra);
}

void page_cache_async_readahead(struct address_space *mapping, struct file_ra_state *ra,
				struct page *page, pgoff_t index)
{
	unsigned int most = ra->ra_pages ? ra->ra_pages : RA_MAX_PAGES;

	ClearPageReadahead(page);
	if (index == ra->start + ra->size - ra->async_size) {
		ra->start += ra->size;
		ra->size = min(ra->size * 2, most);
	} else { /* another reader's window: begin one of our own behind it */
		ra->start = index + 1;
		ra->size = RA_INITIAL_PAGES;
	}
	ra->async_size = ra->size;
	submit_window(mapping, ra);
}

void force_page_cache_readahead(struct address_space *mapping, pgoff_t start, unsigned long nr)
{
	pgoff_t end;

	if (!mapping->a_ops->read_page && !mapping->a_ops->read_pages)
		return; /* shared memory is nowhere else */
	/* More than that would drive out its own beginning. */
	nr = min(nr, totalram_pages() / 2);
	/* A file with holes may be larger than anybody wants to wait for. */
	for (end = start + nr; start < end && !fatal_signal_pending(current);
	     start += RA_MAX_PAGES) {
		do_readahead(mapping, start, min(end - start, (unsigned long)RA_MAX_PAGES), ~0UL);
		cond_resched();
	}
}
