/* SPDX-License-Identifier: MIT */
/* The mmap family, and what it leaves in VMAs, entries, frames and TLB. */
#include "tests/host/test.h"

static void gone(unsigned long addr)
{
	SIGNAL(host_put(addr, 1), SIGSEGV, SEGV_MAPERR, addr);
}

static void test_munmap_splits(void **state)
{
	unsigned long a = written(5, 10);
	int vmas = p->mm->map_count;

	(void)state;
	assert_int_equal(sys_munmap(a + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(p->mm->map_count, vmas + 1);
	RSS(4, 0, 0);
	gone(a + PAGE_SIZE);
	assert_int_equal(host_get(a), 10);
	expect_pages(a + 2 * PAGE_SIZE, 3, 12);
	assert_int_equal(sys_munmap(a, 4 * PAGE_SIZE), 0); /* over the hole */
	RSS(1, 0, 0);
	assert_int_equal(host_get(a + 4 * PAGE_SIZE), 14);
	assert_int_equal(sys_munmap(a + 1, PAGE_SIZE), -EINVAL);
	assert_int_equal(sys_munmap(a, 0), -EINVAL);
	assert_int_equal(sys_munmap(TASK_SIZE, PAGE_SIZE), -EINVAL);
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0); /* nothing there is fine */
}

/* More pages than one INVLPG each is worth, and than one batch of the gather holds. */
static void test_munmap_many(void **state)
{
	unsigned long a = written(1200, 0);

	(void)state;
	RSS(1200, 0, 0);
	assert_int_equal(sys_munmap(a, 1200 * PAGE_SIZE), 0);
	RSS(0, 0, 0);
	host_tlb_check();
	gone(a);
	assert_int_equal(p->mm->hiwater_rss, 1200);
}

/* Three that nobody touched, alone in their gigabyte, in a process that has tables elsewhere. */
static void test_unmap_without_tables(void **state)
{
	unsigned long far = 64UL << PUD_SHIFT, step = 2 * PMD_SIZE;

	(void)state;
	written(1, 1);
	for (unsigned long i = 0; i < 6; i++)
		assert_int_equal(map_at(far + i * step, 1, RW, FIXED_ANON, -1, 0), far + i * step);
	assert_int_equal(sys_munmap(far + step, PAGE_SIZE), 0);
	assert_int_equal(sys_munmap(far + step - PMD_SIZE, step), 0); /* and beside a hole */
	assert_int_equal(p->mm->pgtables, 3); /* the teardown ends the process with the others */
}

static void test_map_fixed_replaces(void **state)
{
	unsigned long a = written(3, 1);

	(void)state;
	assert_int_equal(map_at(a + PAGE_SIZE, 1, RW, FIXED_ANON, -1, 0), a + PAGE_SIZE);
	assert_int_equal(host_get(a + PAGE_SIZE), 0);
	assert_int_equal(host_get(a + 2 * PAGE_SIZE), 3);
	RSS(2, 0, 0);
	assert_int_equal(map_at(a, 1, RW, FIXED_ANON | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
	assert_int_equal(map_at(a, 1, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != a, 1); /* a hint */
	assert_int_equal(map_at(4096, 1, RW, FIXED_ANON, -1, 0), -EPERM);
	assert_int_equal(map_at(TASK_SIZE - PAGE_SIZE, 2, RW, FIXED_ANON, -1, 0), -ENOMEM);
	assert_int_equal(map_at(0, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -EINVAL);
	assert_int_equal(map_at(0, 1, RW, MAP_ANONYMOUS, -1, 0), -EINVAL);
	assert_int_equal(map_at(0, 1, RW, MAP_PRIVATE, 55, 0), -EBADF);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, ~0UL, 5), -EINVAL);
}

static void test_populate_and_32bit(void **state)
{
	unsigned long a = map_at(0, 4, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	(void)state;
	RSS(4, 0, 0);
	FAULTS(0, OK(host_put(a + 3 * PAGE_SIZE, 1)));
	a = map_at(0, 1, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_true(a < 0x80000000UL);
	OK(host_put(a, 1));
}

static void test_mprotect(void **state)
{
	unsigned long a = written(3, 1);
	struct page *page = host_page(p, a + PAGE_SIZE);

	(void)state;
	assert_int_equal(sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	SIGNAL(host_put(a + PAGE_SIZE, 9), SIGSEGV, SEGV_ACCERR, a + PAGE_SIZE);
	FAULTS(0, assert_int_equal(host_get(a + PAGE_SIZE), 2));
	FAULTS(0, OK(host_put(a, 1)));
	assert_int_equal(sys_mprotect(a, 3 * PAGE_SIZE, RW), 0);
	FAULTS(0, OK(host_put(a + PAGE_SIZE, 5))); /* nobody else had it meanwhile */
	assert_ptr_equal(host_page(p, a + PAGE_SIZE), page);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_READ | PROT_EXEC), 0);
	OK(host_exec(a));
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_READ), 0);
	SIGNAL(host_exec(a), SIGSEGV, SEGV_ACCERR, a);
	assert_int_equal(sys_mprotect(a + 1, PAGE_SIZE, RW), -EINVAL);
	assert_int_equal(sys_mprotect(0x1000000, PAGE_SIZE, RW), -ENOMEM);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, 0x40), -EINVAL);
	assert_int_equal(sys_mprotect(a, 0, RW), 0);
	assert_int_equal(sys_mprotect(HOST_STACK_TOP - PAGE_SIZE, PAGE_SIZE, RW | PROT_GROWSDOWN),
			 0);
}

