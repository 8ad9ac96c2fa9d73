/* SPDX-License-Identifier: MIT */
/*
 * runtests - runs programs one after another and judges three things of each: its exit status, that
 * every frame it used came back, and that the kernel's own audit of its memory finds nothing wrong.
 *
 *	runtests [--no-leak] "PROGRAM ARG..." ...
 *
 * What you see: KTAP. The program's own TAP is indented by four spaces, its standard error comes
 * as `# ` lines, then one line says `ok N - NAME` or `not ok N - NAME # why`. The exit status is
 * 0 only if all are ok.
 *
 * A program after which the sums differ is run again, unseen, up to twice: a list of the kernel's
 * that grew with its first use stays as it is, a leak repeats. If memory was short, the kernel may
 * have given up something of its own; more free at the end than before is no leak.
 *
 * Faultline alone has an audit, /proc/mm_audit: without that file nothing is asked.
 *
 * Served by: pipes, fork, execve, wait4; /proc/sys/vm/drop_caches empties the page cache, so that
 * MemFree in /proc/meminfo counts frames that really belong to somebody; mlockall keeps this
 * program's own pages out of the sum.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "probe.h"

#define MAX_ARGS 32
#define SETTLE_TRIES 3
#define LEAK_TRIES 50
#define MAX_RUNS 3
#define RELAY_TRIES 1500 /* 15 seconds or more */
#define LEFT_BEHIND (-2)

static bool check_leaks = true;

/*
 * What is free: frames of 4 KiB, slab frames counted as free, and swap slots; and minus the objects
 * in use in all slabs. A slab keeps its frame as long as one object lives in it, whoever's that is,
 * so that objects are counted instead of the frames they stand in.
 */
struct balance {
	long frames, slots, objects;
};

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (fd < 0)
		return;
	if (write(fd, "3\n", 2) != 2)
		printf("# cannot drop the caches: %s\n", strerror(errno));
	close(fd);
}

/* Objects in use: the second column of /proc/slabinfo, summed up. */
static long slab_objects(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[256];
	long sum = 0, in_use;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %ld", &in_use) == 1)
			sum += in_use;
	fclose(f);
	return sum;
}

/* All of it out of one read: a frame that goes to a slab between two would be counted twice. */
static struct balance take_balance(void)
{
	long kb, frames = 0, slots = 0, objects;
	char line[256], name[32];
	FILE *f;

	drop_caches();
	objects = slab_objects();
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %ld", name, &kb) != 2)
			continue;
		if (!strcmp(name, "MemFree:") || !strcmp(name, "Slab:"))
			frames += kb / 4;
		if (!strcmp(name, "SwapFree:"))
			slots = kb / 4;
	}
	if (f)
		fclose(f);
	return (struct balance){ frames, slots, -objects };
}

/* All came back; or what another process had in memory is now in swap, page for page. */
static bool balanced(struct balance lost)
{
	return lost.slots >= 0 && lost.frames + lost.slots == 0 && lost.objects == 0;
}

static bool leaked(struct balance lost)
{
	return lost.slots < 0 || lost.frames + lost.slots > 0 || lost.objects > 0;
}

static void rest_a_little(void)
{
	struct timespec rest = { .tv_nsec = 10 * 1000 * 1000 };

	sched_yield();
	nanosleep(&rest, NULL);
}

/*
 * What was lost since `before`. What the kernel frees a little later (a dead process's kernel
 * stack, a list kept per CPU) gets up to three chances to come back; what seems to be leaked gets
 * more, for a grace period is over when every CPU has run, and the host may have few of them.
 */
static struct balance lost_since(struct balance before)
{
	struct balance now, lost;

	for (int i = 0;; i++) {
		now = take_balance();
		lost = (struct balance){ before.frames - now.frames, before.slots - now.slots,
					 before.objects - now.objects };
		if (balanced(lost) || i == LEAK_TRIES || (i >= SETTLE_TRIES && !leaked(lost)))
			return lost;
		rest_a_little();
	}
}

/* The balance, once what ended before is gone to the last: two looks agree. */
static struct balance settled_balance(void)
{
	struct balance before = take_balance(), now;

	for (int i = 0; i < LEAK_TRIES; i++) {
		rest_a_little();
		now = take_balance();
		if (!memcmp(&now, &before, sizeof(now)))
			break;
		before = now;
	}
	return before;
}

/* Splits at spaces, in place. */
static void split(char *words, char **argv)
{
	int n = 0;

	for (char *w = strtok(words, " "); w && n < MAX_ARGS; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n] = NULL;
}

/*
 * Copies fd to standard output until its end, each line behind a prefix; nothing if the prefix is
 * NULL.
 */
static void relay(int fd, const char *prefix)
{
	bool mid_line = false;
	char buf[1024];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		for (ssize_t i = 0; prefix && i < n; i++) {
			if (!mid_line)
				fputs(prefix, stdout);
			putchar(buf[i]);
			mid_line = buf[i] != '\n';
		}
		fflush(stdout);
	}
	if (mid_line)
		putchar('\n');
	fflush(stdout);
}

/* A process of its own for each stream, so that none waits for the other, nor we for either. */
static pid_t start_relay(int fd, int other_end, const char *prefix)
{
	pid_t pid = fork();

	if (!pid) {
		close(other_end);
		relay(fd, prefix);
		_exit(0);
	}
	close(fd);
	close(other_end);
	return pid;
}

