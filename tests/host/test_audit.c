/* SPDX-License-Identifier: MIT */
/*
 * The audit finds nothing to say about a machine in any state that the kernel's own calls lead to, and
 * sees what is broken on purpose.
 */
#include "tests/host/test.h"

#include "mm/audit.h"

#define PAGES 64UL

static void expect_ok(const char *where)
{
	char what[AUDIT_SENTENCE];

	if (mm_audit(what, sizeof(what)))
		fail_msg("%s: %s", where, what);
}

static unsigned long map(unsigned long flags, int fd)
{
	unsigned long a = (unsigned long)sys_mmap(0, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
						  flags, (unsigned long)fd, 0);

	assert_true((long)a > 0);
	return a;
}

static void touch(unsigned long a, unsigned long step)
{
	for (unsigned long i = 0; i < PAGES; i += step)
		assert_int_equal(host_put(a + i * PAGE_SIZE, i).signal, 0);
}

/* Mappings of all kinds, changed in all ways, with a look after each step. */
static void test_states(void **state)
{
	struct host_file *file = host_file_create("data", NULL, PAGES * PAGE_SIZE);
	struct task_struct *p = host_create(), *child;
	unsigned long anon, shared, private;

	(void)state;
	host_switch(p);
	expect_ok("a fresh map");
	anon = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	shared = map(MAP_SHARED, host_open(file, true));
	private = map(MAP_PRIVATE, host_open(file, true));
	expect_ok("mapped");
	host_get(anon);
	touch(anon, 2);
	touch(shared, 3);
	touch(private, 4);
	expect_ok("touched");
	child = host_fork(p);
	assert_non_null(child);
	expect_ok("forked");
	touch(anon, 3);
	host_switch(child);
	touch(private, 5);
	expect_ok("copied");
	assert_int_equal(sys_mprotect(anon + 8 * PAGE_SIZE, 8 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(sys_munmap(anon + 20 * PAGE_SIZE, 4 * PAGE_SIZE), 0);
	assert_int_equal(sys_munmap(shared, 7 * PAGE_SIZE), 0);
	expect_ok("split");
	host_pageout(anon, 16 * PAGE_SIZE);
	expect_ok("paged out");
	host_switch(p);
	touch(anon, 1);
	host_file_truncate(file, PAGES * PAGE_SIZE / 2);
	expect_ok("truncated");
	host_exit(child);
	expect_ok("the child is gone");
	host_exit(p);
	host_settle();
	expect_ok("all are gone");
	host_file_remove(file);
}

/* A stack that nobody may write grows under a refused access, and is no promise of memory. */
static void test_unwritable_stack(void **state)
{
	struct task_struct *p = host_create();
	unsigned long a;

	(void)state;
	host_switch(p);
	a = (unsigned long)sys_mmap(0, PAGES * PAGE_SIZE, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1UL, 0);
	assert_true((long)a > 0);
	assert_int_not_equal(host_write(a - 3 * PAGE_SIZE, "x", 1).signal, 0);
	expect_ok("the stack has grown");
	host_exit(p);
	expect_ok("and is gone");
}

/* Twice the memory, so that reclaim and swap are at work in between. */
static void test_pressure(void **state)
{
	struct task_struct *p = host_create();
	unsigned long pages = 6000, a;

	(void)state;
	host_switch(p);
	a = (unsigned long)sys_mmap(0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0);
	for (unsigned long i = 0; i < 2 * pages; i++) {
		assert_int_equal(host_put(a + i % pages * PAGE_SIZE, i).signal, 0);
		if (i % 500 == 0)
			expect_ok("under pressure");
	}
	host_exit(p);
	host_settle();
	expect_ok("after it");
}

/* Each record of a map broken once: the audit names it, and all is well again. */
static void test_spoils(void **state)
{
	struct host_file *file = host_file_create("data", NULL, PAGES * PAGE_SIZE);
	struct task_struct *p = host_create();
	unsigned long a;
	char what[2 * AUDIT_SENTENCE];
	int err;

	(void)state;
	host_switch(p);
	a = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	touch(a, 1);
	host_pageout(a, 8 * PAGE_SIZE);
	host_get(map(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	touch(map(MAP_SHARED, host_open(file, true)), 1);
	a = map(MAP_PRIVATE, host_open(file, true));
	assert_int_equal(sys_mprotect(a, PAGES * PAGE_SIZE, PROT_READ), 0);
	host_get(a);
	a = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	assert_int_equal(sys_mprotect(a, PAGE_SIZE, PROT_NONE), 0);
	for (unsigned int n = 0; (err = mm_audit_spoil(n, what, sizeof(what))) != -ENOENT; n++)
		if (err)
			fail_msg("%d: %s", err, what);
	expect_ok("all put back");
	host_exit(p);
	host_settle();
	host_file_remove(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_unwritable_stack),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_spoils),
	};

	host_boot(4096);
	assert_true(host_swapon(8192, -1) >= 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
