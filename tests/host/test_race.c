/* SPDX-License-Identifier: MIT */
/*
 * Two threads of one process in the middle of something: one waits for the disk while the other
 * changes what it waits for. Who comes back looks again.
 */
#include "tests/host/test.h"

#include "mm/backing/writeback.h"

/* What the other thread does, and how it ended. */
static struct {
	struct task_struct *task;
	unsigned long addr;
	bool write;
	struct host_verdict verdict;
	u64 value;
} other;

static struct host_file *file;

static void touch(void *unused)
{
	(void)unused;
	if (other.write)
		other.verdict = host_write(other.addr, "W", 1);
	else
		other.verdict = host_read(other.addr, &other.value, 8);
}

/* The other thread touches @addr, and sleeps: what it needs is on the disk. */
static void begin(unsigned long addr, bool write)
{
	other.task = host_clone(p);
	other.addr = addr;
	other.write = write;
	host_start(other.task, touch, NULL);
	host_sleep(0);
}

static void end(void)
{
	host_join(other.task);
	host_exit(other.task);
}

static unsigned long map_letters(unsigned long flags)
{
	file = letters("letters", 4);
	return map_file(file, 4, RW, flags);
}

static void remove_file(void)
{
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static void test_same_file_page(void **state)
{
	unsigned long a = map_letters(MAP_SHARED);

	(void)state;
	begin(a, false);
	assert_true(PageLocked(host_file_page(file, 0)));
	FAULTS(1, assert_int_equal(byte_at(a), 'a'));
	end();
	OK(other.verdict);
	COUNTS(host_page(p, a), 2, 1);
	RSS(0, 4, 0); /* the neighbours came with the read */
	remove_file();
}

/* One copies, the other had the same in mind: one copy stays, the other frame is given back. */
static void test_same_private_page(void **state)
{
	unsigned long a = map_letters(MAP_PRIVATE);

	(void)state;
	begin(a, true);
	OK(poke(a + 1, 'M'));
	end();
	OK(other.verdict);
	assert_int_equal(byte_at(a), 'W');
	assert_int_equal(byte_at(a + 1), 'M');
	COUNTS(host_page(p, a), 1, 1);
	RSS(1, 0, 0);
	remove_file();
}

static void test_unmapped_meanwhile(void **state)
{
	unsigned long a = map_letters(MAP_SHARED);

	(void)state;
	begin(a, false);
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0); /* mmap_lock is free while it waits */
	end();
	SIGNAL(other.verdict, SIGSEGV, SEGV_MAPERR, a);
	remove_file();
}

static void test_protected_meanwhile(void **state)
{
	unsigned long a = map_letters(MAP_SHARED);

	(void)state;
	begin(a, true);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_READ), 0);
	end();
	SIGNAL(other.verdict, SIGSEGV, SEGV_ACCERR, a);
	assert_int_equal(byte_at(a), 'a');
	remove_file();
}

static void test_truncated_meanwhile(void **state)
{
	unsigned long a = map_letters(MAP_SHARED), waits = vm_event_sum(VM_lock_sleep_wait);

	(void)state;
	begin(a + 2 * PAGE_SIZE, false);
	assert_int_equal(vm_event_sum(VM_lock_sleep_wait), waits);
	host_file_truncate(file, PAGE_SIZE);
	assert_int_equal(vm_event_sum(VM_lock_sleep_wait), waits + 1); /* for the page's lock */
	end();
	SIGNAL(other.verdict, SIGBUS, BUS_ADRERR, a + 2 * PAGE_SIZE);
	assert_null(host_file_page(file, 2));
	remove_file();
}

static void test_killed_meanwhile(void **state)
{
	unsigned long a = map_letters(MAP_SHARED);

	(void)state;
	begin(a, false);
	host_kill(other.task);
	end();
	assert_int_equal(other.verdict.signal, SIGKILL);
	assert_int_equal(byte_at(a), 'a');
	remove_file();
}

/* The frame is not freed under the one who waits for it. */
static void test_cache_dropped_meanwhile(void **state)
{
	unsigned long a = map_letters(MAP_SHARED);

	(void)state;
	begin(a, false);
	drop_caches(3);
	end();
	OK(other.verdict);
	assert_int_equal((char)other.value, 'a');
	remove_file();
}

