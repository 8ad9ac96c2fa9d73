/* SPDX-License-Identifier: MIT */
/* end N: exits with status N. end kill N: dies of signal N. end loop: says so and never ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	volatile unsigned long turns = 0;

	if (argc == 2 && !strcmp(argv[1], "loop")) {
		puts("looping");
		fflush(stdout);
		while (1)
			turns++;
	}
	if (argc == 3 && !strcmp(argv[1], "kill"))
		raise(atoi(argv[2]));
	return argc == 2 ? atoi(argv[1]) : 99;
}
