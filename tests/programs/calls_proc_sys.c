/* SPDX-License-Identifier: MIT */
/* calls_proc_sys: /proc/sys, which numbers it takes, what they do; names of the machine. TAP. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "check.h"
#include "proc_read.h"

#define VM "/proc/sys/vm/"
#define KERNEL "/proc/sys/kernel/"

/* The file's text without its newline. */
static const char *get(const char *path)
{
	slurp(path);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static bool shows(const char *path, const char *want)
{
	return !strcmp(get(path), want);
}

static void numbers(void)
{
	check(put(VM "overcommit_ratio", "60\n") == 3 && shows(VM "overcommit_ratio", "60"),
	      "a number with a newline");
	check(put(VM "overcommit_ratio", "61") == 2 && shows(VM "overcommit_ratio", "61"),
	      "and without");
	check(put(VM "overcommit_ratio", " \t62 ") == 5 && shows(VM "overcommit_ratio", "62"),
	      "blanks around it");
	check(put(VM "overcommit_ratio", "0x32") == 4 && shows(VM "overcommit_ratio", "50"),
	      "hexadecimal by its prefix");
	check(put(VM "overcommit_ratio", "x") == -EINVAL &&
		      put(VM "overcommit_ratio", "5x") == -EINVAL &&
		      put(VM "overcommit_ratio", "\n") == -EINVAL,
	      "no number: EINVAL");
	check(put(VM "overcommit_memory", "-1") == -EINVAL &&
		      put(VM "overcommit_memory", "3") == -EINVAL,
	      "out of its range: EINVAL");
	check(put(VM "overcommit_ratio", "") == 0 && shows(VM "overcommit_ratio", "50"),
	      "nothing: 0");
	check(put(VM "max_map_count", "70000") == 5 && shows(VM "max_map_count", "70000"),
	      "max_map_count");
	put(VM "max_map_count", "65530");
	check(put(VM "dirty_ratio", "101") == -EINVAL && put(VM "dirty_ratio", "20") == 2,
	      "dirty_ratio is a percentage");
}

static void permissions(void)
{
	struct stat st;
	int status;

	check(open(KERNEL "ostype", O_RDWR) == -1 && errno == EACCES,
	      "read-only, for root too: EACCES");
	check(open(VM "drop_caches", O_RDONLY) == -1 && errno == EACCES, "write-only as well");
	check(put(VM "drop_caches", "1\n") == 2, "but can be written");
	check(put(VM "drop_caches", "0") == -EINVAL && put(VM "drop_caches", "5") == -EINVAL,
	      "drop_caches takes 1 to 4");
	check(!stat(KERNEL "hostname", &st) && st.st_mode == (S_IFREG | 0644) && st.st_size == 0,
	      "rw-r--r--, no size");
	check(!stat("/proc/sys/kernel", &st) && st.st_mode == (S_IFDIR | 0555),
	      "folders r-xr-xr-x");
	if (!fork()) {
		setuid(1000);
		_exit(put(KERNEL "hostname", "x") != -EACCES || slurp(KERNEL "hostname") <= 0);
	}
	wait(&status);
	check(!status, "others may read only: EACCES");
}

/* As many MiB as the machine can never give, twice over. */
static bool can_map(unsigned long mib)
{
	void *p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		munmap(p, mib << 20);
	return p != MAP_FAILED;
}

static void overcommit(void)
{
	unsigned long total, limit, promised, left;

	slurp("/proc/meminfo");
	total = (number("MemTotal") + number("SwapTotal")) >> 10;
	check(!can_map(total + 64) && errno == ENOMEM, "mode 0 refuses more than there is");
	put(VM "overcommit_memory", "1");
	check(can_map(total + 64), "mode 1 refuses nothing");
	put(VM "overcommit_memory", "2");
	slurp("/proc/meminfo");
	limit = number("CommitLimit") >> 10;
	promised = number("Committed_AS") >> 10;
	left = limit > promised ? limit - promised : 0;
	check(!can_map(left + 8) && errno == ENOMEM, "mode 2 refuses what goes beyond CommitLimit");
	check(left < 16 || can_map(left / 2), "and gives what does not");
	put(VM "overcommit_memory", "0");
	put(VM "overcommit_ratio", "10");
	slurp("/proc/meminfo");
	check(number("CommitLimit") >> 10 < limit, "a smaller ratio, a smaller limit");
	put(VM "overcommit_ratio", "50");
}

static void names(void)
{
	struct utsname uts;
	char name[80], long_name[80];

	uname(&uts);
	check(shows(KERNEL "osrelease", uts.release) && shows(KERNEL "version", uts.version) &&
		      shows(KERNEL "ostype", uts.sysname),
	      "uname's words");
	strcpy(name, uts.nodename);
	check(!sethostname("one", 3) && shows(KERNEL "hostname", "one"), "sethostname shows");
	check(put(KERNEL "hostname", "two\nmore") == 8 && !uname(&uts) &&
		      !strcmp(uts.nodename, "two"),
	      "written, up to the end of the line");
	memset(long_name, 'n', sizeof(long_name));
	check(sethostname(long_name, 65) == -1 && errno == EINVAL, "65 bytes: EINVAL");
	check(!sethostname(long_name, 64) && !uname(&uts) && strlen(uts.nodename) == 64, "64 fit");
	check(sethostname((char *)8, 3) == -1 && errno == EFAULT, "bad memory: EFAULT");
	sethostname(name, strlen(name));
	check(!setdomainname("example", 7) && shows(KERNEL "domainname", "example"),
	      "setdomainname");
	setdomainname("(none)", 6);
}

static void random_numbers(void)
{
	char first[64];

	strcpy(first, get(KERNEL "random/uuid"));
	check(strlen(first) == 36 && first[8] == '-' && first[14] == '4' &&
		      strchr("89ab", first[19]),
	      "uuid: version 4");
	check(strcmp(first, get(KERNEL "random/uuid")) != 0, "another one each time");
	strcpy(first, get(KERNEL "random/boot_id"));
	check(strlen(first) == 36 && shows(KERNEL "random/boot_id", first), "boot_id stays");
	check(shows(KERNEL "random/entropy_avail", "256"), "entropy_avail");
}

static void others(void)
{
	check(put(KERNEL "printk", "5 4 1 7\n") == 8 && shows(KERNEL "printk", "5\t4\t1\t7"),
	      "printk: four levels");
	check(put(KERNEL "printk", "7") == 1 && shows(KERNEL "printk", "7\t4\t1\t7"),
	      "or only the first");
	check(shows(KERNEL "pid_max", "32768") && shows(KERNEL "cap_last_cap", "40") &&
		      shows(KERNEL "ngroups_max", "65536") && shows(KERNEL "overflowuid", "65534"),
	      "limits");
	check(atoi(get(KERNEL "threads-max")) > 20 && put(KERNEL "threads-max", "0") == -EINVAL,
	      "threads-max is at least 1");
	check(atol(get("/proc/sys/fs/file-max")) > 0 && atol(get("/proc/sys/fs/nr_open")) >= 1024 &&
		      atol(get("/proc/sys/fs/inode-nr")) > 0,
	      "fs: numbers");
}

static bool no_segment(size_t size, int why)
{
	int id = shmget(IPC_PRIVATE, size, 0600);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id < 0 && errno == why;
}

static void segments(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	char was[32];

	strcpy(was, get(KERNEL "shmmax"));
	check(put(KERNEL "shmmax", "-1") == -EINVAL && put(KERNEL "shmmax", "x") == -EINVAL &&
		      put(KERNEL "shmmax", "4096") == 4 && shows(KERNEL "shmmax", "4096"),
	      "shmmax is a number from 0 on");
	check(no_segment(4097, EINVAL) && !no_segment(4096, EINVAL),
	      "no segment is larger: EINVAL");
	check(put(KERNEL "shmmax", was) > 0 && shows(KERNEL "shmmax", was), "of 64 bits");
	strcpy(was, get(KERNEL "shmall"));
	put(KERNEL "shmall", "2");
	check(no_segment(8192, ENOSPC) && !no_segment(4096, ENOSPC),
	      "shmall: nor are all together: ENOSPC");
	put(KERNEL "shmall", was);
	check(put(KERNEL "shmmni", "-1") == -EINVAL && put(KERNEL "shmmni", "32769") == -EINVAL &&
		      put(KERNEL "shmmni", "1") == 1 && no_segment(4096, ENOSPC),
	      "shmmni: nor are there more: ENOSPC");
	put(KERNEL "shmmni", "4096");
	shmctl(id, IPC_RMID, NULL);
}

/* The number of a process that has ended. */
static pid_t some_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void process_numbers(void)
{
	pid_t last = 0, pid;
	int n = 0;

	check(put(KERNEL "pid_max", "300") == -EINVAL && put(KERNEL "pid_max", "-1") == -EINVAL &&
		      put(KERNEL "pid_max", "340") == 3 && shows(KERNEL "pid_max", "340"),
	      "pid_max is at least 301");
	for (pid = some_pid(); pid > last && n < 400; n++, pid = some_pid())
		last = pid;
	check(n < 400 && last < 340 && pid >= 300 && pid < 340,
	      "there is no greater pid; 300 follows the last");
	put(KERNEL "pid_max", "32768");
}

static long end_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	long end = lseek(fd, 0, SEEK_END);

	close(fd);
	return end < 0 ? -errno : end;
}

/* To append, most C libraries look for the end first. */
static void ends(void)
{
	FILE *f = fopen(KERNEL "domainname", "a");

	check(f && fputs("appended\n", f) >= 0 && !fclose(f), "opened to append");
	check(shows(KERNEL "domainname", "appended"), "and written");
	check(end_of(KERNEL "pid_max") == 0 && end_of("/proc/self/cmdline") == 0 &&
		      end_of("/proc/self/environ") == 0 && end_of("/proc/self/oom_score_adj") == 0,
	      "their end is at 0");
	check(end_of("/proc/meminfo") == -EINVAL && end_of("/proc/self/stat") == -EINVAL,
	      "other texts have none: EINVAL");
}

int main(void)
{
	numbers();
	permissions();
	overcommit();
	names();
	random_numbers();
	others();
	segments();
	process_numbers();
	ends();
	return checks_done();
}
