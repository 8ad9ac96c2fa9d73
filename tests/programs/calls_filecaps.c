/* SPDX-License-Identifier: MIT */
/*
 * calls_filecaps: root in parts: what each capability about files and about the machine allows, to root
 * who gave up the others and to users who have only that one; and the ids that files are judged by. TAP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <utime.h>

#include "calls.h"

#define FULL 0x1ffffffffffull
#define BIT(cap) (1ull << (cap))
#define CHOWN 0
#define DAC_OVERRIDE 1
#define DAC_READ_SEARCH 2
#define FOWNER 3
#define FSETID 4
#define SYS_CHROOT 18
#define SYS_PTRACE 19
#define SYS_ADMIN 21
#define SYS_BOOT 22
#define SYS_RESOURCE 24
#define MKNOD 27
#define SYSLOG 34
#define USER 1000
#define DIR "/filecaps"

static bool set(uint64_t effective)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	uint32_t data[6] = { (uint32_t)effective,         (uint32_t)FULL,         0,
			     (uint32_t)(effective >> 32), (uint32_t)(FULL >> 32), 0 };

	return !syscall(SYS_capset, &head, data);
}

/* A user who has all capabilities, none of them in effect. */
static bool become_user(void)
{
	return !prctl(PR_SET_KEEPCAPS, 1) && !setgroups(0, NULL) && !setresgid(USER, USER, USER) &&
	       !setresuid(USER, USER, USER);
}

/* --- root without some --- */

static int no_override(void)
{
	return set(FULL & ~BIT(DAC_OVERRIDE)) && can_open("secret", O_RDONLY) &&
	       fails(open("secret", O_RDWR), EACCES) && access("closed/f", F_OK) == 0 &&
	       fails(open("closed/new", O_CREAT | O_RDWR, 0600), EACCES);
}

static int no_reading(void)
{
	return set(FULL & ~BIT(DAC_OVERRIDE) & ~BIT(DAC_READ_SEARCH)) &&
	       fails(open("secret", O_RDONLY), EACCES) && fails(chdir("closed"), EACCES) &&
	       chown("secret", 2, 2) == 0 && chmod("secret", 0) == 0 && chown("secret", 1, 1) == 0;
}

/* access(2) goes by what could be had. */
static int access_permitted(void)
{
	return set(0) && access("secret", R_OK | W_OK) == 0 &&
	       fails(open("secret", O_RDONLY), EACCES) &&
	       fails(syscall(SYS_faccessat2, AT_FDCWD, "secret", R_OK, AT_EACCESS), EACCES);
}

static int nothing(void)
{
	struct rlimit limit = { 0, 0 }, more = { 0, 1 };
	int pipes[2];

	return set(0) && fails(chown("secret", 1, 1), EPERM) && fails(chmod("secret", 0), EPERM) &&
	       fails(mknod("dev", S_IFCHR, makedev(1, 3)), EPERM) && fails(chroot("."), EPERM) &&
	       fails(mount("n", ".", "tmpfs", 0, NULL), EPERM) && fails(umount("/proc"), EPERM) &&
	       fails(sethostname("x", 1), EPERM) && fails(syscall(SYS_syslog, 10, 0, 0), EPERM) &&
	       fails(syscall(SYS_reboot, 0, 0, 0, 0), EPERM) && fails(swapoff("none"), EPERM) &&
	       fails(swapon("none", 0), EPERM) && setrlimit(RLIMIT_CORE, &limit) == 0 &&
	       fails(setrlimit(RLIMIT_CORE, &more), EPERM) &&
	       fails(open("/dev/kmsg", O_RDONLY), EPERM) && pipe(pipes) == 0 &&
	       fails(fcntl(pipes[0], F_SETPIPE_SZ, 2 << 20), EPERM) &&
	       fails(open("/proc/1/environ", O_RDONLY), EACCES);
}

/* --- users with one --- */

static int user_chown(void)
{
	return become_user() && set(BIT(CHOWN)) && chown("rootf", 5, 5) == 0 &&
	       chown("rootf", 0, 0) == 0 && fails(chmod("rootf", 0644), EPERM);
}

static int user_owner(void)
{
	struct utimbuf times = { 1, 1 };

	return become_user() && set(BIT(FOWNER)) && chmod("rootf", 0644) == 0 &&
	       fails(chown("rootf", USER, -1), EPERM) && utime("rootf", &times) == 0 &&
	       can_open("rootf", O_RDONLY | O_NOATIME) && unlink("sticky/f") == 0 &&
	       fails(open("secret", O_RDONLY), EACCES);
}

static int user_looks(void)
{
	return become_user() && set(BIT(DAC_READ_SEARCH)) && can_open("secret", O_RDONLY) &&
	       fails(open("secret", O_WRONLY), EACCES) && access("closed/f", F_OK) == -1 &&
	       can_open("closed/f", O_RDONLY);
}

static int user_overrides(void)
{
	return become_user() && set(BIT(DAC_OVERRIDE)) && can_open("secret", O_RDWR) &&
	       can_open("closed/new", O_RDWR | O_CREAT) && fails(chmod("secret", 0), EPERM) &&
	       fails(syscall(SYS_faccessat2, AT_FDCWD, "rootf", X_OK, AT_EACCESS), EACCES);
}

