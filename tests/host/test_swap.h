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

#define SWAP_TEST(name) cmocka_unit_test_setup_teardown(name, swap_setup, swap_teardown)

#endif
