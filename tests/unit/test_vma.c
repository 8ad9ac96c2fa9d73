/* SOURCES: mm/space/vma.c mm/space/vma_merge.c mm/space/anon_vma.c mm/space/account.c */
/* SOURCES: mm/space/mmap.c mm/space/munmap.c mm/space/mprotect.c mm/space/protect.c */
/* SOURCES: mm/space/mremap.c mm/space/move.c mm/space/brk.c mm/space/stack.c mm/space/mlock.c */
/* SOURCES: mm/space/madvise.c mm/space/pagetable.c mm/space/zap.c mm/space/copy.c */
/* SOURCES: mm/space/rmap.c mm/space/mm.c mm/space/vma_lock.c lib/rbtree.c kernel/core/wait.c */
/* SOURCES: lib/interval_tree.c tests/host/shim.c tests/host/alloc.c */
/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: the real VMA tree, merge and split, page tables and reverse map against a
 * shadow model (tests/unit/vma_shadow.h): single calls, random ones, with several processes,
 * without memory.
 */
#include "tests/unit/test.h"

#include "tests/unit/vma_shadow.h"

static void random_step(struct process *p, uint64_t *seed, char *step)
{
	unsigned long page = test_random(seed) % PAGES, n = 1 + test_random(seed) % 24;
	unsigned long to = test_random(seed) % (PAGES - 24);
	enum rights rights = NONE + test_random(seed) % 3;
	unsigned int kind = test_random(seed) % 16;

	n = min(n, PAGES - page);
	sprintf(step, "step kind %u on pages %lu..%lu, rights %c, target %lu", kind, page,
		page + n - 1, ".nrw"[rights], to);
	if (kind < 3)
		step_map(p, page, n, rights);
	else if (kind < 5)
		step_unmap(p, page, n);
	else if (kind < 8)
		step_protect(p, page, n, rights);
	else if (kind < 12)
		step_write(p, page, n, test_random(seed));
	else if (kind < 13)
		step_dontneed(p, page, n);
	else if (kind < 14)
		step_remap(p, page, to, n, p->dontunmap);
	else
		step_swap_out(p, page);
}

static void test_random_one(void **state)
{
	uint64_t seed = 20240601;
	struct process p;
	char step[128];

	(void)state;
	setup(&p);
	for (int i = 0; i < 20000; i++) {
		random_step(&p, &seed, step);
		check_process(&p, step, i % 8 == 0);
	}
	mmput(p.mm);
	expect_no_leaks();
}

static void test_random_family(void **state)
{
	static struct process p[6];
	uint64_t seed = 77;
	char step[128];
	int i, who, n = 1;

	(void)state;
	memset(p, 0, sizeof(p));
	setup(&p[0]);
	p[0].dontunmap = true;
	for (i = 0; i < 20000; i++) {
		who = (int)(test_random(&seed) % (unsigned int)n);
		enter(p[who].mm);
		if (n < 6 && test_random(&seed) % 64 == 0) {
			p[n] = p[who];
			p[n].mm = dup_mm(p[who].mm);
			CHECK(!IS_ERR(p[n].mm));
			n++;
		} else if (n > 1 && test_random(&seed) % 96 == 0) {
			mmput(p[who].mm);
			p[who] = p[--n];
		} else {
			random_step(&p[who], &seed, step);
			check_process(&p[who], step, false);
		}
		for (who = 0; i % 16 == 0 && who < n; who++)
			check_process(&p[who], "another process's step", true);
	}
	while (n)
		mmput(p[--n].mm);
	expect_no_leaks();
}

/* With memory failing anywhere, calls fail cleanly: the tree stays sound and nothing leaks. */
static void test_no_memory(void **state)
{
	uint64_t seed = 5;
	struct process p;
	struct mm_struct *child;

	(void)state;
	setup(&p);
	for (int i = 0; i < 20000; i++) {
		unsigned long page = test_random(&seed) % PAGES,
			      n = 1 + test_random(&seed) % min(24UL, PAGES - page);
		unsigned long to = test_random(&seed) % (PAGES - 24),
			      prot = prots[NONE + test_random(&seed) % 3];

		host_alloc_fail_permille = 200;
		frames_left = test_random(&seed) % 4;
		switch (test_random(&seed) % 5) {
		case 0:
			sys_mmap(ADDR(page), n << PAGE_SHIFT, prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0);
			break;
		case 1:
			sys_munmap(ADDR(page), n << PAGE_SHIFT);
			break;
		case 2:
			sys_mprotect(ADDR(page), n << PAGE_SHIFT, prot);
			break;
		case 3:
			sys_mremap(ADDR(page), n << PAGE_SHIFT, n << PAGE_SHIFT,
				   MREMAP_MAYMOVE | MREMAP_FIXED, ADDR(to));
			break;
		default:
			child = dup_mm(p.mm);
			if (!IS_ERR(child))
				mmput(child);
		}
		host_alloc_fail_permille = 0;
		frames_left = 4096;
		check_tree(p.mm);
		if (vma_lookup(p.mm, ADDR(page)) &&
		    (vma_lookup(p.mm, ADDR(page))->vm_flags & VM_WRITE))
			*access(p.mm, ADDR(page), true) = 1;
	}
	mmput(p.mm);
	frames_left = FRAMES;
	expect_no_leaks();
}

