/* SPDX-License-Identifier: MIT */
/*
 * calls_edges: the edges of calls on files: which of two mistakes is told, positions out of range, empty
 * vectors, times that a file system cannot keep, limits, and names that cannot move. TAP.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "calls.h"

#define NOREPLACE 1
/* RWF_* of preadv2(2) and pwritev2(2) */
#define SYNC 4
#define NOWAIT 8
#define APPEND 16
#define UNKNOWN 0x1000

static char buf[4096];

static void reading(void)
{
	int file = open("f", O_RDWR), dir = open(".", O_RDONLY), path = open("f", O_PATH);
	struct iovec empty[2] = { { buf, 0 }, { NULL, 0 } }, one = { buf, 1 };

	check(fails(read(file, buf, -1), EFAULT) && fails(write(file, buf, -1), EFAULT) &&
		      fails(read(dir, (void *)-1, 1), EFAULT) && fails(read(dir, buf, 1), EISDIR),
	      "a buffer that cannot be is told first");
	check(readv(dir, empty, 0) == 0 && readv(dir, empty, 2) == 0 &&
		      fails(readv(dir, &one, 1), EISDIR) && fails(read(dir, buf, 0), EISDIR),
	      "an empty vector may be read from a directory");
	check(fails(pread(path, buf, 1, 0), EBADF) && fails(pwrite(path, buf, 1, 0), EBADF) &&
		      posix_fadvise(path, 0, 0, POSIX_FADV_NORMAL) == EBADF,
	      "O_PATH: not even a position");
	close(file);
	close(dir);
	close(path);
}

/* Of any file, and of a pipe. */
static bool tells_block_size(int fd)
{
	struct stat st;
	int size = 0;

	return !ioctl(fd, 2 /* FIGETBSZ */, &size) && !fstat(fd, &st) && size == st.st_blksize;
}

static void block_sizes(void)
{
	int file = open("f", O_RDONLY), dir = open(".", O_RDONLY), path = open("f", O_PATH), p[2];

	pipe(p);
	check(tells_block_size(file) && tells_block_size(dir) && tells_block_size(p[0]) &&
		      fails(ioctl(path, 2, buf), EBADF) && fails(ioctl(file, 2, NULL), EFAULT),
	      "FIGETBSZ");
	close(file);
	close(dir);
	close(path);
	close(p[0]);
	close(p[1]);
}

static void positions(void)
{
	int file = open("f", O_RDWR), dir = open(".", O_RDONLY), null = open("/dev/null", O_RDWR);
	int pipes[2];

	pipe(pipes);
	check(lseek(file, 5, SEEK_SET) == 5 && fails(lseek(file, INT64_MAX, SEEK_CUR), EINVAL) &&
		      fails(lseek(file, INT64_MAX, SEEK_END), EINVAL) &&
		      lseek(file, 0, SEEK_CUR) == 5,
	      "no position beyond the largest");
	check(fails(lseek(pipes[0], 0, 9), EINVAL) && fails(lseek(pipes[0], 0, 0), ESPIPE) &&
		      fails(lseek(null, 0, 9), EINVAL) && lseek(null, 5, SEEK_SET) == 0,
	      "whence is looked at first");
	check(readahead(file, -1, 10) == 0 && fails(readahead(pipes[0], 0, 10), EINVAL),
	      "readahead from nowhere");
	close(file);
	close(dir);
	close(null);
	close(pipes[0]);
	close(pipes[1]);
}

/* preadv2 or pwritev2 of @v[0..n) */
static long vector(bool write, int fd, const struct iovec *v, int n, long pos, int flags)
{
	return syscall(write ? SYS_pwritev2 : SYS_preadv2, fd, v, n, pos, 0, flags);
}

