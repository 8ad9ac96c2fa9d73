/* SPDX-License-Identifier: MIT */
/*
 * calls_interrupt: what children tell by signals, stops, who may send what to whom, and what an
 * interrupted call does. TAP.
 */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "calls_signal.h"

/* --- children --- */

static void children(void)
{
	siginfo_t si;
	int status;
	pid_t pid;

	install(SIGCHLD, SA_NOCLDWAIT);
	if (!fork())
		_exit(1);
	check(wait(&status) == -1 && errno == ECHILD && hits == 1,
	      "SA_NOCLDWAIT: no zombie, but a signal");
	install(SIGCHLD, SA_NOCLDSTOP);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	check(hits == 0, "SA_NOCLDSTOP: none for stops");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	check(hits == 1 && code == CLD_KILLED && status_seen == SIGKILL && sender == pid,
	      "one for the end: CLD_KILLED");
	pid = fork();
	if (!pid)
		_exit(300);
	waitpid(pid, &status, 0);
	check(code == CLD_EXITED && status_seen == (300 & 255), "CLD_EXITED with the status");
	signal(SIGCHLD, SIG_IGN);
	if (!fork())
		_exit(0);
	check(wait(&status) == -1 && errno == ECHILD, "ignored SIGCHLD: no zombie");
	signal(SIGCHLD, SIG_DFL);
	memset(&si, 0xff, sizeof(si));
	check(waitid(P_ALL, 0, &si, WEXITED) == -1 && errno == ECHILD && si.si_pid == 0,
	      "waitid clears the siginfo even then");
}

/* --- stops --- */

static int stop_cancels(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTSTP);
	raise(SIGCONT);
	sigpending(&set);
	if (sigismember(&set, SIGTSTP) || !sigismember(&set, SIGCONT))
		return 2;
	raise(SIGTSTP);
	sigpending(&set);
	return sigismember(&set, SIGTSTP) && !sigismember(&set, SIGCONT) ? 1 : 3;
}

/* In a session of its own, nobody could continue it. */
static int orphan_stops(void)
{
	setsid();
	raise(SIGTSTP);
	raise(SIGTTIN);
	raise(SIGTTOU);
	return 1;
}

static void stops(void)
{
	check(in_child(stop_cancels) == 1, "SIGCONT and stops take each other's place");
	check(in_child(orphan_stops) == 1, "an orphaned group does not stop for the terminal's");
}

/* --- who may --- */

static pid_t victim;

static int as_other_user(void)
{
	setuid(1000);
	if (kill(victim, 0) != -1 || errno != EPERM)
		return 2;
	if (kill(victim, SIGCONT))
		return 3;
	if (kill(-1, 0)) /* nobody may be signalled, which is no error */
		return 4;
	if (kill(getpid(), 0))
		return 5;
	return kill(1, SIGTERM) == -1 && errno == EPERM ? 1 : 6;
}

static int as_saved_user(void)
{
	setresuid(1000, 1001, 1002);
	victim = fork();
	if (!victim) {
		pause();
		_exit(0);
	}
	if (setresuid(-1, 1002, -1) || kill(victim, SIGKILL))
		return 2;
	return WTERMSIG(status_of(victim)) == SIGKILL ? 1 : 3;
}

static int as_other_session(void)
{
	setsid();
	setuid(1000);
	return kill(victim, SIGCONT) == -1 && errno == EPERM ? 1 : 2;
}

static void permissions(void)
{
	victim = getpid();
	check(in_child(as_other_user) == 1,
	      "others' processes are EPERM, but SIGCONT in the session");
	check(in_child(as_other_session) == 1, "not from another session");
	check(in_child(as_saved_user) == 1, "the effective user is the other's saved one: allowed");
}

/* --- interrupted calls --- */

static pthread_t main_thread;

/* Interrupt the main thread when it waits. */
static void *poke(void *arg)
{
	until_asleep(getpid(), getpid());
	pthread_kill(main_thread, (int)(intptr_t)arg);
	return NULL;
}

/* In another process: stop and continue the caller, as a shell does. */
static pid_t stop_and_continue(void)
{
	pid_t pid = fork(), target = getppid();

	if (!pid) {
		until_asleep(target, target);
		kill(target, SIGSTOP);
		sleep_ms(25);
		kill(target, SIGCONT);
		_exit(0);
	}
	return pid;
}

static int pipe_fds[2];

static void *write_later(void *arg)
{
	(void)arg;
	while (!hits)
		sleep_ms(1);
	sleep_ms(20); /* the read has gone on, or has not */
	write(pipe_fds[1], "x", 1);
	return NULL;
}

static void restarts(void)
{
	struct timespec ts = { 5, 0 }, now;
	struct timeval tv = { 5, 0 };
	pthread_t one, two;
	sigset_t set;
	fd_set in;
	char c;

	pipe(pipe_fds);
	main_thread = pthread_self();
	install(SIGUSR1, SA_RESTART);
	pthread_create(&one, NULL, poke, (void *)SIGUSR1);
	pthread_create(&two, NULL, write_later, NULL);
	check(read(pipe_fds[0], &c, 1) == 1 && hits == 1, "SA_RESTART: read goes on");
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	pthread_create(&one, NULL, poke, (void *)SIGUSR1);
	check(poll(NULL, 0, 5000) == -1 && errno == EINTR, "poll does not: EINTR");
	pthread_join(one, NULL);
	pthread_create(&one, NULL, poke, (void *)SIGUSR1);
	FD_ZERO(&in);
	FD_SET(pipe_fds[0], &in);
	check(select(pipe_fds[0] + 1, &in, NULL, NULL, &tv) == -1 && errno == EINTR,
	      "nor select: EINTR");
	pthread_join(one, NULL);
	pthread_create(&one, NULL, poke, (void *)SIGUSR1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec += 5;
	check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, NULL) == EINTR,
	      "nor a sleep until a time: EINTR");
	pthread_join(one, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pthread_create(&one, NULL, poke, (void *)SIGUSR1);
	check(syscall(SYS_rt_sigtimedwait, &set, NULL, &ts, 8) == -1 && errno == EINTR,
	      "nor sigtimedwait: EINTR");
	pthread_join(one, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	install(SIGUSR1, 0);
	pthread_create(&one, NULL, poke, (void *)SIGUSR1);
	check(read(pipe_fds[0], &c, 1) == -1 && errno == EINTR, "without it, nor read: EINTR");
	pthread_join(one, NULL);
}

static int stopped_calls(void)
{
	struct timespec ts = { 0, 90000000 };
	volatile int word = 0;
	char c;

	pipe(pipe_fds);
	stop_and_continue();
	if (poll(NULL, 0, 90))
		return 2;
	wait(NULL);
	stop_and_continue();
	if (nanosleep(&ts, NULL))
		return 3;
	wait(NULL);
	stop_and_continue();
	if (syscall(SYS_futex, &word, 0, 0, &ts) != -1 || errno != ETIMEDOUT)
		return 4;
	wait(NULL);
	if (!fork()) {
		sleep_ms(80);
		write(pipe_fds[1], "x", 1);
		_exit(0);
	}
	stop_and_continue();
	return read(pipe_fds[0], &c, 1) == 1 ? 1 : 5;
}

int main(void)
{
	children();
	stops();
	permissions();
	restarts();
	check(in_child(stopped_calls) == 1, "a stop and its end interrupt no call");
	return checks_done();
}
