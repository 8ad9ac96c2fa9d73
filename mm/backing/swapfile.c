/* SPDX-License-Identifier: MIT */
/* Swap areas come and go: swapon(2), swapoff(2), and what /proc/swaps shows. */
#include "kernel/core/mutex.h"
#include "kernel/core/printk.h"
#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/swap_header.h"
#include "mm/backing/swap_internal.h"
#include "mm/backing/writeback.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/stats.h"
#include <asm/uaccess.h>

/*
 * Flags of swapon(2) and the kinds of open(2) and stat(2) needed here, as in Linux's user headers.
 */
#define SWAP_FLAG_PREFER 0x8000
#define SWAP_FLAG_PRIO_MASK 0x7fff
#define SWAP_FLAGS_DISCARD 0x70000 /* accepted; our devices have nothing to discard */
#define SWAP_FLAGS_VALID (SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK | SWAP_FLAGS_DISCARD)
#define SWAP_OPEN_FLAGS 02         /* O_RDWR */
#define STAT_IFMT 0170000
#define STAT_IFREG 0100000
#define PATH_MAX 4096

static DEFINE_MUTEX(swap_mutex); /* swapon and swapoff, one at a time */
static int least_priority = -1;  /* swap_mutex; areas without a wish get -2, -3, ... */

void swap_init(void)
{
	for (unsigned int i = 0; i < MAX_SWAPFILES; i++) {
		spin_lock_init(&swap_areas[i].lock, "swap_area->lock");
		xa_init(&swap_areas[i].cache);
	}
}

/* The user's string in a page of its own (free_page()), or ERR_PTR. */
static char *get_path(const char __user *upath)
{
	char *path = get_zeroed_page(GFP_KERNEL);
	long len = path ? strncpy_from_user(path, upath, PATH_MAX) : -ENOMEM;

	if (len > 0 && len < PATH_MAX)
		return path;
	free_page(path);
	return ERR_PTR(len < 0 ? len : len ? -ENAMETOOLONG : -ENOENT);
}

/* Does an area that is on live on the same device or file? swap_mutex held. */
static struct swap_area *find_area(const struct file *file, const struct block_device *bdev)
{
	for (unsigned int i = 0; i < MAX_SWAPFILES; i++) {
		struct swap_area *area = &swap_areas[i];

		if (area->in_use && (bdev ? area->bdev == bdev && !area->is_file :
					    area->is_file && area->file->f_inode == file->f_inode))
			return area;
	}
	return NULL;
}

/* --- swapon --- */
/* Device, size in pages; is nobody else's. 0 or -errno. */
static int check_backing(struct swap_area *area, struct file *file, u64 *pages)
{
	struct block_device *bdev = file_bdev(file);
	struct file_stat st;

	file_getattr(file, &st);
	area->is_file = !bdev;
	area->bdev = bdev;
	if (!bdev && (st.mode & STAT_IFMT) != STAT_IFREG)
		return -EINVAL;
	if (find_area(file, bdev) || (bdev && bdev->claimed))
		return -EBUSY;
	if (bdev && bdev->read_only)
		return -EACCES;
	*pages = (bdev ? (u64)bdev->size : (u64)st.size) >> PAGE_SHIFT;
	return 0;
}

static int read_header(struct file *file, u64 pages, void *page, struct swap_header_info *info)
{
	ssize_t n = pages ? kernel_read(file, page, PAGE_SIZE, 0) : 0;

	if (n < 0)
		return -EIO;
	if (n < (ssize_t)PAGE_SIZE)
		memset((char *)page + n, 0, PAGE_SIZE - (size_t)n);
	return swap_header_parse(page, pages, info);
}

/*
 * One more slot at @sector: longer last extent, or a new one in a table that doubles when it is
 * full.
 */