/* A right that the file was not opened for cannot be had later. */
static void test_mprotect_of_read_only_file(void **state)
{
	struct host_file *file = letters("letters", 1);
	unsigned long a = map_at(0, 1, PROT_READ, MAP_SHARED, host_open(file, false), 0);

	(void)state;
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, RW), -EACCES);
	assert_int_equal(map_at(0, 1, RW, MAP_SHARED, 0, 0), -EACCES);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static void test_mremap_grows_and_shrinks(void **state)
{
	unsigned long a = 0x20000000;

	(void)state;
	assert_int_equal(map_at(a, 2, RW, FIXED_ANON, -1, 0), a);
	OK(host_put(a, 1));
	OK(host_put(a + PAGE_SIZE, 2));
	assert_int_equal(sys_mremap(a, 2 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0), a);
	OK(host_put(a + 3 * PAGE_SIZE, 4));
	assert_int_equal(sys_mremap(a, 4 * PAGE_SIZE, PAGE_SIZE, 0, 0), a);
	RSS(1, 0, 0);
	gone(a + PAGE_SIZE);
	assert_int_equal(map_at(a + PAGE_SIZE, 1, PROT_READ, FIXED_ANON, -1, 0), a + PAGE_SIZE);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), -ENOMEM); /* no room */
	assert_int_equal(sys_mremap(a + 1, PAGE_SIZE, PAGE_SIZE, 0, 0), -EINVAL);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_mremap(0x1000000, PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, a + 64 * PAGE_SIZE),
			 -EINVAL);
}

