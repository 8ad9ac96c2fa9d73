/* SPDX-License-Identifier: MIT */
/*
 * init - the first process.
 *
 * What you see: either one program, run as /etc/init.argv asks (a batch run: not a byte of init's own on the terminal), or a
 * banner and a shell. When that program ends, init ends with its status, and the end of process 1 powers the machine off.
 *
 * Served by: kernel_init -> do_execve of this file; mount(2); swapon(2); fork, execve, wait4; the reparenting of orphans to
 * process 1, which must reap them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/wait.h>

#define MAX_STRINGS 1024

static const char banner[] =
	"\n"
	"Faultline: a small kernel about one event, the page fault.\n"
	"This is its shell. `help` lists the programs; three to start with:\n"
	"  touch    the first read and the first write of a page\n"
	"  cow      what fork shares, and what a write does to it\n"
	"  cat /proc/self/maps    what this process was promised\n"
	"End of input (Ctrl-D) or `exit` powers the machine off.\n"
	"\n";

static char *default_env[] = { "PATH=/bin", "HOME=/", "TERM=vt100", NULL };

/*
 * Reads a file of NUL-terminated strings into a NULL-terminated vector on the heap. Returns NULL if there is no such file;
 * a broken one is an error, not a reason to start a shell.
 */
static char **read_strings(const char *path)
{
	char **v = calloc(MAX_STRINGS + 1, sizeof(*v));
	size_t size = 0, room = 64 * 1024;
	char *text = malloc(room + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t got;

	if (fd < 0 || !v || !text)
		return NULL;
	while ((got = read(fd, text + size, room - size)) > 0) {
		size += got;
		if (size == room && !(text = realloc(text, (room *= 2) + 1)))
			return NULL;
	}
	close(fd);
	text[size] = '\0';
	for (char *p = text; p < text + size && n < MAX_STRINGS; p += strlen(p) + 1)
		v[n++] = p;
	return v;
}

static void mount_proc(void)
{
	if (mount("proc", "/proc", "proc", 0, NULL) && errno != EBUSY)
		fprintf(stderr, "init: cannot mount /proc: %s; programs that look at their memory will fail\n",
			strerror(errno));
}

/* /etc/swap names one swap area a line. A missing file means: no swap. */
static void swap_on(void)
{
	FILE *f = fopen("/etc/swap", "re");
	char line[256];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (swapon(line, 0) && errno != EBUSY)
			fprintf(stderr, "init: no swap on %s: %s; make the area with mkswap, or take the line out "
				"of /etc/swap\n", line, strerror(errno));
	}
	fclose(f);
}

/* Makes the terminal the child's own, so that Ctrl-C reaches it. It is no error if there is none. */
static void own_terminal(void)
{
	setsid();
	ioctl(0, TIOCSCTTY, 0);
}

static pid_t start(char **argv, char **env)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	own_terminal();
	execve(argv[0], argv, env);
	fprintf(stderr, "init: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Reaps whatever ends until `pid` does; returns its status as a shell says it. */
static int wait_for(pid_t pid)
{
	int status;
	pid_t got;

	while ((got = wait(&status)) != pid)
		if (got < 0 && errno != EINTR)
			return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Descriptors 0, 1 and 2 come from the kernel; if it gave none, /dev/console is the terminal. */
static void ensure_terminal(void)
{
	int fd;

	while ((fd = open("/dev/console", O_RDWR)) >= 0 && fd < 3)
		;
	if (fd >= 3)
		close(fd);
}

int main(void)
{
	char *sh[] = { "/bin/sh", NULL };
	char **argv, **env;
	pid_t pid;

	ensure_terminal();
	mlockall(MCL_CURRENT | MCL_FUTURE);	/* small, and never swapped: a count of free frames need not mind it */
	mount_proc();
	swap_on();
	if (chdir("/"))
		return 1;
	argv = read_strings("/etc/init.argv");
	env = read_strings("/etc/init.env");
	if (!env)
		env = default_env;
	if (argv && !argv[0]) {
		fputs("init: /etc/init.argv is empty: it must hold the program's path and arguments, each ended by a "
		      "zero byte\n", stderr);
		return 127;
	}
	if (!argv)
		fputs(banner, stdout), fflush(stdout);
	pid = start(argv ? argv : sh, env);
	if (pid < 0) {
		fprintf(stderr, "init: cannot fork: %s\n", strerror(errno));
		return 1;
	}
	if (argv)
		return wait_for(pid);
	wait_for(pid);
	return 0;
}
