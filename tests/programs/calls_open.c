/* SPDX-License-Identifier: MIT */
/*
 * calls_open: what open(2) makes of its flags, files that have no name yet, access mode 3, and what keeps
 * links and set-gid directories from being traps; on tmpfs and on the disk. TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "calls.h"

#define USER 1000
#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif

static void flags(void)
{
	check(fails(open(".", O_CREAT, 0600), EISDIR) &&
		      fails(open(".", O_CREAT | O_EXCL, 0600), EEXIST) &&
		      fails(open("..", O_CREAT | O_EXCL, 0600), EEXIST) &&
		      fails(open("/", O_CREAT | O_EXCL, 0600), EEXIST),
	      "what must be new is not \".\"");
	check(fails(open("new", O_CREAT | O_DIRECTORY, 0600), EINVAL) &&
		      fails(open(".", O_CREAT | O_DIRECTORY, 0600), EINVAL) &&
		      fails(access("new", F_OK), ENOENT),
	      "directories are not made so");
	check(fails(open("/dev/null", O_DIRECT), EINVAL) && fails(open(".", O_DIRECT), EINVAL) &&
		      fails(fcntl(open("/dev/null", O_RDWR), F_SETFL, O_DIRECT), EINVAL),
	      "O_DIRECT is for files on disks");
}

/* Bits that the program's headers know nothing of. */
static bool unknown_flags(void)
{
	int fd = open("f", O_RDONLY | 0x40000000);
	bool ignored = fd >= 0 && !(fcntl(fd, F_GETFL) & 0x40000000);

	close(fd);
	return ignored;
}

/* --- O_TMPFILE --- */

static bool link_fd(int fd, const char *name)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool nameless(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0644);
	struct stat st;
	bool good;

	good = fstat(fd, &st) == 0 && st.st_nlink == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & 07777) == 0644 && write(fd, "text", 4) == 4;
	good = good && link_fd(fd, "named") && fstat(fd, &st) == 0 && st.st_nlink == 1;
	good = good && stat("named", &st) == 0 && st.st_size == 4 && unlink("named") == 0;
	good = good && !link_fd(fd, "named") && errno == ENOENT;
	close(fd);
	return good;
}

static bool never_named(void)
{
	int fd = open(".", O_TMPFILE | O_WRONLY | O_EXCL, 0600);
	bool refused = fails(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH), ENOENT);

	close(fd);
	return refused;
}

static void tmpfiles(void)
{
	check(nameless(), "O_TMPFILE: a file without a name, which link gives it once");
	check(never_named(), "or, with O_EXCL, never");
	check(fails(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL) &&
		      fails(open(".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600), EINVAL) &&
		      fails(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR) &&
		      fails(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT) &&
		      fails(open("/proc", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP),
	      "it is for writing, and in a directory");
}

/* --- access mode 3 --- */

static bool neither(void)
{
	int fd = open("f", 3), n;
	char c;
	bool good = fails(read(fd, &c, 1), EBADF) && fails(write(fd, "x", 1), EBADF) &&
		    lseek(fd, 1, SEEK_SET) == 1 && ioctl(fd, FIONREAD, &n) == 0 &&
		    fchmod(fd, 0644) == 0 && fails(ftruncate(fd, 0), EINVAL) &&
		    fcntl(fd, F_SETFL, O_APPEND) == 0 && fails(flock(fd, LOCK_SH), EBADF) &&
		    flock(fd, LOCK_UN) == 0 && fsync(fd) == 0;

	close(fd);
	return good;
}

/* --- others' links and groups --- */

static int as_other(void)
{
	return fails(link("f", "pub/f"), EPERM) && link("pub/free", "pub/free2") == 0 &&
	       fails(link("pub/suid", "pub/suid2"), EPERM) &&
	       fails(open("sticky/owners", O_RDONLY), ENOENT) &&
	       fails(open("sticky/others", O_RDONLY), EACCES) &&
	       fails(open("sticky/others", O_CREAT | O_RDWR, 0600), EACCES) &&
	       fails(linkat(open("pub/free", O_RDONLY), "", AT_FDCWD, "pub/x", AT_EMPTY_PATH),
		     ENOENT) &&
	       fails(mknod("pub/dev", S_IFCHR, makedev(1, 3)), EPERM) &&
	       fails(mknod("dev", S_IFCHR, makedev(1, 3)), EACCES) &&
	       mknod("pub/none", S_IFCHR, 0) == 0 &&
	       fails(fcntl(open("f", O_RDONLY), F_SETFL, O_NOATIME), EPERM);
}

static int in_group_dir(void)
{
	return can_open("setgid/a", O_CREAT | O_RDWR) && mknod("setgid/b", 02777, 0) == 0 &&
	       mode_of("setgid/b") == 0777 && mknod("setgid/c", 02767, 0) == 0 &&
	       mode_of("setgid/c") == 02767;
}

static void traps(void)
{
	umask(0);
	mkdir("pub", 0777);
	mkdir("sticky", 01777);
	mkdir("setgid", 02777);
	chown("setgid", 0, 5);
	chmod("setgid", 02777);
	make_file("pub/free", "x", 0666);
	make_file("pub/suid", "x", 04666);
	symlink("none", "sticky/owners");
	symlink("f", "sticky/others");
	lchown("sticky/others", 2000, 2000);
	check(as_user(USER, USER, as_other) == 1, "links and names that users make and follow");
	check(as_user(USER, USER, in_group_dir) == 1,
	      "a set-gid bit for a group that is not theirs");
	umask(022);
}

static void all_of_it(const char *dir)
{
	if (mkdir(dir, 0755) || chdir(dir))
		_exit(99);
	make_file("f", "hello", 0644);
	flags();
	check(unknown_flags(), "unknown flags are ignored");
	tmpfiles();
	check(neither(), "access mode 3: neither to read nor to write");
	traps();
	chdir("/");
}

/* Whole sectors, to and from where they lie as on the disk. */
static bool direct(void)
{
	static char buf[8192] __attribute__((aligned(4096)));
	int fd = open("/opens/disk/f", O_DIRECT | O_RDWR | O_TRUNC);
	bool good = write(fd, buf, 4096) == 4096 && fails(write(fd, buf, 100), EINVAL) &&
		    fails(write(fd, buf + 1, 512), EINVAL) &&
		    fails(pwrite(fd, buf, 512, 100), EINVAL) && pread(fd, buf, 512, 512) == 512 &&
		    fails(pread(fd, buf + 1, 512, 0), EINVAL) &&
		    fails(pread(fd, buf, 100, 0), EINVAL) &&
		    fails(pread(fd, buf, 512, 10), EINVAL) && pread(fd, buf, 512, 8192) == 0;

	close(fd);
	return good;
}

int main(void)
{
	umask(022);
	mkdir("/opens", 0755);
	all_of_it("/opens/disk");
	check(direct(), "O_DIRECT on a disk: whole sectors");
	mkdir("/opens/mount", 0755);
	check(mount("none", "/opens/mount", "tmpfs", 0, NULL) == 0, "tmpfs");
	all_of_it("/opens/mount/d");
	check(fails(open("/opens/mount/d/direct", O_CREAT | O_DIRECT | O_RDWR, 0600), EINVAL) &&
		      access("/opens/mount/d/direct", F_OK) == 0,
	      "no O_DIRECT on tmpfs, but the file is made");
	check(umount("/opens/mount") == 0, "nothing holds it");
	check(system("rm -r /opens") == 0, "nor is anything left");
	return checks_done();
}
