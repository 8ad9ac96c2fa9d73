/* SPDX-License-Identifier: MIT */
/* calls_dir: names made, linked, renamed and removed; reading directories; stat; roots. TAP. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

static struct stat st;
static char buf[40000];

/* linux/stat.h, which musl does not bring. */
struct stamp {
	int64_t sec;
	uint32_t nsec, pad;
};
struct stx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct stamp atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id, spare[13];
};

static void make(const char *name)
{
	close(open(name, O_WRONLY | O_CREAT, 0644));
}

static long links(const char *name)
{
	return lstat(name, &st) ? -1 : (long)st.st_nlink;
}

static void making(void)
{
	make("f");
	check(mkdir("d", 0755) == 0 && links("d") == 2 && links(".") == 3 &&
		      mkdir("d/e/", 0755) == 0 && links("d") == 3,
	      "mkdir counts links");
	check(fails(mkdir("d", 0755), EEXIST) && fails(mkdir("f", 0755), EEXIST) &&
		      fails(mkdir("/", 0755), EEXIST) && fails(mkdir(".", 0755), EEXIST) &&
		      fails(mkdir("..", 0755), EEXIST) && fails(mkdir("d/.", 0755), EEXIST) &&
		      fails(mkdir("n/x", 0755), ENOENT) && fails(mkdir("f/x", 0755), ENOTDIR) &&
		      fails(mkdir("", 0755), ENOENT) && fails(mkdirat(99, "x", 0755), EBADF),
	      "mkdir's errors");
	check(mkdir("modes", 07777) == 0 && stat("modes", &st) == 0 &&
		      (st.st_mode & 07777) == 01755 && rmdir("modes") == 0,
	      "its mode");
	check(symlink("f", "l") == 0 && lstat("l", &st) == 0 && S_ISLNK(st.st_mode) &&
		      st.st_size == 1 && (st.st_mode & 0777) == 0777 &&
		      readlink("l", buf, 9) == 1 && buf[0] == 'f',
	      "symlink and readlink");
	check(fails(symlink("x", "l"), EEXIST) && fails(symlink("", "l2"), ENOENT) &&
		      fails(symlink("x", ""), ENOENT) && fails(symlink("x", "n/l"), ENOENT) &&
		      fails(readlink("f", buf, 9), EINVAL) &&
		      fails(syscall(SYS_readlink, "l", buf, 0), EINVAL) &&
		      fails(readlink("none", buf, 9), ENOENT) && fails(symlink("x", "l2/"), ENOENT),
	      "their errors");
	memset(buf, 'x', 4095);
	buf[4095] = 0;
	check(symlink(buf, "long") == 0 && readlink("long", buf + 10000, 9000) == 4095 &&
		      fails(open("long", O_RDONLY), ENAMETOOLONG) && unlink("long") == 0,
	      "a link's text may have 4095 bytes");
	check(link("f", "f2") == 0 && links("f") == 2 && link("l", "l2") == 0 && links("l") == 2 &&
		      lstat("l2", &st) == 0 && S_ISLNK(st.st_mode),
	      "link; of a link: the link");
	check(linkat(AT_FDCWD, "l", AT_FDCWD, "f3", AT_SYMLINK_FOLLOW) == 0 && links("f") == 3,
	      "AT_SYMLINK_FOLLOW: of what it leads to");
	check(fails(link("d", "d2"), EPERM) && fails(link("f", "f2"), EEXIST) &&
		      fails(link("none", "x"), ENOENT) && fails(link("f", "n/x"), ENOENT) &&
		      fails(link("f/", "x"), ENOTDIR) &&
		      fails(linkat(AT_FDCWD, "f", AT_FDCWD, "x", 1), EINVAL),
	      "link's errors");
}

static void removing(void)
{
	check(fails(unlink("d"), EISDIR) && fails(rmdir("f"), ENOTDIR) &&
		      fails(rmdir("d"), ENOTEMPTY) && fails(rmdir("d/."), EINVAL) &&
		      fails(rmdir("d/.."), ENOTEMPTY) && fails(unlink("d/."), EISDIR) &&
		      fails(unlink("none"), ENOENT) && fails(unlink("f/"), ENOTDIR) &&
		      fails(rmdir("l"), ENOTDIR) && fails(rmdir("/"), EBUSY) &&
		      fails(unlinkat(AT_FDCWD, "f", 1), EINVAL) && fails(rmdir("/proc"), EBUSY),
	      "unlink's and rmdir's errors");
	check(unlink("l2") == 0 && unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR) == 0 &&
		      links("d") == 2 && unlink("f2") == 0 && unlink("f3") == 0 && links("f") == 1,
	      "names go one by one");
	mkdir("gone", 0755);
	chdir("gone");
	rmdir("../gone");
	check(fails(open("x", O_CREAT | O_WRONLY, 0644), ENOENT) &&
		      fails(mkdir("x", 0755), ENOENT) &&
		      fails(syscall(SYS_getcwd, buf, 100), ENOENT) && stat(".", &st) == 0 &&
		      st.st_nlink == 0 && chdir("..") == 0 && links("d") == 2,
	      "a removed directory: nothing can be made in it, but one can leave");
}

