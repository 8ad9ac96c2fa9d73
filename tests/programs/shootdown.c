/* SPDX-License-Identifier: MIT */
/*
 * shootdown: does every CPU forget what was taken away?
 *
 * One thread, the watcher, is pinned to each CPU but the first; it spins in user mode, so that its CPU
 * keeps the translations it has, and does single reads and writes when it is asked to. The main
 * thread on the first CPU changes mappings that the watchers have just used.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define MAX_CPUS 32
#define MANY 1000 /* pages */
#define TABLE (2UL << 20)
#define NAP_US 100000
#define HOG (80UL << 20) /* more than there is, so that what can be reclaimed is */
#define RW (PROT_READ | PROT_WRITE)
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

enum order { NOTHING, READ, WRITE, COUNT_UP, NAP, STOP };
enum { DONE = 0 }; /* an answer below 256; or the signal, negative */

struct watcher {
	pthread_t thread;
	int cpu;
	_Atomic int order;
	volatile unsigned char *addr;
	int value, answer;
	size_t pages;       /* COUNT_UP: one counter in each */
	_Atomic int enough; /* COUNT_UP ends */
	unsigned long rounds;
};

static struct watcher watchers[MAX_CPUS];
static int nr_watchers;
static _Thread_local sigjmp_buf env;

static void on_fault(int sig)
{
	siglongjmp(env, sig);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(2);
}

/* Adds one to the counter of each page, over and over. */
static void count_up(struct watcher *w)
{
	for (w->rounds = 0; !w->enough; w->rounds++)
		for (size_t i = 0; i < w->pages; i++)
			++*(volatile unsigned long *)(w->addr + i * PAGE + 8UL * (size_t)w->cpu);
}

static int carry_out(struct watcher *w, int order)
{
	int sig = sigsetjmp(env, 1);

	if (sig)
		return -sig;
	switch (order) {
	case READ:
		return *w->addr;
	case WRITE:
		*w->addr = (unsigned char)w->value;
		return DONE;
	case NAP: /* its CPU idles, and keeps the map */
		usleep(NAP_US);
		return DONE;
	default:
		count_up(w);
		return DONE;
	}
}

static void *watch(void *arg)
{
	struct watcher *w = arg;
	int order;

	pin(w->cpu);
	while ((order = w->order) != STOP) {
		if (order == NOTHING)
			continue;
		w->answer = carry_out(w, order);
		w->order = NOTHING;
	}
	return NULL;
}

static void start(struct watcher *w, int order, void *addr, int value)
{
	w->addr = addr;
	w->value = value;
	w->order = order;
}

static int finish(struct watcher *w)
{
	while (w->order != NOTHING)
		;
	return w->answer;
}

/* All of them, one after another; did each answer this? */
static bool all(int order, void *addr, int value, int want)
{
	bool same = true;

	for (int i = 0; i < nr_watchers; i++) {
		start(&watchers[i], order, addr, value);
		same &= finish(&watchers[i]) == want;
	}
	return same;
}

static void start_watchers(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 1; cpu < MAX_CPUS && CPU_ISSET(cpu, &set); cpu++) {
		struct watcher *w = &watchers[nr_watchers++];

		w->cpu = cpu;
		w->order = NOTHING;
		if (pthread_create(&w->thread, NULL, watch, w))
			exit(2);
	}
}

static void stop_watchers(void)
{
	for (int i = 0; i < nr_watchers; i++) {
		watchers[i].order = STOP;
		pthread_join(watchers[i].thread, NULL);
	}
}

/* Each CPU has written there: translations, dirty and writable. */
static unsigned char *used(size_t pages)
{
	unsigned char *p = mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(2);
	for (size_t i = 0; i < pages; i++)
		all(WRITE, p + i * PAGE, 7, DONE);
	return p;
}

/* --- what each CPU must see --- */

static void rights(void)
{
	unsigned char *p = used(3);

	mprotect(p, PAGE, PROT_READ);
	check(all(WRITE, p, 1, -SIGSEGV), "mprotect: no CPU may write any more");
	check(all(READ, p, 0, 7), "but all may read");
	check(all(WRITE, p + PAGE, 8, DONE), "and write the page beside it");
	mprotect(p, PAGE, PROT_NONE);
	check(all(READ, p, 0, -SIGSEGV), "PROT_NONE: nor read");
	mprotect(p, PAGE, RW);
	check(all(WRITE, p, 9, DONE), "and may again, with a fault at most");
	munmap(p, 3 * PAGE);
}

static void contents(void)
{
	unsigned char *p = used(2), *q;

	madvise(p, PAGE, MADV_DONTNEED);
	check(all(READ, p, 0, 0), "MADV_DONTNEED: zeroes everywhere");
	munmap(p, PAGE);
	check(all(READ, p, 0, -SIGSEGV), "munmap: gone everywhere");
	p += PAGE;
	q = mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(q == p && all(READ, p, 0, 0), "mapped over: zeroes everywhere");
	all(WRITE, p, 5, DONE);
	q = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	check(all(READ, p, 0, -SIGSEGV), "mremap: nothing at the old place");
	check(all(READ, q, 0, 5), "all at the new one");
	munmap(q, PAGE);
}

