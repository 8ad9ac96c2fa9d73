/* SPDX-License-Identifier: MIT */
/*
 * init - the first process.
 *
 * What you see: either one program, run as /etc/init.argv asks (a batch run: not a byte of init's
 * own on the terminal), or /etc/motd and busybox's shell. When that ends, init ends with its
 * status, and the end of process 1 powers the machine off. The signals by which busybox's halt,
 * poweroff and reboot ask for that do it as well, after everyone was told to end.
 *
 * Served by: kernel_init -> do_execve of this file; mount(2); swapon(2); fork, execve, wait4; the
 * reparenting of orphans to process 1, which must reap them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/wait.h>

static char *default_env[] = { "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
			       "HOME=/root",
			       "USER=root",
			       "SHELL=/bin/sh",
			       "TERM=linux",
			       NULL };

/* Reads a whole file to the heap and ends it with a zero byte. NULL if there is no such file. */
static char *read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = 1024;
	char *text = NULL;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	for (*size = 0; got > 0; *size += got > 0 ? got : 0) {
		if (!text || *size == room)
			text = realloc(text, (room *= 2) + 1);
		if (!text)
			break;
		got = read(fd, text + *size, room - *size);
	}
	close(fd);
	if (text)
		text[*size] = '\0';
	return text;
}

/* A file of zero-terminated strings as a vector like argv. NULL if there is no such file. */
static char **read_strings(const char *path)
{
	size_t size, count = 0;
	char *text = read_file(path, &size), **v;

	if (!text)
		return NULL;
	for (char *p = text; p < text + size; p += strlen(p) + 1)
		count++;
	v = calloc(count + 1, sizeof(*v));
	for (char *p = text; v && p < text + size; p += strlen(p) + 1)
		*v++ = p;
	return v ? v - count : NULL;
}

static void mount_proc(void)
{
	if (mount("proc", "/proc", "proc", 0, NULL) && errno != EBUSY)
		fprintf(stderr,
			"init: cannot mount /proc: %s; nearly every program here needs it\n",
			strerror(errno));
}

/* Where there is no such folder nobody will miss it. */
static void mount_tmpfs(const char *path)
{
	if (mount("tmpfs", path, "tmpfs", 0, "mode=1777") && errno != ENOENT)
		fprintf(stderr, "init: no tmpfs on %s: %s\n", path, strerror(errno));
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
			fprintf(stderr,
				"init: no swap on %s: %s; run mkswap on it, or take it out "
				"of /etc/swap\n",
				line, strerror(errno));
	}
	fclose(f);
}

static void set_hostname(void)
{
	size_t size;
	char *name = read_file("/etc/hostname", &size);

	if (name)
		sethostname(name, strcspn(name, "\n"));
	free(name);
}

/* Is there a person at the terminal? What is not has no lines, and no keys that send signals. */
static bool has_lines(void)
{
	struct termios tty;

	return !tcgetattr(0, &tty) && (tty.c_lflag & ICANON);
}

/*
 * Makes the terminal the child's own, so that Ctrl-C reaches it: by its name, since /dev/console
 * knows no job control. It is no error if there is none.
 */
static void own_terminal(void)
{
	int fd;

	setsid();
	if (!has_lines() || (fd = open("/dev/ttyS0", O_RDWR)) < 0) {
		ioctl(0, TIOCSCTTY, 0);
		return;
	}
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static pid_t start(const char *path, char **argv, char **env)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	own_terminal();
	execve(path, argv, env);
	fprintf(stderr, "init: cannot run %s: %s\n", path, strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* A shell for whoever is at the terminal; bytes from a pipe it reads as it would a script. */
static pid_t start_shell(char **env)
{
	char *login[] = { "-sh", NULL }, *script[] = { "sh", "/dev/console", NULL };
	size_t size;
	char *text = read_file("/etc/motd", &size);

	if (text)
		fputs(text, stdout), fflush(stdout);
	free(text);
	if (!has_lines())
		return start("/bin/sh", script, env);
	if (chdir("/root"))
		perror("init: /root");
	return start("/bin/sh", login, env);
}

/* The end, as a signal asks for it: all others get a second to end by themselves. */
static void end_all(int sig)
{
	struct timespec tick = { .tv_nsec = 10000000 };

	kill(-1, SIGTERM);
	kill(-1, SIGHUP); /* which a shell at a terminal heeds */
	kill(-1, SIGCONT);
	for (int i = 0; i < 100 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		nanosleep(&tick, NULL);
	kill(-1, SIGKILL);
	sync();
	reboot(sig == SIGTERM ? RB_AUTOBOOT : sig == SIGUSR1 ? RB_HALT_SYSTEM : RB_POWER_OFF);
}

/* busybox's poweroff sends SIGUSR2, its halt SIGUSR1, its reboot SIGTERM. */
static void heed_requests(void)
{
	struct sigaction sa = { .sa_handler = end_all };

	sigfillset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
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
	char **argv, **env;
	pid_t pid;

	ensure_terminal();
	/* small, and never swapped: whoever counts free frames need not mind this process */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	mount_proc();
	mount_tmpfs("/tmp");
	mount_tmpfs("/dev/shm");
	set_hostname();
	swap_on();
	heed_requests();
	if (chdir("/"))
		return 1;
	argv = read_strings("/etc/init.argv");
	env = read_strings("/etc/init.env");
	if (!env)
		env = default_env;
	if (argv && !argv[0]) {
		fputs("init: /etc/init.argv is empty: it must hold a program's path and its "
		      "arguments, each with a zero byte behind it\n",
		      stderr);
		return 127;
	}
	pid = argv ? start(argv[0], argv, env) : start_shell(env);
	if (pid < 0) {
		fprintf(stderr, "init: cannot fork: %s\n", strerror(errno));
		return 1;
	}
	return argv ? wait_for(pid) : (wait_for(pid), 0);
}
