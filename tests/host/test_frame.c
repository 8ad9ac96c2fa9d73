/* SPDX-License-Identifier: MIT */
/* What lies below the maps: boot memory, frames, slabs, vmalloc; and what each says of misuse. */
#include "tests/host/test.h"

#include "mm/audit.h"
#include "mm/backing/swap_header.h"
#include "mm/frame/early.h"

static void test_ranges(void **state)
{
	struct mem_ranges set = { .nr = 0 };

	(void)state;
	assert_int_equal(mem_ranges_add(&set, 100, 100), 0);
	assert_int_equal(mem_ranges_add(&set, 100, 200), 0);
	assert_int_equal(mem_ranges_add(&set, 300, 400), 0);
	assert_int_equal(mem_ranges_add(&set, 500, 600), 0);
	assert_int_equal(set.nr, 3);
	assert_int_equal(mem_ranges_add(&set, 200, 510), 0); /* bridges all of them */
	assert_int_equal(set.nr, 1);
	assert_int_equal(set.r[0].end, 600);
	assert_int_equal(mem_ranges_remove(&set, 150, 160), 0);
	assert_int_equal(set.nr, 2);
	assert_int_equal(mem_ranges_remove(&set, 90, 120), 0);
	assert_int_equal(mem_ranges_remove(&set, 590, 700), 0);
	assert_int_equal(mem_ranges_remove(&set, 160, 590), 0);
	assert_int_equal(mem_ranges_remove(&set, 5, 5), 0);
	assert_int_equal(set.nr, 1);
	for (u64 i = 1; i < EARLY_RANGES_MAX; i++)
		assert_int_equal(mem_ranges_add(&set, i * 1000, i * 1000 + 10), 0);
	assert_int_equal(mem_ranges_add(&set, 900000, 900001), -ENOSPC);
	assert_int_equal(mem_ranges_remove(&set, 1002, 1003), -ENOSPC);
	assert_true(early_mem_total() == max_pfn << PAGE_SHIFT &&
		    early_mem_end() == early_mem_total());
	assert_true(early_mem_free() < early_mem_total());
}

static void test_blocks(void **state)
{
	unsigned long before;
	struct page *page[MAX_ORDER + 1];

	(void)state;
	drain_all_pages();
	before = nr_free_pages();
	for (unsigned int order = 0; order <= MAX_ORDER; order++) {
		page[order] = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
		assert_non_null(page[order]);
		assert_int_equal(page_to_pfn(page[order]) % (1UL << order), 0);
		assert_int_equal(*(char *)page_address(page[order]), 0);
	}
	assert_true(nr_free_pages() <= before - (1UL << (MAX_ORDER + 1)) + 1);
	for (unsigned int order = 0; order <= MAX_ORDER; order++)
		__free_pages(page[order], order);
	drain_all_pages();
	assert_int_equal(nr_free_pages(), before);
	assert_true(page_to_phys(page[0] = alloc_page(GFP_KERNEL | __GFP_DMA32)) < 1ULL << 32);
	put_page(page[0]);
}

static void test_bad_frees(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL), *block = alloc_pages(GFP_KERNEL, 2);

	(void)state;
	host_log_clear();
	get_page(page);
	COMPLAINS(__free_pages(page, 0), "the kernel warns");
	assert_true(host_log_has("is referenced"));
	/* Such a frame is never handed out again: take it back for the sake of the count. */
	ClearPageReserved(page);
	atomic_set(&page->_refcount, 1);
	atomic_inc(&page->_mapcount);
	COMPLAINS(__free_pages(page, 0), "the kernel warns");
	assert_true(host_log_has("is mapped"));
	ClearPageReserved(page);
	atomic_set(&page->_mapcount, 0);
	atomic_set(&page->_refcount, 1);
	put_page(page);
	COMPLAINS(free_unref_page(page), "the kernel warns");
	assert_true(host_log_has("is free already"));
	SetPageLocked(block + 1);
	COMPLAINS(__free_pages(block, 2), "the kernel warns");
	assert_true(host_log_has("is in use"));
	ClearPageReserved(block + 1);
	ClearPageLocked(block + 1);
	__free_pages(block, 2);
	assert_true(HOST_PANICS(unlock_page(block)));
}

/* A store that no sanitizer sees: the allocator's own patterns do. */
static __attribute__((no_sanitize("address", "undefined"))) void scribble(volatile char *at)
{
	*at = 1;
}

static void test_written_while_free(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *object = kmalloc(64, GFP_KERNEL);

	(void)state;
	put_page(page);
	scribble((char *)page_address(page) + 100);
	host_log_clear();
	COMPLAINS(page = alloc_page(GFP_KERNEL), "the kernel warns");
	assert_true(host_log_has("was written at offset 0x60 while free"));
	put_page(page);
	scribble(object + 64); /* the word behind the object */
	COMPLAINS(kfree(object), "the kernel warns");
	assert_true(host_log_has("was written past its end"));
}

