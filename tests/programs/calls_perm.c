/* SPDX-License-Identifier: MIT */
/* calls_perm: what other users than root may do to files, and what becomes of set-id bits. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>

#include "calls.h"

#define ME 1000
#define MINE 1001 /* a group */
#define OTHER 2000

static void make(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	int fd;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	write(fd, "text", 4);
	close(fd);
	chown(name, uid, gid);
	chmod(name, mode);
}

static void make_dir(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	mkdir(name, 0700);
	chown(name, uid, gid);
	chmod(name, mode);
}

/* Open for reading, for writing, both: a bit for each that works. */
static int can(const char *name)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int bits = 0;

	for (int i = 0; i < 3; i++) {
		int fd = open(name, modes[i]);

		if (fd >= 0)
			bits |= 1 << i;
		else if (errno != EACCES)
			bits |= 8;
		close(fd);
	}
	return bits;
}

static int classes(void)
{
	return can("owner") == 1 && can("group") == 2 && can("other") == 7 && can("none") == 0;
}

static int more_than_the_class(void)
{
	return can("ownerless") == 0 && can("groupless") == 0;
}

static int searching(void)
{
	struct stat st;

	return fails(stat("noexec/f", &st), EACCES) && fails(open("noexec/f", O_RDONLY), EACCES) &&
	       fails(chdir("noexec"), EACCES) && fails(stat("noexec/f/../../owner", &st), EACCES) &&
	       stat("execonly/f", &st) == 0 && fails(open("execonly", O_RDONLY), EACCES) &&
	       open("noexec", O_RDONLY) >= 0 && fails(stat("noexec/.", &st), EACCES);
}

static int making(void)
{
	return fails(open("ro/new", O_WRONLY | O_CREAT, 0666), EACCES) &&
	       fails(mkdir("ro/new", 0777), EACCES) && fails(symlink("x", "ro/new"), EACCES) &&
	       fails(mknod("ro/new", S_IFIFO | 0666, 0), EACCES) &&
	       fails(link("other", "ro/new"), EACCES) && fails(unlink("ro/f"), EACCES) &&
	       fails(rmdir("ro/d"), EACCES) && fails(rename("ro/f", "ro/g"), EACCES) &&
	       fails(mkdir("ro/d", 0777), EEXIST) && fails(unlink("ro/none"), ENOENT);
}

static int made(void)
{
	struct stat st;

	umask(0);
	return open("free/new", O_RDWR | O_CREAT, 0400) >= 0 && stat("free/new", &st) == 0 &&
	       st.st_uid == ME && st.st_gid == MINE && (st.st_mode & 07777) == 0400 &&
	       mkdir("setgid/new", 0755) == 0 && stat("setgid/new", &st) == 0 &&
	       st.st_gid == OTHER && (st.st_mode & 07777) == 02755;
}

static int sticky(void)
{
	return fails(unlink("sticky/theirs"), EPERM) &&
	       fails(rename("sticky/theirs", "x"), EPERM) &&
	       fails(rename("sticky/mine", "sticky/theirs"), EPERM) && unlink("sticky/mine") == 0;
}

/* The directory is mine. */
static int my_sticky(void)
{
	return unlink("mysticky/theirs") == 0 && rename("mysticky/other", "x") == -1 &&
	       errno == EACCES && rename("mysticky/other", "mysticky/new") == 0;
}

static int changing(void)
{
	struct timeval tv[2] = { { 1, 0 }, { 2, 0 } };

	return fails(chmod("other", 0777), EPERM) && fails(chown("other", ME, -1), EPERM) &&
	       fails(utimes("other", tv), EPERM) && utimes("other", NULL) == 0 &&
	       fails(utimes("owner", NULL), EPERM) == 0 && fails(utimes("none", NULL), EACCES) &&
	       fails(truncate("readable", 0), EACCES) && truncate("other", 1) == 0;
}

static int changing_own(void)
{
	return chmod("own", 0600) == 0 && fails(chown("own", OTHER, -1), EPERM) &&
	       chown("own", ME, MINE) == 0 && fails(chown("own", -1, OTHER), EPERM) &&
	       chmod("own", 02755) == 0 && mode_of("own") == 02755 &&
	       chown("foreign", -1, -1) == 0 && chmod("foreign", 02755) == 0 &&
	       mode_of("foreign") == 0755;
}

static int set_ids(void)
{
	int fd = open("suid", O_WRONLY);

	return write(fd, "x", 1) == 1 && mode_of("suid") == 0777 && chmod("own", 06755) == 0 &&
	       chown("own", ME, MINE) == 0 && mode_of("own") == 0755;
}

