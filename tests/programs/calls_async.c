/* SPDX-License-Identifier: MIT */
/* calls_async: signals that tell of files: O_ASYNC, F_SETOWN, F_SETSIG and kin. TAP. */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include "calls.h"

#define RT (SIGRTMIN + 1)

static int fds[2];
static sigset_t watched;

static long raw(int fd, int cmd, long arg)
{
	return syscall(SYS_fcntl, fd, cmd, arg);
}

/* The next signal of those that are pending, blocked as they are; 0: none. */
static int next(siginfo_t *info)
{
	struct timespec none = { 0 };
	int sig = sigtimedwait(&watched, info, &none);

	return sig < 0 ? 0 : sig;
}

static int count(void)
{
	siginfo_t info;
	int n = 0;

	while (next(&info))
		n++;
	return n;
}

static bool told(int sig, int code, long band, int fd)
{
	siginfo_t info;

	return next(&info) == sig && info.si_code == code && info.si_band == band &&
	       info.si_fd == fd && !next(&info);
}

static void make_pipe(void)
{
	pipe(fds);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
}

static void close_pipe(void)
{
	close(fds[0]), close(fds[1]);
	count();
}

static int nobody(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		pause();
	if (raw(fds[0], F_SETOWN, -pid) || raw(fds[0], F_GETOWN, 0)) /* it leads no group */
		return 2;
	if (raw(fds[0], F_SETOWN, pid) || raw(fds[0], F_GETOWN, 0) != pid)
		return 3;
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	if (raw(fds[0], F_GETOWN, 0) != pid)
		return 4;
	status_of(pid);
	return raw(fds[0], F_GETOWN, 0) == 0 && fails(raw(fds[0], F_SETOWN, pid), ESRCH);
}

static int another(void)
{
	pid_t pid = fork();
	uint64_t args[11] = { [4] = SIGCHLD, [8] = (uintptr_t)&pid, [9] = 1 }; /* set_tid */
	long again;
	bool told;

	if (!pid)
		_exit(0);
	if (raw(fds[0], F_SETOWN, pid))
		return 2;
	status_of(pid);
	again = syscall(SYS_clone3, args, sizeof(args));
	if (!again)
		_exit(0);
	told = raw(fds[0], F_GETOWN, 0);
	status_of(pid);
	return again != pid ? 3 : told ? 4 : 1;
}

/* The owner is a group, which ends; another gets its number. */
static int another_group(void)
{
	pid_t pid = fork();
	uint64_t args[11] = { [4] = SIGCHLD, [8] = (uintptr_t)&pid, [9] = 1 };
	struct f_owner_ex before, now;
	siginfo_t info;
	long again;

	if (!pid)
		pause();
	setpgid(pid, pid);
	raw(fds[0], F_SETOWN, -pid);
	raw(fds[0], F_GETOWN_EX, (long)&before);
	kill(pid, SIGKILL);
	status_of(pid);
	if (before.pid != pid)
		return 2;
	again = syscall(SYS_clone3, args, sizeof(args));
	if (!again)
		for (;;)
			pause();
	if (again != pid || setpgid(pid, pid))
		return 3;
	raw(fds[0], F_GETOWN_EX, (long)&now);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED);
	return now.type != F_OWNER_PGRP ? 4 : now.pid ? 5 : 1;
}

