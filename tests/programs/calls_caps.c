/* SPDX-License-Identifier: MIT */
/*
 * calls_caps: capabilities: what capset may set, what exec and a change of user leave, the bounding and
 * the ambient set, calls that ask for one whoever the user is, and what users may without. TAP. Needs
 * argv[0] to be its path.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "calls.h"

#define FULL 0x1ffffffffffull
#define BIT(cap) (1ull << (cap))
#define KILL 5
#define SETGID 6
#define SETUID 7
#define SETPCAP 8
#define SYS_NICE 23
#define SYS_TIME 25
#define USER 1000

static const char *self;

struct caps {
	uint64_t effective, permitted, inheritable;
};

struct data {
	uint32_t effective, permitted, inheritable;
};

static struct {
	uint32_t version;
	int pid;
} head = { 0x20080522, 0 };

static struct caps get(void)
{
	struct data d[2] = { { 0 } };

	syscall(SYS_capget, &head, d);
	return (struct caps){ d[0].effective | (uint64_t)d[1].effective << 32,
			      d[0].permitted | (uint64_t)d[1].permitted << 32,
			      d[0].inheritable | (uint64_t)d[1].inheritable << 32 };
}

/* 0 or errno. */
static int set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct data d[2] = { { (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
			     { (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			       (uint32_t)(inheritable >> 32) } };

	return syscall(SYS_capset, &head, d) ? errno : 0;
}

static int ambient(int what, int cap)
{
	return prctl(PR_CAP_AMBIENT, what, cap, 0, 0);
}

/* A set that exec left, in 6 bits: KILL, SETGID, and how many others there are: none, some, all. */
static int brief(uint64_t caps)
{
	uint64_t others = caps & ~(BIT(KILL) | BIT(SETGID));

	return (caps & BIT(KILL) ? 1 : 0) | (caps & BIT(SETGID) ? 2 : 0) |
	       (others == (FULL & ~(BIT(KILL) | BIT(SETGID))) ? 8 :
		others                                        ? 4 :
								0);
}

#define ALL (1 | 2 | 8)

/* The new program's sets: its exit status is a bit for each that is not as argv says. */
static int after_exec(char **argv)
{
	struct caps caps = get();

	return (brief(caps.effective) != argv[1][0] - 'a') |
	       (brief(caps.permitted) != argv[2][0] - 'a') << 1 |
	       (brief(caps.inheritable) != argv[3][0] - 'a') << 2 |
	       (ambient(PR_CAP_AMBIENT_IS_SET, KILL) != argv[4][0] - 'a') << 3;
}

/* What the sets have to be after exec; 0 or bits that tell which is not. */
static int exec_leaves(int effective, int permitted, int inheritable, int ambient_kill)
{
	char words[4][2] = { { (char)('a' + effective) },
			     { (char)('a' + permitted) },
			     { (char)('a' + inheritable) },
			     { (char)('a' + ambient_kill) } };
	char *argv[] = { (char *)self, words[0], words[1], words[2], words[3], NULL };

	execv(self, argv);
	return 99;
}

/* --- capset --- */

static int set_effective(void)
{
	return set(BIT(KILL), BIT(KILL), 0) ||
	       set(BIT(KILL) | BIT(SETGID), BIT(KILL), 0) != EPERM || set(0, BIT(KILL), 0) ||
	       set(BIT(KILL), BIT(KILL), 0) || set(0, 0, 0) || get().permitted ||
	       set(0, BIT(KILL), 0) != EPERM;
}

static int set_inheritable(void)
{
	if (set(BIT(SETPCAP), BIT(SETPCAP), BIT(KILL)) || get().inheritable != BIT(KILL))
		return 2;
	if (prctl(PR_CAPBSET_DROP, SETGID) ||
	    set(BIT(SETPCAP), BIT(SETPCAP), BIT(KILL) | BIT(SETGID)) != EPERM)
		return 3;
	if (set(0, BIT(SETPCAP), BIT(KILL)) ||
	    set(0, BIT(SETPCAP), BIT(KILL) | BIT(SETUID)) != EPERM)
		return 4;
	return set(0, BIT(SETPCAP), BIT(KILL) | BIT(SETPCAP)) ? 5 : 0;
}

static int drop_without(void)
{
	return set(FULL & ~BIT(SETPCAP), FULL & ~BIT(SETPCAP), 0) ||
	       prctl(PR_CAPBSET_DROP, KILL) != -1 || errno != EPERM ||
	       prctl(PR_CAPBSET_READ, KILL) != 1;
}

/* --- the ambient set --- */

static int ambient_set(void)
{
	if (set(FULL, FULL, BIT(KILL) | BIT(SETGID)) || ambient(PR_CAP_AMBIENT_RAISE, KILL) ||
	    ambient(PR_CAP_AMBIENT_RAISE, SETGID) || ambient(PR_CAP_AMBIENT_IS_SET, KILL) != 1)
		return 2;
	if (ambient(PR_CAP_AMBIENT_LOWER, KILL) || ambient(PR_CAP_AMBIENT_IS_SET, KILL) ||
	    ambient(PR_CAP_AMBIENT_IS_SET, SETGID) != 1)
		return 3;
	if (ambient(PR_CAP_AMBIENT_CLEAR_ALL, 1) != -1 || errno != EINVAL ||
	    ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0) || ambient(PR_CAP_AMBIENT_IS_SET, SETGID))
		return 4;
	return ambient(PR_CAP_AMBIENT_RAISE, SETUID) != -1 || errno != EPERM;
}

static int ambient_follows(void)
{
	if (set(FULL, FULL, BIT(KILL) | BIT(SETGID)) || ambient(PR_CAP_AMBIENT_RAISE, KILL) ||
	    ambient(PR_CAP_AMBIENT_RAISE, SETGID))
		return 2;
	if (set(FULL & ~BIT(KILL), FULL & ~BIT(KILL), BIT(KILL) | BIT(SETGID)) ||
	    ambient(PR_CAP_AMBIENT_IS_SET, KILL) || ambient(PR_CAP_AMBIENT_IS_SET, SETGID) != 1)
		return 3;
	return set(FULL & ~BIT(KILL), FULL & ~BIT(KILL), 0) ||
	       ambient(PR_CAP_AMBIENT_IS_SET, SETGID);
}

static int ambient_and_user(void)
{
	return set(FULL, FULL, BIT(KILL)) || ambient(PR_CAP_AMBIENT_RAISE, KILL) ||
	       prctl(PR_SET_KEEPCAPS, 1) || setresuid(USER, USER, USER) ||
	       get().permitted != FULL || ambient(PR_CAP_AMBIENT_IS_SET, KILL);
}

/* --- exec --- */

static int exec_root(void)
{
	set(0, 0, 0);
	return exec_leaves(ALL, ALL, 0, 0);
}

static int exec_bounded(void)
{
	prctl(PR_CAPBSET_DROP, KILL);
	return exec_leaves(ALL & ~1, ALL & ~1, 0, 0);
}

static int exec_inherits(void)
{
	set(FULL, FULL, BIT(KILL));
	prctl(PR_CAPBSET_DROP, KILL);
	prctl(PR_CAPBSET_DROP, SETGID);
	return exec_leaves(ALL & ~2, ALL & ~2, 1, 0);
}

static int exec_real_root(void)
{
	return setresuid(0, USER, USER) ? 98 : exec_leaves(0, ALL, 0, 0);
}

static int exec_effective_root(void)
{
	return setresuid(USER, 0, 0) ? 98 : exec_leaves(ALL, ALL, 0, 0);
}

static int exec_user(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	if (setresuid(USER, USER, USER) || set(FULL, FULL, BIT(SETGID)))
		return 98;
	return exec_leaves(0, 0, 2, 0);
}

static int exec_ambient(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	if (setresuid(USER, USER, USER) || set(FULL, FULL, BIT(KILL)) ||
	    ambient(PR_CAP_AMBIENT_RAISE, KILL))
		return 98;
	return exec_leaves(1, 1, 1, 1);
}

static int exec_ambient_root(void)
{
	if (set(FULL, FULL, BIT(KILL)) || ambient(PR_CAP_AMBIENT_RAISE, KILL))
		return 98;
	return exec_leaves(ALL, ALL, 1, 1);
}

/* A group that is not the real one is a set-id program's, too. */
static int exec_ambient_group(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	if (setegid(USER) || setresuid(USER, USER, USER) || set(FULL, FULL, BIT(KILL)) ||
	    ambient(PR_CAP_AMBIENT_RAISE, KILL))
		return 98;
	return exec_leaves(0, 0, 1, 0);
}

/* --- who asks for one --- */

static int root_without(void)
{
	struct timespec ts;
	gid_t group = 7;
	pid_t self = getpid(), pid = fork();
	int wrong = 0;

	if (!pid) {
		setresuid(USER, USER, USER);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == self) /* it may be over already */
			pause();
		_exit(0);
	}
	while (syscall(SYS_getpriority, PRIO_USER, USER) < 0)
		sleep_ms(1);
	clock_gettime(CLOCK_REALTIME, &ts);
	if (set(0, 0, 0))
		return 99;
	wrong |= setgroups(1, &group) != -1 || errno != EPERM;
	wrong |= (clock_settime(CLOCK_REALTIME, &ts) != -1 || errno != EPERM) << 1;
	wrong |= (kill(pid, 0) != -1 || errno != EPERM) << 2;
	wrong |= (setpriority(PRIO_PROCESS, (id_t)pid, 5) != -1 || errno != EPERM) << 3;
	wrong |= (setgid(7) != -1 || errno != EPERM) << 4;
	wrong |= (setresuid(7, 7, 7) != -1 || errno != EPERM) << 5;
	return wrong;
}

