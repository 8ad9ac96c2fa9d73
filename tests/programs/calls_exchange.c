/* SPDX-License-Identifier: MIT */
/* calls_exchange: renameat2(2)'s RENAME_EXCHANGE, on the disk and on tmpfs. TAP. */
#include <limits.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "calls.h"

#define NOREPLACE 1u
#define EXCHANGE 2u

static long swapped(const char *a, const char *b)
{
	return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, EXCHANGE);
}

static bool holds(const char *path, const char *want)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n == (ssize_t)strlen(want) && !strcmp(buf, want);
}

static long links(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (long)st.st_nlink;
}

/* ".." of directory @path is @parent. */
static bool is_child(const char *path, const char *parent)
{
	char up[64];
	struct stat a, b;

	snprintf(up, sizeof(up), "%s/..", path);
	return !stat(up, &a) && !stat(parent, &b) && a.st_ino == b.st_ino;
}

static void files(void)
{
	static const char long_name[] =
		"a_name_that_is_too_long_to_be_kept_inside_of_its_entry_itself";
	struct stat st;
	char cwd[PATH_MAX];
	int fd;

	make_file("f", "first", 0644);
	make_file("g", "second", 0600);
	make_file(long_name, "long", 0644);
	fd = open("f", O_RDONLY);
	check(!swapped("f", "g") && holds("f", "second") && holds("g", "first"),
	      "two files change places");
	snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
	check(holds(cwd, "first") && !stat("f", &st) && (st.st_mode & 0777) == 0600,
	      "each keeps what it is");
	close(fd);
	check(!swapped("g", long_name) && holds("g", "long") && holds(long_name, "first") &&
		      !rename(long_name, "x") && holds("x", "first") && !rename("x", long_name),
	      "also with a long name");
	symlink("nowhere", "l");
	check(!swapped("l", "f") && holds("l", "second") && readlink("f", cwd, 64) == 7,
	      "a link, not what it leads to");
	link("g", "h");
	check(!swapped("g", "h") && !swapped("g", "g") && holds("g", "long") && links("h") == 2,
	      "two names of one file, or one: nothing happens");
	unlink("f");
	unlink("g");
	unlink("h");
	unlink("l");
	unlink(long_name);
}

static void directories(void)
{
	char cwd[PATH_MAX];

	mkdir("a", 0755);
	mkdir("a/d", 0755);
	mkdir("b", 0755);
	mkdir("b/e", 0755);
	make_file("a/d/in", "d", 0644);
	make_file("b/f", "f", 0644);
	check(!swapped("a/d", "b/e") && holds("b/e/in", "d") && links("a") == 3 &&
		      links("b") == 3 && is_child("a/d", "a") && is_child("b/e", "b") &&
		      is_child("b/e", "b"),
	      "two directories of two directories, full or empty");
	check(!chdir("b/e") && !swapped("../../a/d", ".././e") && getcwd(cwd, sizeof(cwd)) &&
		      strlen(cwd) > 4 && !strcmp(cwd + strlen(cwd) - 4, "/a/d") && !chdir("../.."),
	      "who stands in one goes with it");
	check(!swapped("a/d", "b/f") && holds("a/d", "f") && holds("b/f/in", "d") &&
		      links("a") == 2 && links("b") == 4 && is_child("b/f", "b"),
	      "a directory and a file");
	check(!swapped("a/d", "b/f") && links("a") == 3 && links("b") == 3, "and back");
	check(!swapped("a", "b") && holds("a/f", "f") && is_child("a/e", "a"), "in one directory");
	check(unlink("a/f") == 0 && rmdir("a/e") == 0 && unlink("b/d/in") == 0 &&
		      rmdir("b/d") == 0 && rmdir("a") == 0 && rmdir("b") == 0,
	      "they can be emptied and removed");
}

static int may_not(void)
{
	return fails(swapped("theirs/f", "open/g"), EACCES) &&
	       fails(swapped("open/f", "theirs/g"), EACCES) &&
	       fails(swapped("open/d", "other/f"), EACCES) &&
	       fails(swapped("other/f", "open/d"), EACCES) && swapped("open/f", "other/f") == 0;
}

static void refused(void)
{
	static const char *const dirs[] = { "theirs", "open", "other" };
	char path[64];

	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	make_file("f", "f", 0644);
	check(fails(swapped("f", "none"), ENOENT) && fails(swapped("none", "f"), ENOENT),
	      "both must be there");
	check(fails(swapped("d", "d/sub"), EINVAL) && fails(swapped("d/sub", "d"), EINVAL),
	      "not with what is below it");
	check(fails(swapped("f/", "d"), ENOTDIR) && fails(swapped("d", "f/"), ENOTDIR) &&
		      swapped("f", "d/") == 0 && swapped("f/", "d") == 0,
	      "slashes behind what is a directory");
	check(fails(swapped("f", "."), EBUSY) && fails(swapped("f", "/proc/version"), EXDEV) &&
		      fails(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "d",
				    NOREPLACE | EXCHANGE),
			    EINVAL) &&
		      fails(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "d", 8), EINVAL),
	      "EBUSY, EXDEV, EINVAL");
	for (int i = 0; i < 3; i++) {
		mkdir(dirs[i], 0755);
		chmod(dirs[i], i ? 0777 : 0755);
		for (const char *name = "fgd"; *name; name++) {
			snprintf(path, sizeof(path), "%s/%c", dirs[i], *name);
			if (*name == 'd')
				mkdir(path, 0755);
			else
				make_file(path, path, 0644);
		}
	}
	check(as_user(1000, 1000, may_not) == 1,
	      "both directories must be writable, and what changes its parent");
	check(holds("open/f", "other/f") && holds("other/f", "open/f"), "then it is done");
	system("rm -rf theirs open other d f");
}

static void everything(const char *where)
{
	chdir(where);
	files();
	directories();
	refused();
	chdir("/");
}

int main(void)
{
	umask(022);
	mkdir("/exchange.d", 0755);
	everything("/exchange.d");
	check(mount("none", "/exchange.d", "tmpfs", 0, NULL) == 0, "now on tmpfs");
	everything("/exchange.d");
	check(umount("/exchange.d") == 0 && rmdir("/exchange.d") == 0, "it is empty");
	return checks_done();
}
