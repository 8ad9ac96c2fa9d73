/* SPDX-License-Identifier: MIT */
/*
 * calls_proc_fd: /proc/PID/{fd,fdinfo,task,exe,cwd,root,mounts,mountinfo}: lists, links and what they
 * lead to, and who may look. TAP.
 */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "calls.h"
#include "proc_read.h"

/* The link's text, in a buffer that the next call uses again. */
static const char *link_of(const char *fmt, ...)
{
	static char target[PATH_MAX];
	char path[256];
	va_list args;
	ssize_t n;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	return target;
}

/* Is @name listed in directory @path? The number of its other entries goes to *count. */
static bool listed(const char *path, const char *name, int *count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	*count = 0;
	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, name))
			found = true;
		else if (*entry->d_name != '.')
			++*count;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* --- fd --- */

static void fd_links(void)
{
	int fd = open("/tmp/proc_fd.txt", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2], again, count;
	char path[64], c = 0;
	struct stat a, b;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(!strcmp(link_of(path), "/tmp/proc_fd.txt"), "fd/N is a link to the file");
	check(!lstat(path, &a) && S_ISLNK(a.st_mode) && (a.st_mode & 0777) == 0700 &&
		      a.st_size == 64,
	      "rwx: open for reading and writing");
	check(!stat(path, &a) && !fstat(fd, &b) && a.st_ino == b.st_ino, "followed: the file");
	check(listed("/proc/self/fd", strrchr(path, '/') + 1, &count) && count == 4,
	      "listed, with 0, 1, 2 and the directory itself");
	check(unlink("/tmp/proc_fd.txt") == 0 &&
		      !strcmp(link_of(path), "/tmp/proc_fd.txt (deleted)"),
	      "removed: (deleted)");
	write(fd, "text", 4);
	again = open(path, O_RDONLY);
	check(again >= 0 && read(again, &c, 1) == 1 && c == 't',
	      "and can still be opened, from its start");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", again);
	check(!lstat(path, &a) && (a.st_mode & 0777) == 0500, "r-x: for reading");
	close(again);
	check(readlink(path, &c, 1) == -1 && errno == ENOENT, "closed: ENOENT");
	close(fd);
	pipe(p);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	fstat(p[0], &a);
	check(strtoul(link_of(path) + 6, NULL, 10) == a.st_ino &&
		      !strncmp(link_of(path), "pipe:[", 6),
	      "a pipe is pipe:[its number], from both ends");
	again = open(path, O_WRONLY);
	check(again >= 0 && write(again, "x", 1) == 1 && read(p[0], &c, 1) == 1 && c == 'x',
	      "and can be opened");
	check(!stat(path, &b) && b.st_ino == a.st_ino && S_ISFIFO(b.st_mode),
	      "and stat follows it");
	close(again);
	close(p[0]);
	close(p[1]);
	check(access("/proc/self/fd/00", F_OK) == -1 && access("/proc/self/fd/x", F_OK) == -1 &&
		      access("/proc/self/fd/-1", F_OK) == -1,
	      "nothing else is a descriptor");
}

static void fdinfo(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	lseek(fd, 1234, SEEK_SET);
	fstat(fd, &st);
	check(slurpf("/proc/self/fdinfo/%d", fd) > 0 && number("pos") == 1234, "fdinfo: position");
	check(strtoul(value("flags"), NULL, 8) == (O_RDONLY | O_CLOEXEC | 0100000),
	      "fdinfo: flags in octal, with close-on-exec");
	check(number("ino") == st.st_ino && *value("mnt_id"), "fdinfo: inode, mount");
	check(stat("/proc/self/fdinfo/0", &st) == 0 && st.st_mode == (S_IFREG | 0444),
	      "fdinfo: its mode");
	close(fd);
	check(slurpf("/proc/self/fdinfo/%d", fd) == -ENOENT, "closed: ENOENT");
}

/* --- exe, cwd, root, self --- */

