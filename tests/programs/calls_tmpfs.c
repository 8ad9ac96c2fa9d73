/* SPDX-License-Identifier: MIT */
/* calls_tmpfs: the file system in memory: options, limits, names, files, holes, programs. TAP. As root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096L
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static const char *self; /* path of this program */

static bool mounted(const char *options)
{
	return !mount("none", "/tmpfs.d", "tmpfs", 0, options) && !chdir("/tmpfs.d");
}

static bool unmounted(void)
{
	return !chdir("/") && !umount("/tmpfs.d");
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	lstat(path, &st);
	return st;
}

static int make(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(99);
	return fd;
}

static bool holds(const char *path, const char *text)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY);
	bool same = fd >= 0 && read(fd, buf, sizeof(buf)) == (ssize_t)strlen(text) &&
		    !strcmp(buf, text);

	close(fd);
	return same;
}

static void test_options(void)
{
	struct statfs fs;
	struct stat st;

	check(mounted("size=64k,nr_inodes=5,mode=750,uid=3,gid=4"), "mounted with options");
	st = stat_of(".");
	check(st.st_mode == (S_IFDIR | 0750) && st.st_uid == 3 && st.st_gid == 4 &&
		      st.st_nlink == 2 && st.st_size == 40,
	      "mode, owner, links and size of its root");
	check(!statfs(".", &fs) && fs.f_type == 0x01021994 && fs.f_bsize == PAGE &&
		      fs.f_blocks == 16 && fs.f_bfree == 16 && fs.f_files == 5 && fs.f_ffree == 4 &&
		      fs.f_namelen == 255,
	      "statfs");
	check(fails(mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "size=what"), EINVAL) &&
		      fails(mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "sighs=4k"), EINVAL),
	      "EINVAL: options that make no sense");
	check(!mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "size=32k,nr_inodes=6") &&
		      !statfs(".", &fs) && fs.f_blocks == 8 && fs.f_files == 6,
	      "remounted with others");
	check(unmounted(), "unmounted");
	check(mounted("nr_blocks=3"), "nr_blocks");
	check(!statfs(".", &fs) && fs.f_blocks == 3, "counts pages");
	check(stat_of(".").st_mode == (S_IFDIR | 01777), "the mode is 1777 if nobody says other");
	unmounted();
	check(mounted("size=0") && !statfs(".", &fs) && !fs.f_blocks, "size=0 is no limit");
	unmounted();
	check(fails(mount("none", "/tmpfs.d", "tmpfs", 0, "mode=9"), EINVAL), "EINVAL: mode=9");
}

static void test_limits(void)
{
	static char page[PAGE] = "page";
	struct statfs fs;
	char *p;
	int fd, n = 0;

	mounted("size=16k,nr_inodes=4");
	fd = make("file", "");
	while (write(fd, page, PAGE) == PAGE)
		n++;
	check(n == 4 && errno == ENOSPC, "ENOSPC behind the last page");
	check(stat_of("file").st_size == 4 * PAGE && stat_of("file").st_blocks == 32, "its size");
	check(!statfs(".", &fs) && !fs.f_bfree, "no block is free");
	check(fails(mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "size=12k"), EINVAL),
	      "EINVAL: remount below what is used");
	check(!mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "size=20k") &&
		      pwrite(fd, page, PAGE, 4 * PAGE) == PAGE && !ftruncate(fd, 4 * PAGE) &&
		      !mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "size=16k"),
	      "with more there is more");
	check(!ftruncate(fd, 8 * PAGE), "a hole takes none");
	check(fails(fallocate(fd, 0, 4 * PAGE, PAGE), ENOSPC), "fallocate: ENOSPC");
	check(!fallocate(fd, PUNCH, PAGE, PAGE) && !statfs(".", &fs) && fs.f_bfree == 1,
	      "a punched hole gives one back");
	check(fails(fallocate(fd, 0, 4 * PAGE, 4 * PAGE), ENOSPC) && !statfs(".", &fs) &&
		      fs.f_bfree == 1,
	      "fallocate that fails leaves nothing");
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[5 * PAGE] = 'm';
	check(!statfs(".", &fs) && !fs.f_bfree, "so does a store take one");
	if (!fork()) {
		p[6 * PAGE] = 'n';
		_exit(0);
	}
	wait(&n);
	check(WIFSIGNALED(n) && WTERMSIG(n) == SIGBUS, "SIGBUS where there is none");
	munmap(p, 8 * PAGE);
	check(!mkdir("a", 0755) && !mkdir("b", 0755) && fails(mkdir("c", 0755), ENOSPC) &&
		      fails(open("c", O_CREAT | O_WRONLY, 0644), ENOSPC),
	      "ENOSPC: no inodes");
	check(fails(link("file", "hard"), ENOSPC) && !rmdir("b") && !link("file", "hard"),
	      "another name takes one, too");
	check(!unlink("file") && !unlink("hard") && !statfs(".", &fs) && !fs.f_bfree,
	      "removed while open: still there");
	close(fd);
	check(!statfs(".", &fs) && fs.f_bfree == 4 && fs.f_ffree == 2, "closed: all is free");
	unmounted();
}

