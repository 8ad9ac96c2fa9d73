/* SPDX-License-Identifier: MIT */
/* Soft-dirty marks through writes, swap, mprotect and mremap; files whose pages change places. */
#include "tests/host/test.h"

static void forget_writes(void)
{
	mmap_write_lock(p->mm);
	clear_soft_dirty(p->mm);
	mmap_write_unlock(p->mm);
}

static bool marked(unsigned long addr)
{
	pte_t pte = host_pte(p, addr);

	return is_swap_pte(pte) ? pte_swp_soft_dirty(pte) : pte_soft_dirty(pte);
}

static void test_marks(void **state)
{
	unsigned long a = written(4, 1), s = map_at(0, 1, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_int_equal(host_get(s), 0); /* writable at once, as nobody must hear of it */
	assert_true(marked(a));
	forget_writes();
	assert_false(marked(a) || pte_write(host_pte(p, a)) || pte_write(host_pte(p, s)));
	FAULTS(0, assert_int_equal(host_get(a), 1));
	assert_false(marked(a));
	FAULTS(1, OK(host_put(a, 2)));
	assert_true(marked(a));
	OK(host_put(s, 2));
	assert_true(marked(s));
	/* mprotect gives no right back that would let a write go by unseen. */
	assert_int_equal(sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, RW), 0);
	assert_false(marked(a + PAGE_SIZE));
	OK(host_put(a + PAGE_SIZE, 3));
	assert_true(marked(a + PAGE_SIZE));
	forget_writes();
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				    a + 2 * PAGE_SIZE),
			 (long)(a + 2 * PAGE_SIZE));
	assert_true(marked(a + 2 * PAGE_SIZE)); /* new at this address */
	assert_int_equal(host_get(a + 2 * PAGE_SIZE), 2);
}

static void test_marks_in_swap(void **state)
{
	unsigned long a = written(4, 1);
	int area = host_swapon(1024, -1);

	(void)state;
	host_pageout(a, 2 * PAGE_SIZE);
	assert_true(marked(a));
	forget_writes();
	assert_false(marked(a) || marked(a + PAGE_SIZE));
	assert_int_equal(host_get(a), 1);
	assert_false(marked(a));
	OK(host_put(a + PAGE_SIZE, 5));
	assert_true(marked(a + PAGE_SIZE));
	host_pageout(a, 4 * PAGE_SIZE);
	assert_false(marked(a) || marked(a + 3 * PAGE_SIZE));
	assert_true(marked(a + PAGE_SIZE));
	assert_int_equal(host_get(a + PAGE_SIZE),
			 5); /* read: the mark comes from the slot's entry */
	assert_true(marked(a + PAGE_SIZE));
	host_pageout(a, 4 * PAGE_SIZE);
	assert_int_equal(host_swapoff(area), 0);
	assert_false(marked(a) || marked(a + 3 * PAGE_SIZE));
	assert_true(marked(a + PAGE_SIZE));
	assert_int_equal(host_get(a + PAGE_SIZE), 5);
}

static void test_remap_file_pages(void **state)
{
	struct host_file *file = letters("letters", 8);
	unsigned long a = map_file(file, 4, RW, MAP_SHARED), hole;

	(void)state;
	assert_int_equal(sys_remap_file_pages(a, PAGE_SIZE, 0, 3, 0), 0);
	assert_int_equal(byte_at(a), 'd');
	assert_int_equal(byte_at(a + PAGE_SIZE), 'b');
	assert_int_equal(sys_remap_file_pages(a + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0, 5, 0), 0);
	assert_int_equal(byte_at(a + 3 * PAGE_SIZE), 'g');
	/* Two VMAs of one file. */
	assert_int_equal(sys_mlock(a, PAGE_SIZE), 0);
	assert_int_equal(sys_remap_file_pages(a, PAGE_SIZE, 0, 1, 0), 0);
	assert_int_equal(p->mm->locked_vm, 1);
	assert_int_equal(sys_remap_file_pages(a, 4 * PAGE_SIZE, 0, 0, 0),
			 -EINVAL); /* unlike flags */
	assert_int_equal(sys_munlock(a, PAGE_SIZE), 0);
	assert_int_equal(sys_remap_file_pages(a, 4 * PAGE_SIZE, 0, 0, 0), 0);
	assert_int_equal(byte_at(a + 2 * PAGE_SIZE), 'c');
	hole = a + 4 * PAGE_SIZE;
	assert_int_equal(sys_munmap(hole, PAGE_SIZE), 0);
	assert_int_equal(sys_remap_file_pages(a, 5 * PAGE_SIZE, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_remap_file_pages(hole, PAGE_SIZE, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_remap_file_pages(a, PAGE_SIZE, PROT_READ, 0, 0), -EINVAL);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/* A hole in shared memory, for everybody who has it; the errors. */
static void test_remove(void **state)
{
	unsigned long s = map_at(0, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), a = written(1, 1);
	struct host_file *file = letters("letters", 2);
	unsigned long f = map_file(file, 2, RW, MAP_SHARED);

	(void)state;
	for (unsigned long i = 0; i < 4; i++)
		OK(host_put(s + i * PAGE_SIZE, i + 1));
	assert_int_equal(sys_madvise(s + PAGE_SIZE, 2 * PAGE_SIZE, MADV_REMOVE), 0);
	assert_int_equal(host_get(s), 1);
	assert_int_equal(host_get(s + PAGE_SIZE), 0);
	assert_int_equal(host_get(s + 3 * PAGE_SIZE), 4);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_REMOVE), -EINVAL);
	assert_int_equal(sys_madvise(f, PAGE_SIZE, MADV_REMOVE), -EOPNOTSUPP); /* its file cannot */
	assert_int_equal(byte_at(f), 'a');
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static const struct CMUnitTest tests[] = {
	TEST(test_marks),
	TEST(test_marks_in_swap),
	TEST(test_remap_file_pages),
	TEST(test_remove),
};
TEST_MAIN(4096)
