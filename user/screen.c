/* SPDX-License-Identifier: MIT */
/* Text drawn in place on a terminal: screen.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "screen.h"

#define ENTER "\x1b[?1049h\x1b[?25l" /* the other page of the terminal, without a cursor */
#define LEAVE "\x1b[?2026l\x1b[0m\x1b[?25h\x1b[?1049l"

#define BEGIN "\x1b[?2026h\x1b[H" /* what follows is one picture: no half of it is to be seen */
#define SHOW "\x1b[?2026l"

struct screen screen = { .rows = 24, .columns = 80 };

static struct termios cooked, raw;
static volatile sig_atomic_t taken, resized;
static char *picture; /* what was put since the last screen_show() */
static size_t picture_len;
static FILE *out;
static int row, column;

static void say(const char *text)
{
	/* Who cannot be told need not be. */
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

static void take(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	say(ENTER);
	taken = 1;
}

static void handle(int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(sig, &action, NULL);
}

/* May run in a signal handler. */
void screen_close(void)
{
	if (!taken)
		return;
	taken = 0;
	say(LEAVE);
	tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
}

static void on_end(int sig)
{
	int saved = errno;

	screen_close();
	signal(sig, SIG_DFL);
	raise(sig); /* arrives as soon as the handler is left */
	errno = saved;
}

static void on_stop(int sig)
{
	int saved = errno;
	sigset_t one;

	screen_close();
	signal(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&one);
	sigaddset(&one, sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* here it stops, until somebody continues it */
	handle(sig, on_stop);
	take();
	resized = 1;
	errno = saved;
}

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void measure(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		return;
	screen.rows = size.ws_row;
	screen.columns = size.ws_col;
}

void screen_open(bool batch)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO) && !(term && !strcmp(term, "dumb"));
	sigset_t winch;

	screen.colour = terminal && !batch && !(no_colour && *no_colour);
	screen.live = terminal && !batch && !tcgetattr(STDIN_FILENO, &cooked);
	if (!screen.live)
		return;
	raw = cooked;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		handle(ends[i], on_end);
	handle(SIGTSTP, on_stop);
	handle(SIGWINCH, on_resize);
	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	sigprocmask(SIG_BLOCK, &winch, NULL); /* arrives only in screen_key() */
	atexit(screen_close);
	measure();
	take();
}

static bool room(void)
{
	if (!out)
		out = open_memstream(&picture, &picture_len);
	if (!out)
		die("no memory for a picture");
	return !screen.live || row < screen.rows;
}

void put(const char *style, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (screen.live && n > screen.columns - column)
		n = screen.columns - column;
	if (!room() || n <= 0)
		return;
	for (int i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	if (style && screen.colour)
		fprintf(out, "\x1b[%sm%.*s\x1b[0m", style, n, text);
	else
		fprintf(out, "%.*s", n, text);
	column += n;
}

void next_line(void)
{
	if (room()) {
		if (screen.live && column < screen.columns)
			fputs("\x1b[K", out);
		if (!screen.live)
			fputc('\n', out);
		else if (row + 1 < screen.rows)
			fputs("\r\n", out);
	}
	row++;
	column = 0;
}

void put_bar(const char *style, int width, double used, double all)
{
	static const char
		full[] = "################################################################"
			 "################################################################",
		dots[] = "................................................................"
			 "................................................................";
	int n, most = sizeof(full) - 1;

	width = width > most ? most : width < 0 ? 0 : width;
	n = all > 0 ? (int)(width * used / all + 0.5) : 0;
	n = n > width ? width : !n && used > 0 && width ? 1 : n;
	put(style, "%.*s", n, full);
	put("2", "%.*s", width - n, dots);
}

/* Writes all of it: a terminal takes less than asked for, and signals come between. */
static void write_all(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			die("cannot write: %s", strerror(errno));
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

void screen_show(void)
{
	if (screen.live && room() && row < screen.rows)
		fputs("\x1b[J", out);
	if (!out)
		return;
	fclose(out);
	out = NULL;
	if (screen.live)
		say(BEGIN);
	write_all(picture, picture_len);
	if (screen.live)
		say(SHOW);
	free(picture);
	row = column = 0;
}

/* One byte, waiting up to `seconds`; -1 if none came, -2 if a signal did, -3 at the end. */
static int next_byte(double seconds)
{
	struct timespec left = { (time_t)seconds,
				 (long)((seconds - (double)(time_t)seconds) * 1e9) };
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned char byte;
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = ppoll(&in, 1, &left, &none);
	if (n <= 0)
		return n < 0 ? -2 : -1;
	return read(STDIN_FILENO, &byte, 1) == 1 ? byte : -3;
}

/* What follows an escape: [A, [5~, OH and their like. */
static int escape(void)
{
	static const struct {
		const char *text;
		int key;
	} keys[] = { { "[A", KEY_UP },         { "[B", KEY_DOWN }, { "[5~", KEY_PAGE_UP },
		     { "[6~", KEY_PAGE_DOWN }, { "[H", KEY_HOME }, { "[F", KEY_END },
		     { "[1~", KEY_HOME },      { "[4~", KEY_END }, { "OA", KEY_UP },
		     { "OB", KEY_DOWN },       { "OH", KEY_HOME }, { "OF", KEY_END } };
	char text[8] = "";
	int n = 0, byte;

	while (n < 7 && (byte = next_byte(0.05)) >= 0) {
		text[n++] = (char)byte;
		if (n > 1 && (byte >= 'A' || byte == '~'))
			break;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(text, keys[i].text))
			return keys[i].key;
	return KEY_NONE;
}

int screen_key(double seconds)
{
	double end = uptime() + seconds;

	while (seconds >= 0) {
		int byte = screen.live ? next_byte(seconds) :
					 (usleep((useconds_t)(seconds * 1e6)), -1);

		if (resized) {
			resized = 0;
			measure();
			say("\x1b[2J");
			return KEY_RESIZE;
		}
		if (byte == -1)
			return KEY_NONE;
		if (byte == -3)
			return 'q'; /* the terminal is gone */
		if (byte == '\x1b')
			byte = escape();
		if (byte >= 0 && byte != KEY_NONE)
			return byte;
		seconds = end - uptime();
	}
	return KEY_NONE;
}

double uptime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void die(const char *fmt, ...)
{
	va_list args;

	screen_close();
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

double positive(const char *option, const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n > 0) || n > 1e6)
		die("%s wants a number above 0, not \"%s\"", option, text);
	return n;
}

void *grow(void *array, size_t nr, size_t size)
{
	if (nr && (nr < 64 || nr & (nr - 1)))
		return array;
	array = realloc(array, (nr < 64 ? 64 : nr * 2) * size);
	if (!array)
		die("no memory for what is to be shown");
	return array;
}

char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	size_t len = 0, size = 4096;
	char *text = NULL, *larger;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	while ((larger = realloc(text, size))) {
		text = larger;
		n = read(fd, text + len, size - len - 1);
		if (n <= 0)
			break;
		len += (size_t)n;
		size += size - len < 1024 ? size : 0;
	}
	error = errno;
	close(fd);
	if (n < 0 || !larger) {
		free(text);
		errno = error;
		return NULL;
	}
	text[len] = '\0';
	return text;
}
