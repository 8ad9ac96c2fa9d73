/* SPDX-License-Identifier: MIT */
/* Writeback with something else going on: pages dirtied again, cut off, forgotten in flight. */
#include "tests/host/test.h"

#include "mm/backing/writeback.h"

#define CROWD 10

static struct host_file *file;

static void write_letter(struct host_file *to, const char *letter)
{
	assert_int_equal(host_file_write(to, letter, 1, 0), 1);
}

static char on_disk(struct host_file *from)
{
	char byte;

	host_file_on_disk(from, &byte, 1, 0);
	return byte;
}

/* Begin to write; the disk has the request, and nobody has waited for it. */
static struct page *in_flight(void)
{
	file = letters("letters", 2);
	write_letter(file, "1");
	assert_int_equal(filemap_write_range(host_file_mapping(file), 0, ~0UL, false), 0);
	assert_true(PageWriteback(host_file_page(file, 0)));
	return host_file_page(file, 0);
}

/* What is written meanwhile goes out the next time, and fsync() waits for that. */
static void test_dirtied_again(void **state)
{
	struct page *page = in_flight();

	(void)state;
	write_letter(file, "2");
	assert_true(PageDirty(page));
	assert_int_equal(filemap_write_range(host_file_mapping(file), 0, ~0UL, false), 0);
	assert_true(PageDirty(page)); /* busy: left for later */
	assert_int_equal(host_file_sync(file), 0);
	assert_false(PageDirty(page) || PageWriteback(page));
	assert_int_equal(on_disk(file), '2');
	host_file_remove(file);
}

/* Only the range that was asked for is written. */
static void test_range(void **state)
{
	(void)state;
	file = letters("letters", 3);
	for (loff_t i = 0; i < 3; i++)
		assert_int_equal(host_file_write(file, "X", 1, i * (loff_t)PAGE_SIZE), 1);
	assert_int_equal(filemap_write_range(host_file_mapping(file), 1, 1, true), 0);
	assert_int_equal(on_disk(file), 'a');
	assert_true(PageDirty(host_file_page(file, 0)) && PageDirty(host_file_page(file, 2)));
	assert_false(PageDirty(host_file_page(file, 1)));
	host_file_remove(file);
}

/* A page that is cut off waits for its request: the disk must not write to a block of nobody's. */
static void test_truncated_in_flight(void **state)
{
	struct page *page = in_flight();

	(void)state;
	get_page(page);
	assert_int_equal(host_file_truncate(file, 0), 0);
	assert_false(PageWriteback(page));
	assert_null(page->mapping);
	put_page(page);
	assert_int_equal(host_file_truncate(file, PAGE_SIZE), 0);
	host_settle();
	assert_int_equal(on_disk(file), 0);
	host_file_remove(file);
}

static void flush(void *unused)
{
	(void)unused;
	writeback_all(true);
}

static struct task_struct *start_flush(void)
{
	struct task_struct *task = host_clone(p);

	host_start(task, flush, NULL);
	host_sleep(0);
	return task;
}

static void join(struct task_struct *task)
{
	host_join(task);
	host_exit(task);
}

/* A dying inode waits for who is writing it. */
static void test_forgotten_in_flight(void **state)
{
	struct task_struct *task;

	(void)state;
	file = letters("letters", 1);
	write_letter(file, "1");
	task = start_flush();
	assert_int_equal(on_disk(file), 'a');
	writeback_forget(host_file_mapping(file));
	assert_int_equal(on_disk(file), '1');
	join(task);
	host_file_remove(file);
}

/* sync(2) means all: also what the flusher has begun, and what another one has still before him. */
static void test_sync_waits_for_others(void **state)
{
	struct host_file *second = letters("second", 1);
	struct task_struct *task;

	(void)state;
	file = letters("letters", 1);
	write_letter(file, "1");
	writeback_all(false);
	assert_int_equal(on_disk(file), 'a');
	writeback_all(true);
	assert_int_equal(on_disk(file), '1');
	write_letter(file, "2");
	write_letter(second, "2");
	task = start_flush();
	writeback_all(true);
	assert_int_equal(on_disk(file), '2');
	assert_int_equal(on_disk(second), '2');
	join(task);
	host_file_remove(file);
	host_file_remove(second);
}

/* An error that nobody was told of is fsync()'s to tell, once, whoever wrote in between. */
static void test_errors_reach_fsync(void **state)
{
	struct host_file_errors *errors;

	(void)state;
	file = letters("letters", 1);
	errors = host_file_errors(file);
	for (int wait = 0; wait < 2; wait++) {
		write_letter(file, "1");
		errors->write = -EIO;
		writeback_all(wait);
		host_settle();
		errors->write = 0;
		assert_int_equal(host_file_sync(file), -EIO);
		assert_int_equal(host_file_sync(file), 0);
	}
	host_file_remove(file);
}

/* Many at a time: each returns when all is written. */
static void test_crowd(void **state)
{
	struct task_struct *tasks[CROWD];
	struct host_file *files[CROWD];
	char name[] = "file 0";

	(void)state;
	for (int i = 0; i < CROWD; i++, name[5]++) {
		files[i] = letters(name, 1);
		write_letter(files[i], "1");
	}
	for (int i = 0; i < CROWD; i++)
		tasks[i] = start_flush();
	join(tasks[CROWD - 1]);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(on_disk(files[i]), '1');
		host_file_remove(files[i]);
	}
	for (int i = 0; i < CROWD - 1; i++)
		join(tasks[i]);
}

/* Nobody waits for the flusher's own time: it writes what is old. */
static void test_flusher(void **state)
{
	(void)state;
	file = letters("letters", 1);
	write_letter(file, "1");
	host_sleep(6000000000UL); /* its interval is 5 s */
	host_settle();
	assert_int_equal(on_disk(file), '1');
	assert_int_equal(node_stat(N_nr_dirty), 0);
	host_file_remove(file);
}

static const struct CMUnitTest tests[] = {
	TEST(test_dirtied_again),
	TEST(test_range),
	TEST(test_truncated_in_flight),
	TEST(test_forgotten_in_flight),
	TEST(test_sync_waits_for_others),
	TEST(test_errors_reach_fsync),
	TEST(test_crowd),
	TEST(test_flusher),
};
TEST_MAIN(4096)
