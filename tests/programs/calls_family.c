/* SPDX-License-Identifier: MIT */
/*
 * calls_family: what a child is to the thread that made it, which signal its end sends after one of
 * the two has run another program, and what a process is whose first thread has ended. TAP.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "calls.h"

#define WNOTHREAD 0x20000000
#define WALL 0x40000000
#define WCLONE ((int)0x80000000u)

static volatile sig_atomic_t hits[65];
static int ends[2]; /* of a pipe, for whoever waits for somebody */
static pid_t kid;

static void note(int sig)
{
	hits[sig]++;
}

static void wait_for_it(void)
{
	char c;

	if (read(ends[0], &c, 1) != 1)
		_exit(98);
}

static void tell(void)
{
	if (write(ends[1], "x", 1) != 1)
		_exit(98);
}

/* A child that waits to be killed; @deathsig: also by the end of its parent. */
static pid_t sleeper(int deathsig)
{
	pid_t pid = fork();

	if (!pid) {
		alarm(30);
		signal(SIGUSR1, SIG_DFL);
		prctl(PR_SET_PDEATHSIG, deathsig);
		tell();
		for (;;)
			pause();
	}
	wait_for_it();
	return pid;
}

/* --- threads and their children --- */

static void *make_child(void *deathsig)
{
	kid = sleeper(*(int *)deathsig);
	return NULL;
}

static void *wait_here(void *result)
{
	*(long *)result = waitpid(kid, NULL, WNOTHREAD | WNOHANG);
	if (*(long *)result < 0)
		*(long *)result = -errno;
	return NULL;
}

static void threads(void)
{
	int deathsig = SIGUSR1;
	long result = 0;
	pthread_t t;
	int status;

	pthread_create(&t, NULL, make_child, &deathsig);
	pthread_join(t, NULL);
	status = status_of(kid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1,
	      "the thread that made it ends: PR_SET_PDEATHSIG");
	deathsig = 0;
	kid = sleeper(0);
	pthread_create(&t, NULL, wait_here, &result);
	pthread_join(t, NULL);
	check(result == -ECHILD, "__WNOTHREAD: the child of another thread is none: ECHILD");
	check(waitpid(kid, NULL, WNOTHREAD | WNOHANG) == 0, "the thread's own is one");
	kill(kid, SIGKILL);
	check(waitpid(kid, NULL, WNOTHREAD) == kid, "and is waited for");
	pthread_create(&t, NULL, make_child, &deathsig);
	pthread_join(t, NULL);
	kill(kid, SIGKILL);
	check(waitpid(kid, NULL, WNOTHREAD) == kid, "a thread that ends leaves its children to us");
}

/* --- the signal of the end --- */

static int in_clone(void *arg)
{
	char *argv[] = { "/proc/self/exe", "nothing", NULL };

	if (arg)
		execv(argv[0], argv);
	_exit(3);
}

/* A child whose end sends @flags's signal; with @exec it runs another program first. It has ended. */
static pid_t ended_clone(int flags, bool exec)
{
	static char stack[65536] __attribute__((aligned(16)));
	siginfo_t info;
	pid_t pid;

	hits[SIGUSR1] = hits[SIGCHLD] = 0;
	pid = clone(in_clone, stack + sizeof(stack), flags, exec ? stack : NULL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WALL);
	return pid;
}