static void test_slab_misuse(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("test", 100, 0);
	char *object = kmem_cache_alloc(cache, GFP_KERNEL), *other = kmalloc(100, GFP_KERNEL);

	(void)state;
	host_log_clear();
	COMPLAINS(kmem_cache_free(cache, other), "the kernel warns");
	assert_true(host_log_has("is not of this cache"));
	kfree(other);
	kmem_cache_free(cache, object);
	COMPLAINS(kmem_cache_free(cache, object), "the kernel warns");
	assert_true(host_log_has("is freed twice"));
	kfree(NULL);
	assert_null(kmalloc(5UL << 20, GFP_KERNEL));
	other = kmalloc(3 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(other[3 * PAGE_SIZE - 1], 0);
	kfree(other);
	other = kstrdup("text", GFP_KERNEL);
	assert_string_equal(other, "text");
	kfree(other);
	assert_true(nr_slab_pages() > 0);
}

/* Many objects: slabs come and go, and the empty ones are given back on demand. */
static void test_many_objects(void **state)
{
	static void *objects[20000];
	unsigned long slabs = nr_slab_pages();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = kmalloc(i % 700 + 1, GFP_KERNEL);
	assert_true(nr_slab_pages() > slabs + 1000);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		kfree(objects[i * 7919 % ARRAY_SIZE(objects)]);
	drop_caches(2);
	assert_true(nr_slab_pages() < slabs + 100);
}

static void test_vmalloc(void **state)
{
	unsigned long start, end, frames = nr_vmalloc_pages();
	char *area = vmalloc(2 * PAGE_SIZE), *next = vmalloc(PAGE_SIZE), *window;

	(void)state;
	assert_int_equal(nr_vmalloc_pages(), frames + 3);
	assert_true(vmalloc_guard_hit((unsigned long)area + 2 * PAGE_SIZE, &start, &end));
	assert_true(vmalloc_guard_hit((unsigned long)next + PAGE_SIZE, &start, &end));
	assert_int_equal(start, (unsigned long)next);
	assert_false(vmalloc_guard_hit((unsigned long)area, &start, &end));
	assert_false(vmalloc_guard_hit(PAGE_OFFSET, &start, &end));
	assert_null(vmalloc(0));
	assert_null(vmalloc(max_pfn << (PAGE_SHIFT + 1)));
	COMPLAINS(vfree(area + PAGE_SIZE), "the kernel warns");
	vfree(area);
	vfree(NULL);
	window = ioremap((max_pfn << PAGE_SHIFT) + 0x10, 8000); /* behind RAM: nobody touches it */
	assert_int_equal((unsigned long)window & ~PAGE_MASK, 0x10);
	assert_null(ioremap(0x1000, 0));
	vfree(window - 0x10);
	area = kvzalloc(3 * PAGE_SIZE);
	assert_int_equal(area[3 * PAGE_SIZE - 1], 0);
	kvfree(area);
	area = kvzalloc(100);
	kvfree(area);
	vfree(next);
	assert_int_equal(nr_vmalloc_pages(), frames);
}

static void test_many_areas_flush_at_once(void **state)
{
	char *area = vmalloc(100 * PAGE_SIZE), *other = vmalloc(PAGE_SIZE);

	(void)state;
	memset(area, 1, 100 * PAGE_SIZE);
	memset(other, 2, PAGE_SIZE);
	vfree(area); /* more than TLB_FLUSH_CEILING: all kernel translations go */
	assert_int_equal(other[5], 2);
	vfree(other);
}

static void test_vmalloc_fails(void **state)
{
	char *area;

	(void)state;
	for (unsigned long n = 1;; n++) {
		host_fail_alloc(n);
		area = vmalloc(3 * PAGE_SIZE);
		host_fail_alloc(0);
		if (area)
			break;
		assert_int_equal(nr_vmalloc_pages(), mm_audit_frames());
	}
	vfree(area);
}

static void test_kernel_stacks(void **state)
{
	void *stacks[20];

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_non_null(stacks[i] = alloc_kernel_stack());
	memset(stacks[19], 0, THREAD_SIZE);
	assert_int_equal(node_stat(N_nr_kernel_stack), 20 * THREAD_SIZE / PAGE_SIZE);
	for (int i = 0; i < 20; i++)
		free_kernel_stack(stacks[i]);
	free_kernel_stack(NULL);
	assert_true(drop_stack_cache() > 0);
	assert_int_equal(drop_stack_cache(), 0);
}

static void test_swap_headers(void **state)
{
	_Alignas(8) char page[PAGE_SIZE] = { 0 };
	u32 *words = (u32 *)(page + 1024);
	struct swap_header_info info;

	(void)state;
#define REFUSED(text)                                                           \
	do {                                                                    \
		assert_int_equal(swap_header_parse(page, 100, &info), -EINVAL); \
		assert_non_null(strstr(info.error, text));                      \
	} while (0)
	REFUSED("mkswap");
	memcpy(page + 4086, "SWAP-SPACE", 10);
	REFUSED("");
	memcpy(page + 4086, "S1SUSPEND\0", 10);
	REFUSED("");
	memcpy(page + 4086, "SWAPSPACE2", 10);
	REFUSED("");
	words[0] = 0x01000000;
	REFUSED("");
	words[0] = 1;
	REFUSED("");
	words[1] = 100;
	REFUSED("");
	words[1] = 99;
	words[2] = SWAP_MAX_BADPAGES + 1;
	REFUSED("");
	words[2] = 1;
	words[(1536 - 1024) / 4] = 100;
	REFUSED("");
	words[(1536 - 1024) / 4] = 7;
	assert_int_equal(swap_header_parse(page, 100, &info), 0);
	assert_true(info.last_page == 99 && info.nr_badpages == 1 && info.badpages[0] == 7);
}

static const struct CMUnitTest tests[] = {
	TEST(test_ranges),
	TEST(test_blocks),
	TEST(test_bad_frees),
	TEST(test_many_objects),
	TEST(test_vmalloc),
	TEST(test_many_areas_flush_at_once),
	TEST(test_vmalloc_fails),
	TEST(test_kernel_stacks),
	TEST(test_swap_headers),
	/* These leave an object behind that is out of use for good. */
	cmocka_unit_test(test_slab_misuse),
	cmocka_unit_test(test_written_while_free),
};
TEST_MAIN(16384)
