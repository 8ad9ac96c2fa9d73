/* SPDX-License-Identifier: MIT */
/*
 * args - prints its arguments as hexadecimal bytes, one argument a line, so that a test can
 * compare byte for byte what it sent with what arrived. argv[0] is left out; an empty argument is
 * an empty line.
 *
 * Served by: the runner's /etc/init.argv, init's execve, the kernel's copy of the strings to the
 * new stack.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		for (unsigned char *p = (unsigned char *)argv[i]; *p; p++)
			printf("%02x", *p);
		putchar('\n');
	}
	return 0;
}
