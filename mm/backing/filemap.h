/* SPDX-License-Identifier: MIT */
/*
 * The page cache: one per inode, shared by read(2), write(2) and mmap.
 *
 * A page found in the cache stays in it while it is locked. Up to date means its contents are the
 * file's. Dirty pages are tagged in the tree and written by writeback (mm/backing/writeback.h).
 * Lock order: inode lock (i_rwsem), mmap_lock, page lock, i_pages lock (tree_lock).
 */
#ifndef MM_BACKING_FILEMAP_H
#define MM_BACKING_FILEMAP_H

#include "kernel/core/rwsem.h"
#include "kernel/core/spinlock.h"
#include "lib/rbtree.h"
#include "lib/xarray.h"
#include "mm/frame/page.h"
#include "mm/space/mm.h"

struct inode;
struct shmem;
struct address_space;

/* What a file system (or swap, shmem, block device) fills in. */
struct address_space_operations {
	const char *name;
	/*
	 * Fill the locked page from the device, zeros beyond the end of file; unlocks it when done
	 * (maybe later, from the completion), uptodate or error set. May sleep.
	 */
	int (*read_page)(struct address_space *mapping, struct page *page);
	/*
	 * Start writing the locked, clean-marked page: sets PG_writeback, unlocks it;
	 * end_page_writeback() when done. 0 or -errno.
	 */
	int (*write_page)(struct address_space *mapping, struct page *page);
	/*
	 * Reserve blocks for bytes [from, to) of the locked page about to be written by write(2) or
	 * a shared fault. 0, -ENOSPC, -EIO.
	 */
	int (*prepare_write)(struct address_space *mapping, struct page *page, unsigned int from, unsigned int to);
	/* Read many: optional; pages are locked, in the cache, consecutive. Unlocks each. */
	int (*read_pages)(struct address_space *mapping, struct page **pages, unsigned int nr);
	/* The locked page leaves the cache: drop private data. Optional. */
	void (*invalidate_page)(struct address_space *mapping, struct page *page);
};

struct address_space {
	struct inode *host;
	const struct address_space_operations *a_ops;
	struct shmem *shmem;            /* of a memory-only file (shmem.h), else NULL; constant */
	/* Pages, and of a memory-only file also values: swap entries. tree_lock; marks below */
	struct xarray i_pages;
	spinlock_t tree_lock;
	unsigned long nrpages;          /* tree_lock */
	struct rb_root i_mmap;          /* interval_node file_node of VMAs; i_mmap_rwsem */
	struct rw_semaphore i_mmap_rwsem;
	int i_mmap_writable;            /* shared writable VMAs; i_mmap_rwsem */
	/* first write error not yet reported (negative), tree_lock */
	int wb_err;
	/* the owner's size in bytes: beyond it faults are SIGBUS; LLONG_MAX owner for devices */
	loff_t *i_size;
	unsigned long flags;            /* AS_* */
	gfp_t gfp;                      /* for its pages */
	/* on the flusher's list while it has dirty pages; dirty_lock */
	struct list_head dirty_list;
	unsigned long futex_id;         /* kernel/proc/futex.c's name for it, 0: none yet */
};
#define AS_UNEVICTABLE 1UL /* a memory-only file's pages stay in memory: SHM_LOCK */

#define PAGECACHE_TAG_DIRTY 0
#define PAGECACHE_TAG_WRITEBACK 1
#define PAGECACHE_TAG_TOWRITE 2

/* Sequential read state, one per open file. */
struct file_ra_state {
	pgoff_t start;      /* current window */
	/* pages; async_size: the tail whose first page triggers the next window */
	unsigned int size, async_size;
	unsigned int ra_pages; /* largest window; 0: RA_MAX_PAGES */
	unsigned int mmap_miss;
	pgoff_t prev_index;
};
#define RA_MAX_PAGES 32 /* 128 KiB, Linux's default */

void address_space_init(struct address_space *mapping, struct inode *host, const struct address_space_operations *ops, loff_t *i_size);

/* The page with a reference, or NULL, also when it is in swap. */
struct page *find_get_page(struct address_space *mapping, pgoff_t index);
/* The same, locked (checked to be still in the mapping). */
struct page *find_lock_page(struct address_space *mapping, pgoff_t index);
/* The locked page, made (not uptodate) if it was not there. NULL: out of memory. */
struct page *find_or_create_page(struct address_space *mapping, pgoff_t index);
/*
 * Insert a fresh locked page; takes a reference for the cache, puts it on the LRU. -EEXIST,
 * -ENOMEM.
 */
