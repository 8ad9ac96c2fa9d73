/* SPDX-License-Identifier: MIT */
/*
 * hello - the smallest program: says hello and prints its arguments, one a line.
 *
 * What you see: `hello`, then argv. Served by: execve (arguments copied to the new stack),
 * writev, exit_group.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	puts("hello");
	for (int i = 0; i < argc; i++)
		puts(argv[i]);
	return 0;
}