/* The same frames at a new place; the old place, and the TLB, know nothing any more. */
static void test_mremap_moves(void **state)
{
	unsigned long a = written(3, 1), to = 0x3fe00000UL - PAGE_SIZE,
		      b; /* across a table's end */
	struct page *page = host_page(p, a);

	(void)state;
	assert_int_equal(map_at(to, 1, RW, FIXED_ANON, -1, 0), to); /* in the way: is replaced */
	OK(host_put(to, 99));
	assert_int_equal(
		sys_mremap(a, 3 * PAGE_SIZE, 3 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	assert_ptr_equal(host_page(p, to), page);
	COUNTS(page, 1, 1);
	FAULTS(0, expect_pages(to, 3, 1));
	gone(a);
	RSS(3, 0, 0);
	b = (unsigned long)sys_mremap(to, 3 * PAGE_SIZE, 900 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_false(IS_ERR_VALUE(b));
	expect_pages(b, 3, 1);
	OK(host_put(b + 899 * PAGE_SIZE, 5));
	a = (unsigned long)sys_mremap(b, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
				      0);
	assert_int_equal(host_get(a), 1);
	assert_int_equal(host_get(b), 0); /* still mapped, empty */
}

/* The middle of a VMA moves away: what stays is two VMAs, each with its own promise. */
static void test_mremap_of_the_middle(void **state)
{
	unsigned long a = written(6, 1), to = 0x30000000;
	long promised = committed_pages();

	(void)state;
	assert_int_equal(sys_mremap(a + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 3 * PAGE_SIZE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, to),
			 to);
	assert_int_equal(committed_pages(), promised + 1);
	expect_pages(a, 2, 1);
	expect_pages(a + 4 * PAGE_SIZE, 2, 5);
	expect_pages(to, 2, 3);
	gone(a + 2 * PAGE_SIZE);
	assert_true(vma_lookup(p->mm, a)->vm_flags &
		    vma_lookup(p->mm, a + 5 * PAGE_SIZE)->vm_flags & VM_ACCOUNT);
	assert_int_equal(sys_munmap(a, 6 * PAGE_SIZE), 0);
	assert_int_equal(committed_pages(), promised - 3);
}

/* A file's page keeps its place in the file wherever it is mapped. */
static void test_mremap_of_a_file(void **state)
{
	struct host_file *file = letters("letters", 8);
	unsigned long a = map_file(file, 4, RW, MAP_SHARED), b;

	(void)state;
	OK(poke(a + 3 * PAGE_SIZE, 'X'));
	b = (unsigned long)sys_mremap(a + PAGE_SIZE, 3 * PAGE_SIZE, 3 * PAGE_SIZE,
				      MREMAP_MAYMOVE | MREMAP_FIXED, 0x30000000);
	assert_int_equal(byte_at(b), 'b');
	assert_int_equal(byte_at(b + 2 * PAGE_SIZE), 'X');
	b = (unsigned long)sys_mremap(b, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0); /* a second mapping */
	assert_int_equal(byte_at(b), 'b');
	host_file_truncate(file, 2 * PAGE_SIZE + 1);
	SIGNAL(poke(0x30000000 + 2 * PAGE_SIZE, 1), SIGBUS, BUS_ADRERR, 0x30000000 + 2 * PAGE_SIZE);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static void test_dontneed_and_free(void **state)
{
	unsigned long a = written(4, 1);

	(void)state;
	assert_int_equal(sys_madvise(a + PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(host_get(a + PAGE_SIZE), 0);
	assert_int_equal(host_get(a), 1);
	RSS(3, 0, 0);
	assert_int_equal(sys_madvise(a + 2 * PAGE_SIZE, PAGE_SIZE, MADV_FREE), 0);
	OK(host_put(a + 2 * PAGE_SIZE, 7));
	assert_int_equal(host_get(a + 2 * PAGE_SIZE), 7);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, 5555), -EINVAL);
	assert_int_equal(sys_madvise(a, 1000 * PAGE_SIZE, MADV_DONTNEED),
			 -ENOMEM);        /* holes above */
	assert_int_equal(host_get(a), 0); /* but what is there was done */
}

static void test_populate_advice(void **state)
{
	unsigned long a = map_anon(4, RW), ro = map_anon(2, PROT_READ);

	(void)state;
	assert_int_equal(sys_madvise(a, 2 * PAGE_SIZE, MADV_POPULATE_READ), 0);
	FAULTS(0, assert_int_equal(host_get(a + PAGE_SIZE), 0));
	RSS(0, 0, 0);
	assert_int_equal(sys_madvise(a, 4 * PAGE_SIZE, MADV_POPULATE_WRITE), 0);
	RSS(4, 0, 0);
	FAULTS(0, OK(host_put(a + 3 * PAGE_SIZE, 1)));
	assert_int_equal(sys_madvise(ro, PAGE_SIZE, MADV_POPULATE_WRITE), -EINVAL);
	assert_int_equal(sys_madvise(0x1000000, PAGE_SIZE, MADV_POPULATE_READ), -ENOMEM);
}

static void test_remove(void **state)
{
	unsigned long a = map_at(0, 3, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct task_struct *child;

	(void)state;
	for (unsigned long i = 0; i < 3; i++)
		OK(host_put(a + i * PAGE_SIZE, i + 1));
	child = host_fork(p);
	assert_int_equal(sys_madvise(a + PAGE_SIZE, PAGE_SIZE, MADV_REMOVE), 0);
	host_switch(child);
	assert_int_equal(host_get(a + PAGE_SIZE), 0);
	assert_int_equal(host_get(a + 2 * PAGE_SIZE), 3);
	host_exit(child);
	host_switch(p);
	assert_int_equal(sys_madvise(written(1, 1), PAGE_SIZE, MADV_REMOVE), -EINVAL);
}

/* Advice that only changes flags keeps VMAs apart, and lets them merge again. */
static void test_flag_advice(void **state)
{
	static const int pairs[][2] = {
		{ MADV_DONTFORK, MADV_DOFORK },       { MADV_DONTDUMP, MADV_DODUMP },
		{ MADV_WIPEONFORK, MADV_KEEPONFORK }, { MADV_MERGEABLE, MADV_UNMERGEABLE },
		{ MADV_RANDOM, MADV_NORMAL },         { MADV_SEQUENTIAL, MADV_NORMAL },
	};
	unsigned long a = written(3, 1);
	int vmas = p->mm->map_count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(sys_madvise(a + PAGE_SIZE, PAGE_SIZE, pairs[i][0]), 0);
		assert_int_equal(p->mm->map_count, vmas + 2);
		assert_int_equal(sys_madvise(a, 3 * PAGE_SIZE, pairs[i][1]), 0);
		assert_int_equal(p->mm->map_count, vmas);
	}
	assert_int_equal(sys_madvise(a, 3 * PAGE_SIZE, MADV_COLD), 0);
	assert_false(pte_young(host_pte(p, a)));
	expect_pages(a, 3, 1);
	assert_true(pte_young(host_pte(p, a)));
}

static void test_mlock(void **state)
{
	unsigned long a = map_anon(4, RW);
	struct page *page;

	(void)state;
	assert_int_equal(host_get(a), 0);
	assert_int_equal(sys_mlock(a, 2 * PAGE_SIZE), 0);
	assert_int_equal(p->mm->locked_vm, 2);
	RSS(2, 0, 0); /* the zero page gave way to frames of their own */
	page = host_page(p, a);
	assert_true(PageMlocked(page) && PageUnevictable(page));
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_PAGEOUT), -EINVAL);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_DONTNEED_LOCKED), 0);
	assert_int_equal(sys_mlock2(a + 2 * PAGE_SIZE, PAGE_SIZE, MLOCK_ONFAULT), 0);
	OK(host_put(a + 2 * PAGE_SIZE, 1));
	assert_true(PageMlocked(host_page(p, a + 2 * PAGE_SIZE)));
	assert_int_equal(sys_munlock(a, 4 * PAGE_SIZE), 0);
	assert_int_equal(p->mm->locked_vm, 0);
	assert_false(PageMlocked(host_page(p, a + 2 * PAGE_SIZE)));
	assert_int_equal(sys_mlock(0x1000000, PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_mlock2(a, PAGE_SIZE, 8), -EINVAL);
	p->mm->rlim_memlock = 2 * PAGE_SIZE;
	assert_int_equal(sys_mlock(a, 3 * PAGE_SIZE), -ENOMEM);
}

static void test_mlockall(void **state)
{
	unsigned long a = map_anon(2, RW), b;
	struct task_struct *child;

	(void)state;
	assert_int_equal(sys_mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	assert_non_null(host_page(p, a + PAGE_SIZE));
	b = map_anon(2, RW | PROT_EXEC);
	assert_true(PageMlocked(host_page(p, b)));
	child = host_fork(p); /* locks are not inherited */
	assert_int_equal(child->mm->locked_vm, 0);
	host_switch(child);
	OK(host_put(b, 1));
	assert_false(PageMlocked(host_page(child, b)));
	host_exit(child);
	host_switch(p);
	OK(host_put(b, 2));
	assert_int_equal(sys_munlockall(), 0);
	assert_int_equal(p->mm->locked_vm, 0);
	assert_int_equal(sys_mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
	b = map_anon(2, PROT_READ);
	assert_null(host_page(p, b));
	assert_int_equal(sys_mlockall(0), -EINVAL);
	assert_int_equal(sys_mlockall(MCL_ONFAULT), -EINVAL);
}

/* Neighbours with the same rights become one VMA, and their pages keep their reverse map. */
static void test_merging(void **state)
{
	unsigned long a = 0x20000000;
	int vmas = p->mm->map_count;

	(void)state;
	assert_int_equal(map_at(a, 1, RW, FIXED_ANON, -1, 0), a);
	assert_int_equal(map_at(a + 2 * PAGE_SIZE, 1, RW, FIXED_ANON, -1, 0), a + 2 * PAGE_SIZE);
	OK(host_put(a, 1));
	assert_int_equal(p->mm->map_count, vmas + 2);
	assert_int_equal(map_at(a + PAGE_SIZE, 1, RW, FIXED_ANON, -1, 0), a + PAGE_SIZE);
	assert_int_equal(p->mm->map_count, vmas + 1);
	OK(host_put(a + 2 * PAGE_SIZE, 3));
	assert_int_equal(sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(p->mm->map_count, vmas + 3);
	assert_int_equal(sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, RW), 0);
	assert_int_equal(p->mm->map_count, vmas + 1);
	assert_int_equal(host_get(a), 1);
}

static void test_heap_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(vm_brk_flags(0x20000000, 0, 0), 0);
	assert_int_equal(vm_brk_flags(0x20000000, ~0UL, 0), -ENOMEM);
	assert_int_equal(vm_brk_flags(0x20000000, 10, VM_SHARED), -EINVAL);
	assert_int_equal(vm_brk_flags(0x20000000, 5000, VM_EXEC), 0);
	OK(host_put(0x20000000, 1));
	OK(host_exec(0x20000000));
	assert_int_equal(vm_brk_flags(TASK_SIZE - PAGE_SIZE, 2 * PAGE_SIZE, 0), -ENOMEM);
	assert_int_equal(sys_brk(HOST_BRK + 4 * PAGE_SIZE), HOST_BRK + 4 * PAGE_SIZE);
	/* Something in the way above, with a page between. */
	assert_int_equal(map_at(HOST_BRK + 8 * PAGE_SIZE, 1, RW, FIXED_ANON, -1, 0),
			 HOST_BRK + 8 * PAGE_SIZE);
	assert_int_equal(sys_brk(HOST_BRK + 8 * PAGE_SIZE), HOST_BRK + 4 * PAGE_SIZE);
	assert_int_equal(sys_brk(HOST_BRK + 7 * PAGE_SIZE), HOST_BRK + 7 * PAGE_SIZE);
	/* Taken away behind its back: nothing to shrink. */
	assert_int_equal(sys_munmap(HOST_BRK, 7 * PAGE_SIZE), 0);
	assert_int_equal(sys_brk(HOST_BRK + PAGE_SIZE), HOST_BRK + 7 * PAGE_SIZE);
	assert_int_equal(sys_mlockall(MCL_FUTURE), 0);
	assert_int_equal(sys_munmap(HOST_BRK + 8 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(sys_brk(HOST_BRK + 9 * PAGE_SIZE), HOST_BRK + 9 * PAGE_SIZE);
	assert_true(PageMlocked(host_page(p, HOST_BRK + 8 * PAGE_SIZE)));
	assert_int_equal(vm_brk_flags(0x30000000, PAGE_SIZE, 0), 0);
	assert_non_null(host_page(p, 0x30000000));
}

/* A stack of one's own grows as the first one does; PROT_GROWSDOWN reaches to its start. */
static void test_growsdown(void **state)
{
	unsigned long a = 0x20000000, flags = FIXED_ANON | MAP_GROWSDOWN;

	(void)state;
	assert_int_equal(map_at(a, 4, RW, flags, -1, 0), a);
	OK(host_put(a - 10 * PAGE_SIZE, 1));
	assert_int_equal(sys_mprotect(a + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), 0);
	SIGNAL(host_put(a - 10 * PAGE_SIZE, 1), SIGSEGV, SEGV_ACCERR, a - 10 * PAGE_SIZE);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, RW | PROT_GROWSUP), -EINVAL);
	assert_int_equal(sys_mprotect(map_anon(1, RW), PAGE_SIZE, RW | PROT_GROWSDOWN), -EINVAL);
	p->mm->rlim_stack = 20 * PAGE_SIZE;
	SIGNAL(host_read(a - 40 * PAGE_SIZE, &(char){ 0 }, 1), SIGSEGV, SEGV_MAPERR,
	       a - 40 * PAGE_SIZE);
	p->mm->rlim_stack = ~0UL;
	p->mm->rlim_as = p->mm->total_vm * PAGE_SIZE;
	SIGNAL(host_read(a - 12 * PAGE_SIZE, &(char){ 0 }, 1), SIGSEGV, SEGV_MAPERR,
	       a - 12 * PAGE_SIZE);
	p->mm->rlim_as = ~0UL;
	assert_int_equal(byte_at(a - 12 * PAGE_SIZE), 0);
	assert_int_equal(map_at(MMAP_MIN_ADDR, 1, RW, flags, -1, 0), MMAP_MIN_ADDR);
	SIGNAL(poke(MMAP_MIN_ADDR - 1, 1), SIGSEGV, SEGV_MAPERR, MMAP_MIN_ADDR - 1);
}

static const struct CMUnitTest tests[] = {
	TEST(test_munmap_splits),
	TEST(test_munmap_many),
	TEST(test_unmap_without_tables),
	TEST(test_map_fixed_replaces),
	TEST(test_populate_and_32bit),
	TEST(test_mprotect),
	TEST(test_mprotect_of_read_only_file),
	TEST(test_mremap_grows_and_shrinks),
	TEST(test_mremap_moves),
	TEST(test_mremap_of_the_middle),
	TEST(test_mremap_of_a_file),
	TEST(test_dontneed_and_free),
	TEST(test_populate_advice),
	TEST(test_remove),
	TEST(test_flag_advice),
	TEST(test_mlock),
	TEST(test_mlockall),
	TEST(test_merging),
	TEST(test_heap_of_its_own),
	TEST(test_growsdown),
};
TEST_MAIN(16384)
