/* SPDX-License-Identifier: MIT */
/* Faults on anonymous memory: first touch, heap, stack, rights. */
#include "tests/host/test.h"

static void test_read_maps_the_zero_page(void **state)
{
	unsigned long a = map_anon(2, RW);
	int count = page_count(zero_page);
	pte_t pte;

	(void)state;
	FAULTS(1, assert_int_equal(host_get(a), 0));
	DOORS("do_anonymous_page, install_pte");
	pte = host_pte(p, a);
	assert_int_equal(pte_pfn(pte), zero_pfn);
	assert_true(pte_special(pte) && !pte_write(pte) && !pte_dirty(pte) && pte_young(pte));
	assert_true(pte_none(host_pte(p, a + PAGE_SIZE)));
	COUNTS(zero_page, count, 0); /* nobody counts it */
	RSS(0, 0, 0);
	assert_int_equal(p->min_flt, 1);
}

static void test_write_gets_a_zeroed_frame(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct page *page;
	char text[PAGE_SIZE];

	(void)state;
	FAULTS(1, OK(poke(a + 100, 'x')));
	DOORS("do_anonymous_page, __vmf_anon_prepare, install_pte");
	page = host_page(p, a);
	COUNTS(page, 1, 1);
	assert_true(PageAnon(page) && PageUptodate(page) && PageSwapBacked(page) && PageLRU(page));
	assert_int_equal(page->index, linear_page_index(vma_lookup(p->mm, a), a));
	assert_true(pte_write(host_pte(p, a)) && pte_dirty(host_pte(p, a)));
	RSS(1, 0, 0);
	OK(host_read(a, text, sizeof(text)));
	for (size_t i = 0; i < sizeof(text); i++)
		assert_int_equal(text[i], i == 100 ? 'x' : 0);
}

static void test_write_after_read_replaces_the_zero_page(void **state)
{
	unsigned long a = map_anon(1, RW), pfn;
	bool writable;

	(void)state;
	assert_int_equal(host_get(a), 0);
	FAULTS(1, OK(host_put(a, 7)));
	assert_int_equal(host_error_code, X86_PF_PROT | X86_PF_WRITE | X86_PF_USER);
	DOORS("handle_present_pte, do_wp_page, wp_page_copy, __vmf_anon_prepare, install_pte");
	COUNTS(host_page(p, a), 1, 1);
	RSS(1, 0, 0);
	assert_true(host_tlb_lookup(a, &pfn, &writable) && pfn != zero_pfn);
	assert_int_equal(*(u64 *)page_address(zero_page), 0);
	assert_int_equal(host_get(a), 7);
}

/* The kernel's copies fault like the program's, and stop at the first byte not to be had. */
static void test_kernel_copies(void **state)
{
	unsigned long a = map_anon(2, RW);
	char text[16] = "sixteen letters";

	(void)state;
	FAULTS(2, assert_int_equal(copy_to_user((void *)(a + PAGE_SIZE - 8), text, 16), 0));
	assert_int_equal(host_error_code, X86_PF_WRITE);
	assert_int_equal(copy_to_user((void *)(a + 2 * PAGE_SIZE - 5), text, 16), 11);
	DOOR("fixup_exception");
	assert_int_equal(copy_from_user(text, (void *)(a - 16), 16), 16);
	assert_int_equal(clear_user((void *)a, 2 * PAGE_SIZE), 0);
	assert_int_equal(host_get(a + PAGE_SIZE), 0);
	p->pagefault_disabled++;
	assert_int_equal(copy_to_user((void *)map_anon(1, PROT_READ), text, 1), 1);
	p->pagefault_disabled--;
}

static void test_heap(void **state)
{
	(void)state;
	assert_int_equal(sys_brk(0), HOST_BRK);
	assert_int_equal(sys_brk(HOST_BRK + 5000), HOST_BRK + 5000);
	OK(poke(HOST_BRK + 2 * PAGE_SIZE - 1, 'h'));
	SIGNAL(poke(HOST_BRK + 2 * PAGE_SIZE, 'h'), SIGSEGV, SEGV_MAPERR, HOST_BRK + 2 * PAGE_SIZE);
	assert_int_equal(sys_brk(HOST_BRK + PAGE_SIZE), HOST_BRK + PAGE_SIZE);
	SIGNAL(poke(HOST_BRK + PAGE_SIZE, 'h'), SIGSEGV, SEGV_MAPERR, HOST_BRK + PAGE_SIZE);
	RSS(0, 0, 0);
	assert_int_equal(sys_brk(HOST_BRK - 1), HOST_BRK + PAGE_SIZE); /* refused: where it was */
	assert_int_equal(sys_brk(~0UL), HOST_BRK + PAGE_SIZE);
	assert_int_equal(sys_brk(HOST_BRK), HOST_BRK);
	assert_int_equal(sys_brk(HOST_BRK + 3 * PAGE_SIZE), HOST_BRK + 3 * PAGE_SIZE);
	p->mm->rlim_data = PAGE_SIZE;
	assert_int_equal(sys_brk(HOST_BRK + 9 * PAGE_SIZE), HOST_BRK + 3 * PAGE_SIZE);
}

