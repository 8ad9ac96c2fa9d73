/* SPDX-License-Identifier: MIT */
/*
 * stack - the stack grows by itself, but not for ever.
 *
 * What you see: a touch below [stack] makes the line in /proc/self/maps longer. Beyond
 * RLIMIT_STACK the same touch is a SIGSEGV, delivered on the alternate stack because the normal
 * one has no room; and the stack never comes nearer than 256 pages to the next mapping below it,
 * however high the limit.
 *
 * Served by: do_user_addr_fault -> expand_stack (RLIMIT_STACK, stack_guard_gap) ->
 * handle_mm_fault -> do_anonymous_page; signal delivery on the alternate stack (sigaltstack,
 * SA_ONSTACK).
 */
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

#define GUARD_GAP_PAGES 256UL /* Linux: stack_guard_gap */

static struct mapping stack_line(void)
{
	struct mapping m;
	char here = 0;

	if (!maps_find(&here, &m))
		bail("find the stack in /proc/self/maps");
	return m;
}

static void touch_grows_it(void)
{
	struct mapping before = stack_line(), after;
	unsigned char *below = (unsigned char *)before.start - 20 * PAGE;
	struct faults then = faults();

	ok(!strcmp(before.name, "[stack]"), "the line is called [stack]");
	ok(!strncmp(before.perms, "rw-p", 4),
	   "it is readable, writable, private, and not executable");
	poke(below, 1);
	ok_eq(minor_since(then), 1, "a write 20 pages below it: one minor fault");
	after = stack_line();
	ok_eq(before.start - after.start, 20 * PAGE, "the line now starts at the page touched");
	ok(after.end == before.end, "and still ends where it did");
	ok(is_present(below) && !is_present(below + PAGE), "only the page touched has a frame");
	ok_eq(peek(below + PAGE), 0, "a page skipped over reads zero");
}

/* Uses `pages` pages of stack by recursion, as programs do. */
static int __attribute__((noinline)) recurse(int pages)
{
	volatile unsigned char frame[PAGE];

	memset((void *)frame, pages, PAGE);
	return pages ? recurse(pages - 1) + (frame[7] == (unsigned char)pages) : 0;
}

static void set_limit(rlim_t bytes)
{
	struct rlimit rl;

	getrlimit(RLIMIT_STACK, &rl);
	rl.rlim_cur = bytes;
	if (setrlimit(RLIMIT_STACK, &rl))
		bail("setrlimit(RLIMIT_STACK)");
}

/*
 * In a child: the byte just inside the limit works, the one just outside is a SIGSEGV that a
 * handler survives.
 */
static int at_the_limit(void *arg)
{
	unsigned long limit = *(unsigned long *)arg;
	struct mapping m = stack_line();
	unsigned char *lowest = (unsigned char *)m.end - limit;

	set_limit(limit);
	catch_faults();
	if (CATCH() == 0)
		poke(lowest, 1);
	if (caught.sig)
		return 1;
	if (!faults_with(lowest - 1, 'w', SIGSEGV, SEGV_MAPERR))
		return 2;
	return stack_line().start == (uintptr_t)lowest ? 0 : 3;
}

static volatile int depth;

static int __attribute__((noinline)) overflow(void)
{
	volatile unsigned char frame[256];

	frame[0] = depth++;
	return depth < 1 << 30 ? overflow() + frame[0] : 0;
}

/* In a child: endless recursion ends in the handler, which could not run on the full stack. */
static int overflow_is_caught(void *arg)
{
	set_limit(*(unsigned long *)arg);
	catch_faults();
	if (CATCH() == 0)
		overflow();
	return caught.sig == SIGSEGV && caught.code == SEGV_MAPERR && depth > 100 ? 0 : 1;
}

/* In a child: without an alternate stack there is no way to deliver the signal, so it kills. */
static int overflow_kills(void *arg)
{
	set_limit(*(unsigned long *)arg);
	return overflow();
}

/*
 * In a child: puts one page `gap` pages below the stack, then touches the page above it and the
 * first page allowed.
 */
static int keeps_its_distance(void *arg)
{
	struct mapping m = stack_line();
	unsigned char *neighbour = (unsigned char *)m.start - (GUARD_GAP_PAGES + 40) * PAGE,
		      *lowest;

	(void)arg;
	if (mmap(neighbour, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) != neighbour)
		return 1;
	catch_faults();
	lowest = neighbour + (GUARD_GAP_PAGES + 1) * PAGE;
	if (CATCH() == 0)
		poke(lowest, 1);
	if (caught.sig)
		return 2;
	if (!faults_with(lowest - 1, 'w', SIGSEGV, SEGV_MAPERR))
		return 3;
	return faults_with(neighbour + PAGE, 'r', SIGSEGV, SEGV_MAPERR) ? 0 : 4;
}

/* In a child: the neighbour itself stays usable, and so does what the stack already has. */
static int without_neighbour_it_may(void *arg)
{
	struct mapping m = stack_line();

	(void)arg;
	poke((unsigned char *)m.start - 250 * PAGE, 1);
	return stack_line().start == m.start - 250 * PAGE ? 0 : 1;
}

int main(void)
{
	unsigned long limit = 1024 * 1024;
	int status;

	touch_grows_it();
	ok_eq(recurse(64), 64, "a recursion through 64 pages finds its frames intact");
	status = run_in_child(at_the_limit, &limit);
	ok_eq(wait_code(status), 0,
	      "RLIMIT_STACK: the last byte inside is given, one further is SEGV_MAPERR");
	status = run_in_child(overflow_is_caught, &limit);
	ok_eq(wait_code(status), 0,
	      "endless recursion is caught by a handler on the alternate stack");
	status = run_in_child(overflow_kills, &limit);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "without an alternate stack it dies of SIGSEGV");
	status = run_in_child(without_neighbour_it_may, NULL);
	ok_eq(wait_code(status), 0, "with free room below, 250 pages at once are given");
	status = run_in_child(keeps_its_distance, NULL);
	ok_eq(wait_code(status), 0,
	      "256 pages above a neighbour the stack stops: SIGSEGV nearer than that");
	return tap_done();
}
