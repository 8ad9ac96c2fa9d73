/* SPDX-License-Identifier: MIT */
/*
 * holes DIR: a full disk under a mapping. A file's hole can be read for nothing; a write into it
 * needs a block, and when there is none page_mkwrite turns the fault into SIGBUS, be it the first
 * touch of the page or a write after a read.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "check.h"

#define PAGE 4096UL
#define PAGES 64

static sigjmp_buf env;
static siginfo_t got;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	got = *info;
	siglongjmp(env, 1);
}

/* Writes a byte; true if that was SIGBUS, BUS_ADRERR at exactly its address. */
static bool refused(volatile unsigned char *p)
{
	memset(&got, 0, sizeof(got));
	if (!sigsetjmp(env, 1))
		*p = 7;
	return got.si_signo == SIGBUS && got.si_code == BUS_ADRERR && got.si_addr == (void *)p;
}

/* Writes the file until there is no block left. */
static bool fill(int fd)
{
	static char chunk[16 * PAGE];
	ssize_t n;

	for (size_t size = sizeof(chunk); size; size /= 2)
		while ((n = write(fd, chunk, size)) > 0)
			;
	return n < 0 && errno == ENOSPC && !fsync(fd);
}

static int in_file(int fd, off_t at)
{
	unsigned char c;

	return pread(fd, &c, 1, at) == 1 ? c : -1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	unsigned char *p, *own;
	int sparse, full;

	if (argc != 2 || chdir(argv[1]))
		return 2;
	sigaction(SIGBUS, &sa, NULL);
	sparse = open("sparse", O_RDWR | O_CREAT | O_TRUNC, 0644);
	full = open("full", O_RDWR | O_CREAT | O_TRUNC, 0644);
	check(sparse >= 0 && !ftruncate(sparse, PAGES * PAGE) && full >= 0,
	      "a file that is one hole");
	check(fill(full), "the disk is full");
	p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, sparse, 0);
	own = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, sparse, 0);
	if (!check(p != MAP_FAILED && own != MAP_FAILED, "the hole is mapped"))
		return checks_done();
	check(p[20 * PAGE] == 0, "it reads zero");
	check(refused(p + 20 * PAGE + 5), "a write to a page that was read is SIGBUS, BUS_ADRERR");
	check(refused(p + 50 * PAGE + 6), "so is a write to one never touched");
	check(p[20 * PAGE + 5] == 0 && in_file(sparse, 50 * PAGE + 6) == 0, "nothing was written");
	check(!refused(own + 20 * PAGE) && own[20 * PAGE] == 7, "a private copy needs no block");
	check(!ftruncate(full, 0), "the disk has room again");
	check(!refused(p + 20 * PAGE + 5) && !refused(p + 50 * PAGE + 6),
	      "and both writes succeed");
	check(!msync(p, PAGES * PAGE, MS_SYNC) && in_file(sparse, 20 * PAGE + 5) == 7 &&
		      in_file(sparse, 50 * PAGE + 6) == 7,
	      "the bytes are in the file");
	return checks_done();
}