static void test_stack_grows(void **state)
{
	struct vm_area_struct *stack = vma_lookup(p->mm, HOST_STACK_TOP - 1);
	unsigned long start = stack->vm_start, grown = vm_event_sum(VM_fault_stack_grow);

	(void)state;
	OK(poke(start - 5 * PAGE_SIZE, 's'));
	assert_int_equal(stack->vm_start, start - 5 * PAGE_SIZE);
	assert_int_equal(vm_event_sum(VM_fault_stack_grow), grown + 1);
	assert_int_equal(p->mm->stack_vm, vma_pages(stack));
	/* Not beyond the limit, and not onto a neighbour's guard gap. */
	SIGNAL(poke(HOST_STACK_TOP - (8UL << 20) - 1, 's'), SIGSEGV, SEGV_MAPERR,
	       HOST_STACK_TOP - (8UL << 20) - 1);
	OK(poke(HOST_STACK_TOP - (8UL << 20), 's'));
	RSS(2, 0, 0);
}

static void test_stack_keeps_its_distance(void **state)
{
	unsigned long stack = vma_lookup(p->mm, HOST_STACK_TOP - 1)->vm_start;
	unsigned long near = stack - STACK_GUARD_GAP - PAGE_SIZE;

	(void)state;
	assert_int_equal(map_at(near, 1, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), near);
	OK(poke(near, 'n'));
	SIGNAL(poke(stack - 1, 's'), SIGSEGV, SEGV_MAPERR, stack - 1);
}

static void test_rights(void **state)
{
	unsigned long none = map_anon(1, PROT_NONE), ro = map_anon(1, PROT_READ);
	unsigned long rx = map_anon(1, PROT_READ | PROT_EXEC), w = map_anon(1, PROT_WRITE), rw;

	(void)state;
	SIGNAL(poke(none, 1), SIGSEGV, SEGV_ACCERR, none);
	SIGNAL(host_read(none, &rw, 1), SIGSEGV, SEGV_ACCERR, none);
	assert_int_equal(host_get(ro), 0);
	SIGNAL(poke(ro, 1), SIGSEGV, SEGV_ACCERR, ro);
	assert_int_equal(host_error_code, X86_PF_PROT | X86_PF_WRITE | X86_PF_USER);
	DOOR("bad_area_nosemaphore");
	SIGNAL(host_exec(ro), SIGSEGV, SEGV_ACCERR, ro);
	assert_int_equal(host_error_code, X86_PF_PROT | X86_PF_INSTR | X86_PF_USER);
	OK(host_exec(rx));
	assert_int_equal(host_get(rx), 0);
	OK(poke(w, 1));
	assert_int_equal(byte_at(w), 1); /* writing brings reading on x86 */
	SIGNAL(host_read(w + PAGE_SIZE * 100, &rw, 1), SIGSEGV, SEGV_MAPERR, w + PAGE_SIZE * 100);
}

/* PROT_NONE over a page that is there: the frame stays, nobody may touch it, and it comes back. */
static void test_protnone_keeps_the_page(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct page *page;

	(void)state;
	OK(host_put(a, 77));
	page = host_page(p, a);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_NONE), 0);
	assert_true(pte_protnone(host_pte(p, a)) && host_page(p, a) == page);
	SIGNAL(host_put(a, 1), SIGSEGV, SEGV_ACCERR, a);
	COUNTS(page, 1, 1);
	RSS(1, 0, 0);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, RW), 0);
	assert_int_equal(host_get(a), 77);
	assert_ptr_equal(host_page(p, a), page);
}

