/* SPDX-License-Identifier: MIT */
/*
 * cow - copy on write: fork shares every page, a write parts the sharers.
 *
 * What you see: after fork parent and child map the same frame. Who writes first gets a copy and
 * the other keeps the original; once the other is gone, the frame has a sole owner and is written
 * in place, with the same frame number and one minor fault. The zero page is always copied; a page
 * that came back from the swap area is written in place as well.
 *
 * Served by: copy_page_range (fork write-protects both sides), handle_pte_fault -> do_wp_page ->
 * wp_page_reuse or wp_page_copy.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGES 4
#define MANY 64

/* What a child found out; lies in shared memory. */
struct report {
	uint64_t pfn_before, pfn_after;
	long faults_read, faults_write;
	unsigned char seen, seen_after;
	bool exclusive;
};

static struct report *shared;

/* The child: reads the page, writes it, and says what that cost. */
static int read_then_write(void *page)
{
	struct faults then;

	shared->pfn_before = pfn_of(page);
	then = faults();
	shared->seen = peek(page);
	shared->faults_read = faults_since(then);
	then = faults();
	poke(page, 'c');
	shared->faults_write = faults_since(then);
	shared->pfn_after = pfn_of(page);
	shared->seen_after = peek(page);
	return 0;
}

static void child_writes(unsigned char *p)
{
	uint64_t mine;
	struct faults then;

	poke(p, 'p');
	mine = pfn_of(p);
	poke(&shared->seen, 0);
	ok_eq(wait_code(run_in_child(read_then_write, p)), 0,
	      "a child reads and writes a page that it inherited");
	ok_eq(shared->seen, 'p', "it saw the parent's byte");
	ok_eq(shared->faults_read, 0, "reading took no fault: fork copied the entry");
	ok_eq(shared->faults_write, 1, "writing took one");
	ok_eq(shared->seen_after, 'c', "it then saw its own byte");
	ok_eq(peek(p), 'p', "the parent still sees its own");
	if (!pfns_visible()) {
		skip("frames: shared after fork, copied by the child's write",
		     "only root sees frame numbers");
		return;
	}
	ok(shared->pfn_before == mine, "after fork both mapped the same frame");
	ok(shared->pfn_after != mine, "the child's write gave it another one");
	ok(pfn_of(p) == mine, "the parent kept the original");
	then = faults();
	poke(p, 'q');
	ok_eq(minor_since(then), 1,
	      "the child is gone: the parent's write faults once, fork had protected it");
	ok(pfn_of(p) == mine, "and reuses the frame in place, as its sole owner");
	then = faults();
	poke(p, 'r');
	ok_eq(faults_since(then), 0, "a second write is free");
}

/* The child waits until the parent has written, then checks that its own view did not change. */
static void parent_writes(unsigned char *p)
{
	int go[2], status;
	uint64_t old;
	pid_t pid;
	char c = 0;

	poke(p, 'o');
	old = pfn_of(p);
	if (pipe(go))
		bail("pipe");
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(9);
		shared->pfn_before = pfn_of(p);
		_exit(peek(p));
	}
	poke(p, 'n');
	if (write(go[1], "x", 1) != 1)
		bail("write to the pipe");
	waitpid(pid, &status, 0);
	close(go[0]);
	close(go[1]);
	ok_eq(wait_code(status), 'o', "the parent writes first: the child keeps the old byte");
	ok_eq(peek(p), 'n', "the parent has the new one");
	if (pfns_visible())
		ok(shared->pfn_before == old && pfn_of(p) != old,
		   "the child kept the frame, the parent got the copy");
	else
		skip("the child kept the frame, the parent got the copy",
		     "only root sees frame numbers");
}

/*
 * Right before fork the parent has written to many pages, so the CPU remembers that it may. It must
 * forget: the very next writes have to fault.
 */
