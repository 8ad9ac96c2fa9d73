/* SPDX-License-Identifier: MIT */
/*
 * moments - a child goes through steps that change its memory in every way; between them it stands
 * still, and the parent leaves a mark in the recorder (/proc/trace) and prints the child's
 * /proc/PID/maps, what pagemap has of each page, and what kpagecount and kpageflags have of each
 * frame. tests/booted/test_trace_model.py compares that with the state that the records give for
 * the same moments.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "account.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGES 8

static unsigned char *heap, *file, *shared;

static unsigned char *map(int flags, int fd)
{
	unsigned char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

static void anonymous(void)
{
	heap = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (int i = 0; i < PAGES; i += 2)
		poke(heap + i * PAGE, 1);
	(void)peek(heap + PAGE);
	(void)peek(heap + 3 * PAGE);
}

static void of_a_file(void)
{
	static unsigned char page[PAGE];
	int fd = open("/root/moments.data", O_RDWR | O_CREAT, 0600);

	for (int i = 0; i < PAGES; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			bail("write");
	file = map(MAP_PRIVATE, fd);
	shared = map(MAP_SHARED, fd);
	poke(file + PAGE, 2);
	(void)peek(file + 4 * PAGE);
	poke(shared + 2 * PAGE, 3);
	close(fd);
}

static void split(void)
{
	mprotect(heap + 2 * PAGE, 2 * PAGE, PROT_READ);
}

static void parted(void)
{
	if (!fork()) {
		poke(heap, 4);
		poke(file + PAGE, 5);
		_exit(0);
	}
	wait(NULL);
	poke(heap, 6);
}

static void joined(void)
{
	mprotect(heap + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
}

static void moved(void)
{
	unsigned char *place = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mremap(heap, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   place + 16 * PAGE) == MAP_FAILED)
		bail("mremap");
	heap = place + 16 * PAGE;
}

static void out(void)
{
	madvise(heap, 4 * PAGE, MADV_PAGEOUT);
}

static void back(void)
{
	poke(heap, 7);
	(void)peek(heap + 2 * PAGE);
}

static void dropped(void)
{
	madvise(heap + 4 * PAGE, 2 * PAGE, MADV_DONTNEED);
	munmap(file, 3 * PAGE);
}

static void all_shared(void)
{
	poke(map(MAP_SHARED | MAP_ANONYMOUS, -1) + PAGE, 8);
	sbrk(5 * PAGE);
	mlock(shared, 2 * PAGE);
}

static void (*const steps[])(void) = { anonymous, of_a_file, split, parted,  joined,
				       moved,     out,       back,  dropped, all_shared };
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* What the machine says of the child now. */
static void look(pid_t child, size_t step, int trace)
{
	int counts = open("/proc/kpagecount", O_RDONLY), all = open("/proc/kpageflags", O_RDONLY);

	touch_frames();
	mark(trace, step);
	read_frames(counts, all);
	close(all);
	close(counts);
	printf("moment %zu of %d\n", step, child);
	show_frames();
	show_maps(child);
}

/* Goes on to the next step each time it is told to, when it has said that it stands still. */
static int go_through(int go, int done)
{
	char c = 0;

	for (size_t i = 0; write(done, &c, 1) == 1 && read(go, &c, 1) == 1; i++)
		steps[i]();
	return 0;
}

int main(void)
{
	int trace = open("/proc/trace", O_WRONLY), go[2], done[2];
	pid_t child;
	char c = 0;

	if (trace < 0 || pipe(go) || pipe(done))
		bail("open");
	child = fork();
	if (!child) {
		close(go[1]);
		return go_through(go[0], done[1]);
	}
	for (size_t i = 0; i <= STEPS; i++) {
		if (read(done[0], &c, 1) != 1)
			bail("the child");
		look(child, i, trace);
		if (i < STEPS && write(go[1], &c, 1) != 1)
			bail("the child");
	}
	close(go[1]);
	waitpid(child, NULL, 0);
	puts("end");
	return 0;
}