static int count_names(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void test_names(void)
{
	close(make("a", "text of a"));
	check(!link("a", "b") && stat_of("a").st_nlink == 2 &&
		      stat_of("a").st_ino == stat_of("b").st_ino,
	      "link");
	check(!mkdir("d", 0755) && stat_of("d").st_nlink == 2 && stat_of(".").st_nlink == 3 &&
		      stat_of("d").st_size == 40 && stat_of(".").st_size == 100,
	      "mkdir; links and sizes of directories");
	check(!rename("b", "d/c") && holds("d/c", "text of a") && fails(access("b", F_OK), ENOENT),
	      "rename into a directory");
	check(fails(rmdir("d"), ENOTEMPTY) && fails(unlink("d"), EISDIR) &&
		      fails(rmdir("a"), ENOTDIR),
	      "ENOTEMPTY, EISDIR, ENOTDIR");
	check(!symlink("d/c", "s") && holds("s", "text of a") && stat_of("s").st_size == 3 &&
		      stat_of("s").st_mode == (S_IFLNK | 0777),
	      "symlink");
	close(make("e", "text of e"));
	check(!rename("e", "d/c") && holds("d/c", "text of e") && stat_of("a").st_nlink == 1,
	      "rename over a file");
	check(!mkdir("d/x", 0755) && !mkdir("y", 0755) && !rename("d/x", "y") &&
		      stat_of("d").st_nlink == 2,
	      "rename over an empty directory");
	check(fails(rename("y", "d"), ENOTEMPTY) && fails(rename("d", "d/y"), EINVAL),
	      "not over a full one, not into itself");
}

/* How many of a, y, s, null and p have the right kind for readdir. */
static int kinds_told(void)
{
	struct dirent *entry;
	DIR *dir = opendir(".");
	int n = 0;

	while ((entry = readdir(dir)))
		n += (entry->d_name[0] == 's' && entry->d_type == DT_LNK) +
		     (entry->d_name[0] == 'p' && entry->d_type == DT_FIFO) +
		     (entry->d_name[0] == 'n' && entry->d_type == DT_CHR) +
		     (entry->d_name[0] == 'y' && entry->d_type == DT_DIR) +
		     (entry->d_name[0] == 'a' && entry->d_type == DT_REG);
	closedir(dir);
	return n;
}

static void test_special_files(void)
{
	char c;
	int fd;

	check(!mkfifo("p", 0600) && S_ISFIFO(stat_of("p").st_mode), "a fifo");
	check(!mknod("null", S_IFCHR | 0666, makedev(1, 3)) &&
		      stat_of("null").st_rdev == makedev(1, 3),
	      "a device");
	fd = open("null", O_RDWR);
	check(fd >= 0 && write(fd, "x", 1) == 1 && !read(fd, &c, 1), "which is /dev/null");
	close(fd);
	check(kinds_told() == 5, "readdir tells their kinds");
	check(!mkdir("m", 02777) && !chown("m", 0, 77) && !chmod("m", 02777) &&
		      (close(make("m/f", "")), stat_of("m/f").st_gid == 77) &&
		      !mkdir("m/d", 0755) && stat_of("m/d").st_mode == (S_IFDIR | 02755) &&
		      stat_of("m/d").st_gid == 77,
	      "setgid directory: its group is inherited, and the bit");
}

static void test_many_names(void)
{
	char name[300], seen[600] = { 0 };
	struct dirent *entry;
	int n = 0, twice = 0;
	DIR *dir;

	memset(name, 'n', 255);
	name[255] = '\0';
	check(!mkdir(name, 0755) && !rmdir(name), "a name of 255 bytes");
	name[255] = 'n';
	name[256] = '\0';
	check(fails(mkdir(name, 0755), ENAMETOOLONG), "ENAMETOOLONG");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "y/f%d", i);
		close(make(name, ""));
	}
	check(count_names("y") == 502, "500 names");
	dir = opendir("y");
	while ((entry = readdir(dir))) {
		int i = entry->d_name[0] == 'f' ? atoi(entry->d_name + 1) : 599;

		twice += seen[i]++ && i != 599;
		if (++n % 3 == 0 && i != 599) { /* names come and go meanwhile */
			snprintf(name, sizeof(name), "y/f%d", i);
			unlink(name);
			snprintf(name, sizeof(name), "y/g%d", i);
			close(make(name, ""));
		}
	}
	closedir(dir);
	for (int i = 0; i < 500; i++)
		n -= seen[i] == 1 ? 0 : 1000;
	check(n >= 502 && !twice, "readdir while names come and go: each that stays once");
}

