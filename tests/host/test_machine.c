/* SPDX-License-Identifier: MIT */
/* The software machine itself: does it see what a CPU would, and complain when it must? */
#include "tests/host/test.h"

#include "kernel/debug/kasan.h"
#include <asm/tlbflush.h>
#if CONFIG_KASAN
#include <sanitizer/asan_interface.h>
#endif

/* The leaf entry behind @addr, to be spoiled. */
static pte_t *leaf(unsigned long addr)
{
	return pte_offset(mm_find_pmd(current->mm, addr), addr);
}

static void test_first_touch(void **state)
{
	unsigned long a = map_anon(2, RW);

	(void)state;
	FAULTS(1, OK(host_put(a, 42)));
	assert_int_equal(host_error_code, X86_PF_WRITE | X86_PF_USER);
	assert_int_equal(host_cr2, a);
	FAULTS(0, assert_int_equal(host_get(a), 42));
	assert_true(pte_dirty(host_pte(p, a)) && pte_young(host_pte(p, a)));
	FAULTS(1, assert_int_equal(host_get(a + PAGE_SIZE), 0));
	assert_int_equal(host_error_code, X86_PF_USER);
}

static void test_access_and_dirty_bits(void **state)
{
	unsigned long a = map_anon(1, RW), pfn;
	bool writable;

	(void)state;
	OK(host_put(a, 1));
	set_pte(leaf(a), pte_mkold(pte_mkclean(*leaf(a))));
	flush_tlb_page(current->mm, a);
	assert_int_equal(host_get(a), 1); /* a walk for a read: accessed, not dirty */
	assert_true(pte_young(*leaf(a)) && !pte_dirty(*leaf(a)));
	assert_true(host_tlb_lookup(a, &pfn, &writable) && !writable);
	FAULTS(0, OK(host_put(a, 2))); /* the first store walks again */
	assert_true(pte_dirty(*leaf(a)));
	assert_true(host_tlb_lookup(a, &pfn, &writable) && writable);
	assert_int_equal(pfn, page_to_pfn(host_page(p, a)));
}

/* The tables take a right away, nobody tells the TLB: the store lands, and is complained about. */
static void test_stale_right(void **state)
{
	unsigned long a = map_anon(1, RW);

	(void)state;
	OK(host_put(a, 1));
	ptep_set_wrprotect(leaf(a));
	COMPLAINS(host_put(a, 2), "the right to write");
	COMPLAINS(host_tlb_check(), "the right to write");
	flush_tlb_page(current->mm, a);
	host_tlb_check();
	FAULTS(1, OK(host_put(a, 3)));
	DOORS("handle_present_pte, do_wp_page, wp_page_reuse, install_pte");
}

static void test_stale_frame(void **state)
{
	unsigned long a = map_anon(2, RW);
	pte_t first;

	(void)state;
	OK(host_put(a, 1));
	OK(host_put(a + PAGE_SIZE, 2));
	first = *leaf(a);
	set_pte(leaf(a), *leaf(a + PAGE_SIZE));
	COMPLAINS(assert_int_equal(host_get(a), 1),
		  "another frame"); /* it still reads the old one */
	set_pte(leaf(a), first);
	host_tlb_check();
}

static void test_frame_freed_under_the_tlb(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct page *page;

	(void)state;
	OK(host_put(a, 1));
	page = host_page(p, a);
	get_page(page);
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0);
	put_page(page); /* nothing leads to it any more */
	a = map_anon(1, RW);
	OK(host_put(a, 1));
	page = host_page(p, a);
	COMPLAINS(host_mmu_frame_freed(page_to_pfn(page)), "is freed while the TLB maps");
	COMPLAINS(host_mmu_frame_freed(pmd_pfn(*mm_find_pmd(current->mm, a))), "page table");
}

static void test_reserved_bit(void **state)
{
	unsigned long a = map_anon(1, RW);
	pte_t good;

	(void)state;
	OK(host_put(a, 7));
	good = *leaf(a);
	set_pte(leaf(a), __pte(good.pte | 1UL << 51));
	flush_tlb_page(current->mm, a);
	host_log_clear();
	SIGNAL(host_read(a, &(u64){ 0 }, 8), SIGKILL, 0, 0);
	assert_int_equal(host_error_code, X86_PF_RSVD | X86_PF_PROT | X86_PF_USER);
	assert_true(host_log_has("corrupted page table"));
	assert_true(host_killed(p));
	set_pte(leaf(a), good);
}

