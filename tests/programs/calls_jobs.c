/* SPDX-License-Identifier: MIT */
/*
 * calls_jobs: whose the terminal is: sessions, the group in front, what those behind it may do, and
 * what giving the terminal up does. TAP.
 */
#include "terminal.h"

static volatile sig_atomic_t hits[64];

static void note(int sig)
{
	hits[sig]++;
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, WUNTRACED);
	return status;
}

/* A child in a group of its own, behind; body() is its exit status. */
static pid_t start_behind(int (*body)(void))
{
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		_exit(body());
	}
	setpgid(pid, pid);
	return pid;
}

/* The signal that stopped a child that runs body() behind, or -1; the child goes away. */
static int stopped_by(int (*body)(void))
{
	pid_t pid = start_behind(body);
	int status = status_of(pid), sig = WIFSTOPPED(status) ? WSTOPSIG(status) : -1;

	if (sig > 0) {
		kill(pid, SIGKILL);
		status_of(pid);
	}
	return sig;
}

static int exits_with(int (*body)(void))
{
	int status = status_of(start_behind(body));

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_line(void)
{
	char c;

	return read(line, &c, 1) < 0 ? errno : 0;
}

static int read_ignoring(void)
{
	signal(SIGTTIN, SIG_IGN);
	return read_line();
}

static int read_blocking(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return read_line();
}

static int write_line(void)
{
	return write(line, "", 0) < 0 || write(line, "\n", 1) < 0 ? errno : 0;
}

static int write_ignoring(void)
{
	signal(SIGTTOU, SIG_IGN);
	return write_line();
}

static int change(void)
{
	struct termios t;

	return tcgetattr(line, &t) || tcsetattr(line, TCSANOW, &t) ? errno : 0;
}

static int flush_line(void)
{
	return tcflush(line, TCIFLUSH) ? errno : 0;
}

static int to_front(void)
{
	return tcsetpgrp(line, getpgrp()) ? errno : 0;
}

/* The group's last tie to the session's other groups dies; then its member tries. */
static int orphaned(int (*body)(void))
{
	int ends[2], status = -1;
	pid_t pid;

	pipe(ends);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		if (fork())
			_exit(0);
		while (getppid() == getpgrp())
			usleep(1000);
		status = body();
		write(ends[1], &status, sizeof(status));
		_exit(0);
	}
	status_of(pid);
	close(ends[1]);
	read(ends[0], &status, sizeof(status));
	close(ends[0]);
	return status;
}

static void try_front(void)
{
	int value = -1;

	check(tcgetsid(line) == getpid() && tcgetpgrp(line) == getpgrp(),
	      "the leader's session has it, and its group is in front");
	check(ioctl(line, TIOCSCTTY, 0) == 0, "to take it again is no mistake");
	value = open("/dev/tty", O_RDWR);
	check(value >= 0 && tcgetsid(value) == getpid() && isatty(value), "/dev/tty is it");
	close(value);
	check(tcsetpgrp(line, 0x3fffff) < 0 && errno == ESRCH, "no such group: ESRCH");
	check(tcsetpgrp(line, getppid()) < 0 && errno == EPERM, "one of another session: EPERM");
	check(tcsetpgrp(line, -2) < 0 && errno == EINVAL, "no group at all: EINVAL");
	check(ioctl(line, TIOCSPGRP, 8) < 0 && errno == EFAULT, "EFAULT");
}

static void try_behind(void)
{
	struct termios t;

	lines();
	type("xyz\n");
	check(stopped_by(read_line) == SIGTTIN, "a read from behind stops the group: SIGTTIN");
	check(exits_with(read_ignoring) == EIO, "or fails where that is ignored: EIO");
	check(exits_with(read_blocking) == EIO, "or blocked");
	check(orphaned(read_line) == EIO, "or nobody is left to continue the group");
	check(exits_with(write_line) == 0, "anybody may write");
	check(stopped_by(change) == SIGTTOU, "a change from behind stops the group: SIGTTOU");
	check(stopped_by(flush_line) == SIGTTOU, "so does tcflush");
	check(stopped_by(to_front) == SIGTTOU, "and to come to the front");
	check(orphaned(change) == EIO && orphaned(to_front) == ENOTTY,
	      "and fails with nobody left");
	tcgetattr(line, &t);
	t.c_lflag |= TOSTOP;
	tcsetattr(line, TCSANOW, &t);
	check(stopped_by(write_line) == SIGTTOU, "with TOSTOP a write stops the group as well");
	check(exits_with(write_ignoring) == 0, "unless that is ignored");
	check(reads("xyz\n"), "nobody took what was typed");
}

static int ready[2]; /* a pipe: the child has its handlers */

static int count_interrupt(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGINT, note);
	write(ready[1], "x", 1);
	while (!hits[SIGINT])
		usleep(1000);
	return 42;
}

static void try_keys(void)
{
	pid_t pid;
	int status;
	char c;

	pipe(ready);
	pid = start_behind(count_interrupt);
	lines();
	signal(SIGINT, note);
	check(!tcsetpgrp(line, pid) && tcgetpgrp(line) == pid, "another group comes to the front");
	read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	type("\003");
	status = status_of(pid);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 42 && !hits[SIGINT],
	      "the key is for it alone");
	check(!tcsetpgrp(line, getpgrp()), "who ignores SIGTTOU comes back by himself");
	type("\003");
	check(hits[SIGINT] == 1, "and then it is for us");
	signal(SIGINT, SIG_DFL);
}

