/* SPDX-License-Identifier: MIT */
/* Pages that went to swap and come back: cache, read-ahead, owners, errors, swapoff. */
#include "tests/host/test_swap.h"

static swp_entry_t slot_of(const struct task_struct *task, unsigned long addr)
{
	pte_t pte = host_pte(task, addr);

	assert_true(is_swap_pte(pte));
	return pte_to_swp_entry(pte);
}

/* @pages written pages, page i holding i + 1, all of them in swap. */
static unsigned long swapped_out(unsigned long pages)
{
	unsigned long a = map_anon(pages, RW);

	for (unsigned long i = 0; i < pages; i++)
		OK(host_put(a + i * PAGE_SIZE, i + 1));
	host_pageout(a, pages * PAGE_SIZE);
	assert_int_equal(mm_counter_sum(p->mm, MM_SWAPENTS), pages);
	return a;
}

static void test_out_and_in(void **state)
{
	unsigned long a = swapped_out(1), written = vm_event_sum(VM_pswpout);
	swp_entry_t slot = slot_of(p, a);
	struct page *page;

	(void)state;
	assert_true(written > 0);
	assert_int_equal(swap_count(slot), 1);
	assert_null(lookup_swap_cache(slot));
	FAULTS(1, assert_int_equal(host_get(a), 1));
	DOORS("do_swap_page, install_pte");
	assert_int_equal(p->maj_flt, 1);
	page = host_page(p, a);
	RSS(1, 0, 0);
	/* A reader keeps the slot: the page is clean and may go again without a write. */
	assert_true(PageSwapCache(page) && PageAnon(page) && !pte_write(host_pte(p, a)));
	COUNTS(page, 2, 1);
	assert_int_equal(swap_count(slot), 0);
	FAULTS(1, OK(host_put(a, 2)));
	DOORS("handle_present_pte, do_wp_page, wp_page_reuse, install_pte"); /* the writer gives it back */
	assert_false(PageSwapCache(page));
	assert_ptr_equal(host_page(p, a), page);
	COUNTS(page, 1, 1);
	assert_int_equal(nr_swap_pages(), total_swap_pages());
}

static void test_write_fault_of_the_sole_owner(void **state)
{
	unsigned long a = swapped_out(1);

	(void)state;
	FAULTS(1, OK(host_put(a, 9)));
	DOORS("do_swap_page, install_pte");
	assert_true(pte_write(host_pte(p, a)) && pte_dirty(host_pte(p, a)));
	assert_false(PageSwapCache(host_page(p, a)));
	COUNTS(host_page(p, a), 1, 1);
	assert_int_equal(nr_swap_pages(), total_swap_pages());
}

/* Dropped again after being only read: no second write to the device, and the same contents. */
static void test_clean_page_goes_without_a_write(void **state)
{
	unsigned long a = swapped_out(1), written;

	(void)state;
	assert_int_equal(host_get(a), 1);
	written = vm_event_sum(VM_pswpout);
	host_pageout(a, PAGE_SIZE);
	assert_int_equal(vm_event_sum(VM_pswpout), written);
	RSS(0, 0, 1);
	assert_int_equal(host_get(a), 1);
}

static void test_readahead(void **state)
{
	unsigned long a = swapped_out(32), majors;

	(void)state;
	majors = p->maj_flt;
	for (unsigned long i = 0; i < 32; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i + 1);
	assert_true(p->maj_flt - majors < 16);
	assert_true(vm_event_sum(VM_swap_ra) > 0);
	RSS(32, 0, 0);
}

/* While the write is under way the page is in the swap cache: a fault finds it there. */
static void test_fault_during_writeback(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct page *page;

	(void)state;
	OK(host_put(a, 1));
	page = host_page(p, a);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_PAGEOUT), 0);
	assert_true(PageWriteback(page));
	assert_true(is_swap_pte(host_pte(p, a)));
	FAULTS(1, assert_int_equal(host_get(a), 1));
	assert_int_equal(p->maj_flt, 0);
	assert_ptr_equal(host_page(p, a), page);
	OK(host_put(a, 2)); /* not into what the disk is reading */
	host_settle();
	assert_int_equal(host_get(a), 2);
}

