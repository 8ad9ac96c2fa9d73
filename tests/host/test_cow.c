/* SPDX-License-Identifier: MIT */
/* Copy-on-write after fork, in each order of who writes, and the TLB's part in it. */
#include "tests/host/test.h"

static struct task_struct *child;

/* p with one written page, and its child. */
static unsigned long fork_one_page(u64 value)
{
	unsigned long a = map_anon(1, RW);

	OK(host_put(a, value));
	child = host_fork(p);
	assert_non_null(child);
	return a;
}

static void test_fork_shares(void **state)
{
	unsigned long a = fork_one_page(5), pfn;
	struct page *page = host_page(p, a);
	bool writable;

	(void)state;
	assert_ptr_equal(host_page(child, a), page);
	COUNTS(page, 2, 2);
	assert_false(pte_write(host_pte(p, a)) || pte_write(host_pte(child, a)));
	assert_true(pte_dirty(host_pte(p, a)));
	/* The parent's right to write is gone from the TLB as well. */
	assert_false(host_tlb_lookup(a, &pfn, &writable) && writable);
	assert_int_equal(mm_counter_sum(child->mm, MM_ANONPAGES),
			 mm_counter_sum(p->mm, MM_ANONPAGES));
	FAULTS(0, assert_int_equal(host_get(a), 5));
	host_switch(child);
	FAULTS(0, assert_int_equal(host_get(a), 5));
	host_exit(child);
	COUNTS(page, 1, 1);
}

static void test_parent_writes_first(void **state)
{
	unsigned long a = fork_one_page(5);
	struct page *page = host_page(p, a);

	(void)state;
	FAULTS(1, OK(host_put(a, 6)));
	DOORS("handle_present_pte, do_wp_page, wp_page_copy, install_pte");
	assert_ptr_not_equal(host_page(p, a), page);
	COUNTS(host_page(p, a), 1, 1);
	COUNTS(page, 1, 1);
	host_switch(child);
	assert_int_equal(host_get(a), 5);
	FAULTS(1, OK(host_put(a, 7))); /* the last owner writes in place */
	DOORS("handle_present_pte, do_wp_page, wp_page_reuse, install_pte");
	assert_ptr_equal(host_page(child, a), page);
	host_switch(p);
	assert_int_equal(host_get(a), 6);
	host_exit(child);
}

static void test_child_writes_first(void **state)
{
	unsigned long a = fork_one_page(5);
	struct page *page = host_page(p, a);

	(void)state;
	host_switch(child);
	FAULTS(1, OK(host_put(a, 7)));
	DOORS("handle_present_pte, do_wp_page, wp_page_copy, install_pte");
	COUNTS(page, 1, 1);
	host_switch(p);
	FAULTS(1, OK(host_put(a, 6)));
	DOORS("handle_present_pte, do_wp_page, wp_page_reuse, install_pte");
	assert_ptr_equal(host_page(p, a), page);
	host_switch(child);
	assert_int_equal(host_get(a), 7);
	host_exit(child);
}

static void test_child_leaves_first(void **state)
{
	unsigned long a = fork_one_page(5);
	struct page *page = host_page(p, a);

	(void)state;
	host_exit(child);
	FAULTS(1, OK(host_put(a, 6)));
	DOORS("handle_present_pte, do_wp_page, wp_page_reuse, install_pte");
	assert_ptr_equal(host_page(p, a), page);
	RSS(1, 0, 0);
}

static void test_parent_leaves_first(void **state)
{
	unsigned long a = fork_one_page(5);

	(void)state;
	host_exit(p);
	p = child;
	host_switch(p);
	FAULTS(1, OK(host_put(a, 6)));
	DOORS("handle_present_pte, do_wp_page, wp_page_reuse, install_pte");
}

static void test_three_generations(void **state)
{
	unsigned long a = fork_one_page(1);
	struct page *page = host_page(p, a);
	struct task_struct *grandchild = host_fork(child);

	(void)state;
	COUNTS(page, 3, 3);
	host_switch(child);
	OK(host_put(a, 2));
	COUNTS(page, 2, 2);
	host_switch(grandchild);
	OK(host_put(a, 3));
	COUNTS(page, 1, 1);
	host_switch(p);
	assert_int_equal(host_get(a), 1);
	host_exit(child);
	host_switch(grandchild);
	assert_int_equal(host_get(a), 3);
	host_exit(grandchild);
	host_switch(p);
	assert_int_equal(host_get(a), 1);
}

