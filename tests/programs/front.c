/* SPDX-License-Identifier: MIT */
/*
 * front: says so when it begins, or goes on, in front at its terminal: the keys that are typed then are
 * its own.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t news = 1;

static void on_continue(int sig)
{
	(void)sig;
	news = 1;
}

int main(void)
{
	signal(SIGCONT, on_continue);
	for (;; usleep(10000)) {
		if (!news)
			continue;
		news = 0;
		if (tcgetpgrp(0) == getpgrp())
			puts("in front");
		fflush(stdout);
	}
}
