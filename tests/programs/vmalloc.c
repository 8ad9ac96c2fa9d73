/* SPDX-License-Identifier: MIT */
/*
 * vmalloc: maps that are older than the kernel's first large buffer. Forks CHILDREN processes, then
 * has each of them, and itself at last, read a /proc/self/maps whose text is too long for a small
 * buffer. Prints how many times a map had to take over a top-level entry while all read once, and
 * while all read again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHILDREN 3
#define LARGE 4096 /* a longer text is in vmalloc memory */
#define AREAS 100  /* of our own: more than that many lines */

static void read_much(void)
{
	char text[512];
	ssize_t n, sum = 0;
	int fd = open("/proc/self/maps", O_RDONLY);

	while ((n = read(fd, text, sizeof(text))) > 0)
		sum += n;
	close(fd);
	if (sum <= LARGE)
		exit(2);
}

/* No stdio: its buffer would be one more reader. */
static long synced(void)
{
	char text[LARGE];
	int fd = open("/proc/vmstat", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *line;

	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	line = strstr(text, "\nfault_vmalloc ");
	return line ? atol(line + sizeof("fault_vmalloc ")) : -1;
}

int main(void)
{
	int go[CHILDREN][2], done[2];
	char byte = 0;
	long first;
	char *areas = mmap(NULL, 2 * AREAS * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < AREAS; i++)
		mprotect(areas + 2 * i * 4096, 4096, PROT_NONE);
	if (pipe(done))
		return 1;
	for (int i = 0; i < CHILDREN; i++) {
		if (pipe(go[i]))
			return 1;
		if (!fork()) {
			close(go[i][1]);
			while (read(go[i][0], &byte, 1) == 1) {
				read_much();
				if (write(done[1], &byte, 1) != 1)
					_exit(1);
			}
			_exit(0);
		}
	}
	first = synced();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < CHILDREN; i++)
			if (write(go[i][1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1)
				return 1;
		read_much();
		printf("%ld\n", synced() - first);
		first = synced();
	}
	return 0;
}