static int user_keeps_setid(void)
{
	int fd;

	if (!become_user() || !set(BIT(FSETID)))
		return 0;
	fd = open("setid", O_WRONLY);
	if (write(fd, "x", 1) != 1 || mode_of("setid") != 06777)
		return 0;
	return set(0) && write(fd, "x", 1) == 1 && mode_of("setid") == 0777;
}

static int user_and_machine(void)
{
	struct rlimit limit = { 0, 0 }, more = { 0, 1 };
	char buf[64];
	int pipes[2];

	return become_user() && set(BIT(SYS_CHROOT)) && chroot("/") == 0 && set(BIT(MKNOD)) &&
	       mknod("pub/dev", S_IFCHR, makedev(1, 3)) == 0 && set(BIT(SYS_ADMIN)) &&
	       sethostname("faultline", 9) == 0 && set(BIT(SYS_RESOURCE)) &&
	       setrlimit(RLIMIT_CORE, &limit) == 0 && setrlimit(RLIMIT_CORE, &more) == 0 &&
	       pipe(pipes) == 0 && fcntl(pipes[0], F_SETPIPE_SZ, 2 << 20) == 2 << 20 &&
	       set(BIT(SYSLOG)) && syscall(SYS_syslog, 10, 0, 0) > 0 &&
	       can_open("/dev/kmsg", O_RDONLY) && set(BIT(SYS_PTRACE)) &&
	       readlink("/proc/1/exe", buf, sizeof(buf)) > 0 && set(BIT(SYS_BOOT)) &&
	       fails(syscall(SYS_reboot, 0, 0, 0, 0), EINVAL) && set(0) &&
	       fails(readlink("/proc/1/exe", buf, sizeof(buf)), EACCES) &&
	       fails(syscall(SYS_reboot, 0, 0, 0, 0), EPERM);
}

static bool write_adj(const char *text)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	bool done = write(fd, text, strlen(text)) > 0;

	close(fd);
	return done;
}

static int oom_score(void)
{
	return write_adj("-5") && set(FULL & ~BIT(SYS_RESOURCE)) && write_adj("10") &&
	       write_adj("-5") && !write_adj("-6") && errno == EACCES;
}

/* --- setfsuid(2) --- */

static bool owned(const char *name, uid_t uid, gid_t gid)
{
	struct stat st;

	return stat(name, &st) == 0 && st.st_uid == uid && st.st_gid == gid;
}

static int fs_ids(void)
{
	return setfsuid(USER) == 0 && setfsuid(-1) == USER && geteuid() == 0 &&
	       fails(open("secret", O_RDONLY), EACCES) && access("secret", R_OK) == 0 &&
	       setfsgid(77) == 0 && can_open("pub/new", O_CREAT | O_RDWR) &&
	       owned("pub/new", USER, 77) && fails(chown("rootf", 0, 0), EPERM) &&
	       kill(1, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0 && setfsuid(0) == USER &&
	       can_open("secret", O_RDONLY);
}

static int fs_ids_follow(void)
{
	return setfsuid(USER) == 0 && setresuid(0, 0, 0) == 0 && setfsuid(-1) == 0 &&
	       fails(open("secret", O_RDONLY), EACCES) && setresuid(1000, 1001, 1002) == 0 &&
	       setfsuid(1000) == 1001 && setfsuid(1002) == 1000 && setfsuid(0) == 1002 &&
	       setfsuid(-1) == 1002 && setresuid(-1, 1000, -1) == 0 && setfsuid(-1) == 1000;
}

static void prepare(void)
{
	umask(0);
	mkdir(DIR, 0755);
	if (chdir(DIR))
		_exit(99);
	make_file("rootf", "x", 0644);
	make_file("secret", "x", 0);
	mkdir("closed", 0700);
	make_file("closed/f", "x", 0);
	mkdir("pub", 0777);
	mkdir("sticky", 01777);
	make_file("sticky/f", "x", 0666);
	make_file("setid", "x", 06777);
	chmod("closed", 0);
	if (chown("secret", 1, 1) || chown("closed", 1, 1))
		_exit(99);
}

int main(void)
{
	prepare();
	check(in_child(no_override) == 1,
	      "root without CAP_DAC_OVERRIDE looks, and writes nothing");
	check(in_child(no_reading) == 1, "nor looks without CAP_DAC_READ_SEARCH, but owns");
	check(in_child(access_permitted) == 1, "access(2) asks for what is permitted");
	check(in_child(nothing) == 1, "without any, root may nothing that asks for one");
	check(in_child(user_chown) == 1, "CAP_CHOWN gives away what is not one's own");
	check(in_child(user_owner) == 1, "CAP_FOWNER does what owners may");
	check(in_child(user_looks) == 1, "CAP_DAC_READ_SEARCH reads and searches");
	check(in_child(user_overrides) == 1, "CAP_DAC_OVERRIDE also writes, and executes nothing");
	check(in_child(user_keeps_setid) == 1, "CAP_FSETID keeps set-id bits at a write");
	check(in_child(user_and_machine) == 1, "the machine's calls ask for one each");
	check(in_child(oom_score) == 1, "oom_score_adj is lowered with CAP_SYS_RESOURCE");
	check(in_child(fs_ids) == 1, "setfsuid: files are judged by it, and all else is not");
	check(in_child(fs_ids_follow) == 1, "it follows the effective id, and may be any of three");
	if (system("rm -r " DIR))
		check(false, "nothing is left");
	return checks_done();
}