static int locks_stay(void)
{
	int fd = open("locks", O_WRONLY), theirs = open("theirlocks", O_WRONLY);

	return write(fd, "x", 1) == 1 && mode_of("locks") == 02666 && write(theirs, "x", 1) == 1 &&
	       mode_of("theirlocks") == 0666;
}

static int executing(void)
{
	char *argv[] = { "x", NULL };

	return fails(execv("other", argv), EACCES) && fails(execv("noexec/f", argv), EACCES) &&
	       fails(execv("ownerx", argv), EACCES);
}

static int asking(void)
{
	return access("readable", R_OK) == 0 && fails(access("readable", W_OK), EACCES) &&
	       fails(access("readable", X_OK), EACCES) && fails(access("noexec/f", F_OK), EACCES) &&
	       fails(access("owner", R_OK | W_OK), EACCES) &&
	       access("free", R_OK | W_OK | X_OK) == 0;
}

static int special(void)
{
	return fails(open("/dev/kmsg", O_WRONLY), EACCES) && open("/dev/null", O_RDWR) >= 0 &&
	       fails(mount("none", "/tmp", "proc", 0, NULL), EPERM) &&
	       fails(umount("/proc"), EPERM) && fails(chroot("/tmp"), EPERM) &&
	       fails(open("other", O_RDONLY | O_NOATIME), EPERM) &&
	       open("own", O_RDONLY | O_NOATIME) >= 0;
}

/* Run by exec as "ids": a bit for each id that is not the real one. */
static int tell_ids(void)
{
	uid_t ru, eu, su;
	gid_t rg, eg, sg;

	getresuid(&ru, &eu, &su);
	getresgid(&rg, &eg, &sg);
	return (ru != ME) | (eu == OTHER) << 1 | (su == OTHER) << 2 | (rg != MINE) << 3 |
	       (eg == OTHER) << 4 | (sg == OTHER) << 5 | (int)(getauxval(AT_SECURE) << 6);
}

static int told;
static int set_id_exec(void)
{
	char *argv[] = { "program", "ids", NULL };
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execv("program", argv);
		_exit(200);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) == told;
}

static int set_id_refused(void)
{
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && set_id_exec();
}

static int truncating(void)
{
	return truncate("suid", 1) == 0 && mode_of("suid") == 0777;
}

static int renaming(void)
{
	return fails(rename("free/d", "free2/d"), EACCES) && rename("free/d", "free/e") == 0;
}

/* Whether @fn holds for me: neither root nor in any group but my own. */
static bool mine(int (*fn)(void))
{
	return as_user(ME, MINE, fn) == 1;
}

/* --- root who gave part of it away --- */

static int effective_root(void)
{
	return !setresuid(ME, 0, 0) && open("none", O_RDONLY) >= 0 &&
	       fails(access("none", R_OK), EACCES) &&
	       syscall(SYS_faccessat2, AT_FDCWD, "none", R_OK, AT_EACCESS) == 0;
}

/* Acts as another, neither being root. */
static int effective_other(void)
{
	setgroups(0, NULL);
	setresgid(MINE, OTHER, OTHER);
	setresuid(ME, OTHER, OTHER);
	return fails(open("mine", O_RDONLY), EACCES) && access("mine", R_OK) == 0 &&
	       fails(access("ownerx", X_OK), EACCES) &&
	       syscall(SYS_faccessat2, AT_FDCWD, "ownerx", X_OK, AT_EACCESS) == 0 &&
	       fails(open("mygroup", O_WRONLY), EACCES) && access("mygroup", W_OK) == 0 &&
	       open("groupother", O_WRONLY) >= 0 && fails(access("groupother", W_OK), EACCES);
}

static int further_groups(void)
{
	gid_t groups[2] = { 5, OTHER };

	return !setgroups(2, groups) && !setgid(MINE) && !setuid(ME) && can("none") == 7 &&
	       chown("own", -1, OTHER) == 0;
}

static int no_capabilities(void)
{
	unsigned int header[2] = { 0x20080522, 0 }, none[6] = { 0 };

	return !syscall(SYS_capset, header, none) && can("none") == 0 &&
	       fails(chown("own", 0, 0), EPERM);
}

/* --- all of it --- */