int add_to_page_cache_lru(struct page *page, struct address_space *mapping, pgoff_t index);
/* Take a locked page out; drops the cache's reference. Nobody maps it. */
void delete_from_page_cache(struct page *page);
/* The same if it is clean, and nobody but the cache and the caller has it. True: done. */
bool remove_unused_page(struct page *page);
/* Up-to-date page with a reference, read from the device if need be. ERR_PTR(-EIO, -ENOMEM). */
struct page *read_cache_page(struct address_space *mapping, pgoff_t index);

/*
 * read(2), write(2) through the cache, to/from user (or kernel) memory. @pos is advanced. Bytes
 * done or -errno. Inode lock: held for write by the caller.
 */
struct file;
ssize_t filemap_read(struct file *file, char *buf, size_t count, loff_t *pos);
/* The same into kernel memory, for kernel_read(). */
ssize_t filemap_read_kernel(struct file *file, void *buf, size_t count, loff_t *pos);
ssize_t filemap_write(struct file *file, const char *buf, size_t count, loff_t *pos);
ssize_t filemap_write_kernel(struct file *file, const char *buf, size_t count, loff_t *pos);

/* vm_ops of a regular file mapping, used by file systems' mmap. */
extern const struct vm_operations_struct generic_file_vm_ops;
vm_fault_t filemap_fault(struct vm_fault *vmf);
vm_fault_t filemap_map_pages(struct vm_fault *vmf, pgoff_t start_pgoff, pgoff_t end_pgoff);
/* The same for a memory-only file. */
vm_fault_t shmem_map_pages(struct vm_fault *vmf, pgoff_t start_pgoff, pgoff_t end_pgoff);
vm_fault_t filemap_page_mkwrite(struct vm_fault *vmf);
/* file_operations.mmap for regular files. */
int generic_file_mmap(struct file *file, struct vm_area_struct *vma);

/*
 * Mark dirty, in page and tree, and put the inode on the flusher's list. Page locked or mapped.
 * True when it was clean.
 */
bool set_page_dirty(struct page *page);
/* Before writing the locked page: clean it everywhere (page_mkclean). True when it was dirty. */
bool clear_page_dirty_for_io(struct page *page);
/* Mark for writeback: sets PG_writeback and the tag. */
void set_page_writeback(struct page *page);

/* Start read-ahead around @index for a miss (or PG_readahead hit): submits reads, does not wait. */
void page_cache_sync_readahead(struct address_space *mapping, struct file_ra_state *ra, pgoff_t index, unsigned long req_pages);
void page_cache_async_readahead(struct address_space *mapping, struct file_ra_state *ra, struct page *page, pgoff_t index);
/* WILLNEED: read [start, start + nr), at most half of RAM; ends early if current is being killed. */
void force_page_cache_readahead(struct address_space *mapping, pgoff_t start, unsigned long nr);

/*
 * Unmap the file's pages [start, end] (end inclusive, in pages) from every process; also private
 * copies when @even_cows.
 */
void unmap_mapping_range(struct address_space *mapping, pgoff_t start, pgoff_t end, bool even_cows);
/*
 * The file is about to shrink to @size: zero what its last page has beyond, in the cache and, by
 * making it dirty, on the device. 0, or -ENOMEM: then it must not shrink, or what was cut off would
 * be seen when it grows. Inode lock held.
 */
int truncate_page_tail(struct address_space *mapping, loff_t size);
/* The same for bytes [from, to) of page @index, which is not a hole. 0 or -ENOMEM. */
int zero_page_part(struct address_space *mapping, pgoff_t index, unsigned int from, unsigned int to);
/*
 * Nobody shall see any more what is in the locked page, which nobody is writing: it is unmapped and leaves
 * the cache. @even_cows: private copies of it go as well.
 */
void drop_locked_page(struct address_space *mapping, struct page *page, bool even_cows);
/* The file shrank to @newsize (i_size already set): unmap and drop pages beyond. Inode lock held. */
void truncate_pagecache(struct address_space *mapping, loff_t newsize);
/*
 * A hole is punched: unmap and drop pages [first, last], dirty or not. Private copies stay. Until it is
 * done faults may bring some back. Inode lock held, or nobody else truncates.
 */
void truncate_pagecache_range(struct address_space *mapping, pgoff_t first, pgoff_t last);
/* Drop all pages of a dying inode, dirty or not. */
void truncate_inode_pages(struct address_space *mapping);
/* Drop clean unmapped pages; returns how many. */
unsigned long invalidate_mapping_pages(struct address_space *mapping);

void pagecache_init(void);

#endif