/* The gap search against looking at every address. */
static unsigned long brute_force(struct mm_struct *mm, unsigned long n, unsigned long low,
				 unsigned long high, bool down)
{
	for (unsigned long i = 0; low + n <= high && i <= high - low - n; i++) {
		unsigned long page = down ? high - n - i : low + i, k;

		for (k = 0; k < n; k++) {
			struct vm_area_struct *vma = find_vma(mm, ADDR(page + k));

			if (vma && vm_start_gap(vma) <= ADDR(page + k))
				break;
		}
		if (k == n)
			return ADDR(page);
	}
	return (unsigned long)-ENOMEM;
}

static void test_gap_search(void **state)
{
	uint64_t seed = 99;
	struct process p;

	(void)state;
	setup(&p);
	for (int i = 0; i < 3000; i++) {
		unsigned long page = test_random(&seed) % PAGES,
			      n = 1 + test_random(&seed) % min(8UL, PAGES - page);
		unsigned long low = test_random(&seed) % PAGES,
			      high = low + test_random(&seed) % (PAGES - low + 1);
		unsigned long want = 1 + test_random(&seed) % 12;

		/* As mmap() does, with the same bound each time: the last find is remembered. */
		if (i % 4)
			low = 0, high = PAGES;
		if (test_random(&seed) % 2)
			step_map(&p, page, n, NONE + test_random(&seed) % 3);
		else
			step_unmap(&p, page, n);
		CHECK(vm_unmapped_area(p.mm, want << PAGE_SHIFT, ADDR(low), ADDR(high)) ==
		      brute_force(p.mm, want, low, high, true));
		CHECK(vm_unmapped_area_bottomup(p.mm, want << PAGE_SHIFT, ADDR(low), ADDR(high)) ==
		      brute_force(p.mm, want, low, high, false));
	}
	mmput(p.mm);
	expect_no_leaks();
}

/* --- what /proc/self/maps shows after single calls --- */
static void expect_map(const struct process *p, unsigned long pages, const char *expected)
{
	char model[PAGES + 1], tree[2 * PAGES + 1];
	unsigned long bars = 0;
	size_t i;

	ruler(p, model, tree);
	for (i = 0; i < pages + bars && tree[i]; i++)
		bars += tree[i] == '|';
	tree[i] = '\0';
	assert_string_equal(tree, expected);
}

static void test_merge_rules(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 4, WRITE);
	step_map(&p, 8, 4, WRITE);
	step_map(&p, 4, 4, WRITE);
	expect_map(&p, 14, "|wwwwwwwwwwww..");
	step_protect(&p, 4, 2, NONE);
	expect_map(&p, 14, "|wwww|nn|wwwwww..");
	step_protect(&p, 4, 1, WRITE);
	expect_map(&p, 14, "|wwwww|n|wwwwww..");
	step_protect(&p, 5, 1, WRITE);
	expect_map(&p, 14, "|wwwwwwwwwwww..");
	/*
	 * A faulted part does not join a neighbour that was never touched, unless split from the
	 * same.
	 */
	step_protect(&p, 0, 2, READ);
	step_write(&p, 2, 4, 1);
	step_protect(&p, 2, 10, READ);
	expect_map(&p, 14, "|rr|rrrrrrrrrr..");
	step_protect(&p, 4, 4, WRITE);
	step_protect(&p, 4, 4, READ);
	expect_map(&p, 14, "|rr|rrrrrrrrrr..");
	mmput(p.mm);
	expect_no_leaks();
}

