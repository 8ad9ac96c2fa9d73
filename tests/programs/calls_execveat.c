/* SPDX-License-Identifier: MIT */
/*
 * calls_execveat: execveat(2), and what arguments, environment and the names of programs become. TAP.
 * Needs argv[0] to be its path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define DIR "/tmp/execat"

static const char *self;
extern char **environ;

struct start {
	int fd, flags;
	const char *path;
	char *const *argv, *const *envp;
};

/* Minus the errno, or the program's status. */
static int outcome(const struct start *s)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		syscall(SYS_execveat, s->fd, s->path, s->argv, s->envp, s->flags);
		_exit(100 + errno);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status))
		return -1000;
	return WEXITSTATUS(status) > 100 ? 100 - WEXITSTATUS(status) : WEXITSTATUS(status);
}

/* Execute @path from @fd on as a program that finds its name, comm and argv[1] to be @names. */
static int at(int fd, const char *path, int flags, const char *names)
{
	char *argv[] = { "a", "names", (char *)names, NULL };
	struct start s = { fd, flags, path, argv, environ };

	return outcome(&s);
}

/* In the program: @names is "AT_EXECFN comm". */
static int named(const char *names)
{
	char text[300], comm[17] = "";

	prctl(PR_GET_NAME, comm);
	snprintf(text, sizeof(text), "%s %s", (const char *)getauxval(AT_EXECFN), comm);
	return strcmp(text, names) ? 1 : 0;
}

