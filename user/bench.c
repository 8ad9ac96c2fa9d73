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
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "probe.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAX_SAMPLES 2048
#define MAX_ROUNDS 64
#define BATCH 256UL /* pages that are touched one by one */
#define FEW 128UL   /* pages of a call, twice, for the cost of a page */
#define MANY 1152UL
#define FILE_PAGES 64UL
#define MANY_VMAS (1UL << 40) /* where -v puts its mappings, one page each, every other page */

/*
 * The arena is at an address of its own, so that no neighbour merges with it. Its page tables for
 * the first 2 MiB stay, because of a page at their end: a table is no part of what a fault costs.
 */
static unsigned char *const arena = (unsigned char *)(1UL << 36);
#define PINNED (arena + 511 * PAGE)

static uint64_t samples[MAX_SAMPLES], means[MAX_ROUNDS];
static unsigned count, rounds, reps = 8;
static uint64_t overhead;
static unsigned long vmas;
static int file;

#define RDTSC(label)                                                                  \
	({                                                                            \
		uint32_t low_, high_;                                                 \
		asm volatile(label ": rdtsc" : "=a"(low_), "=d"(high_) : : "memory"); \
		(uint64_t) high_ << 32 | low_;                                        \
	})

/* What lies between the two is being timed: `make profile` finds them by their labels. */
__attribute__((noinline)) static uint64_t clock_begin(void)
{
	return RDTSC("bench_begin");
}

__attribute__((noinline)) static uint64_t clock_end(void)
{
	return RDTSC("bench_end");
}

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(bool good, const char *what)
{
	if (!good)
		die(what);
}

/* Keeps the time since @start, the cost of each of @units. */
static void sample(uint64_t start, unsigned long units)
{
	uint64_t took = clock_end() - start;

	if (count < MAX_SAMPLES)
		samples[count++] = (took > overhead ? took - overhead : 0) / units;
}

#define TIMED_FOR(units, what)                   \
	do {                                     \
		uint64_t start_ = clock_begin(); \
		what;                            \
		sample(start_, units);           \
	} while (0)
#define TIMED(what) TIMED_FOR(1, what)

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct result {
	long median, mean, min, n;
};

/* A round has ended whose samples are those from @first on. */
static void end_round(unsigned first)
{
	uint64_t sum = 0;

	for (unsigned i = first; i < count; i++)
		sum += samples[i];
	if (count > first)
		means[rounds++] = sum / (count - first);
}

/* The samples since the last call, summed up; there is at least one. */
static struct result take_result(void)
{
	struct result r;

	qsort(samples, count, sizeof(samples[0]), by_size);
	qsort(means, rounds, sizeof(means[0]), by_size);
	r = (struct result){ samples[count / 2], means[rounds / 2], samples[0], count };
	count = rounds = 0;
	return r;
}

/* ---- Memory to work on ----------------------------------------------------------------------- */

static void *map_at(void *at, unsigned long pages, int prot, int flags, int fd)
{
	void *p = mmap(at, pages * PAGE, prot, flags | MAP_FIXED, fd, 0);

	must(p != MAP_FAILED, "mmap");
	return p;
}

static unsigned char *fresh(unsigned long pages)
{
	return map_at(arena, pages, RW, PRIVATE, -1);
}

static unsigned char *fresh_file(int prot, int flags)
{
	return map_at(arena, FILE_PAGES, prot, flags, file);
}

static void write_all(unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		poke(p + i * PAGE, 1);
}

static void read_all(const unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		(void)peek(p + i * PAGE);
}

static void time_writes(unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		TIMED(poke(p + i * PAGE, 2));
}

static void time_reads(const unsigned char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		TIMED((void)peek(p + i * PAGE));
}

/* A child that lives until its end of the pipe is closed; -1 as @gate for one that ends at once. */
static pid_t child(int gate[2])
{
	pid_t pid = fork();
	char c;

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	if (gate) {
		close(gate[1]);
		(void)!read(gate[0], &c, 1);
	}
	_exit(0);
}