static void test_shared_by_fork(void **state)
{
	unsigned long a = swapped_out(2);
	swp_entry_t slot = slot_of(p, a);
	struct task_struct *child = host_fork(p);

	(void)state;
	assert_int_equal(swap_count(slot), 2);
	host_switch(child);
	FAULTS(1, OK(host_put(a, 7))); /* must copy: the parent's entry still names the slot */
	assert_int_equal(swap_count(slot), 1);
	COUNTS(host_page(child, a), 1, 1);
	host_switch(p);
	FAULTS(1, assert_int_equal(host_get(a), 1));
	assert_int_equal(p->maj_flt, 0); /* the child's fault had brought it */
	assert_int_equal(host_get(a + PAGE_SIZE), 2);
	host_switch(child);
	assert_int_equal(host_get(a + PAGE_SIZE), 2);
	assert_ptr_equal(host_page(child, a + PAGE_SIZE), host_page(p, a + PAGE_SIZE));
	COUNTS(host_page(p, a + PAGE_SIZE), 3, 2);
	OK(host_put(a + PAGE_SIZE, 8));
	host_switch(p);
	assert_int_equal(host_get(a + PAGE_SIZE), 2);
	host_exit(child);
}

/* A page mapped by two is taken out of both. */
static void test_shared_page_goes_out(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct task_struct *child;

	(void)state;
	OK(host_put(a, 4));
	child = host_fork(p);
	host_pageout(a, PAGE_SIZE); /* not the way for a shared page: nothing happens */
	RSS(1, 0, 0);
	host_settle();
	while (host_page(p, a) && host_reclaim(64))
		;
	if (host_page(p, a)) /* young at the first look */
		host_reclaim(64);
	assert_null(host_page(p, a));
	assert_null(host_page(child, a));
	assert_int_equal(swap_count(slot_of(p, a)), 2);
	host_switch(child);
	assert_int_equal(host_get(a), 4);
	host_exit(child);
	host_switch(p);
	assert_int_equal(host_get(a), 4);
}

