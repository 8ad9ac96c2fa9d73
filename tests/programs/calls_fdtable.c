/* SPDX-License-Identifier: MIT */
/* calls_fdtable: how the table of descriptors grows, and what bounds it. TAP. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "calls.h"

#define NR_OPEN "/proc/sys/fs/nr_open"

/* FDSize of this process: for how many descriptors its table has room. */
static int fd_size(void)
{
	char line[128];
	int size = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "FDSize: %d", &size) != 1)
		;
	fclose(f);
	return size;
}

/* 0, or the errno of writing it to nr_open. */
static int set_nr_open(const char *text)
{
	return set_to(NR_OPEN, text);
}

static int set_limit(rlim_t soft, rlim_t hard)
{
	return setrlimit(RLIMIT_NOFILE, &(struct rlimit){ soft, hard }) ? errno : 0;
}

static int sizes(void)
{
	static const int numbers[] = { 63, 64, 127, 128, 255, 1000, 1023 };
	static const int want[] = { 64, 128, 128, 256, 256, 1024, 1024 };

	if (fd_size() != 64)
		return 2;
	for (int i = 0; i < 7; i++)
		if (dup2(1, numbers[i]) != numbers[i] || fd_size() != want[i])
			return 3 + i;
	return 1;
}

static int small_again(void)
{
	return fd_size() == 64;
}

static int not_so_small(void)
{
	return fd_size() == 256 && fcntl(140, F_GETFD) == FD_CLOEXEC && fcntl(141, F_GETFD) < 0;
}

static int at_fork(void)
{
	if (dup2(1, 2000) >= 0 || dup2(1, 1000) != 1000 || fd_size() != 1024)
		return 2;
	close(1000);
	if (in_child(small_again) != 1)
		return 3;
	fcntl(1, F_DUPFD_CLOEXEC, 140);
	return in_child(not_so_small) == 1 && fd_size() == 1024;
}

/* Far apart: the child has each of them, with its flag, and no other. */
static int same_as_before(void)
{
	for (int i = 3; i < 40000; i++) {
		int want = i % 1000 == 95 ? FD_CLOEXEC : i % 1000 == 96 ? 0 : -1;

		if (fcntl(i, F_GETFD) != want)
			return 2;
	}
	return 1;
}

static int scattered(void)
{
	if (set_limit(40000, 40000))
		return 2;
	syscall(SYS_close_range, 3, ~0U, 0);
	for (int i = 0; i < 40000; i += 1000)
		if (dup3(1, i + 95, O_CLOEXEC) < 0 || dup2(1, i + 96) < 0)
			return 3;
	return same_as_before() == 1 && in_child(same_as_before) == 1;
}

/* All that there can be, of which each is the lowest that is free. */
static int up_to_the_limit(void)
{
	int n = 3;

	if (set_limit(4096, 4096))
		return 2;
	syscall(SYS_close_range, 3, ~0U, 0);
	while (dup(1) == n)
		n++;
	if (n != 4096 || errno != EMFILE || !fails(open("/", O_RDONLY), EMFILE))
		return 3;
	close(3000), close(77), close(1500);
	if (dup(1) != 77 || fcntl(1, F_DUPFD, 2000) != 3000 || dup(1) != 1500 || dup(1) >= 0)
		return 4;
	if (!fails(fcntl(1, F_DUPFD, 4096), EINVAL) || !fails(fcntl(1, F_DUPFD, 4095), EMFILE) ||
	    !fails(dup2(1, 4096), EBADF) || !fails(dup3(1, 4096, 0), EBADF) ||
	    dup2(1, 4095) != 4095)
		return 5;
	close(64);
	return set_limit(64, 4096) || !fails(dup(1), EMFILE) ? 6 : 1;
}

static int many_ranges(void)
{
	if (set_limit(4096, 4096))
		return 2;
	syscall(SYS_close_range, 3, ~0U, 0);
	for (int fd = 100; fd < 3000; fd += 100)
		dup2(1, fd);
	if (syscall(SYS_close_range, 150, 1000, 4) || fcntl(100, F_GETFD) ||
	    fcntl(200, F_GETFD) != FD_CLOEXEC || fcntl(1000, F_GETFD) != FD_CLOEXEC ||
	    fcntl(1100, F_GETFD))
		return 3;
	if (syscall(SYS_close_range, 101, 1999, 0) || fcntl(100, F_GETFD) ||
	    !fails(fcntl(200, F_GETFD), EBADF) || !fails(fcntl(1900, F_GETFD), EBADF) ||
	    fcntl(2000, F_GETFD))
		return 4;
	if (syscall(SYS_close_range, 3, ~0U, 0) || !fails(fcntl(2900, F_GETFD), EBADF))
		return 5;
	return !fails(syscall(SYS_close_range, 4, 3, 0), EINVAL) ? 6 : dup(1) == 3;
}

