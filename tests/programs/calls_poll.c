/* SPDX-License-Identifier: MIT */
/* calls_poll: poll, select and their kin, on pipes, files and devices. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int revents(int fd, short events)
{
	struct pollfd p = { fd, events, 0x55 };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void kinds(void)
{
	int fds[2], file = open("/bin", O_RDONLY), null = open("/dev/null", O_RDWR),
		    path = open("/bin", O_PATH);
	short all = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM;
	short rw = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

	pipe(fds);
	check(revents(file, all) == rw && revents(null, all) == rw, "files are always ready");
	check(revents(fds[0], all) == 0 && revents(fds[1], all) == (POLLOUT | POLLWRNORM),
	      "a pipe's ends");
	write(fds[1], "x", 1);
	check(revents(fds[0], POLLIN) == POLLIN && revents(fds[0], POLLOUT) == 0 &&
		      revents(fds[0], all) == (POLLIN | POLLRDNORM),
	      "with something in it");
	check(revents(99, POLLIN) == POLLNVAL && revents(path, POLLIN) == POLLNVAL &&
		      revents(-1, POLLIN) == 0,
	      "no such descriptor: POLLNVAL; a negative one is passed over");
	close(fds[1]);
	check(revents(fds[0], 0) == POLLHUP && revents(fds[0], POLLIN) == (POLLIN | POLLHUP),
	      "no writer: POLLHUP, asked for or not");
	close(fds[0]);
	pipe(fds);
	close(fds[0]);
	check(revents(fds[1], POLLOUT) == (POLLOUT | POLLERR), "no reader: POLLERR");
	close(fds[1]), close(file), close(null), close(path);
}

static void counting(void)
{
	struct pollfd p[3] = { { 99, POLLIN, 0 }, { -1, POLLIN, 7 }, { 1, POLLOUT, 0 } };
	struct rlimit rl;

	check(poll(p, 2, 1000) == 1 && p[0].revents == POLLNVAL && p[1].revents == 0,
	      "poll counts who has something to say");
	check(poll(NULL, 0, 0) == 0 && fails(poll((void *)8, 1, 0), EFAULT),
	      "nobody; a bad pointer");
	getrlimit(RLIMIT_NOFILE, &rl);
	check(fails(poll(p, rl.rlim_cur + 1, 0), EINVAL), "more than RLIMIT_NOFILE: EINVAL");
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1, rl.rlim_max });
	check(fails(poll(p, 2, 0), EINVAL) && poll(p, 1, 0) == 1, "as it is now");
	setrlimit(RLIMIT_NOFILE, &rl);
}

static void timeouts(void)
{
	struct timespec ts = { 0, 20000000 }, bad = { 0, 1000000000 };
	struct timeval tv = { 0, 20000 };
	long begin = now_ms();

	check(poll(NULL, 0, 20) == 0 && now_ms() - begin >= 19, "poll waits");
	begin = now_ms();
	check(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8) == 0 && now_ms() - begin >= 19 &&
		      ts.tv_sec == 0 && ts.tv_nsec == 0,
	      "ppoll, and tells what is left");
	check(fails(syscall(SYS_ppoll, NULL, 0, &bad, NULL, 8), EINVAL) &&
		      fails(syscall(SYS_ppoll, NULL, 0, &ts, &ts, 4), EINVAL) &&
		      fails(syscall(SYS_ppoll, NULL, 0, 8, NULL, 8), EFAULT),
	      "its errors");
	begin = now_ms();
	check(syscall(SYS_select, 0, NULL, NULL, NULL, &tv) == 0 && now_ms() - begin >= 19 &&
		      tv.tv_sec == 0 && tv.tv_usec == 0,
	      "select, and tells what is left");
	tv.tv_usec = 1000000;
	tv.tv_sec = -1;
	check(syscall(SYS_select, 0, NULL, NULL, NULL, &tv) == 0, "any number of microseconds");
	tv.tv_sec = -1;
	tv.tv_usec = 0;
	check(fails(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), EINVAL), "but not before now");
	check(fails(syscall(SYS_select, -1, NULL, NULL, NULL, NULL), EINVAL),
	      "n below zero: EINVAL");
	check(fails(syscall(SYS_select, 1, 8, NULL, NULL, NULL), EFAULT), "a bad pointer: EFAULT");
}

static void selecting(void)
{
	fd_set in, out, ex;
	struct timeval tv = { 5, 0 };
	int fds[2];

	pipe(fds);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(fds[0], &in), FD_SET(fds[1], &out), FD_SET(fds[0], &ex);
	check(select(fds[1] + 1, &in, &out, &ex, &tv) == 1 && !FD_ISSET(fds[0], &in) &&
		      FD_ISSET(fds[1], &out) && !FD_ISSET(fds[0], &ex),
	      "select leaves the bits of who is ready");
	write(fds[1], "x", 1);
	FD_SET(fds[0], &in), FD_SET(fds[1], &out), FD_SET(fds[1], &in);
	check(select(fds[1] + 1, &in, &out, NULL, NULL) == 2 && FD_ISSET(fds[0], &in) &&
		      !FD_ISSET(fds[1], &in),
	      "and counts bits");
	close(fds[0]);
	FD_ZERO(&in);
	FD_SET(fds[1], &in), FD_SET(fds[1], &out);
	check(select(fds[1] + 1, &in, &out, NULL, NULL) == 2,
	      "an error counts as readable and writable");
	close(fds[1]);
	FD_ZERO(&in);
	FD_SET(fds[1], &in);
	check(fails(select(fds[1] + 1, &in, NULL, NULL, NULL), EBADF), "no such descriptor: EBADF");
	check(select(fds[1], &in, NULL, NULL, &(struct timeval){ 0, 0 }) == 0,
	      "behind n nobody looks");
}

static bool in_between(long seconds)
{
	return seconds >= 90 && seconds < 100;
}

static void at_once(void)
{
	struct timespec ts = { 100, 0 };
	struct timeval tv = { 100, 0 };
	struct pollfd p;
	fd_set out;
	int fds[2];

	pipe(fds);
	FD_ZERO(&out);
	FD_SET(fds[1], &out);
	p = (struct pollfd){ fds[1], POLLOUT, 0 };
	check(syscall(SYS_ppoll, &p, 1, &ts, NULL, 8) == 1 && in_between(ts.tv_sec),
	      "ppoll that does not wait tells what is left, too");
	ts = (struct timespec){ 100, 0 };
	check(syscall(SYS_pselect6, fds[1] + 1, NULL, &out, NULL, &ts, NULL) == 1 &&
		      in_between(ts.tv_sec) &&
		      syscall(SYS_select, fds[1] + 1, NULL, &out, NULL, &tv) == 1 &&
		      in_between(tv.tv_sec),
	      "so do pselect6 and select");
	close(fds[0]), close(fds[1]);
}

static volatile int hits;
static void count(int sig)
{
	(void)sig;
	hits++;
}

static void signals(void)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };
	struct timespec ts = { 1, 0 };
	sigset_t mask, empty;
	struct {
		const void *mask;
		size_t size;
	} arg = { &empty, 8 };

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	sigemptyset(&empty);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	raise(SIGUSR1);
	check(poll(NULL, 0, 1) == 0 && hits == 0, "a blocked signal does not wake poll");
	check(fails(syscall(SYS_ppoll, NULL, 0, &ts, &empty, 8), EINTR) && hits == 1,
	      "ppoll lets it in: EINTR, and the handler has run");
	raise(SIGUSR1);
	check(fails(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, &arg), EINTR) && hits == 2,
	      "so does pselect6");
	raise(SIGUSR1);
	ts = (struct timespec){ 0, 0 };
	check(fails(syscall(SYS_ppoll, NULL, 0, &ts, &empty, 8), EINTR) && hits == 3,
	      "so does a ppoll that does not wait");
	sigprocmask(SIG_BLOCK, NULL, &empty);
	check(sigismember(&empty, SIGUSR1) == 1, "the mask is what it was");
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 10000 }, { 0, 10000 } }, NULL);
	check(fails(poll(NULL, 0, 2000), EINTR) && hits >= 4, "SA_RESTART does not restart poll");
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	alarm(60);
}

/* Stopped for a while, and continued, by a child. */
static pid_t stop_me(void)
{
	pid_t pid = fork(), parent = getppid();

	if (pid)
		return pid;
	until_asleep(parent, parent);
	sleep_ms(30);
	kill(parent, SIGSTOP);
	sleep_ms(450);
	kill(parent, SIGCONT);
	_exit(0);
}