static void owners(void)
{
	struct f_owner_ex ex = { 7, 7 };

	make_pipe();
	check(raw(fds[0], F_GETOWN, 0) == 0 && !raw(fds[0], F_GETOWN_EX, (long)&ex) &&
		      ex.type == F_OWNER_TID && ex.pid == 0 && raw(fds[0], F_GETSIG, 0) == 0,
	      "at first nobody is told");
	check(!raw(fds[0], F_SETOWN, getpid()) && raw(fds[0], F_GETOWN, 0) == getpid() &&
		      !raw(fds[0], F_GETOWN_EX, (long)&ex) && ex.type == F_OWNER_PID &&
		      ex.pid == getpid() && raw(fds[1], F_GETOWN, 0) == 0,
	      "F_SETOWN: a process, of one open file");
	check(!raw(fds[0], F_SETOWN, -getpgrp()) && !raw(fds[0], F_GETOWN_EX, (long)&ex) &&
		      ex.type == F_OWNER_PGRP && ex.pid == getpgrp(),
	      "or a group");
	ex = (struct f_owner_ex){ F_OWNER_TID, getpid() };
	check(!raw(fds[0], F_SETOWN_EX, (long)&ex) && raw(fds[0], F_GETOWN, 0) == getpid(),
	      "F_SETOWN_EX: a thread");
	ex.type = 3;
	check(fails(raw(fds[0], F_SETOWN_EX, (long)&ex), EINVAL) &&
		      fails(raw(fds[0], F_SETOWN_EX, 8), EFAULT) &&
		      fails(raw(fds[0], F_GETOWN_EX, 8), EFAULT) &&
		      fails(raw(fds[0], F_SETOWN, 0x3fffffff), ESRCH) &&
		      fails(raw(fds[0], F_SETOWN, -0x3fffffff), ESRCH) &&
		      fails(raw(fds[0], F_SETOWN, (int)0x80000000), EINVAL),
	      "their errors");
	check(!raw(fds[0], F_SETOWN, 0) && raw(fds[0], F_GETOWN, 0) == 0, "nobody again");
	check(in_child(nobody) == 1, "who is gone is nobody");
	check(in_child(another) == 1, "and not another who has the same number");
	check(in_child(another_group) == 1, "nor another group");
	check(!raw(fds[0], F_SETSIG, 64) && raw(fds[0], F_GETSIG, 0) == 64 &&
		      fails(raw(fds[0], F_SETSIG, 65), EINVAL) &&
		      fails(raw(fds[0], F_SETSIG, -1), EINVAL) && !raw(fds[0], F_SETSIG, 0),
	      "F_SETSIG: any signal");
	close_pipe();
}

static void readers(void)
{
	siginfo_t info;
	char c;

	make_pipe();
	fcntl(fds[0], F_SETOWN, getpid());
	write(fds[1], "a", 1);
	check(!next(&info), "without O_ASYNC no signal");
	check(!fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK) &&
		      fcntl(fds[0], F_GETFL) == (O_RDONLY | O_ASYNC | O_NONBLOCK) && !next(&info),
	      "nor for what is there already");
	write(fds[1], "b", 1);
	check(next(&info) == SIGIO && info.si_code == SI_KERNEL && !next(&info),
	      "SIGIO when more can be read");
	read(fds[0], &c, 1);
	check(!next(&info), "not when less can");
	fcntl(fds[0], F_SETSIG, RT);
	write(fds[1], "c", 1);
	check(told(RT, POLL_IN, POLLIN | POLLRDNORM, fds[0]), "another signal tells which file");
	write(fds[1], "d", 1), write(fds[1], "e", 1);
	check(count() == 2, "and is queued each time");
	fcntl(fds[0], F_SETSIG, SIGCHLD);
	write(fds[1], "f", 1);
	check(next(&info) == SIGCHLD && info.si_code == SI_SIGIO, "SI_SIGIO where codes are taken");
	fcntl(fds[0], F_SETSIG, SIGIO);
	close(fds[1]);
	check(told(SIGIO, POLL_IN, POLLIN | POLLRDNORM, fds[0]), "the last writer is gone");
	close_pipe();
}

static void writers(void)
{
	siginfo_t info;
	char c;

	make_pipe();
	fcntl(fds[1], F_SETOWN, getpid());
	fcntl(fds[1], F_SETSIG, RT);
	fcntl(fds[1], F_SETFL, O_ASYNC | O_NONBLOCK);
	write(fds[1], "ab", 2);
	check(!next(&info), "who writes is not told of that");
	read(fds[0], &c, 1);
	check(told(RT, POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND, fds[1]),
	      "but of a read, which makes room");
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	read(fds[0], &c, 1);
	check(!next(&info) && fcntl(fds[1], F_GETFL) == (O_WRONLY | O_NONBLOCK), "off again");
	close_pipe();
}

static int not_mine(void)
{
	return raw(fds[0], F_SETOWN, getppid()) ? 2 : 1;
}

static int in_group(void)
{
	siginfo_t info;
	pid_t pid;

	setpgid(0, 0);
	pid = fork();
	if (!pid)
		_exit(sigwaitinfo(&watched, &info) == RT && info.si_fd == fds[0] ? 1 : 2);
	if (fcntl(fds[0], F_SETOWN, -getpgrp()) || write(fds[1], "x", 1) != 1)
		return 3;
	if (exit_of(pid) != 1 || next(&info) != SIGCHLD)
		return 4;
	return told(RT, POLL_IN, POLLIN | POLLRDNORM, fds[0]);
}