static void renaming(void)
{
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	mkdir("c", 0755);
	mkdir("full", 0755);
	make("full/x");
	make("g");
	check(rename("a/b", "c/b") == 0 && links("a") == 2 && links("c") == 3, "a directory moves");
	check(fails(rename("c", "c/b/x"), EINVAL) && fails(rename("c", "full"), ENOTEMPTY) &&
		      fails(rename("c", "g"), ENOTDIR) && fails(rename("g", "c"), EISDIR) &&
		      fails(rename("none", "x"), ENOENT) && fails(rename("g", "n/x"), ENOENT) &&
		      fails(rename("g", "/proc/x"), EXDEV) && fails(rename("c/.", "x"), EBUSY) &&
		      fails(rename("c/..", "x"), EBUSY) && fails(rename("g/", "x"), ENOTDIR) &&
		      fails(rename("g", "x/"), ENOTDIR) && fails(rename("c/b", "c"), ENOTEMPTY),
	      "rename's errors");
	check(rename("c", "a") == 0 && links("a") == 3 && stat("c", &st) == -1,
	      "over an empty one");
	link("g", "h");
	check(rename("g", "h") == 0 && stat("g", &st) == 0,
	      "two names of one file: nothing happens");
	check(rename("g", "l") == 0 && lstat("l", &st) == 0 && S_ISREG(st.st_mode), "over a link");
	check(fails(syscall(SYS_renameat2, AT_FDCWD, "h", AT_FDCWD, "l", 1), EEXIST) &&
		      syscall(SYS_renameat2, AT_FDCWD, "h", AT_FDCWD, "new", 1) == 0 &&
		      fails(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "h", 0x80), EINVAL) &&
		      fails(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "h", 3), EINVAL),
	      "RENAME_NOREPLACE");
	check(rename("new", "d/") == -1 && rename("a/", "z/") == 0 && rename("z", "a") == 0,
	      "slashes behind directories");
	unlink("new");
	unlink("l");
	unlink("full/x");
	rmdir("full");
	rmdir("a/b");
	rmdir("a");
}

static void reading(void)
{
	char name[20], seen[100] = { 0 };
	int fd, n, got, total = 0, dots = 0, order = 1;
	long last = -1;

	mkdir("many", 0755);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many/n%02d", i);
		make(name);
	}
	fd = open("many", O_RDONLY);
	while ((n = (int)syscall(SYS_getdents64, fd, buf, 300)) > 0) {
		for (int at = 0; at < n;) {
			struct dirent *d = (struct dirent *)(buf + at);

			total++;
			dots += d->d_name[0] == '.' && d->d_type == DT_DIR;
			if (d->d_name[0] == 'n' && d->d_type == DT_REG)
				seen[atoi(d->d_name + 1)]++;
			order &= d->d_off != last && !(d->d_reclen & 7);
			last = d->d_off;
			at += d->d_reclen;
		}
	}
	got = memchr(seen, 0, 100) == NULL && memchr(seen, 2, 100) == NULL;
	check(n == 0 && total == 102 && dots == 2 && got && order,
	      "getdents64 gives each name once");
	check(lseek(fd, 0, SEEK_SET) == 0 && syscall(SYS_getdents64, fd, buf, 24) == 24 &&
		      ((struct dirent *)buf)->d_reclen == 24 &&
		      fails(syscall(SYS_getdents64, fd, buf, 23), EINVAL),
	      "a name of one byte takes 24; less room: EINVAL");
	check(fails(syscall(SYS_getdents64, fd, 8, 1000), EFAULT) &&
		      fails(syscall(SYS_getdents64, 99, buf, 1000), EBADF) &&
		      fails(syscall(SYS_getdents64, open("f", O_RDONLY), buf, 1000), ENOTDIR) &&
		      fails(syscall(SYS_getdents64, open("d", O_PATH), buf, 1000), EBADF),
	      "its errors");
	lseek(fd, 0, SEEK_SET);
	n = (int)syscall(SYS_getdents, fd, buf, 1000);
	check(n > 0 && *(unsigned short *)(buf + 16) == 24 && buf[18] && buf[23] == DT_DIR,
	      "getdents has the type at the end");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many/n%02d", i);
		unlink(name);
	}
	rmdir("many");
	check(fails(syscall(SYS_getdents64, fd, buf, 1000), ENOENT), "a removed directory: ENOENT");
	close(fd);
}