static int user_with(void)
{
	uint64_t caps = BIT(KILL) | BIT(SETGID) | BIT(SYS_NICE) | BIT(SYS_TIME);
	struct timespec ts;
	gid_t group = 7;
	int wrong = 0;

	prctl(PR_SET_KEEPCAPS, 1);
	if (setresuid(USER, USER, USER) || set(caps, caps, 0))
		return 99;
	clock_gettime(CLOCK_REALTIME, &ts);
	wrong |= setgroups(1, &group) != 0;
	wrong |= (clock_settime(CLOCK_REALTIME, &ts) != 0) << 1;
	wrong |= (kill(getppid(), 0) != 0) << 2;
	wrong |= (setpriority(PRIO_PROCESS, 0, -1) != 0) << 3;
	wrong |= (setgid(7) != 0) << 4;
	wrong |= (setresuid(7, 7, 7) != -1 || errno != EPERM) << 5;
	return wrong;
}

/* --- who has none --- */

static int saved_id(void)
{
	uid_t r, e, s;

	if (setresuid(500, 0, 0) || setreuid(-1, 600) || getresuid(&r, &e, &s) || s != 600)
		return 2;
	return setuid(500) || setuid(600) || geteuid() != 600 || getuid() != 500 ? 3 : 1;
}

/* Another user's process: its limits are its own, and of signals it gets the session's SIGCONT. */
static int others(void)
{
	struct rlimit limit = { 0, 0 };
	pid_t pid;

	if (setuid(1000) || prlimit(getppid(), RLIMIT_CORE, NULL, &limit) != -1 || errno != EPERM)
		return 2;
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 1 }) != -1 || errno != EPERM)
		return 3;
	if (sethostname("x", 1) != -1 || errno != EPERM)
		return 5;
	pid = getppid();
	return kill(pid, SIGCONT) || kill(pid, SIGURG) != -1 || errno != EPERM ? 4 : 1;
}

