/* SPDX-License-Identifier: MIT */
/*
 * watched: memory in known states, told as /proc tells it, and one fault of each kind in a known order;
 * for tests/booted/test_gdb_commands.py, which stops it in told_all() and compares.
 *
 * Where a page is, and what /proc/self/pagemap says of it, is one line each: "page NAME ADDRESS present
 * FRAME", "... swapped" or "... none". Text of /proc follows between "begin PATH" and "end PATH".
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"
#include "tap.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define ROOM (512UL << 10) /* more than the stack has at first */

/* The pages; gdb knows them by these names. */
unsigned char *written, *zeroed, *untouched, *swapped, *kept, *common, *filed, *gone, *asked;
unsigned char *private_file, *shared_file;
static char told[5][16384];
static const char *const paths[] = { "/proc/self/maps", "/proc/swaps", "/proc/slabinfo",
				     "/proc/vmstat", "/proc/buddyinfo" };

/* All is told that was to be told: the test looks now. */
__attribute__((noinline)) void told_all(void)
{
	__asm__ volatile("" : : : "memory");
}

static void tell(const char *name, const unsigned char *page)
{
	struct pagemap_entry entry = pagemap_entry(page);

	printf("page %s %p ", name, (const void *)page);
	if (entry.present)
		printf("present %#lx\n", (unsigned long)entry.pfn);
	else
		printf("%s\n", entry.swapped ? "swapped" : "none");
}

static void tell_all(void)
{
	tell("written", written);
	tell("zeroed", zeroed);
	tell("untouched", untouched);
	tell("swapped", swapped);
	tell("kept", kept);
	tell("common", common);
	tell("filed", filed);
	tell("gone", gone);
	tell("asked", asked);
	tell("private_file", private_file);
	tell("shared_file", shared_file);
}

/* Read first, print later: printing would change what is told. */
static void read_proc(void)
{
	memset(told, 0, sizeof(told)); /* no fault on them after that */
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDONLY);
		size_t len = 0;
		ssize_t n;

		while ((n = read(fd, told[i] + len, sizeof(told[i]) - 1 - len)) > 0)
			len += (size_t)n;
		close(fd);
	}
}

static void set_up(void)
{
	unsigned char *area = map_anon(7);
	char path[128];
	int fd = open_scratch(path, sizeof(path), NULL);

	for (int i = 0; i < 4; i++)
		if (write(fd, told[0], PAGE) != (ssize_t)PAGE)
			bail("write to the file");
	unlink(path);
	written = area;
	zeroed = area + PAGE;
	untouched = area + 2 * PAGE;
	swapped = area + 3 * PAGE;
	kept = area + 4 * PAGE;
	asked = area + 5 * PAGE;
	gone = area + 6 * PAGE;
	common = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	filed = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	private_file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, (off_t)PAGE);
	shared_file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 3 * (off_t)PAGE);
	poke(written, 'w');
	(void)peek(zeroed);
	poke(swapped, 's');
	poke(kept, 'k');
	poke(common, 'c');
	(void)peek(filed);
	munmap(gone, PAGE);
	madvise(swapped, PAGE, MADV_PAGEOUT);
}

__attribute__((noinline)) static void grow_stack(void)
{
	volatile unsigned char room[ROOM];

	poke(room, 1);
}

/* In the order in which the test expects them. */
static void take_faults(int child, int go)
{
	int pipes[2];

	madvise(asked, PAGE, MADV_POPULATE_WRITE); /* the kernel asks */
	(void)peek(untouched);                     /* zero */
	poke(untouched, 'u');                      /* wp: the zero page is replaced */
	poke(written, 'W');                        /* copy: the child has it too */
	if (write(go, "x", 1) != 1 || waitpid(child, NULL, 0) != child)
		bail("the child's end");
	poke(kept, 'K');                 /* reuse: nobody else has it any more */
	(void)peek(swapped);             /* swap */
	poke(private_file, 'p');         /* cow */
	(void)peek(private_file + PAGE); /* read */
	poke(shared_file, 'f');          /* shared */
	grow_stack();                    /* stack */
	if (pipe(pipes) || write(pipes[1], "y", 1) != 1 ||
	    read(pipes[0], gone, 1) != -1) /* fixup */
		bail("a read to where nothing is");
	ok(faults_with(gone, 'w', SIGSEGV, SEGV_MAPERR), "a write to where nothing is"); /* bad */
}

int main(void)
{
	int go[2], ready[2], child;
	char c;

	set_up();
	catch_faults();
	if (pipe(go) || pipe(ready))
		bail("pipe");
	child = fork();
	if (child == 0) {
		(void)peek(common);
		if (write(ready[1], "r", 1) == 1)
			(void)!read(go[0], &c, 1);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		bail("the child's word");
	tell_all();
	printf("child %d\n", child);
	read_proc();
	told_all();
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		printf("begin %s\n%send %s\n", paths[i], told[i], paths[i]);
	fflush(stdout);
	take_faults(child, go[1]);
	return tap_done();
}