/* Fresh memory next to a touched mapping joins it; in a forked child it does not (Linux 6.1). */
static void test_merge_after_fork(void **state)
{
	struct process parent, child;

	(void)state;
	setup(&parent);
	step_map(&parent, 0, 2, WRITE);
	step_write(&parent, 0, 2, 1);
	child = parent;
	child.mm = dup_mm(parent.mm);
	step_map(&parent, 2, 2, WRITE);
	expect_map(&parent, 5, "|wwww.");
	enter(child.mm);
	step_map(&child, 2, 2, WRITE);
	expect_map(&child, 5, "|ww|ww.");
	mmput(child.mm);
	mmput(parent.mm);
	expect_no_leaks();
}

/* Untouched memory between two families can join only one of them: the lower. */
static void test_merge_two_families(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 2, WRITE);
	step_map(&p, 2, 2, READ);
	step_map(&p, 4, 2, WRITE);
	step_write(&p, 0, 1, 1);
	step_write(&p, 4, 1, 2);
	step_protect(&p, 2, 2, WRITE);
	expect_map(&p, 7, "|wwww|ww.");
	/* mmap() asks the upper neighbour first (Linux 6.1). */
	step_unmap(&p, 2, 2);
	step_map(&p, 2, 2, WRITE);
	expect_map(&p, 7, "|ww|wwww.");
	step_swap_out(&p, 0);
	step_swap_out(&p, 4);
	check_process(&p, "two families", true);
	mmput(p.mm);
	expect_no_leaks();
}

/*
 * Neighbours that differ in rights alone share a family when touched, so that they can merge
 * later.
 */
static void test_merge_same_family(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 4, WRITE);
	step_map(&p, 4, 4, WRITE);
	CHECK(sys_mprotect(ADDR(4), 4 * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
	step_write(&p, 1, 1, 1);
	step_write(&p, 5, 1, 1);
	expect_map(&p, 9, "|wwww|wwww.");
	step_protect(&p, 4, 4, WRITE);
	expect_map(&p, 9, "|wwwwwwww.");
	/* Untouched memory moves with no ties to its old place; touched memory keeps them. */
	step_map(&p, 20, 2, WRITE);
	step_remap(&p, 20, 8, 2, false);
	expect_map(&p, 11, "|wwwwwwwwww.");
	step_remap(&p, 0, 20, 4, false);
	step_remap(&p, 20, 10, 4, false);
	expect_map(&p, 15, "....|wwwwww|wwww.");
	step_remap(&p, 10, 0, 4, false);
	expect_map(&p, 15, "|wwwwwwwwww.....");
	check_process(&p, "moves", true);
	mmput(p.mm);
	expect_no_leaks();
}

/* A move that runs out of memory for tables half way takes back what it moved. */
static void test_move_undone(void **state)
{
	unsigned long far = 0x40000000UL - PAGE_SIZE;
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 2, WRITE);
	step_write(&p, 0, 2, 41);
	CHECK(sys_mmap(far - PAGE_SIZE, PAGE_SIZE, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0) > 0);
	access(p.mm, far - PAGE_SIZE, false);
	frames_left = 0;
	assert_int_equal(sys_mremap(ADDR(0), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, far),
			 -ENOMEM);
	frames_left = FRAMES;
	check_process(&p, "a failed move", true);
	assert_null(vma_lookup(p.mm, far));
	mmput(p.mm);
	expect_no_leaks();
}

/* fork fails as a whole when one slot cannot be counted once more. */
static void test_fork_fails_on_swap(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 4, WRITE);
	step_write(&p, 0, 4, 7);
	step_swap_out(&p, 2);
	swap_counts_full = true;
	assert_int_equal(PTR_ERR(dup_mm(p.mm)), -ENOMEM);
	swap_counts_full = false;
	check_process(&p, "a failed fork", true);
	mmput(p.mm);
	expect_no_leaks();
}

static void test_file_mappings(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	CHECK(sys_mmap(ADDR(0), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 0) ==
	      (long)ADDR(0));
	CHECK(sys_mmap(ADDR(1), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 4096) ==
	      (long)ADDR(1));
	expect_map(&p, 3, "|rr.");
	CHECK(sys_mmap(ADDR(2), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 4096) ==
	      (long)ADDR(2));
	expect_map(&p, 4, "|rr|r.");
	assert_int_equal(file_mapping.i_mmap_writable, 2);
	sys_munmap(ADDR(1), PAGE_SIZE);
	assert_int_equal(vma_lookup(p.mm, ADDR(2))->vm_pgoff, 1);
	mmput(p.mm);
	assert_int_equal(file_mapping.i_mmap_writable, 0);
	expect_no_leaks();
}