/* Another session's leader: its exit status is a bit for each claim that did not hold. */
static int another_session(void)
{
	int bad = 0, null;

	setsid();
	bad |= (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO) << 0;
	bad |= (tcgetpgrp(line) >= 0 || errno != ENOTTY) << 1;
	bad |= (tcgetsid(line) >= 0 || errno != ENOTTY) << 2;
	bad |= (tcsetpgrp(line, getpgrp()) >= 0 || errno != ENOTTY) << 3;
	bad |= (ioctl(line, TIOCNOTTY) >= 0 || errno != ENOTTY) << 4;
	bad |= (ioctl(line, TIOCSCTTY, 0) >= 0 || errno != EPERM) << 5;
	null = open("/dev/ttyS0", O_RDWR);
	bad |= (null < 0 || tcgetpgrp(null) >= 0) << 6;
	bad |= setuid(65534) || ioctl(line, TIOCSCTTY, 1) >= 0 || errno != EPERM ||
			       ioctl(line, TIOCSTI, "x") >= 0 || errno != EPERM ?
		       1 << 7 :
		       0;
	return bad;
}

static void try_others(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(another_session());
	check(status_of(pid) == 0, "another session has no terminal, and cannot have this one");
}

/* Stops; when it is continued its exit status tells whether SIGHUP came first. */
static void stop_in_own_group(int to)
{
	char said;

	setpgid(0, 0);
	signal(SIGHUP, note);
	signal(SIGCONT, note);
	raise(SIGSTOP);
	usleep(1000);
	said = (char)('0' + hits[SIGHUP] + 2 * hits[SIGCONT]);
	write(to, &said, 1);
	_exit(0);
}

/* The shell of a stopped group ends: nobody would continue it. */
static void try_orphans(void)
{
	int ends[2];
	char said = 0;
	pid_t pid;

	pipe(ends);
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid)
			stop_in_own_group(ends[1]);
		waitpid(pid, NULL, WUNTRACED);
		_exit(0);
	}
	status_of(pid);
	close(ends[1]);
	check(read(ends[0], &said, 1) == 1 && said == '3',
	      "a stopped group whose shell ends gets SIGHUP and SIGCONT");
	close(ends[0]);
}

/* Run by exec. */
static int begun(void)
{
	write(3, "x", 1);
	pause();
	return 0;
}

static void try_groups(void)
{
	int ends[2];
	pid_t pid;
	char c;

	pipe(ends);
	pid = fork();
	if (!pid) {
		dup2(ends[1], 3);
		execl("/proc/self/exe", "calls_jobs", "begun", NULL);
		_exit(1);
	}
	check(setpgid(pid, pid) == 0 || errno == EACCES, "a child is put into a group");
	read(ends[0], &c, 1);
	check(setpgid(pid, pid) == -1 && errno == EACCES, "but not once it has a new program");
	kill(pid, SIGKILL);
	status_of(pid);
	close(ends[0]);
	close(ends[1]);
}

static int steal(void)
{
	int bad = 0;

	setsid();
	bad |= ioctl(line, TIOCSCTTY, 1) != 0;
	bad |= (tcgetsid(line) != getpid()) << 1;
	signal(SIGHUP, SIG_IGN);
	bad |= (ioctl(line, TIOCNOTTY) != 0) << 2;
	return bad;
}

static void try_steal(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(steal());
	check(status_of(pid) == 0, "root may take it away");
	check(tcgetpgrp(line) < 0 && errno == ENOTTY, "then it is ours no more");
	check(!ioctl(line, TIOCSCTTY, 0) && tcgetpgrp(line) == getpgrp(),
	      "one that is free is taken");
}

static int wait_for_hangup(void)
{
	signal(SIGHUP, note);
	signal(SIGCONT, note);
	write(ready[1], "x", 1);
	while (!hits[SIGHUP] || !hits[SIGCONT])
		usleep(1000);
	for (int i = 0; i < 1000 && tcgetpgrp(line) >= 0; i++)
		usleep(1000); /* Linux signals first, and may run us before it goes on */
	return tcgetpgrp(line) < 0 && errno == ENOTTY ? 42 : 41;
}

static void try_giving_up(void)
{
	pid_t front, other;
	char c;

	pipe(ready);
	front = start_behind(wait_for_hangup);
	read(ready[0], &c, 1);
	other = fork();
	if (!other)
		_exit(!ioctl(line, TIOCNOTTY) && tcgetpgrp(line) < 0 ? 0 : 1);
	check(status_of(other) == 0 && tcgetpgrp(line) == getpgrp(),
	      "a member that gives the terminal up does so for itself");
	tcsetpgrp(line, front);
	signal(SIGHUP, SIG_IGN);
	check(!ioctl(line, TIOCNOTTY), "the leader gives it up");
	check(WEXITSTATUS(status_of(front)) == 42,
	      "the group in front gets SIGHUP and SIGCONT, and has no terminal");
	check(open("/dev/tty", O_RDWR) < 0 && errno == ENXIO, "/dev/tty is nothing: ENXIO");
	close(line);
	line = open("/dev/ttyS0", O_RDWR);
	check(tcgetsid(line) == getpid(), "a leader without one gets one by open(2)");
}

static void all(void)
{
	try_front();
	try_behind();
	try_keys();
	try_others();
	try_orphans();
	try_groups();
	try_steal();
	try_giving_up();
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return begun();
	return in_own_session(all);
}
