/* SPDX-License-Identifier: MIT */
/* calls_pipenode: what a pipe is as a file, its locks, and how large its user's may be together. TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/time.h>

#include "calls.h"

#define USER 4321 /* nobody else's number */

static int fds[2];

/* 0, or the errno of writing it to /proc/sys/fs/NAME. */
static int put(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	return set_to(path, text);
}

static long get(const char *name)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	return atol(text);
}

static struct stat stat_of(int fd)
{
	struct stat st = { 0 };

	fstat(fd, &st);
	return st;
}

static int users_own(void)
{
	struct stat st;
	time_t now = time(NULL);

	if (pipe(fds))
		return 2;
	st = stat_of(fds[1]);
	if (st.st_uid != USER || st.st_gid != 77 || st.st_mode != (S_IFIFO | 0600))
		return 3;
	if (st.st_mtime < now - 2 || st.st_mtime > now + 2 || st.st_atime != st.st_ctime)
		return 4;
	if (fchmod(fds[0], 0666) || stat_of(fds[1]).st_mode != (S_IFIFO | 0666))
		return 5;
	return fails(fchown(fds[0], 0, 0), EPERM) && !fchown(fds[0], USER, 77);
}

static int may_not(void)
{
	return fails(fchmod(fds[0], 0777), EPERM) && fails(fchown(fds[1], USER, -1), EPERM);
}

static void attributes(void)
{
	struct timespec times[2] = { { 1000, 5 }, { 2000, 6 } };
	struct stat a, b;

	pipe(fds);
	a = stat_of(fds[0]), b = stat_of(fds[1]);
	check(a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_nlink == 1 && !a.st_uid,
	      "both ends of a pipe are one file");
	check(!fchmod(fds[0], 0640) && stat_of(fds[1]).st_mode == (S_IFIFO | 0640) &&
		      !fchown(fds[1], 5, 6) && stat_of(fds[0]).st_uid == 5 &&
		      stat_of(fds[0]).st_gid == 6,
	      "its mode and owner can be changed at either");
	check(!futimens(fds[0], times) && (b = stat_of(fds[1])).st_atim.tv_sec == 1000 &&
		      b.st_atim.tv_nsec == 5 && b.st_mtim.tv_sec == 2000 && b.st_mtim.tv_nsec == 6,
	      "and its times");
	check(as_user(USER, USER, may_not) == 1, "not by others");
	check(as_user(USER, 77, users_own) == 1, "it belongs to who made it");
	close(fds[0]), close(fds[1]);
}

/* The fcntl lock that is in the way of writing: its kind. */
static int held(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = 3, .l_len = 1 };

	return fcntl(fds[1], F_GETLK, &lock) ? 99 : lock.l_type;
}

static void locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = 10 };

	pipe(fds);
	check(!fcntl(fds[1], F_SETLK, &lock) && in_child(held) == F_WRLCK,
	      "ranges of a pipe can be locked");
	check(fails(fcntl(fds[0], F_SETLK, &lock), EBADF), "for writing at the end that writes");
	lock.l_type = F_UNLCK;
	check(!fcntl(fds[0], F_SETLK, &lock) && in_child(held) == F_UNLCK, "and unlocked at both");
	check(!flock(fds[0], LOCK_EX) && fails(flock(fds[1], LOCK_EX | LOCK_NB), EWOULDBLOCK) &&
		      !flock(fds[0], LOCK_UN) && !flock(fds[1], LOCK_SH | LOCK_NB) &&
		      !flock(fds[0], LOCK_SH | LOCK_NB),
	      "flock has them as two open files of one");
	close(fds[0]), close(fds[1]);
}

static long size_of_new(void)
{
	return pipe(fds) ? -errno : fcntl(fds[0], F_GETPIPE_SZ);
}

static int with_little(void)
{
	if (size_of_new() != 8192 || !fails(fcntl(fds[0], F_SETPIPE_SZ, 8193), EPERM))
		return 2;
	return fcntl(fds[0], F_SETPIPE_SZ, 100) == 4096 &&
	       fcntl(fds[1], F_SETPIPE_SZ, 8192) == 8192;
}

static int shrinks(void)
{
	/* Root's is larger than what this one may ask for, yet may become less so. */
	return fcntl(fds[0], F_SETPIPE_SZ, 65536) == 65536 &&
	       fails(fcntl(fds[0], F_SETPIPE_SZ, 131072), EPERM);
}

static void largest(void)
{
	check(get("pipe-max-size") == 1048576, "a user may ask for a MiB");
	check(!put("pipe-max-size", "0") && get("pipe-max-size") == 4096 &&
		      !put("pipe-max-size", "5000") && get("pipe-max-size") == 8192 &&
		      !put("pipe-max-size", "2147483648") && get("pipe-max-size") == 2147483648 &&
		      put("pipe-max-size", "2147483649") == EINVAL &&
		      put("pipe-max-size", "-1") == EINVAL,
	      "pipe-max-size can be set, and is rounded as sizes are");
	put("pipe-max-size", "8192");
	check(as_user(USER, USER, with_little) == 1, "a user's new pipe is no larger than it");
	check(size_of_new() == 65536 && fcntl(fds[0], F_SETPIPE_SZ, 131072) == 131072 &&
		      as_user(USER, USER, shrinks) == 1,
	      "root's is; and who may not enlarge it may make it smaller");
	close(fds[0]), close(fds[1]);
	put("pipe-max-size", "1048576");
}

static int all_together(void)
{
	if (size_of_new() != 65536 || size_of_new() != 65536)
		return 2;
	if (!fails(fcntl(fds[0], F_SETPIPE_SZ, 131072), EPERM))
		return 3;
	for (int i = 0; i < 4; i++)
		if (size_of_new() != 8192)
			return 4 + i;
	if (!fails(fcntl(fds[0], F_SETPIPE_SZ, 16384), EPERM) || size_of_new() != -ENFILE)
		return 8;
	if (fcntl(fds[0], F_SETPIPE_SZ, 4096) != 4096 || size_of_new() != -ENFILE)
		return 9;
	close(fds[0]), close(fds[1]);
	return size_of_new() == 8192;
}

static void of_a_user(void)
{
	int got;

	check(get("pipe-user-pages-soft") == 16384 && get("pipe-user-pages-hard") == 0,
	      "all pipes of a user: softly 16384 pages, no hard limit");
	put("pipe-user-pages-soft", "32"), put("pipe-user-pages-hard", "40");
	got = as_user(USER, USER, all_together);
	check(got == 1, "beyond the soft limit pipes are of two pages, beyond the hard one ENFILE");
	check(size_of_new() == 65536, "that does not bind root");
	close(fds[0]), close(fds[1]);
	put("pipe-user-pages-soft", "16384"), put("pipe-user-pages-hard", "0");
}

static void position(void)
{
	char path[64], text[32] = "";
	int fd;

	pipe(fds);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fds[0]);
	fd = open(path, O_RDONLY);
	check(read(fd, text, 7) == 7 && !strcmp(text, "pos:\t0\n"), "a pipe's position is 0");
	close(fd), close(fds[0]), close(fds[1]);
}

int main(void)
{
	attributes();
	locks();
	largest();
	of_a_user();
	position();
	return checks_done();
}