static void stopping(void)
{
	struct timespec *ts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
	bool in_time = false;
	long begin;
	pid_t pid;

	ts->tv_sec = 1000;
	mprotect(ts, 4096, PROT_READ);
	pid = stop_me();
	check(fails(syscall(SYS_ppoll, NULL, 0, ts, NULL, 8), EINTR),
	      "ppoll that cannot tell what is left ends with a stop: EINTR");
	status_of(pid);
	for (int i = 0; i < 3 && !in_time; i++) { /* a busy host delays one, but not each */
		pid = stop_me();
		begin = now_ms();
		in_time = poll(NULL, 0, 500) == 0 && now_ms() - begin < 950;
		status_of(pid);
	}
	check(in_time, "poll goes on with the time that was left");
}

static void waking(void)
{
	struct pollfd p[2];
	int a[2], b[2];
	pid_t pid;

	pipe(a);
	pipe(b);
	pid = fork();
	if (!pid) {
		sleep_ms(20);
		write(b[1], "x", 1);
		_exit(0);
	}
	close(b[1]);
	p[0] = (struct pollfd){ a[0], POLLIN, 0 };
	p[1] = (struct pollfd){ b[0], POLLIN, 0 };
	check(poll(p, 2, 5000) == 1 && !p[0].revents && (p[1].revents & POLLIN),
	      "a write wakes poll");
	read(b[0], p, 1);
	p[1] = (struct pollfd){ b[0], POLLIN, 0 };
	waitpid(pid, NULL, 0);
	check(poll(&p[1], 1, 5000) == 1 && p[1].revents == POLLHUP, "so does the last close");
	close(a[0]), close(a[1]), close(b[0]);
}

int main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	kinds();
	counting();
	timeouts();
	selecting();
	at_once();
	signals();
	stopping();
	waking();
	return checks_done();
}
