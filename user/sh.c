/* SPDX-License-Identifier: MIT */
/*
 * sh - a small shell.
 *
 *	sh [-c STRING [NAME ARG...] | FILE [ARG...]]
 *
 * What it knows: words with '...', "..." and \, patterns (* ? [), $NAME ${NAME} $? $$ $0..$9 $# $@, comments, `|` `<` `>` `>>`
 * `2>` `2>&1`, `&&` `||` `;` `&`, NAME=value, and the commands in `builtins`. It has no loops or conditions: for such
 * scripts there is `busybox sh`. Ctrl-C stops the program in front, not the shell; Ctrl-D ends it.
 *
 * A line goes through three steps, in this order in the file: tokenize() cuts it up, run_list() and the functions below it
 * walk over the tokens, expand() makes the arguments of one command just before it runs.
 *
 * Served by: fork, execve, wait4, pipe, dup2; process groups and tcsetpgrp, by which the terminal knows whom Ctrl-C is for.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <sys/wait.h>

#define MAX_TOKENS 1024
#define MAX_WORDS 1024
#define MAX_REDIRECTS 16
#define ARENA (256 * 1024)

enum kind { WORD, PIPE, AND, OR, SEMI, AMP, LESS, GREAT, APPEND, DUP };

struct token {
	enum kind kind;
	int fd;			/* of a redirection */
	const char *text, *end;	/* of a word, still quoted */
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
static char arena[ARENA];		/* everything made for one line; given up as a whole at the next */
static size_t arena_used;
static int last_status;
static bool interactive, job_control;
static struct termios sane_tty;
static char **params;			/* $0, $1 ... */

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
	static const struct { const char *text; enum kind kind; } ops[] = {
		{ "&&", AND }, { "||", OR }, { ">>", APPEND }, { ">&", DUP }, { "<&", DUP }, { ";", SEMI }, { "\n", SEMI },
		{ "&", AMP }, { "|", PIPE }, { "<", LESS }, { ">", GREAT },
	};

	t->fd = isdigit(*p) ? *p++ - '0' : *p == '>';
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strncmp(p, ops[i].text, strlen(ops[i].text))) {
			t->kind = ops[i].kind;
			return p + strlen(ops[i].text);
		}
	return p;
}

