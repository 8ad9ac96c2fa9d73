/* SPDX-License-Identifier: MIT */
/* Tests with a swap area of 1024 pages, which is given back when the process has ended. */
#ifndef TESTS_HOST_TEST_SWAP_H
#define TESTS_HOST_TEST_SWAP_H

#include "tests/host/test.h"

static int area;

static int swap_setup(void **state)
{
	int err = setup(state);

	area = host_swapon(1024, -1);
	return err || area < 0;
}

static int swap_teardown(void **state)
{
	if (p)
		host_exit(p);
	p = NULL;
	host_settle();
	assert_int_equal(host_swapoff(area), 0);
	return teardown(state);
}

/* Page @a, which holds 1, and the next, which holds 2, are in swap and cannot be read for a while. */
static void expect_read_error(unsigned long a)
{
	host_disk_fail(area, true, false);
	SIGNAL(host_read(a, &(u64){ 0 }, 8), SIGBUS, BUS_ADRERR, a);
	SIGNAL(host_put(a, 1), SIGBUS, BUS_ADRERR, a);
	host_settle();
	host_disk_fail(area, false, false);
	assert_int_equal(host_get(a), 1); /* the device is asked again */
	assert_int_equal(host_get(a + PAGE_SIZE), 2);
}

/* Page @a cannot be written to swap for a while: no fault finds that out. */
static void expect_write_error(unsigned long a)
{
	OK(host_put(a, 3));
	host_disk_fail(area, false, true);
	sys_madvise(a, PAGE_SIZE, MADV_PAGEOUT);
	host_settle();
	assert_int_equal(host_get(a), 3); /* the frame was the only copy: it stayed */
	assert_int_equal(p->maj_flt, 0);
	host_disk_fail(area, false, false);
	host_pageout(a, PAGE_SIZE);
	assert_int_equal(host_get(a), 3);
}

#define SWAP_TEST(name) cmocka_unit_test_setup_teardown(name, swap_setup, swap_teardown)

#endif