/* A long move: several tables, so the flush is put off. */
static void long_move(void)
{
	unsigned char *p = mmap(NULL, 5 * TABLE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
	bool gone = true, there = true;

	for (size_t i = 0; i < 4; i++)
		all(WRITE, p + i * TABLE, (int)i + 1, DONE);
	q = mmap(NULL, 5 * TABLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mremap(p, 4 * TABLE, 4 * TABLE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	for (size_t i = 0; i < 4; i++) {
		gone &= all(READ, p + i * TABLE, 0, -SIGSEGV);
		there &= all(READ, q + i * TABLE, 0, (int)i + 1);
	}
	check(gone && there, "mremap of 8 MiB: the same");
	munmap(p, 5 * TABLE);
	munmap(q, 5 * TABLE);
}

static void forks(void)
{
	unsigned char *p = used(1);
	int go[2], status;
	pid_t pid;

	if (pipe(go))
		exit(2);
	pid = fork();
	if (!pid) {
		char byte;

		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(*p == 7);
	}
	all(WRITE, p, 3, DONE);
	if (write(go[1], "x", 1) != 1)
		exit(2);
	waitpid(pid, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	      "fork: the child does not see what other CPUs write after it");
	check(all(READ, p, 0, 3), "they all do");
	pid = fork(); /* the page is shared again; the child is there until it is written */
	if (!pid)
		_exit(read(go[0], &status, 1) != 1);
	all(READ, p, 0, 3);
	*p = 44;
	check(all(READ, p, 0, 44), "copy-on-write: no CPU reads the old page");
	if (write(go[1], "x", 1) != 1)
		exit(2);
	waitpid(pid, &status, 0);
	munmap(p, PAGE);
}

/* --- nothing that is written may be lost --- */

static void start_counting(unsigned char *p, size_t pages)
{
	for (int i = 0; i < nr_watchers; i++) {
		watchers[i].pages = pages;
		watchers[i].enough = 0;
		start(&watchers[i], COUNT_UP, p, 0);
	}
}

/* Is every count of every page what its watcher counted to? */
static bool counted(const unsigned char *p, size_t pages)
{
	bool right = true;

	for (int w = 0; w < nr_watchers; w++)
		for (size_t i = 0; i < pages; i++)
			right &= *(const unsigned long *)(p + i * PAGE +
							  8UL * (size_t)watchers[w].cpu) ==
				 watchers[w].rounds;
	return right;
}

static bool stop_counting(void)
{
	bool fine = true;

	for (int i = 0; i < nr_watchers; i++)
		watchers[i].enough = 1;
	for (int i = 0; i < nr_watchers; i++)
		fine &= finish(&watchers[i]) == DONE;
	return fine;
}

static void reclaim(void)
{
	size_t pages = 48;
	unsigned char *p = mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *hog;

	start_counting(p, pages);
	for (int i = 0; i < 100; i++)
		madvise(p, pages * PAGE, MADV_PAGEOUT);
	hog = mmap(NULL, HOG, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t at = 0; at < HOG; at += PAGE) {
		hog[at] = 1;
		if (at % (4UL << 20) == 0)
			madvise(p, pages * PAGE, MADV_PAGEOUT);
	}
	munmap(hog, HOG);
	check(stop_counting() && counted(p, pages),
	      "pages that are paged out while they are written");
	munmap(p, pages * PAGE);
}

static void writeback(void)
{
	static unsigned char copy[16 * PAGE];
	int fd = open("shootdown.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned char *p;

	unlink("shootdown.tmp");
	if (fd < 0 || ftruncate(fd, sizeof(copy)))
		exit(2);
	p = mmap(NULL, sizeof(copy), RW, MAP_SHARED, fd, 0);
	start_counting(p, 16);
	for (int i = 0; i < 30; i++)
		msync(p, sizeof(copy), MS_SYNC);
	check(stop_counting(), "a file's pages are written back while they are written");
	msync(p, sizeof(copy), MS_SYNC);
	madvise(p, sizeof(copy), MADV_PAGEOUT);
	munmap(p, sizeof(copy));
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	check(pread(fd, copy, sizeof(copy), 0) == (ssize_t)sizeof(copy) && counted(copy, 16),
	      "and all of it is in the file");
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	all(READ, p + PAGE, 0, copy[PAGE]);
	if (ftruncate(fd, (off_t)PAGE))
		exit(2);
	check(all(READ, p + PAGE, 0, -SIGBUS), "truncate: no CPU reads behind the end");
	munmap(p, 2 * PAGE);
	close(fd);
}

/* --- how many interrupts --- */

struct flushes {
	long rounds, received;
};

static long counter(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? atol(line + strlen(name)) : -1;
}

static struct flushes flushes(void)
{
	static char text[8192];
	int fd = open("/proc/vmstat", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return (struct flushes){ counter(text, "\nnr_tlb_remote_flush "),
				 counter(text, "\nnr_tlb_remote_flush_received ") };
}

static unsigned char *many;

static void op_munmap(void)
{
	munmap(many, MANY * PAGE);
}
static void op_dontneed(void)
{
	madvise(many, MANY * PAGE, MADV_DONTNEED);
}
static void op_protect(void)
{
	mprotect(many, MANY * PAGE, PROT_READ);
}
static void op_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}
static void op_move(void)
{
	void *to = mmap(NULL, MANY * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mremap(many, MANY * PAGE, MANY * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	many = to;
}
static void op_pageout(void)
{
	madvise(many, 64 * PAGE, MADV_PAGEOUT);
}

/*
 * What the operation costs on @many pages that all CPUs use. Kernel threads may flush something at the
 * same time, and run where a CPU then need not be told: one of a few tries must be as it should. Their
 * tables stay: a page beside them is in use.
 */
static void costs(void (*op)(void), long max_rounds, long cpus, const char *what)
{
	struct flushes cost = { 0, 0 };
	bool good = false;

	for (int try = 0; try < 5 && !good; try++) {
		unsigned char *p =
			mmap(NULL, (MANY + 1024) * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct flushes before, after;

		many = p + 512 * PAGE;
		memset(p, 1, (MANY + 1024) * PAGE);
		for (int i = 0; cpus && i < nr_watchers; i++)
			for (size_t page = 0; page < MANY; page += 100) {
				start(&watchers[i], WRITE, many + page * PAGE, 2);
				finish(&watchers[i]);
			}
		for (size_t page = 0; page < MANY && op == op_protect; page += 100) /* many VMAs */
			mprotect(many + page * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
		before = flushes();
		op();
		after = flushes();
		cost = (struct flushes){ after.rounds - before.rounds,
					 after.received - before.received };
		good = cost.rounds <= max_rounds && cost.received <= max_rounds * cpus &&
		       cost.received >= (max_rounds ? cpus : 0);
		munmap(p, (MANY + 1024) * PAGE);
		munmap(many, MANY * PAGE);
	}
	if (!check(good, what))
		printf("# %ld rounds, %ld interrupts\n", cost.rounds, cost.received);
}

/*
 * The watchers nap, so their CPUs idle with the map: how many of them are interrupted? And have they
 * forgotten when they are back?
 */
static long idle_once(bool *forgot)
{
	unsigned char *p = used(40);
	struct flushes before, after;

	for (int i = 0; i < nr_watchers; i++)
		start(&watchers[i], NAP, NULL, 0);
	usleep(NAP_US / 5);
	before = flushes();
	munmap(p + PAGE, 20 * PAGE);
	mprotect(p + 30 * PAGE, 5 * PAGE, PROT_READ);
	after = flushes();
	for (int i = 0; i < nr_watchers; i++)
		finish(&watchers[i]);
	*forgot &= all(READ, p + PAGE, 0, -SIGSEGV) && all(READ, p + 30 * PAGE, 0, 7) &&
		   all(WRITE, p + 30 * PAGE, 0, -SIGSEGV);
	munmap(p, 40 * PAGE);
	return after.received - before.received;
}

/* A busy host lets a CPU idle too late, or looks too late at it: one of a few tries must succeed. */
static void idle_ones(void)
{
	long interrupts = 1;
	bool forgot = true;

	for (int try = 0; try < 10 && interrupts; try++)
		interrupts = idle_once(&forgot);
	if (!check(!interrupts, "CPUs that idle are not interrupted"))
		printf("# %ld interrupts\n", interrupts);
	check(forgot, "but have forgotten when they are back");
}

static bool have_swap(void)
{
	struct sysinfo info;

	return !sysinfo(&info) && info.totalswap;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_fault };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	start_watchers();
	pin(0);
	rights();
	contents();
	long_move();
	forks();
	reclaim();
	writeback();
	costs(op_munmap, 1, nr_watchers, "munmap of 1000 pages: one round");
	costs(op_dontneed, 1, nr_watchers, "MADV_DONTNEED: one round");
	costs(op_protect, 1, nr_watchers, "mprotect of 20 VMAs: one round");
	costs(op_move, 2, nr_watchers, "mremap: one round, and one for tables");
	costs(op_fork, 4, nr_watchers,
	      "fork: one round, and one for each page of the stack that is copied");
	if (have_swap())
		costs(op_pageout, 4, nr_watchers,
		      "MADV_PAGEOUT of 64 pages: a round for each 32, twice at most");
	idle_ones();
	stop_watchers();
	costs(op_munmap, 0, 0, "CPUs that do not run the map are left alone");
	return checks_done();
}