static void end_child(pid_t pid, int gate[2])
{
	close(gate[1]);
	close(gate[0]);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

/* ---- Faults: each round gives samples -------------------------------------------------------- */

static void anon_write(void)
{
	time_writes(fresh(BATCH), BATCH);
}

static void anon_read(void)
{
	time_reads(fresh(BATCH), BATCH);
}

static void zero_page_write(void)
{
	unsigned char *p = fresh(BATCH);

	read_all(p, BATCH);
	time_writes(p, BATCH);
}

static void cow_copy(void)
{
	unsigned char *p = fresh(BATCH);
	int gate[2];
	pid_t pid;

	write_all(p, BATCH);
	must(pipe(gate) == 0, "pipe");
	pid = child(gate);
	time_writes(p, BATCH);
	end_child(pid, gate);
}

static void cow_reuse(void)
{
	unsigned char *p = fresh(BATCH);
	pid_t pid;

	write_all(p, BATCH);
	pid = child(NULL);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	time_writes(p, BATCH);
}

/* All pages in one go, less the same loop when there is nothing to fault any more. */
static void file_read_seq(void)
{
	unsigned char *p = fresh_file(PROT_READ, MAP_SHARED);
	uint64_t start = clock_begin(), took, again;

	read_all(p, FILE_PAGES);
	took = clock_end() - start;
	start = clock_begin();
	read_all(p, FILE_PAGES);
	again = clock_end() - start;
	samples[count++] = (took > again ? took - again : 0) / FILE_PAGES;
}

static void file_private_write(void)
{
	time_writes(fresh_file(RW, MAP_PRIVATE), FILE_PAGES);
}

static void file_shared_write(void)
{
	time_writes(fresh_file(RW, MAP_SHARED), FILE_PAGES);
}

/* The pages of the file are clean before: the file system is asked for room on the disk. */
static void file_shared_clean(void)
{
	munmap(arena, FILE_PAGES * PAGE);
	must(fsync(file) == 0, "fsync");
	file_shared_write();
}

/* The page is in the swap area, but still in memory too. */
static void swap_cache(void)
{
	unsigned char *p = fresh(BATCH);

	write_all(p, BATCH);
	madvise(p, BATCH * PAGE, MADV_PAGEOUT);
	for (unsigned long i = 0; i < BATCH; i++)
		if (pagemap_entry(p + i * PAGE).swapped)
			TIMED((void)peek(p + i * PAGE));
}

static volatile sig_atomic_t segvs;

/* The faulting instruction is `movb $1, (%rax)`, three bytes long: go on behind it. */
static void on_segv(int sig, siginfo_t *info, void *context)
{
	segvs++;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 3;
}

static void sigsegv(void)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	unsigned char *p = map_at(arena, 1, PROT_NONE, PRIVATE, -1);
	int before = segvs;

	sigaction(SIGSEGV, &sa, NULL);
	for (int i = 0; i < 16; i++)
		TIMED(asm volatile("movb $1, (%%rax)" : : "a"(p) : "memory"));
	signal(SIGSEGV, SIG_DFL);
	must(segvs == before + 16, "SIGSEGV");
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* One call that splits the mapping, one that merges it again. */
static void mprotect_split(void)
{
	unsigned char *p = fresh(BATCH), *middle = p + 50 * PAGE;

	write_all(p, BATCH);
	for (int i = 0; i < 16; i++)
		TIMED_FOR(2, mprotect(middle, PAGE, PROT_READ); mprotect(middle, PAGE, RW));
}

static void mmap_pair(void)
{
	void *p;

	for (int i = 0; i < 16; i++)
		TIMED(p = mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 0); munmap(p, PAGE));
}

static void fork_exit_wait(void)
{
	pid_t pid;

	munmap(arena, BATCH * PAGE);
	for (int i = 0; i < 4; i++)
		TIMED(pid = fork(); if (!pid) _exit(0); waitpid(pid, NULL, 0));
}

static void getppid_call(void)
{
	for (int i = 0; i < 16; i++)
		TIMED(getppid());
}

static void brk_pair(void)
{
	long end = syscall(SYS_brk, 0);

	for (int i = 0; i < 16; i++)
		TIMED(syscall(SYS_brk, end + 2 * PAGE); syscall(SYS_brk, end));
}

static void read_page(void)
{
	static char buffer[PAGE] __attribute__((aligned(4096)));

	for (int i = 0; i < 16; i++)
		TIMED(must(pread(file, buffer, PAGE, i * PAGE) == PAGE, "pread"));
}

static void write_page(void)
{
	static char buffer[PAGE] __attribute__((aligned(4096)));

	for (int i = 0; i < 16; i++)
		TIMED(must(pwrite(file, buffer, PAGE, i * PAGE) == PAGE, "pwrite"));
}

static void echo(int from, int to)
{
	char c;

	while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
		;
	_exit(0);
}

static void pipe_ping(void)
{
	int there[2], back[2];
	pid_t pid;
	char c = 0;

	must(pipe(there) == 0 && pipe(back) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		close(there[1]);
		echo(there[0], back[1]);
	}
	for (int i = 0; i < 16; i++)
		TIMED((void)!write(there[1], &c, 1); (void)!read(back[0], &c, 1));
	close(back[1]);
	close(back[0]);
	end_child(pid, there);
}

/* ---- Calls over many pages: one sample each, over @pages pages ------------------------------- */

