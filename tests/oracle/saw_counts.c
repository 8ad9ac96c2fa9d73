/* SPDX-License-Identifier: MIT */
/*
 * saw_counts - how each call changes what /proc/self/status and statm say of this process's promises
 * and page tables, and getrusage of its faults. Resident sizes are left out: Linux counts them late.
 */
#include "saw.h"

#include <sys/resource.h>

static const char *const names[] = { "VmSize", "VmLck", "VmData", "VmStk", "VmExe", "VmPTE" };
#define NAMES COUNT(names)

struct counts {
	long status[NAMES], size, data;
	struct faults faults;
};

static struct counts look(void)
{
	struct counts c = { .faults = faults() };
	FILE *f = fopen("/proc/self/statm", "r");

	for (size_t i = 0; i < NAMES; i++)
		c.status[i] = status_kb(names[i]);
	if (!f || fscanf(f, "%ld %*d %*d %*d %*d %ld", &c.size, &c.data) != 2)
		bail("read /proc/self/statm");
	fclose(f);
	return c;
}

static void tell(const char *what, long ret, const struct counts *then, struct faults after)
{
	struct counts now = look();

	printf("= %s = %s:", what, result(ret));
	for (size_t i = 0; i < NAMES; i++)
		if (now.status[i] != then->status[i])
			printf(" %s%+ld", names[i], now.status[i] - then->status[i]);
	if (now.size != then->size || now.data != then->data)
		printf(" size%+ld data%+ld", now.size - then->size, now.data - then->data);
	printf(" minor%+ld\n", after.minor - then->faults.minor);
}

/* faults() is the last of look() and the first after the call, so that only the call's are counted. */
#define SEE(call)                                    \
	do {                                         \
		struct counts then_ = look();        \
		long ret_;                           \
		then_.faults = faults();             \
		ret_ = (long)(call);                 \
		tell(#call, ret_, &then_, faults()); \
	} while (0)

static long touch(long page, long n, bool write)
{
	for (long i = page; i < page + n; i++) {
		if (write)
			poke(at(i), 1);
		else
			(void)peek(at(i));
	}
	return 0;
}

static long map(long page, long n, int prot, int flags, int fd)
{
	return (long)mmap(at(page), n * PAGE, prot, flags | MAP_FIXED, fd, 0);
}

#define GIB (1L << 30 >> 12) /* in pages */

int main(void)
{
	int fd = file_of(8);

	look();
	SEE(0);
	SEE(map(0, 100, RW, ANON, -1));
	SEE(touch(0, 50, false));
	SEE(touch(0, 100, true));
	SEE(mlock(at(0), 10 * PAGE));
	SEE(mlock(at(5), 10 * PAGE));
	SEE(munlock(at(0), 5 * PAGE));
	SEE(mprotect(at(20), 10 * PAGE, PROT_READ));
	SEE(mprotect(at(20), 5 * PAGE, RW));
	SEE(mprotect(at(30), 5 * PAGE, PROT_READ | PROT_EXEC));
	SEE(map(40, 10, PROT_NONE, ANON, -1));
	SEE(map(200, 8, RW, MAP_SHARED, fd));
	SEE(touch(200, 8, false));
	SEE(touch(200, 8, true));
	SEE(map(210, 8, RW, MAP_PRIVATE, fd));
	SEE(touch(210, 8, false));
	SEE(touch(210, 8, true));
	SEE(map(220, 20, RW, MAP_SHARED | MAP_ANONYMOUS, -1));
	SEE(touch(220, 20, false));
	SEE(touch(220, 20, true));
	SEE(mlock(at(220), 20 * PAGE));
	SEE(map(GIB, 10, RW, ANON, -1));
	SEE(touch(GIB, 1, true));
	SEE(map(600 * GIB, 10, RW, ANON, -1));
	SEE(touch(600 * GIB, 10, true));
	SEE(munmap(at(600 * GIB), 10 * PAGE));
	SEE(munmap(at(GIB), 10 * PAGE));
	SEE(map(300, 64, RW, ANON | MAP_POPULATE, -1));
	SEE(map(400, 16, RW, ANON | MAP_LOCKED, -1));
	SEE(map(400, 16, RW, ANON | MAP_NORESERVE, -1));
	SEE(map(500, 16, RW, ANON | MAP_GROWSDOWN, -1));
	SEE(madvise(at(0), 20 * PAGE, MADV_DONTNEED));
	SEE(madvise(at(60), 20 * PAGE, MADV_DONTNEED));
	SEE(touch(60, 20, true));
	SEE(syscall(SYS_mremap, at(60), 20 * PAGE, 40 * PAGE, 3, at(600)));
	SEE(syscall(SYS_mremap, at(600), 40 * PAGE, 10 * PAGE, 0, 0));
	SEE(syscall(SYS_mremap, at(600), 10 * PAGE, 20 * PAGE, 0, 0));
	SEE(syscall(SYS_mremap, at(600), 20 * PAGE, 20 * PAGE, 7, at(700)));
	SEE(mlockall(MCL_FUTURE));
	SEE(map(800, 16, RW, ANON, -1));
	SEE(map(820, 8, PROT_READ, MAP_PRIVATE, fd));
	SEE(mlockall(MCL_CURRENT | MCL_ONFAULT));
	SEE(munlockall());
	SEE(munmap(ARENA, 1000 * PAGE));
	return 0;
}
