/* SPDX-License-Identifier: MIT */
/*
 * race_proc: /proc is read while what it tells of comes and goes. A process that is gone is ENOENT
 * or ESRCH, or says nothing; of one that is there each file makes sense by itself.
 */
#include "race.h"

#include <dirent.h>
#include <sys/uio.h>

#define TEXT 65536

static _Thread_local char text[TEXT];

/* The whole file as a string: its length, or -1 when its process is gone. */
static ssize_t read_file(const char *path)
{
	ssize_t n, done = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		if (errno != ENOENT && errno != ESRCH && errno != EACCES)
			complain("open %s: %s", path, strerror(errno));
		return -1;
	}
	while (done < TEXT - 1 && (n = read(fd, text + done, (size_t)(TEXT - 1 - done))) > 0)
		done += n;
	if (n < 0 && errno != ESRCH && errno != ENOENT)
		complain("read %s: %s", path, strerror(errno));
	close(fd);
	text[done] = '\0';
	return n < 0 ? -1 : done;
}

static void look_at_maps(const char *path)
{
	unsigned long start, end, last = 0;

	if (read_file(path) <= 0)
		return;
	for (char *line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2) {
			if (strlen(text) < TEXT - 2)
				complain("a line of %s: %.40s", path, line);
			return;
		}
		if (start < last || end <= start)
			complain("%s: %lx-%lx behind %lx", path, start, end, last);
		last = end;
	}
}

static void look_at_stat(const char *path, const char *pid)
{
	char *close;
	char state;
	int ppid;

	if (read_file(path) <= 0)
		return;
	close = strrchr(text, ')');
	if (atoi(text) != atoi(pid) || !close || sscanf(close, ") %c %d", &state, &ppid) != 2 ||
	    !strchr("RSDTtZXI", state) || ppid < 0)
		complain("%s: %.60s", path, text);
}

static void look_at_process(const char *pid)
{
	static const char *const files[] = {
		"auxv", "cmdline", "comm", "environ", "statm", "status"
	};
	char path[300], link[300];
	uint64_t entries[16];
	ssize_t n;
	int fd;

	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "/proc/%s/%s", pid, files[i]);
		read_file(path);
	}
	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	look_at_stat(path, pid);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	look_at_maps(path);
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	n = readlink(path, link, sizeof(link));
	if (n > 0 && link[0] != '/')
		complain("%s leads to %.40s", path, link);
	snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && pread(fd, entries, sizeof(entries), 0x400 * 8) < 0 && errno != ESRCH)
		complain("%s: %s", path, strerror(errno));
	close(fd);
}

static void look_at_system(void)
{
	static const char *const files[] = { "meminfo",     "vmstat",    "stat",      "cpuinfo",
					     "uptime",      "slabinfo",  "buddyinfo", "swaps",
					     "self/status", "interrupts" };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s", files[below(COUNT(files))]);
	read_file(path);
}

static void read_proc(int id)
{
	struct dirent *entry;
	DIR *dir;

	(void)id;
	while (!stopped()) {
		dir = opendir("/proc");
		if (!dir)
			bail("/proc");
		while (!stopped() && (entry = readdir(dir)))
			if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
				look_at_process(entry->d_name);
		closedir(dir);
		look_at_system();
	}
}

/* Where each of them has the same, whatever program it runs and whoever writes there. */
#define MARK 0x6d61726bUL
static volatile unsigned long marks[2 * PAGE / 8] __attribute__((aligned(PAGE))) = { MARK };
static pid_t victims[4];

static void look_into(pid_t pid)
{
	unsigned long mark = MARK, page[PAGE / 8];
	struct iovec local = { &mark, sizeof(mark) };
	struct iovec remote = { (void *)(unsigned long)marks, sizeof(mark) };
	char path[64];
	ssize_t n;
	int fd;

	n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (mark != MARK || (n < 0 && errno != ESRCH && errno != EFAULT))
		complain("process_vm_readv of %d: %zd (%s), %#lx", pid, n, strerror(errno), mark);
	n = process_vm_writev(pid, &local, 1, &remote, 1, 0);
	if (n < 0 && errno != ESRCH && errno != EFAULT)
		complain("process_vm_writev of %d: %s", pid, strerror(errno));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return;
	for (int i = 0; i < 8; i++) { /* while it may exec, die and be waited for */
		n = pread(fd, page, sizeof(page), (off_t)(unsigned long)marks);
		if (n > 0 ? page[0] != MARK || page[1] : n && errno != EIO)
			complain("%s: %zd (%s), %#lx", path, n, strerror(errno), page[0]);
		n = pwrite(fd, &mark, sizeof(mark), (off_t)(unsigned long)(marks + PAGE / 8));
		if (n < 0 && errno != EIO)
			complain("write to %s: %s", path, strerror(errno));
	}
	close(fd);
}

static void reach_out(int id)
{
	while (!stopped()) {
		pid_t pid = __atomic_load_n(&victims[below(COUNT(victims))], __ATOMIC_RELAXED);

		if (pid > 0)
			look_into(pid);
	}
	(void)id;
}

/* Processes that map, unmap, exec and die. */
static void live_and_die(void)
{
	pid_t *pids = victims;

	for (size_t i = 0; i < COUNT(victims); i++) {
		pid_t pid = fork();

		if (pid < 0)
			bail("fork");
		__atomic_store_n(&pids[i], pid, __ATOMIC_RELAXED);
		if (pid)
			continue;
		for (unsigned long n = 0; n < 8; n++)
			munmap(map_at(NULL, 1 + n, RW, PRIVATE, -1), PAGE);
		if (i % 2)
			execl("/proc/self/exe", "race_proc", "die", NULL);
		_exit(0);
	}
	for (size_t i = 0; i < COUNT(victims); i++)
		waitpid(pids[i], NULL, 0);
}

static void test_processes(void)
{
	check(race(read_proc, live_and_die), "/proc tells of processes that come and go");
}

static void test_memory(void)
{
	check(race(reach_out, live_and_die),
	      "memory of processes that come and go is read and written");
}

static const struct race_test tests[] = { { "processes", test_processes },
					  { "memory", test_memory } };

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "die"))
		return 0;
	return run_races(tests, COUNT(tests), argv);
}