static void test_not_canonical_and_kernel_addresses(void **state)
{
	char byte;

	(void)state;
	SIGNAL(host_read(0x0000800000000000UL, &byte, 1), SIGSEGV, 128, 0);
	SIGNAL(host_read(0xffff888000000000UL, &byte, 1), SIGSEGV, SEGV_MAPERR,
	       0xffff888000000000UL);
	SIGNAL(host_read(TASK_SIZE, &byte, 1), SIGSEGV, SEGV_MAPERR, TASK_SIZE);
	SIGNAL(host_read(0, &byte, 1), SIGSEGV, SEGV_MAPERR, 0);
}

/* Without the TLB every access walks. */
static void test_tlb_off(void **state)
{
	unsigned long a = map_anon(1, RW), pfn;
	bool writable;

	(void)state;
	host_tlb_enable(false);
	OK(host_put(a, 1));
	assert_false(host_tlb_lookup(a, &pfn, &writable));
	ptep_set_wrprotect(leaf(a));
	FAULTS(1, OK(host_put(a, 2)));
	host_tlb_enable(true);
}

static void test_leak_is_seen(void **state)
{
	struct host_census before, after;
	void *table;

	(void)state;
	host_census(&before);
	table = get_zeroed_page(GFP_KERNEL);
	__SetPageTable(virt_to_page(table));
	host_census(&after);
	COMPLAINS(host_census_same(&before, &after, "planted"), "planted: tables was");
	__ClearPageTable(virt_to_page(table));
	free_page(table);
	host_census(&after);
	host_census_same(&before, &after, "given back");
}

static void test_forced_failure(void **state)
{
	unsigned long a = map_anon(1, RW), calls;

	(void)state;
	host_fail_alloc(1); /* the frame, or a table on the way: the second try has it */
	FAULTS(2, OK(host_put(a, 5)));
	calls = host_alloc_calls;
	host_fail_alloc(0);
	assert_true(calls > 1);
	assert_false(host_killed(p));
	assert_int_equal(host_get(a), 5);
	host_fail_alloc(1);
	assert_int_equal(map_at(0, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENOMEM);
}

#if CONFIG_KASAN
/* AddressSanitizer knows what the kernel's allocators gave away, and what they took back. */
static void test_freed_memory_cannot_be_touched(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *frame = page_address(page), *object = kmalloc(40, GFP_KERNEL);

	(void)state;
	assert_false(__asan_address_is_poisoned(frame) || __asan_address_is_poisoned(object + 39));
	assert_true(__asan_address_is_poisoned(object + 40));
	put_page(page);
	kfree(object);
	assert_true(__asan_address_is_poisoned(frame) && __asan_address_is_poisoned(object));
}
#endif

static void count_to_three(void *arg)
{
	for (int i = 0; i < 3; i++) {
		++*(int *)arg;
		host_sleep(1000);
	}
}

static void test_threads(void **state)
{
	struct task_struct *other = host_create();
	int n = 0;

	(void)state;
	host_start(other, count_to_three, &n);
	assert_int_equal(n, 0);
	host_sleep(0);
	assert_int_equal(n, 1);
	host_join(other);
	assert_int_equal(n, 3);
	assert_ptr_equal(current, p);
	host_exit(other);
}

/* A wait that nothing ends is an error, not a hang. */
static void test_endless_wait(void **state)
{
	(void)state;
	SetPageLocked(zero_page); /* not by us: the lock checker would speak first */
	assert_true(HOST_PANICS(lock_page(zero_page)));
	assert_non_null(strstr(host_panic_text, "sleeps"));
	current->state = TASK_RUNNING;
}

static void test_vmalloc_is_mapped_by_the_tables(void **state)
{
	char *area = vmalloc(3 * PAGE_SIZE);

	(void)state;
	assert_non_null(area);
	memset(area, 'x', 3 * PAGE_SIZE);
	assert_int_equal(area[3 * PAGE_SIZE - 1], 'x');
	vfree(area);
	area = vzalloc(2 * PAGE_SIZE);
	assert_int_equal(area[PAGE_SIZE], 0);
	vfree(area);
}

static const struct CMUnitTest tests[] = {
	TEST(test_first_touch),
	TEST(test_access_and_dirty_bits),
	TEST(test_stale_right),
	TEST(test_stale_frame),
	TEST(test_frame_freed_under_the_tlb),
	TEST(test_reserved_bit),
	TEST(test_not_canonical_and_kernel_addresses),
	TEST(test_tlb_off),
	TEST(test_leak_is_seen),
	TEST(test_forced_failure),
#if CONFIG_KASAN
	TEST(test_freed_memory_cannot_be_touched),
#endif
	TEST(test_threads),
	TEST(test_vmalloc_is_mapped_by_the_tables),
	cmocka_unit_test(test_endless_wait), /* the last: the page stays locked */
};
TEST_MAIN(16384)
