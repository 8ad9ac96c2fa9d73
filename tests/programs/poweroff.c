/* SPDX-License-Identifier: MIT */
/*
 * poweroff: turns the machine off from one of several threads, while the others, and other processes, write
 * files. Whatever they were at, the disk must be left in order.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#define WRITERS 3

/* Files come, grow, shrink and go, for ever. */
static void *write_files(void *arg)
{
	static const char data[3000];
	char name[64];

	snprintf(name, sizeof(name), "/root/w%d-%ld", getpid(), (long)arg);
	for (unsigned int i = 0;; i++) {
		int fd = open(name, O_RDWR | O_CREAT, 0600);

		if (fd < 0)
			continue;
		for (int n = 0; n < 20; n++)
			if (pwrite(fd, data, sizeof(data), (off_t)(n * 5000)) < 0)
				break;
		if (ftruncate(fd, (off_t)(i % 5000)))
			perror("ftruncate");
		close(fd);
		unlink(name);
	}
	return arg;
}

int main(void)
{
	pthread_t thread;

	for (long n = 0; n < WRITERS; n++) {
		if (!fork())
			write_files((void *)n);
		if (pthread_create(&thread, NULL, write_files, (void *)n))
			return 1;
	}
	usleep(300000);
	reboot(RB_POWER_OFF);
	perror("reboot");
	return 1;
}
