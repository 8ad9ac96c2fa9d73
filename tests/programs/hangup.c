/* SPDX-License-Identifier: MIT */
/*
 * hangup: what becomes of the line and of those at it when the session's leader ends. TAP. Whoever had
 * the line open has it no more, this program's caller too: on Linux it has to be the last one.
 */
#include <sys/mman.h>

#include "terminal.h"

/* What a process noticed. */
struct notes {
	volatile int ready, hups, conts, result, error;
};

static struct notes *notes, *mine;

static void note(int sig)
{
	if (sig == SIGHUP)
		mine->hups++;
	else
		mine->conts++;
}

static void wait_ready(const struct notes *n)
{
	while (!n->ready)
		usleep(1000);
	usleep(30000); /* until it sleeps */
}

static void answer(long result)
{
	mine->error = errno;
	mine->result = (int)result;
	mine->ready = 2;
	_exit(0);
}

static void no_more(void)
{
	int fd;

	while (!mine->hups && getppid() != 1)
		usleep(1000);
	for (int i = 0; i < 2000 && (fd = open("/dev/tty", O_RDWR)) >= 0; i++) {
		close(fd); /* the signal may come before the line is gone */
		usleep(1000);
	}
	answer(fd);
}

static void only_wait(void)
{
	sleep(1);
	answer(0);
}

static void read_on(void)
{
	char c[8];

	signal(SIGHUP, SIG_IGN);
	answer(read(line, c, sizeof(c)));
}

static void write_on(void)
{
	static char text[1 << 16];

	signal(SIGHUP, SIG_IGN);
	memset(text, '\n', sizeof(text));
	for (;;)
		if (write(line, text, sizeof(text)) < 0)
			answer(-1);
}

/* The process that takes notes @i, in a group of its own or in @group; the group. */
static pid_t start(int i, pid_t group, void (*body)(void))
{
	pid_t pid = fork();

	if (!pid) {
		mine = &notes[i];
		setpgid(0, group);
		signal(SIGHUP, note);
		signal(SIGCONT, note);
		mine->ready = 1;
		body();
	}
	setpgid(pid, group ? group : pid);
	wait_ready(&notes[i]);
	return group ? group : pid;
}

enum { FRONT, BEHIND, READER, WRITER, LEADER, NUMBER };

static void lead(void)
{
	pid_t group;

	setsid();
	line = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	if (ioctl(line, TIOCSCTTY, 1))
		_exit(1);
	signal(SIGTTOU, SIG_IGN);
	lines();
	group = start(FRONT, 0, no_more);
	start(BEHIND, 0, only_wait);
	tcsetpgrp(line, group);
	start(READER, group, read_on);
	tcflow(line, TCOOFF);
	start(WRITER, group, write_on);
	mine = &notes[LEADER];
	mine->ready = 1;
	pause();
	_exit(0);
}

static bool answered(int i)
{
	for (int tries = 0; tries < 3000 && notes[i].ready != 2; tries++)
		usleep(1000);
	return notes[i].ready == 2;
}

static void judge(int fresh)
{
	struct pollfd p = { .fd = line, .events = POLLIN | POLLOUT };
	char c;

	check(answered(FRONT) && notes[FRONT].hups == 1 && notes[FRONT].conts == 0,
	      "the group in front gets SIGHUP, and no SIGCONT");
	check(notes[FRONT].result == -1 && notes[FRONT].error == ENXIO, "it has no terminal");
	check(answered(READER) && notes[READER].result == 0, "who reads sees the end");
	check(answered(WRITER) && notes[WRITER].result == -1 && notes[WRITER].error == EIO,
	      "who writes, or is held back: EIO");
	check(answered(BEHIND) && !notes[BEHIND].hups && !notes[BEHIND].conts,
	      "who is behind is told nothing");
	check(read(line, &c, 1) == 0 && write(line, "x", 1) == -1 && errno == EIO &&
		      tcgetpgrp(line) == -1 && errno == EIO,
	      "whoever had the line open has it no more: the end, EIO");
	check(!(fcntl(line, F_GETFL) & O_ASYNC) && fcntl(line, F_SETFL, O_ASYNC) == -1 &&
		      errno == ENOTTY,
	      "nor do signals tell of it");
	check(poll(&p, 1, 0) == 1 && p.revents & POLLHUP && p.revents & POLLIN, "poll: POLLHUP");
	line = fresh;
	check(!is_readable(), "what was typed before is gone");
	check(tcgetsid(fresh) == -1 && errno == ENOTTY, "the line is nobody's");
}

int main(void)
{
	int fresh, status = -1;
	bool woken;
	struct termios raw;
	pid_t pid;

	notes = mmap(NULL, NUMBER * sizeof(*notes), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	line = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	tcgetattr(line, &before);
	alarm(60);
	signal(SIGHUP, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	fcntl(line, F_SETOWN, getpid());
	fcntl(line, F_SETFL, O_ASYNC);
	pid = fork();
	if (!pid)
		lead();
	wait_ready(&notes[LEADER]);
	type("unread");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	woken = answered(READER) && answered(WRITER); /* by the end alone */
	fresh = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	tcsetattr(fresh, TCSANOW, &raw);
	tcflow(fresh, TCOON);
	dup2(fresh, 1);
	check(WIFSIGNALED(status) && woken, "the leader ends: who waits for the line wakes");
	judge(fresh);
	tcsetattr(fresh, TCSADRAIN, &before);
	return checks_done();
}