static void others(void)
{
	siginfo_t info;
	int on = 1, off = 0, null = open("/dev/null", O_RDWR), copy;

	make_pipe();
	check(!ioctl(fds[0], FIOASYNC, &on) && fcntl(fds[0], F_GETFL) & O_ASYNC &&
		      !ioctl(fds[0], FIOASYNC, &off) && !(fcntl(fds[0], F_GETFL) & O_ASYNC),
	      "FIOASYNC does the same");
	check(fails(ioctl(null, FIOASYNC, &on), ENOTTY) && !ioctl(null, FIOASYNC, &off) &&
		      !fcntl(null, F_SETFL, O_ASYNC) && !(fcntl(null, F_GETFL) & O_ASYNC),
	      "files that never wait have no O_ASYNC");
	close(null);
	fcntl(fds[0], F_SETSIG, RT);
	fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK);
	check(in_child(in_group) == 1 && next(&info) == SIGCHLD && !next(&info),
	      "each process of a group is told");
	check(as_user(4321, 4321, not_mine) == 1 && next(&info) == SIGCHLD &&
		      write(fds[1], "x", 1) == 1 && !next(&info),
	      "nobody makes the kernel signal whom he could not");
	fcntl(fds[0], F_SETOWN, getpid());
	copy = dup(fds[0]);
	close(fds[0]);
	write(fds[1], "x", 1);
	check(told(RT, POLL_IN, POLLIN | POLLRDNORM, fds[0]), "si_fd is the number it was set by");
	close(copy);
	write(fds[1], "x", 1);
	check(!next(&info), "no more when the file is closed");
	close_pipe();
}

/* Shown, but nobody is told because of it, now or later. */
static void opened(void)
{
	int null = open("/dev/null", O_RDWR | O_ASYNC), on = 1, off = 0, fd;
	siginfo_t info;

	check(fcntl(null, F_GETFL) & O_ASYNC && !fcntl(null, F_SETFL, 0) &&
		      fcntl(null, F_GETFL) & O_ASYNC && !ioctl(null, FIOASYNC, &on) &&
		      fails(ioctl(null, FIOASYNC, &off), ENOTTY),
	      "open keeps O_ASYNC, also of a file that cannot lose it any more");
	close(null);
	mkfifo("/tmp/async.tmp", 0600);
	fd = open("/tmp/async.tmp", O_RDWR | O_NONBLOCK | O_ASYNC);
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
	ioctl(fd, FIOASYNC, &on);
	check(fcntl(fd, F_GETFL) & O_ASYNC && write(fd, "x", 1) == 1 && !next(&info),
	      "but tells nobody");
	check(!fcntl(fd, F_SETFL, O_NONBLOCK) && fcntl(fd, F_GETFL) & O_ASYNC &&
		      !ioctl(fd, FIOASYNC, &off) && fcntl(fd, F_GETFL) & O_ASYNC &&
		      !fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) && write(fd, "x", 1) == 1 &&
		      !next(&info),
	      "and never will: who was not told is not taken off, nor put on");
	close(fd);
	unlink("/tmp/async.tmp");
}

/* Stop what goes out, and write until no more is taken. */
static void fill(int line)
{
	static char dots[3000];

	memset(dots, '.', sizeof(dots));
	tcdrain(line);
	tcflow(line, TCOOFF);
	write(line, "# ", 2);
	while (write(line, dots, sizeof(dots)) > 0)
		;
}

static bool told_of_room(int line)
{
	return told(RT, POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND, line);
}

static bool quiet, flushed, sent;

/*
 * Results go out on the same line, and would be held back and forgotten with what is written here: so
 * this is tried before any is told.
 */
static void try_terminal(void)
{
	int line = open("/dev/ttyS0", O_RDONLY | O_NOCTTY | O_NONBLOCK), writer, on = 1;
	siginfo_t info;

	writer = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_NONBLOCK);
	fcntl(line, F_SETOWN, getpid());
	fcntl(line, F_SETSIG, RT);
	ioctl(line, FIOASYNC, &on);
	tcdrain(writer);
	tcflow(writer, TCOOFF);
	write(writer, "# ", 2);
	tcflow(writer, TCOON);
	quiet = !next(&info);
	fill(writer);
	flushed = !next(&info) && !tcflush(line, TCOFLUSH) && told_of_room(line);
	tcflow(line, TCOON);
	write(writer, "\n", 1);
	flushed &= !next(&info);
	fill(writer);
	tcflow(line, TCOON);
	tcdrain(line);
	write(writer, "\n", 1);
	sent = told_of_room(line);
	close(line), close(writer);
}

static void terminal(void)
{
	check(quiet, "a terminal that took all it was given tells nothing");
	check(flushed, "one that was full tells of room once all was thrown away");
	check(sent, "or went out, also by a file that is not to be written");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&watched);
	sigaddset(&watched, SIGIO);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, RT);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	try_terminal();
	owners();
	readers();
	writers();
	others();
	opened();
	terminal();
	return checks_done();
}
