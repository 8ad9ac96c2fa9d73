/* SPDX-License-Identifier: MIT */
/*
 * crash KIND: asks the kernel (booted with crash=ask) for that mistake in our own context, at the
 * address of one of our pages: of code for user-exec, of data otherwise. Prints the errno if the
 * kernel declines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char page[4096] __attribute__((aligned(4096)));
	int fd = open("/proc/sys/kernel/crash", O_WRONLY);
	char request[100];

	if (fd < 0 || argc != 2)
		return 2;
	page[0] = 1;
	snprintf(request, sizeof(request), "%s %lx", argv[1],
		 strcmp(argv[1], "user-exec") ? (unsigned long)page : (unsigned long)main);
	if (write(fd, request, strlen(request)) < 0) {
		printf("errno %d\n", errno);
		return 1;
	}
	return 0;
}
