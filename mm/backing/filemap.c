/* SPDX-License-Identifier: MIT */
/*
 * The page cache itself: finding, adding and removing pages, and read(2) and write(2) through it.
 * The mapped side of the same cache is mm/backing/filemap_fault.c.
 */
#include "mm/backing/filemap.h"

#include "kernel/core/panic.h"
#include "kernel/core/rcu.h"
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "kernel/debug/race.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/record.h"
#include "mm/backing/shmem.h"
#include "mm/backing/writeback.h"
#include "mm/backing/xa_nodes.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/lru.h"
#include "mm/stats.h"
#include <asm/uaccess.h>

void address_space_init(struct address_space *mapping, struct inode *host,
			const struct address_space_operations *ops, loff_t *i_size)
{
	memset(mapping, 0, sizeof(*mapping));
	mapping->host = host;
	mapping->a_ops = ops;
	mapping->i_size = i_size;
	mapping->gfp = GFP_USER;
	xa_init(&mapping->i_pages);
	spin_lock_init(&mapping->tree_lock, "tree_lock");
	init_rwsem(&mapping->i_mmap_rwsem, "i_mmap_rwsem");
	INIT_LIST_HEAD(&mapping->dirty_list);
}

void pagecache_init(void)
{
	xa_nodes_init();
}

struct page *find_get_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page;

	spin_lock(&mapping->tree_lock);
	page = xa_load(&mapping->i_pages, index);
	if (unlikely(xa_is_value(page)))
		page = NULL;
	if (page)
		get_page(page);
	spin_unlock(&mapping->tree_lock);
	return page;
}

#if CONFIG_DEBUG
const char *page_lock_name(const struct page *page)
{
	const struct address_space *mapping;
	const char *name;

	rcu_read_lock(); /* the page is not locked: its inode may go */
	mapping = page_mapping(page);
	name = !mapping || PageSwapBacked(page) ? "anonymous page" : mapping->a_ops->name;
	rcu_read_unlock();
	return name;
}
#endif

struct page *find_lock_page(struct address_space *mapping, pgoff_t index)
{
	for (;;) {
		struct page *page = find_get_page(mapping, index);

		if (!page)
			return NULL;
		lock_page(page);
		if (likely(page->mapping == mapping))
			return page;
		unlock_page(page); /* truncated while we waited for the lock */
		put_page(page);
	}
}

int add_to_page_cache_lru(struct page *page, struct address_space *mapping, pgoff_t index)
{
	int err;

	xa_preload();
	spin_lock(&mapping->tree_lock);
	err = xa_load(&mapping->i_pages, index) ? -EEXIST :
						  xa_store(&mapping->i_pages, index, page);
	if (!err) {
		get_page(page);
		page->mapping = mapping;
		page->index = index;
		mapping->nrpages++;
		record_cache(1, page);
	}
	spin_unlock(&mapping->tree_lock);
	if (err)
		return err;
	mod_node_stat(N_nr_file_pages, 1);
	if (mapping->shmem)
		mod_node_stat(N_nr_shmem, 1);
	lru_cache_add(page);
	return 0;
}

struct page *find_or_create_page(struct address_space *mapping, pgoff_t index)
{
	for (;;) {
		struct page *page = find_lock_page(mapping, index);
		int err;

		if (page)
			return page;
		page = alloc_page(mapping->gfp);
		if (!page)
			return NULL;
		__SetPageLocked(page);
		err = add_to_page_cache_lru(page, mapping, index);
		if (!err)
			return page;
		__ClearPageLocked(page);
		put_page(page);
		if (err != -EEXIST)
			return NULL;
	}
}

/* tree_lock held. */
static void leave_tree(struct address_space *mapping, struct page *page)
{
	xa_erase(&mapping->i_pages, page->index);
	record_cache(0, page);
	page->mapping = NULL;
	mapping->nrpages--;
	if (mapping->shmem) /* now: without its last page it may be gone once tree_lock is free */
		shmem_uncharge(mapping->shmem, 1);
}

/* The page is in no tree any more: the sums, and the cache's reference. */
static void account_removal(struct page *page)
{
	mod_node_stat(N_nr_file_pages, -1);
	if (PageSwapBacked(page))
		mod_node_stat(N_nr_shmem, -1);
	else if (TestClearPageDirty(page))
		mod_node_stat(N_nr_dirty, -1);
	put_page(page);
}