/* Fills `tokens`. Returns 1 if the line is complete, 0 if it goes on in the next one, -1 (with a message) if it is too long. */
static int tokenize(const char *p)
{
	struct token *t;

	for (token_count = 0; ; token_count++) {
		while (*p == ' ' || *p == '\t')
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
	t = &tokens[token_count - 1];
	return token_count && (t->kind == AND || t->kind == OR || t->kind == PIPE) ? 0 : 1;
}

/* ---- expanding words ---- */

/* Words being made: finished ones in out[], the one at hand in the arena from `start`. */
struct builder {
	char **out;
	int count, room;
	char *start;
	bool open;		/* the word exists, though it may be empty */
	bool pattern;		/* it holds an unquoted * ? [ */
	bool whole;		/* make one word: no splitting, no patterns */
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
		snprintf(name, sizeof(name), "%d", *p == '?' ? last_status : *p == '$' ? getpid() : param_count() - 1);
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

	for (const char *p = t->text; p < t->end; ) {
		char c = *p++;

		if (c == quote) {
			quote = 0;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			if (!b->open)
				b->start = arena + arena_used;
			b->open = true;		/* "" is a word */
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
	struct builder b = { .out = &word, .room = 1, .whole = true };

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
	struct builder b = { .out = c->argv, .room = MAX_WORDS };

	c->assigns = c->redirects = 0;
	for (int i = from; i < to; i++) {
		struct token *t = &tokens[i];

		if (t->kind == WORD && b.count == 0 && c->assigns < MAX_REDIRECTS && is_assignment(t)) {
			c->assign[c->assigns++] = expand_one(t);
		} else if (t->kind == WORD) {
			expand(&b, t);
		} else if (i + 1 < to && tokens[i + 1].kind == WORD && c->redirects < MAX_REDIRECTS) {
			c->redirect[c->redirects++] = (struct redirect){ t->kind, t->fd, expand_one(&tokens[i + 1]) };
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

/* ---- running ---- */

static bool apply_redirects(const struct command *c)
{
	for (int i = 0; i < c->redirects; i++) {
		const struct redirect *r = &c->redirect[i];
		int flags = r->kind == LESS ? O_RDONLY : O_WRONLY | O_CREAT | (r->kind == APPEND ? O_APPEND : O_TRUNC);
		int fd = r->kind == DUP ? atoi(r->target) : open(r->target, flags, 0666);

		if (fd < 0 || (fd != r->fd && dup2(fd, r->fd) < 0)) {
			complain(r->target, strerror(errno));
			return false;
		}
		if (r->kind != DUP && fd != r->fd)
			close(fd);
	}
	return true;
}

static void apply_assigns(const struct command *c)
{
	for (int i = 0; i < c->assigns; i++) {
		char *value = strchr(c->assign[i], '=');

		*value = '\0';
		setenv(c->assign[i], value + 1, 1);
		*value = '=';
	}
}

/* ---- commands that the shell does itself ---- */

static int run_source(int fd, const char *text);

static int do_cd(char **argv)
{
	const char *to = argv[1] ? argv[1] : getenv("HOME");

	if (!to || chdir(to)) {
		complain(to ? to : "HOME", to ? strerror(errno) : "not set");
		return 1;
	}
	return 0;
}

static int do_pwd(char **argv)
{
	char dir[4096];

	(void)argv;
	if (!getcwd(dir, sizeof(dir)))
		return 1;
	puts(dir);
	return fflush(stdout) ? 1 : 0;
}

static int do_exit(char **argv)
{
	exit(argv[1] ? atoi(argv[1]) & 255 : last_status);
}

/* Every variable is exported, so `export NAME=value` and `NAME=value` are the same. */
static int do_export(char **argv)
{
	for (int i = 1; argv[i]; i++) {
		char *value = strchr(argv[i], '=');

		if (value) {
			*value++ = '\0';
			setenv(argv[i], value, 1);
		}
	}
	return 0;
}

static int do_unset(char **argv)
{
	for (int i = 1; argv[i]; i++)
		unsetenv(argv[i]);
	return 0;
}

static int do_echo(char **argv)
{
	bool newline = !argv[1] || strcmp(argv[1], "-n");

	for (int i = newline ? 1 : 2; argv[i]; i++)
		printf("%s%s", argv[i], argv[i + 1] ? " " : "");
	if (newline)
		putchar('\n');
	return fflush(stdout) ? 1 : 0;
}

static int do_true(char **argv)
{
	(void)argv;
	return 0;
}

static int do_false(char **argv)
{
	(void)argv;
	return 1;
}

static int do_wait(char **argv)
{
	(void)argv;
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}

/* Without a command, exec only keeps its redirections; run_here() knows. */
static int do_exec(char **argv)
{
	if (!argv[1])
		return 0;
	execvp(argv[1], argv + 1);
	complain(argv[1], strerror(errno));
	exit(errno == ENOENT ? 127 : 126);
}

static const struct {
	const char *name, *story;
} stories[] = {
	{ "touch", "the first read and the first write of a page" },
	{ "stack", "the stack grows by itself, but not for ever" },
	{ "cow", "fork shares every page, a write parts the sharers" },
	{ "filemap", "a file as memory, private and shared" },
	{ "execself", "a program that pages itself in" },
	{ "swap", "twice as much memory as there is" },
	{ "segv", "faults that cannot be resolved, and handlers that do it" },
	{ "uaccess", "the kernel touches user memory" },
	{ "forktree", "processes by the dozen" },
	{ "threads", "one address space, many threads" },
	{ "thrash", "a working set larger than memory, at random" },
	{ "memcalls", "the memory calls, errno for errno" },
	{ "syscalls", "what every C program takes for granted" },
	{ "hello", "says hello and prints its arguments" },
	{ "args", "prints its arguments as hexadecimal bytes" },
	{ "runtests", "runs programs and counts the frames that they kept" },
};

static bool has_story(const char *name)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		if (!strcmp(stories[i].name, name))
			return true;
	return false;
}

static int do_help(char **argv)
{
	DIR *d = opendir("/bin");
	struct dirent *de;
	int column = 0;
	char path[64];

	(void)argv;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		snprintf(path, sizeof(path), "/bin/%s", stories[i].name);
		if (!access(path, X_OK))
			printf("  %-10s %s\n", stories[i].name, stories[i].story);
	}
	printf("in the shell: cd pwd export unset echo exec wait exit help; also in /bin:");
	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.' && !has_story(de->d_name))
			printf("%s%s", column++ % 10 ? " " : "\n  ", de->d_name);
	putchar('\n');
	if (d)
		closedir(d);
	return fflush(stdout) ? 1 : 0;
}

static const struct builtin {
	const char *name;
	int (*run)(char **argv);
} builtins[] = {
	{ "cd", do_cd }, { "pwd", do_pwd }, { "exit", do_exit }, { "export", do_export }, { "unset", do_unset },
	{ "echo", do_echo }, { "true", do_true }, { ":", do_true }, { "false", do_false }, { "wait", do_wait },
	{ "exec", do_exec }, { "help", do_help },
};

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

/* ---- running ---- */

/* Becomes the command; does not return. */
static void exec_command(struct command *c)
{
	const struct builtin *b;
	int fd;

	if (!apply_redirects(c))
		exit(1);
	apply_assigns(c);
	if (!c->argc)
		exit(0);
	b = find_builtin(c->argv[0]);
	if (b)
		exit(b->run(c->argv));
	execvp(c->argv[0], c->argv);
	if (errno == ENOEXEC && (fd = open(c->argv[0], O_RDONLY | O_CLOEXEC)) >= 0) {	/* a script; `#!` is a comment */
		params = c->argv;
		exit(run_source(fd, NULL));
	}
	complain(c->argv[0], errno == ENOENT ? "not found" : strerror(errno));
	exit(errno == ENOENT ? 127 : 126);
}

/* Runs a builtin, or assignments and redirections alone, in this process; what was redirected is put back. */
static int run_here(struct command *c, const struct builtin *b)
{
	bool keep = b && b->run == do_exec && !c->argv[1];
	int saved[MAX_REDIRECTS], status = 1;

	for (int i = 0; i < c->redirects; i++)
		saved[i] = fcntl(c->redirect[i].fd, F_DUPFD_CLOEXEC, 20);
	if (apply_redirects(c)) {
		apply_assigns(c);
		status = b ? b->run(c->argv) : 0;
	}
	for (int i = c->redirects - 1; i >= 0; i--) {
		if (!keep && (saved[i] < 0 ? close(c->redirect[i].fd) : dup2(saved[i], c->redirect[i].fd)) < 0)
			status = 1;
		close(saved[i]);
	}
	return status;
}

static void give_terminal(pid_t group)
{
	if (job_control)
		tcsetpgrp(0, group);
}

/* In a fresh child: its process group (0: it leads one), the terminal if it is in front, and ordinary signals. */
static void settle_child(pid_t group, bool in_front)
{
	if (job_control) {
		setpgid(0, group);
		if (in_front)
			give_terminal(group ? group : getpid());
	}
	if (interactive)
		for (int sig = 1; sig < 32; sig++)
			if (sig == SIGINT || sig == SIGQUIT || sig == SIGTTOU || sig == SIGTTIN)
				signal(sig, SIG_DFL);
	interactive = job_control = false;
}

/* Waits for the processes of a pipeline; the status is the last one's. */
static int wait_for(const pid_t *pids, int n)
{
	int status = 0;

	for (int i = 0; i < n; i++)
		while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
			;
	give_terminal(getpgrp());
	if (interactive)
		tcsetattr(0, TCSADRAIN, &sane_tty);
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGINT)
		fputc('\n', stderr);
	else if (WTERMSIG(status) != SIGPIPE)
		fprintf(stderr, "sh: ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 128 + WTERMSIG(status);
}

static int next_of(enum kind kind, int from, int to)
{
	while (from < to && tokens[from].kind != kind)
		from++;
	return from;
}

/* Runs the commands between the `|` of [from, to), all at the same time. */
static int run_pipeline(int from, int to)
{
	static struct command c;
	pid_t pids[64];
	int n = 0, in = -1, ends[2];

	for (int end; from <= to && n < 64; from = end + 1) {
		bool last = (end = next_of(PIPE, from, to)) == to;
		const struct builtin *b;

		if (!make_command(&c, from, end))
			return 2;
		b = c.argc ? find_builtin(c.argv[0]) : NULL;
		if (last && n == 0 && (b || !c.argc))
			return run_here(&c, b);
		if (!last && pipe2(ends, O_CLOEXEC) < 0) {
			complain("pipe", strerror(errno));
			return 1;
		}
		pids[n] = fork();
		if (pids[n] == 0) {
			settle_child(n ? pids[0] : 0, true);
			if (in >= 0)
				dup2(in, 0);
			if (!last)
				dup2(ends[1], 1);
			exec_command(&c);
		}
		if (pids[n] < 0) {
			complain("fork", strerror(errno));
			return 1;
		}
		if (job_control)
			setpgid(pids[n], pids[0]);
		n++;
		if (in >= 0)
			close(in);
		if (last)
			break;
		close(ends[1]);
		in = ends[0];
	}
	give_terminal(pids[0]);
	return wait_for(pids, n);
}

static int run_and_or(int from, int to)
{
	enum kind join = AND;

	last_status = 0;
	for (int end; from <= to; from = end + 1) {
		for (end = from; end < to && tokens[end].kind != AND && tokens[end].kind != OR; end++)
			;
		if ((join == AND) == (last_status == 0))
			last_status = run_pipeline(from, end);
		if (end == to)
			break;
		join = tokens[end].kind;
	}
	return last_status;
}

static void run_behind(int from, int to)
{
	pid_t pid = fork();

	if (pid == 0) {
		settle_child(0, false);
		close(0);
		open("/dev/null", O_RDONLY);
		exit(run_and_or(from, to));
	}
	if (interactive)
		fprintf(stderr, "[%d]\n", pid);
	last_status = pid < 0;
}

/* Runs all that tokenize() found. */
static void run_list(void)
{
	int status;

	for (int from = 0, end; from < token_count; from = end + 1) {
		for (end = from; end < token_count && tokens[end].kind != SEMI && tokens[end].kind != AMP; end++)
			;
		status = last_status;
		if (end < token_count && tokens[end].kind == AMP)
			run_behind(from, end);
		else if (end > from)
			last_status = run_and_or(from, end);
		else
			last_status = status;	/* an empty line changes nothing */
	}
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
}

/* ---- reading ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

/*
 * Adds a line, without its newline, to what is in `line`. From a descriptor it reads byte by byte, because what follows the line may be
 * meant for the program that it starts. Returns false at the end of input.
 */
static bool add_line(int fd, const char **text, char *line, size_t *len)
{
	bool any = false;
	char c;

	while (*len < ARENA / 2) {
		if (*text ? !(c = **text) : read(fd, &c, 1) != 1)
			return any;
		any = true;
		*text += *text != NULL;
		if (c == '\n')
			return true;
		line[(*len)++] = c;
	}
	return any;
}

static void prompt(bool more)
{
	char dir[256];

	if (interactive)
		fprintf(stderr, more ? "> " : "%s $ ", getcwd(dir, sizeof(dir)) ? dir : "?");
}

/* Runs line after line of a descriptor, or of `text` if it is not NULL. Returns the last status. */
static int run_source(int fd, const char *text)
{
	char *line = malloc(ARENA / 2 + 1);
	size_t len = 0;
	int complete;

	for (prompt(false); line; prompt(len)) {
		interrupted = 0;
		if (!add_line(fd, &text, line, &len) && !interrupted)
			break;
		line[len] = '\0';
		arena_used = 0;
		if (interrupted) {
			fputc('\n', stderr);
			len = 0;
			continue;
		}
		complete = len && line[len - 1] == '\\' ? 0 : tokenize(line);
		if (complete == 0) {
			if (line[len - 1] == '\\')
				len--;
			else
				line[len++] = '\n';
			continue;
		}
		len = 0;
		if (complete > 0)
			run_list();
		else
			last_status = 2;
	}
	if (len) {
		complain("syntax error", "the input ends inside a quote or after |, && or ||");
		last_status = 2;
	}
	free(line);
	return last_status;
}

/* Only a terminal that edits lines has a person before it. */
static void set_up_terminal(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt };	/* no SA_RESTART: Ctrl-C must end the read of a line */

	if (tcgetattr(0, &sane_tty) || !(sane_tty.c_lflag & ICANON))
		return;
	interactive = true;
	sigaction(SIGINT, &sa, NULL);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);	/* the programs too: this shell has nothing to wake a stopped one with */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	setpgid(0, 0);
	job_control = tcsetpgrp(0, getpgrp()) == 0;
}

int main(int argc, char **argv)
{
	int fd = 0;

	params = argv;
	if (argc > 2 && !strcmp(argv[1], "-c")) {
		if (argc > 3)
			params = argv + 3;
		return run_source(-1, argv[2]);
	}
	if (argc > 1) {
		params = argv + 1;
		fd = open(argv[1], O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			complain(argv[1], strerror(errno));
			return 127;
		}
		return run_source(fd, NULL);
	}
	set_up_terminal();
	run_source(0, NULL);
	if (interactive)
		fputc('\n', stderr);
	return last_status;
}
