/* SPDX-License-Identifier: MIT */
/*
 * Writing dirty pages back. A page goes dirty -> (clean, under writeback) -> clean; the step away
 * from dirty also write-protects every entry that maps it, so that the next store through a mapping
 * faults and marks it dirty again. Nothing that was stored can be missed.
 */
#include "mm/backing/writeback.h"

#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "lib/util.h"
#include "mm/backing/record.h"
#include "mm/frame/buddy.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

int dirty_background_ratio = 10, vm_dirty_ratio = 20, dirty_writeback_centisecs = 500;

static DEFINE_SPINLOCK(dirty_lock);
static LIST_HEAD(dirty_mappings); /* dirty_lock */
/* One round at a time, so that who waits for the end of his own knows that all was written. */
static struct rw_semaphore flush_sem = RWSEM_INIT(flush_sem, "flush_sem");
static struct address_space *flushing; /* dirty_lock: is being written, writeback_forget() waits */
static DECLARE_WAIT_QUEUE_HEAD(flushing_wait);
static DECLARE_WAIT_QUEUE_HEAD(flusher_wait);
static bool flusher_asked;

/* The page was clean: its file has something to write now. */
static noinline void note_dirty(struct page *page)
{
	struct address_space *mapping = page_mapping(page);

	if (!mapping || mapping->shmem)
		return;
	spin_lock(&mapping->tree_lock);
	if (likely(page->mapping == mapping)) {
		xa_set_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_DIRTY);
		mod_node_stat(N_nr_dirty, 1);
	}
	spin_unlock(&mapping->tree_lock);
	if (list_empty(&mapping->dirty_list)) {
		spin_lock(&dirty_lock);
		if (list_empty(&mapping->dirty_list))
			list_add_tail(&mapping->dirty_list, &dirty_mappings);
		spin_unlock(&dirty_lock);
	}
}

bool set_page_dirty(struct page *page)
{
	if (TestSetPageDirty(page))
		return false;
	note_dirty(page);
	return true;
}

bool clear_page_dirty_for_io(struct page *page)
{
	ASSERT(PageLocked(page));
	if (page_mapped(page) && page_mkclean(page))
		set_page_dirty(page);
	if (!TestClearPageDirty(page))
		return false;
	if (page_mapping(page))
		mod_node_stat(N_nr_dirty, -1);
	return true;
}

void set_page_writeback(struct page *page)
{
	struct address_space *mapping = page_mapping(page);

	SetPageWriteback(page);
	mod_node_stat(N_nr_writeback, 1);
	if (!mapping)
		return;
	spin_lock(&mapping->tree_lock);
	xa_set_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_WRITEBACK);
	record_writeback(1, page);
	if (!PageDirty(page))
		xa_clear_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_DIRTY);
	spin_unlock(&mapping->tree_lock);
}

/* The next page of [*index, end] with the mark, referenced; *index is its place. */
static struct page *find_tagged_page(struct address_space *mapping, pgoff_t *index, pgoff_t end,
				     xa_mark_t mark)
{
	struct page *page;

	spin_lock(&mapping->tree_lock);
	page = xa_find_marked(&mapping->i_pages, index, end, mark);
	if (page)
		get_page(page);
	spin_unlock(&mapping->tree_lock);
	return page;
}

/*
 * A clean page that still carries the dirty mark: its writer cleaned it before the mark was looked
 * at.
 */
static void clear_stale_mark(struct address_space *mapping, struct page *page)
{
	spin_lock(&mapping->tree_lock);
	if (page->mapping == mapping && !PageDirty(page))
		xa_clear_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_DIRTY);
	spin_unlock(&mapping->tree_lock);
}

/* Write one dirty page. Takes the page lock; drops the caller's reference. */
static int write_dirty_page(struct address_space *mapping, struct page *page, bool wait)
{
	int err = 0;

	lock_page(page);
	if (page->mapping != mapping)
		goto unlock;
	if (PageWriteback(page)) {
		if (!wait)
			goto unlock;
		wait_on_page_writeback(page);
	}
	if (!clear_page_dirty_for_io(page)) {
		clear_stale_mark(mapping, page);
		goto unlock;
	}
	err = mapping->a_ops->write_page(mapping, page); /* unlocks */
	put_page(page);
	return err;
unlock:
	unlock_page(page);
	put_page(page);
	return 0;
}

/* Wait for pages under writeback, collect and clear wb_err. */
static int filemap_fdatawait(struct address_space *mapping)
{
	struct page *page;
	pgoff_t index = 0;
	int err;

	while ((page = find_tagged_page(mapping, &index, ~0UL, PAGECACHE_TAG_WRITEBACK))) {
		wait_on_page_writeback(page);
		put_page(page);
		if (++index == 0)
			break;
	}
	spin_lock(&mapping->tree_lock);
	err = mapping->wb_err;
	mapping->wb_err = 0;
	spin_unlock(&mapping->tree_lock);
	return err;
}

