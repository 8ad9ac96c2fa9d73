/* SPDX-License-Identifier: MIT */
/* calls_file: opening, reading and writing regular files; copying between them; times; limits. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "calls.h"

static char buf[70000];
static struct stat st;

static int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	write(fd, text, strlen(text));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static long size_of(const char *name)
{
	return stat(name, &st) ? -1 : st.st_size;
}

static void opening(void)
{
	close(make("f", "0123456789"));
	mkdir("d", 0755);
	symlink("f", "l");
	symlink("nowhere", "dangling");
	symlink("loop", "loop");
	symlink("d", "ld");
	check(fails(open("f", O_CREAT | O_EXCL, 0644), EEXIST) &&
		      fails(open("l", O_CREAT | O_EXCL, 0644), EEXIST) &&
		      fails(open("dangling", O_CREAT | O_EXCL, 0644), EEXIST) &&
		      fails(open("d", O_CREAT | O_EXCL, 0644), EEXIST),
	      "O_EXCL: EEXIST, also for links that lead nowhere");
	check(fails(open("d", O_WRONLY), EISDIR) && fails(open("d", O_RDWR), EISDIR) &&
		      fails(open("d", O_CREAT, 0644), EISDIR) &&
		      fails(open("d", O_TRUNC), EISDIR) &&
		      fails(open("new/", O_CREAT | O_RDWR, 0644), EISDIR),
	      "a directory is not written: EISDIR");
	check(fails(open("f", O_DIRECTORY), ENOTDIR) && fails(open("f/", O_RDONLY), ENOTDIR) &&
		      fails(open("f/x", O_RDONLY), ENOTDIR) &&
		      fails(open("f", O_DIRECTORY | O_PATH), ENOTDIR) &&
		      open("ld", O_DIRECTORY) >= 0,
	      "O_DIRECTORY and slashes: ENOTDIR");
	check(fails(open("l", O_NOFOLLOW), ELOOP) && fails(open("loop", O_RDONLY), ELOOP) &&
		      fails(open("ld", O_NOFOLLOW | O_DIRECTORY), ENOTDIR) &&
		      fails(open("dangling", O_RDONLY), ENOENT) &&
		      fails(open("", O_RDONLY), ENOENT),
	      "O_NOFOLLOW and loops: ELOOP");
}

static void opening_paths(void)
{
	int fd = open("l", O_PATH | O_NOFOLLOW), dir;

	check(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) &&
		      readlinkat(fd, "", buf, sizeof(buf)) == 1,
	      "O_PATH of a link is the link");
	close(fd);
	fd = open("f", O_PATH | O_RDWR);
	check(fails(read(fd, buf, 1), EBADF) && fails(write(fd, buf, 1), EBADF) &&
		      fails(lseek(fd, 0, SEEK_SET), EBADF) &&
		      fails(syscall(SYS_fchmod, fd, 0600), EBADF) && fails(fsync(fd), EBADF) &&
		      fails(ftruncate(fd, 0), EBADF) && fails(fcntl(fd, F_SETFL, 0), EBADF) &&
		      fstat(fd, &st) == 0 && fcntl(fd, F_GETFL) == O_PATH &&
		      mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED &&
		      errno == EBADF,
	      "O_PATH: no access, EBADF");
	close(fd);
	dir = open("d", O_PATH);
	fd = openat(dir, "x", O_CREAT | O_RDWR, 0600);
	check(fd >= 0 && size_of("d/x") == 0 && fchdir(dir) == 0 && chdir("..") == 0,
	      "but a place to begin at");
	close(fd);
	close(dir);
	check(fails(openat(99, "f", O_RDONLY), EBADF), "openat: EBADF");
}

static void open_flags(void)
{
	int fd = open("f", O_RDONLY | O_TRUNC);

	check(fd >= 0 && size_of("f") == 0, "O_TRUNC truncates even for reading");
	close(fd);
	umask(027);
	fd = open("m", O_CREAT | O_WRONLY | O_CLOEXEC | O_APPEND | O_SYNC, 07777);
	check(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 07750 &&
		      fcntl(fd, F_GETFD) == FD_CLOEXEC &&
		      fcntl(fd, F_GETFL) == (O_WRONLY | O_APPEND | O_SYNC | 0100000),
	      "mode and umask, F_GETFD and F_GETFL");
	check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
		      fcntl(fd, F_GETFL) == (O_WRONLY | O_NONBLOCK | O_SYNC | 0100000) &&
		      fails(read(fd, buf, 1), EBADF),
	      "F_SETFL changes what it may");
	close(fd);
	umask(022);
}

static void long_names(void)
{
	memset(buf, 'a', 256);
	buf[256] = 0;
	check(fails(open(buf, O_RDONLY), ENAMETOOLONG), "a name of 256 bytes: ENAMETOOLONG");
	buf[255] = 0;
	check(fails(open(buf, O_RDONLY), ENOENT), "of 255: none such");
	memset(buf, '/', 4096);
	buf[4096] = 0;
	check(fails(open(buf, O_RDONLY), ENAMETOOLONG), "a path of 4096: ENAMETOOLONG");
	check(fails(open((char *)8, O_RDONLY), EFAULT), "a bad pointer: EFAULT");
}

static void descriptors(void)
{
	int a = open("f", O_RDONLY), b, i;
	struct rlimit old, rl;

	b = fcntl(a, F_DUPFD, 100);
	check(b == 100 && fcntl(b, F_GETFD) == 0 && fcntl(a, F_DUPFD_CLOEXEC, 100) == 101 &&
		      fcntl(101, F_GETFD) == FD_CLOEXEC,
	      "F_DUPFD gives the next free number");
	check(fails(fcntl(a, F_DUPFD, -1), EINVAL) && fails(fcntl(a, F_DUPFD, 1 << 20), EINVAL),
	      "F_DUPFD from a number that there cannot be: EINVAL");
	check(fails(dup2(a, 1 << 20), EBADF) && fails(dup2(-1, 5), EBADF) && dup2(a, a) == a,
	      "dup2 to one: EBADF");
	check(fails(syscall(SYS_dup3, a, a, 0), EINVAL) &&
		      fails(syscall(SYS_dup3, a, 200, 1), EINVAL),
	      "dup3's errors");
	check(syscall(SYS_close_range, 100, 150, 4) == 0 && fcntl(100, F_GETFD) == FD_CLOEXEC &&
		      syscall(SYS_close_range, 100, ~0U, 0) == 0 &&
		      fails(fcntl(100, F_GETFD), EBADF) &&
		      fails(syscall(SYS_close_range, 5, 4, 0), EINVAL) &&
		      fails(syscall(SYS_close_range, 5, 6, 1), EINVAL),
	      "close_range");
	getrlimit(RLIMIT_NOFILE, &old);
	rl = old;
	rl.rlim_cur = 20;
	setrlimit(RLIMIT_NOFILE, &rl);
	for (i = 0; i < 30 && open("f", O_RDONLY) >= 0; i++)
		;
	check(i < 20 && errno == EMFILE && fails(dup(a), EMFILE) &&
		      fails(pipe((int *)buf), EMFILE) && fails(fcntl(a, F_DUPFD, 20), EINVAL),
	      "RLIMIT_NOFILE: EMFILE");
	setrlimit(RLIMIT_NOFILE, &old);
	syscall(SYS_close_range, 3, ~0U, 0);
}

static void moving(void)
{
	int fd = make("f", "0123456789"), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY), app;
	struct iovec v[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } },
		     bad[2] = { { buf, 1 }, { buf, -1 } };

	check(fails(write(ro, "x", 1), EBADF) && fails(read(wo, buf, 1), EBADF) &&
		      fails(pread(fd, buf, 1, -1), EINVAL) && fails(pwrite(fd, "x", 1, -1), EINVAL),
	      "wrong way: EBADF; before the file: EINVAL");
	check(pread(fd, buf, 4, 8) == 2 && pread(fd, buf, 4, 10) == 0 &&
		      pread(fd, buf, 4, 1L << 40) == 0,
	      "short at the end, nothing behind it");
	check(fails(read(fd, (char *)8, 4), EFAULT) && lseek(fd, 0, SEEK_CUR) == 0 &&
		      fails(write(fd, (char *)8, 4), EFAULT) && size_of("f") == 10,
	      "bad memory: EFAULT, nothing moved");
	check(writev(fd, v, 3) == 5 && lseek(fd, 0, SEEK_CUR) == 5 && pwritev(fd, v, 3, 20) == 5 &&
		      size_of("f") == 25,
	      "writev and pwritev");
	check(fails(writev(fd, v, -1), EINVAL) && fails(writev(fd, v, 1025), EINVAL) &&
		      writev(fd, v, 0) == 0 && fails(readv(fd, bad, 2), EINVAL) &&
		      fails(preadv(fd, v, 1, -1), EINVAL),
	      "vectors that there cannot be: EINVAL");
	check(syscall(SYS_preadv2, fd, v, 0, -1L, 0, 0) == 0 &&
		      fails(syscall(SYS_preadv2, fd, bad, 1, 0L, 0, 0x1000), EOPNOTSUPP) &&
		      syscall(SYS_pwritev2, fd, v, 3, -1L, 0, 2 | 4) == 5 &&
		      lseek(fd, 0, SEEK_CUR) == 10 &&
		      fails(syscall(SYS_pwritev2, fd, v, 3, -2L, 0, 0), EINVAL),
	      "preadv2 and pwritev2: at the position, synced, unknown flags");
	app = open("f", O_WRONLY | O_APPEND);
	lseek(app, 2, SEEK_SET);
	check(write(app, "end", 3) == 3 && lseek(app, 0, SEEK_CUR) == 28 &&
		      pwrite(app, "x", 1, 0) == 1 && size_of("f") == 29,
	      "O_APPEND writes at the end, whatever the position");
	check(fails(lseek(fd, -1, SEEK_SET), EINVAL) && fails(lseek(fd, -100, SEEK_END), EINVAL) &&
		      fails(lseek(fd, 0, 99), EINVAL) && fails(lseek(99, 0, 0), EBADF),
	      "lseek's errors");
	check(lseek(fd, 1L << 40, SEEK_SET) == 1L << 40 && read(fd, buf, 1) == 0 &&
		      fails(lseek(fd, LONG_MAX, SEEK_SET), EINVAL),
	      "far behind the end, but not beyond what a file can hold");
	check(fails(truncate("f", -1), EINVAL) && fails(ftruncate(ro, 1), EINVAL) &&
		      fails(truncate("d", 1), EISDIR) && fails(truncate("none", 1), ENOENT) &&
		      fails(ftruncate(99, 1), EBADF) && ftruncate(fd, 100) == 0 &&
		      size_of("f") == 100 && pread(fd, buf, 80, 29) == 71 && buf[70] == 0,
	      "truncate");
	check(fails(ftruncate(fd, LONG_MAX), EFBIG) && fails(pwrite(fd, "x", 1, 1L << 45), EFBIG),
	      "too large: EFBIG");
	check(fails(read(open("d", O_RDONLY), buf, 1), EISDIR) &&
		      fails(ftruncate(open("d", O_RDONLY), 0), EINVAL),
	      "a directory is not read: EISDIR");
	close(fd), close(ro), close(wo), close(app);
}

static void copying(void)
{
	int in = make("in", "0123456789"), out = make("out", ""), fds[2], app;
	int dir = open("d", O_RDONLY), wo = open("in", O_WRONLY);
	off_t at = 3, to = 100;

	check(sendfile(out, in, NULL, 4) == 4 && lseek(in, 0, SEEK_CUR) == 4 &&
		      lseek(out, 0, SEEK_CUR) == 4 && sendfile(out, in, &at, 100) == 7 &&
		      at == 10 && lseek(in, 0, SEEK_CUR) == 4 && sendfile(out, in, &at, 5) == 0 &&
		      size_of("out") == 11,
	      "sendfile: from the position or another, to the end");
	pipe(fds);
	check(sendfile(fds[1], in, NULL, 100) == 6 && read(fds[0], buf, 100) == 6 &&
		      !memcmp(buf, "456789", 6),
	      "into a pipe");
	app = open("out", O_WRONLY | O_APPEND);
	check(fails(sendfile(out, fds[0], NULL, 1), EINVAL) &&
		      fails(sendfile(app, in, NULL, 1), EINVAL) &&
		      fails(sendfile(in, wo, NULL, 1), EBADF) &&
		      fails(sendfile(dir, in, NULL, 1), EBADF) &&
		      fails(sendfile(out, 99, NULL, 1), EBADF) &&
		      fails(sendfile(out, fds[0], &at, 1), ESPIPE) &&
		      fails(sendfile(out, in, (off_t *)8, 1), EFAULT),
	      "sendfile's errors");
	lseek(in, 0, SEEK_SET);
	at = 2;
	check(syscall(SYS_copy_file_range, in, &at, out, &to, 5UL, 0) == 5 && at == 7 &&
		      to == 105 && size_of("out") == 105 && pread(out, buf, 5, 100) == 5 &&
		      !memcmp(buf, "23456", 5),
	      "copy_file_range");
	at = 2, to = 4;
	check(fails(syscall(SYS_copy_file_range, in, &at, in, &to, 5UL, 0), EINVAL) &&
		      fails(syscall(SYS_copy_file_range, in, NULL, out, NULL, 5UL, 1), EINVAL) &&
		      fails(syscall(SYS_copy_file_range, in, NULL, app, NULL, 5UL, 0), EBADF) &&
		      fails(syscall(SYS_copy_file_range, dir, NULL, out, NULL, 5UL, 0), EISDIR) &&
		      fails(syscall(SYS_copy_file_range, fds[0], NULL, out, NULL, 5UL, 0),
			    EINVAL) &&
		      syscall(SYS_copy_file_range, in, NULL, out, NULL, 0UL, 0) == 0,
	      "and its errors");
	close(in), close(out), close(fds[0]), close(fds[1]), close(dir), close(wo), close(app);
}

static long copy_range(int in, off_t *at, int out, off_t *to, size_t n)
{
	return syscall(SYS_copy_file_range, in, at, out, to, n, 0);
}

static void copying_places(void)
{
	struct timespec ts[2] = { { 10, 0 }, { 20, 0 } };
	int in = make("in", "0123456789"), out = make("out", ""), memory;
	off_t at = 0, to = 20, far = LONG_MAX - 1, before = -1;

	check(copy_range(in, &at, in, &to, 5) == 5 && pread(in, buf, 5, 20) == 5 &&
		      !memcmp(buf, "01234", 5),
	      "copy_file_range within a file, not over itself");
	lseek(in, 1, SEEK_SET);
	check(copy_range(in, NULL, out, NULL, 3) == 3 && lseek(in, 0, SEEK_CUR) == 4 &&
		      lseek(out, 0, SEEK_CUR) == 3 && pread(out, buf, 9, 0) == 3 &&
		      !memcmp(buf, "123", 3),
	      "from and to the positions, which move");
	check(copy_range(in, &far, out, NULL, 5) == 0 &&
		      fails(copy_range(in, NULL, out, &far, 5), EFBIG) &&
		      fails(copy_range(in, &before, out, NULL, 5), EOVERFLOW) &&
		      fails(copy_range(in, NULL, out, &before, 5), EOVERFLOW) &&
		      (before = -9, fails(copy_range(in, &before, out, NULL, 5), EINVAL)),
	      "beyond the largest: nothing to read, EFBIG; before the file: EOVERFLOW, EINVAL");
	memory = (int)syscall(SYS_memfd_create, "m", 0);
	check(fails(copy_range(in, NULL, memory, NULL, 5), EXDEV) &&
		      sendfile(memory, in, NULL, 5) == 5,
	      "to another file system: EXDEV, but by sendfile");
	check(fails(sendfile(out, in, &before, 5), EINVAL) &&
		      fails(sendfile(out, in, NULL, (size_t)-5), EINVAL) &&
		      fails(sendfile(out, in, &far, 5), EINVAL) &&
		      (far -= 99, fails(sendfile(out, in, &far, 5), EOVERFLOW)),
	      "sendfile of no such place, or size");
	futimens(in, ts);
	check(sendfile(out, in, NULL, 1) == 1 && fstat(in, &st) == 0 && st.st_atime > 20,
	      "sendfile is an access");
	close(in), close(out), close(memory);
}

static int times_are(const char *name, long a, long m)
{
	return stat(name, &st) == 0 && st.st_atime == a && st.st_mtime == m;
}

static void times(void)
{
	struct timespec ts[2] = { { 10, 0 }, { 20, 0 } };
	struct timeval tv[2] = { { 30, 5 }, { 40, 6 } };
	struct utimbuf ub = { 50, 60 };
	int fd = make("t", "x");

	check(utimensat(AT_FDCWD, "t", ts, 0) == 0 && times_are("t", 10, 20), "utimensat");
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = 21;
	check(futimens(fd, ts) == 0 && times_are("t", 10, 21), "UTIME_OMIT, by descriptor");
	ts[1].tv_nsec = UTIME_OMIT;
	check(utimensat(AT_FDCWD, "none", ts, 0) == 0, "both omitted: nothing is looked at");
	ts[0].tv_nsec = 1000000000;
	check(fails(utimensat(AT_FDCWD, "t", ts, 0), EINVAL) &&
		      fails(utimensat(AT_FDCWD, "t", NULL, 1), EINVAL) &&
		      fails(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT) &&
		      fails(syscall(SYS_utimensat, 99, NULL, NULL, 0), EBADF) &&
		      fails(syscall(SYS_utimensat, AT_FDCWD, NULL, NULL, 0), EFAULT),
	      "its errors");
	check(syscall(SYS_utimes, "t", tv) == 0 && times_are("t", 30, 40) &&
		      syscall(SYS_utime, "t", &ub) == 0 && times_are("t", 50, 60) &&
		      syscall(SYS_futimesat, AT_FDCWD, "t", tv) == 0 && times_are("t", 30, 40),
	      "utimes, utime, futimesat");
	tv[0].tv_usec = 1000000;
	check(fails(syscall(SYS_utimes, "t", tv), EINVAL) && syscall(SYS_utime, "t", NULL) == 0 &&
		      stat("t", &st) == 0 && st.st_mtime > 1000,
	      "microseconds have six digits; NULL is now");
	close(fd);
}

static void syncing(void)
{
	int fd = make("s", "x"), fds[2];

	pipe(fds);
	check(fsync(fd) == 0 && fdatasync(fd) == 0 && syncfs(fd) == 0 && fails(fsync(99), EBADF) &&
		      fails(fsync(fds[0]), EINVAL),
	      "fsync, fdatasync, syncfs");
	check(sync_file_range(fd, 0, 0, 7) == 0 && fails(sync_file_range(fd, -1, 1, 0), EINVAL) &&
		      fails(sync_file_range(fd, 0, 1, 8), EINVAL) &&
		      fails(sync_file_range(fds[0], 0, 1, 0), ESPIPE),
	      "sync_file_range");
	check(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED) == 0 &&
		      posix_fadvise(fd, 0, -1, 0) == EINVAL &&
		      posix_fadvise(fd, 0, 0, 9) == EINVAL &&
		      posix_fadvise(fds[0], 0, 0, 0) == ESPIPE && readahead(fd, 0, 100) == 0 &&
		      fails(readahead(fds[0], 0, 100), EINVAL),
	      "posix_fadvise and readahead");
	check(fails(getxattr("none", "user.x", buf, 9), ENOENT) &&
		      fails(getxattr("s", "", buf, 9), ERANGE) &&
		      fails(fgetxattr(99, "user.x", buf, 9), EBADF) &&
		      listxattr("s", buf, 100) == 0 &&
		      getxattr("s", "system.posix_acl_access", buf, 9) == -1,
	      "extended attributes: none");
	close(fd), close(fds[0]), close(fds[1]);
}

static volatile int signals;
static void count(int sig)
{
	(void)sig;
	signals++;
}

static void limits(void)
{
	struct rlimit rl = { 5000, RLIM_INFINITY };
	int fd = make("lim", "");

	signal(SIGXFSZ, count);
	setrlimit(RLIMIT_FSIZE, &rl);
	check(write(fd, buf, 8000) == 5000 && signals == 0, "RLIMIT_FSIZE cuts a write");
	check(fails(write(fd, buf, 1), EFBIG) && signals == 1, "at the limit: EFBIG and SIGXFSZ");
	check(fails(ftruncate(fd, 5001), EFBIG) && signals == 2 && ftruncate(fd, 5000) == 0,
	      "truncate as well");
	check(pwrite(fd, buf, 10, 0) == 10, "below it all goes on");
	rl.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &rl);
	close(fd);
	fd = open("/dev/full", O_RDWR);
	check(fails(write(fd, "x", 1), ENOSPC) && read(fd, buf, 3) == 3, "/dev/full: ENOSPC");
	close(fd);
}

int main(void)
{
	static const char *const names[] = { "f", "l",  "dangling", "loop", "ld", "d/x",
					     "m", "in", "out",      "t",    "s",  "lim" };

	alarm(60);
	mkdir("/file", 0755); /* on the disk: /tmp may be another file system */
	if (chdir("/file"))
		return 1;
	opening();
	opening_paths();
	open_flags();
	long_names();
	descriptors();
	moving();
	copying();
	copying_places();
	times();
	syncing();
	limits();
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	rmdir("d");
	check(rmdir("/file") == 0, "nothing is left");
	return checks_done();
}
