/* SPDX-License-Identifier: MIT */
/*
 * sh_builtins.h - the commands that the shell does itself, because they change the shell (cd,
 * export, exec, exit, wait) or because they are so small (echo, pwd, help). Only sh.c includes
 * it. Each takes argv and returns a status.
 */
#ifndef USER_SH_BUILTINS_H
#define USER_SH_BUILTINS_H

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>

#include "sh_parse.h"

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

/* With a single write: what reads it may be a file of /proc, which takes one write as one value. */
static int do_echo(char **argv)
{
	bool newline = !argv[1] || strcmp(argv[1], "-n");
	size_t size = 1;
	char *text, *end;

	for (int i = 1; argv[i]; i++)
		size += strlen(argv[i]) + 1;
	text = end = malloc(size);
	if (!text)
		return 1;
	for (int i = newline ? 1 : 2; argv[i]; i++)
		end += sprintf(end, "%s%s", argv[i], argv[i + 1] ? " " : "");
	if (newline)
		*end++ = '\n';
	for (char *p = text; p < end; ) {
		ssize_t n = write(1, p, end - p);

		if (n < 0 && errno != EINTR) {
			fprintf(stderr, "sh: echo: %s\n", strerror(errno));
			free(text);
			return 1;
		}
		p += n > 0 ? n : 0;
	}
	free(text);
	return 0;
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
	{"touch", "the first read and the first write of a page"},
	{"stack", "the stack grows by itself, but not for ever"},
	{"cow", "fork shares every page, a write parts the sharers"},
	{"filemap", "a file as memory, private and shared"},
	{"execself", "a program that pages itself in"},
	{"swap", "twice as much memory as there is"},
	{"segv", "faults that cannot be resolved, and handlers that do it"},
	{"uaccess", "the kernel touches user memory"},
	{"forktree", "processes by the dozen"},
	{"threads", "one address space, many threads"},
	{"thrash", "a working set larger than memory, at random"},
	{"memcalls", "the memory calls, errno for errno"},
	{"syscalls", "what every C program takes for granted"},
	{"hello", "says hello and prints its arguments"},
	{"args", "prints its arguments as hexadecimal bytes"},
	{"runtests", "runs programs and counts the frames that they kept"},
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
	struct dirent **names = NULL;
	int n = scandir("/bin", &names, NULL, alphasort), column = 0;
	char path[64];

	(void)argv;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		snprintf(path, sizeof(path), "/bin/%s", stories[i].name);
		if (!access(path, X_OK))
			printf("  %-10s %s\n", stories[i].name, stories[i].story);
	}
	printf("in the shell: cd pwd export unset echo exec wait exit help; also in /bin:");
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && !has_story(names[i]->d_name))
			printf("%s%s", column++ % 10 ? " " : "\n  ", names[i]->d_name);
		free(names[i]);
	}
	free(names);
	putchar('\n');
	return fflush(stdout) ? 1 : 0;
}

static const struct builtin {
	const char *name;
	int (*run)(char **argv);
} builtins[] = {
	{"cd", do_cd},       {"pwd", do_pwd},   {"exit", do_exit}, {"export", do_export},
	{"unset", do_unset}, {"echo", do_echo}, {"true", do_true}, {":", do_true},
	{"false", do_false}, {"wait", do_wait}, {"exec", do_exec}, {"help", do_help},
};

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

#endif