static void test_errors(void **state)
{
	unsigned long anon = MAP_PRIVATE | MAP_ANONYMOUS, page = PAGE_SIZE;
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 1, WRITE);
	step_map(&p, 2, 1, READ);
	assert_int_equal(sys_mmap(0, 0, 0, anon, ~0UL, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, ~0UL, 0, anon, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, 1UL << 47, 0, anon, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, page, 0, MAP_ANONYMOUS, ~0UL, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, page, 0, MAP_PRIVATE, 9, 0), -EBADF);
	assert_int_equal(sys_mmap(0, page, 0, MAP_PRIVATE, 0, 1), -EINVAL);
	assert_int_equal(sys_mmap(0, page, 0, MAP_PRIVATE, 0, ~0UL & PAGE_MASK), -EOVERFLOW);
	assert_int_equal(sys_mmap(0, page, 0, MAP_SHARED_VALIDATE | MAP_SYNC, 0, 0), -EOPNOTSUPP);
	assert_int_equal(sys_mmap(1, page, 0, anon | MAP_FIXED, ~0UL, 0), -EINVAL);
	assert_int_equal(sys_mmap(page, page, 0, anon | MAP_FIXED, ~0UL, 0), -EPERM);
	assert_int_equal(sys_mmap(TASK_SIZE, page, 0, anon | MAP_FIXED, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(ADDR(0), page, 0, anon | MAP_FIXED_NOREPLACE, ~0UL, 0), -EEXIST);
	assert_int_equal(sys_mmap(0, page, 0, anon | MAP_HUGETLB, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, page, 0, MAP_SHARED | MAP_GROWSDOWN, 0, 0), -EINVAL);
	test_file.f_mode = FMODE_READ;
	assert_int_equal(sys_mmap(0, page, PROT_WRITE, MAP_SHARED, 0, 0), -EACCES);
	assert_int_equal(sys_mmap(ADDR(8), page, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 0), ADDR(8));
	assert_int_equal(sys_mprotect(ADDR(8), page, PROT_WRITE), -EACCES);
	test_file.f_mode = FMODE_READ | FMODE_WRITE;
	assert_int_equal(sys_munmap(1, page), -EINVAL);
	assert_int_equal(sys_munmap(ADDR(0), 0), -EINVAL);
	assert_int_equal(sys_munmap(TASK_SIZE, page), -EINVAL);
	assert_int_equal(sys_munmap(ADDR(100), page), 0);
	assert_int_equal(sys_mprotect(ADDR(1), page, 0), -ENOMEM);
	assert_int_equal(sys_mprotect(ADDR(0) + 1, page, 0), -EINVAL);
	assert_int_equal(sys_mprotect(ADDR(0), page, 0x10), -EINVAL);
	assert_int_equal(sys_mprotect(ADDR(0), page, PROT_GROWSDOWN), -EINVAL);
	assert_int_equal(sys_mprotect(ADDR(0), ~0UL - 8192, 0), -ENOMEM);
	assert_int_equal(sys_mremap(ADDR(1), page, page, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(ADDR(0), 2 * page, 3 * page, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(ADDR(0), page, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), page, page, MREMAP_FIXED, ADDR(9)), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), page, page, MREMAP_FIXED | MREMAP_MAYMOVE, ADDR(0)),
			 -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), 0, page, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), page, 3 * page, 0, 0), -ENOMEM);
	assert_int_equal(sys_madvise(ADDR(0), page, 12345), -EINVAL);
	assert_int_equal(sys_madvise(ADDR(0), 3 * page, MADV_DONTFORK), -ENOMEM);
	assert_int_equal(sys_mlock(ADDR(0), 3 * page), -ENOMEM);
	assert_int_equal(sys_mlock2(ADDR(0), page, 2), -EINVAL);
	assert_int_equal(sys_mlockall(0), -EINVAL);
	assert_int_equal(sys_mlockall(MCL_ONFAULT), -EINVAL);
	mmput(p.mm);
	expect_no_leaks();
}

