/* SPDX-License-Identifier: MIT */
/* Faults on files: what is read, copied, written to the disk, and what the end cuts off. */
#include "tests/host/test.h"

#include "mm/backing/writeback.h"

static struct host_file *file;

/* p maps the whole of a file of letters. */
static unsigned long map_letters(unsigned long pages, unsigned long prot, unsigned long flags)
{
	file = letters("letters", pages);
	return map_file(file, pages, prot, flags);
}

static void remove_file(void)
{
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static char disk_byte(unsigned long page)
{
	char byte;

	host_file_on_disk(file, &byte, 1, page * PAGE_SIZE);
	return byte;
}

static void test_read_from_disk(void **state)
{
	unsigned long a = map_letters(4, PROT_READ, MAP_PRIVATE);
	struct page *page;

	(void)state;
	assert_null(host_file_page(file, 0));
	FAULTS(1, assert_int_equal(byte_at(a), 'a'));
	assert_int_equal(p->maj_flt, 1);
	page = host_file_page(file, 0);
	assert_ptr_equal(page, host_page(p, a));
	assert_true(PageUptodate(page) && !PageDirty(page) && !PageAnon(page));
	COUNTS(page, 2, 1); /* the cache and the entry */
	assert_false(pte_write(host_pte(p, a)) || pte_dirty(host_pte(p, a)));
	SIGNAL(poke(a, 'x'), SIGSEGV, SEGV_ACCERR, a);
	remove_file();
}

/* What is in the cache already is mapped around a fault, in a block of 64 KiB, not beyond. */
static void test_fault_around(void **state)
{
	char all[40 * PAGE_SIZE];
	unsigned long a;

	(void)state;
	file = letters("letters", 40);
	assert_int_equal(host_file_read(file, all, sizeof(all), 0), sizeof(all));
	a = map_at(0x10000000, 40, PROT_READ, MAP_PRIVATE | MAP_FIXED, host_open(file, false), 0);
	FAULTS(1, assert_int_equal(byte_at(a + 20 * PAGE_SIZE), 'u'));
	DOORS("do_read_fault, do_fault_around, install_pte");
	assert_int_equal(p->maj_flt, 0);
	for (unsigned long i = 0; i < 40; i++)
		assert_int_equal(host_page(p, a + i * PAGE_SIZE) != NULL, i >= 16 && i < 32);
	RSS(0, 16, 0);
	FAULTS(0, assert_int_equal(byte_at(a + 31 * PAGE_SIZE), 'f'));
	COUNTS(host_file_page(file, 16), 2, 1);
	COUNTS(host_file_page(file, 15), 1, 0);
	FAULTS(1,
	       assert_int_equal(byte_at(a + 39 * PAGE_SIZE), 'n')); /* the VMA ends in mid-block */
	RSS(0, 24, 0);
	remove_file();
}

static void test_private_write_copies_at_once(void **state)
{
	unsigned long a = map_letters(2, RW, MAP_PRIVATE);
	struct page *copy;

	(void)state;
	FAULTS(1, OK(poke(a + 1, 'X')));
	DOORS("do_cow_fault, __do_fault, install_pte");
	copy = host_page(p, a);
	assert_true(PageAnon(copy));
	COUNTS(copy, 1, 1);
	COUNTS(host_file_page(file, 0), 1, 0);
	RSS(1, 0, 0);
	assert_int_equal(byte_at(a), 'a');
	assert_int_equal(byte_at(a + 1), 'X');
	assert_false(PageDirty(host_file_page(file, 0)));
	assert_int_equal(host_file_sync(file), 0);
	assert_int_equal(disk_byte(0), 'a');
	remove_file();
}

static void test_private_write_after_read(void **state)
{
	unsigned long a = map_letters(1, RW, MAP_PRIVATE);
	struct page *cached;

	(void)state;
	assert_int_equal(byte_at(a), 'a');
	cached = host_page(p, a);
	RSS(0, 1, 0);
	FAULTS(1, OK(poke(a, 'X')));
	DOORS("handle_present_pte, do_wp_page, wp_page_copy, __vmf_anon_prepare, install_pte");
	COUNTS(cached, 1, 0);
	RSS(1, 0, 0);
	assert_int_equal(*(char *)page_address(cached), 'a');
	remove_file();
}

/* Dirty through the mapping, cleaned by writeback, dirty again by the next store. */
static void test_shared_write_and_writeback(void **state)
{
	unsigned long a = map_letters(2, RW, MAP_SHARED), pfn;
	struct page *page;
	bool writable;

	(void)state;
	FAULTS(1, OK(poke(a, 'X')));
	DOORS("do_shared_fault, __do_fault, page_mkwrite, install_pte");
	page = host_page(p, a);
	assert_ptr_equal(page, host_file_page(file, 0));
	assert_true(PageDirty(page) && pte_write(host_pte(p, a)));
	RSS(0, 1, 0);
	assert_int_equal(disk_byte(0), 'a');
	assert_int_equal(host_file_sync(file), 0);
	assert_int_equal(disk_byte(0), 'X');
	assert_false(PageDirty(page) || pte_write(host_pte(p, a)) || pte_dirty(host_pte(p, a)));
	assert_false(
		host_tlb_lookup(a, &pfn, &writable)); /* or the next store would go unnoticed */
	FAULTS(1, OK(poke(a, 'Y')));
	DOORS("handle_present_pte, do_wp_page, wp_page_shared, page_mkwrite, install_pte");
	assert_true(PageDirty(page));
	FAULTS(0, OK(poke(a, 'Z')));
	host_sleep(11 * 1000000000ULL); /* the flusher's turn */
	assert_int_equal(disk_byte(0), 'Z');
	assert_int_equal(byte_at(a + PAGE_SIZE), 'b');
	remove_file();
}

/* The dirty bit of an entry goes to the page when the mapping goes. */
static void test_unmap_keeps_the_dirt(void **state)
{
	unsigned long a = map_letters(1, RW, MAP_SHARED);

	(void)state;
	OK(poke(a, 'D'));
	assert_int_equal(host_file_sync(file), 0);
	assert_int_equal(byte_at(a), 'D');
	OK(poke(a, 'E'));
	ClearPageDirty(host_file_page(file, 0)); /* only the entry knows now */
	mod_node_stat(N_nr_dirty, -1);
	assert_int_equal(sys_munmap(a, PAGE_SIZE), 0);
	assert_true(PageDirty(host_file_page(file, 0)));
	host_file_drop(file);
	assert_int_equal(disk_byte(0), 'E');
	remove_file();
}

/* read(2), write(2) and the mapping see one and the same page. */
static void test_coherence(void **state)
{
	unsigned long a = map_letters(2, RW, MAP_SHARED), buf = map_anon(2, RW);
	struct file *open = fget((unsigned int)host_open(file, true));
	char text[4];
	loff_t pos = 10;

	(void)state;
	assert_int_equal(sys_munmap(buf + PAGE_SIZE, PAGE_SIZE), 0);
	OK(host_write(buf, "wxyz", 4));
	assert_int_equal(open->f_op->write(open, (char *)buf, 4, &pos), 4);
	assert_int_equal(byte_at(a + 13), 'z');
	OK(poke(a + 10, 'W'));
	pos = 10;
	assert_int_equal(open->f_op->read(open, (char *)buf, 4, &pos), 4);
	OK(host_read(buf, text, 4));
	assert_memory_equal(text, "Wxyz", 4);
	assert_int_equal(host_file_read(file, text, 4, 10), 4);
	assert_memory_equal(text, "Wxyz", 4);
	/* A buffer that lies in the very page that is written to. */
	pos = PAGE_SIZE;
	assert_int_equal(open->f_op->write(open, (char *)a + PAGE_SIZE, 100, &pos), 100);
	assert_int_equal(byte_at(a + PAGE_SIZE), 'b');
	pos = 2 * PAGE_SIZE - 2; /* grows the file; what is not written is zero */
	assert_int_equal(open->f_op->write(open, (char *)buf, 4, &pos), 4);
	pos = 0;
	assert_int_equal(open->f_op->write(open, (char *)12345, 4, &pos), -EFAULT);
	assert_int_equal(open->f_op->write(open, (char *)buf + PAGE_SIZE - 3, 8, &pos), 3);
	assert_int_equal(open->f_op->read(open, (char *)12345, 4, &pos), -EFAULT);
	fput(open);
	remove_file();
}

static void test_two_processes_share(void **state)
{
	unsigned long a = map_letters(1, RW, MAP_SHARED);
	struct task_struct *other = host_create();
	unsigned long b;

	(void)state;
	OK(poke(a, '1'));
	host_switch(other);
	b = map_file(file, 1, RW, MAP_SHARED);
	assert_int_equal(byte_at(b), '1');
	OK(poke(b, '2'));
	COUNTS(host_page(other, b), 3, 2);
	host_switch(p);
	assert_int_equal(byte_at(a), '2');
	/* fork shares file pages without asking the file system. */
	host_exit(other);
	other = host_fork(p);
	host_switch(other);
	assert_int_equal(byte_at(a), '2');
	host_exit(other);
	remove_file();
}

static void test_beyond_the_end(void **state)
{
	unsigned long a;

	(void)state;
	file = host_file_create("short", "hello", 5);
	a = map_file(file, 3, RW, MAP_SHARED);
	assert_int_equal(byte_at(a + 4), 'o');
	assert_int_equal(byte_at(a + 5), 0); /* the rest of the last page is zero */
	SIGNAL(poke(a + PAGE_SIZE, 'x'), SIGBUS, BUS_ADRERR, a + PAGE_SIZE);
	OK(poke(a + 100, 'x')); /* lost: not part of the file */
	assert_int_equal(host_file_sync(file), 0);
	host_file_truncate(file, 2 * PAGE_SIZE);
	OK(poke(a + PAGE_SIZE, 'y'));
	host_file_drop(file);
	host_exit(p);
	host_settle();
	host_file_drop(file);
	p = host_create();
	host_switch(p);
	a = map_file(file, 2, PROT_READ, MAP_SHARED);
	assert_int_equal(byte_at(a + 100), 0);
	assert_int_equal(byte_at(a + PAGE_SIZE), 'y');
	remove_file();
}

/* ftruncate takes pages out of every map, private copies too, and zeroes the tail. */
static void test_truncate(void **state)
{
	unsigned long s = map_letters(4, RW, MAP_SHARED), private;

	(void)state;
	private = map_file(file, 4, RW, MAP_PRIVATE);
	OK(poke(private + 3 * PAGE_SIZE, 'P'));
	OK(poke(private, 'Q'));
	for (unsigned long i = 0; i < 4; i++)
		assert_int_equal(byte_at(s + i * PAGE_SIZE), 'a' + (int)i);
	host_file_truncate(file, PAGE_SIZE + 10);
	assert_null(host_file_page(file, 2));
	SIGNAL(poke(s + 2 * PAGE_SIZE, 'x'), SIGBUS, BUS_ADRERR, s + 2 * PAGE_SIZE);
	SIGNAL(poke(private + 3 * PAGE_SIZE, 'x'), SIGBUS, BUS_ADRERR, private + 3 * PAGE_SIZE);
	assert_int_equal(byte_at(private), 'Q');
	assert_int_equal(byte_at(s + PAGE_SIZE + 9), 'b');
	assert_int_equal(byte_at(s + PAGE_SIZE + 10), 0);
	assert_int_equal(copy_to_user((void *)(s + 2 * PAGE_SIZE), "x", 1), 1);
	host_file_truncate(file, 4 * PAGE_SIZE);
	assert_int_equal(byte_at(s + 3 * PAGE_SIZE), 0);
	assert_int_equal(byte_at(private + 3 * PAGE_SIZE), 0);
	remove_file();
}

static void test_errors(void **state)
{
	unsigned long a = map_letters(8, RW, MAP_SHARED);

	(void)state;
	host_file_errors(file)->read = -EIO;
	SIGNAL(host_read(a, &(char){ 0 }, 1), SIGBUS, BUS_ADRERR, a);
	SIGNAL(poke(a, 'x'), SIGBUS, BUS_ADRERR, a);
	assert_true(host_file_read(file, &(char){ 0 }, 1, 0) < 0);
	host_file_errors(file)->read = 0;
	assert_int_equal(byte_at(a), 'a'); /* the failure was not for good */
	host_file_errors(file)->reserve = -ENOSPC;
	SIGNAL(poke(a, 'x'), SIGBUS, BUS_ADRERR, a);
	SIGNAL(poke(a + 7 * PAGE_SIZE, 'x'), SIGBUS, BUS_ADRERR, a + 7 * PAGE_SIZE);
	assert_false(PageDirty(host_file_page(file, 0)));
	host_file_errors(file)->reserve = 0;
	OK(poke(a, 'x'));
	host_file_errors(file)->write = -EIO;
	assert_int_equal(sys_msync(a, PAGE_SIZE, MS_SYNC), -EIO);
	host_file_errors(file)->write = 0;
	assert_int_equal(sys_msync(a, PAGE_SIZE, MS_SYNC), 0); /* told once */
	remove_file();
}

static void test_msync(void **state)
{
	unsigned long a = map_letters(3, RW, MAP_SHARED), anon = map_anon(1, RW);

	(void)state;
	OK(poke(a, 'X'));
	OK(poke(a + PAGE_SIZE, 'Y'));
	assert_int_equal(sys_msync(a, PAGE_SIZE, MS_ASYNC), 0);
	assert_int_equal(disk_byte(0), 'a');
	assert_int_equal(sys_msync(a, PAGE_SIZE, MS_SYNC), 0);
	assert_int_equal(disk_byte(0), 'X');
	assert_int_equal(sys_msync(a, 3 * PAGE_SIZE, MS_SYNC | MS_INVALIDATE), 0);
	assert_int_equal(disk_byte(1), 'Y');
	assert_int_equal(sys_msync(anon, PAGE_SIZE, MS_SYNC), 0);
	assert_int_equal(sys_msync(a + 1, PAGE_SIZE, MS_SYNC), -EINVAL);
	assert_int_equal(sys_msync(a, PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
	assert_int_equal(sys_msync(a, PAGE_SIZE, 64), -EINVAL);
	assert_int_equal(sys_msync(0x1000000, PAGE_SIZE, MS_SYNC), -ENOMEM);
	assert_int_equal(sys_msync(a, 0, MS_SYNC), 0);
	assert_int_equal(sys_mlock(a, PAGE_SIZE), 0);
	assert_int_equal(sys_msync(a, PAGE_SIZE, MS_INVALIDATE), -EBUSY);
	remove_file();
}

static void test_mincore(void **state)
{
	unsigned long a = map_letters(40, PROT_READ, MAP_PRIVATE), anon = map_anon(3, RW);
	unsigned char *vec = (unsigned char *)map_anon(1, RW), seen[40];
	char byte;

	(void)state;
	host_file_read(file, &byte, 1, 39 * PAGE_SIZE);
	host_settle();
	assert_int_equal(sys_mincore(a, 40 * PAGE_SIZE, vec), 0);
	OK(host_read((unsigned long)vec, seen, 40));
	assert_int_equal(seen[0], 0);
	assert_int_equal(seen[39], 1); /* in the cache, not mapped */
	OK(poke(anon + PAGE_SIZE, 1));
	assert_int_equal(sys_mincore(anon, 3 * PAGE_SIZE, vec), 0);
	OK(host_read((unsigned long)vec, seen, 3));
	assert_memory_equal(seen, "\0\1\0", 3);
	assert_int_equal(sys_mincore(anon + 1, PAGE_SIZE, vec), -EINVAL);
	assert_int_equal(sys_mincore(0x1000000, PAGE_SIZE, vec), -ENOMEM);
	assert_int_equal(sys_mincore(anon, PAGE_SIZE, (unsigned char *)12345), -EFAULT);
	remove_file();
}

static void test_readahead_and_advice(void **state)
{
	unsigned long a = map_letters(200, PROT_READ, MAP_PRIVATE);

	(void)state;
	assert_int_equal(sys_madvise(a, 200 * PAGE_SIZE, MADV_RANDOM), 0);
	assert_int_equal(byte_at(a + 100 * PAGE_SIZE), 'a' + 100 % 26);
	assert_null(host_file_page(file, 101));
	assert_int_equal(sys_madvise(a, 200 * PAGE_SIZE, MADV_SEQUENTIAL), 0);
	for (unsigned long i = 0; i < 90; i++)
		assert_int_equal(byte_at(a + i * PAGE_SIZE), 'a' + (int)(i % 26));
	assert_non_null(host_file_page(file, 91));
	assert_true(p->maj_flt < 20);
	assert_int_equal(sys_madvise(a + 150 * PAGE_SIZE, 50 * PAGE_SIZE, MADV_WILLNEED), 0);
	host_settle();
	FAULTS(1, assert_int_equal(byte_at(a + 160 * PAGE_SIZE), 'a' + 160 % 26));
	assert_int_equal(sys_madvise(a, 200 * PAGE_SIZE, MADV_NORMAL), 0);
	assert_int_equal(sys_madvise(a, 200 * PAGE_SIZE, MADV_DONTNEED), 0);
	RSS(0, 0, 0);
	assert_int_equal(byte_at(a), 'a');
	remove_file();
}

/* A page that another task's read has locked: the fault lets go of mmap_lock and waits. */
static void read_first(void *arg)
{
	assert_int_equal(byte_at(*(unsigned long *)arg), 'a');
}

static void test_fault_waits_for_a_read(void **state)
{
	unsigned long a = map_letters(1, PROT_READ, MAP_PRIVATE);
	struct task_struct *other = host_fork(p);

	(void)state;
	host_start(other, read_first, &a);
	host_sleep(0); /* it has asked the disk, and waits */
	assert_true(PageLocked(host_file_page(file, 0)));
	FAULTS(1, assert_int_equal(byte_at(a), 'a'));
	assert_int_equal(p->maj_flt, 1);
	host_join(other);
	assert_int_equal(other->maj_flt, 1);
	host_exit(other);
	remove_file();
}

/* Every allocation on the way of a file fault may fail; the program never sees it. */
static void test_failed_allocations(void **state)
{
	unsigned long a = map_letters(8, RW, MAP_SHARED), private;

	(void)state;
	private = map_file(file, 8, RW, MAP_PRIVATE);
	for (unsigned long n = 1, failed = 1; failed; n++) {
		host_file_drop(file);
		host_fail_alloc(n);
		OK(poke(a + 2 * PAGE_SIZE, 'x'));
		assert_int_equal(byte_at(a), 'a');
		OK(poke(private + 3 * PAGE_SIZE, 'y'));
		failed = host_alloc_calls >= n;
		host_fail_alloc(0);
		assert_int_equal(byte_at(private + 2 * PAGE_SIZE), 'x');
		assert_int_equal(sys_madvise(a, 8 * PAGE_SIZE, MADV_DONTNEED), 0);
		assert_int_equal(sys_madvise(private, 8 * PAGE_SIZE, MADV_DONTNEED), 0);
	}
	remove_file();
}

static const struct CMUnitTest tests[] = {
	TEST(test_read_from_disk),
	TEST(test_fault_around),
	TEST(test_private_write_copies_at_once),
	TEST(test_private_write_after_read),
	TEST(test_shared_write_and_writeback),
	TEST(test_unmap_keeps_the_dirt),
	TEST(test_coherence),
	TEST(test_two_processes_share),
	TEST(test_beyond_the_end),
	TEST(test_truncate),
	TEST(test_errors),
	TEST(test_msync),
	TEST(test_mincore),
	TEST(test_readahead_and_advice),
	TEST(test_fault_waits_for_a_read),
	TEST(test_failed_allocations),
};
TEST_MAIN(16384)
