/* SPDX-License-Identifier: MIT */
/*
 * The lock of one VMA: what waits for a fault in it and what does not, what a fault does when it
 * cannot be had, and that no VMA is used after it left. The fault is played by a second thread that
 * locks the VMA as do_user_addr_fault() does, sleeps, and lets go.
 */
#include "tests/host/test.h"

#include "mm/space/mmap_lock.h"
#include "mm/space/vma_lock.h"

#define HOLD_NS (1000UL * 1000)

/* The second thread, in the middle of its fault. */
static struct {
	struct task_struct *task;
	unsigned long addr;
	bool left;
} fault;

static void be_in_fault(void *unused)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(current->mm, fault.addr);

	(void)unused;
	assert_non_null(vma);
	host_sleep(HOLD_NS);
	fault.left = true;
	vma_end_read(vma);
}

static void begin_fault(unsigned long addr)
{
	fault.task = host_clone(p);
	fault.addr = addr;
	fault.left = false;
	host_start(fault.task, be_in_fault, NULL);
	host_sleep(0);
	assert_false(fault.left);
}

static void end_fault(void)
{
	host_join(fault.task);
	host_exit(fault.task);
}

/* What a process may do to the four pages at @a, the last mapping but its stack. 0: done. */
static long do_munmap_half(unsigned long a)
{
	return sys_munmap(a, 2 * PAGE_SIZE);
}
static long do_munmap_all(unsigned long a)
{
	return sys_munmap(a, 4 * PAGE_SIZE);
}
static long do_munmap_hole(unsigned long a)
{
	return sys_munmap(a + PAGE_SIZE, PAGE_SIZE);
}
static long do_mmap_over(unsigned long a)
{
	return (long)map_at(a, 4, RW, FIXED_ANON, -1, 0) != (long)a;
}
static long do_mprotect_all(unsigned long a)
{
	return sys_mprotect(a, 4 * PAGE_SIZE, PROT_READ);
}
static long do_mprotect_end(unsigned long a)
{
	return sys_mprotect(a + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ);
}
static long do_mlock(unsigned long a)
{
	return sys_mlock(a, 4 * PAGE_SIZE);
}
static long do_dontfork(unsigned long a)
{
	return sys_madvise(a, 4 * PAGE_SIZE, MADV_DONTFORK);
}
static long do_shrink(unsigned long a)
{
	return sys_mremap(a, 4 * PAGE_SIZE, PAGE_SIZE, 0, 0) != (long)a;
}
static long do_move(unsigned long a)
{
	return IS_ERR_VALUE(
		(unsigned long)sys_mremap(a, 4 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE, 0));
}
static long do_empty(unsigned long a)
{
	return IS_ERR_VALUE((unsigned long)sys_mremap(a, 4 * PAGE_SIZE, 4 * PAGE_SIZE,
						      MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
}
static long do_merge(unsigned long a) /* takes the neighbour in */
{
	return (long)map_at(a + 4 * PAGE_SIZE, 1, RW, FIXED_ANON, -1, 0) !=
	       (long)(a + 4 * PAGE_SIZE);
}
static long do_fork(unsigned long a)
{
	struct task_struct *child = host_fork(p);

	(void)a;
	if (child)
		host_exit(child);
	return !child;
}

static long do_dontneed(unsigned long a)
{
	return sys_madvise(a, 4 * PAGE_SIZE, MADV_DONTNEED);
}
static long do_mmap_elsewhere(unsigned long a)
{
	(void)a;
	return IS_ERR_VALUE(map_at(0, 4, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
static long do_mprotect_elsewhere(unsigned long a)
{
	(void)a;
	return sys_mprotect(HOST_BRK, PAGE_SIZE, PROT_READ);
}
static long do_munmap_elsewhere(unsigned long a)
{
	(void)a;
	return sys_munmap(HOST_BRK, PAGE_SIZE);
}

static const struct {
	const char *name;
	long (*call)(unsigned long a);
	bool waits;
} calls[] = {
	{ "munmap of one end", do_munmap_half, true },
	{ "munmap", do_munmap_all, true },
	{ "munmap in the middle", do_munmap_hole, true },
	{ "mmap over it", do_mmap_over, true },
	{ "mprotect", do_mprotect_all, true },
	{ "mprotect of one end", do_mprotect_end, true },
	{ "mlock", do_mlock, true },
	{ "madvise(DONTFORK)", do_dontfork, true },
	{ "mremap, shorter", do_shrink, true },
	{ "mremap to elsewhere", do_move, true },
	{ "mremap that leaves it there", do_empty, true },
	{ "mmap that it takes in", do_merge, true },
	{ "fork", do_fork, true },
	{ "madvise(DONTNEED)", do_dontneed, false },
	{ "mmap elsewhere", do_mmap_elsewhere, false },
	{ "mprotect elsewhere", do_mprotect_elsewhere, false },
	{ "munmap elsewhere", do_munmap_elsewhere, false },
};

/* A heap to work elsewhere in, and four written pages with room above. */
static unsigned long four_pages(void)
{
	unsigned long a;

	assert_int_equal(sys_brk(HOST_BRK + 2 * PAGE_SIZE), HOST_BRK + 2 * PAGE_SIZE);
	OK(host_put(HOST_BRK, 1));
	a = map_anon(8, RW);
	assert_int_equal(sys_munmap(a + 4 * PAGE_SIZE, 4 * PAGE_SIZE), 0);
	for (unsigned long i = 0; i < 4; i++)
		OK(host_put(a + i * PAGE_SIZE, i));
	return a;
}

static void test_who_waits(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < ARRAY_SIZE(calls); i++) {
		unsigned long a = four_pages();

		begin_fault(a + PAGE_SIZE / 2);
		if (calls[i].call(a))
			fail_msg("%s fails", calls[i].name);
		if (fault.left != calls[i].waits)
			fail_msg("%s %s", calls[i].name,
				 fault.left ? "waits for nothing" : "does not wait");
		end_fault();
		host_exit(p);
		p = host_create();
		host_switch(p);
	}
}

/* The stack grows while a fault is in it, and while one is elsewhere. */
static void test_stack_growth_waits(void **state)
{
	unsigned long top = HOST_STACK_TOP - 8, low = HOST_STACK_TOP - (1UL << 20);

	(void)state;
	OK(host_put(top, 1));
	begin_fault(top);
	OK(host_put(low, 2));
	assert_true(fault.left);
	end_fault();
	assert_int_equal(host_get(top), 1);
}

/* Another fault, while a writer waits for the first: not let in; elsewhere it is. */
static struct {
	unsigned long closed, open;
	bool got_closed, got_open, writer_waited;
} look;

static void look_around(void *unused)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(current->mm, look.closed);

	(void)unused;
	look.writer_waited = current->mm->mmap_lock.count < 0 && !fault.left;
	look.got_closed = vma;
	if (vma)
		vma_end_read(vma);
	vma = lock_vma_under_rcu(current->mm, look.open);
	look.got_open = vma;
	if (vma)
		vma_end_read(vma);
}

static void test_closed_while_a_writer_waits(void **state)
{
	unsigned long a = four_pages();
	struct task_struct *third;

	(void)state;
	begin_fault(a);
	third = host_clone(p);
	look.closed = a;
	look.open = HOST_BRK;
	host_start(third, look_around, NULL);
	assert_int_equal(sys_munmap(a, 4 * PAGE_SIZE), 0); /* lets the third run while it waits */
	host_join(third);
	assert_true(look.writer_waited);
	assert_false(look.got_closed);
	assert_true(look.got_open);
	end_fault();
	host_exit(third);
	SIGNAL(poke(a, 'x'), SIGSEGV, SEGV_MAPERR, a);
}

/* A writer closes the VMA between the two looks of the assertion, at mmap_lock and at the VMA. */
static void test_held_while_closed(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct vm_area_struct *vma = lock_vma_under_rcu(p->mm, a);

	(void)state;
	assert_non_null(vma);
	vma->vm_readers |= VMA_CLOSED;
	vma_assert_locked(vma);
	vma->vm_readers &= ~VMA_CLOSED;
	vma_end_read(vma);
}

/* Locked for writing, until mmap_lock is given back: then all at once are open again. */
static void test_write_lock(void **state)
{
	unsigned long a = four_pages();
	struct task_struct *other = host_clone(p);
	struct mm_struct *mm = p->mm;
	struct vm_area_struct *vma, *heap;

	(void)state;
	for (int downgrade = 0; downgrade < 2; downgrade++) {
		mmap_write_lock(mm);
		vma = vma_lookup(mm, a);
		heap = vma_lookup(mm, HOST_BRK);
		vma_start_write(vma);
		vma_start_write(vma);
		vma_start_write(heap);
		assert_true(vma_is_write_locked(vma));
		assert_null(lock_vma_under_rcu(mm, a));
		assert_null(lock_vma_under_rcu(mm, HOST_BRK));
		if (downgrade)
			mmap_write_downgrade(mm);
		else
			mmap_write_unlock(mm);
		assert_ptr_equal(lock_vma_under_rcu(mm, a), vma);
		vma_end_read(vma);
		assert_ptr_equal(lock_vma_under_rcu(mm, HOST_BRK), heap);
		vma_end_read(heap);
		if (downgrade)
			mmap_read_unlock(mm);
	}
	host_exit(other);
}

/* After 2^32 writers the numbers meet though nobody writes: faults take mmap_lock and are done. */
static void test_numbers_meet(void **state)
{
	unsigned long a = four_pages(), aborts = vm_event_sum(VM_vma_lock_abort);
	struct vm_area_struct *vma = vma_lookup(p->mm, a);

	(void)state;
	assert_int_equal(sys_madvise(a, 4 * PAGE_SIZE, MADV_DONTNEED), 0);
	p->mm->mm_lock_seq = vma->vm_lock_seq;
	assert_null(lock_vma_under_rcu(p->mm, a));
	FAULTS(1, OK(host_put(a, 5)));
	assert_int_equal(vm_event_sum(VM_vma_lock_abort) - aborts, 2);
	assert_int_equal(sys_mprotect(HOST_BRK, PAGE_SIZE, PROT_READ), 0);
	aborts = vm_event_sum(VM_vma_lock_abort);
	FAULTS(1, OK(host_put(a + PAGE_SIZE, 5)));
	assert_int_equal(vm_event_sum(VM_vma_lock_abort), aborts);
}

/* Who still has its address after it left the tree does not get in. */
static void test_detached(void **state)
{
	unsigned long a = four_pages();
	struct task_struct *other = host_clone(p);
	struct mm_struct *mm = p->mm;
	struct vm_area_struct *vma = vma_lookup(mm, a);

	(void)state;
	mmap_write_lock(mm);
	vma_start_write(vma);
	vma_mark_detached(mm, vma);
	mmap_write_unlock(mm);
	assert_false(vma_start_read(mm, vma));
	assert_false(vma_start_read(mm, vma));
	assert_int_equal(vma->vm_readers, VMA_CLOSED);
	vma->vm_readers = 0; /* it never left */
	host_exit(other);
}

/* The hint of a thread, while its VMA goes and others take the place. */
static void test_hint(void **state)
{
	unsigned long a = four_pages();
	struct task_struct *other = host_clone(p);

	(void)state;
	OK(host_put(a, 1));
	assert_int_equal(sys_madvise(a, 4 * PAGE_SIZE, MADV_DONTNEED), 0);
	OK(host_put(a, 2));
	assert_ptr_equal(p->vma_hint, vma_lookup(p->mm, a));
	assert_int_equal(p->vma_hint_seq, p->mm->vma_left_seq);
	host_switch(other);
	assert_int_equal(sys_munmap(a, 4 * PAGE_SIZE), 0);
	assert_int_equal(map_at(a, 2, PROT_READ, FIXED_ANON, -1, 0), a);
	host_switch(p);
	assert_int_not_equal(p->vma_hint_seq, p->mm->vma_left_seq);
	SIGNAL(poke(a, 'x'), SIGSEGV, SEGV_ACCERR, a);
	assert_int_equal(host_get(a), 0);
	SIGNAL(poke(a + 2 * PAGE_SIZE, 'x'), SIGSEGV, SEGV_MAPERR, a + 2 * PAGE_SIZE);
	assert_ptr_equal(p->vma_hint, vma_lookup(p->mm, a));
	host_exit(other);
}

/* --- what a fault does while somebody else has mmap_lock for writing --- */
static struct {
	struct task_struct *task;
	bool done;
	bool killed;
} writer;

static void be_writing(void *unused)
{
	(void)unused;
	mmap_write_lock(current->mm);
	host_sleep(HOLD_NS);
	writer.done = true;
	mmap_write_unlock(current->mm);
}

static void begin_writing(void)
{
	writer.task = host_clone(p);
	writer.done = false;
	host_start(writer.task, be_writing, NULL);
	host_sleep(0);
}

static void end_writing(void)
{
	host_join(writer.task);
	host_exit(writer.task);
}

static void test_faults_beside_a_writer(void **state)
{
	unsigned long a = four_pages();

	(void)state;
	assert_int_equal(sys_madvise(a, 4 * PAGE_SIZE, MADV_DONTNEED), 0);
	begin_writing();
	OK(host_put(a, 1));
	assert_int_equal(host_get(a + PAGE_SIZE), 0);
	OK(host_put(HOST_BRK + PAGE_SIZE, 1));
	SIGNAL(host_exec(a), SIGSEGV, SEGV_ACCERR, a);
	assert_false(writer.done);
	end_writing();
}

/* The first private page: its VMA may take a neighbour's anon_vma, so mmap_lock is needed. */
static void test_first_write_waits(void **state)
{
	unsigned long a = four_pages(), b = map_at(0, 1, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long retries, fresh = map_anon(1, RW), minor;

	(void)state;
	assert_int_equal(host_get(b), 0);
	retries = vm_event_sum(VM_vma_lock_retry);
	OK(host_put(fresh, 1)); /* nobody has mmap_lock: no retry */
	assert_int_equal(sys_munmap(fresh, PAGE_SIZE), 0);
	fresh = map_anon(1, PROT_READ | PROT_WRITE | PROT_EXEC);
	assert_int_equal(vm_event_sum(VM_vma_lock_retry), retries);
	minor = p->min_flt;
	begin_writing();
	OK(host_put(fresh, 1));
	assert_true(writer.done);
	assert_int_equal(vm_event_sum(VM_vma_lock_retry), retries + 1);
	assert_int_equal(p->min_flt, minor + 1);
	assert_int_equal(p->maj_flt, 0);
	end_writing();
	assert_int_equal(host_get(a + PAGE_SIZE), 1);
}

static void touch_nothing(void *addr)
{
	struct host_verdict verdict = poke(*(unsigned long *)addr, 'x');

	assert_int_equal(verdict.signal, SIGKILL);
	writer.killed = !writer.done;
}

/* Where there is no VMA the fault waits for mmap_lock; not so one that is being killed. */
static void test_killed_while_waiting(void **state)
{
	unsigned long a = four_pages() + 4 * PAGE_SIZE;
	struct task_struct *victim = host_clone(p);

	(void)state;
	begin_writing();
	host_start(victim, touch_nothing, &a);
	host_sleep(0);
	host_kill(victim);
	host_join(victim);
	assert_true(writer.killed);
	host_exit(victim);
	end_writing();
}

static const struct CMUnitTest tests[] = {
	TEST(test_who_waits),
	TEST(test_stack_growth_waits),
	TEST(test_closed_while_a_writer_waits),
	TEST(test_held_while_closed),
	TEST(test_write_lock),
	TEST(test_numbers_meet),
	TEST(test_detached),
	TEST(test_hint),
	TEST(test_faults_beside_a_writer),
	TEST(test_first_write_waits),
	TEST(test_killed_while_waiting),
};
TEST_MAIN(4096)
