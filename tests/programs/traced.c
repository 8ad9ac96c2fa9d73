/* SPDX-License-Identifier: MIT */
/*
 * traced: takes a few faults whose result is known, and tells of each which frame pagemap showed before and
 * after, for tests/booted/test_trace.py to compare with the record: "NAME ADDRESS BEFORE AFTER", in hexadecimal.
 * Before that it maps a file that got another name when it was open already.
 * With two CPUs a thread spins on the second, so that a copy has somebody to tell.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static volatile char *page;
static volatile int spinning, done;

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static void *spin(void *arg)
{
	(void)arg;
	if (run_on(1))
		exit(1);
	while (!done)
		spinning = *page + 1;
	return NULL;
}

static uint64_t frame(void)
{
	return is_present((void *)page) ? pfn_of((void *)page) : 0;
}

static void touch(const char *name, int write)
{
	uint64_t before = frame();

	if (write)
		*page = 1;
	else
		(void)*page;
	printf("%s %lx %lx %lx\n", name, (unsigned long)page, (unsigned long)before,
	       (unsigned long)frame());
}

static int map_renamed(void)
{
	int fd = open("/tmp/traced-before", O_RDWR | O_CREAT, 0600);

	return fd < 0 || ftruncate(fd, PAGE) || rename("/tmp/traced-before", "/tmp/traced-after") ||
	       mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ||
	       unlink("/tmp/traced-after");
}

int main(void)
{
	int hold[2];
	pthread_t spinner;
	pid_t child;

	if (run_on(0) || map_renamed() || pipe(hold))
		return 1;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	touch("read", 0);
	touch("zero", 1);
	if (pthread_create(&spinner, NULL, spin, NULL))
		return 1;
	while (!spinning)
		sched_yield();
	child = fork();
	if (!child) {
		char byte;

		close(hold[1]);
		_exit((int)read(hold[0], &byte, 1)); /* the end of the pipe: the parent is done */
	}
	touch("copy", 1);
	close(hold[1]);
	waitpid(child, NULL, 0);
	done = 1;
	pthread_join(spinner, NULL);
	return 0;
}
