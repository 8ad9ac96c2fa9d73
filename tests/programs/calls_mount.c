/* SPDX-License-Identifier: MIT */
/*
 * calls_mount: what the flags of mount(2) forbid and allow, how they are told, and what a remount keeps.
 * TAP. Needs argv[0] to be its path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "calls.h"

#define PLACE "/mounted"
#define OLD_MAGIC 0xc0ed0000ul

static const char *self;

/* Is "PLACE tmpfs @options" what /proc/mounts says of it? */
static bool told(const char *options)
{
	char line[512], want[256];
	FILE *file = fopen("/proc/mounts", "r");
	bool found = false;

	snprintf(want, sizeof(want), " " PLACE " tmpfs %s", options);
	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, want) != NULL;
	if (file)
		fclose(file);
	return found;
}

static long flags_of(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) ? -1 : (long)fs.f_flags & 0x1fff & ~0x20l;
}

static bool mounted(unsigned long flags)
{
	return mount("none", PLACE, "tmpfs", flags, "size=64k") == 0;
}

static bool remounted(unsigned long flags)
{
	return mount(NULL, PLACE, NULL, MS_REMOUNT | flags, NULL) == 0;
}

/* --- nodev, noexec, nosuid --- */

static void devices(void)
{
	mknod(PLACE "/null", S_IFCHR | 0666, makedev(1, 3));
	mkfifo(PLACE "/fifo", 0600);
	check(fails(open(PLACE "/null", O_RDWR), EACCES) && open(PLACE "/null", O_PATH) >= 0 &&
		      open(PLACE "/fifo", O_RDWR) >= 0,
	      "nodev: devices cannot be opened");
}

static int run(void)
{
	char *argv[] = { PLACE "/script", NULL };

	execv(argv[0], argv);
	return errno;
}

static void programs(void)
{
	int fd;
	void *p;

	make_file(PLACE "/script", "#!/bin/true\n", 0755);
	fd = open(PLACE "/script", O_RDONLY);
	check(in_child(run) == EACCES && fails(access(PLACE "/script", X_OK), EACCES) &&
		      access(PLACE "/script", R_OK | W_OK) == 0 && access(PLACE, X_OK) == 0,
	      "noexec: nothing can be executed");
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	check(p == MAP_FAILED && errno == EPERM, "nor mapped so");
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	check(p != MAP_FAILED && fails(mprotect(p, 4096, PROT_READ | PROT_EXEC), EACCES),
	      "nor made so");
	munmap(p, 4096);
	close(fd);
}

/* Of a set-uid copy of this program: whether it is root's. */
static int run_copy(void)
{
	char *argv[] = { PLACE "/copy", "who", NULL };

	execv(argv[0], argv);
	return 99;
}

static bool copied(void)
{
	char command[256];

	snprintf(command, sizeof(command), "cp %s " PLACE "/copy && chmod 4755 " PLACE "/copy",
		 self);
	return system(command) == 0;
}

static void set_id(void)
{
	bool one, other;

	check(mount("none", PLACE, "tmpfs", MS_NOSUID, NULL) == 0 && copied(), "nosuid");
	one = as_user(1000, 1000, run_copy) == 0;
	other = remounted(0) && as_user(1000, 1000, run_copy) == 1;
	check(one && other, "a set-uid program is its caller's, until a remount");
	check(umount(PLACE) == 0, "it is free");
}

/* --- times of access --- */

static bool moved(const char *path)
{
	struct timespec newer[2] = { { 2000000000, 0 }, { 1000, 0 } };
	struct stat st;
	char buf[1024];
	int fd;

	utimensat(AT_FDCWD, path, newer, 0);
	fd = open(path, O_RDONLY);
	if (read(fd, buf, sizeof(buf)) < 0)
		system("ls " PLACE " >/dev/null");
	close(fd);
	stat(path, &st);
	return st.st_atim.tv_sec != 2000000000;
}

static void accesses(void)
{
	check(mounted(MS_NOATIME) && told("rw,noatime,") && flags_of(PLACE) == 0x400, "noatime");
	make_file(PLACE "/f", "x", 0644);
	check(remounted(0) && flags_of(PLACE) == 0x400, "a remount that says nothing keeps it");
	check(remounted(MS_STRICTATIME) && told("rw,size") && flags_of(PLACE) == 0 &&
		      moved(PLACE "/f"),
	      "strictatime: each access counts");
	check(remounted(MS_RELATIME) && told("rw,relatime,") && flags_of(PLACE) == 0x1000 &&
		      !moved(PLACE "/f"),
	      "relatime: not if it was not before the last change");
	check(remounted(MS_STRICTATIME | MS_NODIRATIME) && told("rw,nodiratime,") &&
		      moved(PLACE "/f") && !moved(PLACE),
	      "nodiratime: directories are left alone");
	check(umount(PLACE) == 0, "it is free");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return geteuid() == 0;
	umask(022);
	mkdir(PLACE, 0755);
	check(mounted(MS_NOSUID | MS_NODEV | MS_NOEXEC) &&
		      told("rw,nosuid,nodev,noexec,relatime,") && flags_of(PLACE) == 0x100e,
	      "/proc/mounts and statfs tell the flags");
	devices();
	programs();
	check(remounted(MS_RDONLY | MS_NODEV) && told("ro,nodev,relatime,") &&
		      flags_of(PLACE) == 0x1005 && fails(mkdir(PLACE "/d", 0700), EROFS),
	      "a remount sets them anew");
	check(fails(umount(PLACE), EBUSY), "it is in use");
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	check(umount(PLACE) == 0, "and no more");
	check(mounted(OLD_MAGIC | MS_NODEV) && told("rw,nodev,relatime,") && umount(PLACE) == 0,
	      "the magic number of old programs is none of them");
	set_id();
	accesses();
	check(rmdir(PLACE) == 0, "nothing is left");
	return checks_done();
}