static void test_files(void)
{
	struct stat before, after;
	char *p, buf[16] = "";
	int fd;

	mounted("size=8m");
	fd = make("f", "0123456789");
	check(pwrite(fd, "x", 1, 3 * PAGE) == 1 && stat_of("f").st_size == 3 * PAGE + 1 &&
		      stat_of("f").st_blocks == 16,
	      "a write far behind the end leaves a hole");
	check(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 0, SEEK_HOLE) == PAGE &&
		      lseek(fd, PAGE, SEEK_DATA) == 3 * PAGE &&
		      lseek(fd, 3 * PAGE, SEEK_HOLE) == 3 * PAGE + 1 &&
		      fails(lseek(fd, 3 * PAGE + 1, SEEK_DATA), ENXIO),
	      "SEEK_DATA, SEEK_HOLE");
	check(pread(fd, buf, 4, PAGE) == 4 && !buf[0] && stat_of("f").st_blocks == 16,
	      "to read a hole takes no memory");
	check(!fallocate(fd, PUNCH, 2, PAGE) && pread(fd, buf, 4, 0) == 4 &&
		      !memcmp(buf, "01\0", 4) && stat_of("f").st_blocks == 16,
	      "part of a page becomes zero");
	check(!fallocate(fd, 0, 0, 6 * PAGE) && stat_of("f").st_size == 6 * PAGE &&
		      stat_of("f").st_blocks == 48,
	      "fallocate");
	check(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 6 * PAGE, PAGE) &&
		      stat_of("f").st_size == 6 * PAGE && stat_of("f").st_blocks == 56,
	      "behind the end with KEEP_SIZE");
	check(fails(fallocate(fd, 0x10, 0, PAGE), EOPNOTSUPP) &&
		      fails(fallocate(fd, 0x08, 0, PAGE), EOPNOTSUPP),
	      "EOPNOTSUPP: other modes");
	before = stat_of("f");
	usleep(20000);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[7] = 'm';
	check(pread(fd, buf, 1, 7) == 1 && buf[0] == 'm', "read sees a store");
	munmap(p, PAGE);
	pwrite(fd, "w", 1, 9);
	after = stat_of("f");
	check(after.st_mtim.tv_sec * 1000000000L + after.st_mtim.tv_nsec >
		      before.st_mtim.tv_sec * 1000000000L + before.st_mtim.tv_nsec,
	      "a write moves mtime");
	check(!fsync(fd) && !fdatasync(fd), "fsync has nothing to do");
	close(fd);
	fd = open("s", O_RDWR | O_CREAT, 0600);
	check(!ftruncate(fd, 64 * PAGE) && fails(swapon("s", 0), EINVAL),
	      "no place for swap: EINVAL");
	close(fd);
	check(unmounted(), "unmounted");
}

/* What was is not later than the answer, what comes is. */
static struct timespec pause_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	usleep(12000);
	return now;
}

