/* SPDX-License-Identifier: MIT */
/* fuzz_limits: too much of everything: memory, processes, descriptors, VMAs, names. TAP. */
#include "fuzz.h"

#define AREA 0x200000000000UL

/* Touches memory without end, from some processes at once. */
static void memory_bomb(void)
{
	fork();
	for (;;) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		memset(p, 1, 1 << 20);
	}
}

static void shared_bomb(void)
{
	for (;;) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		memset(p, 1, 1 << 20);
	}
}

static void locked_bomb(void)
{
	mlockall(MCL_CURRENT | MCL_FUTURE);
	memory_bomb();
}

/* Nothing but page tables: one page in each 2 MiB. */
static void table_bomb(void)
{
	for (unsigned long at = 1UL << 40; at < 1UL << 46; at += 1UL << 30) {
		char *p = mmap((void *)at, 1UL << 30, PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		for (unsigned long i = 0; i < 1UL << 30; i += 1UL << 21)
			*(volatile char *)(p + i);
	}
}

static void vma_bomb(void)
{
	long n = 0;

	for (;; n++) {
		char *p = mmap((void *)(AREA + (unsigned long)n * 2 * PAGE), PAGE,
			       n & 1 ? PROT_READ : PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (p == MAP_FAILED)
			break;
	}
	if (errno != ENOMEM || n < 60000 || n > 65530)
		_exit(1);
	/* Each of these would need one more. */
	mprotect((void *)AREA, PAGE * 4, PROT_READ | PROT_WRITE);
	munmap(sbrk(0), PAGE);
	fork();
}

static void pipe_bomb(void)
{
	static char buf[65536];
	int fds[2];

	while (!pipe2(fds, O_NONBLOCK))
		write(fds[1], buf, sizeof(buf));
	wait_ms(100);
}

/* What open files take counts as nobody's memory: the killer of processes must be told whose it is. */
static void be_killed_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, "1000", 4) != 4)
		_exit(1);
	close(fd);
}

static void fd_bomb(void)
{
	struct rlimit all = { 1 << 20, 1 << 20 };
	int n = 0;

	be_killed_first();
	setrlimit(RLIMIT_NOFILE, &all);
	dup2(1, 0x7fffffff);
	dup2(1, -1);
	fcntl(1, F_DUPFD, 0x7fffffff);
	while (open("/dev/null", O_RDONLY) >= 0)
		if (++n == 5000 && !fork())
			_exit(0);
}

static void fork_bomb(void)
{
	for (int i = 0; i < 12; i++)
		fork();
	wait_ms(50);
}

static void *sleeper(void *arg)
{
	wait_ms(100);
	return arg;
}

static void thread_bomb(void)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (int i = 0; i < 5000 && !pthread_create(&t, &attr, sleeper, NULL); i++)
		;
	if (below(2))
		execl("/bin/hello", "hello", NULL);
}

static void argument_bomb(void)
{
	static char *argv[40000], huge[200000];

	memset(huge, 'x', sizeof(huge) - 1);
	for (size_t i = 0; i < COUNT(argv) - 1; i++)
		argv[i] = "0123456789012345678901234567890123456789012345678901234567890123456789";
	execv("/bin/hello", argv);
	argv[0] = huge;
	argv[1] = NULL;
	execv("/bin/hello", argv);
	for (size_t i = 0; i < COUNT(argv) - 1; i++)
		argv[i] = "";
	argv[COUNT(argv) - 1] = (char *)KERNEL_RAM;
	execv("/bin/hello", argv);
	syscall(SYS_execve, "/bin/hello", KERNEL_RAM, NONCANONICAL);
	syscall(SYS_execve, KERNEL_RAM, NULL, NULL);
	close(1);
	syscall(SYS_execve, "/bin/hello", NULL, NULL);
}

/* The strings of a new program are in memory that no process has yet. */
static void exec_bomb(void)
{
	struct rlimit stack = { 64 << 20, 64 << 20 };
	static char text[100000], *argv[50];

	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 0; i < COUNT(argv) - 1; i++)
		argv[i] = text;
	setrlimit(RLIMIT_STACK, &stack);
	close(1);
	for (int i = 0; i < 4; i++)
		fork();
	execv("/bin/hello", argv);
}

static void signal_bomb(void)
{
	union sigval v = { 0 };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < 20000; i++)
		sigqueue(getpid(), SIGRTMIN + i % 8, v);
	fork();
}

/* Dentries and inodes: names that are not there, and files that are made and removed. */
static void name_bomb(void)
{
	char path[64];
	struct stat st;

	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "/tmp/none%d", i);
		stat(path, &st);
	}
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/tmp/some%d", i);
		close(open(path, O_CREAT, 0600));
	}
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/tmp/some%d", i);
		unlink(path);
	}
}

static void disk_bomb(void)
{
	static char buf[1 << 20];
	int fd = open("/tmp/fuzz-full", O_RDWR | O_CREAT, 0600);
	char *p;

	while (write(fd, buf, sizeof(buf)) > 0)
		;
	mkdir("/tmp/fuzz-no-room", 0700);
	rmdir("/tmp/fuzz-no-room");
	/* A hole with no block left for it: SIGBUS. */
	ftruncate(fd, 1L << 30);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (1L << 30) - (long)PAGE);
	unlink("/tmp/fuzz-full");
	*(volatile char *)p = 1;
}

static int fuzz_limits(void)
{
	attack("file descriptors without end", fd_bomb);
	attack("VMAs without end", vma_bomb);
	attack("processes without end", fork_bomb);
	attack("threads without end", thread_bomb);
	attack("arguments without end", argument_bomb);
	attack("program starts without end", exec_bomb);
	attack("signals without end", signal_bomb);
	attack("names without end", name_bomb);
	attack("a full disk", disk_bomb);
	attack("pipes without end", pipe_bomb);
	for (int i = 0; i < 5; i++)
		attack("memory without end", memory_bomb);
	attack("shared memory without end", shared_bomb);
	attack("locked memory without end", locked_bomb);
	attack("page tables without end", table_bomb);
	return checks_done();
}

int main(void)
{
	return fuzz_limits();
}
