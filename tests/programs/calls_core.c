/* SPDX-License-Identifier: MIT */
/*
 * calls_core: when a signal leaves a core, in which file, and how the parent is told. What is in it
 * is calls_core_file's. TAP.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/utsname.h>

#include "core_file.h"
#include "make_elf.h"
#include "proc_read.h"

#define HOME "/tmp/core.d"
#define PATTERN "/proc/sys/kernel/core_pattern"
#define USES_PID "/proc/sys/kernel/core_uses_pid"
#define SUID "/proc/sys/fs/suid_dumpable"

static const int with_core[] = { SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				 SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS };
static const int without[] = { SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, 40 };

/* --- which signals, which limits --- */

static void touch_nothing(long arg)
{
	(void)arg;
	*(volatile char *)0x10000;
}

static void limited(long limit)
{
	core_limit((unsigned long)limit);
	touch_nothing(0);
}

static void test_signals(void)
{
	int all = 1, none = 1;

	for (size_t i = 0; i < sizeof(with_core) / sizeof(int); i++)
		all &= dumped(crash(die_by, with_core[i]), with_core[i]) && gone("core");
	check(all, "ten signals leave a core behind");
	for (size_t i = 0; i < sizeof(without) / sizeof(int); i++)
		none &= died(crash(die_by, without[i]), without[i]) && !gone("core");
	check(none, "others do not");
	check(dumped(crash(touch_nothing, 0), SIGSEGV) && stat("core", &core_stat) == 0 &&
		      core_stat.st_mode == (S_IFREG | 0600) && core_stat.st_uid == 0 &&
		      core_stat.st_size > 8192,
	      "a fault leaves one, for its owner alone to read");
	gone("core");
}

static void test_limit(void)
{
	check(died(crash(limited, 0), SIGSEGV) && !gone("core"), "none by a limit of 0");
	check(died(crash(limited, 4095), SIGSEGV) && !gone("core"), "nor of less than a page");
	check(dumped(crash(limited, 4096), SIGSEGV) && !stat("core", &core_stat) &&
		      core_stat.st_size > 0 && core_stat.st_size <= 4096 && gone("core"),
	      "a limit cuts it, and yet it counts as one");
	check(dumped(crash(limited, 40960), SIGSEGV) && read_core("core") && core_size > 8192 &&
		      core_stat.st_blocks * 512 <= 40960 + 16384 &&
		      core_header()->e_type == ET_CORE,
	      "wherever the limit is");
}

static void small_files(long limit)
{
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ (unsigned long)limit, RLIM_INFINITY });
	touch_nothing(0);
}

static void test_ends(void)
{
	check(dumped(crash(small_files, 12288), SIGSEGV) && !stat("core", &core_stat) &&
		      core_stat.st_size == 12288 && gone("core"),
	      "RLIMIT_FSIZE ends it, and SIGXFSZ is not what one dies of");
	mkdir("small", 0755);
	if (mount("none", "small", "tmpfs", 0, "size=32k") || chdir("small"))
		_exit(1);
	check(dumped(crash(touch_nothing, 0), SIGSEGV) && !stat("core", &core_stat) &&
		      core_stat.st_size > 0 && core_stat.st_blocks * 512 <= 32768,
	      "a full disk ends it");
	check(chdir(HOME) == 0 && umount("small") == 0 && rmdir("small") == 0,
	      "and nobody keeps it");
}

/* --- who is told --- */

static volatile siginfo_t heard;

static void hear(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	heard = *info;
}

static void test_parent(void)
{
	siginfo_t info = { 0 };
	struct sigaction act = { .sa_sigaction = hear, .sa_flags = SA_SIGINFO }, old;
	pid_t pid;
	int status;

	sigaction(SIGCHLD, &act, &old);
	pid = fork();
	if (!pid) {
		core_limit(RLIM_INFINITY);
		abort();
	}
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	sigaction(SIGCHLD, &old, NULL);
	check(info.si_code == CLD_DUMPED && info.si_status == SIGABRT && info.si_pid == pid,
	      "waitid tells of the core");
	check(heard.si_code == CLD_DUMPED && heard.si_status == SIGABRT, "and SIGCHLD does");
	status = status_of(pid);
	check(status == (SIGABRT | 0x80) && gone("core"), "in wait's status it is one bit");
}

/* Runs in its parent's memory, without being one of its threads. */
static int die_apart(void *arg)
{
	(void)arg;
	core_limit(RLIM_INFINITY);
	touch_nothing(0);
	return 0;
}

static void test_sharer(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t pid = clone(die_apart, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);

	check(dumped(status_of(pid), SIGSEGV) && gone("core"),
	      "who only shares the memory lives on, and its own limits stay");
}

