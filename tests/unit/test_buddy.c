/* SOURCES: mm/frame/buddy.c mm/frame/pcp.c mm/frame/alloc.c mm/stats.c lib/string.c lib/vsprintf.c */
/* SOURCES: tests/host/shim.c */
/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator over an arena, in a debug build: blocks are aligned and never overlap, merge back
 * to what they were, respect holes, zones and watermarks; wrong frees and writes to free frames are seen.
 */
#include "tests/unit/test.h"

#include "kernel/core/sched.h"
#include "mm/frame/buddy.h"
#include "mm/frame/internal.h"
#include "mm/stats.h"
#include "tests/host/host.h"

#define FRAMES 16384UL /* 64 MiB: ZONE_DMA and ZONE_DMA32 */

static void start(unsigned long frames)
{
	drain_all_pages(); /* of the arena before */
	host_ram_init(frames);
	host_log_clear();
	zones_init(frames);
}

/* Frames 16 .. 16 + 999, a hole, then 2000 up to the end. */
static void start_with_holes(void)
{
	start(FRAMES);
	free_range_to_buddy(16, 1016);
	free_range_to_buddy(2000, FRAMES);
	zones_finish();
}

static unsigned long free_by_lists(void)
{
	unsigned long sum = 0;

	for (int z = 0; z < MAX_NR_ZONES; z++) {
		unsigned long in_zone = 0;

		for (unsigned int order = 0; order <= MAX_ORDER; order++) {
			struct free_area *area = &zones[z].free_area[order];
			unsigned long blocks = 0;
			struct page *page;

			list_for_each_entry(page, &area->free_list, lru) {
				unsigned long pfn = page_to_pfn(page);

				assert_true(PageBuddy(page));
				assert_int_equal(page->private, order);
				assert_int_equal(pfn & ((1UL << order) - 1), 0);
				assert_true(pfn >= zones[z].start_pfn &&
					    pfn + (1UL << order) <= zones[z].end_pfn);
				blocks++;
			}
			assert_int_equal(blocks, area->nr_free);
			in_zone += blocks << order;
		}
		assert_int_equal(in_zone, zones[z].nr_free);
		sum += in_zone;
	}
	return sum;
}

static void boot_touches_little(void **state)
{
	unsigned long touched = 0;

	(void)state;
	start_with_holes();
	assert_int_equal(totalram_pages(), 1000 + FRAMES - 2000);
	assert_int_equal(nr_free_pages(), totalram_pages());
	assert_int_equal(free_by_lists(), totalram_pages());
	/* Only heads are written: that keeps boot short with much memory. */
	for (unsigned long pfn = 0; pfn < FRAMES; pfn++)
		touched += pfn_to_page(pfn)->flags != 0;
	assert_true(touched < 64);
}

static void watermarks(void **state)
{
	unsigned long min = 0;

	(void)state;
	start(32768); /* 128 MiB */
	free_range_to_buddy(0, 32768);
	zones_finish();
	for (int z = 0; z < MAX_NR_ZONES; z++) {
		min += zones[z].watermark[WMARK_MIN];
		assert_int_equal(zones[z].watermark[WMARK_LOW],
				 zones[z].watermark[WMARK_MIN] * 5 / 4);
		assert_int_equal(zones[z].watermark[WMARK_HIGH],
				 zones[z].watermark[WMARK_MIN] * 3 / 2);
	}
	/* Linux: 4 * sqrt(131072 KiB) = 1448 KiB = 362 frames */
	assert_in_range(min, 360, 362);
	assert_true(zone_watermark_ok(0, WMARK_HIGH));
	assert_true(zone_watermark_ok(MAX_ORDER, WMARK_HIGH));
}

static void all_zones(void **state)
{
	const unsigned long frames = (5UL << 30) >> PAGE_SHIFT;
	struct page *page;

	(void)state;
	start(frames);
	free_range_to_buddy(0, 4096);
	free_range_to_buddy((1UL << 20) - 1024, frames);
	zones_finish();
	assert_int_equal(zones[ZONE_DMA].managed, 4096);
	assert_int_equal(zones[ZONE_DMA32].managed, 1024);
	assert_int_equal(zones[ZONE_NORMAL].managed, frames - (1UL << 20));
	page = alloc_page(GFP_KERNEL);
	assert_true(page_to_pfn(page) >= 1UL << 20);
	__free_pages(page, 0);
	page = alloc_page(GFP_KERNEL | __GFP_DMA32);
	assert_true(page_to_pfn(page) < 1UL << 20);
	__free_pages(page, 0);
	page = alloc_pages(GFP_KERNEL | __GFP_DMA32 | __GFP_ZERO, 3);
	assert_true(page_to_pfn(page) < 1UL << 20);
	__free_pages(page, 3);
	drain_all_pages();
	assert_int_equal(free_by_lists(), totalram_pages());
}

