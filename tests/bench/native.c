/* SPDX-License-Identifier: MIT */
/*
 * Each kind of page fault many times on the host's software machine, for tests/bench/native.py.
 *
 *	native PAGES [KIND]
 *
 * It prints `KIND FAULTS TIME UNIT` for each: the time of all these faults together, less that of
 * the same accesses once nothing faults any more. Under valgrind --tool=callgrind
 * --toggle-collect=exc_page_fault, what the kernel executes for these faults is dumped kind by
 * kind; what prepares them is thrown away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "kernel/core/sched.h"
#include "mm/space/mman.h"
#include "tests/bench/cycles.h"
#include "tests/host/machine.h"

#define RAM 65536 /* frames, 256 MiB; only what is touched costs memory */
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static const char *unit;
static unsigned long pages, area;
static struct task_struct *child;
static struct host_file *file;

static void map(unsigned long prot, unsigned long flags)
{
	int fd = flags & MAP_ANONYMOUS ? -1 : host_open(file, true);

	area = sys_mmap(0, pages * PAGE_SIZE, prot, flags, fd, 0);
	if ((long)area < 0)
		abort();
}

static void write_all(void)
{
	for (unsigned long i = 0; i < pages; i++)
		host_put(area + i * PAGE_SIZE, i);
}

static void read_all(void)
{
	for (unsigned long i = 0; i < pages; i++)
		(void)host_get(area + i * PAGE_SIZE);
}

static void prepare_anon(void)
{
	map(RW, PRIVATE);
}

static void prepare_zero(void)
{
	map(RW, PRIVATE);
	read_all();
}

static void prepare_cow(void)
{
	map(RW, PRIVATE);
	write_all();
	child = host_fork(current);
}

static void prepare_reuse(void)
{
	prepare_cow();
	host_exit(child);
	child = NULL;
}

static void prepare_private(void)
{
	map(RW, MAP_PRIVATE);
}

static void prepare_shared(void)
{
	map(RW, MAP_SHARED);
}

static void prepare_swap(void)
{
	map(RW, PRIVATE);
	write_all();
	host_pageout(area, pages * PAGE_SIZE);
	host_reclaim(2 * pages); /* out of the swap cache too */
}

static const struct kind {
	const char *name;
	void (*prepare)(void), (*touch)(void);
} kinds[] = {
	{ "anon_write", prepare_anon, write_all },
	{ "anon_read", prepare_anon, read_all },
	{ "zero_page_write", prepare_zero, write_all },
	{ "cow_copy", prepare_cow, write_all },
	{ "cow_reuse", prepare_reuse, write_all },
	{ "file_read", prepare_shared, read_all },
	{ "file_private_write", prepare_private, write_all },
	{ "file_shared_write", prepare_shared, write_all },
	{ "swap_in", prepare_swap, read_all },
};

static void clean_up(void)
{
	sys_munmap(area, pages * PAGE_SIZE);
	if (child)
		host_exit(child);
	child = NULL;
}

static void run(const struct kind *kind)
{
	unsigned long faults;
	uint64_t took, again;

	kind->prepare();
	kind->touch(); /* the frames that it takes cost the host page faults, once */
	clean_up();
	kind->prepare();
	faults = host_faults;
	CALLGRIND_ZERO_STATS;
	took = cycles_now();
	kind->touch();
	took = cycles_now() - took;
	CALLGRIND_DUMP_STATS_AT(kind->name);
	faults = host_faults - faults;
	again = cycles_now();
	kind->touch();
	again = cycles_now() - again;
	printf("%s %lu %ld %s\n", kind->name, faults, (long)(took - again), unit);
	clean_up();
}

int main(int argc, char **argv)
{
	pages = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	unit = cycles_init();
	host_boot(RAM);
	host_switch(host_create());
	host_swapon(2 * pages, -1);
	host_tlb_enable(false); /* or each page of the model's TLB is searched */
	file = host_file_create("bench", NULL, pages * PAGE_SIZE);
	map(PROT_READ, MAP_SHARED);
	read_all(); /* the page cache has it all now */
	sys_munmap(area, pages * PAGE_SIZE);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc < 3 || strcmp(argv[2], kinds[i].name) == 0)
			run(&kinds[i]);
	return 0;
}