/* --- the name --- */

/* Die as @pattern says; is @want the file's name? */
static int named(const char *pattern, const char *uses_pid, const char *want)
{
	int status;

	put(PATTERN, pattern);
	put(USES_PID, uses_pid);
	status = crash(die_by, SIGQUIT);
	put(PATTERN, "core");
	put(USES_PID, "0");
	if (dumped(status, SIGQUIT) && gone(want))
		return 1;
	printf("# no file %s by %s\n", want, pattern);
	return 0;
}

static void renamed(long arg)
{
	static const char *const names[] = { "a/b c", "..", "." };

	prctl(PR_SET_NAME, names[arg]);
	die_by(SIGQUIT);
}

static void test_pattern(void)
{
	struct utsname uts;
	char want[256];
	int right = 1;

	slurp(PATTERN);
	check(!strcmp(text, "core\n") && slurp(USES_PID) == 2 && !strcmp(text, "0\n"),
	      "the name is \"core\"");
	check(named("x%%y", "0", "x%y") && named("x%", "0", "x") && named("a%zb", "0", "ab"),
	      "a pattern of its own: %% is one, at the end it is none, unknown ones are nothing");
	check(named("%s.%u.%g.%d.%c", "0", "3.0.0.1.18446744073709551615"),
	      "signal, user, group, dumpable, limit");
	uname(&uts);
	snprintf(want, sizeof(want), "calls_core-%s", uts.nodename);
	check(named("%e-%h", "0", want), "program and host");
	check(named(HOME "/%f", "0", "calls_core"), "a path; the program's file");
	put(PATTERN, "%E");
	check(dumped(crash(die_by, SIGQUIT), SIGQUIT), "the path of the program's file");
	put(PATTERN, "core");
	slurp("/proc/self/cmdline");
	ssize_t len = readlink("/proc/self/exe", want, sizeof(want) - 1);
	want[len > 0 ? len : 0] = '\0';
	for (char *p = want; (p = strchr(p, '/'));)
		*p = '!';
	check(gone(want), "in which each slash is '!'");
	put(PATTERN, "%e");
	crash(renamed, 0);
	right = gone("a!b c");
	crash(renamed, 1);
	right &= gone("!.");
	crash(renamed, 2);
	check(right && gone("!"), "no name leads elsewhere");
	put(PATTERN, "core");
}

static void test_pattern_pid(void)
{
	char name[32];
	pid_t pid;

	put(USES_PID, "1");
	pid = fork();
	if (!pid) {
		core_limit(RLIM_INFINITY);
		abort();
	}
	status_of(pid);
	snprintf(name, sizeof(name), "core.%d", pid);
	check(gone(name), "core_uses_pid: the pid is appended");
	put(PATTERN, "c%p-%i-%P-%I");
	pid = fork();
	if (!pid) {
		core_limit(RLIM_INFINITY);
		abort();
	}
	status_of(pid);
	snprintf(name, sizeof(name), "c%d-%d-%d-%d", pid, pid, pid, pid);
	check(gone(name), "unless the pattern has it");
	put(PATTERN, "core");
	put(USES_PID, "0");
	put(PATTERN, "line\nmore");
	slurp(PATTERN);
	check(!strcmp(text, "line\n"), "a pattern is a line");
	memset(name, 'x', sizeof(name));
	put(PATTERN, "core");
}

/* --- the file --- */

static void test_place(void)
{
	make_file("precious", "mine", 0644);
	if (symlink("precious", "core"))
		_exit(1);
	check(dumped(crash(die_by, SIGQUIT), SIGQUIT) && slurp("precious") == 4 &&
		      !lstat("core", &core_stat) && S_ISREG(core_stat.st_mode) && gone("core"),
	      "a link that stands there is replaced, not followed");
	check(link("precious", "core") == 0 && dumped(crash(die_by, SIGQUIT), SIGQUIT) &&
		      slurp("precious") == 4 && gone("core") && gone("precious"),
	      "so is a file, with its other names left alone");
	mkdir("core", 0755);
	check(died(crash(die_by, SIGQUIT), SIGQUIT) && rmdir("core") == 0, "a directory is not");
	put(PATTERN, "nowhere/core");
	check(died(crash(die_by, SIGQUIT), SIGQUIT), "without a directory there is none");
	put(PATTERN, "core");
	umask(0400);
	check(died(crash(die_by, SIGQUIT), SIGQUIT) && gone("core"),
	      "a umask that leaves the owner out prevents it");
	umask(022);
}

/* --- who may --- */