static void appended(void)
{
	struct iovec v[2] = { { "ab", 2 }, { "cd", 2 } }, none = { NULL, 0 }, in = { buf, 30 };
	int fd = open("v", O_RDWR | O_CREAT, 0644), ro = open("v", O_RDONLY), pipes[2];

	pipe(pipes);
	write(fd, "0123456789", 10);
	lseek(fd, 3, SEEK_SET);
	check(vector(true, fd, v, 1, 2, APPEND) == 2 && lseek(fd, 0, SEEK_CUR) == 3 &&
		      vector(true, fd, v, 2, 0, APPEND) == 4 && lseek(fd, 0, SEEK_CUR) == 3,
	      "RWF_APPEND: to the end, whatever the position that is given");
	check(vector(true, fd, v, 1, -1, APPEND | SYNC) == 2 && lseek(fd, 0, SEEK_CUR) == 18 &&
		      vector(false, ro, &in, 1, 0, APPEND) == 18 &&
		      !memcmp(buf, "0123456789ababcdab", 18),
	      "of the file's own position: that is behind it then");
	check(vector(true, pipes[1], v, 2, -1, APPEND) == 4 &&
		      fails(vector(true, pipes[1], v, 2, 0, APPEND), ESPIPE) &&
		      fails(vector(true, pipes[1], v, 2, 0, UNKNOWN), ESPIPE) &&
		      fails(vector(true, pipes[1], v, -1, 0, 0), ESPIPE),
	      "a pipe has no other end, which is told first");
	check(fails(vector(true, ro, v, 1, 0, UNKNOWN), EBADF) &&
		      fails(vector(true, -1, v, 1, 0, UNKNOWN), EBADF) &&
		      vector(true, fd, &none, 1, 0, UNKNOWN) == 0 &&
		      fails(vector(true, fd, v, 1, 0, UNKNOWN), EOPNOTSUPP),
	      "an unknown flag: EOPNOTSUPP, if there is something to do");
	close(fd);
	close(ro);
	close(pipes[0]);
	close(pipes[1]);
}

static void without_waiting(bool on_disk)
{
	static char pages[2 * 4096];
	struct iovec v[2] = { { pages, 4000 }, { pages + 4000, 4192 } };
	int fd = open("w", O_RDWR | O_CREAT, 0644);

	write(fd, pages, sizeof(pages));
	check(fails(vector(true, fd, v, 1, 0, NOWAIT), EOPNOTSUPP), "RWF_NOWAIT: not to write");
	if (!on_disk) {
		check(fails(vector(false, fd, v, 1, 0, NOWAIT), EOPNOTSUPP), "nor memory");
		close(fd);
		return;
	}
	check(vector(false, fd, v, 2, 0, NOWAIT) == 8192, "what is in memory is read");
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	check(fails(vector(false, fd, v, 2, 0, NOWAIT), EAGAIN), "what is not: EAGAIN");
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	check(pread(fd, pages, 1, 0) == 1 && vector(false, fd, v, 2, 10, NOWAIT) == 4086 &&
		      fails(vector(false, fd, v, 2, 4096, NOWAIT), EAGAIN) &&
		      vector(false, fd, v, 2, 8192, NOWAIT) == 0,
	      "as much as there is, and nothing at the end");
	close(fd);
}

static void telling(void)
{
	struct timespec bad[2] = { { 0, -1 }, { 0, 0 } };
	int pipes[2], path = open("f", O_PATH);
	struct statfs fs;
	uint32_t x[64];

	pipe(pipes);
	check(fails(readlink("", buf, 10), ENOENT) &&
		      fails(readlinkat(path, "", buf, 10), ENOENT) &&
		      fails(readlink("f", buf, 10), EINVAL),
	      "readlink of no name at all");
	check(fstatfs(pipes[0], &fs) == 0 && fs.f_type == 0x50495045 && fs.f_namelen == 255,
	      "fstatfs of a pipe");
	check(fails(utimensat(AT_FDCWD, "none", bad, 0), ENOENT) &&
		      fails(utimensat(AT_FDCWD, "f", bad, 0), EINVAL),
	      "utimensat: first the file, then the times");
	memset(x, 0, sizeof(x));
	check(syscall(SYS_statx, AT_FDCWD, "/", 0, 0x17ff, x) == 0 && x[0] & 0x1000 &&
		      x[2] & 0x2000 && syscall(SYS_statx, AT_FDCWD, "f", 0, 0x17ff, x) == 0 &&
		      !(x[2] & 0x2000) && x[36],
	      "statx: the mount, and where it begins");
	check(fails(mount("none", ".", "ext2", 0, NULL), ENOENT) &&
		      fails(mount("f", ".", "ext2", 0, NULL), ENOTBLK),
	      "mount: no disk, or none");
	close(pipes[0]);
	close(pipes[1]);
	close(path);
}