static int add_extent(struct swap_area *area, unsigned long slot, sector_t sector)
{
	struct swap_extent *last = area->nr_extents ? &area->extents[area->nr_extents - 1] : NULL;
	unsigned int nr = area->nr_extents;

	if (last && last->sector + (last->nr << (PAGE_SHIFT - SECTOR_SHIFT)) == sector) {
		last->nr++;
		return 0;
	}
	if (!(nr & (nr - 1))) {
		struct swap_extent *more = kvzalloc(max(nr * 2, 1U) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (nr)
			memcpy(more, area->extents, nr * sizeof(*more));
		kvfree(area->extents);
		area->extents = more;
	}
	area->extents[area->nr_extents++] = (struct swap_extent){ slot, 1, sector };
	return 0;
}

/* Where the slots lie: a device is one extent, a file is asked page by page. */
static int map_extents(struct swap_area *area, struct file *file, unsigned long max)
{
	int err = 0;

	area->extents = NULL;
	area->nr_extents = 0;
	if (!area->is_file) {
		err = add_extent(area, 0, 0);
		if (!err)
			area->extents[0].nr = max;
		return err;
	}
	for (unsigned long slot = 0; slot < max && !err; slot++) {
		sector_t sector = file_bmap(file, slot, &area->bdev);

		if (!sector) {
			pr_err("swapon: the file has holes: write it in full (dd if=/dev/zero), then mkswap\n");
			return -EINVAL;
		}
		err = add_extent(area, slot, sector);
	}
	return err;
}

static int make_maps(struct swap_area *area, const struct swap_header_info *info)
{
	unsigned long max = info->last_page + 1UL;

	area->map = vzalloc(max * sizeof(*area->map));
	/* Whole clusters of 256 bits: the search for free runs reads four words at a time. */
	area->used = vzalloc(ALIGN(max, 256UL) / 8);
	if (!area->map || !area->used)
		return -ENOMEM;
	area->pages = info->last_page;
	area->map[0] = SWAP_MAP_BAD;
	__set_bit(0, area->used);
	for (u32 i = 0; i < info->nr_badpages; i++) {
		if (__test_and_set_bit(info->badpages[i], area->used))
			continue; /* named twice */
		area->map[info->badpages[i]] = SWAP_MAP_BAD;
		area->pages--;
	}
	return 0;
}

static void free_maps(struct swap_area *area)
{
	vfree(area->map);
	vfree(area->used);
	kvfree(area->extents);
	area->map = NULL;
	area->used = NULL;
	area->extents = NULL;
}

/* From now on the area gives out slots. swap_mutex held. */
static void activate_area(struct swap_area *area)
{
	struct swap_area *next;

	spin_lock(&swap_lock);
	list_for_each_entry(next, &swap_active, list)
		if (next->prio < area->prio)
			break;
	list_add_tail(&area->list, &next->list);
	spin_lock(&area->lock);
	area->writeok = true;
	__atomic_fetch_add(&free_swap, (long)(area->pages - area->inuse), __ATOMIC_RELAXED);
	spin_unlock(&area->lock);
	__atomic_fetch_add(&total_swap, (long)area->pages, __ATOMIC_RELAXED);
	spin_unlock(&swap_lock);
}

static void deactivate_area(struct swap_area *area)
{
	spin_lock(&swap_lock);
	list_del(&area->list);
	spin_lock(&area->lock);
	area->writeok = false;
	__atomic_fetch_sub(&free_swap, (long)(area->pages - area->inuse), __ATOMIC_RELAXED);
	spin_unlock(&area->lock);
	__atomic_fetch_sub(&total_swap, (long)area->pages, __ATOMIC_RELAXED);
	spin_unlock(&swap_lock);
}

/* Everything between the open file and the working area. @page: scratch. swap_mutex held. */
static int enable_area(struct swap_area *area, struct file *file, int flags, void *page,
		       const char **why)
{
	struct swap_header_info info;
	u64 pages;
	int err = check_backing(area, file, &pages);

	if (err)
		return err;
	err = read_header(file, pages, page, &info);
	if (err) {
		*why = err == -EINVAL ? info.error : "its header cannot be read";
		pr_err("swapon: %s: %s\n", area->path, *why);
		return err;
	}
	if (info.nr_badpages && area->is_file)
		return -EINVAL; /* a file system has no bad pages */
	err = map_extents(area, file, info.last_page + 1UL);
	if (!err)
		err = make_maps(area, &info);
	if (!err && !area->is_file && !bdev_claim(area->bdev))
		err = -EBUSY; /* mounted since check_backing() looked */
	if (err) {
		free_maps(area);
		return err;
	}
	if (!area->is_file) {
		/* What the page cache knows of the device is about to become stale. */
		filemap_write_range(&area->bdev->mapping, 0, ~0UL, true);
		invalidate_mapping_pages(&area->bdev->mapping);
	}
	area->file = get_file(file);
	area->prio = flags & SWAP_FLAG_PREFER ? flags & SWAP_FLAG_PRIO_MASK : --least_priority;
	area->inuse = 0;
	area->next = 1;
	area->cluster_left = 0;
	area->in_use = true;
	spin_lock(&area->lock);
	area->max = info.last_page + 1UL;
	spin_unlock(&area->lock);
	activate_area(area);
	pr_info("swap: %lu KiB on %s, priority %d, %u extent%s\n", area->pages * 4, area->path,
		area->prio, area->nr_extents, area->nr_extents == 1 ? "" : "s");
	return 0;
}

/* The open file becomes an area. @page: scratch. */
static int add_area(struct file *file, const char *path, int flags, void *page, const char **why)
{
	const char *whole = file_path(file, page, PAGE_SIZE);
	struct swap_area *area = NULL;
	int err = -EPERM; /* Linux's answer to one area too many */

	mutex_lock(&swap_mutex);
	for (unsigned int i = 0; i < MAX_SWAPFILES && !area; i++)
		if (!swap_areas[i].in_use)
			area = &swap_areas[i];
	if (area) {
		strlcpy(area->path, IS_ERR(whole) ? path : whole, sizeof(area->path));
		err = enable_area(area, file, flags, page, why);
	}
	mutex_unlock(&swap_mutex);
	return err;
}

int do_swapon(const char *path, int flags, const char **why)
{
	struct file *file;
	void *page;
	int err;

	*why = "is the disk there, and not in use?";
	file = filp_open(path, SWAP_OPEN_FLAGS, 0);
	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	page = get_zeroed_page(GFP_KERNEL);
	err = page ? add_area(file, path, flags, page, why) : -ENOMEM;
	free_page(page);
	fput(file);
	return err;
}

long sys_swapon(const char *upath, int flags)
{
	const char *why;
	char *path;
	int err;

	if (flags & ~SWAP_FLAGS_VALID)
		return -EINVAL;
	if (!may_swap())
		return -EPERM;
	path = get_path(upath);
	if (IS_ERR(path))
		return PTR_ERR(path);
	err = do_swapon(path, flags, &why);
	free_page(path);
	return err;
}

/* --- swapoff --- */
/* The area is empty and inactive: forget it. swap_mutex held. */
static void retire_area(struct swap_area *area)
{
	spin_lock(&area->lock);
	area->max = 0;
	xa_destroy(&area->cache);
	spin_unlock(&area->lock);
	free_maps(area);
	if (!area->is_file)
		bdev_release(area->bdev);
	fput(area->file);
	area->in_use = false;
	if (area->prio >= 0)
		return;
	/* The areas after it move up, so that the next one again gets the lowest priority. */
	spin_lock(&swap_lock);
	for (unsigned int i = 0; i < MAX_SWAPFILES; i++)
		if (swap_areas[i].in_use && swap_areas[i].prio < area->prio)
			swap_areas[i].prio++;
	least_priority++;
	spin_unlock(&swap_lock);
}

static long disable_area(struct swap_area *area)
{
	/* Frames to be had for what is in the area, and what has one in the swap cache. */
	unsigned long room = nr_free_pages() + node_stat(N_nr_inactive_file) +
			     node_stat(N_nr_active_file) + node_stat(N_nr_swapcache);
	int err;

	deactivate_area(area);
	if (area->inuse > room + nr_swap_pages()) {
		activate_area(area);
		return -ENOMEM;
	}
	err = try_to_unuse(area);
	if (err) {
		activate_area(area);
		return err;
	}
	pr_info("swap: %s is off\n", area->path);
	retire_area(area);
	return 0;
}

long sys_swapoff(const char *upath)
{
	struct swap_area *area;
	struct file *file;
	char *path;
	long err;

	if (!may_swap())
		return -EPERM;
	path = get_path(upath);
	if (IS_ERR(path))
		return PTR_ERR(path);
	file = filp_open(path, SWAP_OPEN_FLAGS, 0);
	free_page(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	mutex_lock(&swap_mutex);
	area = find_area(file, file_bdev(file));
	err = area ? disable_area(area) : -EINVAL;
	mutex_unlock(&swap_mutex);
	fput(file);
	return err;
}

void swap_for_each(void (*fn)(const char *path, bool is_file, unsigned long size_kib,
			      unsigned long used_kib, int prio, void *arg),
		   void *arg)
{
	mutex_lock(&swap_mutex);
	for (unsigned int i = 0; i < MAX_SWAPFILES; i++) {
		const struct swap_area *area = &swap_areas[i];

		if (area->in_use)
			fn(area->path, area->is_file, area->pages * 4, area->inuse * 4, area->prio,
			   arg);
	}
	mutex_unlock(&swap_mutex);
}
