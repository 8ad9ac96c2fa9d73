/* SPDX-License-Identifier: MIT */
/*
 * What the tests on the software machine share. Each test begins with the process p in a machine
 * whose caches are empty, and ends with everything back: no frame, page table, slab object or swap
 * slot more than before, and nothing stale in the TLB.
 */
#ifndef TESTS_HOST_TEST_H
#define TESTS_HOST_TEST_H

#include "tests/unit/test.h"

#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mman.h"
#include "mm/space/pagetable.h"
#include "mm/stats.h"
#include "tests/host/host.h"
#include "tests/host/internal.h"
#include <asm/pf.h>
#include <asm/uaccess.h>

#define SIGBUS 7
#define SIGKILL 9
#define SIGSEGV 11
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRERR 2
#define RW (PROT_READ | PROT_WRITE)
#define FIXED_ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct task_struct *p __attribute__((unused));
static struct host_census census_before;

static __attribute__((unused)) int setup(void **state)
{
	(void)state;
	host_settle();
	drop_caches(3);
	host_census(&census_before);
	p = host_create();
	host_switch(p);
	host_record();
	return p ? 0 : -1;
}

static __attribute__((unused)) int teardown(void **state)
{
	unsigned int before = host_complaints;
	struct host_census after;

	(void)state;
	host_complaints_expected = true; /* the test may have stopped halfway: say both, go on */
	host_fail_alloc(0);
	host_settle();
	host_tlb_check();
	host_audit();
	if (p)
		host_exit(p);
	host_settle();
	drop_caches(3);
	host_audit();
	host_census(&after);
	host_census_same(&census_before, &after, "since the test began");
	host_complaints_expected = false;
	if (host_complaints != before)
		print_error("%s\n", host_complaint);
	return host_complaints != before;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Boot with @pages frames and run the tests. */
#define TEST_MAIN(pages)                                                                           \
	int main(void)                                                                             \
	{                                                                                          \
		TEST_SETUP();                                                                      \
		host_boot(pages);                                                                  \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}

/* --- asserting --- */
#define OK(verdict) SIGNAL(verdict, 0, 0, 0)
#define SIGNAL(verdict, sig, si_code, si_addr)                                                     \
	do {                                                                                       \
		struct host_verdict __v = (verdict);                                               \
		if (__v.signal != (sig) || __v.code != (si_code) || __v.addr != (unsigned long)(si_addr)) \
			fail_msg("%s:%d: %s: signal %d code %d at %#lx", __FILE__, __LINE__,       \
				 #verdict, __v.signal, __v.code, __v.addr);                        \
	} while (0)
/* The last fault came to this door at last. */
#define DOOR(name)                                                                                 \
	do {                                                                                       \
		size_t __n = strlen(host_doors()), __m = strlen(name);                             \
		if (__n < __m || strcmp(host_doors() + __n - __m, name))                           \
			fail_msg("%s:%d: not by %s: %s", __FILE__, __LINE__, name, host_doors());  \
	} while (0)
/* Its last try went through these doors, and no others. */
#define DOORS(text)                                                                                \
	do {                                                                                       \
		if (strcmp(host_doors(), text))                                                    \
			fail_msg("%s:%d: not by %s: %s", __FILE__, __LINE__, text, host_doors());  \
	} while (0)
#define COUNTS(page, refs, maps)                                                                   \
	do {                                                                                       \
		assert_int_equal(page_count(page), refs);                                          \
		assert_int_equal(page_mapcount(page), maps);                                       \
	} while (0)
/* Frames of the running process: anonymous, of files, in swap. */
#define RSS(anon, file, swap)                                                                      \
	do {                                                                                       \
		assert_int_equal(mm_counter_sum(current->mm, MM_ANONPAGES), anon);                            \
		assert_int_equal(mm_counter_sum(current->mm, MM_FILEPAGES), file);                            \
		assert_int_equal(mm_counter_sum(current->mm, MM_SWAPENTS), swap);                             \
	} while (0)
/* @statement takes exactly @n page faults. */
#define FAULTS(n, statement)                                                                       \
	do {                                                                                       \
		unsigned long __before = host_faults;                                              \
		statement;                                                                         \
		assert_int_equal(host_faults - __before, n);                                       \
	} while (0)

/* @statement makes the machine complain, in words that hold @text. */
#define COMPLAINS(statement, text)                                                                 \
	do {                                                                                       \
		unsigned int __before = host_complaints;                                           \
		host_complaints_expected = true;                                                   \
		statement;                                                                         \
		host_complaints_expected = false;                                                  \
		assert_int_not_equal(host_complaints, __before);                                   \
		if (!strstr(host_complaint, text))                                                 \
			fail_msg("complains: %s", host_complaint);                                 \
	} while (0)

/* --- doing --- */
static inline unsigned long map_at(unsigned long addr, unsigned long pages, unsigned long prot,
				   unsigned long flags, int fd, pgoff_t pgoff)
{
	return (unsigned long)sys_mmap(addr, pages * PAGE_SIZE, prot, flags, (unsigned long)fd,
				       pgoff * PAGE_SIZE);
}

/* Private anonymous memory. Aborts the test when there is none. */
static inline unsigned long map_anon(unsigned long pages, unsigned long prot)
{
	unsigned long addr = map_at(0, pages, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_false(IS_ERR_VALUE(addr));
	return addr;
}

/* [0, @pages) of @file, which is opened for it. @flags: MAP_SHARED or MAP_PRIVATE. */
static inline unsigned long map_file(struct host_file *file, unsigned long pages,
				     unsigned long prot, unsigned long flags)
{
	int fd = host_open(file, true);
	unsigned long addr = map_at(0, pages, prot, flags, fd, 0);

	assert_false(IS_ERR_VALUE(addr));
	host_close(fd);
	return addr;
}

/* A file whose page i is full of the byte 'a' + i % 26. */
static inline struct host_file *letters(const char *name, unsigned long pages)
{
	char *text = malloc(pages * PAGE_SIZE);
	struct host_file *file;

	for (unsigned long i = 0; i < pages; i++)
		memset(text + i * PAGE_SIZE, 'a' + (int)(i % 26), PAGE_SIZE);
	file = host_file_create(name, text, pages * PAGE_SIZE);
	free(text);
	return file;
}

static inline char byte_at(unsigned long addr)
{
	char byte = 0;

	OK(host_read(addr, &byte, 1));
	return byte;
}

static inline struct host_verdict poke(unsigned long addr, char byte)
{
	return host_write(addr, &byte, 1);
}

/* Page i of [a, a + pages) holds first + i; the same, made anew. */
static inline void expect_pages(unsigned long a, unsigned long pages, u64 first)
{
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), first + i);
}

static inline unsigned long written(unsigned long pages, u64 first)
{
	unsigned long a = map_anon(pages, RW);

	for (unsigned long i = 0; i < pages; i++)
		OK(host_put(a + i * PAGE_SIZE, first + i));
	return a;
}

#endif