static void test_unmapping_frees_the_slot(void **state)
{
	unsigned long a = swapped_out(8);

	(void)state;
	assert_int_equal(total_swap_pages() - nr_swap_pages(), 8);
	assert_int_equal(sys_munmap(a, 4 * PAGE_SIZE), 0);
	assert_int_equal(total_swap_pages() - nr_swap_pages(), 4);
	assert_int_equal(sys_madvise(a + 4 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
	RSS(0, 0, 3);
	assert_int_equal(host_get(a + 4 * PAGE_SIZE), 0);
	assert_int_equal(host_get(a + 5 * PAGE_SIZE), 6);
}

static void test_mremap_and_mprotect_carry_slots(void **state)
{
	unsigned long a = swapped_out(2), to = 0x30000000;

	(void)state;
	assert_int_equal(sys_mprotect(a, 2 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(
		sys_mremap(a, 2 * PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	RSS(0, 0, 2);
	assert_int_equal(host_get(to), 1);
	SIGNAL(host_put(to, 1), SIGSEGV, SEGV_ACCERR, to);
	SIGNAL(host_put(to + PAGE_SIZE, 1), SIGSEGV, SEGV_ACCERR, to + PAGE_SIZE);
	assert_int_equal(host_get(to + PAGE_SIZE), 2);
}

static void test_willneed_and_mincore(void **state)
{
	unsigned long a = swapped_out(2);
	unsigned char *vec = (unsigned char *)map_anon(1, RW), seen[2];

	(void)state;
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

static void test_mlock_brings_it_in(void **state)
{
	unsigned long a = swapped_out(2);

	(void)state;
	assert_int_equal(sys_mlock(a, 2 * PAGE_SIZE), 0);
	RSS(2, 0, 0);
	assert_true(PageMlocked(host_page(p, a)));
	FAULTS(0, assert_int_equal(host_get(a + PAGE_SIZE), 2));
}

static void test_read_error(void **state)
{
	(void)state;
	expect_read_error(swapped_out(2));
}

static void test_write_error(void **state)
{
	(void)state;
	expect_write_error(map_anon(1, RW));
}

static void test_swapoff_brings_all_back(void **state)
{
	unsigned long a = swapped_out(50);
	struct task_struct *child = host_fork(p);
	int second;

	(void)state;
	assert_int_equal(host_swapoff(area), 0);
	assert_int_equal(total_swap_pages(), 0);
	RSS(50, 0, 0);
	for (unsigned long i = 0; i < 50; i++)
		FAULTS(0, assert_int_equal(host_get(a + i * PAGE_SIZE), i + 1));
	COUNTS(host_page(p, a), 2, 2);
	host_exit(child);
	/* Two areas: the one with the higher priority is filled first. */
	second = host_swapon(64, 5);
	area = host_swapon(1024, 7);
	host_pageout(a, PAGE_SIZE);
	assert_int_equal(swp_type(slot_of(p, a)), 1);
	assert_int_equal(host_swapoff(second), 0);
	assert_int_equal(host_get(a), 1);
}

static void test_swapoff_without_room(void **state)
{
	unsigned long pages = 900, a = swapped_out(pages), hog, n = 0;

	(void)state;
	hog = map_anon(4096, RW);
	while (nr_free_pages() > 300)
		OK(host_put(hog + n++ * PAGE_SIZE, 1));
	assert_int_equal(host_swapoff(area), -ENOMEM);
	assert_int_equal(sys_munmap(hog, 4096 * PAGE_SIZE), 0);
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i + 1);
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

static void fill_the_cache(void *arg)
{
	host_get(*(unsigned long *)arg);
}

/* Two tasks fault on the same slot: one reads, the other waits for its page. */
static void test_two_faults_one_read(void **state)
{
	unsigned long a = swapped_out(1), reads = vm_event_sum(VM_pswpin);
	struct task_struct *child = host_fork(p);

	(void)state;
	host_start(child, fill_the_cache, &a);
	host_sleep(0);
	FAULTS(1, OK(host_put(a, 5)));
	host_join(child);
	assert_int_equal(vm_event_sum(VM_pswpin), reads + 1);
	host_switch(child);
	assert_int_equal(host_get(a), 1);
	host_exit(child);
	host_switch(p);
	assert_int_equal(host_get(a), 5);
}

/* A regular file as swap, and everything swapon refuses. */
static void test_swap_file(void **state)
{
	struct host_file *file;
	char *header = calloc(1, PAGE_SIZE);
	unsigned long path = map_anon(1, RW), a;
	u32 *words = (u32 *)(header + 1024);
	const char *why;

	(void)state;
	words[0] = 1;
	words[1] = 99;
	memcpy(header + 4086, "SWAPSPACE2", 10);
	file = host_file_create("swapfile", NULL, 100 * PAGE_SIZE);
	assert_int_equal(do_swapon("/swapfile", 0, &why), -EINVAL); /* no header */
	assert_int_equal(host_file_write(file, header, PAGE_SIZE, 0), PAGE_SIZE);
	assert_int_equal(host_file_sync(file), 0);
	OK(host_write(path, "/swapfile", 10));
	assert_int_equal(sys_swapon((char *)path, 0x8000 | 20), 0);
	assert_int_equal(sys_swapon((char *)path, 0), -EBUSY);
	assert_int_equal(sys_swapon((char *)path, 1 << 20), -EINVAL);
	assert_int_equal(sys_swapon((char *)12345, 0), -EFAULT);
	assert_int_equal(do_swapon("/nothing", 0, &why), -ENOENT);
	a = swapped_out(20);
	assert_int_equal(swp_type(slot_of(p, a)), 1);
	assert_int_equal(host_get(a + 19 * PAGE_SIZE), 20);
	assert_int_equal(sys_swapoff((char *)path), 0);
	assert_int_equal(sys_swapoff((char *)path), -EINVAL);
	assert_int_equal(host_get(a + 7 * PAGE_SIZE), 8);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
	free(header);
}

static const struct CMUnitTest tests[] = {
	SWAP_TEST(test_out_and_in),
	SWAP_TEST(test_write_fault_of_the_sole_owner),
	SWAP_TEST(test_clean_page_goes_without_a_write),
	SWAP_TEST(test_readahead),
	SWAP_TEST(test_fault_during_writeback),
	SWAP_TEST(test_shared_by_fork),
	SWAP_TEST(test_shared_page_goes_out),
	SWAP_TEST(test_unmapping_frees_the_slot),
	SWAP_TEST(test_mremap_and_mprotect_carry_slots),
	SWAP_TEST(test_willneed_and_mincore),
	SWAP_TEST(test_mlock_brings_it_in),
	SWAP_TEST(test_read_error),
	SWAP_TEST(test_write_error),
	SWAP_TEST(test_swapoff_brings_all_back),
	SWAP_TEST(test_swapoff_without_room),
	SWAP_TEST(test_failed_allocations),
	SWAP_TEST(test_two_faults_one_read),
	SWAP_TEST(test_swap_file),
};
TEST_MAIN(4096)