static void test_limits(void **state)
{
	unsigned long anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 8, WRITE);
	p.mm->rlim_as = 10 * PAGE_SIZE;
	assert_int_equal(sys_mmap(0, 3 * PAGE_SIZE, rw, anon, ~0UL, 0), -ENOMEM);
	step_map(&p, 4, 6, WRITE); /* what it replaces does not count */
	p.mm->rlim_as = ~0UL;
	p.mm->rlim_memlock = PAGE_SIZE;
	assert_int_equal(sys_mlock(ADDR(0), 2 * PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_mlock(ADDR(0), PAGE_SIZE), 0);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, rw, anon | MAP_LOCKED, ~0UL, 0), -EAGAIN);
	assert_int_equal(sys_munlock(ADDR(0), PAGE_SIZE), 0);
	assert_int_equal(p.mm->locked_vm, 0);
	p.mm->rlim_memlock = 0;
	assert_int_equal(sys_mlock(ADDR(0), PAGE_SIZE), -EPERM);
	assert_int_equal(sys_mmap(0, (FRAMES + 1) * PAGE_SIZE, rw, anon, ~0UL, 0), -ENOMEM);
	assert_false(IS_ERR_VALUE(
		sys_mmap(0, (FRAMES + 1) * PAGE_SIZE, rw, anon | MAP_NORESERVE, ~0UL, 0)));
	sysctl_max_map_count = p.mm->map_count;
	assert_int_equal(sys_mprotect(ADDR(4), PAGE_SIZE, PROT_NONE), -ENOMEM);
	assert_int_equal(sys_munmap(ADDR(4), PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_munmap(ADDR(0), PAGE_SIZE), 0);
	sysctl_max_map_count = DEFAULT_MAX_MAP_COUNT;
	mmput(p.mm);
	expect_no_leaks();
}

static void test_stack_and_brk(void **state)
{
	struct vm_area_struct *stack;
	struct process p;
	unsigned long top = TASK_SIZE, addr;

	(void)state;
	setup(&p);
	assert_int_equal(setup_stack_vma(p.mm, top, 4 * PAGE_SIZE, false), 0);
	stack = vma_lookup(p.mm, top - 1);
	assert_int_equal(expand_stack(stack, top - 8 * PAGE_SIZE), 0);
	assert_int_equal(stack->vm_start, top - 8 * PAGE_SIZE);
	assert_int_equal(p.mm->stack_vm, 8);
	assert_int_equal(expand_stack(stack, top - p.mm->rlim_stack - 1), -ENOMEM);
	assert_int_equal(expand_stack(stack, top - p.mm->rlim_stack), 0);
	p.mm->rlim_stack = ~0UL;
	addr = stack->vm_start - STACK_GUARD_GAP - 8 * PAGE_SIZE;
	assert_int_equal(sys_mmap(addr, PAGE_SIZE, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0),
			 addr);
	assert_int_equal(expand_stack(stack, addr + PAGE_SIZE + STACK_GUARD_GAP - 1), -ENOMEM);
	assert_int_equal(expand_stack(stack, addr + PAGE_SIZE + STACK_GUARD_GAP), 0);
	sys_mprotect(addr, PAGE_SIZE, PROT_NONE);
	assert_int_equal(expand_stack(stack, addr + PAGE_SIZE), 0);
	p.mm->start_brk = p.mm->brk = ADDR(0);
	assert_int_equal(sys_brk(0), ADDR(0));
	assert_int_equal(sys_brk(ADDR(4) + 5), ADDR(4) + 5);
	assert_int_equal(sys_brk(ADDR(8)), ADDR(8));
	expect_map(&p, 9, "|wwwwwwww.");
	assert_int_equal(sys_brk(ADDR(2)), ADDR(2));
	assert_int_equal(sys_brk(ADDR(0) - 1), ADDR(2));
	assert_int_equal(sys_brk(~0UL), ADDR(2));
	step_map(&p, 4, 1, NONE);
	assert_int_equal(sys_brk(ADDR(4)), ADDR(2)); /* a page stays free above the heap */
	assert_int_equal(sys_brk(ADDR(3)), ADDR(3));
	mmput(p.mm);
	expect_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge_rules),
		cmocka_unit_test(test_merge_after_fork),
		cmocka_unit_test(test_merge_two_families),
		cmocka_unit_test(test_merge_same_family),
		cmocka_unit_test(test_move_undone),
		cmocka_unit_test(test_fork_fails_on_swap),
		cmocka_unit_test(test_file_mappings),
		cmocka_unit_test(test_gap_search),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_stack_and_brk),
		cmocka_unit_test(test_random_one),
		cmocka_unit_test(test_random_family),
		cmocka_unit_test(test_no_memory),
	};

	TEST_SETUP();
	host_ram_init(FRAMES);
	init_rwsem(&file_mapping.i_mmap_rwsem, "i_mmap_rwsem");
	atomic_set(&test_file.f_count, 1);
	mm_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
