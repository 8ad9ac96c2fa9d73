/* SPDX-License-Identifier: MIT */
/* calls_proc_pid: /proc/PID/{stat,statm,status,limits,comm,cmdline,environ,auxv}, read as tools do. TAP. */
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "proc_read.h"

extern char **environ;

/* The numbered field of a stat line, from 3 on; fields may be counted from the last parenthesis. */
static const char *field(int nr)
{
	const char *p = strrchr(text, ')');

	for (int i = 2; p && i < nr; i++) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	return p ? p : "";
}

static long long stat_number(int nr)
{
	return strtoll(field(nr), NULL, 10);
}

static int nr_fields(void)
{
	int n = 2;

	for (const char *p = strrchr(text, ')'); p && *p; p++)
		n += *p == ' ';
	return n;
}

static pid_t child_that(void (*what)(void))
{
	pid_t pid = fork();

	if (!pid) {
		what();
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void nothing(void)
{
}

/* Until /proc/PID/stat shows that state. */
static bool becomes(pid_t pid, char state)
{
	for (int i = 0; i < 500; i++) {
		slurpf("/proc/%d/stat", pid);
		if (*field(3) == state)
			return true;
		usleep(2000);
	}
	return false;
}

/* --- stat --- */

static void stat_fields(void)
{
	struct rlimit rss = { 123456789, RLIM_INFINITY };
	struct rusage usage;
	sigset_t set;

	check(slurp("/proc/self/stat") > 0 && nr_fields() == 52, "stat has 52 fields");
	check(text[strlen(text) - 1] == '\n' && count_lines() == 1, "stat is one line");
	check(atoi(text) == getpid() && stat_number(4) == getppid() &&
		      stat_number(5) == getpgrp() && stat_number(6) == getsid(0),
	      "stat: pid, ppid, pgrp, session");
	check(*field(3) == 'R', "stat: who reads it runs");
	getrusage(RUSAGE_SELF, &usage);
	check(stat_number(10) <= usage.ru_minflt && stat_number(12) <= usage.ru_majflt &&
		      stat_number(10) > 0,
	      "stat: faults");
	check(stat_number(18) == 20 && stat_number(19) == 0 && stat_number(20) == 1,
	      "stat: priority, nice, threads");
	setrlimit(RLIMIT_RSS, &rss);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGHUP, exit);
	raise(SIGUSR1);
	slurp("/proc/self/stat");
	check(stat_number(25) == 123456789, "stat: limit of resident memory");
	check(stat_number(31) == 0 || stat_number(31) == 1 << (SIGUSR1 - 1),
	      "stat: pending signals");
	check(stat_number(32) == 1 << (SIGUSR1 - 1), "stat: blocked signals");
	check(stat_number(33) & 1 << (SIGUSR2 - 1), "stat: ignored signals");
	check(stat_number(34) == 1 << (SIGHUP - 1), "stat: caught signals");
	check(stat_number(38) == SIGCHLD, "stat: exit signal");
	sigpending(&set);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void stat_memory(void)
{
	unsigned long here = (unsigned long)&stat_memory,
		      stack = (unsigned long)__builtin_frame_address(0);
	unsigned long vsize, rss, pages[7];

	slurp("/proc/self/stat");
	vsize = strtoul(field(23), NULL, 10);
	rss = strtoul(field(24), NULL, 10);
	check(strtoul(field(26), NULL, 10) <= here && here < strtoul(field(27), NULL, 10),
	      "stat: bounds of the text");
	check(strtoul(field(28), NULL, 10) > stack, "stat: where the stack began");
	check(strtoul(field(48), NULL, 10) <= (unsigned long)environ[-2] &&
		      strtoul(field(50), NULL, 10) <= (unsigned long)environ[0] &&
		      (unsigned long)environ[0] < strtoul(field(51), NULL, 10),
	      "stat: where arguments and environment stand");
	slurp("/proc/self/statm");
	check(sscanf(text, "%lu %lu %lu %lu %lu %lu %lu\n", pages, pages + 1, pages + 2, pages + 3,
		     pages + 4, pages + 5, pages + 6) == 7,
	      "statm has seven numbers");
	check(pages[0] * 4096 == vsize && pages[1] + 8 > rss && pages[1] < rss + 8 &&
		      pages[2] <= pages[1] && pages[3] > 0 && !pages[4] && pages[5] > 0 &&
		      !pages[6],
	      "statm agrees with stat");
	slurp("/proc/self/status");
	check(number("VmSize") * 1024 == vsize, "and status as well");
}

static void stat_names_and_states(void)
{
	pid_t pid;

	prctl(PR_SET_NAME, "a) (b\n\\c");
	slurp("/proc/self/stat");
	check(strstr(text, " (a) (b\n\\c) R ") != NULL && stat_number(4) == getppid(),
	      "stat: any name; the fields begin behind the last parenthesis");
	slurp("/proc/self/status");
	check(!strncmp(text, "Name:\ta) (b\\n\\\\c\n", 16), "status escapes newline and backslash");
	slurp("/proc/self/comm");
	check(!strcmp(text, "a) (b\n\\c\n"), "comm shows them as they are");
	prctl(PR_SET_NAME, "calls");
	pid = child_that(nothing);
	check(becomes(pid, 'S'), "a child that waits: S");
	kill(pid, SIGSTOP);
	check(becomes(pid, 'T'), "stopped: T");
	slurpf("/proc/%d/status", pid);
	check(!strncmp(value("State"), "T (stopped)\n", 12), "status says it in words");
	kill(pid, SIGKILL);
	check(becomes(pid, 'Z'), "dead, not waited for: Z");
	check(stat_number(23) == 0 && stat_number(52) == SIGKILL,
	      "without memory, with its exit code");
	slurpf("/proc/%d/status", pid);
	check(!strncmp(value("State"), "Z (zombie)\n", 11) && !*value("VmSize") &&
		      *value("Threads"),
	      "a zombie's status has no memory");
	check(slurpf("/proc/%d/cmdline", pid) == 0, "nor arguments");
	waitpid(pid, NULL, 0);
	check(slurpf("/proc/%d/stat", pid) == -ENOENT, "waited for: ENOENT");
}

/* --- status --- */

static const char *const status_names[] = {
	"Name",
	"Umask",
	"State",
	"Tgid",
	"Ngid",
	"Pid",
	"PPid",
	"TracerPid",
	"Uid",
	"Gid",
	"FDSize",
	"Groups",
	"NStgid",
	"NSpid",
	"NSpgid",
	"NSsid",
	"VmPeak",
	"VmSize",
	"VmLck",
	"VmPin",
	"VmHWM",
	"VmRSS",
	"RssAnon",
	"RssFile",
	"RssShmem",
	"VmData",
	"VmStk",
	"VmExe",
	"VmLib",
	"VmPTE",
	"VmSwap",
	"HugetlbPages",
	"CoreDumping",
	"THP_enabled",
	"Threads",
	"SigQ",
	"SigPnd",
	"ShdPnd",
	"SigBlk",
	"SigIgn",
	"SigCgt",
	"CapInh",
	"CapPrm",
	"CapEff",
	"CapBnd",
	"CapAmb",
	"NoNewPrivs",
	"Seccomp",
	"Seccomp_filters",
	"Speculation_Store_Bypass",
	"SpeculationIndirectBranch",
	"Cpus_allowed",
	"Cpus_allowed_list",
	"Mems_allowed",
	"Mems_allowed_list",
	"voluntary_ctxt_switches",
	"nonvoluntary_ctxt_switches",
};

static void status_fields(void)
{
	size_t count = sizeof(status_names) / sizeof(status_names[0]);
	unsigned long size, peak;
	cpu_set_t cpus;
	void *p;

	umask(027);
	check(slurp("/proc/self/status") > 0 && names_in_order(status_names, count),
	      "status: Linux's names in Linux's order");
	check(count_lines() >= (int)count - 2, "and all of them, but what is about speculation");
	check(!strncmp(value("Umask"), "0027\n", 5), "status: umask in octal");
	check(number("Pid") == (unsigned long)getpid() && number("Tgid") == number("Pid") &&
		      number("PPid") == (unsigned long)getppid() && number("TracerPid") == 0,
	      "status: pids");
	check(!strncmp(value("Uid"), "0\t0\t0\t0\n", 8) &&
		      !strncmp(value("Gid"), "0\t0\t0\t0\n", 8),
	      "status: four uids, four gids");
	check(number("FDSize") >= 3 && number("Threads") == 1, "status: descriptors, threads");
	check(strstr(text, "\nVmRSS:\t") && strstr(value("VmRSS"), " kB\n"), "status: sizes in kB");
	check(number("RssAnon") + number("RssFile") + number("RssShmem") == number("VmRSS"),
	      "status: the kinds add up");
	check(!strncmp(value("CapEff"), "000001ffffffffff\n", 17),
	      "status: root has all capabilities");
	size = number("VmSize");
	p = mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(p, 64 << 20);
	slurp("/proc/self/status");
	peak = number("VmPeak");
	check(peak >= size + (64 << 10) && number("VmSize") < peak, "status: the peak stays");
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	slurp("/proc/self/status");
	check(!strncmp(value("Cpus_allowed_list"), "0\n", 2) &&
		      strtoul(value("Cpus_allowed"), NULL, 16) == 1,
	      "status: CPUs as mask and as list");
	setgroups(2, (gid_t[]){ 7, 5 });
	slurp("/proc/self/status");
	check(!strncmp(value("Groups"), "5 7 \n", 5), "status: supplementary groups, in order");
	setgroups(0, NULL);
	umask(022);
}

static void status_signals(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGRTMIN + 3);
	slurp("/proc/self/status");
	check(strtoull(value("SigBlk"), NULL, 16) == 1ULL << (SIGRTMIN + 2),
	      "status: blocked, 16 digits");
	check(strtoull(value("ShdPnd"), NULL, 16) == 1ULL << (SIGRTMIN + 2) &&
		      !strtoull(value("SigPnd"), NULL, 16),
	      "status: sent to the process");
	check(number("SigQ") >= 1 && strchr(value("SigQ"), '/'), "status: queued/limit");
	syscall(SYS_tkill, getpid(), SIGRTMIN + 3);
	slurp("/proc/self/status");
	check(strtoull(value("SigPnd"), NULL, 16) == 1ULL << (SIGRTMIN + 2),
	      "status: sent to the thread");
	signal(SIGRTMIN + 3, SIG_IGN);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* --- threads --- */

static volatile pid_t tid;
static volatile int done;

static void *a_thread(void *arg)
{
	prctl(PR_SET_NAME, arg);
	tid = (pid_t)syscall(SYS_gettid);
	while (!done)
		usleep(1000);
	return NULL;
}

static void threads(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, a_thread, "worker");
	while (!tid)
		usleep(1000);
	slurp("/proc/self/stat");
	check(stat_number(20) == 2, "stat: two threads");
	slurpf("/proc/self/task/%d/stat", tid);
	check(atoi(text) == tid && strstr(text, "(worker)") && nr_fields() == 52,
	      "a thread's own stat has its number and name");
	slurpf("/proc/self/task/%d/status", tid);
	check(number("Pid") == (unsigned long)tid && number("Tgid") == (unsigned long)getpid() &&
		      number("Threads") == 2,
	      "and its status");
	check(slurpf("/proc/%d/comm", tid) > 0 && !strcmp(text, "worker\n"),
	      "/proc/TID is there, unlisted");
	check(slurpf("/proc/1/task/%d/comm", tid) == -ENOENT,
	      "but not among another process's threads");
	slurpf("/proc/self/task/%d/comm", getpid());
	check(!strcmp(text, "calls\n"), "the first thread kept its name");
	check(put("/proc/thread-self/comm", "renamed by file and cut\n") > 0, "write comm");
	slurp("/proc/self/comm");
	check(!strcmp(text, "renamed by file\n"), "15 bytes are kept");
	check(put("/proc/1/comm", "x") == -EINVAL, "another process's name: EINVAL");
	prctl(PR_SET_NAME, "calls");
	check(put("/proc/self/oom_score_adj", "300\n") == 4, "oom_score_adj, with a newline");
	slurpf("/proc/self/task/%d/oom_score_adj", tid);
	check(!strcmp(text, "300\n"), "is the same for all threads");
	check(put("/proc/self/oom_score_adj", "1001") == -EINVAL &&
		      put("/proc/self/oom_score_adj", "x") == -EINVAL,
	      "beyond 1000, or no number: EINVAL");
	put("/proc/self/oom_score_adj", "0");
	done = 1;
	pthread_join(thread, NULL);
	for (int i = 0; i < 500 && slurpf("/proc/self/task/%d/stat", tid) != -ENOENT; i++)
		usleep(2000); /* its number goes a moment after whoever joins is told */
	check(slurpf("/proc/self/task/%d/stat", tid) == -ENOENT, "joined: ENOENT");
}

/* --- limits, cmdline, environ, auxv --- */

static void small_files(int argc, char **argv)
{
	struct rlimit limit = { 1234567, 7654321 }, old;
	unsigned long aux[2] = { 0 };
	ssize_t len;

	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &limit);
	slurp("/proc/self/limits");
	check(!strncmp(
		      text,
		      "Limit                     Soft Limit           Hard Limit           Units     \n",
		      79),
	      "limits: the heading");
	check(strstr(text,
		     "\nMax file size             1234567              7654321              bytes     \n"),
	      "limits: numbers in columns");
	check(count_lines() == 17 && strstr(text, "\nMax stack size  ") &&
		      strstr(text, "unlimited"),
	      "limits: sixteen of them");
	limit.rlim_cur = limit.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	len = slurp("/proc/self/cmdline");
	check(argc == 1 && len == (ssize_t)strlen(argv[0]) + 1 && !strcmp(text, argv[0]),
	      "cmdline: arguments, each with its NUL");
	len = slurp("/proc/self/environ");
	check(len > 0 && !text[len - 1] && !strcmp(text, environ[0]), "environ as well");
	len = slurp("/proc/self/auxv");
	memcpy(aux, text + len - sizeof(aux), sizeof(aux));
	check(len > 0 && len % 16 == 0 && !aux[0] && !aux[1], "auxv: pairs, the last is zero");
}