static void make_files(void)
{
	make("owner", 0477, ME, OTHER);
	make("group", 0727, OTHER, MINE);
	make("other", 0776, OTHER, OTHER);
	make("none", 0770, OTHER, OTHER);
	make("ownerless", 0077, ME, MINE);
	make("groupless", 0707, OTHER, MINE);
	make("readable", 0644, OTHER, OTHER);
	make("own", 0755, ME, MINE);
	make("foreign", 0755, ME, OTHER);
	make("suid", 06777, OTHER, OTHER);
	make("ownerx", 0100, OTHER, OTHER);
	make_dir("noexec", 0666, OTHER, OTHER);
	make("noexec/f", 0777, OTHER, OTHER);
	make_dir("execonly", 0711, OTHER, OTHER);
	make("execonly/f", 0777, OTHER, OTHER);
	make_dir("ro", 0755, OTHER, OTHER);
	make("ro/f", 0777, ME, MINE);
	make_dir("ro/d", 0777, ME, MINE);
	make_dir("free", 0777, OTHER, OTHER);
	make_dir("free2", 0777, OTHER, OTHER);
	make_dir("free/d", 0755, OTHER, OTHER);
	make_dir("setgid", 02777, OTHER, OTHER);
	make_dir("sticky", 01777, OTHER, OTHER);
	make("sticky/theirs", 0777, OTHER, OTHER);
	make("sticky/mine", 0777, ME, OTHER);
	make_dir("mysticky", 01777, ME, OTHER);
	make("mysticky/theirs", 0777, OTHER, OTHER);
	make("mysticky/other", 0777, OTHER, OTHER);
	make("mine", 0400, ME, MINE);
	make("mygroup", 0020, OTHER + 1, MINE);
	make("groupother", 0020, OTHER + 1, OTHER);
	make("locks", 06666, OTHER, MINE);
	make("theirlocks", 06666, OTHER, OTHER);
}

static void rights(void)
{
	check(mine(classes), "owner, group and others have each their own rights");
	check(mine(more_than_the_class), "and nobody those of the next class");
	check(can("none") == 7 && can("ownerless") == 7, "root has all");
	check(mine(searching), "search of directories");
	check(mine(making), "no names in a directory that is not mine");
	check(mine(made), "new files have my ids, in a set-gid directory its group");
	check(mine(sticky), "a sticky directory: only my own");
	check(mine(my_sticky), "or what is in my own");
	check(mine(changing), "chmod, chown and times are the owner's");
	check(mine(changing_own), "who cannot give files away");
	check(mine(set_ids), "set-id bits go when others write, and with chown");
	chmod("suid", 06777);
	check(truncate("suid", 2) == 0 && close(open("suid", O_WRONLY | O_TRUNC)) == 0 &&
		      mode_of("suid") == 06777,
	      "root's writing leaves them");
	check(mine(truncating), "another's truncate does not");
	chmod("suid", 06777);
	check(chown("suid", 0, 0) == 0 && mode_of("suid") == 0777, "root's chown does not");
	check(mine(locks_stay),
	      "set-gid without execution goes only if it is not my group's");
	check(chown("setgid", 0, 0) == 0 && mode_of("setgid") == 02777,
	      "a directory's set-gid stays at chown");
	check(mine(executing), "exec of what I may not execute: EACCES");
	check(mine(asking), "access tells the same");
	check(mine(special), "devices, mounts, chroot, O_NOATIME");
	check(mine(renaming), "a directory's parent is the directory's");
	check(in_child(effective_root) == 1,
	      "access asks for the real user, unless told otherwise");
	check(in_child(effective_other) == 1, "neither being root");
	check(in_child(further_groups) == 1, "further groups count");
	check(in_child(no_capabilities) == 1, "root without capabilities is like others");
}

static void set_id_programs(void)
{
	copy_file("/proc/self/exe", "program");
	chown("program", OTHER, OTHER);
	chmod("program", 0755);
	check(mine(set_id_exec), "exec keeps the ids");
	chmod("program", 04755);
	told = 2 | 4 | 64;
	check(mine(set_id_exec), "but of a set-uid program");
	chmod("program", 02755);
	told = 16 | 32 | 64;
	check(mine(set_id_exec), "and of a set-gid one");
	chmod("program", 06755);
	told = 0;
	check(mine(set_id_refused), "not with PR_SET_NO_NEW_PRIVS");
	chmod("program", 02745);
	told = 0;
	check(as_user(OTHER + 1, MINE, set_id_exec) == 0 && mine(set_id_exec),
	      "that its group may execute");
	unlink("program");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return tell_ids();
	alarm(60);
	umask(0);
	mkdir("/perm", 0755);
	if (chdir("/perm"))
		return 1;
	make_files();
	rights();
	set_id_programs();
	chdir("/");
	return checks_done();
}
