/* SPDX-License-Identifier: MIT */
/*
 * What the hostile programs (fuzz_*.c) have in common: random numbers, addresses that are none, children
 * that end, and whether the machine still works. The same seed does the same. What goes wrong in the
 * kernel shows in its log as well, where tests/booted/test_hostile.py looks.
 */
#ifndef TESTS_PROGRAMS_FUZZ_H
#define TESTS_PROGRAMS_FUZZ_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONCANONICAL 0x8000000000000000UL
#define KERNEL_TEXT 0xffffffff80100000UL
#define KERNEL_RAM 0xffff888000000000UL
#define USER_END 0x00007ffffffff000UL

static uint64_t rng_state = 1;

/* xorshift64*: good enough, and the same everywhere. */
static __attribute__((unused)) uint64_t rnd(void)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 0x2545f4914f6cdd1dUL;
}

static __attribute__((unused)) unsigned long below(unsigned long n)
{
	return n ? rnd() % n : 0;
}

static __attribute__((unused)) void wait_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* fork, as soon as those whom an attack left behind have made room for it; -1 after ten seconds. */
static __attribute__((unused)) pid_t fork_soon(void)
{
	pid_t pid = fork();

	for (int i = 0; pid < 0 && i < 1000; i++) {
		wait_ms(10);
		pid = fork();
	}
	return pid;
}

/* Runs fn in a child that SIGALRM ends after some seconds. Returns its wait status. */
static __attribute__((unused)) int in_child(void (*fn)(void), unsigned int seconds)
{
	int status = -1;
	pid_t pid = fork_soon();

	if (!pid) {
		alarm(seconds);
		fn();
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* What must work whatever was done before: processes, memory, files, pipes. */
static __attribute__((unused)) bool machine_works(void)
{
	char path[] = "/tmp/fuzz-works", text[8] = "";
	int fds[2], fd, status;
	bool good;
	char *p;
	pid_t pid;

	if (pipe(fds))
		return false;
	pid = fork_soon();
	if (!pid)
		_exit(write(fds[1], "abcdefg", 8) == 8 ? 7 : 8);
	good = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 7 && read(fds[0], text, 8) == 8 && !strcmp(text, "abcdefg");
	close(fds[0]);
	close(fds[1]);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	good = good && fd >= 0 && ftruncate(fd, 2 * PAGE) == 0;
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	good = good && p != MAP_FAILED;
	if (good) {
		p[PAGE] = 'x';
		good = pread(fd, text, 1, PAGE) == 1 && text[0] == 'x' && !p[0];
		munmap(p, 2 * PAGE);
	}
	close(fd);
	unlink(path);
	return good;
}

static __attribute__((unused)) void nothing(int sig)
{
	(void)sig;
}

static sigjmp_buf caught;

static __attribute__((unused)) void on_fault(int sig)
{
	siglongjmp(caught, sig);
}

static __attribute__((unused)) unsigned long number(void)
{
	switch (below(8)) {
	case 0: return 1UL << below(64);
	case 1: return (1UL << below(64)) - 1;
	case 2: return -below(5);
	case 3: return below(20) * PAGE;
	case 4: return rnd();
	case 5: return (uint32_t)rnd();
	default: return below(40);
	}
}

/* Waits at most ms; then kills, which must work within some seconds. */
static __attribute__((unused)) bool reap(pid_t pid, long ms)
{
	struct timespec tick = { 0, 2000000 };
	int status;

	for (long i = 0; i < ms / 2; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return true;
		nanosleep(&tick, NULL);
	}
	kill(pid, SIGKILL);
	kill(pid, SIGCONT);
	for (int i = 0; i < 2500; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return true;
		nanosleep(&tick, NULL);
	}
	return false;
}

#define PATIENCE 100 /* seconds, in which any attack ends, however busy the host is */

static __attribute__((unused)) void attack(const char *name, void (*fn)(void))
{
	int status = in_child(fn, PATIENCE);

	if (!check(machine_works() && status != SIGALRM && status != -1, name))
		printf("# wait status %#x\n", status);
}

#endif
