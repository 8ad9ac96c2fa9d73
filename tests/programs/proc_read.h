/* SPDX-License-Identifier: MIT */
/* Reading files of /proc as tools do: whole, by line, by name. For calls_proc_*.c. */
#ifndef TESTS_PROGRAMS_PROC_READ_H
#define TESTS_PROGRAMS_PROC_READ_H

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All of @path, NUL-terminated; the buffer is the same each time. Length, or -errno. */
static char text[1 << 20];
static ssize_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = 0, n;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	if (n < 0)
		len = -errno;
	close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return len;
}

static inline ssize_t slurpf(const char *fmt, ...)
{
	char path[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return slurp(path);
}

/* What stands behind "name:" or "name " in text, or "". */
static inline const char *value(const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && strchr(": \t", line[len]) && line[len])
			return line + len + strspn(line + len, ": \t");
	}
	return "";
}

static inline unsigned long number(const char *name)
{
	return strtoul(value(name), NULL, 10);
}

static inline int count_lines(void)
{
	int lines = 0;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	return lines;
}

/* Write @what with one write(2). Bytes, or -errno. */
static inline ssize_t put(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, what, strlen(what));
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

/* The first words of the lines of text, up to a colon or blank, are some of @known, in that order. */
static inline int names_in_order(const char *const *known, size_t count)
{
	size_t next = 0;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, ": \t\n");

		while (next < count &&
		       (strlen(known[next]) != len || strncmp(known[next], line, len)))
			next++;
		if (next++ >= count) {
			printf("# unknown, or not in its place: %.*s\n", (int)len, line);
			return 0;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 1;
}

#endif