static void telling(void)
{
	struct stx stx;
	struct statfs fs;
	int fds[2], fd = open("f", O_RDWR);

	check(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, &stx) == 0 &&
		      (stx.mask & 0x7ff) == 0x7ff && stx.nlink == 1 && S_ISREG(stx.mode) &&
		      fstat(fd, &st) == 0 && stx.ino == st.st_ino &&
		      makedev(stx.dev_major, stx.dev_minor) == st.st_dev &&
		      stx.mtime.sec == st.st_mtime && stx.blksize == 4096,
	      "statx tells what stat does");
	check(syscall(SYS_statx, fd, "", 0x1000, 0, &stx) == 0 && stx.ino == st.st_ino &&
		      syscall(SYS_statx, AT_FDCWD, "", 0x1000, 0x7ff, &stx) == 0 &&
		      S_ISDIR(stx.mode),
	      "of a descriptor, and of where we are");
	check(fails(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0, &stx), EINVAL) &&
		      fails(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000, &stx), EINVAL) &&
		      fails(syscall(SYS_statx, AT_FDCWD, "f", 8, 0, &stx), EINVAL) &&
		      fails(syscall(SYS_statx, AT_FDCWD, "", 0, 0, &stx), ENOENT) &&
		      fails(syscall(SYS_statx, 99, "f", 0, 0, &stx), EBADF) &&
		      fails(syscall(SYS_statx, fd, "x", 0, 0, &stx), ENOTDIR) &&
		      fails(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, 8), EFAULT),
	      "its errors");
	pipe(fds);
	check(fstat(fds[0], &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0600 &&
		      st.st_nlink == 1 && st.st_blksize == 4096,
	      "a pipe");
	check(statfs(".", &fs) == 0 && fs.f_type == 0xef53 && fs.f_bsize == 4096 &&
		      fs.f_namelen == 255 && fs.f_bfree <= fs.f_blocks &&
		      fs.f_ffree <= fs.f_files && fstatfs(fd, &fs) == 0 &&
		      statfs("/proc", &fs) == 0 && fs.f_type == 0x9fa0 &&
		      fails(statfs("none", &fs), ENOENT) && fails(fstatfs(99, &fs), EBADF),
	      "statfs");
	check(access("f", F_OK) == 0 && fails(access("f", 8), EINVAL) &&
		      fails(access("f", X_OK), EACCES) &&
		      fails(faccessat(AT_FDCWD, "none", F_OK, 0), ENOENT) &&
		      syscall(SYS_faccessat2, AT_FDCWD, "l0", 0, 0x100) == -1 &&
		      access("d", X_OK) == 0,
	      "access");
	check(chmod("f", 06751) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 06751 &&
		      chown("f", 1, 2) == 0 && stat("f", &st) == 0 && st.st_uid == 1 &&
		      st.st_gid == 2 && (st.st_mode & 07777) == 0751 && fchown(fd, -1, 3) == 0 &&
		      fstat(fd, &st) == 0 && st.st_uid == 1 && st.st_gid == 3,
	      "chmod and chown");
	symlink("f", "l");
	check(lchown("l", 5, 6) == 0 && lstat("l", &st) == 0 && st.st_uid == 5 &&
		      stat("l", &st) == 0 && st.st_uid == 1 &&
		      fails(syscall(SYS_fchownat, AT_FDCWD, "f", 0, 0, 1), EINVAL),
	      "lchown changes the link");
	unlink("l");
	close(fds[0]), close(fds[1]), close(fd);
}

