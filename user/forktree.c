/* SPDX-License-Identifier: MIT */
/*
 * forktree - processes by the dozen, and not one byte shared that must not be.
 *
 * What you see: a tree of processes, a chain of fifty, children that write first and parents that
 * do; each process marks its pages and finds its own marks, and its parent's where nobody wrote.
 * Then what fork's relatives promise: vfork borrows the memory, wait4 brings status and rusage,
 * orphans get a new parent.
 *
 * Served by: kernel_clone, dup_mmap, copy_page_range, do_wp_page; do_exit, release of the address
 * space, do_wait.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

#define PAGES 8
#define CHAIN 50

static unsigned char *mem;

static void set_marks(unsigned char mark)
{
	for (int i = 0; i < PAGES; i++)
		poke(mem + i * PAGE + i, mark);
}

static int wrong_marks(unsigned char mark)
{
	int wrong = 0;

	for (int i = 0; i < PAGES; i++)
		wrong += peek(mem + i * PAGE + i) != mark;
	return wrong;
}

static int reap(pid_t pid)
{
	int status;

	return pid < 0 || waitpid(pid, &status, 0) != pid ? 1000 : wait_code(status);
}

/*
 * One process of the tree: has `fanout` children at the same time; each must see the marks that
 * stood at its fork, writes its own and goes on. With `parent_writes` the parent marks its pages
 * anew while they live. Returns the number of wrong marks, in a child cut down to 0 or 1.
 */
static int grow(int depth, int fanout, unsigned char mark, bool parent_writes)
{
	unsigned char mine = mark + 1;
	pid_t kids[3];
	int wrong = 0;

	for (int i = 0; i < fanout && depth > 0; i++) {
		kids[i] = fork();
		if (kids[i] == 0) {
			wrong += wrong_marks(mark);
			set_marks(mark * 3 + i);
			_exit(grow(depth - 1, fanout, mark * 3 + i, parent_writes) + wrong > 0);
		}
	}
	if (parent_writes)
		set_marks(mine);
	for (int i = 0; i < fanout && depth > 0; i++)
		wrong += reap(kids[i]);
	return wrong + wrong_marks(parent_writes ? mine : mark);
}

static int tree(int depth, int fanout, bool parent_writes)
{
	set_marks(1);
	return grow(depth, fanout, 1, parent_writes);
}

/*
 * Each link of the chain adds one byte to a page that all before it wrote to, and checks all of
 * them.
 */
static int chain(int left)
{
	int wrong = 0;
	pid_t pid;

	poke(mem + 100 + left, left);
	for (int i = left; i <= CHAIN; i++)
		wrong += peek(mem + 100 + i) != i;
	if (left > 1) {
		pid = fork();
		if (pid == 0)
			_exit(chain(left - 1));
		wrong += reap(pid);
	}
	for (int i = 1; i < left; i++)
		wrong += peek(mem + 100 + i) != 0; /* the later links' bytes are not ours to see */
	return wrong > 0;
}

static void vfork_borrows(void)
{
	volatile int order = 0;
	pid_t pid;

	poke(mem, 1);
	pid = vfork();
	if (pid == 0) {
		poke(mem, 2);
		_exit(17);
	}
	order = peek(mem);
	ok_eq(order, 2, "vfork: the child writes in our memory, and we go on only after it ended");
	ok_eq(reap(pid), 17, "its exit status arrives");
}

static int touch_pages(void *arg)
{
	unsigned char *p = map_anon(200);

	for (int i = 0; i < 200; i++)
		poke(p + i * PAGE, 1);
	return *(int *)arg;
}

static void wait_tells(void)
{
	struct rusage ru, all;
	int status, wrong = 0;
	pid_t pid;

	for (int i = 0; i < 256; i += 51)
		wrong += wait_code(run_in_child(touch_pages, &i)) != i;
	ok_eq(wrong, 0, "exit statuses 0, 51 .. 255 arrive");
	pid = fork();
	if (pid == 0)
		_exit(touch_pages(&(int){ 3 }));
	ok(wait4(pid, &status, 0, &ru) == pid && wait_code(status) == 3, "wait4 by pid");
	ok(ru.ru_minflt >= 200 && ru.ru_minflt < 600,
	   "its rusage counts the child's 200 first touches");
	getrusage(RUSAGE_CHILDREN, &all);
	ok(all.ru_minflt >= 200 * 7, "RUSAGE_CHILDREN sums up all seven");
	ok_errno(wait4(pid, &status, 0, NULL), ECHILD, "waiting for it again: ECHILD");
}

static void wait_without_hanging(void)
{
	int ends[2], status;
	char c;
	pid_t pid;

	if (pipe(ends))
		bail("pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &c, 1) == 0 ?
			      5 :
			      6); /* returns at end of file, when the parent closes */
	}
	ok_eq(waitpid(pid, &status, WNOHANG), 0, "WNOHANG: 0 while the child runs");
	close(ends[1]);
	ok_eq(reap(pid), 5, "closing the pipe's last writer lets it end");
	close(ends[0]);
}

static void orphans(void)
{
	int ends[2], status;
	pid_t pid, seen = 0;

	if (pipe(ends))
		bail("pipe");
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				usleep(1000);
			seen = getppid();
			_exit(write(ends[1], &seen, sizeof(seen)) != sizeof(seen));
		}
		_exit(0);
	}
	close(ends[1]);
	waitpid(pid, &status, 0);
	ok(read(ends[0], &seen, sizeof(seen)) == sizeof(seen) && seen != pid && seen != getpid(),
	   "an orphan gets a new parent (%d)", seen);
	close(ends[0]);
}

int main(void)
{
	mem = map_anon(PAGES);
	ok_eq(tree(5, 2, false), 0,
	      "a tree of depth 5, two children each, the children write first: 63 processes");
	ok_eq(tree(3, 3, false), 0, "depth 3, three children each: 40 processes");
	ok_eq(tree(5, 2, true), 0, "depth 5 again, the parents write while the children live");
	memset(mem, 0, PAGE);
	ok_eq(chain(CHAIN), 0, "a chain of %d processes, each writing into the same page", CHAIN);
	vfork_borrows();
	wait_tells();
	wait_without_hanging();
	orphans();
	return tap_done();
}
