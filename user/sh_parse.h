/* SPDX-License-Identifier: MIT */
/*
 * sh_parse.h - the shell's first half, from a line to the words of a command. Only sh.c includes
 * it: the shell is one program in three files, so its functions are static.
 *
 * tokenize() cuts a line into `tokens`; make_command() turns some of them into a command just
 * before it runs, because the value of a variable may have changed by then.
 */
#ifndef USER_SH_PARSE_H
#define USER_SH_PARSE_H

#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TOKENS 1024
#define MAX_WORDS 1024
#define MAX_REDIRECTS 16
#define ARENA (256 * 1024)

enum kind { WORD, PIPE, AND, OR, SEMI, AMP, LESS, GREAT, APPEND, DUP };

struct token {
	enum kind kind;
	int fd;                 /* of a redirection */
	const char *text, *end; /* of a word, still quoted */
};

struct redirect {
	enum kind kind;
	int fd;
	const char *target;
};

struct command {
	char *argv[MAX_WORDS + 1];
	int argc, assigns, redirects;
	char *assign[MAX_REDIRECTS];
	struct redirect redirect[MAX_REDIRECTS];
};

static struct token tokens[MAX_TOKENS];
static int token_count;
static char arena[ARENA]; /* everything made for one line; given up as a whole at the next */
static size_t arena_used;
static int last_status;
static char **params; /* $0, $1 ... */

/* ---- cutting a line into tokens ---- */

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "sh: %s: %s\n", what, why);
}

/* The end of the word at p; NULL if a quote in it is still open. */
static const char *word_end(const char *p)
{
	char quote = 0;

	for (; *p; p++) {
		if (*p == '\\' && quote != '\'') {
			if (!*++p)
				return NULL;
		} else if (quote) {
			if (*p == quote)
				quote = 0;
		} else if (*p == '\'' || *p == '"') {
			quote = *p;
		} else if (strchr(" \t\n;&|<>", *p)) {
			break;
		}
	}
	return quote ? NULL : p;
}

static const char *read_operator(const char *p, struct token *t)
{
	static const struct {
		const char *text;
		enum kind kind;
	} ops[] = {
		{"&&", AND},  {"||", OR}, {">>", APPEND}, {">&", DUP}, {"<&", DUP},  {";", SEMI},
		{"\n", SEMI}, {"&", AMP}, {"|", PIPE},    {"<", LESS}, {">", GREAT},
	};

	t->fd = isdigit(*p) ? *p++ - '0' : *p == '>';
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strncmp(p, ops[i].text, strlen(ops[i].text))) {
			t->kind = ops[i].kind;
			return p + strlen(ops[i].text);
		}
	return p;
}

/* After such a token a line end does not end the command. */
static bool joins_next(int i)
{
	return i >= 0 && (tokens[i].kind == AND || tokens[i].kind == OR || tokens[i].kind == PIPE);
}

/*
 * Fills `tokens`. Returns 1 if the line is complete, 0 if it goes on in the next one, -1 (with a
 * message) if it is too long.
 */
static int tokenize(const char *p)
{
	struct token *t;

	for (token_count = 0;; token_count++) {
		while (*p == ' ' || *p == '\t' || (*p == '\n' && joins_next(token_count - 1)))
			p++;
		if (*p == '#')
			p += strcspn(p, "\n");
		if (!*p)
			break;
		if (token_count == MAX_TOKENS) {
			complain("line", "too many words");
			return -1;
		}
		t = &tokens[token_count];
		if (strchr(";&|<>\n", *p) || (isdigit(*p) && (p[1] == '<' || p[1] == '>'))) {
			p = read_operator(p, t);
			continue;
		}
		t->kind = WORD;
		t->text = p;
		t->end = p = word_end(p);
		if (!p)
			return 0;
	}
	return !joins_next(token_count - 1);
}

/* ---- expanding words ---- */

/* Words being made: finished ones in out[], the one at hand in the arena from `start`. */
struct builder {
	char **out;
	int count, room;
	char *start;
	bool open;    /* the word exists, though it may be empty */
	bool pattern; /* it holds an unquoted * ? [ */
	bool whole;   /* make one word: no splitting, no patterns */
};

static void put_raw(char c)
{
	if (arena_used == ARENA) {
		complain("line", "too long");
		exit(2);
	}
	arena[arena_used++] = c;
}

/* Adds a character; a quoted one that could be part of a pattern goes behind a backslash. */
static void put(struct builder *b, char c, bool quoted)
{
	if (!b->open)
		b->start = arena + arena_used;
	b->open = true;
	if (quoted && strchr("*?[\\", c))
		put_raw('\\');
	else if (strchr("*?[", c))
		b->pattern = true;
	put_raw(c);
}

