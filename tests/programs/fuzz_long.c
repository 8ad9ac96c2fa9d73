/* SPDX-License-Identifier: MIT */
/* fuzz_long: calls that take long. Others must run meanwhile, and SIGKILL must end them. TAP. */
#include "fuzz.h"

#define GIB (1UL << 30)

static char *lazy(unsigned long bytes, int flags)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE | flags, -1,
		    0);
}

static int sparse_file(void)
{
	int fd = open("/tmp/fuzz-sparse", O_RDWR | O_CREAT | O_TRUNC, 0600);

	unlink("/tmp/fuzz-sparse");
	for (off_t size = 1L << 46; size && ftruncate(fd, size); size >>= 1)
		;
	return fd;
}

static void long_zero(void)
{
	read(open("/dev/zero", O_RDONLY), lazy(GIB, MAP_PRIVATE), GIB);
}
static void long_random(void)
{
	for (;;)
		read(open("/dev/urandom", O_RDONLY), lazy(GIB, MAP_PRIVATE), GIB);
}
static void long_getrandom(void)
{
	for (;;)
		syscall(SYS_getrandom, lazy(GIB, MAP_PRIVATE), GIB, 0);
}
static void long_readahead(void)
{
	readahead(sparse_file(), 0, INT64_MAX);
}
static void long_fadvise(void)
{
	posix_fadvise(sparse_file(), 0, 0, POSIX_FADV_WILLNEED);
}
static void long_pread(void)
{
	pread(sparse_file(), lazy(GIB, MAP_PRIVATE), GIB, 0);
}
static void long_mlock(void)
{
	mlock(lazy(64 * GIB, MAP_PRIVATE), 64 * GIB);
}
static void long_mincore(void)
{
	mincore(lazy(256 * GIB, MAP_PRIVATE), 256 * GIB, (void *)lazy(GIB, MAP_PRIVATE));
}
static void long_msync(void)
{
	char *p = lazy(1UL << 46, MAP_SHARED);
	for (int i = 0; i < 100; i++)
		msync(p, 1UL << 46, MS_SYNC);
}
static void long_protect(void)
{
	char *p = lazy(1UL << 46, MAP_PRIVATE);
	for (int i = 0; i < 100; i++)
		mprotect(p, 1UL << 46, i & 1 ? PROT_READ : PROT_NONE);
}
static void long_truncate(void)
{
	int fd = sparse_file();
	pwrite(fd, "x", 1, 1L << 30);
	ftruncate(fd, 0);
}
static void long_fsync(void)
{
	int fd = sparse_file();
	for (off_t i = 0; i < 1L << 32; i += 1L << 20)
		pwrite(fd, "x", 1, i);
	fsync(fd);
}
static void long_pipe(void)
{
	int fds[2];

	pipe(fds);
	if (!fork())
		for (;;)
			read(fds[0], lazy(GIB, MAP_PRIVATE), 1);
	write(fds[1], lazy(GIB, MAP_PRIVATE), GIB);
}

static void long_willneed(void)
{
	char *p = mmap(NULL, 64 * GIB, PROT_READ, MAP_SHARED, sparse_file(), 0);

	madvise(p, 64 * GIB, MADV_WILLNEED);
	madvise(p, 64 * GIB, 22); /* MADV_POPULATE_READ */
}

static void long_populate(void)
{
	mmap(NULL, 64 * GIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE,
	     -1, 0);
}

static void fast_timer(void)
{
	struct itimerval tv = { { 0, 1 }, { 0, 1 } };

	for (int i = 0; i < 3; i++)
		fork();
	signal(SIGALRM, nothing);
	setitimer(ITIMER_REAL, &tv, NULL);
	for (;;)
		;
}

static int requeue_word;

static void *requeue_waiter(void *arg)
{
	syscall(SYS_futex, &requeue_word, 0, 0, NULL, NULL, 0);
	return arg;
}

static void long_requeue(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, requeue_waiter, NULL);
	wait_ms(30);
	syscall(SYS_futex, &requeue_word, 3, 0, 0x7fffffffUL, &requeue_word, 0);
}

static void long_cmp_requeue(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, requeue_waiter, NULL);
	wait_ms(30);
	syscall(SYS_futex, &requeue_word, 4, 0, 0x7fffffffUL, &requeue_word, 0);
}

static void robust_loop(void)
{
	static long head[3], entry[2];

	head[0] = (long)entry;
	entry[0] = (long)entry;
	head[1] = 8;
	syscall(SYS_set_robust_list, head, 24);
	_exit(0);
}

static void stop_storm(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			;
	for (;;) {
		kill(pid, SIGSTOP);
		kill(pid, SIGCONT);
	}
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int fuzz_long(void)
{
#define L(fn)           \
	{               \
#fn, fn \
	}
	static const struct {
		const char *name;
		void (*fn)(void);
	} calls[] = {
		L(long_zero),    L(long_random),      L(long_getrandom), L(long_readahead),
		L(long_fadvise), L(long_pread),       L(long_mlock),     L(long_mincore),
		L(long_msync),   L(long_protect),     L(long_truncate),  L(long_fsync),
		L(long_pipe),    L(long_willneed),    L(long_populate),  L(fast_timer),
		L(long_requeue), L(long_cmp_requeue), L(robust_loop),    L(stop_storm),
	};
#undef L

	for (size_t i = 0; i < COUNT(calls); i++) {
		double start = now_s(), slept;
		pid_t pid = fork();
		bool dead;

		if (!pid) {
			setsid();
			calls[i].fn();
			_exit(0);
		}
		wait_ms(100);
		slept = now_s() - start;
		dead = reap(pid, 100);
		kill(-pid, SIGKILL);
		if (!check(dead && slept < 2, calls[i].name))
			printf("# dead %d, sleep of 0.1 s took %.3f, all %.3f\n", dead, slept,
			       now_s() - start);
		else if (now_s() - start > 0.5)
			printf("# slow: sleep of 0.1 s took %.3f, all %.3f\n", slept,
			       now_s() - start);
	}
	check(machine_works(), "calls that take long");
	return checks_done();
}

int main(void)
{
	return fuzz_long();
}
