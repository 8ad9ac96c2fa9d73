/* SPDX-License-Identifier: MIT */
/*
 * onlooker - runs a program, stops it and its children now and then, and says what the kernel itself
 * has of them and of all frames at that moment: tests/see/test_programs.py holds the page of
 * `make see` beside it.
 *
 *	onlooker PROGRAM [ARG...]
 *
 * What you see, for each moment N:
 *	moment N of PID			PID: the program's
 *	audit SENTENCE			/proc/mm_audit, just before
 *	free LINE			of /proc/buddyinfo, between the marks 3 * N and 3 * N + 1
 *	frames ...			see account.h
 *	process PID			one of them, or process 1, which waits
 *	vma ..., page ...		see account.h; until the mark 3 * N + 2
 * and at last `status N`, the program's. What that prints itself is read and thrown away: its
 * first words fill a pipe that was nearly full, so that no program, however short, is over before
 * the first moment.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "account.h"

#define MOMENTS 8
#define FIRST_GAP \
	4         /* milliseconds of the program between two moments; each is three times as long */
#define TRIES 200 /* for all to stand still, a millisecond each */
#define MOST 32   /* processes */
#define TEXT (2UL << 20)

static int trace, counts, flags, buddy;
static pid_t group;
static pid_t processes[MOST];
static size_t nr_processes;

static void wait_ms(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/* State and process group of a process; 'X' for one that is gone. */
static char state_of(const char *pid, pid_t *pgrp)
{
	char name[64], line[512], state = 'X', *end;
	int fd;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%s/stat", pid);
	fd = open(name, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	end = strrchr(line, ')'); /* a name may hold anything */
	if (!end || sscanf(end + 1, " %c %*d %d", &state, pgrp) != 2)
		return 'X';
	return state;
}

/* Collect the group's processes that live. Returns how many of them are in none of @states. */
static size_t others(const char *states)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	nr_processes = 0;
	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name), pgrp = 0;
		char state = pid ? state_of(entry->d_name, &pgrp) : 'X';

		if (pgrp != group || state == 'X' || state == 'Z')
			continue;
		if (nr_processes < MOST)
			processes[nr_processes++] = pid;
		n += !strchr(states, state);
	}
	closedir(proc);
	return n;
}

/* Have all of them stand still. */
static bool stop(void)
{
	for (int i = 0; i < TRIES; i++) {
		kill(-group, SIGSTOP);
		if (!others("T"))
			return nr_processes > 0;
		wait_ms(1);
	}
	return false;
}

/* A file of /proc as it is now, each line behind @word. */
static void show_lines(const char *word, int fd)
{
	char text[2048];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("%s %s\n", word, line);
}

static void look(size_t n)
{
	int audit = open("/proc/mm_audit", O_RDONLY);

	printf("moment %zu of %d\n", n, group);
	show_lines("audit", audit);
	close(audit);
	mark(trace, 3 * n);
	show_lines("free", buddy);
	mark(trace, 3 * n + 1);
	read_frames(counts, flags);
	show_frames();
	for (size_t i = 0; i < nr_processes; i++) {
		printf("process %d\n", processes[i]);
		show_maps(processes[i]);
	}
	puts("process 1");
	show_maps(1);
	mark(trace, 3 * n + 2);
	fflush(stdout);
}

/* A pipe with room for less than any stdio buffer. */
static void make_pipe(int fds[2])
{
	static char page[PAGE];
	int size;

	if (pipe(fds) || fcntl(fds[0], F_SETFL, O_NONBLOCK) ||
	    (size = fcntl(fds[1], F_GETPIPE_SZ)) < 0)
		bail("pipe");
	for (; size > 0; size -= PAGE)
		if (write(fds[1], page, sizeof(page)) != sizeof(page))
			bail("pipe");
}

static void start(char **argv, const int fds[2])
{
	group = fork();
	if (group < 0)
		bail("fork");
	if (group) {
		setpgid(group, group);
		return;
	}
	setpgid(0, 0);
	close(0);
	open("/dev/null", O_RDONLY);
	dup2(fds[1], 1);
	dup2(fds[1], 2);
	close(fds[0]);
	close(fds[1]);
	execvp(argv[0], argv);
	_exit(127);
}

/* Throw away what was printed. Returns false at its end. */
static bool drain(int fd)
{
	char page[PAGE];
	ssize_t n;

	while ((n = read(fd, page, sizeof(page))) > 0)
		;
	return n != 0;
}

/* Moments, further and further apart. What was printed stays in the pipe until all sleep. */
static void watch(int fd)
{
	bool free_to_print = false;
	size_t n = 0;

	for (long gap = FIRST_GAP; n < MOMENTS; gap *= 3) {
		wait_ms(gap);
		if (!others("S"))
			free_to_print = true;
		if (!nr_processes)
			return;
		if (stop())
			look(n++);
		if (free_to_print && !drain(fd))
			n = MOMENTS;
		kill(-group, SIGCONT);
	}
}

int main(int argc, char **argv)
{
	static char text[TEXT];
	int fds[2], status = 0;

	trace = open("/proc/trace", O_WRONLY);
	counts = open("/proc/kpagecount", O_RDONLY);
	flags = open("/proc/kpageflags", O_RDONLY);
	buddy = open("/proc/buddyinfo", O_RDONLY);
	if (argc < 2 || trace < 0 || counts < 0 || flags < 0 || buddy < 0)
		bail("usage: onlooker PROGRAM [ARG...], with the recorder on");
	touch_frames();
	setvbuf(stdout, text, _IOFBF, sizeof(text)); /* printed behind the last mark */
	make_pipe(fds);
	start(argv + 1, fds);
	close(fds[1]);
	mlockall(MCL_CURRENT);
	watch(fds[0]);
	while (drain(fds[0]))
		wait_ms(5);
	waitpid(group, &status, 0);
	printf("status %d\n", status);
	return 0;
}
