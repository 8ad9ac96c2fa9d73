/* SPDX-License-Identifier: MIT */
/* pin CPU PROGRAM [ARG]...: runs the program on that CPU alone. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	cpu_set_t set;

	if (argc < 3) {
		fprintf(stderr, "usage: pin CPU PROGRAM [ARG]...\n");
		return 2;
	}
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("pin: sched_setaffinity");
		return 2;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
