/* SPDX-License-Identifier: MIT */
/* What the programs about signals share: a handler that takes notes. */
#ifndef TESTS_PROGRAMS_CALLS_SIGNAL_H
#define TESTS_PROGRAMS_CALLS_SIGNAL_H

#include <signal.h>

#include "calls.h"

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

#endif