static void by_descriptor(void)
{
	int dir = open(DIR, O_RDONLY | O_DIRECTORY), fd = open(self, O_RDONLY), ends[2];
	char names[100], path[] = DIR "/link";

	check(at(AT_FDCWD, path, 0, DIR "/link link") == 0, "a path as execve takes it");
	check(at(-1, path, 0, DIR "/link link") == 0,
	      "an absolute one does not look at the descriptor");
	snprintf(names, sizeof(names), "/dev/fd/%d/link link", dir);
	check(at(dir, "link", 0, names) == 0, "a name in a directory: /dev/fd/N/name");
	snprintf(names, sizeof(names), "/dev/fd/%d %.15s", fd, strrchr(self, '/') + 1);
	check(at(fd, "", AT_EMPTY_PATH, names) == 0, "AT_EMPTY_PATH: a descriptor: /dev/fd/N");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	check(at(fd, "", AT_EMPTY_PATH, names) == 0, "also one that closes at exec");
	check(at(fd, "", 0, "") == -ENOENT, "an empty path without it: ENOENT");
	check(at(dir, "link", AT_SYMLINK_NOFOLLOW, "") == -ELOOP &&
		      at(AT_FDCWD, self, AT_SYMLINK_NOFOLLOW, "") != -ELOOP,
	      "AT_SYMLINK_NOFOLLOW: ELOOP for a link");
	check(at(AT_FDCWD, self, 1, "") == -EINVAL && at(fd, "", AT_EMPTY_PATH | 1, "") == -EINVAL,
	      "other flags: EINVAL");
	check(at(AT_FDCWD, "", 1, "") == -ENOENT && at(AT_FDCWD, (char *)8, 1, "") == -EFAULT,
	      "after the path was read");
	check(at(99, "", AT_EMPTY_PATH, "") == -EBADF && at(99, "link", 0, "") == -EBADF,
	      "no descriptor: EBADF");
	check(at(dir, "", AT_EMPTY_PATH, "") == -EACCES && at(dir, ".", 0, "") == -EACCES &&
		      at(AT_FDCWD, "", AT_EMPTY_PATH, "") == -EACCES,
	      "a directory: EACCES");
	check(!pipe(ends) && at(ends[0], "", AT_EMPTY_PATH, "") == -EACCES, "a pipe: EACCES");
	check(at(fd, "link", 0, "") == -ENOTDIR, "a name in a file: ENOTDIR");
	check(at(dir, "nothing", 0, "") == -ENOENT, "a name that is not there: ENOENT");
	close(dir);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void scripts(void)
{
	char text[200], want[300], *argv[] = { "x", "y", NULL };
	struct start s = { .path = "", .flags = AT_EMPTY_PATH, .argv = argv, .envp = environ };

	snprintf(text, sizeof(text), "#!%s script\n", self);
	make_file(DIR "/script", text, 0755);
	s.fd = open(DIR "/script", O_RDONLY);
	snprintf(want, sizeof(want), "WANT=%s script /dev/fd/%d y ", self, s.fd);
	putenv(want);
	s.envp = environ;
	check(outcome(&s) == 0, "a script's interpreter gets /dev/fd/N");
	fcntl(s.fd, F_SETFD, FD_CLOEXEC);
	check(outcome(&s) == -ENOENT, "which it could not open if that closes: ENOENT");
	close(s.fd);
	s = (struct start){ AT_FDCWD, 0, DIR "/5", argv, environ };
	for (int i = 0; i < 7; i++) {
		char path[] = DIR "/0";

		path[sizeof(path) - 2] = (char)('0' + i);
		make_file(path, text, 0755);
		snprintf(text, sizeof(text), "#!%s\n", path);
	}
	s.path = DIR "/4";
	snprintf(want, sizeof(want), "WANT=%s script %s/0 %s/1 %s/2 %s/3 %s/4 y ", self, DIR, DIR,
		 DIR, DIR, DIR);
	check(outcome(&s) == 0, "five scripts may be each other's interpreters");
	s.path = DIR "/5";
	check(outcome(&s) == -ELOOP, "six may not: ELOOP");
	unsetenv("WANT");
}

/* In the interpreter of a script: the arguments are those of WANT. */
static int script(char **argv)
{
	char text[400] = "";

	for (; *argv; argv++) {
		strcat(text, *argv);
		strcat(text, " ");
	}
	return strcmp(text, getenv("WANT") ? getenv("WANT") : "") ? 1 : 0;
}

static void arguments(void)
{
	char *none[] = { NULL }, *one[] = { "one", "argc", NULL, NULL }, *env[] = { NULL, NULL };
	char *big = malloc(131072 + 1);
	struct start s = { AT_FDCWD, 0, self, none, none };
	struct rlimit old, small = { 1 << 20, RLIM_INFINITY };

	check(outcome(&s) == 10, "no argument: an empty argv[0]");
	s.argv = s.envp = NULL;
	check(outcome(&s) == 10, "no array either");
	memset(big, 'a', 131072);
	big[131071] = '\0';
	s.argv = one;
	s.envp = env;
	one[2] = big;
	check(outcome(&s) == 3, "an argument of 128 KiB with its NUL");
	env[0] = big;
	check(outcome(&s) == 3, "and a string of the environment");
	big[131071] = 'a';
	big[131072] = '\0';
	check(outcome(&s) == -E2BIG, "one byte more: E2BIG");
	one[2] = NULL;
	check(outcome(&s) == -E2BIG, "in either");
	big[131071] = '\0';
	env[0] = NULL;
	one[2] = big;
	getrlimit(RLIMIT_STACK, &old);
	small.rlim_max = old.rlim_max;
	small.rlim_cur = 500000;
	setrlimit(RLIMIT_STACK, &small);
	check(outcome(&s) == -E2BIG, "more than a quarter of the stack: E2BIG");
	small.rlim_cur = 600000;
	setrlimit(RLIMIT_STACK, &small);
	check(outcome(&s) == 3, "less: it runs");
	setrlimit(RLIMIT_STACK, &old);
	free(big);
}

static void many_arguments(void)
{
	enum { MOST = 2 << 20 };
	char **argv = malloc((MOST + 1) * sizeof(*argv));
	struct start s = { AT_FDCWD, 0, self, argv, argv + MOST };
	int fits = 200000;

	argv[0] = "many";
	argv[1] = "argc";
	for (int i = 2; i < MOST; i++)
		argv[i] = "";
	argv[MOST] = NULL;
	check(outcome(&s) == -E2BIG, "two million arguments: E2BIG");
	argv[fits] = NULL;
	check(outcome(&s) == fits % 97, "two hundred thousand arrive");
	argv[fits] = (char *)8;
	argv[fits + 1] = NULL;
	check(outcome(&s) == -EFAULT, "a bad pointer behind them: EFAULT");
	s.argv = (char **)8;
	check(outcome(&s) == -EFAULT, "a bad array: EFAULT");
	free(argv);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (!argc || !*argv[0]) /* started without an argument */
		return argc == 1 && !argv[1] ? 10 : 11;
	if (argc > 1 && !strcmp(argv[1], "names"))
		return named(argv[2]);
	if (argc > 1 && !strcmp(argv[1], "argc"))
		return argc % 97;
	if (argc > 1 && !strcmp(argv[1], "script"))
		return script(argv);
	mkdir(DIR, 0755);
	unlink(DIR "/link");
	if (symlink(self, DIR "/link"))
		return 99;
	by_descriptor();
	scripts();
	arguments();
	many_arguments();
	for (int i = 0; i < 7; i++) {
		char path[] = DIR "/0";

		path[sizeof(path) - 2] = (char)('0' + i);
		unlink(path);
	}
	unlink(DIR "/script");
	unlink(DIR "/link");
	rmdir(DIR);
	return checks_done();
}
