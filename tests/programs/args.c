/* SPDX-License-Identifier: MIT */
/*
 * Prints each argument but argv[0] in hexadecimal, one a line: shows that bytes arrive as they are.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		for (const unsigned char *byte = (const unsigned char *)argv[i]; *byte; byte++)
			printf("%02x", *byte);
		putchar('\n');
	}
	return 0;
}
