/* SPDX-License-Identifier: MIT */
/*
 * Knobs of the kernel command line. A source file declares its own beside the variable it sets:
 *
 *	KNOB(loglevel, "0..7", "print messages up to this level on the log port", set_loglevel);
 *
 * and the linker collects them (section .knobs). Pure but for the setters: unit-tested on the host.
 */
#ifndef KERNEL_CORE_PARAM_H
#define KERNEL_CORE_PARAM_H

#include "lib/compiler.h"
#include "lib/types.h"

struct knob {
	const char *name;
	/* what it takes, in a few characters: "0|1", "SECONDS"; "": nothing, the word alone will do */
	const char *values;
	const char *help;
	/* 0, or -EINVAL for a malformed value; keeps no pointer to it */
	int (*set)(const char *value);
};

#define KNOB(id, values_, help_, setter)                                                           \
	static const struct knob __used __section(".knobs") __aligned(8)                           \
		knob_##id = { #id, values_, help_, setter }

#define PARAM_VALUE_MAX 128 /* longest name=value word, NUL included */

/* Why param_parse() stopped, for the sentence. */
enum param_error { PARAM_OK, PARAM_UNKNOWN, PARAM_NO_VALUE, PARAM_BAD_VALUE, PARAM_TOO_LONG };

struct param_result {
	enum param_error error;
	char word[PARAM_VALUE_MAX];   /* the word at fault, cut to fit */
	const struct knob *knob;      /* which knob, if it was found */
};

/*
 * Set knobs [@knobs, @end) from the words of @cmdline (blank separated name=value; a word without '='
 * that starts with '/' is the kernel's own path and is skipped when it comes first). Stops at the
 * first bad word. Returns @res->error.
 */
enum param_error param_parse(const char *cmdline, const struct knob *knobs, const struct knob *end,
			     struct param_result *res);

/* Setters' helpers: whole-string numbers in [lo, hi] and 0|1. 0 or -EINVAL. */
int param_number(const char *value, unsigned long lo, unsigned long hi, unsigned long *out);
int param_bool(const char *value, bool *out);

/* Boot: parse, and boot_fail() with the list of knobs when a word is bad. */
void param_init(const char *cmdline);
/* What it got. */
extern const char *saved_command_line;

#endif
