/* SPDX-License-Identifier: MIT */
/*
 * calls_tty: what becomes of bytes that are typed: editing, lines, signals, stop and start, and what
 * read(2) waits for, as termios(3) says. TAP, and what is seen of it on the terminal.
 */
#include <stdint.h>
#include <time.h>

#include "calls.h"
#include "terminal.h"

static volatile sig_atomic_t last_signal;

static void note(int sig)
{
	last_signal = sig;
}

static long ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void try_lines(void)
{
	char two[2];

	lines();
	type("abc");
	check(!is_readable() && waiting() == 0, "what is typed is not there before its line's end");
	check(reads(NULL) && errno == EAGAIN, "and a read that does not wait says EAGAIN");
	type("\n");
	check(is_readable() && waiting() == 4, "then the line is there");
	check(reads("abc\n"), "with its end");
	type("one\ntwo\n");
	check(waiting() == 8 && reads("one\n") && reads("two\n"), "a read gives one line");
	type("abcd\n");
	check(read(line, two, 2) == 2 && !memcmp(two, "ab", 2) && reads("cd\n"),
	      "or part of one, and the rest the next time");
	type_n("\0a\n", 3);
	check(reads_n("\0a\n", 3), "a zero byte is one like others");
}

static void try_editing(void)
{
	lines();
	type("abx\177c\n");
	check(reads("abc\n"), "erase");
	type("\177\177a\n");
	check(reads("a\n"), "nothing to erase");
	type("one two\027\n");
	check(reads("one \n"), "word erase");
	type("one, two-three  \027x\n");
	check(reads("one, two-x\n"), "word erase goes over blanks, and stops where the word began");
	type("junk\025ok\n");
	check(reads("ok\n"), "kill");
	type("a\026\003b\026\026\n");
	check(reads("a\003b\026\n"), "literal next");
	type("ab\022c\n");
	check(reads("ab\022c\n"), "reprint without echo is a byte like others");
}

static void try_end_of_file(void)
{
	char c, two[2];

	lines();
	type("abc\004");
	check(waiting() == 3 && reads("abc"),
	      "end-of-file key: what is typed, without a line's end");
	type("\004");
	check(is_readable() && waiting() == 0 && read(line, &c, 1) == 0, "and alone: the end");
	type("x\n");
	check(reads("x\n"), "after which there is more");
	type("ab\004cd\n");
	check(read(line, two, 2) == 2 && reads("cd\n"),
	      "behind a read that what it ends has filled, it is no end of its own");
}

static void try_ends_of_lines(void)
{
	struct termios t;

	lines();
	tcgetattr(line, &t);
	t.c_cc[VEOL] = ';';
	t.c_cc[VEOL2] = '!';
	tcsetattr(line, TCSANOW, &t);
	type("ab;cd!\n");
	check(reads("ab;") && reads("cd!") && reads("\n"), "other keys that end a line");
	t.c_cc[VERASE] = 'x';
	t.c_cc[VKILL] = 0;
	tcsetattr(line, TCSANOW, &t);
	type_n("ab\177xx\0c\n", 8);
	check(reads_n("a\0c\n", 4), "other keys that edit, and none");
}

static void try_conversions(void)
{
	set_modes(ICRNL, ICANON, 1, 0);
	type("a\r");
	check(reads("a\n"), "return becomes a line's end with ICRNL");
	set_modes(IGNCR | ICRNL, ICANON, 1, 0);
	type("a\rb\n");
	check(reads("ab\n"), "and nothing with IGNCR");
	set_modes(INLCR, 0, 1, 0);
	type("a\n\r");
	check(reads("a\r\r"), "a line's end becomes return with INLCR");
	set_modes(ISTRIP, 0, 1, 0);
	type("\341\015");
	check(reads("a\015"), "seven bits with ISTRIP");
	set_modes(IUCLC, IEXTEN, 1, 0);
	type("AbZ[");
	check(reads("abz["), "small letters with IUCLC");
	set_modes(PARMRK, 0, 1, 0);
	type("a\377b");
	check(reads("a\377\377b"), "a byte 377 twice with PARMRK");
	set_modes(PARMRK | ISTRIP, 0, 1, 0);
	type("a\377b");
	check(reads("a\177b"), "but not if it is stripped");
}

static void try_long_line(void)
{
	char *text = malloc(5000), *got = malloc(5000);
	ssize_t n;

	lines();
	memset(text, 'a', 5000);
	text[4094] = 'y';
	text[4095] = 'z';
	text[4999] = '\n';
	type_n(text, 5000);
	n = read(line, got, 5000);
	check(n == 4096 && got[4094] == 'y' && got[4095] == '\n',
	      "a line of 4096 bytes is the longest");
	type("ok\n");
	check(reads("ok\n"), "and the next one comes whole");
	free(text);
	free(got);
}

