/* SPDX-License-Identifier: MIT */
/* The kernel command line, word by word. */

#include "kernel/core/param.h"

#include "kernel/core/panic.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/vsprintf.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The next word of *@s into @word, moving *@s behind it. Returns its full length; 0: no more words.
 */
static size_t next_word(const char **s, char *word)
{
	const char *p = *s;
	size_t n = 0;

	while (is_blank(*p))
		p++;
	for (; *p && !is_blank(*p); p++, n++)
		if (n < PARAM_VALUE_MAX - 1)
			word[n] = *p;
	word[n < PARAM_VALUE_MAX - 1 ? n : PARAM_VALUE_MAX - 1] = '\0';
	*s = p;
	return n;
}

static const struct knob *find_knob(const struct knob *knobs, const struct knob *end,
				    const char *name, size_t len)
{
	for (; knobs < end; knobs++)
		if (strlen(knobs->name) == len && !strncmp(knobs->name, name, len))
			return knobs;
	return NULL;
}

static enum param_error set_word(const struct knob *knobs, const struct knob *end,
				 struct param_result *res)
{
	const char *equals = strchr(res->word, '=');
	size_t name_len = equals ? (size_t)(equals - res->word) : strlen(res->word);

	res->knob = find_knob(knobs, end, res->word, name_len);
	if (!res->knob)
		return PARAM_UNKNOWN;
	if (!equals && res->knob->values[0])
		return PARAM_NO_VALUE;
	return res->knob->set(equals ? equals + 1 : "") ? PARAM_BAD_VALUE : PARAM_OK;
}

enum param_error param_parse(const char *cmdline, const struct knob *knobs, const struct knob *end,
			     struct param_result *res)
{
	bool first = true;
	size_t len;

	res->knob = NULL;
	while ((len = next_word(&cmdline, res->word)) != 0) {
		bool path = first && res->word[0] == '/' && !strchr(res->word, '=');

		first = false;
		if (path)
			continue;
		res->error = len >= PARAM_VALUE_MAX ? PARAM_TOO_LONG : set_word(knobs, end, res);
		if (res->error)
			return res->error;
	}
	res->word[0] = '\0';
	return res->error = PARAM_OK;
}

int param_number(const char *value, unsigned long lo, unsigned long hi, unsigned long *out)
{
	unsigned long n;

	if (kstrtoul(value, 10, &n) || n < lo || n > hi)
		return -EINVAL;
	*out = n;
	return 0;
}

int param_bool(const char *value, bool *out)
{
	unsigned long n;
	int err = param_number(value, 0, 1, &n);

	if (!err)
		*out = n;
	return err;
}
