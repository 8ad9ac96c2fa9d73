/* SPDX-License-Identifier: MIT */
/*
 * screen.h - text that is drawn in place on a terminal, or follows line after line in a pipe.
 *
 * A program calls screen_open() once, then for each picture put() and next_line() from the top, and
 * screen_show(). The terminal's own settings come back at screen_close(), at exit and at every signal
 * that ends or stops the program.
 */
#ifndef USER_SCREEN_H
#define USER_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

extern struct screen {
	bool live;   /* a whole window, redrawn in place, with keys; otherwise plain lines */
	bool colour; /* a terminal, no batch, and NO_COLOR is not set or empty */
	int rows, columns; /* of the window; 80 columns where there is none */
} screen;

/* What screen_key() gives besides characters. */
enum key {
	KEY_NONE = 256, KEY_RESIZE,
	KEY_UP, KEY_DOWN, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END
};

/* Takes the window if there is one at both ends of the program and `batch` does not forbid it. */
void screen_open(bool batch);

/* Gives the terminal back as it was. A second call is harmless. */
void screen_close(void);

/*
 * Text at the current place, cut at the window's edge; bytes that are not printable ASCII become
 * `?`. style: the numbers of a colour sequence such as "1;31", NULL for none.
 */
void put(const char *style, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lines below the window's last are dropped. */
void next_line(void);

/* Fills `width` characters with a share of `used` in `all` in the style, and dots for the rest. */
void put_bar(const char *style, int width, double used, double all);

/* Shows what was put since the last call. Ends the program if nobody can read it. */
void screen_show(void);

/* Waits for a key, a change of the window, or the end of the time (KEY_NONE). */
int screen_key(double seconds);

/* Seconds since power-on. */
double uptime(void);

/* Prints `program: sentence` once the terminal is itself again, and ends with status 1. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The number behind an option; ends the program with a sentence unless it is a number above 0. */
double positive(const char *option, const char *text);

/*
 * Room for one element behind the `nr` that an array holds, NULL at first: the array, perhaps at
 * another place. Ends the program if there is no memory.
 */
void *grow(void *array, size_t nr, size_t size);

/*
 * A whole file of /proc as a string that the caller frees; NULL with errno set if it cannot be read.
 */
char *read_text(const char *path);

#endif