static void times(bool on_disk)
{
	struct timespec t[2] = { { 1, 500 }, { 1LL << 40, 7 } }, first[2] = { { 9, 0 }, { 10, 0 } };
	int fd = open("f", O_RDWR | O_APPEND);
	struct stat st;

	utimensat(AT_FDCWD, "f", t, 0);
	fstat(fd, &st);
	check(st.st_atim.tv_sec == 1 && st.st_atim.tv_nsec == (on_disk ? 0 : 500) &&
		      st.st_mtim.tv_sec == (on_disk ? INT32_MAX : 1LL << 40),
	      "the nearest time that can be kept");
	write(fd, "x", 1);
	fstat(fd, &st);
	check(!on_disk || (!st.st_mtim.tv_nsec && !st.st_ctim.tv_nsec), "also for now");
	utimensat(AT_FDCWD, "f", first, 0);
	read(fd, buf, sizeof(buf));
	utimensat(AT_FDCWD, "f", first, 0);
	check(read(fd, buf, 1) == 0 && fstat(fd, &st) == 0 && st.st_atim.tv_sec != 9,
	      "a look at the end is a look");
	close(fd);
}

static void renaming(void)
{
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	make_file("g", "x", 0644);
	check(fails(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, ".", NOREPLACE), EEXIST) &&
		      fails(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, ".", 0), EBUSY) &&
		      fails(syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "d/sub", NOREPLACE),
			    EEXIST) &&
		      fails(rename("d", "d/sub"), EINVAL),
	      "RENAME_NOREPLACE is told first");
	check(fails(unlink("/proc"), EISDIR) && fails(rmdir("/proc"), EBUSY),
	      "a mount point is a directory");
}

static int may_not_rename(void)
{
	return fails(rename("mine/f", "dir"), EACCES) && fails(rename("mine/f", "mine/d"), EISDIR);
}

static void ranges(void)
{
	int fd = open("f", O_RDONLY), copy = dup(fd), other;
	pid_t pid;

	check(fails(syscall(SYS_close_range, 5, 4, 0), EINVAL) &&
		      fails(syscall(SYS_close_range, 5, 6, 8), EINVAL),
	      "close_range: no such range");
	pid = syscall(SYS_clone, 0x400 | SIGCHLD, NULL, NULL, NULL, NULL); /* CLONE_FILES */
	if (!pid)
		_exit(syscall(SYS_close_range, copy, ~0U, 2) == 0 && fcntl(copy, F_GETFD) == -1);
	other = exit_of(pid);
	check(other == 1 && fcntl(copy, F_GETFD) == 0, "CLOSE_RANGE_UNSHARE: one's own alone");
	close(fd);
	close(copy);
}

static volatile int told;

static void tell(int sig)
{
	told = sig;
}

static int allocate(void)
{
	struct rlimit limit = { 100, RLIM_INFINITY };
	int fd = open("f", O_RDWR);

	signal(SIGXFSZ, tell);
	setrlimit(RLIMIT_FSIZE, &limit);
	return fallocate(fd, 0, 0, 100) == 0 && !told && fails(fallocate(fd, 0, 0, 101), EFBIG) &&
	       told == SIGXFSZ;
}

static int allocate_setid(void)
{
	struct stat st;
	int fd = open("setid", O_RDWR);

	return fallocate(fd, 0, 0, 100) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0777;
}

static void all_of_it(const char *dir, bool on_disk)
{
	if (mkdir(dir, 0755) || chdir(dir))
		_exit(99);
	make_file("f", "hello world", 0644);
	reading();
	block_sizes();
	positions();
	appended();
	without_waiting(on_disk);
	telling();
	times(on_disk);
	renaming();
	mkdir("mine", 0777);
	chmod("mine", 0777);
	mkdir("mine/d", 0777);
	make_file("mine/f", "x", 0666);
	mkdir("dir", 0755);
	check(as_user(1000, 1000, may_not_rename) == 1, "rename: who may not is not told of kinds");
	ranges();
	if (!on_disk) {
		make_file("setid", "x", 06777);
		check(in_child(allocate) == 1, "fallocate keeps to RLIMIT_FSIZE");
		check(as_user(1000, 1000, allocate_setid) == 1, "and takes set-id bits");
	}
	chdir("/");
}

int main(void)
{
	umask(022);
	mkdir("/edges", 0755);
	all_of_it("/edges/disk", true);
	mkdir("/edges/mount", 0755);
	check(mount("none", "/edges/mount", "tmpfs", 0, NULL) == 0, "tmpfs");
	all_of_it("/edges/mount/d", false);
	check(umount("/edges/mount") == 0, "nothing holds it");
	check(system("rm -r /edges") == 0, "nor is anything left");
	return checks_done();
}
