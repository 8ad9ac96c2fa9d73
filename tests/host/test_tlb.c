/* SPDX-License-Identifier: MIT */
/* Flushes on several CPUs: who is told, who is not, and what may not be late. */
#include "tests/host/test.h"

#include "mm/backing/swap.h"
#include "mm/space/rmap.h"
#include <asm/tlbflush.h>

static pte_t *leaf(unsigned long addr)
{
	return pte_offset(mm_find_pmd(p->mm, addr), addr);
}

/* CPU @cpu runs the process and has written to each of @pages at @addr. */
static void use_on(unsigned int cpu, unsigned long addr, unsigned int pages)
{
	host_cpu_switch(cpu);
	host_switch(p);
	for (unsigned int i = 0; i < pages; i++)
		OK(host_put(addr + i * PAGE_SIZE, cpu + 1));
	host_cpu_switch(0);
}

static void idle_on(unsigned int cpu)
{
	host_cpu_switch(cpu);
	host_switch(NULL);
	host_cpu_switch(0);
}

static unsigned long received(void)
{
	return vm_event_sum(VM_nr_tlb_remote_flush_received);
}

static void test_only_users_are_told(void **state)
{
	unsigned long a = map_anon(64, RW), before;

	(void)state;
	use_on(1, a, 64);
	before = received();
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(received() - before, 1); /* CPU 1, not CPU 2 */
	use_on(2, a + PAGE_SIZE, 40);
	before = received();
	assert_int_equal(sys_munmap(a + PAGE_SIZE, 40 * PAGE_SIZE), 0);
	assert_int_equal(received() - before, 2); /* one round for all pages */
	host_tlb_check();
}

static void test_lazy_ones_catch_up(void **state)
{
	unsigned long a = map_anon(64, RW), before;

	(void)state;
	use_on(1, a, 64);
	idle_on(1);
	before = received();
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(sys_munmap(a + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(received(), before);
	host_cpu_switch(1);
	host_switch(p);
	host_tlb_check();
	SIGNAL(host_put(a, 1), SIGSEGV, SEGV_ACCERR, a);
	host_cpu_switch(0);
}

/* A map that an idle CPU keeps dies: that CPU is told, for its tables go. */
static void test_dead_map(void **state)
{
	unsigned long a = map_anon(8, RW), before;

	(void)state;
	use_on(1, a, 8);
	idle_on(1);
	before = received();
	host_exit(p);
	p = NULL;
	assert_true(received() > before);
	host_cpu_switch(1);
	assert_ptr_equal(this_cpu_loaded_mm(), &init_mm);
	host_cpu_switch(0);
}

/* One change is put off, another one flushed: the CPU has missed the first, and forgets all. */
static void test_put_off(void **state)
{
	unsigned long a = map_anon(2, RW);

	(void)state;
	use_on(1, a, 2);
	ptep_set_wrprotect(leaf(a));
	put_off_tlb_flush(p->mm);
	ptep_set_wrprotect(leaf(a + PAGE_SIZE));
	flush_tlb_page(p->mm, a + PAGE_SIZE);
	host_tlb_check();
}

/* Reclaim has taken a page out, and not told the CPUs yet, when munmap finds the entry. */
static void test_munmap_meets_reclaim(void **state)
{
	unsigned long a = map_anon(2, RW);
	struct tlb_batch batch = { 0 };
	int area = host_swapon(64, -1);
	struct page *page;

	(void)state;
	use_on(1, a, 2);
	page = host_page(p, a);
	assert_true(isolate_lru_page(page));
	lock_page(page);
	assert_true(add_to_swap(page));
	assert_true(try_to_unmap(page, &batch));
	COMPLAINS(host_tlb_check(), "not mapped");
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0);
	host_tlb_check();
	tlb_batch_flush(&batch);
	unlock_page(page);
	putback_lru_page(page);
	host_settle();
	drop_caches(3);
	assert_int_equal(host_swapoff(area), 0);
}

static const struct CMUnitTest tests[] = {
	TEST(test_only_users_are_told),
	TEST(test_lazy_ones_catch_up),
	TEST(test_dead_map),
	TEST(test_put_off),
	TEST(test_munmap_meets_reclaim),
};
TEST_MAIN(4096)