static void try_changes(void)
{
	struct termios t;

	lines();
	type("abc");
	tcgetattr(line, &t);
	t.c_lflag &= ~ICANON;
	tcsetattr(line, TCSADRAIN, &t);
	check(reads("abc"), "part of a line can be read when lines are turned off");
	type("one\ntwo");
	t.c_lflag |= ICANON;
	tcsetattr(line, TCSADRAIN, &t);
	check(waiting() == 7 && reads("one\ntwo"), "and all when they are turned on, as it is");
	type("one\ntwo\n");
	tcsetattr(line, TCSADRAIN, &t);
	check(waiting() == 8, "other changes leave it");
	tcsetattr(line, TCSAFLUSH, &t);
	check(waiting() == 0 && !is_readable(), "TCSETSF forgets it");
	type("one\n");
	check(!tcflush(line, TCOFLUSH) && waiting() == 4 && !tcflush(line, TCIFLUSH) && !waiting(),
	      "tcflush, of input alone");
	check(tcflush(line, 3) < 0 && errno == EINVAL, "of what there is not: EINVAL");
	check(tcgetattr(line, &before) == 0 && before.c_lflag == t.c_lflag, "settings stay");
}

static void try_bytes(void)
{
	char c[8];

	set_modes(0, 0, 1, 0);
	type("\003\004\021\023\032\034\177\025");
	check(reads("\003\004\021\023\032\034\177\025"),
	      "without lines and signals no byte is a key");
	set_modes(0, 0, 3, 0);
	type("ab");
	check(!is_readable() && waiting() == 2, "VMIN bytes: two are not three");
	type("c");
	check(is_readable() && read(line, c, 8) == 3, "three are");
	type("ab");
	check(reads("ab"), "who does not wait gets what is there");
	type("ab");
	check(read(line, c, 2) == 2, "who asks for fewer waits for fewer");
	set_modes(0, 0, 0, 0);
	check(read(line, c, 8) == 0, "no VMIN, no VTIME: a read never waits");
	type("a");
	check(read(line, c, 8) == 1, "and gives what is there");
}

static void try_time(void)
{
	char c[8];
	long begin;

	set_modes(0, 0, 0, 1);
	begin = ms();
	check(read(line, c, 8) == 0 && ms() - begin >= 90,
	      "VTIME: a read waits a tenth of a second");
	type("a");
	check(read(line, c, 8) == 1, "or not at all");
	set_modes(0, 0, 3, 1);
	type("ab");
	begin = ms();
	check(is_readable() && read(line, c, 8) == 2 && ms() - begin >= 90,
	      "VMIN and VTIME: so long after the last byte");
}

static void try_signals(void)
{
	static const struct {
		char key[2];
		int sig;
		const char *what;
	} keys[] = { { "\003", SIGINT, "interrupt" },
		     { "\034", SIGQUIT, "quit" },
		     { "\032", SIGTSTP, "suspend" } };
	struct termios t;

	lines();
	for (int i = 0; i < 3; i++) {
		signal(keys[i].sig, note);
		last_signal = 0;
		type("line\nabc");
		type(keys[i].key);
		check(last_signal == keys[i].sig && !waiting(), keys[i].what);
		type("x\n");
		check(reads("x\n"), "what was typed before is forgotten");
	}
	tcgetattr(line, &t);
	t.c_lflag |= NOFLSH;
	tcsetattr(line, TCSANOW, &t);
	type("a\003b\n");
	check(last_signal == SIGINT && reads("ab\n"), "or not, with NOFLSH");
	signal(SIGTSTP, SIG_DFL);
}

static int held(void)
{
	int n = -1;

	ioctl(line, TIOCOUTQ, &n);
	return n;
}

/*
 * Who runs us reads our results from a pipe and writes them on the same line: while that is stopped
 * they would be held back with what we write, and forgotten with it.
 */
static void wait_until_told(void)
{
	int n = 0;

	do {
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	} while (!ioctl(1, FIONREAD, &n) && n);
	until_asleep(getppid(), getppid()); /* in its next read */
	tcdrain(line);
}

struct stopped {
	bool kept, forgotten, gone;
};

static struct stopped stop_by_key(void)
{
	struct stopped s;

	wait_until_told();
	type("\023");
	s.kept = write(line, "0123456789", 10) == 10 && held() == 10;
	s.forgotten = !tcflush(line, TCOFLUSH) && held() == 0;
	type("\021");
	s.gone = !waiting() && write(line, "\n", 1) == 1 && !tcdrain(line) && !held();
	return s;
}

static struct stopped stop_by_call(void)
{
	struct stopped s;

