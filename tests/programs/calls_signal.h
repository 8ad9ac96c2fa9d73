/* SPDX-License-Identifier: MIT */
/* What the programs about signals share: a handler that takes notes, children that answer. */
#ifndef TESTS_PROGRAMS_CALLS_SIGNAL_H
#define TESTS_PROGRAMS_CALLS_SIGNAL_H

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* What the last signal said, and how many came. */
static volatile sig_atomic_t hits, last, code, status_seen, sender;

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	hits++;
	last = sig;
	code = si->si_code;
	sender = si->si_pid;
	status_seen = si->si_status;
}

static void install(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
	hits = last = code = 0;
}

static inline void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

static inline int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* What @fn says in a child of its own. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fn());
	status = status_of(pid);
	return WIFSIGNALED(status) ? 200 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