static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		*to++ = *s == '\\' && s[1] ? *++s : *s;
	*to = '\0';
}

static void add_word(struct builder *b, const char *s)
{
	if (b->count == b->room)
		return complain(s, "too many words");
	b->out[b->count++] = arena + arena_used;
	do
		put_raw(*s);
	while (*s++);
}

static void finish_word(struct builder *b)
{
	glob_t g;

	if (!b->open)
		return;
	put_raw('\0');
	if (b->pattern && !b->whole && glob(b->start, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			add_word(b, g.gl_pathv[i]);
		globfree(&g);
	} else if (b->count < b->room) {
		unescape(b->start);
		b->out[b->count++] = b->start;
	}
	b->open = b->pattern = false;
}

/* A variable's value, put in; an unquoted one is split at white space. */
static void put_value(struct builder *b, const char *value, bool quoted)
{
	for (; value && *value; value++)
		if (!quoted && !b->whole && isspace(*value))
			finish_word(b);
		else
			put(b, *value, quoted);
}

static int param_count(void)
{
	int n = 0;

	while (params && params[n])
		n++;
	return n;
}

/* Expands what follows a `$`; returns where the text goes on. */
static const char *expand_dollar(struct builder *b, const char *p, bool quoted)
{
	char name[128];
	bool brace = *p == '{';
	size_t n = 0;

	if (brace)
		p++;
	if (*p && strchr("?$#@", *p)) {
		if (*p == '@')
			for (int i = 1; i < param_count(); i++) {
				put_value(b, params[i], quoted);
				if (i + 1 < param_count())
					b->whole ? put(b, ' ', true) : finish_word(b);
			}
		snprintf(name, sizeof(name), "%d",
			 *p == '?'   ? last_status
			 : *p == '$' ? getpid()
				     : param_count() - 1);
		if (*p != '@')
			put_value(b, name, quoted);
		return p + 1 + brace;
	}
	if (isdigit(*p)) {
		put_value(b, *p - '0' < param_count() ? params[*p - '0'] : "", quoted);
		return p + 1 + brace;
	}
	while ((isalnum(p[n]) || p[n] == '_') && n < sizeof(name) - 1)
		n++;
	if (!n) {
		put(b, '$', true);
		return p;
	}
	memcpy(name, p, n);
	name[n] = '\0';
	put_value(b, getenv(name), quoted);
	return p + n + (brace && p[n] == '}');
}

/* Expands one token into as many words as it gives. */
static void expand(struct builder *b, const struct token *t)
{
	char quote = 0;

	for (const char *p = t->text; p < t->end;) {
		char c = *p++;

		if (c == quote) {
			quote = 0;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			if (!b->open)
				b->start = arena + arena_used;
			b->open = true; /* "" is a word */
		} else if (c == '$' && quote != '\'') {
			p = expand_dollar(b, p, quote);
		} else if (c == '\\' && quote != '\'' && (!quote || strchr("\"\\$`\n", *p))) {
			if (*p != '\n')
				put(b, *p, true);
			p++;
		} else {
			put(b, c, quote);
		}
	}
	finish_word(b);
}

static char *expand_one(const struct token *t)
{
	char *word = "";
	struct builder b = {.out = &word, .room = 1, .whole = true};

	expand(&b, t);
	return word;
}

static bool is_assignment(const struct token *t)
{
	const char *p = t->text;

	if (!isalpha(*p) && *p != '_')
		return false;
	while (isalnum(*p) || *p == '_')
		p++;
	return *p == '=';
}

/* Makes a command of the tokens [from, to). False, with a message, if they are none. */
static bool make_command(struct command *c, int from, int to)
{
	struct builder b = {.out = c->argv, .room = MAX_WORDS};

	c->assigns = c->redirects = 0;
	for (int i = from; i < to; i++) {
		struct token *t = &tokens[i];

		if (t->kind == WORD && b.count == 0 && c->assigns < MAX_REDIRECTS &&
		    is_assignment(t)) {
			c->assign[c->assigns++] = expand_one(t);
		} else if (t->kind == WORD) {
			expand(&b, t);
		} else if (i + 1 < to && tokens[i + 1].kind == WORD &&
			   c->redirects < MAX_REDIRECTS) {
			c->redirect[c->redirects++] =
				(struct redirect){t->kind, t->fd, expand_one(&tokens[i + 1])};
			i++;
		} else {
			complain("syntax error", "a redirection needs a file name");
			return false;
		}
	}
	c->argc = b.count;
	c->argv[c->argc] = NULL;
	if (from == to)
		complain("syntax error", "a command is missing");
	return from < to;
}

#endif
