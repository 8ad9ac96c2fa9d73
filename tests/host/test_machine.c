/* SPDX-License-Identifier: MIT */
/* The software machine itself: does it boot, does its TLB see what it must see? */
#include "tests/host/test.h"

static void test_first_write(void **state)
{
	struct task_struct *p = host_create();
	unsigned long a;

	(void)state;
	host_switch(p);
	a = vm_mmap(NULL, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	assert_int_equal(host_put(a, 42).signal, 0);
	assert_int_equal(host_get(a), 42);
	assert_true(pte_dirty(host_pte(p, a)));
	host_exit(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_write),
	};

	host_boot(16384);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
