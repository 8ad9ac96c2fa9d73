/* SPDX-License-Identifier: MIT */
/*
 * bench - what the operations of the memory manager cost. The same binary runs on Linux.
 *
 *	bench [-r REPS] [-v VMAS] [PATTERN...]
 *
 * What you see: for each operation whose name matches a pattern (all without one) a line
 *	bench NAME UNIT MEDIAN MEAN MIN N
 * in ticks of the time stamp counter, which under `-icount shift=0` are instructions (rep counts
 * one for each iteration: 512 to zero or to copy a page). An operation is timed alone, N times,
 * after warming up, less what the timing itself costs; the median knows no timer tick. Calls over
 * many pages are timed over few and over many, and the difference is what a page costs. -v: the
 * faults happen in random ones of that many mappings.
 *
 * Before that comes `bench-clock HZ START`: ticks a second, and the counter when main() began.
 *
 * Served by: every kind of fault in handle_pte_fault; mmap, munmap, mprotect, mremap, madvise;
 * dup_mm, exit_mmap; the page cache under read and write.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <time.h>

#include "bench_ops.h"

/* ---- The table ------------------------------------------------------------------------------- */

static const struct operation {
	const char *name, *unit;
	void (*round)(void);               /* times itself, any number of times */
	void (*over)(unsigned long pages); /* or: times itself once, over so many pages */
	bool once;                         /* one round is enough, without warming up */
} operations[] = {
	{"getppid", "call", getppid_call, NULL, false},
	{"anon_write", "fault", anon_write, NULL, false},
	{"anon_read", "fault", anon_read, NULL, false},
	{"zero_page_write", "fault", zero_page_write, NULL, false},
	{"cow_copy", "fault", cow_copy, NULL, false},
	{"cow_reuse", "fault", cow_reuse, NULL, false},
	{"file_read_seq", "page", file_read_seq, NULL, false},
	{"file_private_write", "fault", file_private_write, NULL, false},
	{"file_shared_write", "fault", file_shared_write, NULL, false},
	{"file_shared_clean", "fault", file_shared_clean, NULL, false},
	{"shmem_write", "fault", shmem_write, NULL, false},
	{"swap_cache", "fault", swap_cache, NULL, false},
	{"sigsegv", "signal", sigsegv, NULL, false},
	{"mprotect_split", "call", mprotect_split, NULL, false},
	{"mmap_pair", "pair", mmap_pair, NULL, false},
	{"brk_pair", "pair", brk_pair, NULL, false},
	{"fork_exit_wait", "process", fork_exit_wait, NULL, false},
	{"fork_exec_wait", "process", fork_exec_wait, NULL, false},
	{"clock_gettime", "call", clock_call, NULL, false},
	{"stat", "call", stat_path, NULL, false},
	{"open_close", "pair", open_close, NULL, false},
	{"fork_page", "page", NULL, fork_pages, false},
	{"munmap_page", "page", NULL, munmap_pages, false},
	{"dontneed_page", "page", NULL, dontneed_pages, false},
	{"mprotect_page", "page", NULL, mprotect_pages, false},
	{"mremap_page", "page", NULL, mremap_pages, false},
	{"read_page", "call", read_page, NULL, false},
	{"write_page", "call", write_page, NULL, false},
	{"pipe_ping", "trip", pipe_ping, NULL, false},
	{"swap_in", "fault", swap_in, NULL, true},
}, among_many[] = {
	{"vmas_write", "fault", vmas_write, NULL, false},
	{"vmas_read", "fault", vmas_read, NULL, false},
};

static bool measure_rounds(const struct operation *op, unsigned long pages, struct result *r)
{
	unsigned first;

	for (unsigned i = op->once ? reps : 0; i <= reps; i++) {
		first = count;
		if (op->round)
			op->round();
		else
			op->over(pages);
		if (i == 0)
			count = 0; /* that was for warming up */
		else
			end_round(first);
	}
	if (!count)
		return false;
	*r = take_result();
	return true;
}

static void measure(const struct operation *op)
{
	const long pages = MANY - FEW;
	struct result r, few;

	(void)RDTSC("bench_next");
	if (!measure_rounds(op, MANY, &r)) {
		printf("# %s: it does not happen here\n", op->name);
		return;
	}
	if (op->over) {
		(void)RDTSC("bench_few");
		measure_rounds(op, FEW, &few);
		r.median = (r.median - few.median) / pages;
		r.mean = (r.mean - few.mean) / pages;
		r.min = (r.min - few.min) / pages;
	}
	printf("bench %s %s %ld %ld %ld %ld\n", op->name, op->unit, r.median, r.mean, r.min, r.n);
}

static bool wanted(const char *name, char **patterns)
{
	if (!*patterns)
		return true;
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

static void make_file(void)
{
	char path[] = "bench.XXXXXX", page[PAGE];

	file = mkstemp(path);
	must(file >= 0 && unlink(path) == 0, "a file in the current folder");
	memset(page, 'b', sizeof(page));
	for (unsigned long i = 0; i < FILE_PAGES; i++)
		must(write(file, page, PAGE) == PAGE, "write");
	must(fsync(file) == 0, "fsync");
}

/* Prints how fast the counter counts, and where it was at @start. */
static void print_clock(uint64_t start)
{
	struct timespec a, b;
	uint64_t tsc;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &a);
	tsc = clock_end();
	do {
		clock_gettime(CLOCK_MONOTONIC, &b);
		seconds = b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
	} while (seconds < 0.01);
	printf("bench-clock %.0f %lu\n", (clock_end() - tsc) / seconds, start);
}

int main(int argc, char **argv)
{
	uint64_t start = RDTSC("bench_start");
	int option;

	while ((option = getopt(argc, argv, "r:v:")) != -1) {
		if (option == 'r')
			reps = atoi(optarg) < MAX_ROUNDS ? atoi(optarg) : MAX_ROUNDS;
		else if (option == 'v')
			vmas = atol(optarg);
		else
			return 2;
	}
	print_clock(start);
	memset(samples, 1, sizeof(samples));
	for (int i = 0; i < 100; i++)
		TIMED();
	end_round(0);
	overhead = take_result().min;
	make_file();
	write_all(map_at(PINNED, 1, RW, PRIVATE, -1), 1);
	if (vmas) {
		make_vmas();
		for (size_t i = 0; i < sizeof(among_many) / sizeof(among_many[0]); i++)
			measure(&among_many[i]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (wanted(operations[i].name, argv + optind))
			measure(&operations[i]);
	return 0;
}
