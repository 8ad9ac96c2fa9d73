/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every single allocation of every operation. Each operation of the list runs in
 * a world of its own: a process with pages of all kinds and its forked child. The first allocation
 * fails, in the next world the second one, and so on until the operation needs no more. Each time
 * it must succeed or return an error that is documented for it, the shadow of both processes must
 * be right (unchanged after an error, but in the pages that the operation may leave half done), the
 * audit content; then the operation must succeed without failures; and when the world ends, every
 * frame, table, object and swap slot must be back.
 */
#include "tests/host/test.h"

#include "mm/backing/xa_nodes.h"
#include "tests/host/world.h"

#define FAR 0x200000000UL /* an address without any page tables */
#define STACK (HOST_STACK_TOP - 60 * PAGE_SIZE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)

static int second;
static struct task_struct *extra;
static char buffer[4 * PAGE_SIZE];

/* --- operations that are more than a call --- */
static long put(unsigned long page)
{
	return -host_put(at(page), 5).signal;
}

static long get(unsigned long addr)
{
	char byte;

	return -host_read(addr, &byte, 1).signal;
}

/* As a fault, but it returns when there is no memory, where a program tries again. */
static long grab(unsigned long page, bool write)
{
	struct page *frame = get_user_page(p->mm, at(page), write ? FOLL_WRITE : 0);

	if (IS_ERR(frame))
		return PTR_ERR(frame);
	put_page(frame);
	return 0;
}

static void end_extra(void)
{
	host_switch(p);
	host_exit(extra);
}

static long fork_again(void)
{
	extra = host_fork(p);
	return extra ? 0 : -ENOMEM;
}

/* A copy by a system call whose page fault finds no memory ends short: EFAULT, as on Linux. */
static long copied(long err)
{
	return err == -EFAULT ? -ENOMEM : err;
}

/* What exec begins with. */
static long exec(void)
{
	extra = host_create();
	if (!extra)
		return -ENOMEM;
	host_switch(extra);
	if (sys_brk(HOST_BRK + PAGE_SIZE) == HOST_BRK + PAGE_SIZE)
		return get(HOST_STACK_TOP - 8);
	end_extra();
	return -ENOMEM;
}

static long many(void)
{
	unsigned long a = map_at(FAR, 64, RW, FIXED(ANONYMOUS) | MAP_POPULATE, -1, 0);

	return IS_ERR_VALUE(a) ? (long)a : sys_munmap(FAR, 64 * PAGE_SIZE);
}

static long far(unsigned long flags)
{
	return map_at(FAR, 3, RW, FIXED(flags), flags & MAP_ANONYMOUS ? -1 : world.fd, 0) == FAR ?
		       0 :
		       -ENOMEM;
}

static long remap(unsigned long from, unsigned long n, unsigned long size, unsigned long flags,
		  unsigned long to)
{
	long got = sys_mremap(at(from), SPAN(n), SPAN(size), flags, at(to));

	return got == (long)at(to) ? 0 : got;
}

/* Memory that was promised to nobody becomes writable. */
static long promise(void)
{
	unsigned long a = map_at(FAR, 3, PROT_READ, FIXED(ANONYMOUS), -1, 0);

	return IS_ERR_VALUE(a) ? (long)a : sys_mprotect(FAR + PAGE_SIZE, PAGE_SIZE, RW);
}

static long pageout(void)
{
	long err = put(0);

	return err ? err : sys_madvise(at(0), PAGE_SIZE, MADV_PAGEOUT);
}

/* The swap cache itself finds no memory: the page must stay where it is, and no slot get lost. */
static long starved_pageout(void)
{
	long err;

	drop_caches(2); /* the tree nodes in reserve */
	host_fail_reclaim = true;
	err = pageout();
	host_fail_reclaim = false;
	return err;
}

static long locked_future(void)
{
	long err = sys_mlockall(MCL_FUTURE);

	return err ? err : far(ANONYMOUS);
}

static long swapon(void)
{
	second = host_swapon(64, -1);
	return second < 0 ? second : 0;
}

/* What is cut off must be gone when the file grows again. */
static long truncate(unsigned long pages)
{
	long err = host_file_truncate(world.file.file, SPAN(pages) + 100);

	return err ? err : host_file_truncate(world.file.file, SPAN(6));
}

static void truncated(unsigned long pages)
{
	shadow_truncate(&world.file, SPAN(pages) + 100);
	world.file.size = SPAN(6);
}

