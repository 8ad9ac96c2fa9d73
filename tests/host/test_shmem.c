/* SPDX-License-Identifier: MIT */
/* Shared memory that went to swap and comes back: places, slots, holes, seals, errors, swapoff. */
#include "tests/host/test_swap.h"

#include "mm/backing/shmem.h"

static unsigned long map_shared(unsigned long pages, unsigned long flags)
{
	return map_at(0, pages, RW, MAP_SHARED | MAP_ANONYMOUS | flags, -1, 0);
}

static struct address_space *mapping_at(unsigned long addr)
{
	return vma_lookup(current->mm, addr)->vm_file->f_mapping;
}

static unsigned long slots(void)
{
	return total_swap_pages() - nr_swap_pages();
}

static void expect_cached(unsigned long pages, unsigned long swapped, unsigned long addr)
{
	assert_int_equal(mapping_at(addr)->nrpages, pages);
	assert_int_equal(mapping_at(addr)->shmem->swapped, swapped);
	assert_int_equal(shmem_blocks(mapping_at(addr)), (pages + swapped) * 8);
	host_audit();
}

/* Of what is in swap nothing is in memory any more. */
static void drop_swap_cache(struct address_space *mapping)
{
	unsigned long index;
	void *entry;

	xa_for_each(&mapping->i_pages, index, entry) {
		struct page *page =
			xa_is_value(entry) ? lookup_swap_cache(value_to_swp(entry)) : NULL;

		if (!page)
			continue;
		lock_page(page);
		delete_from_swap_cache(page);
		unlock_page(page);
		put_page(page);
	}
}

/* @pages shared pages, page i holding i + 1, all of them in swap. */
static unsigned long swapped_out(unsigned long pages)
{
	unsigned long a = map_shared(pages, 0);

	for (unsigned long i = 0; i < pages; i++)
		OK(host_put(a + i * PAGE_SIZE, i + 1));
	host_pageout(a, pages * PAGE_SIZE);
	drop_swap_cache(mapping_at(a));
	expect_cached(0, pages, a);
	assert_int_equal(slots(), pages);
	return a;
}

static void test_out_and_in(void **state)
{
	unsigned long a = swapped_out(4);

	(void)state;
	assert_true(pte_none(host_pte(p, a))); /* its place in the file tells where it is */
	RSS(0, 0, 0);
	FAULTS(1, assert_int_equal(host_get(a + PAGE_SIZE), 2));
	assert_int_equal(p->maj_flt, 1);
	COUNTS(host_page(p, a + PAGE_SIZE), 2, 1);
	assert_true(PageDirty(host_page(p, a + PAGE_SIZE))); /* it is nowhere else */
	assert_false(PageSwapCache(host_page(p, a + PAGE_SIZE)));
	assert_int_equal(mm_counter_sum(p->mm, MM_SHMEMPAGES), 1);
	assert_int_equal(slots(), 3);
	OK(host_put(a, 9)); /* read ahead */
	assert_int_equal(p->maj_flt, 1);
	assert_int_equal(host_get(a + 3 * PAGE_SIZE), 4);
	assert_int_equal(host_get(a + 2 * PAGE_SIZE), 3);
	expect_cached(4, 0, a);
	host_pageout(a, 4 * PAGE_SIZE);
	assert_int_equal(host_get(a), 9);
}

/* While the write is under way the page is in the swap cache; who wants it waits. */
static void test_fault_during_writeback(void **state)
{
	unsigned long a = map_shared(1, 0);
	struct page *page;

	(void)state;
	OK(host_put(a, 1));
	page = host_page(p, a);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_PAGEOUT), 0);
	assert_true(PageWriteback(page) && PageSwapCache(page));
	assert_int_equal(host_get(a), 1);
	assert_ptr_equal(host_page(p, a), page);
	assert_int_equal(slots(), 0);
}

static void test_shared_by_fork(void **state)
{
	unsigned long a = swapped_out(2);
	struct task_struct *child = host_fork(p);

	(void)state;
	host_switch(child);
	OK(host_put(a, 7));
	host_switch(p);
	assert_int_equal(host_get(a), 7);
	assert_ptr_equal(host_page(p, a), host_page(child, a));
	COUNTS(host_page(p, a), 3, 2);
	host_exit(child);
	assert_int_equal(host_get(a + PAGE_SIZE), 2);
}

/* A page that was read only is a hole: it goes without a slot. */
static void test_hole_goes_without_a_slot(void **state)
{
	unsigned long a = map_shared(2, 0);

	(void)state;
	assert_int_equal(host_get(a), 0);
	expect_cached(1, 0, a);
	host_pageout(a, PAGE_SIZE);
	expect_cached(0, 0, a);
	assert_int_equal(host_get(a), 0);
}