	wait_until_told();
	tcflow(line, TCOOFF);
	write(line, "0123456789", 10);
	type("a\021");
	s.kept = held() == 10;
	s.forgotten = !tcflush(line, TCOFLUSH) && held() == 0;
	s.gone = !tcflow(line, TCOON) && !tcdrain(line) && !held();
	return s;
}

/* Results that come late to the line spoil a round, but not three. */
static struct stopped undisturbed(struct stopped (*stop)(void))
{
	struct stopped s;

	for (int i = 0; i < 3; i++) {
		s = stop();
		if (s.kept && s.forgotten && s.gone)
			break;
	}
	return s;
}

/* What is held back is forgotten; results are told when output goes on. */
static void try_stop(void)
{
	struct stopped s;

	lines();
	s = undisturbed(stop_by_key);
	check(s.kept, "output is held back after ^S");
	check(s.forgotten, "tcflush forgets it");
	check(s.gone, "and it goes on after ^Q");
	s = undisturbed(stop_by_call);
	check(s.kept && s.forgotten, "^Q does not start what tcflow stopped");
	check(s.gone, "tcflow does");
	check(tcflow(line, 7) < 0 && errno == EINVAL, "tcflow of what there is not: EINVAL");
}

#define ECHOES (ICANON | ISIG | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE)

/* What is seen of keys: lines for `make oracle` to compare, each with the settings changed. */
static void show_echo(void)
{
	static const struct {
		tcflag_t iflag, lflag; /* exclusive-or with the usual ones */
		const char *keys;
	} rows[] = {
		{ 0, 0, "abc" },
		{ 0, 0, "ab\177\177\177c" },
		{ 0, 0, "a\001\033b\177\177\177" },
		{ 0, 0, "a\tb\177\177\177" },
		{ 0, 0, "\001\t\177x" },
		{ 0, 0, "one two  \027three" },
		{ 0, 0, "one two\025x" },
		{ 0, ECHOKE, "one\025x" },
		{ 0, ECHOKE | ECHOK, "one\025x" },
		{ 0, ECHOE, "ab\177c" },
		{ 0, ECHOCTL, "a\001b\177\177" },
		{ 0, 0, "ab\022" },
		{ 0, 0, "a\026\003\026\177b" },
		{ 0, 0, "abc\003" },
		{ 0, NOFLSH, "abc\034" },
		{ 0, ECHO, "abc\003" },
		{ 0, 0, "a\004b" },
		{ 0, 0, "\303\244\177x" },
		{ IUTF8, 0, "\303\244\177x" },
		{ IUTF8, 0, "\342\202\254 \302\265\027x" },
		{ 0, ICANON, "a\177\025\004b" },
		{ 0, ICANON | ISIG, "a\003\032b\033[A" },
		{ IUCLC, 0, "ABC" },
		{ 0, 0, "abc\ndef" },
		{ 0, ECHO | ECHONL, "abc\ndef" },
	};

	struct termios t = before;

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t.c_iflag = (ICRNL | IXON) ^ rows[i].iflag;
		t.c_oflag = OPOST | ONLCR; /* so that columns are counted */
		t.c_lflag = ECHOES ^ rows[i].lflag;
		tcsetattr(line, TCSAFLUSH, &t);
		dprintf(line, "\n= echo %zu: ", i);
		type(rows[i].keys);
		dprintf(line, ".\n");
	}
	tcsetattr(line, TCSAFLUSH, &before);
}

static void show_output(void)
{
	static const struct {
		tcflag_t oflag;
		const char *text;
	} rows[] = {
		{ 0, "a\tb\tc" },
		{ OPOST | XTABS, "a\tbcdefghi\t\b\tc" },
		{ OPOST | XTABS, "\303\244\303\244\tc" },
		{ OPOST | OLCUC, "abz{" },
		{ OPOST | ONLCR, "a\nb" },
		{ OPOST | OCRNL, "a\rb" },
		{ OPOST | ONOCR, "\ra\r" },
		{ OPOST | ONLRET | XTABS, "abcdefghijkl\n\tx" },
	};
	struct termios t = before;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("= output %zu: ", i);
		fflush(stdout);
		t.c_oflag = rows[i].oflag;
		tcsetattr(line, TCSADRAIN, &t);
		write(line, "\r= output: ", 11);
		write(line, rows[i].text, strlen(rows[i].text));
		tcsetattr(line, TCSADRAIN, &before);
		printf(".\n");
		fflush(stdout);
	}
}

static void everything(void)
{
	struct termios was = before;

	try_lines();
	try_editing();
	try_end_of_file();
	try_ends_of_lines();
	try_conversions();
	try_long_line();
	try_changes();
	before = was;
	if (getenv("TRANSCRIPT")) {
		show_echo();
		show_output();
	}
	try_bytes();
	try_time();
	try_signals();
	try_stop();
}

int main(void)
{
	return in_own_session(everything);
}
