/* SOURCES: arch/x86_64/cpu/timer_rate.c */
/* SPDX-License-Identifier: MIT */
/* The rate of a timer, measured on a machine whose host takes the CPU away at any moment. */
#include "tests/unit/test.h"

#include "lib/compiler.h"

#include "arch/x86_64/cpu/timer_rate.h"

#define HZ_TRUE 62500000ULL
#define READ_NS 1000
#define AWAY_NS 40000000

static u64 now_ns;
static unsigned int reads, away_at, away_again; /* before which reading the CPU is taken away */

static void pass(void)
{
	reads++;
	now_ns += READ_NS;
	if (reads == away_at || reads == away_again)
		now_ns += AWAY_NS;
}

static u64 fake_clock(void)
{
	pass();
	return now_ns;
}

static u32 fake_count(void)
{
	pass();
	return (u32)(~0u - now_ns * HZ_TRUE / 1000000000);
}

/* Returns how many readings it took. */
static unsigned int measure(unsigned int first, unsigned int second)
{
	u64 rate;

	now_ns = reads = 0;
	away_at = first;
	away_again = second;
	rate = timer_rate(fake_count, fake_clock);
	assert_in_range(rate, HZ_TRUE - HZ_TRUE / 1000, HZ_TRUE + HZ_TRUE / 1000);
	return reads;
}

static void test_undisturbed(void **state __maybe_unused)
{
	measure(0, 0);
	assert_in_range(now_ns, 5000000, 5200000);
}

static void test_taken_away(void **state __maybe_unused)
{
	unsigned int all = measure(0, 0);

	for (unsigned int at = 1; at <= all; at++) {
		measure(at, 0);
		measure(at, at + 1);
		measure(at, at + 48);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undisturbed),
		cmocka_unit_test(test_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