/* Tables are made on the way down, and only those that are needed. */
static void test_page_tables(void **state)
{
	unsigned long tables = p->mm->pgtables, a = 0x40000000UL; /* nothing else near */
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	(void)state;
	assert_int_equal(map_at(a, 1, RW, flags, -1, 0), a);
	assert_int_equal(p->mm->pgtables, tables);
	OK(host_put(a, 1));
	assert_int_equal(p->mm->pgtables, tables + 3);
	assert_int_equal(map_at(a + PMD_SIZE, 1, RW, flags, -1, 0), a + PMD_SIZE);
	OK(host_put(a + PMD_SIZE, 1));
	assert_int_equal(p->mm->pgtables, tables + 4);
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0);
	assert_int_equal(p->mm->pgtables, tables + 3);
	assert_int_equal(sys_munmap(a + PMD_SIZE, PAGE_SIZE), 0);
	assert_int_equal(p->mm->pgtables, tables);
}

/* A failed allocation is not the program's fault: the fault is taken again. */
static void test_failed_allocations(void **state)
{
	unsigned long w = map_anon(1, PROT_WRITE);

	(void)state;
	for (unsigned long n = 1;; n++) {
		unsigned long a = map_anon(1, RW), calls;

		host_fail_alloc(n);
		OK(host_put(a, n));
		calls = host_alloc_calls;
		host_fail_alloc(0);
		assert_int_equal(host_get(a), n);
		assert_int_equal(sys_munmap(a, PAGE_SIZE), 0);
		if (calls < n)
			break;
	}
	RSS(0, 0, 0);
	host_fail_alloc(1); /* a copy by the kernel is not repeated: it is short */
	assert_int_equal(copy_to_user((void *)w, "x", 1), 1);
}

/* get_user_page(): what the kernel itself uses to reach another process's page. */
static void test_get_user_page(void **state)
{
	unsigned long a = map_anon(2, RW), ro = map_anon(1, PROT_READ);
	struct page *page = get_user_page(p->mm, a, FOLL_WRITE);

	(void)state;
	assert_ptr_equal(page, host_page(p, a));
	COUNTS(page, 2, 1);
	put_page(page);
	page = get_user_page(p->mm, a + PAGE_SIZE, 0);
	assert_ptr_equal(page, zero_page);
	put_page(page);
	assert_true(PTR_ERR(get_user_page(p->mm, ro, FOLL_WRITE)) == -EFAULT);
	assert_true(PTR_ERR(get_user_page(p->mm, 4096, 0)) == -EFAULT);
}

/* access_remote_vm(): /proc/PID/mem and process_vm_writev, across pages and against the rights. */
static void test_access_remote(void **state)
{
	unsigned long a = map_anon(3, RW), ro = map_anon(1, PROT_READ),
		      none = map_anon(1, PROT_NONE);
	char buf[8];

	(void)state;
	assert_int_equal(access_remote_vm(p->mm, a + PAGE_SIZE - 4, "fourfour", 8, FOLL_WRITE), 8);
	assert_int_equal(access_remote_vm(p->mm, a + PAGE_SIZE - 4, buf, 8, 0), 8);
	assert_memory_equal(buf, "fourfour", 8);
	assert_int_equal(access_remote_vm(p->mm, ro + 8, "x", 1, FOLL_WRITE), 0);
	assert_int_equal(access_remote_vm(p->mm, none, buf, 1, 0), 0);
	assert_int_equal(access_remote_vm(p->mm, none, buf, 1, FOLL_FORCE), 1);
	assert_int_equal(buf[0], 0);
	/* A forced write makes the page the map's own, but never the entry writable. */
	assert_int_equal(access_remote_vm(p->mm, ro + 8, "x", 1, FOLL_WRITE | FOLL_FORCE), 1);
	COUNTS(host_page(p, ro), 1, 1);
	assert_true(pte_owned(host_pte(p, ro)) && !pte_write(host_pte(p, ro)));
	assert_int_equal(access_remote_vm(p->mm, none, "y", 1, FOLL_WRITE | FOLL_FORCE), 1);
	assert_int_equal(access_remote_vm(p->mm, none, buf, 1, FOLL_FORCE), 1);
	assert_int_equal(buf[0], 'y');
}

static const struct CMUnitTest tests[] = {
	TEST(test_read_maps_the_zero_page),
	TEST(test_write_gets_a_zeroed_frame),
	TEST(test_write_after_read_replaces_the_zero_page),
	TEST(test_kernel_copies),
	TEST(test_heap),
	TEST(test_stack_grows),
	TEST(test_stack_keeps_its_distance),
	TEST(test_rights),
	TEST(test_protnone_keeps_the_page),
	TEST(test_page_tables),
	TEST(test_failed_allocations),
	TEST(test_get_user_page),
	TEST(test_access_remote),
};
TEST_MAIN(16384)