void delete_from_page_cache(struct page *page)
{
	struct address_space *mapping = page->mapping;

	ASSERT(PageLocked(page) && mapping && !PageAnon(page));
	if (mapping->a_ops->invalidate_page)
		mapping->a_ops->invalidate_page(mapping, page);
	spin_lock(&mapping->tree_lock);
	leave_tree(mapping, page);
	spin_unlock(&mapping->tree_lock);
	account_removal(page);
}

/*
 * References to a page that nobody maps come from the tree only, under its lock: 2 there is the truth.
 * And who has let go of his made it dirty before.
 */
bool remove_unused_page(struct page *page)
{
	struct address_space *mapping = page->mapping;
	const struct address_space_operations *ops = mapping->a_ops;
	bool unused;

	ASSERT(PageLocked(page) && !PageAnon(page));
	race_point("reclaim: page unmapped, in its cache");
	spin_lock(&mapping->tree_lock);
	unused = page_count(page) == 2 && !PageDirty(page) && !PageWriteback(page);
	if (unused)
		leave_tree(mapping, page);
	spin_unlock(&mapping->tree_lock);
	if (!unused)
		return false;
	/* Without its last page the inode may be gone by now: only a disk's mapping has private data. */
	if (ops->invalidate_page)
		ops->invalidate_page(mapping, page);
	account_removal(page);
	return true;
}

/* Read the locked page and wait. Returns with the page unlocked: 0, or the device's error. */
static int read_locked_page(struct address_space *mapping, struct page *page)
{
	int err;

	ClearPageError(page);
	err = mapping->a_ops->read_page(mapping, page);
	wait_on_page_locked(page);
	if (PageUptodate(page))
		return 0;
	return err ? err : -EIO;
}

struct page *read_cache_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page = find_or_create_page(mapping, index);
	int err;

	if (!page)
		return ERR_PTR(-ENOMEM);
	if (PageUptodate(page)) {
		unlock_page(page);
		return page;
	}
	err = read_locked_page(mapping, page);
	if (!err)
		return page;
	put_page(page);
	return ERR_PTR(err);
}

/* The up-to-date page for a read of @left more pages from @index on, with read-ahead. */
static struct page *filemap_get_page(struct address_space *mapping, struct file_ra_state *ra,
				     pgoff_t index, unsigned long left)
{
	struct page *page;

	if (mapping->shmem)
		return shmem_read_page(mapping, index);
	page = find_get_page(mapping, index);
	if (!page) {
		page_cache_sync_readahead(mapping, ra, index, left);
		page = find_get_page(mapping, index);
		if (!page)
			return read_cache_page(mapping, index);
	} else if (PageReadahead(page)) {
		page_cache_async_readahead(mapping, ra, page, index);
	}
	if (likely(PageUptodate(page)))
		return page;
	wait_on_page_locked(page);
	if (PageUptodate(page))
		return page;
	put_page(page); /* the read-ahead failed or it was truncated: ask for it alone */
	return read_cache_page(mapping, index);
}

static ssize_t read_pages_to(struct file *file, char *buf, size_t count, loff_t *pos,
			     bool to_kernel)
{
	struct address_space *mapping = file->f_mapping;
	struct file_ra_state *ra = &file->f_ra;
	ssize_t done = 0;

	while (count && *pos < *mapping->i_size) {
		pgoff_t index = (pgoff_t)*pos >> PAGE_SHIFT;
		size_t offset = (size_t)*pos & (PAGE_SIZE - 1);
		size_t n = min(PAGE_SIZE - offset, count), left = 0;
		struct page *page = filemap_get_page(mapping, ra, index, PFN_UP(offset + count));

		if (IS_ERR(page))
			return done ? done : PTR_ERR(page);
		n = min(n, (size_t)max(*mapping->i_size - *pos, (loff_t)0));
		if (to_kernel)
			memcpy(buf, (char *)page_address(page) + offset, n);
		else
			left = copy_to_user(buf, (char *)page_address(page) + offset, n);
		if (ra->prev_index != index || !offset)
			mark_page_accessed(page);
		ra->prev_index = index;
		put_page(page);
		n -= left;
		buf += n;
		count -= n;
		*pos += (loff_t)n;
		done += (ssize_t)n;
		if (unlikely(left))
			return done ? done : -EFAULT;
		if (unlikely(fatal_signal_pending(current)))
			return done ? done : -EINTR;
		cond_resched();
	}
	return done;
}