static void undumpable(long arg)
{
	prctl(PR_SET_DUMPABLE, arg);
	die_by(SIGQUIT);
}

static void as_nobody(long again)
{
	if (setgid(1000) || setuid(1000))
		_exit(9);
	if (again)
		prctl(PR_SET_DUMPABLE, 1);
	die_by(SIGQUIT);
}

static void test_dumpable(void)
{
	check(died(crash(undumpable, 0), SIGQUIT) && !gone("core"),
	      "none of who does not want one");
	check(slurp(SUID) == 2 && !strcmp(text, "0\n") && put(SUID, "3") == -EINVAL,
	      "suid_dumpable is 0, and at most 2");
	chmod(HOME, 0777);
	check(died(crash(as_nobody, 0), SIGQUIT) && !gone("core"),
	      "none of who became another user");
	check(dumped(crash(as_nobody, 1), SIGQUIT) && !stat("core", &core_stat) &&
		      core_stat.st_uid == 1000 && core_stat.st_mode == (S_IFREG | 0600) &&
		      gone("core"),
	      "unless it wants one; then it is that user's");
	put(SUID, "1");
	check(dumped(crash(as_nobody, 0), SIGQUIT) && gone("core"),
	      "suid_dumpable 1: all the same");
	put(SUID, "2");
	check(died(crash(as_nobody, 0), SIGQUIT) && !gone("core"),
	      "2: not into the directory it is in");
	/* By a path from the root of everything: where Linux is asked, that is one above ours. */
	mkdir("/root/tmp", 0755);
	mkdir("/root" HOME, 0755);
	put(PATTERN, "/root" HOME "/%d");
	check(dumped(crash(as_nobody, 0), SIGQUIT) &&
		      (!stat("2", &core_stat) || !stat("/root" HOME "/2", &core_stat)) &&
		      core_stat.st_uid == 0 && core_stat.st_mode == (S_IFREG | 0600),
	      "but root's, by a whole path");
	check(died(crash(as_nobody, 0), SIGQUIT) && (gone("2") || gone("/root" HOME "/2")),
	      "and nothing is removed for it");
	rmdir("/root" HOME);
	rmdir("/root/tmp");
	put(PATTERN, "core");
	put(SUID, "0");
	chmod(HOME, 0755);
	check(died(crash(as_nobody, 1), SIGQUIT) && !gone("core"),
	      "none where the user may make no file");
}

/* --- of programs that may be executed, and not read --- */

#define COPY HOME "/copy"
#define MADE HOME "/made"

static const char *to_run = COPY;
static uid_t as_uid = 1000;

/* It ends with PR_GET_DUMPABLE, or dies by SIGQUIT. */
static void run_it(long dies)
{
	if (setgid(as_uid) || setuid(as_uid))
		_exit(9);
	execl(to_run, "copy", dies ? "die" : "tell", NULL);
	_exit(98);
}

static bool hidden(void)
{
	return crash(run_it, 0) == 0 && died(crash(run_it, 1), SIGQUIT) && !gone("core");
}

static bool open_to_all(void)
{
	return WEXITSTATUS(crash(run_it, 0)) == 1 && dumped(crash(run_it, 1), SIGQUIT) &&
	       gone("core");
}

static void test_unreadable(void)
{
	struct made_elf elf;

	copy_file("/proc/self/exe", COPY);
	make_elf(&elf, ET_EXEC, 0x20000000, COPY);
	write_elf(MADE, &elf, sizeof(elf));
	chmod(HOME, 0777);
	chmod(COPY, 0555);
	check(open_to_all(), "of a program that may be read there is one");
	chmod(COPY, 0111);
	check(hidden(), "of one that may only be executed none: it is not dumpable");
	to_run = MADE;
	check(hidden(), "nor if that is its interpreter");
	as_uid = 0;
	check(open_to_all(), "root reads all");
	unlink(COPY);
	unlink(MADE);
}

int main(int argc, char **argv)
{
	if (argc > 1) { /* run_it()'s */
		if (!strcmp(argv[1], "die"))
			die_by(SIGQUIT);
		return prctl(PR_GET_DUMPABLE);
	}
	mkdir(HOME, 0755);
	if (chdir(HOME))
		_exit(1);
	umask(022);
	signal(SIGQUIT, SIG_DFL); /* a shell in the background ignores it */
	test_signals();
	test_limit();
	test_ends();
	test_parent();
	test_sharer();
	test_pattern();
	test_pattern_pid();
	test_place();
	test_dumpable();
	test_unreadable();
	if (chdir("/") || rmdir(HOME))
		printf("# something is left in " HOME "\n");
	return checks_done();
}
