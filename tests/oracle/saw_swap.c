/* SPDX-License-Identifier: MIT */
/*
 * saw_swap - anonymous pages that went to the swap area (by MADV_PAGEOUT): who brings them back, as
 * minor or major fault, what fork, mprotect, mremap, mlock and the advice do with their entries.
 * Read-ahead is off, so that one fault is one page.
 */
#include "saw.h"

#include <sys/wait.h>

#define PAGES 12

static int ends[2];

/* Out they go: the pages of the arena, written and alone. Asks until they are gone. */
static void page_out(long page, long n)
{
	for (int i = 0; i < 50; i++) {
		madvise(at(page), n * PAGE, MADV_PAGEOUT);
		if (strspn(bits(page, n), "s-f") == (size_t)n)
			return;
		usleep(2000);
	}
	printf("= pages %ld to %ld stay: %s\n", page, page + n, bits(page, n));
}

static void fresh(void)
{
	munmap(ARENA, PAGES * PAGE);
	put(0, 8, RW, ANON, -1, 0);
	for (int i = 0; i < 8; i++)
		memset(at(i), 'a' + i, PAGE);
	page_out(0, 8);
}

/*
 * Right after a page went out it may still be in the swap cache, and a fault on it minor: what is
 * compared is the sum.
 */
static void note(const char *what, struct faults then, long ret)
{
	struct faults now = faults();

	printf("= %s = %s (%ld)", what, result(ret),
	       now.minor + now.major - then.minor - then.major);
	printf(" %s [%s]", bits(0, PAGES), layout(PAGES));
	printf(" %s\n", contents(0, PAGES));
}

#define SEE(call)                         \
	do {                              \
		struct faults then_;      \
		long ret_;                \
		fresh();                  \
		then_ = faults();         \
		ret_ = (long)(call);      \
		note(#call, then_, ret_); \
	} while (0)

static long forked(const char *how)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (const char *p = how; *p; p++)
			if (*p == 'w')
				poke(at(p - how), 'W');
			else if (*p == 'r')
				(void)peek(at(p - how));
		printf("= child %s", bits(0, PAGES));
		printf(" %s\n", contents(0, PAGES));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static long touches(const char *how)
{
	for (const char *p = how; *p; p++)
		if (*p == 'w')
			poke(at(p - how), 'W');
		else if (*p == 'r')
			(void)peek(at(p - how));
	return 0;
}

static long again(const char *how)
{
	touches(how);
	page_out(0, 8);
	return touches("rrrrrrrr");
}

static long protect_and(int prot, const char *how)
{
	mprotect(at(0), 8 * PAGE, prot);
	mprotect(at(0), 8 * PAGE, RW);
	return touches(how);
}

int main(void)
{
	int fd = open("/proc/sys/vm/page-cluster", O_WRONLY);

	/* where there is no such knob, read-ahead is of what is needed anyway: by hits */
	if (fd >= 0 && (write(fd, "0\n", 2) != 2 || close(fd)))
		bail("set page-cluster");
	catch_faults();
	if (pipe(ends))
		bail("pipe");
	SEE(0);
	SEE(touches("r"));
	SEE(touches("w"));
	SEE(touches("rw-rw"));
	SEE(touches("rrrrrrrr"));
	SEE(touches("wwwwwwww"));
	SEE(write(ends[1], at(0), PAGE));
	SEE(read(ends[0], at(0), PAGE));
	SEE(forked("--------"));
	SEE(forked("r-w-r-w-"));
	SEE(forked("wwwwwwww"));
	SEE((forked("rw"), touches("rwrw")));
	SEE((touches("rw"), forked("rw")));
	SEE(again("r-w-r-w-"));
	SEE(again("wwwwwwww"));
	SEE(protect_and(PROT_NONE, "rw"));
	SEE(protect_and(PROT_READ, "wr"));
	SEE(mprotect(at(0), 4 * PAGE, PROT_READ));
	SEE(mprotect(at(2), 4 * PAGE, PROT_NONE));
	SEE(mremap(at(0), 2 * PAGE, 2 * PAGE, 3, at(8)));
	SEE(mremap(at(0), 4 * PAGE, 2 * PAGE, 3, at(9)));
	SEE(mremap(at(0), 2 * PAGE, 2 * PAGE, 7, at(8)));
	SEE(madvise(at(0), 2 * PAGE, MADV_DONTNEED));
	SEE(madvise(at(0), 2 * PAGE, MADV_FREE));
	SEE(madvise(at(0), 2 * PAGE, 22));
	SEE(madvise(at(0), 2 * PAGE, 23));
	SEE(madvise(at(0), 2 * PAGE, MADV_COLD));
	SEE(mlock(at(0), 2 * PAGE));
	SEE(munlock(at(0), 2 * PAGE));
	SEE(syscall(SYS_mlock2, at(0), 2 * PAGE, 1));
	SEE(munmap(at(3), PAGE));
	SEE(mmap(at(3), PAGE, RW, ANON | MAP_FIXED, -1, 0));
	SEE(msync(at(0), 8 * PAGE, MS_SYNC));
	munmap(ARENA, PAGES * PAGE);
	return 0;
}