/* Random blocks of all orders against a map of who owns each frame. */
static void random_blocks(void **state)
{
	static struct {
		struct page *page;
		unsigned int order;
	} held[600];
	static bool owned[FRAMES];
	unsigned int nr = 0, seed = 7;
	unsigned long out = 0;

	(void)state;
	start_with_holes();
	for (int step = 0; step < 20000; step++) {
		seed = seed * 1103515245u + 12345u;
		if (nr < 600 && (seed >> 16) % 5 < 3) {
			unsigned int order = (seed >> 20) % 4 ? (seed >> 24) % 3 : (seed >> 24) % 9;
			struct page *page = alloc_pages(__GFP_NOWARN, order);

			if (!page)
				continue;
			assert_int_equal(page_count(page), 1);
			assert_int_equal(page->flags, 0);
			assert_int_equal(page_to_pfn(page) & ((1UL << order) - 1), 0);
			for (unsigned long i = 0; i < 1UL << order; i++) {
				unsigned long pfn = page_to_pfn(page) + i;

				assert_true((pfn >= 16 && pfn < 1016) || pfn >= 2000);
				assert_false(owned[pfn]);
				owned[pfn] = true;
				memset(page_address(page + i), 1, 64);
			}
			held[nr].page = page;
			held[nr++].order = order;
			out += 1UL << order;
		} else if (nr) {
			unsigned int i = (seed >> 16) % nr;

			for (unsigned long k = 0; k < 1UL << held[i].order; k++)
				owned[page_to_pfn(held[i].page) + k] = false;
			__free_pages(held[i].page, held[i].order);
			out -= 1UL << held[i].order;
			held[i] = held[--nr];
		}
		assert_int_equal(nr_free_pages() + out, totalram_pages());
	}
	while (nr--)
		__free_pages(held[nr].page, held[nr].order);
	drain_all_pages();
	assert_int_equal(free_by_lists(), totalram_pages());
	/* Merged again as far as it goes: 1000 frames from 16 on, and what lies behind the hole. */
	assert_int_equal(zones[ZONE_DMA32].free_area[MAX_ORDER].nr_free, (FRAMES - 4096) / 1024);
	assert_false(host_log_has("bad page"));
}

static void exhaustion(void **state)
{
	static struct page *all[FRAMES];
	unsigned long n = 0, reserve = 0;
	struct page *page;

	(void)state;
	start_with_holes();
	while ((page = alloc_page(__GFP_NOWARN)))
		all[n++] = page;
	for (int z = 0; z < MAX_NR_ZONES; z++)
		reserve += zones[z].watermark[WMARK_MIN];
	assert_in_range(nr_free_pages(), reserve - MAX_NR_ZONES, reserve + MAX_NR_ZONES);
	/* The reserve: half of it for atomic allocations, all of it for reclaim. */
	while ((page = alloc_page(GFP_ATOMIC | __GFP_NOWARN)))
		all[n++] = page;
	assert_in_range(nr_free_pages(), reserve / 2 - MAX_NR_ZONES, reserve / 2 + MAX_NR_ZONES);
	while ((page = alloc_page(__GFP_MEMALLOC | __GFP_NOWARN)))
		all[n++] = page;
	assert_int_equal(nr_free_pages(), 0);
	assert_null(alloc_pages(__GFP_NOWARN, 1));
	assert_int_equal(n, totalram_pages());
	for (unsigned long i = 0; i < n; i++)
		__free_pages(all[i], 0);
	assert_int_equal(nr_free_pages(), totalram_pages());
	drain_all_pages();
	assert_int_equal(free_by_lists(), totalram_pages());
}

/* --- the floor above, played --- */
static struct page *hoard[FRAMES];
static unsigned long hoarded, wakes, reclaims, ooms;

static void played_wake(void)
{
	wakes++;
}

static unsigned long played_reclaim(gfp_t gfp, unsigned int order)
{
	unsigned long freed = 0;

	(void)gfp;
	(void)order;
	assert_true(current->flags & PF_MEMALLOC);
	reclaims++;
	if (ooms) /* the "victim" is gone: now there is something */
		for (; freed < 32 && hoarded; freed++)
			__free_pages(hoard[--hoarded], 0);
	return freed;
}

static bool played_oom(gfp_t gfp, unsigned int order)
{
	(void)gfp;
	(void)order;
	return ++ooms == 1;
}