static long user_io(bool write)
{
	struct file *open = fget((unsigned int)world.fd);
	loff_t pos = (loff_t)(write ? 6 : 4) * (loff_t)PAGE_SIZE;
	long n = write ? open->f_op->write(open, (char *)at(26), PAGE_SIZE, &pos) :
			 open->f_op->read(open, (char *)at(27), PAGE_SIZE, &pos);

	fput(open);
	return n == (long)PAGE_SIZE ? 0 : copied(n);
}

static void file_grown(void)
{
	world.file.size = 7 * PAGE_SIZE;
	world.file.cell[6].word[0] = shadow_word(&family->page[26], 0);
}

static void user_has_read(void)
{
	for (int i = 0; i < 2; i++)
		shadow_store(family, 27, i, world.file.cell[4].word[i]);
}

static long kernel_io(bool write)
{
	long n = write ? host_file_write(world.file.file, buffer, PAGE_SIZE, 4 * PAGE_SIZE) :
			 host_file_read(world.file.file, buffer, sizeof(buffer), 2 * PAGE_SIZE);

	return n < 0 ? n : 0;
}

static long reclaim(void)
{
	host_reclaim(64);
	return 0;
}

static long virtual(void)
{
	void *memory = vmalloc(5 * PAGE_SIZE), *large = kvzalloc(64 * PAGE_SIZE);
	long err = memory && large ? 0 : -ENOMEM;

	vfree(memory);
	kvfree(large);
	return err;
}