static void fork_pages(unsigned long pages)
{
	int gate[2];
	pid_t pid;

	write_all(fresh(pages), pages);
	must(pipe(gate) == 0, "pipe");
	TIMED(pid = child(gate));
	end_child(pid, gate);
	munmap(arena, pages * PAGE);
}

static void munmap_pages(unsigned long pages)
{
	write_all(fresh(pages), pages);
	TIMED(munmap(arena, pages * PAGE));
}

static void dontneed_pages(unsigned long pages)
{
	write_all(fresh(pages), pages);
	TIMED(madvise(arena, pages * PAGE, MADV_DONTNEED));
	munmap(arena, pages * PAGE);
}

static void mprotect_pages(unsigned long pages)
{
	write_all(fresh(pages), pages);
	TIMED(mprotect(arena, pages * PAGE, PROT_READ));
	munmap(arena, pages * PAGE);
}

/* To an address that differs within the 2 MiB, so that no table can be moved as a whole. */
static void mremap_pages(unsigned long pages)
{
	unsigned char *to = arena + (32UL << 20) + 8 * PAGE;

	write_all(fresh(pages), pages);
	TIMED(must(mremap(arena, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
			   to,
		   "mremap"));
	munmap(to, pages * PAGE);
}

/* ---- Faults among many mappings -------------------------------------------------------------- */

/* A random one of the mappings of -v; each only once in two rounds if there are enough. */
static unsigned char *victim(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned char *)MANY_VMAS + state % vmas * 2 * PAGE;
}

static void make_vmas(void)
{
	for (unsigned long i = 0; i < vmas; i++)
		map_at((unsigned char *)MANY_VMAS + i * 2 * PAGE, 1, RW, PRIVATE, -1);
	/* The page tables stay, as the arena's do: one page in each 2 MiB is there for good. */
	for (unsigned long i = 0; i < vmas; i += 256)
		poke(MANY_VMAS + i * 2 * PAGE, 1);
}

static void vmas_write(void)
{
	for (int i = 0; i < 64; i++) {
		unsigned char *p = victim();

		madvise(p, PAGE, MADV_DONTNEED);
		TIMED(poke(p, 1));
	}
}

static void vmas_read(void)
{
	for (int i = 0; i < 64; i++) {
		unsigned char *p = victim();

		madvise(p, PAGE, MADV_DONTNEED);
		TIMED((void)peek(p));
	}
}

/* ---- The table ------------------------------------------------------------------------------- */

static const struct operation {
	const char *name, *unit;
	void (*round)(void);               /* times itself, any number of times */
	void (*over)(unsigned long pages); /* or: times itself once, over so many pages */
} operations[] = {
	{"getppid", "call", getppid_call, NULL},
	{"anon_write", "fault", anon_write, NULL},
	{"anon_read", "fault", anon_read, NULL},
	{"zero_page_write", "fault", zero_page_write, NULL},
	{"cow_copy", "fault", cow_copy, NULL},
	{"cow_reuse", "fault", cow_reuse, NULL},
	{"file_read_seq", "page", file_read_seq, NULL},
	{"file_private_write", "fault", file_private_write, NULL},
	{"file_shared_write", "fault", file_shared_write, NULL},
	{"file_shared_clean", "fault", file_shared_clean, NULL},
	{"swap_cache", "fault", swap_cache, NULL},
	{"sigsegv", "signal", sigsegv, NULL},
	{"mprotect_split", "call", mprotect_split, NULL},
	{"mmap_pair", "pair", mmap_pair, NULL},
	{"brk_pair", "pair", brk_pair, NULL},
	{"fork_exit_wait", "process", fork_exit_wait, NULL},
	{"fork_page", "page", NULL, fork_pages},
	{"munmap_page", "page", NULL, munmap_pages},
	{"dontneed_page", "page", NULL, dontneed_pages},
	{"mprotect_page", "page", NULL, mprotect_pages},
	{"mremap_page", "page", NULL, mremap_pages},
	{"read_page", "call", read_page, NULL},
	{"write_page", "call", write_page, NULL},
	{"pipe_ping", "trip", pipe_ping, NULL},
}, many_vmas[] = {
	{"vmas_write", "fault", vmas_write, NULL},
	{"vmas_read", "fault", vmas_read, NULL},
};

static bool measure_rounds(const struct operation *op, unsigned long pages, struct result *r)
{
	unsigned first;

	for (unsigned i = 0; i <= reps; i++) {
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

	if (!measure_rounds(op, MANY, &r)) {
		printf("# %s: it does not happen here\n", op->name);
		return;
	}
	if (op->over) {
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
	uint64_t start = clock_end();
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
		for (size_t i = 0; i < sizeof(many_vmas) / sizeof(many_vmas[0]); i++)
			measure(&many_vmas[i]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (wanted(operations[i].name, argv + optind))
			measure(&operations[i]);
	return 0;
}