static void slow_path(void **state)
{
	static const struct reclaim_ops ops = { played_wake, played_reclaim, played_oom };
	struct page *page;

	(void)state;
	start_with_holes();
	register_reclaim(&ops);
	while ((page = alloc_page(__GFP_NOWARN)))
		hoard[hoarded++] = page;
	assert_true(wakes > 0);
	assert_int_equal(reclaims, 0); /* not allowed to sleep */
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	assert_int_equal(ooms, 1);
	assert_true(reclaims >= 8);
	assert_false(current->flags & PF_MEMALLOC);
	__free_pages(page, 0);
	/* Second time the OOM killer finds nobody. */
	while (hoarded)
		__free_pages(hoard[--hoarded], 0);
	while ((page = alloc_page(__GFP_NOWARN)))
		hoard[hoarded++] = page;
	reclaims = hoarded = 0; /* keep them out of played_reclaim()'s reach */
	assert_null(alloc_page(GFP_KERNEL));
	assert_int_equal(ooms, 2);
	assert_true(host_log_has("no memory for a block of order 0"));
	assert_null(alloc_page(GFP_NOFS));
	assert_int_equal(ooms, 2); /* may not kill */
	register_reclaim(NULL);
}

static void wrong_frees(void **state)
{
	struct page *page, *block;

	(void)state;
	start_with_holes();
	page = alloc_page(0);
	__free_pages(page, 0);
	__free_pages(page, 0);
	assert_true(host_log_has("is free already"));

	host_log_clear();
	page = alloc_page(0);
	get_page(page);
	__free_pages(page, 0);
	assert_true(host_log_has("is referenced"));

	host_log_clear();
	page = alloc_page(0);
	atomic_set(&page->_mapcount, 1);
	__free_pages(page, 0);
	assert_true(host_log_has("is mapped"));

	host_log_clear();
	page = alloc_page(0);
	SetPageLocked(page);
	__free_pages(page, 0);
	assert_true(host_log_has("is in use"));
	assert_true(host_log_has("locked"));

	/* A block freed twice, and a frame inside a free block. */
	host_log_clear();
	block = alloc_pages(0, 3);
	__free_pages(block, 3);
	__free_pages(block, 3);
	assert_true(host_log_has("is free already"));
	host_log_clear();
	__free_pages(block + 5, 0);
	assert_true(host_log_has("is free already"));

	/* Firmware's, never handed out. */
	host_log_clear();
	atomic_set(&pfn_to_page(1500)->_refcount, 1);
	__free_pages(pfn_to_page(1500), 1);
	assert_true(host_log_has("was never the allocator's"));
	drain_all_pages();
	free_by_lists();
}

static void poison(void **state)
{
	struct page *page;
	unsigned char *bytes;

	(void)state;
	start_with_holes();
	page = alloc_page(0);
	bytes = page_address(page);
	assert_int_equal(bytes[0], 0x5a);
	assert_int_equal(bytes[4095], 0x5a);
	__free_pages(page, 0);
	assert_int_equal(bytes[100], 0x6b);
	bytes[100] = 1;
	assert_ptr_equal(alloc_page(0), page);
	assert_true(host_log_has("was written at offset 0x60 while free"));
	bytes = get_zeroed_page(0);
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(bytes[i], 0);
	free_page(bytes);
	free_page(page_address(page));
	free_page(NULL);
}

/* A frame that is said to be zeroes is looked at, and never handed out again if it is not. */
static void zeroed(void **state)
{
	struct page *page;

	(void)state;
	start_with_holes();
	host_log_clear();
	page = alloc_page(__GFP_ZERO);
	free_zeroed_page(page);
	assert_false(host_log_has("bad page"));
	assert_ptr_equal(alloc_page(__GFP_ZERO), page);
	((unsigned char *)page_address(page))[PAGE_SIZE - 1] = 1;
	free_zeroed_page(page);
	assert_true(host_log_has("was freed as zeroed, but is not"));
	assert_ptr_not_equal(alloc_page(0), page);
}

static void counts(void **state)
{
	unsigned long allocs = vm_event_sum(VM_pgalloc), frees = vm_event_sum(VM_pgfree);
	struct page *page;

	(void)state;
	start_with_holes();
	page = alloc_pages(0, 4);
	__free_pages(page, 4);
	page = alloc_page(0);
	__free_pages(page, 0);
	assert_int_equal(vm_event_sum(VM_pgalloc) - allocs, 17);
	assert_int_equal(vm_event_sum(VM_pgfree) - frees, 17);
	assert_string_equal(vm_event_names[VM_pgalloc], "pgalloc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_touches_little),
		cmocka_unit_test(watermarks),
		cmocka_unit_test(all_zones),
		cmocka_unit_test(random_blocks),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(slow_path),
		cmocka_unit_test(wrong_frees),
		cmocka_unit_test(poison),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(counts),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
