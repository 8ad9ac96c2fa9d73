/* SPDX-License-Identifier: MIT */
/* calls_dev: the devices that every program may expect, and the records of /dev/kmsg. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "calls.h"

static char buf[9000];
static struct stat st;

static int is_device(const char *name, unsigned int major, unsigned int minor, mode_t mode)
{
	return stat(name, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor) &&
	       (st.st_mode & 0777) == mode;
}

static void memory(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
	int full = open("/dev/full", O_RDWR), random = open("/dev/urandom", O_RDWR);
	struct pollfd polls[2] = { { .events = POLLIN | POLLOUT }, { .events = POLLIN | POLLOUT } };
	char *p;

	check(is_device("/dev/null", 1, 3, 0666) && is_device("/dev/zero", 1, 5, 0666) &&
		      is_device("/dev/full", 1, 7, 0666) && is_device("/dev/random", 1, 8, 0666) &&
		      is_device("/dev/urandom", 1, 9, 0666) &&
		      is_device("/dev/kmsg", 1, 11, 0644) && is_device("/dev/tty", 5, 0, 0666) &&
		      is_device("/dev/console", 5, 1, 0600),
	      "numbers and modes");
	check(stat("/dev", &st) == 0 && st.st_blksize == 4096 && stat("/dev/null", &st) == 0 &&
		      st.st_blksize == 4096 && stat("/proc/self/maps", &st) == 0 &&
		      st.st_blksize == 1024,
	      "a page at a time is best, in /proc 1024 bytes");
	check(write(null, buf, 100) == 100 && read(null, buf, 100) == 0 &&
		      lseek(null, 100, SEEK_SET) == 0 && lseek(null, 0, SEEK_END) == 0,
	      "/dev/null takes all and has nothing");
	memset(buf, 1, sizeof(buf));
	check(read(zero, buf, 9000) == 9000 && all(buf, 9000, 0) && write(zero, buf, 5) == 5,
	      "/dev/zero is without end");
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	check(p != MAP_FAILED && p[5000] == 0 && (p[5000] = 1), "and can be mapped");
	munmap(p, 8192);
	check(fails((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, null, 0), ENODEV),
	      "/dev/null cannot: ENODEV");
	memset(buf, 1, 100);
	check(read(full, buf, 100) == 100 && all(buf, 100, 0) && fails(write(full, buf, 1), ENOSPC),
	      "/dev/full is full: ENOSPC");
	check(read(random, buf, 4096) == 4096 && !all(buf, 100, buf[0]) &&
		      write(random, "x", 1) == 1,
	      "/dev/urandom");
	polls[0].fd = open("/dev/random", O_RDWR);
	polls[1].fd = random;
	check(poll(polls, 2, -1) == 2 && polls[0].revents == POLLIN &&
		      polls[1].revents == (POLLIN | POLLOUT),
	      "/dev/random does not ask to be written to, as /dev/urandom does");
	close(polls[0].fd);
	check(fails(read(zero, (char *)8, 4), EFAULT) &&
		      fails(read(random, (char *)8, 4), EFAULT) &&
		      fails(ftruncate(null, 0), EINVAL) && fails(fsync(null), EINVAL),
	      "their errors");
	close(null), close(zero), close(full), close(random);
}

/* The next record into buf, NUL-terminated; its length. */
static long record(int fd)
{
	long n = read(fd, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = 0;
	return n;
}

static void log_records(void)
{
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
	struct pollfd p = { fd, POLLIN, 0 };
	unsigned long long number, last = 0, us;
	unsigned int level;
	int n = 0, good = 1;

	while (record(fd) > 0) {
		good &= sscanf(buf, "%u,%llu,%llu,", &level, &number, &us) == 3 &&
			strchr(buf, ';') && strchr(buf, '\n') && (!n || number > last);
		last = number;
		n++;
	}
	check(n > 3 && good && errno == EAGAIN, "each read a record: level, number, time; text");
	check(lseek(fd, 0, SEEK_END) == 0 && fails(read(fd, buf, 100), EAGAIN) &&
		      poll(&p, 1, 0) == 0,
	      "behind the last: EAGAIN");
	check(write(fd, "<5>hello log\n", 13) == 13 && poll(&p, 1, 0) == 1 && record(fd) > 0 &&
		      sscanf(buf, "%u,%llu,%llu,", &level, &number, &us) == 3 && number > last &&
		      strstr(buf, ";hello log\n"),
	      "what is written comes out");
	write(fd, "again\n", 6);
	check(fails(read(fd, buf, 5), EINVAL) && fails(read(fd, buf, 100), EAGAIN),
	      "no room for a record: EINVAL, and it is gone");
	check(lseek(fd, 0, SEEK_SET) == 0 && record(fd) > 0 &&
		      fails(lseek(fd, 5, SEEK_SET), ESPIPE) &&
		      fails(lseek(fd, 0, SEEK_CUR), EINVAL),
	      "from the first again");
	close(fd);
}

int main(void)
{
	alarm(60);
	memory();
	log_records();
	return checks_done();
}