static void links(const char *self)
{
	char cwd[PATH_MAX];
	struct stat a, b;
	int fd;

	check(!strcmp(link_of("/proc/self/exe"), self), "exe: the program");
	check(!stat("/proc/self/exe", &a) && !stat(self, &b) && a.st_ino == b.st_ino,
	      "followed as well");
	check(open("/proc/self/exe", O_WRONLY) == -1 && errno == ETXTBSY, "it runs: ETXTBSY");
	mkdir("/tmp/proc_cwd", 0700);
	chdir("/tmp/proc_cwd");
	check(!strcmp(link_of("/proc/self/cwd"), "/tmp/proc_cwd"), "cwd");
	fd = open("x", O_CREAT | O_WRONLY, 0600);
	close(fd);
	check(!access("/proc/self/cwd/x", F_OK), "and a path goes on behind it");
	unlink("x");
	rmdir("/tmp/proc_cwd");
	check(!strcmp(link_of("/proc/self/cwd"), "/tmp/proc_cwd (deleted)"), "removed: (deleted)");
	chdir("/");
	check(!strcmp(link_of("/proc/self/root"), "/"), "root");
	snprintf(cwd, sizeof(cwd), "%d", getpid());
	check(!strcmp(link_of("/proc/self"), cwd), "self is the pid");
	snprintf(cwd, sizeof(cwd), "%d/task/%ld", getpid(), syscall(SYS_gettid));
	check(!strcmp(link_of("/proc/thread-self"), cwd), "thread-self is PID/task/TID");
	check(!strcmp(link_of("/proc/mounts"), "self/mounts"), "mounts is self/mounts");
}

/* --- task --- */

static volatile int started, done;

static void *a_thread(void *arg)
{
	int *tid = arg, count;
	char name[16];

	*tid = (int)syscall(SYS_gettid);
	snprintf(name, sizeof(name), "%d", *tid);
	if (!listed("/proc/thread-self/task", name, &count))
		__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
	while (!done)
		usleep(1000);
	return NULL;
}

/* pthread_join() returns when the thread is about to go, which may be before its name went. */
static bool left_alone(void)
{
	int count = 0;

	for (int tries = 0; tries < 2000 && count != 1; tries++) {
		if (tries)
			usleep(1000);
		listed("/proc/self/task", "x", &count);
	}
	return count == 1;
}

static void tasks(void)
{
	int tids[5], count;
	pthread_t threads[5];
	struct stat st;
	char name[32];

	for (int i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, a_thread, &tids[i]);
	while (started < 5)
		usleep(1000);
	snprintf(name, sizeof(name), "%d", tids[3]);
	check(listed("/proc/self/task", name, &count) && count == 5, "task lists all threads");
	check(!listed("/proc", name, &count) && count > 10, "/proc does not list them");
	snprintf(name, sizeof(name), "/proc/self/task/%d/fd", tids[4]);
	check(!stat(name, &st) && st.st_mode == (S_IFDIR | 0500),
	      "a thread has the files of a process");
	snprintf(name, sizeof(name), "/proc/self/task/%d/task", tids[4]);
	check(stat(name, &st) == -1 && errno == ENOENT, "but no threads");
	done = 1;
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	check(left_alone(), "joined: one is left");
}

/* --- whose it is --- */

