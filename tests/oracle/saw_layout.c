/* SPDX-License-Identifier: MIT */
/*
 * saw_layout [SEED [SEEDS]] - random sequences of the memory calls, touches and forks in an arena of
 * 32 pages. After each step: what the call gave, the arena's lines of /proc/self/maps (which VMAs
 * merge and split), and pagemap's bits; after each eighth step the contents too.
 */
#include "saw.h"

#include <sys/wait.h>

#define PAGES 32L
#define STEPS 200

static uint64_t state;
static int fd;

static long below(long n)
{
	return (long)(next_random(&state) >> 16) % n;
}

static int any_prot(void)
{
	static const int prots[] = { RW,        RW,        RW,        RW,
				     PROT_READ, PROT_READ, PROT_NONE, RW | PROT_EXEC,
				     PROT_WRITE };

	return prots[below(COUNT(prots))];
}

/* File mappings often continue each other: arena page i shows file page i. */
static long step_mmap(long page, long n, char *what)
{
	static const int flags[] = { ANON,
				     ANON,
				     ANON,
				     ANON,
				     ANON | MAP_NORESERVE,
				     ANON | MAP_POPULATE,
				     MAP_SHARED | MAP_ANONYMOUS,
				     MAP_PRIVATE,
				     MAP_PRIVATE,
				     MAP_SHARED,
				     MAP_SHARED,
				     ANON | MAP_LOCKED,
				     ANON | MAP_GROWSDOWN,
				     MAP_PRIVATE | MAP_POPULATE };
	int flag = flags[below(COUNT(flags))], prot = any_prot();
	long file_page = below(4) ? page : below(PAGES);

	sprintf(what, "mmap(%ld, %ld, %d, %#x, %ld)", page, n, prot, flag,
		flag & MAP_ANONYMOUS ? 0 : file_page);
	return (long)mmap(at(page), n * PAGE, prot, flag | MAP_FIXED,
			  flag & MAP_ANONYMOUS ? -1 : fd,
			  flag & MAP_ANONYMOUS ? 0 : file_page * PAGE);
}

static long step_mremap(long page, long n, char *what)
{
	static const int flags[] = { 0, MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED | 4 };
	int flag = flags[below(COUNT(flags))];
	long to = below(PAGES - 8), new = flag & 4 ? n : 1 + below(8);

	sprintf(what, "mremap(%ld, %ld, %ld, %d, %ld)", page, n, new, flag, to);
	return syscall(SYS_mremap, at(page), n * PAGE, new *PAGE, flag, at(to));
}

static long step_madvise(long page, long n, char *what)
{
	static const int advice[] = { MADV_NORMAL,
				      MADV_RANDOM,
				      MADV_SEQUENTIAL,
				      MADV_WILLNEED,
				      MADV_DONTNEED,
				      MADV_DONTNEED,
				      MADV_DONTFORK,
				      MADV_DOFORK,
				      MADV_DONTDUMP,
				      MADV_DODUMP,
				      MADV_WIPEONFORK,
				      MADV_KEEPONFORK,
				      22,
				      23,
				      24 };
	int a = advice[below(COUNT(advice))];

	sprintf(what, "madvise(%ld, %ld, %d)", page, n, a);
	return madvise(at(page), n * PAGE, a);
}

/* Touches pages in a way; a signal ends it. */
static long step_touch(long page, long n, char *what)
{
	bool write = below(3);
	volatile long i;

	sprintf(what, "%s(%ld, %ld)", write ? "write" : "read", page, n);
	if (CATCH() == 0)
		for (i = 0; i < n; i++) {
			if (write)
				poke(at(page + i), 'A' + below(26));
			else
				(void)peek(at(page + i));
		}
	if (caught.sig)
		sprintf(what + strlen(what), " sig%d/%d@%ld", caught.sig, caught.code,
			((long)caught.addr - (long)ARENA) / (long)PAGE);
	return 0;
}

/* A child looks, writes, and ends before the parent goes on; or the other way round. */
static long step_fork(long page, long n, char *what)
{
	char ignored[128];
	int status;
	pid_t pid;

	sprintf(what, "fork(%ld, %ld)", page, n);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		printf("= child %s [%s]", bits(0, PAGES), layout(PAGES));
		printf(" %s", contents(0, PAGES));
		step_touch(page, n, ignored);
		printf(" %s %s\n", ignored, bits(0, PAGES));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static long step(char *what)
{
	long page = below(PAGES - 8), n = 1 + below(8);

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return step_mmap(page, n, what);
	case 4:
		sprintf(what, "munmap(%ld, %ld)", page, n);
		return munmap(at(page), n * PAGE);
	case 5:
	case 6:
	case 7: {
		int prot = any_prot();

		sprintf(what, "mprotect(%ld, %ld, %d)", page, n, prot);
		return mprotect(at(page), n * PAGE, prot);
	}
	case 8:
		return step_mremap(page, n, what);
	case 9:
	case 10:
		return step_madvise(page, n, what);
	case 11: {
		long flags = below(2);

		sprintf(what, "mlock2(%ld, %ld, %ld)", page, n, flags);
		return syscall(SYS_mlock2, at(page), n * PAGE, flags);
	}
	case 12:
		sprintf(what, "munlock(%ld, %ld)", page, n);
		return munlock(at(page), n * PAGE);
	case 13:
		return below(3) ? step_touch(page, n, what) : step_fork(page, n, what);
	default:
		return step_touch(page, n, what);
	}
}

static void walk(long seed)
{
	char what[128];
	struct faults then;
	long ret, count;

	state = (uint64_t)seed * 0x9e3779b97f4a7c15UL + 1;
	munlockall();
	munmap(ARENA, PAGES * PAGE);
	fd = file_of(20); /* the arena is larger: some pages lie behind its end */
	for (int i = 1; i <= STEPS; i++) {
		then = faults();
		errno = 0;
		ret = step(what);
		count = faults().minor + faults().major - then.minor - then.major;
		printf("= %ld:%d %s = %s", seed, i, what, result(ret));
		/* the child's faults are its own, but ours while it runs depend on the library */
		if (strncmp(what, "fork", 4))
			printf(" (%ld)", count);
		printf(" %s [%s]", bits(0, PAGES), layout(PAGES));
		if (i % 8 == 0)
			printf(" %s", contents(0, PAGES));
		putchar('\n');
	}
	close(fd);
}

int main(int argc, char **argv)
{
	long seed = argc > 1 ? atol(argv[1]) : 1, seeds = argc > 2 ? atol(argv[2]) : 40;

	catch_faults();
	for (long i = 0; i < seeds; i++)
		walk(seed + i);
	return 0;
}
