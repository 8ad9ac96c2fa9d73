/* SPDX-License-Identifier: MIT */
/*
 * The first line of a script: "#!", an interpreter, and the rest of the line as one argument. As on
 * Linux the line may be cut at 256 bytes, but not within the interpreter's name; and blanks at its end
 * do not count, but for those before the end of the file.
 */
#include "kernel/proc/elf.h"
#include "lib/errno.h"
#include "lib/string.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What ends a name: a blank, the end of the line, or a NUL. */
static size_t name_length(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && !is_blank(s[n]) && s[n] != '\0')
		n++;
	return n;
}

int script_parse(const char *buf, size_t len, struct script *script)
{
	const char *s = buf + 2, *end = buf + len, *newline;
	bool cut;
	size_t n;

	if (len < 2 || len > SCRIPT_LINE_MAX || buf[0] != '#' || buf[1] != '!')
		return -ENOEXEC;
	newline = memchr(buf, '\n', len);
	cut = !newline && len == SCRIPT_LINE_MAX;
	if (newline)
		end = newline;
	while (s < end && is_blank(*s))
		s++;
	n = name_length(s, end);
	/* Cut within the name: who knows what it would have been. */
	if (!n || (cut && s + n == end))
		return -ENOEXEC;
	memcpy(script->interp, s, n);
	script->interp[n] = '\0';
	s += n;
	end -= cut; /* the last byte is only looked at */
	while (s < end && is_blank(*s))
		s++;
	while ((newline || cut) && end > s && is_blank(end[-1]))
		end--;
	n = strnlen(s, (size_t)(end - s));
	memcpy(script->arg, s, n);
	script->arg[n] = '\0';
	return 0;
}