static void standing(void)
{
	int dir, f = open("f", O_RDONLY), status = 0;
	pid_t pid;

	check(getcwd(buf, 100) && !strcmp(buf, "/dir") && syscall(SYS_getcwd, buf, 100) == 5 &&
		      fails(syscall(SYS_getcwd, buf, 4), ERANGE) &&
		      fails(syscall(SYS_getcwd, 8, 100), EFAULT),
	      "getcwd");
	check(fails(chdir("f"), ENOTDIR) && fails(chdir("none"), ENOENT) &&
		      fails(fchdir(f), ENOTDIR) && fails(fchdir(99), EBADF) &&
		      fails(chroot("f"), ENOTDIR) && fails(chroot("none"), ENOENT),
	      "chdir's and chroot's errors");
	pid = fork();
	if (!pid) {
		int bad = 0;

		mkdir("d/in", 0755);
		symlink("/in", "d/abs");
		dir = open(".", O_RDONLY);
		bad |= chroot("d") != 0;
		bad |= !getcwd(buf, 100) && errno != ENOENT ? 2 : 0;
		bad |= syscall(SYS_getcwd, buf, 100) < 0 || strncmp(buf, "(unreachable)/", 14) ? 4 :
												 0;
		bad |= stat("/in", &st) != 0 || stat("/abs/../in", &st) != 0 ? 8 : 0;
		bad |= stat("/../../in", &st) != 0 || stat("/dir", &st) == 0 ? 16 : 0;
		bad |= chdir("/in") || !getcwd(buf, 100) || strcmp(buf, "/in") ? 32 : 0;
		bad |= chdir("../..") || !getcwd(buf, 100) || strcmp(buf, "/") ? 64 : 0;
		bad |= fchdir(dir) || stat("d/in", &st) || unlink("d/abs") || rmdir("d/in") ? 128 :
											      0;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	if (!check(status == 0, "chroot: another \"/\", and no way up from it"))
		printf("# status %#x\n", status);
	close(f);
}

static void mounting(void)
{
	int fd;

	mkdir("mnt", 0755);
	check(fails(mount("none", "mnt", "nofs", 0, NULL), ENODEV) &&
		      fails(mount("none", "none", "proc", 0, NULL), ENOENT) &&
		      fails(mount("none", "f", "proc", 0, NULL), ENOTDIR) &&
		      fails(mount("/dev/null", "mnt", "ext2", 0, NULL), ENOTBLK) &&
		      fails(mount("none", "mnt", NULL, 0, NULL), EINVAL) &&
		      fails(umount("mnt"), EINVAL) && fails(umount2("mnt", 0x100), EINVAL) &&
		      fails(umount("none"), ENOENT),
	      "mount's and umount's errors");
	check(mount("none", "mnt", "tmpfs", MS_RDONLY, NULL) == 0 &&
		      fails(mkdir("mnt/x", 0755), EROFS) &&
		      fails(open("mnt/x", O_CREAT | O_WRONLY, 0644), EROFS) &&
		      fails(chmod("mnt", 0700), EROFS) && fails(access("mnt", W_OK), EROFS) &&
		      fails(unlink("mnt/x"), EROFS) && fails(rmdir("mnt/x"), EROFS) &&
		      fails(rmdir("mnt"), EBUSY) && fails(rename("mnt", "x"), EBUSY),
	      "a file system that is read-only: EROFS");
	check(mount(NULL, "mnt", NULL, MS_REMOUNT, NULL) == 0 && mkdir("mnt/x", 0755) == 0 &&
		      fails(rename("mnt/x", "x"), EXDEV) && fails(link("f", "mnt/y"), EXDEV) &&
		      chdir("mnt/x") == 0 && fails(umount("/dir/mnt"), EBUSY) &&
		      chdir("/dir") == 0 && umount("mnt") == 0 && stat("mnt/x", &st) == -1,
	      "written after a remount; busy while somebody is in it");
	check(fails(mount(NULL, "mnt", NULL, MS_REMOUNT, NULL), EINVAL),
	      "nothing to remount: EINVAL");
	mount("none", "mnt", "tmpfs", 0, NULL);
	fd = open("mnt/w", O_CREAT | O_WRONLY, 0644);
	check(fails(mount(NULL, "mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY) &&
		      close(fd) == 0 &&
		      mount(NULL, "mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0 &&
		      fails(mkdir("mnt/x", 0755), EROFS) && umount("mnt") == 0,
	      "to read-only, when nobody has a file open for writing");
	rmdir("mnt");
}

int main(void)
{
	alarm(60);
	umask(022);
	mkdir("/dir", 0755); /* on the disk: /tmp may be another file system */
	if (chdir("/dir"))
		return 1;
	making();
	removing();
	renaming();
	reading();
	telling();
	standing();
	mounting();
	unlink("f");
	rmdir("d");
	check(chdir("/") == 0 && rmdir("/dir") == 0, "nothing is left");
	return checks_done();
}