static void parent_writes_at_once(void)
{
	unsigned char *p = map_anon(MANY);
	int go[2], status, wrong = 0;
	pid_t pid;
	char c;

	if (pipe(go))
		bail("pipe");
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++)
			poke(p + i * PAGE, 'o');
	pid = syscall(SYS_fork);
	for (int i = 0; pid > 0 && i < MANY; i++)
		poke(p + i * PAGE, 'n');
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		for (int i = 0; i < MANY; i++)
			wrong += peek(p + i * PAGE) != 'o';
		_exit(wrong);
	}
	if (write(go[1], "x", 1) != 1)
		bail("write to the pipe");
	waitpid(pid, &status, 0);
	close(go[0]);
	close(go[1]);
	ok_eq(wait_code(status), 0,
	      "%d pages written by the parent at once after fork: the child sees none of it", MANY);
	munmap(p, MANY * PAGE);
}

static int write_one(void *page)
{
	struct faults then = faults();

	poke(page, 'z');
	shared->faults_write = minor_since(then);
	return peek((unsigned char *)page + 1) == 0 ? 0 : 1;
}

static void zero_page(unsigned char *p)
{
	uint64_t zero;

	ok_eq(peek(p), 0, "a page only read maps the zero page");
	zero = pfn_of(p);
	ok_eq(wait_code(run_in_child(write_one, p)), 0,
	      "a child that writes it gets zeroes around its byte");
	ok_eq(shared->faults_write, 1, "with one minor fault");
	ok_eq(peek(p), 0, "the parent still reads zero");
	ok(pfn_of(p) == zero, "from the same frame");
}

/*
 * Three generations: each process writes its own mark over its parent's and then has two children
 * of its own. Returns the number of processes that saw a mark that was not theirs.
 */
static int generation(unsigned char *p, int level, unsigned char mark)
{
	int wrong = 0, status;

	for (int i = 0; i < PAGES; i++)
		poke(p + i * PAGE, mark);
	for (int i = 0; i < 2 && level > 0; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(generation(p, level - 1, mark * 2 + i));
		waitpid(pid, &status, 0);
		wrong += wait_code(status);
	}
	for (int i = 0; i < PAGES; i++)
		wrong += peek(p + i * PAGE) != mark;
	return wrong;
}

/* A page read back from the swap area is in the swap cache too, which is no owner that counts. */
static void back_from_swap(unsigned char *p)
{
	const char *claim = "a page read back from the swap area is written in place";
	bool in_place = false;
	uint64_t frame;

	for (int i = 0; i < 20 && !in_place; i++) {
		poke(p, 'w');
		madvise(p, PAGE, MADV_PAGEOUT);
		if (!is_swapped(p) || !pfns_visible()) {
			skip(claim, "it could not be swapped out, or only root sees frame numbers");
			return;
		}
		usleep(i * 5000); /* while it is still being written it may be copied */
		(void)peek(p);
		frame = pfn_of(p);
		poke(p + 1, 'x');
		in_place = pfn_of(p) == frame && peek(p) == 'w';
	}
	ok(in_place, "%s", claim);
}

/* MAP_SHARED memory is not copied: fork and write, and everybody sees it. */
static int write_shared(void *page)
{
	poke(page, 's');
	return 0;
}

int main(void)
{
	unsigned char *p = map_anon(PAGES), *s;

	s = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		bail("mmap shared memory");
	shared = (struct report *)(s + PAGE);
	poke(s, 0);
	child_writes(p);
	parent_writes(p + PAGE);
	parent_writes_at_once();
	zero_page(p + 2 * PAGE);
	back_from_swap(p + 3 * PAGE);
	ok_eq(generation(p, 3, 1), 0,
	      "15 processes, each writing over its parent's marks: all keep their own");
	ok_eq(wait_code(run_in_child(write_shared, s)), 0, "a child writes to MAP_SHARED memory");
	ok_eq(peek(s), 's', "and there the parent sees it");
	return tap_done();
}