int filemap_write_range(struct address_space *mapping, pgoff_t start, pgoff_t end, bool wait)
{
	pgoff_t index = start;
	struct page *page;
	int err = 0, result;

	if (!mapping->a_ops->write_page)
		return 0;
	while ((page = find_tagged_page(mapping, &index, end, PAGECACHE_TAG_DIRTY))) {
		result = write_dirty_page(mapping, page, wait);
		if (result && !err)
			err = result;
		if (index++ == end)
			break;
		cond_resched();
	}
	if (wait) {
		result = filemap_fdatawait(mapping);
		if (!err)
			err = result;
	}
	return err;
}

/* Nobody was told of the error: the next fsync() of the file is. */
static void keep_error(struct address_space *mapping, int err)
{
	spin_lock(&mapping->tree_lock);
	if (!mapping->wb_err)
		mapping->wb_err = err;
	spin_unlock(&mapping->tree_lock);
}

static void end_flush(struct address_space *mapping)
{
	spin_lock(&dirty_lock);
	flushing = NULL;
	/* Dirty still (skipped, or again), or on its way, for sync(2) to wait: in the next round. */
	if ((xa_marked(&mapping->i_pages, PAGECACHE_TAG_DIRTY) ||
	     xa_marked(&mapping->i_pages, PAGECACHE_TAG_WRITEBACK)) &&
	    list_empty(&mapping->dirty_list))
		list_add_tail(&mapping->dirty_list, &dirty_mappings);
	spin_unlock(&dirty_lock);
	wake_up_all(&flushing_wait);
}

void writeback_all(bool wait)
{
	unsigned int was_memalloc = current->flags & PF_MEMALLOC;
	LIST_HEAD(todo);
	int err;

	down_write(&flush_sem);
	spin_lock(&dirty_lock);
	list_splice_init(&dirty_mappings, &todo);
	current->flags |= PF_MEMALLOC; /* reclaim from here could evict the inode being written */
	while (!list_empty(&todo)) {
		struct address_space *mapping =
			list_first_entry(&todo, struct address_space, dirty_list);

		flushing = mapping;
		list_del_init(&mapping->dirty_list);
		spin_unlock(&dirty_lock);
		err = filemap_write_range(mapping, 0, ~0UL, wait);
		if (err)
			keep_error(mapping, err);
		end_flush(mapping);
		spin_lock(&dirty_lock);
	}
	spin_unlock(&dirty_lock);
	if (!was_memalloc)
		current->flags &= ~PF_MEMALLOC;
	up_write(&flush_sem);
}

void writeback_forget(struct address_space *mapping)
{
	bool busy;

	do {
		spin_lock(&dirty_lock);
		list_del_init(&mapping->dirty_list);
		busy = flushing == mapping;
		spin_unlock(&dirty_lock);
		if (busy)
			wait_event(flushing_wait, READ_ONCE(flushing) != mapping);
	} while (busy);
}

/* @percent of the memory that dirty pages could use: free frames and the page cache. */
static unsigned long dirty_threshold(unsigned long percent)
{
	return (nr_free_pages() + node_stat(N_nr_file_pages)) * percent / 100;
}

void wakeup_flusher(void)
{
	flusher_asked = true;
	wake_up(&flusher_wait);
}

void balance_dirty_pages(void)
{
	current->nr_dirtied = 0;
	if (likely(node_stat(N_nr_dirty) <= dirty_threshold((unsigned long)dirty_background_ratio)))
		return;
	wakeup_flusher();
	while (node_stat(N_nr_dirty) + node_stat(N_nr_writeback) >
	       dirty_threshold((unsigned long)vm_dirty_ratio)) {
		if (fatal_signal_pending(current))
			return;
		wakeup_flusher();
		current->state = TASK_KILLABLE;
		schedule_timeout(NSEC_PER_SEC / HZ);
	}
}

static int flusher_thread(void *unused)
{
	(void)unused;
	for (;;) {
		int interval = READ_ONCE(dirty_writeback_centisecs);
		DEFINE_WAIT(wait);

		prepare_to_wait(&flusher_wait, &wait, TASK_UNINTERRUPTIBLE);
		if (!flusher_asked) /* 0 may become something else while we sleep */
			schedule_timeout((u64)(interval ? interval : 500) * (NSEC_PER_SEC / 100));
		finish_wait(&flusher_wait, &wait);
		if (!flusher_asked && !interval)
			continue;
		flusher_asked = false;
		writeback_all(false);
	}
	return 0;
}

void writeback_init(void)
{
	kthread_run(flusher_thread, NULL, "flusher");
}
