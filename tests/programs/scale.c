/* SPDX-License-Identifier: MIT */
/*
 * scale [-r ROUNDS] N...: how fast 1..N workers do the same side by side, each on a CPU of its own, and how
 * often they get in each other's way. For each case and each number of workers a line
 *	scale CASE N OPERATIONS NS-OF-EACH-ROUND... : COUNTER=EVENTS...
 * OPERATIONS are those of one worker in one round; a case scales if the time does not grow with N. The
 * counters are of /proc/vmstat, over all rounds; Linux has few of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define MAX_WORKERS 32
#define MAX_ROUNDS 50
#define PAGES 1024UL /* that a worker touches in a round */
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct worker {
	int id;
	char *area;
};

struct work {
	const char *name;
	bool processes; /* else threads of one process */
	unsigned long operations;
	void (*before)(struct worker *w); /* not timed */
	void (*round)(struct worker *w);
	void (*after)(struct worker *w); /* not timed */
};

/* Shared by all workers, be they threads or processes. */
static struct shared {
	atomic_uint arrived;
	char *one_area;
} * shared;

static int workers, rounds = 5, file, cpus;
static const struct work *work;

static void die(const char *what)
{
	fprintf(stderr, "scale: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* All workers meet here. */
static void meet(void)
{
	unsigned int all = (unsigned int)workers,
		     turn = atomic_fetch_add(&shared->arrived, 1) / all;

	for (unsigned int spins = 0; atomic_load(&shared->arrived) / all == turn; spins++)
		if (spins % 1024 == 1023)
			sched_yield();
}

static void *map(size_t pages, int prot, int flags, int fd)
{
	void *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* ---- The cases ---- */

/* Aligned, so that none shares a page table with another. */
static void map_own(struct worker *w)
{
	char *p = map(PAGES + 512, PROT_NONE, PRIVATE | MAP_NORESERVE, -1);

	w->area = (char *)(((uintptr_t)p + (2UL << 20) - 1) & -(2UL << 20));
	if (mprotect(w->area, PAGES * PAGE, RW))
		die("mprotect");
}

static void write_own(struct worker *w)
{
	for (size_t i = 0; i < PAGES; i++)
		*(volatile char *)(w->area + i * PAGE) = 1;
}

static void unmap_own(struct worker *w)
{
	munmap(w->area,
	       PAGES * PAGE); /* what lies around it stays: address space is all it takes */
}

/* One mapping for all, of which each touches every Nth page. */
static void map_one(struct worker *w)
{
	if (w->id == 0)
		shared->one_area = map(PAGES * (size_t)workers, RW, PRIVATE, -1);
}

static void write_one(struct worker *w)
{
	for (size_t i = 0; i < PAGES; i++)
		*(volatile char *)(shared->one_area +
				   (i * (size_t)workers + (size_t)w->id) * PAGE) = 1;
}

static void unmap_one(struct worker *w)
{
	if (w->id == 0)
		munmap(shared->one_area, PAGES * (size_t)workers * PAGE);
}

static void map_file(struct worker *w)
{
	w->area = map(PAGES, PROT_READ, MAP_SHARED, file);
}

static void read_own(struct worker *w)
{
	for (size_t i = 0; i < PAGES; i++)
		(void)*(volatile char *)(w->area + i * PAGE);
}

#define CALLS 512UL

static void map_and_unmap(struct worker *w)
{
	(void)w;
	for (size_t i = 0; i < CALLS; i++)
		munmap(map(1, RW, PRIVATE, -1), PAGE);
}

#define FORKS 16UL

static void fork_and_wait(struct worker *w)
{
	(void)w;
	for (size_t i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0)
			die("fork");
		waitpid(pid, NULL, 0);
	}
}

static void nothing(struct worker *w)
{
	(void)w;
}

static const struct work cases[] = {
	{ "threads_own", false, PAGES, map_own, write_own, unmap_own },
	{ "threads_one", false, PAGES, map_one, write_one, unmap_one },
	{ "threads_file", false, PAGES, map_file, read_own, unmap_own },
	{ "threads_mmap", false, CALLS, nothing, map_and_unmap, nothing },
	{ "processes_own", true, PAGES, map_own, write_own, unmap_own },
	{ "processes_file", true, PAGES, map_file, read_own, unmap_own },
	{ "processes_mmap", true, CALLS, nothing, map_and_unmap, nothing },
	{ "processes_fork", true, FORKS, nothing, fork_and_wait, nothing },
};

/* ---- Measuring ---- */

/* Where there are fewer CPUs than workers they share them. */
static void stay_on_cpu(int id)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)(id % cpus), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static long *times; /* of the rounds; shared */

static void *run_worker(void *arg)
{
	struct worker w = { .id = (int)(intptr_t)arg };

	stay_on_cpu(w.id);
	for (int round = -1; round < rounds; round++) { /* the first is for warming up */
		long begin;

		work->before(&w);
		meet();
		begin = now_ns();
		work->round(&w);
		meet();
		if (w.id == 0 && round >= 0)
			times[round] = now_ns() - begin;
		work->after(&w);
		meet();
	}
	return NULL;
}

static void run_threads(void)
{
	pthread_t t[MAX_WORKERS];

	for (intptr_t i = 1; i < workers; i++)
		if (pthread_create(&t[i], NULL, run_worker, (void *)i))
			die("pthread_create");
	run_worker(NULL);
	for (int i = 1; i < workers; i++)
		pthread_join(t[i], NULL);
}

static void run_processes(void)
{
	int status;

	for (intptr_t i = 0; i < workers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			run_worker((void *)i);
			_exit(0);
		}
	}
	for (int i = 0; i < workers; i++)
		if (wait(&status) < 0 || status)
			die("a worker");
}