static void test_exit_frees_the_slots(void **state)
{
	unsigned long a = swapped_out(8);

	(void)state;
	assert_int_equal(host_get(a), 1);
	assert_int_equal(sys_munmap(a, 8 * PAGE_SIZE), 0);
	assert_int_equal(slots(), 0);
}

static void test_remove(void **state)
{
	unsigned long a = swapped_out(4);

	(void)state;
	assert_int_equal(host_get(a + 3 * PAGE_SIZE), 4);
	assert_int_equal(sys_madvise(a + PAGE_SIZE, 3 * PAGE_SIZE, MADV_REMOVE), 0);
	expect_cached(0, 1, a);
	assert_int_equal(slots(), 1);
	assert_int_equal(host_get(a + PAGE_SIZE), 0);
	assert_int_equal(host_get(a), 1);
	expect_cached(2, 0, a);
}

static void test_truncate(void **state)
{
	unsigned long a = swapped_out(4);
	struct address_space *mapping = mapping_at(a);

	(void)state;
	assert_int_equal(truncate_page_tail(mapping, PAGE_SIZE + 4), 0);
	*mapping->i_size = PAGE_SIZE + 4;
	truncate_pagecache(mapping, PAGE_SIZE + 4);
	expect_cached(1, 1, a); /* the last page came back to be cut */
	SIGNAL(host_read(a + 2 * PAGE_SIZE, &(u64){ 0 }, 8), SIGBUS, BUS_ADRERR, a + 2 * PAGE_SIZE);
	assert_int_equal(host_get(a + PAGE_SIZE), 2);
	*mapping->i_size = 4 * PAGE_SIZE;
	assert_int_equal(host_get(a + 3 * PAGE_SIZE), 0);
}

static void test_willneed_and_mincore(void **state)
{
	unsigned long a = swapped_out(2);
	unsigned char *vec = (unsigned char *)map_anon(1, RW), seen[2];

	(void)state;
	assert_int_equal(shmem_swap_usage(mapping_at(a), 1, 7), 1);
	assert_int_equal(sys_mincore(a, 2 * PAGE_SIZE, vec), 0);
	OK(host_read((unsigned long)vec, seen, 2));
	assert_memory_equal(seen, "\0\0", 2);
	assert_int_equal(sys_madvise(a, 2 * PAGE_SIZE, MADV_WILLNEED), 0);
	host_settle();
	assert_int_equal(sys_mincore(a, 2 * PAGE_SIZE, vec), 0);
	OK(host_read((unsigned long)vec, seen, 2));
	assert_memory_equal(seen, "\1\1", 2);
	assert_int_equal(host_get(a), 1);
	assert_int_equal(p->maj_flt, 0);
}

static void test_seek(void **state)
{
	unsigned long a = map_shared(6, 0);
	struct address_space *mapping = mapping_at(a);

	(void)state;
	OK(host_put(a + 2 * PAGE_SIZE, 1));
	OK(host_put(a + 3 * PAGE_SIZE, 1));
	host_pageout(a, 3 * PAGE_SIZE);
	assert_int_equal(shmem_seek(mapping, 5, *mapping->i_size, true), 2 * PAGE_SIZE);
	assert_int_equal(shmem_seek(mapping, 2 * PAGE_SIZE + 7, *mapping->i_size, true),
			 2 * PAGE_SIZE + 7);
	assert_int_equal(shmem_seek(mapping, 2 * PAGE_SIZE, *mapping->i_size, false),
			 4 * PAGE_SIZE);
	assert_int_equal(shmem_seek(mapping, 4 * PAGE_SIZE, *mapping->i_size, true), 6 * PAGE_SIZE);
	assert_int_equal(shmem_seek(mapping, 7, *mapping->i_size, false), 7);
}

static void test_allocate(void **state)
{
	unsigned long a = map_shared(6, 0);
	struct address_space *mapping = mapping_at(a);
	struct shmem_limit limit = { .max = 3 };

	(void)state;
	OK(host_put(a + PAGE_SIZE, 5));
	atomic_long_set(&limit.used, 1);
	mapping->shmem->limit = &limit;
	assert_int_equal(shmem_allocate(mapping, 0, 6), -ENOSPC);
	expect_cached(1, 0, a); /* what was made is gone, what was there is not */
	assert_int_equal(atomic_long_read(&limit.used), 1);
	SIGNAL(host_put(a, 1), 0, 0, 0);
	OK(host_put(a + 2 * PAGE_SIZE, 1));
	SIGNAL(host_put(a + 3 * PAGE_SIZE, 1), SIGBUS, BUS_ADRERR, a + 3 * PAGE_SIZE);
	limit.max = 0;
	assert_int_equal(shmem_allocate(mapping, 0, 6), 0);
	expect_cached(6, 0, a);
	host_pageout(a, 6 * PAGE_SIZE);
	assert_int_equal(host_get(a + PAGE_SIZE), 5);
	truncate_pagecache_range(mapping, 0, 5);
	assert_int_equal(atomic_long_read(&limit.used), 0);
	mapping->shmem->limit = NULL;
}

