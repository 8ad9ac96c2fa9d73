/* SPDX-License-Identifier: MIT */
/* calls_termio: what ioctl(2) tells and sets of a terminal, and what it refuses. TAP. */
#include "terminal.h"

static volatile sig_atomic_t last_signal;

static void note(int sig)
{
	last_signal = sig;
}

static void try_window(void)
{
	struct winsize was, size = { 33, 77, 5, 6 }, got;

	signal(SIGWINCH, note);
	ioctl(line, TIOCGWINSZ, &was);
	last_signal = 0;
	check(!ioctl(line, TIOCSWINSZ, &size) && last_signal == SIGWINCH,
	      "a new size of the window: SIGWINCH");
	check(!ioctl(line, TIOCGWINSZ, &got) && !memcmp(&got, &size, sizeof(got)), "which is kept");
	last_signal = 0;
	check(!ioctl(line, TIOCSWINSZ, &size) && !last_signal, "the same size again: none");
	ioctl(line, TIOCSWINSZ, &was);
}

static bool busy_for_others(void)
{
	int status;

	if (!fork()) {
		setuid(1000);
		_exit(open("/dev/tty", O_RDWR) < 0 && errno == EBUSY);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

static void try_exclusive(void)
{
	int flag = 7, fd;

	check(!ioctl(line, TIOCGEXCL, &flag) && flag == 0 && !ioctl(line, TIOCEXCL) &&
		      !ioctl(line, TIOCGEXCL, &flag) && flag == 1,
	      "TIOCEXCL is told by TIOCGEXCL");
	fd = open("/dev/tty", O_RDWR);
	check(fd >= 0 && busy_for_others(), "then only root opens it: EBUSY");
	close(fd);
	ioctl(line, TIOCNXCL);
	check(!busy_for_others(), "until TIOCNXCL");
	flag = 7;
	check(!ioctl(line, TIOCGETD, &flag) && flag == 0, "TIOCGETD: the usual discipline");
}

/* The settings as System V had them. */
static void try_termio(void)
{
	struct {
		unsigned short iflag, oflag, cflag, lflag;
		unsigned char line, keys[8];
	} s, again;
	struct termios t;

	set_modes(ICRNL, ICANON, 1, 0);
	tcgetattr(line, &t);
	check(!ioctl(line, TCGETA, &s) && s.iflag == ICRNL && s.lflag == ICANON &&
		      s.oflag == t.c_oflag && s.cflag == (t.c_cflag & 0xffff) &&
		      !memcmp(s.keys, t.c_cc, 8),
	      "TCGETA: the lower halves, and eight keys");
	s.lflag = 0;
	s.iflag = 0;
	s.keys[VMIN] = 2;
	type("a\nb\n");
	check(!ioctl(line, TCSETAW, &s) && !ioctl(line, TCGETA, &again) &&
		      !memcmp(&s, &again, 17) && reads("a\nb\n"),
	      "TCSETAW sets them");
	tcgetattr(line, &t);
	check(t.c_lflag == 0 && t.c_cc[VMIN] == 2 && t.c_cc[VSUSP] == before.c_cc[VSUSP],
	      "and leaves the rest");
	type("x");
	check(!ioctl(line, TCSETAF, &s) && !waiting() && ioctl(line, TCSETA, 8) < 0 &&
		      errno == EFAULT,
	      "TCSETAF forgets what was typed");
}

static void try_refused(void)
{
	int fd = open("/proc/self/stat", O_RDONLY), null = open("/dev/null", O_RDWR);
	struct termios t;

	check(tcgetattr(fd, &t) < 0 && errno == ENOTTY && !isatty(null) && errno == ENOTTY,
	      "files and other devices are no terminals: ENOTTY");
	check(ioctl(line, 0x54ff, 0) < 0 && (errno == ENOTTY || errno == EINVAL),
	      "a request that no terminal knows");
	check(ioctl(line, TCGETS, 8) < 0 && errno == EFAULT && ioctl(line, TCSETS, 8) < 0 &&
		      errno == EFAULT && ioctl(line, TIOCSTI, 8) < 0 && errno == EFAULT,
	      "EFAULT");
	close(fd);
	close(null);
}

/* Who reads by signals is told of each line, and need not say whom to tell: those in front. */
static void try_async(void)
{
	sigset_t set, old;
	siginfo_t info;
	struct timespec none = { 0 };

	lines();
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, &old);
	fcntl(line, F_SETFL, fcntl(line, F_GETFL) | O_ASYNC);
	check(fcntl(line, F_GETOWN) == (tcgetpgrp(line) > 0 ? -tcgetpgrp(line) : getpid()),
	      "O_ASYNC on a terminal: the group in front is told");
	fcntl(line, F_SETOWN, getpid());
	fcntl(line, F_SETSIG, SIGIO);
	type("ab");
	check(sigtimedwait(&set, NULL, &none) < 0, "not of a line that is not complete");
	type("\n");
	check(sigtimedwait(&set, &info, &none) == SIGIO && info.si_code == POLL_IN &&
		      info.si_fd == line && sigtimedwait(&set, NULL, &none) < 0,
	      "but of its end");
	fcntl(line, F_SETFL, fcntl(line, F_GETFL) & ~O_ASYNC);
	tcflush(line, TCIFLUSH);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void all(void)
{
	check((before.c_cflag & ~CBAUD) == (CS8 | CREAD | HUPCL | CLOCAL),
	      "the line's own settings");
	try_window();
	try_exclusive();
	try_termio();
	try_refused();
	try_async();
}

int main(void)
{
	return in_own_session(all);
}