static const char *const counters[] = {
	"lock_spin_wait", "lock_sleep_wait", "nr_tlb_remote_flush", "nr_tlb_remote_flush_received",
	"vma_lock_abort", "vma_lock_retry",
};

/* Those of counters that there are; -1 for the others. */
static void read_counters(long *values)
{
	FILE *f = fopen("/proc/vmstat", "r");
	char name[64];
	long value;

	for (size_t i = 0; i < COUNT(counters); i++)
		values[i] = -1;
	while (f && fscanf(f, "%63s %ld", name, &value) == 2)
		for (size_t i = 0; i < COUNT(counters); i++)
			if (!strcmp(name, counters[i]))
				values[i] = value;
	if (f)
		fclose(f);
}

static void measure(void)
{
	long before[COUNT(counters)], after[COUNT(counters)];

	atomic_store(&shared->arrived, 0);
	read_counters(before);
	if (work->processes)
		run_processes();
	else
		run_threads();
	read_counters(after);
	printf("scale %s %d %lu", work->name, workers, work->operations);
	for (int i = 0; i < rounds; i++)
		printf(" %ld", times[i]);
	printf(" :");
	for (size_t i = 0; i < COUNT(counters); i++)
		if (after[i] >= 0)
			printf(" %s=%ld", counters[i], after[i] - before[i]);
	printf("\n");
	fflush(stdout);
}

static void make_file(void)
{
	static char page[PAGE];
	const char *path = "/root/scale.file";

	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0 || unlink(path))
		die(path);
	for (size_t i = 0; i < PAGES; i++)
		if (write(file, page, PAGE) != (ssize_t)PAGE)
			die("write");
	fsync(file);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "r:")) != -1) {
		if (option != 'r')
			return 2;
		rounds = atoi(optarg) < MAX_ROUNDS ? atoi(optarg) : MAX_ROUNDS;
	}
	cpus = (int)sysconf(_SC_NPROCESSORS_ONLN); /* later on it is those that this task may use */
	shared = map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	times = map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	make_file();
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int arg = optind; arg < argc; arg++) {
			work = &cases[i];
			workers = atoi(argv[arg]);
			if (workers < 1 || workers > MAX_WORKERS)
				return 2;
			measure();
		}
	return 0;
}