static void signals_of_the_end(void)
{
	pid_t pid;

	signal(SIGUSR1, note);
	signal(SIGCHLD, note);
	pid = ended_clone(SIGUSR1, false);
	check(hits[SIGUSR1] == 1 && !hits[SIGCHLD], "clone's signal tells of the end");
	check(waitpid(pid, NULL, 0) < 0 && waitpid(pid, NULL, WCLONE) == pid,
	      "and it is a child for __WCLONE");
	pid = ended_clone(SIGUSR1, true);
	check(!hits[SIGUSR1] && hits[SIGCHLD] == 1, "after an exec it is SIGCHLD");
	check(waitpid(pid, NULL, WCLONE) < 0 && waitpid(pid, NULL, 0) == pid,
	      "a child like others");
	pid = ended_clone(CLONE_VM | CLONE_SIGHAND | SIGUSR1, true);
	check(!hits[SIGUSR1] && hits[SIGCHLD] == 1 && waitpid(pid, NULL, 0) == pid,
	      "also of what shared the memory and the handlers");
	signal(SIGUSR1, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
}

/* Run by exec: the child's end is told to this program, which never asked for SIGUSR1. */
static int begun(pid_t pid)
{
	siginfo_t info;

	signal(SIGUSR1, note);
	signal(SIGCHLD, note);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WALL);
	return !hits[SIGUSR1] && hits[SIGCHLD] == 1 && waitpid(pid, NULL, 0) < 0 &&
			       waitpid(pid, NULL, WCLONE) == pid ?
		       42 :
		       1;
}

static int another_program(void)
{
	char number[16], *argv[] = { "/proc/self/exe", "begun", number, NULL };
	pid_t pid = (pid_t)syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);

	if (!pid) {
		alarm(30);
		for (;;)
			pause();
	}
	snprintf(number, sizeof(number), "%d", pid);
	execv(argv[0], argv);
	return 2;
}

/* --- the first thread ends --- */

static void *outlive(void *arg)
{
	tell();
	if (arg)
		for (;;)
			pause();
	while (!hits[SIGUSR1])
		sleep_ms(1);
	syscall(SYS_exit, 5);
	return NULL;
}

/* A child whose first thread ends with 9, its second with 5 once it is told, or (@last) never. */
static pid_t headless(bool last)
{
	pid_t pid = fork();
	pthread_t t;

	if (!pid) {
		alarm(30);
		signal(SIGUSR1, note);
		pthread_create(&t, NULL, outlive, last ? &t : NULL);
		syscall(SYS_exit, 9);
	}
	wait_for_it();
	return pid;
}

/* Until its first thread is a zombie. */
static void wait_for_zombie(pid_t pid)
{
	char path[32], text[256], *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		sleep_ms(1);
		fd = open(path, O_RDONLY);
		text[read(fd, text, sizeof(text) - 1)] = '\0';
		close(fd);
		state = strrchr(text, ')');
	} while (state[2] != 'Z');
}

static void first_thread(void)
{
	char path[32], byte[16];
	pid_t pid;
	int fd;

	pid = headless(false);
	wait_for_zombie(pid);
	check(waitpid(pid, NULL, WNOHANG) == 0, "a process whose first thread ended is alive");
	kill(pid, SIGUSR1);
	check(exit_of(pid) == 5, "and what its last thread says is its status");
	pid = headless(true);
	wait_for_zombie(pid);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	check(fd >= 0 && read(fd, byte, 3) == 0, "its pagemap has nothing to be read");
	close(fd);
	kill(pid, SIGTERM);
	check(exit_of(pid) == 200 + SIGTERM, "a signal ends it");
}

/* --- who else can be signalled --- */

static int as_nobody(void)
{
	return kill(2, 0) == -1 && errno == EPERM && kill(2, SIGKILL) == -1 && errno == EPERM;
}

static void kernel_threads(void)
{
	check(!kill(2, 0) && !kill(2, SIGKILL) && !kill(2, 0),
	      "the kernel's threads ignore signals");
	check(kill(2, 65) == -1 && errno == EINVAL, "but there is no signal 65: EINVAL");
	check(as_user(1000, 1000, as_nobody) == 1, "others than root may not: EPERM");
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return begun(atoi(argv[2]));
	if (argc > 1)
		return 0;
	if (pipe(ends))
		return 1;
	threads();
	signals_of_the_end();
	check(in_child(another_program) == 42,
	      "after the parent's exec it is SIGCHLD, for __WCLONE");
	first_thread();
	kernel_threads();
	return checks_done();
}