/* --- reading --- */

static void pieces(void)
{
	static char piece[1 << 16];
	int fd = open("/proc/self/limits", O_RDONLY);
	ssize_t len = slurp("/proc/self/limits"), n = 0;

	while (n < len && read(fd, piece + n, 1) == 1)
		n++;
	check(n == len && !memcmp(piece, text, (size_t)len) && read(fd, piece, 1) == 0,
	      "byte by byte it reads the same");
	check(pread(fd, piece, 10, 100) == 10 && !memcmp(piece, text + 100, 10),
	      "and at an offset");
	check(lseek(fd, 50, SEEK_SET) == 50 && read(fd, piece, 20) == 20 &&
		      !memcmp(piece, text + 50, 20),
	      "and after a seek");
	check(pread(fd, piece, 10, len + 100) == 0, "behind the end there is nothing");
	check(lseek(fd, 0, SEEK_END) == -1 && errno == EINVAL,
	      "there is no end to seek from: EINVAL");
	check(write(fd, "x", 1) == -1 && errno == EBADF, "open for reading only");
	close(fd);
	check(put("/proc/self/limits", "x") == -EINVAL, "limits cannot be written");
}

/* An open file and directory of a process that is gone. */
static void after_death(void)
{
	pid_t pid = child_that(nothing);
	char path[64], c;
	int dir, file;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	file = openat(dir, "stat", O_RDONLY);
	check(dir >= 0 && file >= 0, "a living process's directory and file");
	end(pid);
	check(read(file, &c, 1) == -1 && errno == ESRCH, "dead: its file gives ESRCH");
	check(openat(dir, "stat", O_RDONLY) == -1 && errno == ESRCH, "and its directory as well");
	check(syscall(SYS_getdents64, dir, text, 4096) == -1 && errno == ENOENT,
	      "nor can it be listed");
	close(dir);
	close(file);
}

int main(int argc, char **argv)
{
	stat_fields();
	stat_memory();
	stat_names_and_states();
	status_fields();
	status_signals();
	threads();
	small_files(argc, argv);
	pieces();
	after_death();
	return checks_done();
}