static void test_fork_meanwhile(void **state)
{
	unsigned long a = map_letters(MAP_PRIVATE);
	struct task_struct *child;

	(void)state;
	OK(poke(a + PAGE_SIZE, 'P'));
	host_file_drop(file);
	begin(a, true);
	child = host_fork(p);
	end();
	OK(other.verdict);
	host_switch(child);
	assert_int_equal(byte_at(a), 'a');
	assert_int_equal(byte_at(a + PAGE_SIZE), 'P');
	host_exit(child);
	host_switch(p);
	assert_int_equal(byte_at(a), 'W');
	remove_file();
}

/* A store while the page is on its way to the disk marks it dirty again. */
static void test_written_during_writeback(void **state)
{
	unsigned long a = map_letters(MAP_SHARED);
	char byte;

	(void)state;
	OK(poke(a, '1'));
	assert_int_equal(filemap_write_range(host_file_mapping(file), 0, ~0UL, false), 0);
	assert_true(PageWriteback(host_file_page(file, 0)));
	OK(poke(a, '2'));
	assert_true(PageDirty(host_file_page(file, 0)));
	assert_int_equal(host_file_sync(file), 0); /* waits for the first write, does a second */
	host_file_on_disk(file, &byte, 1, 0);
	assert_int_equal(byte, '2');
	remove_file();
}

static unsigned long swapped(unsigned long pages)
{
	unsigned long a = map_anon(pages, RW);

	for (unsigned long i = 0; i < pages; i++)
		OK(host_put(a + i * PAGE_SIZE, i + 1));
	host_pageout(a, pages * PAGE_SIZE);
	return a;
}

static void test_swap_in_twice(void **state)
{
	int area = host_swapon(256, -1);
	unsigned long a = swapped(2);

	(void)state;
	begin(a, false);
	OK(host_put(a, 7));
	end();
	OK(other.verdict);
	assert_true(other.value == 1 || other.value == 7);
	COUNTS(host_page(p, a), 1, 1);
	RSS(1, 0, 1);
	assert_int_equal(host_get(a), 7);
	assert_int_equal(host_swapoff(area), 0);
}

static void test_swap_unmapped_meanwhile(void **state)
{
	int area = host_swapon(256, -1);
	unsigned long a = swapped(1);

	(void)state;
	begin(a, false);
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0);
	end();
	SIGNAL(other.verdict, SIGSEGV, SEGV_MAPERR, a);
	host_settle();
	assert_int_equal(nr_swap_pages(), total_swap_pages());
	assert_int_equal(host_swapoff(area), 0);
}

static void test_swapoff_meanwhile(void **state)
{
	int area = host_swapon(256, -1);
	unsigned long a = swapped(8);

	(void)state;
	begin(a, true);
	assert_int_equal(host_swapoff(area), 0);
	end();
	OK(other.verdict);
	assert_int_equal(host_get(a + 7 * PAGE_SIZE), 8);
	assert_int_equal(byte_at(a), 'W');
}

/* Zapped and touched again, so that the entry is none when the first fault comes back. */
static void test_swap_dropped_meanwhile(void **state)
{
	int area = host_swapon(256, -1);
	unsigned long a = swapped(1);

	(void)state;
	begin(a, false);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_DONTNEED), 0);
	OK(host_put(a, 9));
	end();
	OK(other.verdict);
	assert_int_equal(other.value, 9);
	assert_int_equal(host_swapoff(area), 0);
}

/* Memory is short: an allocation inside a fault sleeps, and the other thread is served. */
static void test_sleeping_allocations(void **state)
{
	int area = host_swapon(8192, -1);
	unsigned long pages = 5000,
		      a = map_at(0, pages, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	for (unsigned long i = 0; i < pages; i++) {
		bool both = i % 8 == 0;

		if (both)
			begin(a + i * PAGE_SIZE, i % 16 == 0);
		OK(host_put(a + i * PAGE_SIZE + 8, i));
		if (both) {
			end();
			OK(other.verdict);
		}
	}
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE + 8), i);
	assert_int_equal(sys_munmap(a, pages * PAGE_SIZE), 0);
	assert_int_equal(host_swapoff(area), 0);
}

static const struct CMUnitTest tests[] = {
	TEST(test_same_file_page),           TEST(test_same_private_page),
	TEST(test_unmapped_meanwhile),       TEST(test_protected_meanwhile),
	TEST(test_truncated_meanwhile),      TEST(test_killed_meanwhile),
	TEST(test_cache_dropped_meanwhile),  TEST(test_fork_meanwhile),
	TEST(test_written_during_writeback), TEST(test_swap_in_twice),
	TEST(test_swap_unmapped_meanwhile),  TEST(test_swapoff_meanwhile),
	TEST(test_swap_dropped_meanwhile),   TEST(test_sleeping_allocations),
};
TEST_MAIN(4096)