/* The zero page is shared by everyone and counted by nobody; fork hands it on. */
static void test_zero_page_and_holes(void **state)
{
	unsigned long a = map_anon(3, RW);

	(void)state;
	assert_int_equal(host_get(a), 0);
	OK(host_put(a + PAGE_SIZE, 9));
	child = host_fork(p);
	assert_int_equal(pte_pfn(host_pte(child, a)), zero_pfn);
	assert_true(pte_none(host_pte(child, a + 2 * PAGE_SIZE)));
	host_switch(child);
	OK(host_put(a, 1));
	OK(host_put(a + 2 * PAGE_SIZE, 2));
	host_switch(p);
	assert_int_equal(host_get(a), 0);
	assert_int_equal(host_get(a + 2 * PAGE_SIZE), 0);
	host_exit(child);
}

static void test_shared_anonymous_is_not_copied(void **state)
{
	unsigned long a = map_at(0, 2, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct page *page;

	(void)state;
	OK(host_put(a, 1));
	page = host_page(p, a);
	assert_true(PageSwapBacked(page) && !PageAnon(page));
	assert_int_equal(mm_counter_sum(p->mm, MM_SHMEMPAGES), 1);
	child = host_fork(p);
	host_switch(child);
	assert_int_equal(host_get(a), 1);
	OK(host_put(a, 2));
	OK(host_put(a + PAGE_SIZE, 3)); /* made by the child, after fork */
	host_switch(p);
	assert_int_equal(host_get(a), 2);
	assert_int_equal(host_get(a + PAGE_SIZE), 3);
	assert_ptr_equal(host_page(child, a), host_page(p, a));
	SIGNAL(poke(a + 2 * PAGE_SIZE, 1), SIGSEGV, SEGV_MAPERR, a + 2 * PAGE_SIZE);
	host_exit(child);
}

static void test_dontfork_and_wipeonfork(void **state)
{
	unsigned long gone = map_anon(1, RW), wiped = map_anon(1, RW | PROT_EXEC);
	char byte;

	(void)state;
	OK(host_put(gone, 1));
	OK(host_put(wiped, 2));
	assert_int_equal(sys_madvise(gone, PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(sys_madvise(wiped, PAGE_SIZE, MADV_WIPEONFORK), 0);
	child = host_fork(p);
	host_switch(child);
	SIGNAL(host_read(gone, &byte, 1), SIGSEGV, SEGV_MAPERR, gone);
	assert_int_equal(host_get(wiped), 0);
	host_exit(child);
	host_switch(p);
	assert_int_equal(host_get(wiped), 2);
	FAULTS(0, OK(host_put(gone, 3))); /* was never shared */
}

/* fork that runs out of memory at any point leaves parent and counters as they were. */
static void test_fork_fails(void **state)
{
	unsigned long a = map_anon(3, RW), f = 0x40000000UL;
	struct host_census before, after;
	struct page *page;

	(void)state;
	for (int i = 0; i < 3; i++)
		OK(host_put(a + (unsigned long)i * PAGE_SIZE, (u64)i));
	assert_int_equal(map_at(f, 1, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), f);
	OK(host_put(f, 4));
	page = host_page(p, a);
	host_census(&before);
	for (unsigned long n = 1;; n++) {
		host_fail_alloc(n);
		child = host_fork(p);
		host_fail_alloc(0);
		if (child)
			break;
		host_census(&after);
		host_census_same(&before, &after, "fork");
		COUNTS(page, 1, 1);
		OK(host_put(a, 100 + n));
		assert_int_equal(host_get(a), 100 + n);
	}
	host_exit(child);
}

static const struct CMUnitTest tests[] = {
	TEST(test_fork_shares),
	TEST(test_parent_writes_first),
	TEST(test_child_writes_first),
	TEST(test_child_leaves_first),
	TEST(test_parent_leaves_first),
	TEST(test_three_generations),
	TEST(test_zero_page_and_holes),
	TEST(test_shared_anonymous_is_not_copied),
	TEST(test_dontfork_and_wipeonfork),
	TEST(test_fork_fails),
};
TEST_MAIN(16384)
