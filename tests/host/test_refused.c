/* SPDX-License-Identifier: MIT */
/* Calls of the mmap family that are refused, or that run out of something on the way. */
#include "tests/host/test.h"

static void test_limits(void **state)
{
	int limit = sysctl_max_map_count;
	unsigned long a = map_anon(8, RW);

	(void)state;
	sysctl_max_map_count = p->mm->map_count - 1; /* as on Linux, mmap may reach one more */
	assert_int_equal(map_at(0, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENOMEM);
	sysctl_max_map_count = p->mm->map_count;
	assert_int_equal(sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(sys_madvise(a + PAGE_SIZE, PAGE_SIZE, MADV_DONTFORK), -EAGAIN);
	assert_int_equal(sys_munmap(a + PAGE_SIZE, PAGE_SIZE), -ENOMEM);
	sysctl_max_map_count = limit;
	p->mm->rlim_as = (p->mm->total_vm + 1) * PAGE_SIZE;
	assert_int_equal(map_at(0, 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENOMEM);
	assert_false(IS_ERR_VALUE(map_at(0, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	p->mm->rlim_as = ~0UL;
	assert_int_equal(map_at(0, 1UL << 30, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENOMEM);
	a = map_at(0, 1UL << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_false(IS_ERR_VALUE(a)); /* promised to nobody */
	OK(host_put(a + (1UL << 31), 5));
}

/* Each step of each call may run out of memory; then it changes nothing, or all of it. */
static void test_failed_allocations(void **state)
{
	(void)state;
	for (unsigned long n = 1, failed = 1; failed; n++) {
		unsigned long a = written(6, 1), b;

		host_fail_alloc(n);
		sys_mprotect(a + PAGE_SIZE, PAGE_SIZE, PROT_READ);
		sys_madvise(a + 3 * PAGE_SIZE, PAGE_SIZE, MADV_DONTFORK);
		sys_mlock(a, PAGE_SIZE);
		b = (unsigned long)sys_mremap(a, PAGE_SIZE, 64 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
		failed = host_alloc_calls >= n;
		host_fail_alloc(0);
		assert_int_equal(host_get(IS_ERR_VALUE(b) ? a : b), 1);
		expect_pages(a + PAGE_SIZE, 5, 2);
		host_audit();
		sys_munmap(a, 6 * PAGE_SIZE);
		if (!IS_ERR_VALUE(b))
			sys_munmap(b, 64 * PAGE_SIZE);
		RSS(0, 0, 0);
	}
}

/* A move that runs out of memory halfway goes back; promises stay what they were. */
static void test_failed_moves(void **state)
{
	long promised = committed_pages();
	unsigned long a = 0x40000000UL - 2 * PAGE_SIZE, far = 0x7ffe00000000UL - 2 * PAGE_SIZE;

	(void)state;
	for (unsigned long n = 1, failed = 1; failed; n++) {
		long moved, grown;

		assert_int_equal(map_at(a, 4, RW, FIXED_ANON, -1, 0), a);
		for (unsigned long i = 0; i < 4; i++)
			OK(host_put(a + i * PAGE_SIZE, i + 1));
		host_fail_alloc(n);
		moved = sys_mremap(a, 4 * PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				   far);
		grown = sys_mremap(moved < 0 ? a : far, 4 * PAGE_SIZE, 600 * PAGE_SIZE,
				   MREMAP_MAYMOVE, 0);
		failed = host_alloc_calls >= n;
		host_fail_alloc(0);
		assert_true(moved == -ENOMEM || moved == (long)far);
		expect_pages(grown > 0 ? (unsigned long)grown : moved > 0 ? far : a, 4, 1);
		host_audit();
		sys_munmap(grown > 0 ? (unsigned long)grown : a, 600 * PAGE_SIZE);
		sys_munmap(a, 4 * PAGE_SIZE);
		sys_munmap(far, 4 * PAGE_SIZE);
		assert_int_equal(committed_pages(), promised);
		RSS(0, 0, 0);
	}
}

/* What Linux answers to calls that make no sense. */
static void test_mmap_errors(void **state)
{
	struct host_file *file = letters("letters", 1);
	int rw = host_open(file, true), ro = host_open(file, false);
	unsigned long anon = MAP_PRIVATE | MAP_ANONYMOUS;
	const struct {
		unsigned long addr, len, prot, flags;
		int fd;
		unsigned long off;
		long answer;
	} calls[] = {
		{ 0, ~0UL, RW, anon, -1, 0, -ENOMEM },
		{ 0, TASK_SIZE + PAGE_SIZE, RW, anon, -1, 0, -ENOMEM },
		{ 0x10000001, PAGE_SIZE, RW, anon | MAP_FIXED, -1, 0, -EINVAL },
		{ 0, 2 * PAGE_SIZE, RW, MAP_SHARED, rw, ~0UL & PAGE_MASK, -EOVERFLOW },
		{ 0, PAGE_SIZE, RW, MAP_SHARED, rw, 1UL << 63, -EOVERFLOW },
		{ 0, PAGE_SIZE, RW, MAP_SHARED, ro, 0, -EACCES },
		{ 0, PAGE_SIZE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, rw, 0, -EOPNOTSUPP },
		{ 0, PAGE_SIZE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_SHARED | MAP_GROWSDOWN, rw, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_NORESERVE, rw, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, anon | MAP_HUGETLB, -1, 0, -ENOMEM },
		{ 0, PAGE_SIZE, RW, anon | MAP_HUGETLB | 5UL << MAP_HUGE_SHIFT, -1, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_PRIVATE | MAP_HUGETLB, rw, 0, -EINVAL },
		{ 0, 1UL << 46, PROT_READ, anon | MAP_32BIT, -1, 0, -ENOMEM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(sys_mmap(calls[i].addr, calls[i].len, calls[i].prot,
					  calls[i].flags, (unsigned long)calls[i].fd, calls[i].off),
				 calls[i].answer);
	/* A low hint is lifted; a hint in use, or none, is passed by. */
	assert_int_equal(map_at(PAGE_SIZE + 1, 1, RW, anon, -1, 0), MMAP_MIN_ADDR);
	assert_int_not_equal(map_at(MMAP_MIN_ADDR, 1, RW, anon, -1, 0), MMAP_MIN_ADDR);
	/* A hole of the right size far down, when the space below the stack is full. */
	p->mm->mmap_base = MMAP_MIN_ADDR;
	assert_true(map_at(0, 1, PROT_READ, anon, -1, 0) > MMAP_MIN_ADDR);
	p->mm->rlim_memlock = 0;
	assert_int_equal(map_at(0, 1, RW, anon | MAP_LOCKED, -1, 0), -EPERM);
	p->mm->rlim_memlock = PAGE_SIZE;
	assert_int_equal(map_at(0, 2, RW, anon | MAP_LOCKED, -1, 0), -EAGAIN);
	assert_int_equal(map_at(0, 1UL << 20, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), -ENOMEM);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static void test_mremap_errors(void **state)
{
	unsigned long a = map_anon(4, RW), s = map_at(0, 2, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long keep = MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
		      fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

	(void)state;
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, 8, 0), -EINVAL);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, MREMAP_DONTUNMAP, 0), -EINVAL);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, 2 * PAGE_SIZE, keep, 0), -EINVAL);
	assert_int_equal(sys_mremap(a, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL); /* private */
	assert_int_equal(sys_mremap(a, 9 * PAGE_SIZE, 10 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -EFAULT);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, fixed, a + 1), -EINVAL);
	assert_int_equal(sys_mremap(a, 2 * PAGE_SIZE, 2 * PAGE_SIZE, fixed, a + PAGE_SIZE),
			 -EINVAL);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, fixed, TASK_SIZE), -EINVAL);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, fixed, PAGE_SIZE), -EPERM);
	p->mm->rlim_as = p->mm->total_vm * PAGE_SIZE;
	assert_int_equal(sys_mremap(a, 4 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -ENOMEM);
	assert_int_equal(sys_mremap(a, PAGE_SIZE, PAGE_SIZE, keep, 0), -ENOMEM);
	p->mm->rlim_as = ~0UL;
	assert_int_equal(sys_mremap(a, 4 * PAGE_SIZE, 1UL << 40, MREMAP_MAYMOVE, 0), -ENOMEM);
	assert_int_equal(sys_mlock(a, 4 * PAGE_SIZE), 0);
	p->mm->rlim_memlock = 4 * PAGE_SIZE;
	assert_int_equal(sys_mremap(a, 4 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -EAGAIN);
	p->mm->rlim_memlock = ~0UL;
	a = (unsigned long)sys_mremap(a, 4 * PAGE_SIZE, 4 * PAGE_SIZE, fixed, 0x50000000);
	assert_int_equal(p->mm->locked_vm, 4);
	a = (unsigned long)sys_mremap(a, 4 * PAGE_SIZE, 4 * PAGE_SIZE, keep, 0);
	assert_int_equal(p->mm->locked_vm, 4); /* the emptied range is not locked any more */
	a = (unsigned long)sys_mremap(a, 4 * PAGE_SIZE, 2 * PAGE_SIZE, fixed, 0x60000000);
	assert_int_equal(p->mm->locked_vm, 2);
	assert_int_equal(sys_mremap(s, 2 * PAGE_SIZE, 2 * PAGE_SIZE, keep, 0) > 0, 1);
}

static const struct CMUnitTest tests[] = {
	TEST(test_limits),      TEST(test_failed_allocations), TEST(test_failed_moves),
	TEST(test_mmap_errors), TEST(test_mremap_errors),
};
TEST_MAIN(16384)
