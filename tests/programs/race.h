/* SPDX-License-Identifier: MIT */
/*
 * What the races (race_*.c) have in common. In each, some threads do the same thing again and again
 * while one more, the director, changes what they work on; what is claimed holds in every order.
 * TAP; the first complaints stand before the result as `# ` lines. Usage: race_NAME [MS [PATTERN]]:
 * how long each race lasts, and which. All of it holds on Linux too, and on one CPU.
 */
#ifndef TESTS_PROGRAMS_RACE_H
#define TESTS_PROGRAMS_RACE_H

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define UNUSED __attribute__((unused))
#define MAX_THREADS 8
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

typedef _Atomic uint64_t word_t;

static long race_ms = 300;
static int race_cpus, race_threads;
static atomic_int race_stop, race_wrong;
static atomic_uint race_arrived; /* at meet() */
static unsigned long race_rounds;

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* One more thing that must not be; the first few are told. Any thread. */
static UNUSED __attribute__((format(printf, 1, 2))) void complain(const char *format, ...)
{
	char text[200];
	va_list args;
	int n;

	if (atomic_fetch_add(&race_wrong, 1) >= 5)
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(1, "# %.*s\n", n, text);
}

static UNUSED void bail(const char *what)
{
	dprintf(1, "Bail out! %s: %s\n", what, strerror(errno));
	_exit(1);
}

static UNUSED void *map_at(void *at, size_t pages, int prot, int flags, int fd)
{
	void *p = mmap(at, pages * PAGE, prot, flags | (at ? MAP_FIXED : 0), fd, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

/* A new file of that many pages of zeroes on the disk, without a name. */
static UNUSED int make_file(size_t pages)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/root/race.%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || unlink(path) || ftruncate(fd, (off_t)(pages * PAGE)))
		bail(path);
	return fd;
}

/* What is clean is to be read from the disk again. As root. */
static UNUSED void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		bail("/proc/sys/vm/drop_caches");
	close(fd);
}

/* Word @word of page @page. */
static UNUSED word_t *word_at(void *base, size_t page, size_t word)
{
	return (word_t *)((char *)base + page * PAGE) + word;
}

/* ---- Children ---- */

#define PATIENCE 30 /* seconds that nothing these races wait for takes */

/* A child process that ends with what @run returns. */
static UNUSED pid_t start(int (*run)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		bail("fork");
	if (!pid) {
		alarm(PATIENCE); /* nobody waits for a child that hangs */
		_exit(run());
	}
	return pid;
}

static UNUSED int wait_status(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* ---- Accesses that may fault: 0, or signal * 256 + code ---- */

static _Thread_local sigjmp_buf *volatile race_env;
static _Thread_local void *volatile race_at;

#define FAULT(sig, code) ((sig) << 8 | (code))

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!race_env) {
		dprintf(1, "# signal %d code %d at %p, where none may be\n", sig, info->si_code, info->si_addr);
		_exit(1);
	}
	race_at = info->si_addr;
	siglongjmp(*race_env, FAULT(sig, info->si_code));
}

/* Any fault is at the address that was touched. */
static int faulted(int how, void *p)
{
	race_env = NULL;
	if (race_at != p)
		complain("a fault at %p is said to be at %p", p, race_at);
	return how;
}

static UNUSED int try_read(word_t *p, uint64_t *value)
{
	sigjmp_buf env;
	int how = sigsetjmp(env, 0);

	if (how)
		return faulted(how, p);
	race_env = &env;
	*value = atomic_load(p);
	race_env = NULL;
	return 0;
}

static UNUSED int try_write(word_t *p, uint64_t value)
{
	sigjmp_buf env;
	int how = sigsetjmp(env, 0);

	if (how)
		return faulted(how, p);
	race_env = &env;
	*(volatile uint64_t *)p = value;
	race_env = NULL;
	return 0;
}

/* ---- Random numbers, a thread's own ---- */

static _Thread_local uint64_t race_rng;

static UNUSED unsigned long below(unsigned long n)
{
	race_rng ^= race_rng >> 12;
	race_rng ^= race_rng << 25;
	race_rng ^= race_rng >> 27;
	return race_rng * 0x2545f4914f6cdd1dUL % n;
}

/* ---- What the director says of the state of things ---- */

/*
 * Generation * 4 + state. Between two looks that show the same phase, and not CHANGING, the state
 * was that one all the time.
 */
enum { CHANGING, THERE, GONE, READ_ONLY };
static atomic_ulong race_phase;

