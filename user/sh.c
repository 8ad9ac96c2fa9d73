/* SPDX-License-Identifier: MIT */
/*
 * sh - a small shell.
 *
 *	sh [-c STRING [NAME ARG...] | FILE [ARG...]]
 *
 * What it knows: words with '...', "..." and \, patterns (* ? [), $NAME ${NAME} $? $$ $0..$9 $#
 * $@, comments, `|` `<` `>` `>>` `2>` `2>&1`, `&&` `||` `;` `&`, NAME=value, and the commands in
 * `builtins`. It has no loops or conditions: for such scripts there is `busybox sh`. Ctrl-C stops
 * the program in front, not the shell; Ctrl-D ends it.
 *
 * A line is cut into tokens (sh_parse.h); here, run_list() walks over them: lists into and-or
 * chains, chains into pipelines, pipelines into commands. The shell's own commands are in
 * sh_builtins.h.
 *
 * Served by: fork, execve, wait4, pipe, dup2; process groups and tcsetpgrp, by which the terminal
 * knows whom Ctrl-C is for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <sys/wait.h>

#include "sh_builtins.h"
#include "sh_parse.h"

static bool interactive, job_control;
static struct termios sane_tty;

static int run_source(int fd, const char *text);

/* ---- running ---- */

static bool apply_redirects(const struct command *c)
{
	for (int i = 0; i < c->redirects; i++) {
		const struct redirect *r = &c->redirect[i];
		int flags = r->kind == LESS ?
				    O_RDONLY :
				    O_WRONLY | O_CREAT | (r->kind == APPEND ? O_APPEND : O_TRUNC);
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
	if (errno == ENOEXEC &&
	    (fd = open(c->argv[0], O_RDONLY | O_CLOEXEC)) >= 0) { /* a script; `#!` is a comment */
		params = c->argv;
		exit(run_source(fd, NULL));
	}
	complain(c->argv[0], errno == ENOENT ? "not found" : strerror(errno));
	exit(errno == ENOENT ? 127 : 126);
}

/*
 * Runs a builtin, or assignments and redirections alone, in this process; what was redirected is
 * put back.
 */
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
		if (!keep && (saved[i] < 0 ? close(c->redirect[i].fd) :
					     dup2(saved[i], c->redirect[i].fd)) < 0)
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

/*
 * In a fresh child: its process group (0: it leads one), the terminal if it is in front, and
 * ordinary signals.
 */
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
		fprintf(stderr, "sh: ended by signal %d (%s)\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
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
	pid_t pids[64] = { 0 };
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
	enum kind join = SEMI;

	for (int end; from <= to; from = end + 1) {
		for (end = from; end < to && tokens[end].kind != AND && tokens[end].kind != OR;
		     end++)
			;
		if (join == SEMI || (join == AND) == (last_status == 0))
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
	for (int from = 0, end; from < token_count; from = end + 1) {
		for (end = from;
		     end < token_count && tokens[end].kind != SEMI && tokens[end].kind != AMP;
		     end++)
			;
		if (end < token_count && tokens[end].kind == AMP)
			run_behind(from, end);
		else if (end > from)
			run_and_or(from, end);
	}
	while (waitpid(-1, NULL, WNOHANG) > 0) /* what ran behind and has ended */
		;
}

/* ---- reading ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

/*
 * Adds a line, without its newline, to what is in `line`. From a descriptor it reads byte by
 * byte, because what follows the line may be meant for the program that it starts. Returns false
 * at the end of input.
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
	struct sigaction sa = {
		.sa_handler = on_interrupt
	}; /* no SA_RESTART: Ctrl-C must end the read of a line */

	if (tcgetattr(0, &sane_tty) || !(sane_tty.c_lflag & ICANON))
		return;
	interactive = true;
	sigaction(SIGINT, &sa, NULL);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP,
	       SIG_IGN); /* the programs too: this shell has nothing to wake a stopped one with */
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
		params = argc > 3 ? argv + 3 : (char *[]){ argv[0], NULL };
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