static bool changed(const char *path, struct timespec since)
{
	struct timespec now = stat_of(path).st_ctim;

	return now.tv_sec > since.tv_sec ||
	       (now.tv_sec == since.tv_sec && now.tv_nsec > since.tv_nsec);
}

static void test_times(void)
{
	struct timespec since;
	struct stat st;
	int fd;

	mounted(NULL);
	fd = make("f", "text");
	mkdir("d", 0755);
	since = pause_now();
	link("f", "d/g");
	check(changed("f", since) && changed("d", since) && !changed(".", since),
	      "link: ctime of the file and of the directory");
	st = stat_of("d");
	check(!memcmp(&st.st_ctim, &st.st_mtim, sizeof(st.st_mtim)), "whose mtime it is, too");
	since = pause_now();
	rename("d/g", "h");
	check(changed("f", since) && changed("d", since) && changed(".", since),
	      "rename: of the file and of both directories");
	since = pause_now();
	unlink("h");
	check(changed("f", since) && changed(".", since) && !changed("d", since),
	      "unlink: of the file that has other names");
	since = pause_now();
	fallocate(fd, 0, 0, PAGE);
	check(changed("f", since), "fallocate: of the file");
	close(fd);
	unmounted();
}

static bool shown(const char *want)
{
	char line[512];
	FILE *f = fopen("/proc/mounts", "r");
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, " /tmpfs.d ") && strstr(line, want);
	if (f)
		fclose(f);
	return found;
}

/* With the rights of root, but not his id. */
static int mount_as_user(void)
{
	unsigned int header[2] = { 0x20080522, 0 }, all[6] = { ~0u, ~0u, 0, ~0u, ~0u, 0 };

	prctl(PR_SET_KEEPCAPS, 1);
	if (setresgid(4, 4, 4) || setresuid(3, 3, 3) || syscall(SYS_capset, header, all))
		return 2;
	if (!mounted(NULL) || stat_of(".").st_uid != 3 || stat_of(".").st_gid != 4 || !unmounted())
		return 3;
	return !mounted("uid=0,gid=0") || stat_of(".").st_uid || stat_of(".").st_gid ||
	       !unmounted();
}

static void test_more_options(void)
{
	struct statfs whole, half;
	int status;

	mounted("size=100%");
	statfs(".", &whole);
	unmounted();
	mounted("size=50%,nr_inodes=100");
	check(!statfs(".", &half) && half.f_blocks >= whole.f_blocks / 2 - 50 &&
		      half.f_blocks <= whole.f_blocks / 2 + 1,
	      "a size in hundredths of all memory");
	check(shown(",nr_inodes=100"), "/proc/mounts shows limits");
	mkdir("a", 0755), mkdir("b", 0755);
	check(fails(mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "nr_inodes=2"), EINVAL) &&
		      !mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "nr_inodes=3"),
	      "no fewer inodes than there are");
	unmounted();
	mounted("size=0,nr_inodes=0");
	check(fails(mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "size=1m"), EINVAL) &&
		      fails(mount("none", "/tmpfs.d", "tmpfs", MS_REMOUNT, "nr_inodes=100"),
			    EINVAL),
	      "what has no limit gets none");
	unmounted();
	if (!fork())
		_exit(mount_as_user());
	wait(&status);
	check(status == 0, "the root belongs to who mounted it, or whom he says");
}

/* This program, copied there, runs. */
static void test_exec(void)
{
	char buf[65536];
	int from = open(self, O_RDONLY), to, status = -1;
	ssize_t n;

	mounted(NULL);
	to = open("copy", O_WRONLY | O_CREAT, 0755);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			break;
	close(from);
	close(to);
	if (!fork()) {
		execl("./copy", "copy", "exec", NULL);
		_exit(1);
	}
	wait(&status);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a program in it runs");
	unmounted();
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exec"))
		return 7;
	self = "/proc/self/exe";
	mkdir("/tmpfs.d", 0755);
	test_options();
	test_limits();
	mounted(NULL);
	test_names();
	test_special_files();
	test_many_names();
	check(fails(umount("/tmpfs.d"), EBUSY), "EBUSY: in use");
	check(unmounted(), "full, it is unmounted");
	test_files();
	test_times();
	test_more_options();
	test_exec();
	rmdir("/tmpfs.d");
	return checks_done();
}