/* --- the list: name, call, what it does to the shadow; what an error may leave half done --- */
/* clang-format off */
#define OPERATIONS(X)                                                                              \
	X(mmap_anonymous, far(ANONYMOUS), , 0, 0)                                                  \
	X(mmap_private_file, far(MAP_PRIVATE), , 0, 0)                                             \
	X(mmap_shared_file, far(MAP_SHARED), , 0, 0)                                               \
	X(mmap_shared_memory, far(MAP_SHARED | MAP_ANONYMOUS), , 0, 0)                             \
	X(mmap_populated, far(ANONYMOUS | MAP_POPULATE), , 0, 0)                                   \
	X(mmap_locked, far(MAP_PRIVATE | MAP_LOCKED), , 0, 0)                                      \
	X(mmap_over_others, map_at(at(3), 2, RW, FIXED(ANONYMOUS), -1, 0) == at(3)                  \
	  ? 0 : -ENOMEM, fresh(3, 2), 3, 2)                                                        \
	X(mmap_file_over_others, map_at(at(10), 4, RW, FIXED(MAP_SHARED), world.fd, 2) == at(10)         \
	  ? 0 : -ENOMEM, (holes(10, 4), shared_at(10, 4, 2)), 10, 4)                               \
	X(munmap_middle, sys_munmap(at(2), SPAN(3)), holes(2, 3), 0, 0)                            \
	X(munmap_several, sys_munmap(at(10), SPAN(11)), holes(10, 11), 0, 0)                       \
	X(map_and_unmap_many, many(), , 0, 0)                                                      \
	X(mprotect_middle, sys_mprotect(at(4), SPAN(2), PROT_READ), rights(4, 2, 1), 0, 0)         \
	X(mprotect_several, sys_mprotect(at(4), SPAN(18), PROT_READ), rights(4, 18, 1), 4, 18)     \
	X(mprotect_writable, promise(), , 0, 0)                                                    \
	X(mprotect_none, sys_mprotect(at(25), SPAN(1), 0), rights(25, 1, 0), 0, 0)                 \
	X(mremap_grow, sys_mremap(at(24), SPAN(4), SPAN(6), 0, 0) > 0 ? 0 : -ENOMEM,               \
	  fresh(28, 2), 0, 0)                                                                      \
	X(mremap_shrink, sys_mremap(at(0), SPAN(4), SPAN(2), 0, 0) < 0 ? -ENOMEM : 0,              \
	  holes(2, 2), 0, 0)                                                                       \
	X(mremap_move, remap(2, 3, 3, MOVE, 28), moved(2, 28, 3, false), 2, 3)                     \
	X(mremap_move_file, remap(13, 2, 2, MOVE, 28), moved(13, 28, 2, false), 13, 2)             \
	X(mremap_move_swapped, remap(24, 3, 3, MOVE, 28), moved(24, 28, 3, false), 24, 3)          \
	X(mremap_over, remap(2, 2, 2, MOVE, 25), moved(2, 25, 2, false), 25, 2)                    \
	X(mremap_keep, remap(1, 2, 2, MOVE | MREMAP_DONTUNMAP, 28), moved(1, 28, 2, true), 0, 0)   \
	X(mremap_far, (sys_mremap(at(4), SPAN(2), SPAN(9), MOVE, FAR) == FAR ? 0 : -ENOMEM),       \
	  left(4, 2, false), 4, 2)                                                                 \
	X(mremap_duplicate, remap(20, 0, 3, MOVE, 28), duplicated(20, 28, 3), 0, 0)                \
	X(brk_grow, sys_brk(HOST_BRK + SPAN(5)) == HOST_BRK + SPAN(5) ? 0 : -ENOMEM,               \
	  fresh(ARENA + 2, 3), 0, 0)                                                               \
	X(brk_shrink, sys_brk(HOST_BRK + SPAN(1)) == HOST_BRK + SPAN(1) ? 0 : -ENOMEM,             \
	  holes(ARENA + 1, 1), 0, 0)                                                               \
	X(madvise_dontfork, sys_madvise(at(5), SPAN(8), MADV_DONTFORK), , 0, 0)                    \
	X(madvise_willneed_swap, sys_madvise(at(24), SPAN(4), MADV_WILLNEED), , 0, 0)              \
	X(madvise_willneed_file, sys_madvise(at(16), SPAN(4), MADV_WILLNEED), , 0, 0)              \
	X(madvise_dontneed, sys_madvise(at(0), SPAN(14), MADV_DONTNEED), forget(0, 14), 0, 0)      \
	X(madvise_free, sys_madvise(at(24), SPAN(2), MADV_FREE), forget(24, 2), 0, 0)              \
	X(madvise_remove, sys_madvise(at(21), SPAN(1), MADV_REMOVE),                               \
	  world.shmem.cell[1].word[0] = 0, 0, 0)                                                   \
	X(madvise_cold, sys_madvise(at(0), SPAN(16), MADV_COLD), , 0, 0)                           \
	X(madvise_pageout, pageout(), shadow_store(family, 0, 0, 5), -1, 0)                        \
	X(pageout_starved, starved_pageout(), shadow_store(family, 0, 0, 5), -1, 0)                \
	X(populate_read, sys_madvise(at(8), SPAN(20), MADV_POPULATE_READ), , 0, 0)                 \
	X(populate_write, sys_madvise(at(4), SPAN(24), MADV_POPULATE_WRITE), populated(4, 24), 4, 24) \
	X(mlock, sys_mlock(at(6), SPAN(12)), lock(6, 12, true), 6, 12)                             \
	X(mlock_on_fault, sys_mlock2(at(2), SPAN(2), MLOCK_ONFAULT), lock(2, 2, true), 2, 2)       \
	X(munlock, sys_mlock2(at(0), SPAN(12), MLOCK_ONFAULT) ?: sys_munlock(at(3), SPAN(3)),      \
	  (lock(0, 12, true), lock(3, 3, false)), 0, 12)                                           \
	X(mlockall, sys_mlockall(MCL_CURRENT), lock_all(true), 0, PAGES)                           \
	X(mlockall_future, locked_future(), , 0, 0)                                                \
	X(munlockall, sys_munlockall(), , 0, 0)                                                    \
	X(mincore, copied(sys_mincore(at(0), SPAN(28), (unsigned char *)STACK)), , 0, 0)           \
	X(msync, sys_msync(at(16), SPAN(4), MS_SYNC), , 0, 0)                                      \
	X(fork, fork_again(), end_extra(), 0, 0)                                                   \
	X(exec, exec(), end_extra(), 0, 0)                                                         \
	X(stack_growth, get(STACK), , 0, 0)                                                        \
	X(fault_far, far(ANONYMOUS) ?: get(FAR), , 0, 0)                                           \
	X(fault_anon_read, grab(9, false), , 0, 0)                                                 \
	X(fault_anon_write, grab(9, true), populated(9, 1), 0, 0)                                  \
	X(fault_write_on_zero, grab(8, true), populated(8, 1), 0, 0)                               \
	X(fault_cow, grab(3, true), populated(3, 1), 0, 0)                                         \
	X(fault_file_read, grab(14, false), , 0, 0)                                                \
	X(fault_file_cow, grab(14, true), populated(14, 1), 0, 0)                                  \
	X(fault_file_copy, grab(14, false) ?: grab(14, true), populated(14, 1), 0, 0)              \
	X(fault_shared_read, grab(18, false), , 0, 0)                                              \
	X(fault_shared_write, grab(18, true), , 0, 0)                                              \
	X(fault_shmem_read, grab(22, false), , 0, 0)                                               \
	X(fault_shmem_write, grab(23, true), , 0, 0)                                               \
	X(fault_swap_read, grab(24, false), , 0, 0)                                                \
	X(fault_swap_write, grab(25, true), populated(25, 1), 0, 0)                                \
	X(cpu_anon, put(9), shadow_store(family, 9, 0, 5), -1, 0)                                  \
	X(cpu_cow, put(2), shadow_store(family, 2, 0, 5), -1, 0)                                   \
	X(cpu_file_cow, put(15), shadow_store(family, 15, 0, 5), -1, 0)                            \
	X(cpu_shared, put(19), shadow_store(family, 19, 0, 5), -1, 0)                              \
	X(cpu_shmem, put(23), shadow_store(family, 23, 0, 5), -1, 0)                               \
	X(cpu_swap, put(26), shadow_store(family, 26, 0, 5), -1, 0)                                \
	X(swapon, swapon(), host_swapoff(second), 0, 0)                                            \
	X(swapoff, host_swapoff(world.area), world.area = host_swapon(256, -1), 0, 0)              \
	X(reclaim, reclaim(), , -1, 0)                                                             \
	X(file_read, kernel_io(false), , 0, 0)                                                     \
	X(file_write, kernel_io(true), , 0, 0)                                                     \
	X(user_read, user_io(false), user_has_read(), 27, 1)                                        \
	X(user_write, user_io(true), file_grown(), 0, 0)                                              \
	X(file_sync, host_file_sync(world.file.file), , -1, 0)                                           \
	X(truncate, truncate(1), truncated(1), 0, 0)                                               \
	X(truncate_uncached, truncate(4), truncated(4), 0, 0)                                      \
	X(vmalloc, virtual(), , 0, 0)