static int far_away(void)
{
	if (set_limit(200000, 1048576) || dup2(1, 199999) != 199999 || fd_size() != 262144)
		return 2;
	return fcntl(199999, F_GETFD) == 0 && !close(199999) && fails(close(199999), EBADF) &&
	       fails(close(262144), EBADF);
}

static void limits(void)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	check(rl.rlim_cur == 1024 && rl.rlim_max == 4096, "1024 descriptors, 4096 for who asks");
	check(in_child(sizes) == 1, "the table begins with 64 places and grows to powers of two");
	check(in_child(at_fork) == 1, "a child's is as large as it must be");
	check(in_child(scattered) == 1, "it has what is open, however far apart that is");
	check(in_child(up_to_the_limit) == 1, "all numbers up to the limit; EMFILE, EINVAL, EBADF");
	check(in_child(many_ranges) == 1, "close_range over a large table");
	check(in_child(far_away) == 1, "root asks for more, and the table follows");
	check(set_limit(1024, 1048577) == EPERM && set_limit(1024, RLIM_INFINITY) == EPERM &&
		      set_limit(5, 4) == EINVAL,
	      "but not for more than nr_open");
}

static int still_there(void)
{
	return fcntl(191, F_GETFD) == 0;
}

static int fewer(void)
{
	if (set_limit(1024, 4096) != EPERM)
		return 2;
	if (dup2(1, 99) != 99 || fd_size() != 128 || dup2(1, 191) != 191 || fd_size() != 192)
		return 3;
	if (!fails(dup2(1, 192), EBADF) || !fails(fcntl(1, F_DUPFD, 192), EMFILE) ||
	    !fails(dup2(1, 5000), EBADF) || !fails(fcntl(1, F_DUPFD, 5000), EINVAL))
		return 4;
	return in_child(still_there);
}

/* Less than what is open. */
static int no_copy(void)
{
	pid_t pid;

	if (dup2(1, 99) != 99 || set_nr_open("64"))
		return 2;
	pid = fork();
	if (!pid)
		_exit(0);
	return fails(pid, EMFILE);
}

static void settings(void)
{
	int got;

	check(set_nr_open("63") == EINVAL && set_nr_open("2147483585") == EINVAL &&
		      set_nr_open("x") == EINVAL && !set_nr_open("2147483584") &&
		      !set_nr_open("64") && !set_nr_open("200"),
	      "nr_open can be set, within bounds");
	got = in_child(fewer);
	set_nr_open("1048576");
	check(got == 1, "tables grow no further than it, and limits neither");
	got = in_child(no_copy);
	set_nr_open("1048576");
	check(got == 1, "a larger table is not copied: fork fails with EMFILE");
}

static int selecting(void)
{
	struct timeval none = { 0 };
	static fd_set in[4], out[4]; /* 4096 bits together */
	int fds[2];

	set_limit(4096, 4096);
	in[0].fds_bits[500 / 64] = 1UL << 500 % 64;
	if (select(1024, in, NULL, NULL, &none) || !FD_ISSET(500, in))
		return 2; /* nobody looked there */
	dup2(1, 600);
	if (!fails(select(1024, in, NULL, NULL, &none), EBADF))
		return 3;
	memset(in, 0, sizeof(in));
	if (pipe(fds) || dup2(fds[0], 3000) < 0 || dup2(fds[1], 3001) < 0 ||
	    write(fds[1], "x", 1) != 1)
		return 4;
	in[2].fds_bits[(3000 - 2048) / 64] = out[2].fds_bits[(3001 - 2048) / 64] = 3UL << 3000 % 64;
	if (select(4096, in, out, NULL, &none) != 2 ||
	    in[2].fds_bits[(3000 - 2048) / 64] != 1UL << 3000 % 64 ||
	    out[2].fds_bits[(3000 - 2048) / 64] != 2UL << 3000 % 64)
		return 5;
	return fails(select(-1, in, NULL, NULL, &none), EINVAL);
}

static int polling(void)
{
	static struct pollfd p[4096];

	for (int i = 0; i < 4096; i++)
		p[i] = (struct pollfd){ i % 2 ? 1 : 3000, POLLOUT, 0 };
	if (!fails(poll(p, 1025, 0), EINVAL) || set_limit(4096, 4096))
		return 2;
	if (poll(p, 4096, 0) != 4096 || p[0].revents != POLLNVAL || p[4095].revents != POLLOUT)
		return 3;
	return fails(poll(p, 4097, 0), EINVAL);
}

int main(void)
{
	limits();
	settings();
	check(in_child(selecting) == 1, "select looks as far as the table goes, and no further");
	check(in_child(polling) == 1, "poll looks at as many as there may be descriptors");
	return checks_done();
}