/* Status 0: as another user this path gives EACCES. */
static int refused(const char *path, bool is_link)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		char c;

		if (setgid(1000) || setuid(1000))
			_exit(9);
		if (is_link)
			_exit(readlink(path, &c, 1) == -1 && errno == EACCES ? 0 : 1);
		_exit(open(path, O_RDONLY) == -1 && errno == EACCES ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void other_users(void)
{
	struct stat dir, file, a;
	int go[2], ready[2];
	char c, path[64];
	pid_t pid;

	check(!stat("/proc/self", &a) && a.st_uid == 0, "root's process is root's");
	pipe(go);
	pipe(ready);
	pid = fork();
	if (!pid) {
		setgid(1001);
		setuid(1000);
		write(ready[1], "x", 1);
		read(go[0], &c, 1);
		_exit(0);
	}
	read(ready[0], &c, 1);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	stat(path, &dir);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	stat(path, &file);
	check(dir.st_uid == 1000 && dir.st_gid == 1001, "another user's is his");
	check(file.st_uid == 0 && file.st_gid == 0,
	      "what is in it is root's, since he became somebody else: not dumpable");
	slurp(path);
	check(!strncmp(value("Uid"), "1000\t1000\t1000\t1000\n", 20) &&
		      !strncmp(value("CapEff"), "0000000000000000\n", 17),
	      "status tells the user, without capabilities");
	write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
	check(refused("/proc/1/environ", false) == 0, "environ of others: EACCES");
	check(refused("/proc/1/maps", false) == 0, "maps as well");
	check(refused("/proc/1/exe", true) == 0, "and where the link exe leads");
	check(refused("/proc/1/cwd", true) == 0, "and cwd");
	check(refused("/proc/1/fd", false) == 0, "and the list of descriptors");
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(ready[i]);
	}
}

/* --- what cannot be done to it --- */

static void fixed_modes(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	struct stat st;

	check(fails(chmod("/proc/self", 0700), EPERM) &&
		      fails(chmod("/proc/self/status", 0644), EPERM) &&
		      fails(chmod("/proc/self/task", 0755), EPERM) &&
		      fails(chmod("/proc/self/fdinfo/0", 0600), EPERM) &&
		      fails(fchmod(fd, 0600), EPERM) && !fstat(fd, &st) &&
		      st.st_mode == (S_IFREG | 0444),
	      "a process's files keep their modes: EPERM");
	check(fchown(fd, 0, 0) == 0, "to whom they belong anyway they can be given");
	close(fd);
}

/* Of a process that was waited for only its open directories are left. */
static void nobodys_directory(void)
{
	static const char *const parts[] = { "", "/task" };
	pid_t pid = fork();
	char path[64];
	int fds[2];

	if (!pid) {
		pause();
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d%s", pid, parts[i]);
		fds[i] = open(path, O_RDONLY | O_DIRECTORY);
	}
	check(fchdir(fds[0]) == 0 && fchdir(fds[1]) == 0 && chdir("/") == 0, "one can go there");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		check(fails(fchdir(fds[i]), ESRCH), "but not when it is dead: ESRCH");
		check(fails(openat(fds[i], ".", O_RDONLY), ESRCH) &&
			      fails(openat(fds[i], "..", O_RDONLY), ESRCH) &&
			      fails(faccessat(fds[i], ".", F_OK, 0), ESRCH),
		      "and nothing can be looked up from there");
		close(fds[i]);
	}
}

/* --- mounts --- */

static void mounts(void)
{
	unsigned int id, parent, major_nr, minor_nr;
	char root[64], place[64], options[64];
	struct stat st;
	char *line;
	int fd;

	slurp("/proc/self/mounts");
	line = strstr(text, " /proc proc rw,");
	check(line && strstr(line, " 0 0\n"), "mounts: source, place, type, options, two zeros");
	fd = open("/proc/version", O_RDONLY);
	fstat(fd, &st);
	slurpf("/proc/self/fdinfo/%d", fd);
	close(fd);
	parent = (unsigned int)number("mnt_id");
	slurp("/proc/self/mountinfo");
	line = strstr(text, " /proc rw");
	while (line && line > text && line[-1] != '\n')
		line--;
	check(line && sscanf(line, "%u %*u %u:%u %63s %63s %63s", &id, &major_nr, &minor_nr, root,
			     place, options) == 6,
	      "mountinfo: id, parent, device, root, place, options");
	check(id == parent, "fdinfo's mount is this one");
	check(major_nr == major(st.st_dev) && minor_nr == minor(st.st_dev),
	      "its device is what stat says");
	check(!strcmp(root, "/") && line && strstr(line, " - proc proc rw\n"),
	      "type, source and options behind");
}

int main(int argc, char **argv)
{
	(void)argc;
	fd_links();
	fdinfo();
	links(argv[0]);
	tasks();
	other_users();
	fixed_modes();
	nobodys_directory();
	mounts();
	return checks_done();
}