static UNUSED unsigned long phase_now(void)
{
	return atomic_load(&race_phase);
}

/* The state between @before and now; CHANGING if it was not one. */
static UNUSED int phase_since(unsigned long before)
{
	return phase_now() == before ? (int)(before & 3) : CHANGING;
}

static UNUSED void set_phase(int state)
{
	atomic_store(&race_phase, (phase_now() & ~3UL) + 4 + state);
}

static bool stopped(void)
{
	return atomic_load(&race_stop);
}

/* Time for the others; on one CPU they must be let run. */
static UNUSED void let_others(long us)
{
	long end = now_us() + us;

	if (race_cpus == 1) {
		usleep(1000);
		return;
	}
	while (now_us() < end)
		;
}

/* Wait a moment for another thread: @spins counts up. More threads than CPUs must not only spin. */
static UNUSED void pause_for(unsigned int *spins)
{
	if (++*spins > 2000)
		usleep(50);
	else if (race_cpus == 1 || *spins % 128 == 0)
		sched_yield();
}

/*
 * All threads of a race and the director come here, and go on at nearly the same moment. False: the
 * race is over, there will be no more of them.
 */
static UNUSED bool meet(void)
{
	unsigned int n = race_threads + 1, turn = atomic_fetch_add(&race_arrived, 1) / n, spins = 0;

	while (atomic_load(&race_arrived) / n == turn) {
		if (stopped())
			return false;
		pause_for(&spins);
	}
	return true;
}

/* ---- A race ---- */

/* Now and then a worker lets the director have its turn, of which there are few otherwise. */
static UNUSED void now_and_then_yield(void)
{
	static _Thread_local unsigned int calls;

	if (++calls % 64 == 0)
		sched_yield();
}

/* As long as was asked for; for LEAST rounds, though, up to five times that. */
static bool in_time(void)
{
	enum { LEAST = 20 };
	static long begin;
	long took;

	if (!race_rounds++)
		begin = now_us();
	took = now_us() - begin;
	return took < race_ms * (race_rounds > LEAST ? 1000 : 5000) && !atomic_load(&race_wrong);
}

static void (*race_worker)(int id);
static void (*race_wake)(void); /* set for one race: wakes workers that wait, once it is over */

static void *race_thread(void *arg)
{
	race_rng = (uintptr_t)arg * 0x9e3779b97f4a7c15UL + 88172645463325252UL;
	race_worker((int)(uintptr_t)arg);
	return NULL;
}

/*
 * Runs worker(0 .. race_threads - 1) in threads, each until stopped(), and director() in this one for
 * the time of a race. True if nobody complained.
 */
static UNUSED bool race(void (*worker)(int id), void (*director)(void))
{
	pthread_t t[MAX_THREADS];

	race_rng = 2463534242UL;
	race_worker = worker;
	race_rounds = 0;
	atomic_store(&race_arrived, 0);
	atomic_store(&race_stop, 0);
	atomic_store(&race_wrong, 0);
	for (int i = 0; i < race_threads; i++)
		if (pthread_create(&t[i], NULL, race_thread, (void *)(uintptr_t)i))
			bail("pthread_create");
	while (in_time())
		director();
	atomic_store(&race_stop, 1);
	if (race_wake)
		race_wake();
	race_wake = NULL;
	for (int i = 0; i < race_threads; i++)
		pthread_join(t[i], NULL);
	printf("# %lu rounds\n", race_rounds - 1);
	return !atomic_load(&race_wrong);
}

/* For races without a director. */
static UNUSED void just_wait(void)
{
	usleep(10000);
}

struct race_test {
	const char *name;
	void (*run)(void);
};

static void count_cpus(void)
{
	cpu_set_t set;

	race_cpus = 1;
	if (!sched_getaffinity(0, sizeof(set), &set))
		race_cpus = CPU_COUNT(&set);
	else
		race_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static int run_races(const struct race_test *tests, size_t n, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (argv[1])
		race_ms = atol(argv[1]);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	count_cpus();
	race_threads = race_cpus < 2 ? 2 : race_cpus > MAX_THREADS ? MAX_THREADS : race_cpus;
	printf("# %d CPUs, %d threads, %ld ms each\n", race_cpus, race_threads, race_ms);
	for (size_t i = 0; i < n; i++)
		if (!argv[1] || !argv[2] || !fnmatch(argv[2], tests[i].name, 0))
			tests[i].run();
	return checks_done();
}

#endif
