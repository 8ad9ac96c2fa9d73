/* SPDX-License-Identifier: MIT */
/* The serial line as a terminal of one's own, and keys typed by TIOCSTI. */
#ifndef TESTS_PROGRAMS_TERMINAL_H
#define TESTS_PROGRAMS_TERMINAL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

static int line = -1; /* /dev/ttyS0 */
static struct termios before;

/* Type n bytes: they take the way of bytes from the line. */
static void type_n(const char *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ioctl(line, TIOCSTI, keys + i);
}

static inline void type(const char *keys)
{
	type_n(keys, strlen(keys));
}

/* Without echo and without changes to output, which carries the results. */
static inline void set_modes(tcflag_t iflag, tcflag_t lflag, int min, int time)
{
	struct termios t = before;

	t.c_iflag = iflag;
	t.c_lflag = lflag;
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	tcsetattr(line, TCSAFLUSH, &t);
}

static inline void lines(void)
{
	set_modes(ICRNL | IXON, ICANON | ISIG | IEXTEN | ECHOE | ECHOK, 1, 0);
}

static inline bool is_readable(void)
{
	struct pollfd p = { .fd = line, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

/* Does the next read give exactly this? It never waits. */
static inline bool reads_n(const char *want, size_t n)
{
	char got[64];
	ssize_t len;

	fcntl(line, F_SETFL, O_NONBLOCK);
	len = read(line, got, sizeof(got));
	fcntl(line, F_SETFL, 0);
	return len == (ssize_t)n && (len < 0 || !memcmp(got, want, n));
}

/* NULL: nothing, and errno is set. */
static inline bool reads(const char *want)
{
	return want ? reads_n(want, strlen(want)) : reads_n("", -1);
}

static inline int waiting(void)
{
	int n = -1;

	ioctl(line, FIONREAD, &n);
	return n;
}

/*
 * Run body() as leader of a session that has the line as its terminal. The leader gives it back
 * before it ends: the end of a leader who has it hangs the line up. Returns the program's status.
 */
static inline int in_own_session(void (*body)(void))
{
	int status = 1;
	pid_t pid = fork();

	if (pid) {
		waitpid(pid, &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	setsid();
	line = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	if (!check(line >= 0 && !ioctl(line, TIOCSCTTY, 1), "the line is the session's terminal"))
		_exit(1);
	tcgetattr(line, &before);
	signal(SIGTTOU, SIG_IGN);
	body();
	tcsetattr(line, TCSAFLUSH, &before);
	signal(SIGHUP, SIG_IGN);
	ioctl(line, TIOCNOTTY);
	exit(checks_done());
}

#endif