static void test_read_error(void **state)
{
	(void)state;
	expect_read_error(swapped_out(2));
}

static void test_write_error(void **state)
{
	(void)state;
	expect_write_error(map_shared(1, 0));
}

static void test_no_swap(void **state)
{
	unsigned long a = map_shared(2, 0);

	(void)state;
	assert_int_equal(host_swapoff(area), 0);
	OK(host_put(a, 3));
	host_pageout(a, PAGE_SIZE);
	expect_cached(1, 0, a);
	FAULTS(0, assert_int_equal(host_get(a), 3)); /* not even unmapped */
	area = host_swapon(1024, -1);
}

static void test_swapoff_brings_all_back(void **state)
{
	unsigned long a = swapped_out(50);

	(void)state;
	assert_int_equal(host_swapoff(area), 0);
	expect_cached(50, 0, a);
	for (unsigned long i = 0; i < 50; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i + 1);
	area = host_swapon(1024, -1);
}

static void touch(void *arg)
{
	host_get(*(unsigned long *)arg);
}

/* One reads from the disk; meanwhile the place is emptied, and the slot is nobody's. */
static void test_removed_while_read(void **state)
{
	unsigned long a = swapped_out(1);
	struct task_struct *other = host_clone(p);

	(void)state;
	host_start(other, touch, &a);
	host_sleep(0);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_REMOVE), 0);
	host_join(other);
	host_exit(other);
	assert_int_equal(host_get(a), 0);
	host_settle();
	assert_int_equal(slots(), 0);
}

static void test_promises(void **state)
{
	long before = committed_pages();
	unsigned long a = map_shared(100, 0), b;

	(void)state;
	assert_int_equal(committed_pages() - before, 100);
	b = map_shared(100, MAP_NORESERVE);
	assert_int_equal(committed_pages() - before, 100);
	OK(host_put(b, 1));
	assert_int_equal(committed_pages() - before, 101);
	assert_int_equal(sys_munmap(a, 50 * PAGE_SIZE), 0);
	assert_int_equal(committed_pages() - before, 101); /* the object is as large as it was */
	assert_int_equal(sys_munmap(a + 50 * PAGE_SIZE, 50 * PAGE_SIZE), 0);
	assert_int_equal(sys_munmap(b, 100 * PAGE_SIZE), 0);
	assert_int_equal(committed_pages(), before);
}

static void test_seals(void **state)
{
	unsigned long a = map_shared(1, 0);
	struct shmem *shmem = mapping_at(a)->shmem;

	(void)state;
	assert_int_equal(shmem_add_seals(shmem, F_SEAL_GROW), -EPERM);
	shmem->seals = 0;
	assert_int_equal(shmem_add_seals(shmem, F_SEAL_WRITE), -EBUSY);
	assert_int_equal(shmem_add_seals(shmem, F_SEAL_FUTURE_WRITE | F_SEAL_GROW), 0);
	assert_int_equal(PTR_ERR(shmem_write_begin(mapping_at(a), 0, 1)), -EPERM);
	shmem->seals = F_SEAL_GROW;
	assert_int_equal(PTR_ERR(shmem_write_begin(mapping_at(a), 1, 1)), -EPERM);
	OK(host_put(a, 1));
}

static void test_failed_allocations(void **state)
{
	(void)state;
	for (unsigned long n = 1, failed = 1; failed; n++) {
		unsigned long a = swapped_out(3);

		host_fail_alloc(n);
		OK(host_put(a, 11));
		assert_int_equal(host_get(a + PAGE_SIZE), 2);
		failed = host_alloc_calls >= n;
		host_fail_alloc(0);
		assert_int_equal(host_get(a), 11);
		assert_int_equal(host_get(a + 2 * PAGE_SIZE), 3);
		assert_int_equal(sys_munmap(a, 3 * PAGE_SIZE), 0);
	}
}

static const struct CMUnitTest tests[] = {
	SWAP_TEST(test_out_and_in),
	SWAP_TEST(test_fault_during_writeback),
	SWAP_TEST(test_shared_by_fork),
	SWAP_TEST(test_hole_goes_without_a_slot),
	SWAP_TEST(test_exit_frees_the_slots),
	SWAP_TEST(test_remove),
	SWAP_TEST(test_truncate),
	SWAP_TEST(test_willneed_and_mincore),
	SWAP_TEST(test_seek),
	SWAP_TEST(test_allocate),
	SWAP_TEST(test_read_error),
	SWAP_TEST(test_write_error),
	SWAP_TEST(test_no_swap),
	SWAP_TEST(test_swapoff_brings_all_back),
	SWAP_TEST(test_removed_while_read),
	SWAP_TEST(test_promises),
	SWAP_TEST(test_seals),
	SWAP_TEST(test_failed_allocations),
};

TEST_MAIN(8192)