static int nice_limit(void)
{
	if (setrlimit(RLIMIT_NICE, &(struct rlimit){ 25, 25 }) || setuid(1000))
		return 2;
	return setpriority(PRIO_PROCESS, 0, -5) || setpriority(PRIO_PROCESS, 0, -6) != -1 ? 3 : 1;
}

static int kill_by_saved_id(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setresuid(700, 700, 1000);
		sleep_ms(20000);
		_exit(0);
	}
	until_asleep(pid, pid);
	setresuid(1001, 1000, 1001);
	status = kill(pid, SIGKILL);
	status_of(pid);
	return status ? 2 : 1;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return after_exec(argv);
	alarm(60);
	check(in_child(set_effective) == 0, "capset: effective only what is permitted");
	check(in_child(set_inheritable) == 0,
	      "inheritable: of the bounding set with CAP_SETPCAP, else of what is permitted");
	check(in_child(drop_without) == 0, "PR_CAPBSET_DROP wants CAP_SETPCAP");
	check(in_child(ambient_set) == 0, "ambient: of what is inheritable, raised and lowered");
	check(in_child(ambient_follows) == 0, "it loses what the others lose");
	check(in_child(ambient_and_user) == 0, "and all with the user, whatever is kept");
	check(in_child(exec_root) == 0, "exec gives root all");
	check(in_child(exec_bounded) == 0, "but what was taken out of the bounding set");
	check(in_child(exec_inherits) == 0, "and is not inheritable");
	check(in_child(exec_real_root) == 0, "root by the real id alone: permitted only");
	check(in_child(exec_effective_root) == 0, "by the effective id: all");
	check(in_child(exec_user) == 0, "other users lose all, but what they may inherit");
	check(in_child(exec_ambient) == 0, "and what is ambient");
	check(in_child(exec_ambient_root) == 0, "which root keeps, too");
	check(in_child(exec_ambient_group) == 0, "but who acts as another has none");
	check(in_child(root_without) == 0, "without them user 0 is nobody");
	check(in_child(user_with) == 0, "with them other users are root in part");
	check(in_child(saved_id) == 1, "the saved id follows the effective one, and can be taken");
	check(in_child(others) == 1, "limits and signals of another user's process");
	check(in_child(nice_limit) == 1, "RLIMIT_NICE allows so much");
	check(in_child(kill_by_saved_id) == 1, "a process is also who it may become again");
	return checks_done();
}
