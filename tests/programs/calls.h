/* SPDX-License-Identifier: MIT */
/* What the programs that try system calls share: refusals, waits, and children that answer. */
#ifndef TESTS_PROGRAMS_CALLS_H
#define TESTS_PROGRAMS_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static inline bool fails(long result, int want)
{
	return result == -1 && errno == want;
}

/* All of it, whatever signals come. */
static inline void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

/* What /proc says that thread @tid of process @pid does: R, S, D, T, Z; or X: there is none. */
static inline char state_of(pid_t pid, pid_t tid)
{
	char path[64], text[256] = "", *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	p = strrchr(text, ')');
	return p ? p[2] : 'X';
}

/* Until it waits for something that a signal would end, or has ended. */
static inline void until_asleep(pid_t pid, pid_t tid)
{
	while (!strchr("SZX", state_of(pid, tid)))
		sleep_ms(1);
}

/* The wait status of a child that ends. */
static inline int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The exit status of a child, or 200 and the signal that it died of. */
static inline int exit_of(pid_t pid)
{
	int status = status_of(pid);

	return WIFSIGNALED(status) ? 200 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What @fn says in a child of its own, as exit_of(). */
static inline int in_child(int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	return exit_of(pid);
}

/* The same in a child that is that user, of that group alone; 199 if root cannot become it. */
static inline int as_user(uid_t uid, gid_t gid, int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid)
		_exit(setgroups(0, NULL) || setgid(gid) || setuid(uid) ? 199 : fn());
	return exit_of(pid);
}

/* A file with that text and no other, whatever the umask. */
static inline void make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (write(fd, text, strlen(text)) < 0)
		_exit(99);
	close(fd);
	chmod(path, mode);
}

/* Write @text with one write(2) to a file that there is. 0, or the errno. */
static inline int set_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err;

	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

/* For its owner alone, who may execute it. */
static inline void copy_file(const char *from, const char *to)
{
	static char data[1 << 16];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	ssize_t n;

	while ((n = read(in, data, sizeof(data))) > 0)
		if (write(out, data, (size_t)n) != n)
			_exit(99);
	close(in);
	close(out);
}

/* Can it be opened so? Made with mode 0600, if @flags make it. */
static inline bool can_open(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	close(fd);
	return fd >= 0;
}

/* Its permissions; 0: there is no such file. */
static inline mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

/* Whether the @n bytes at @p are all @want. */
static inline bool all(const char *p, long n, char want)
{
	while (n && *p == want)
		p++, n--;
	return !n;
}

#endif