/* clang-format on */

#define X(name, call, effect, first, n) \
	static long run_##name(void)    \
	{                               \
		return call;            \
	}                               \
	static void done_##name(void)   \
	{                               \
		effect;                 \
	}
OPERATIONS(X)
#undef X

struct operation {
	const char *name;
	long (*run)(void);
	void (*done)(void);
	long first;      /* pages [first, first + n) may be half done after an error; -1: it may */
	unsigned long n; /* not fail at all */
};
static const struct operation operations[] = {
#define X(name, call, effect, first, n) { #name, run_##name, done_##name, first, n },
	OPERATIONS(X)
#undef X
};

/* --- the sweep --- */
static void check(const char *name, unsigned long nth, const char *when)
{
	snprintf(shadow_doing, sizeof(shadow_doing), "%s, %s allocation %lu failed", name, when,
		 nth);
	host_tlb_check();
	shadow_check(family, true);
	host_audit();
	if (host_complaints)
		shadow_fail(NULL, 0, "%s", host_complaint);
}

/* One world. True: the operation did not get as far as to the @nth allocation. */
static bool attempt(const struct operation *op, unsigned long nth)
{
	bool enough;
	long err;

	begin_world(p);
	host_complaints = 0;
	host_complaints_expected = true;
	snprintf(shadow_doing, sizeof(shadow_doing), "%s, allocation %lu fails", op->name, nth);
	host_fail_alloc(nth);
	err = op->run();
	enough = host_alloc_calls < nth;
	world.starved = !enough && !err;
	host_fail_alloc(0);
	if (err) {
		if (enough || op->first < 0 || (err != -ENOMEM && err != -EAGAIN))
			shadow_fail(NULL, 0, "%s: %ld", op->name, err);
		follow((unsigned long)op->first, op->n);
		check(op->name, nth, "after");
		err = op->run();
		if (err)
			shadow_fail(NULL, 0, "%s: %ld without a failure", op->name, err);
	}
	op->done();
	check(op->name, nth, "in the end after");
	end_world();
	p = NULL;
	return enough;
}

/* All that was begun ends; the page cache's reserve of tree nodes, which is no leak, is full. */
static void rest(struct host_census *census)
{
	host_settle();
	drop_caches(3);
	xa_preload();
	host_census(census);
}

static void test_operation(void **state)
{
	const struct operation *op = *state;
	struct host_census before, after;
	char what[64];
	bool enough = false;

	host_exit(p);
	for (unsigned long nth = 1; !enough; nth++) {
		assert_true(nth < 1000);
		rest(&before);
		p = host_create();
		host_switch(p);
		enough = attempt(op, nth);
		rest(&after);
		snprintf(what, sizeof(what), "%s, allocation %lu", op->name, nth);
		host_census_same(&before, &after, what);
	}
}

/* After a failure there is still a world to end. */
static int end_all(void **operation)
{
	if (members)
		end_world();
	p = NULL;
	return teardown(operation);
}

static int keep_state(void **operation)
{
	void *op = *operation;
	int err = setup(operation);

	*operation = op;
	return err;
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(operations)];

	TEST_SETUP();
	host_boot(2048);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		tests[i] = (struct CMUnitTest){ operations[i].name, test_operation, keep_state,
						end_all, (void *)&operations[i] };
	return _cmocka_run_group_tests("alloc_failure", tests, ARRAY_SIZE(tests), NULL, NULL);
}