ssize_t filemap_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return read_pages_to(file, buf, count, pos, false);
}

ssize_t filemap_read_kernel(struct file *file, void *buf, size_t count, loff_t *pos)
{
	return read_pages_to(file, buf, count, pos, true);
}

/*
 * Page in the source of a write, so that the copy under the page lock need not fault. 0 or -EFAULT.
 */
static int fault_in_readable(const char *buf, size_t len)
{
	char c __attribute__((unused)); /* only whether it can be read matters */

	if (get_user(c, buf) || get_user(c, buf + len - 1))
		return -EFAULT;
	return 0;
}

/*
 * The locked page, ready to take bytes [from, to): old contents are read first if some of them
 * stay, and the file system has reserved the blocks. ERR_PTR: nothing is held.
 */
static struct page *write_begin(struct address_space *mapping, pgoff_t index, unsigned int from,
				unsigned int to)
{
	if (mapping->shmem)
		return shmem_write_begin(mapping, index, to);
	for (;;) {
		struct page *page = find_or_create_page(mapping, index);
		int err = 0;

		if (!page)
			return ERR_PTR(-ENOMEM);
		if (!PageUptodate(page) && (from || to < PAGE_SIZE)) {
			if (((loff_t)index << PAGE_SHIFT) >= *mapping->i_size) {
				clear_page(page_address(page));
				SetPageUptodate(page);
			} else {
				err = read_locked_page(mapping, page);
				put_page(page);
				if (err)
					return ERR_PTR(err);
				continue;
			}
		}
		if (mapping->a_ops->prepare_write)
			err = mapping->a_ops->prepare_write(mapping, page, from, to);
		if (!err)
			return page;
		unlock_page(page);
		put_page(page);
		return ERR_PTR(err);
	}
}

/* One page's worth; bytes written, 0: the source went away again under us, try again; or -errno. */
static ssize_t write_one_page(struct address_space *mapping, const char *buf, size_t count,
			      loff_t pos, bool from_kernel)
{
	unsigned int offset = (unsigned int)pos & (PAGE_SIZE - 1);
	size_t n = min(PAGE_SIZE - offset, count), left = 0;
	struct page *page;

	if (!from_kernel && fault_in_readable(buf, n))
		return -EFAULT;
	page = write_begin(mapping, (pgoff_t)pos >> PAGE_SHIFT, offset, offset + (unsigned int)n);
	if (IS_ERR(page))
		return PTR_ERR(page);
	if (from_kernel) {
		memcpy((char *)page_address(page) + offset, buf, n);
	} else {
		current->pagefault_disabled++;
		left = copy_from_user((char *)page_address(page) + offset, buf, n);
		current->pagefault_disabled--;
	}
	if (left && !PageUptodate(page))
		/* a hole in the page would show stale memory: do not count it as written */
		left = n;
	n -= left;
	if (n) {
		SetPageUptodate(page);
		set_page_dirty(page);
		if (pos + (loff_t)n > *mapping->i_size)
			*mapping->i_size = pos + (loff_t)n;
		mark_page_accessed(page);
	}
	unlock_page(page);
	put_page(page);
	return (ssize_t)n;
}

static ssize_t write_pages_from(struct file *file, const char *buf, size_t count, loff_t *pos,
				bool from_kernel)
{
	struct address_space *mapping = file->f_mapping;
	ssize_t done = 0;

	while (count) {
		/*
		 * A first short step up to an unreadable page, so that the bytes before it count.
		 */
		ssize_t n = write_one_page(mapping, buf, count, *pos, from_kernel);

		if (n == -EFAULT) {
			size_t to_edge = PAGE_SIZE - ((unsigned long)buf & (PAGE_SIZE - 1));

			if (to_edge < count)
				n = write_one_page(mapping, buf, to_edge, *pos, false);
		}
		if (n < 0)
			return done ? done : n;
		buf += n;
		count -= (size_t)n;
		*pos += n;
		done += n;
		if (unlikely(fatal_signal_pending(current)))
			return done ? done : -EINTR;
		balance_dirty_pages_ratelimited();
		cond_resched();
	}
	return done;
}

ssize_t filemap_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return write_pages_from(file, buf, count, pos, false);
}

ssize_t filemap_write_kernel(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return write_pages_from(file, buf, count, pos, true);
}