/* Who is killed when memory runs out: never this program (-1000), as always the ones it runs (0). */
static void oom_score_adj(const char *adj)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0 || write(fd, adj, strlen(adj)) < 0)
		fprintf(stderr, "oom_score_adj: %s\n", strerror(errno));
	close(fd);
}

static pid_t start(char **argv, int out, int err)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	oom_score_adj("0");
	dup2(out, 1);
	dup2(err, 2);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int wait_status(pid_t pid)
{
	int status = -1;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/*
 * The program is over, and its relay follows once all was read; unless somebody whom the program left
 * behind can still write. True: that is so, and nobody reads it any more.
 */
static bool outlived(pid_t relay)
{
	for (int i = 0; i < RELAY_TRIES; i++) {
		if (relay < 0 || waitpid(relay, NULL, WNOHANG))
			return false;
		rest_a_little();
	}
	kill(relay, SIGKILL);
	wait_status(relay);
	return true;
}

/*
 * Runs one program, its output relayed if `seen`. Returns its wait status, -1 if it could not be
 * started, LEFT_BEHIND if processes of it stay.
 */
static int run(char **argv, bool seen)
{
	pid_t pid, out_relay, err_relay;
	int out[2], err[2], status;
	bool left;

	if (pipe2(out, O_CLOEXEC))
		return -1;
	if (pipe2(err, O_CLOEXEC)) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	pid = start(argv, out[1], err[1]);
	out_relay = start_relay(out[0], out[1], seen ? "    " : NULL);
	err_relay = start_relay(err[0], err[1], seen ? "    # " : NULL);
	status = wait_status(pid);
	left = outlived(out_relay);
	left |= outlived(err_relay);
	return left && !status ? LEFT_BEHIND : status;
}

/* run(), and what it cost for good. */
static int run_and_weigh(char **argv, bool seen, struct balance *lost)
{
	struct balance before;
	int status;

	*lost = (struct balance){ 0, 0, 0 };
	if (!check_leaks)
		return run(argv, seen);
	before = settled_balance();
	status = run(argv, seen);
	*lost = lost_since(before);
	return status;
}

/*
 * What the kernel's audit of its memory says: "" if all is well or nobody can be asked. To have no
 * memory for its tables is no finding.
 */
static const char *audit(void)
{
	static char text[512];
	int fd = open("/proc/mm_audit", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, "ok") && strncmp(text, "not enough memory", 17) ? text : "";
}

static void print_reasons(int status, struct balance lost, const char *found)
{
	if (status == -1)
		printf(" # could not be started");
	else if (status == LEFT_BEHIND)
		printf(" # ended, but processes that it left behind hold its output");
	else if (WIFSIGNALED(status))
		printf(" # killed by signal %d", WTERMSIG(status));
	else if (status)
		printf(" # exit status %d", WEXITSTATUS(status));
	if (!balanced(lost))
		printf(" # %s %ld frames, %ld swap slots and %ld slab objects",
		       leaked(lost) ? "leak of" : "balance", lost.frames, lost.slots, lost.objects);
	if (*found)
		printf(" # audit: %s", found);
	putchar('\n');
	fflush(stdout);
}

/* Runs test number n and prints its verdict. */
static bool judge(int n, const char *command)
{
	char words[1024], *argv[MAX_ARGS + 1];
	struct balance lost;
	const char *found;
	int status;
	bool good;

	snprintf(words, sizeof(words), "%s", command);
	split(words, argv);
	printf("# Subtest: %s\n", command);
	fflush(stdout);
	if (!argv[0]) {
		printf("not ok %d - # empty command\n", n);
		return false;
	}
	status = run_and_weigh(argv, true, &lost);
	for (int i = 1; i < MAX_RUNS && !status && leaked(lost); i++) {
		printf("# run %d kept %ld frames, %ld swap slots and %ld slab objects: once more\n",
		       i, lost.frames, lost.slots, lost.objects);
		status = run_and_weigh(argv, false, &lost);
	}
	found = audit();
	good = !status && !leaked(lost) && !*found;
	printf("%s %d - %s", good ? "ok" : "not ok", n, command);
	print_reasons(status, lost, found);
	return good;
}

/*
 * Makes every page that this program will ever use present, for good: then none of them enters
 * the sums.
 */
static void settle_self(void)
{
	char stack[64 * 1024];

	for (size_t i = 0; i < sizeof(stack); i += PAGE)
		poke(stack + i, 1);
	oom_score_adj("-1000");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		printf("# cannot lock this program in memory (%s): frame counts may be off\n",
		       strerror(errno));
}

int main(int argc, char **argv)
{
	int n = 0, failed = 0, first = 1;

	if (argc > 1 && !strcmp(argv[1], "--no-leak")) {
		check_leaks = false;
		first = 2;
	}
	if (first >= argc) {
		fputs("usage: runtests [--no-leak] \"PROGRAM ARG...\" ...\n", stderr);
		return 2;
	}
	if (check_leaks)
		settle_self();
	if (*audit()) /* before the first program; the audit keeps what it allocates now */
		printf("# audit at the start: %s\n", audit());
	printf("KTAP version 1\n1..%d\n", argc - first);
	for (int i = first; i < argc; i++)
		failed += !judge(++n, argv[i]);
	printf("# %d passed, %d failed\n", n - failed, failed);
	return failed ? 1 : 0;
}
