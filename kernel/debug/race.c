/* SPDX-License-Identifier: MIT */
/* Lingering at race points: see race.h. */
#include "kernel/debug/race.h"

#include "kernel/core/param.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "lib/util.h"
#include <asm/msr.h>
#include <asm/percpu.h>
#include <asm/processor.h>

unsigned long race_seed;

/* The state of each CPU's random numbers; 0: not begun. */
static DEFINE_PER_CPU(u64, race_random);
static DEFINE_PER_CPU(unsigned long, race_passed);
static DEFINE_PER_CPU(unsigned long, race_lingered);
/* Of all sites in the order in which they were passed. Means something only where CPUs run in turns. */
static u64 race_order;

static int set_race_seed(const char *value)
{
	return param_number(value, 0, ~0UL, &race_seed);
}
KNOB(race_seed, "NUMBER", "linger at the race points that it chooses, 0: at none", set_race_seed);

/* splitmix64's finaliser. */
static u64 mix(u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
	return x ^ x >> 31;
}

static u64 id_of(const char *name)
{
	u64 id = 0;

	while (*name)
		id = mix(id + (unsigned char)*name++);
	return id | 1;
}

static u64 next_random(void)
{
	u64 *state = this_cpu_ptr(&race_random);

	if (!*state)
		*state = mix(race_seed + this_cpu_read(cpu_number));
	return mix(*state += 0x9e3779b97f4a7c15UL);
}

/* The seed makes each site one that is never lingered at, or at one of so many passages. */
static bool is_time(const struct race_site *site, u64 random)
{
	static const u8 one_in[] = { 0, 64, 8, 2 };
	u8 n = one_in[mix(race_seed ^ site->id) % ARRAY_SIZE(one_in)];

	return n && random % n == 0;
}

void race_linger(struct race_site *site, bool may_sleep)
{
	u64 random = next_random();
	unsigned int pauses;

	if (!site->id)
		site->id = id_of(site->name);
	this_cpu_inc(race_passed);
	race_order = mix(race_order ^ site->id ^ this_cpu_read(cpu_number));
	if (!is_time(site, random))
		return;
	this_cpu_inc(race_lingered);
	random >>= 32;
	if (may_sleep && random % 4 == 0) {
		yield();
		return;
	}
	/* 16 to 2048 pauses: some hundred instructions up to the length of a system call. */
	for (pauses = 16U << (random >> 8) % 8; pauses; pauses--)
		cpu_relax();
}

#define ALIGNMENT (1UL << 29)
#define SLED 256 /* instructions; more than the loops below overshoot by */

void race_align(void)
{
	u64 until = ALIGN(rdtsc(), ALIGNMENT), late;

	if (!race_seed)
		return;
	while (rdtsc() + 4096 < until)
		for (int i = 0; i < 1024; i++)
			barrier();
	while (rdtsc() < until)
		barrier();
	late = min(rdtsc() - until, (u64)SLED);
	__asm__ volatile("lea 1f(%%rip), %%rax\n\t"
			 "add %0, %%rax\n\t"
			 "jmp *%%rax\n"
			 "1:\t.skip %c1, 0x90" /* nops of one byte */
			 :
			 : "r"(late), "i"(SLED)
			 : "rax", "cc");
}

void race_report(void)
{
	unsigned long passed = 0, lingered = 0;
	unsigned int cpu;

	if (!race_seed)
		return;
	for_each_cpu(cpu) {
		passed += per_cpu(race_passed, cpu);
		lingered += per_cpu(race_lingered, cpu);
	}
	pr_info("race: seed %lu: %lu points passed, %lu lingered at, order %016lx\n", race_seed,
		passed, lingered, (unsigned long)race_order);
}
