/* SPDX-License-Identifier: MIT */
/*
 * busy SECONDS: for so long computes in user mode, makes system calls and takes page faults, with a
 * GS base of its own, and looks whether anything changed behind its back. Status 0 if not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define ARCH_SET_GS 0x1001 /* Linux <asm/prctl.h> */
#define MAGIC 0x6e6d69735f676f00UL

static unsigned long words[4] = { MAGIC, 1, 2, 3 };

static unsigned long at_gs(void)
{
	unsigned long value;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(value));
	return value;
}

/* A hundred thousand steps that depend on each other, in general and in vector registers. */
static int compute(void)
{
	unsigned long sum = 1;
	double x = 1.0;

	for (int i = 0; i < 100000; i++) {
		sum = sum * 6364136223846793005UL + 1442695040888963407UL;
		x = x * 1.0000001 + 1e-9;
		if (at_gs() != MAGIC)
			return -1;
	}
	return (int)(sum >> 33) ^ (int)(x * 1e6);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);
	unsigned char *p =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getppid();
	int want, rounds = 0;

	if (p == MAP_FAILED || syscall(SYS_arch_prctl, ARCH_SET_GS, words))
		return 2;
	want = compute();
	do {
		if (compute() != want || want == -1)
			return 3;
		for (int i = 0; i < 1000; i++) {
			madvise(p, 4096, MADV_DONTNEED);
			if (*(volatile unsigned char *)p)
				return 4;
			*p = 1;
			if (getppid() != parent || at_gs() != MAGIC)
				return 5;
		}
		rounds++;
	} while (time(NULL) < end);
	printf("%d rounds\n", rounds);
	return 0;
}
