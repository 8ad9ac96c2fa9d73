/* SPDX-License-Identifier: MIT */
/*
 * fuzz_calls SEED ROUNDS [NUMBER [trace]]: system calls with arguments that make no sense, and with
 * such as make some, in ROUNDS children ("60s": in as many as start in a minute); NUMBER: only this
 * call; trace: each is told on standard error first. TAP.
 */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "fuzz_sense.h"

#define ARENA_PAGES 16

static char
	*arena; /* page i is: 0-3 read-write, 4 read-only, 5 none, 6 a hole, 7 shared file, 8.. */
static const char *const paths[] = { "/tmp/fuzz.d/a",
				     "/tmp/fuzz.d/b",
				     "/tmp/fuzz.d/d",
				     "/tmp/fuzz.d/d/x",
				     "/tmp/fuzz.d/loop",
				     "/proc/self/maps",
				     "/proc/self/fd/3",
				     ".",
				     "..",
				     "",
				     "/",
				     "/dev/null",
				     "/dev/zero",
				     "/proc/1/stat",
				     "/proc/self/mem",
				     "/proc/self/smaps",
				     "/proc/self/exe",
				     "/dev/tty",
				     "/dev/full",
				     "/dev/shm/fuzz",
				     "/tmp/fuzz.d/fifo",
				     "a/../b/./../c" };

static void make_arena(void)
{
	int fd;

	arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	for (int i = 0; i < 4; i++)
		for (size_t j = 0; j < PAGE / 8; j++)
			((uint64_t *)arena)[(size_t)i * PAGE / 8 + j] = j & 3 ? below(1000) : rnd();
	mprotect(arena + 4 * PAGE, PAGE, PROT_READ);
	mprotect(arena + 5 * PAGE, PAGE, PROT_NONE);
	munmap(arena + 6 * PAGE, PAGE);
	fd = open("/tmp/fuzz.d/map", O_RDWR | O_CREAT, 0666);
	ftruncate(fd, 100);
	mmap(arena + 7 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
}

static void make_fds(void)
{
	int fds[2];

	for (int fd = 0; fd < 20; fd++)
		close(fd);
	open("/dev/null", O_RDWR);
	open("/dev/null", O_RDWR);
	open("/dev/null", O_RDWR);
	pipe2(fds, O_NONBLOCK);
	open("/tmp/fuzz.d/a", O_RDWR | O_CREAT, 0666);
	open("/tmp/fuzz.d", O_RDONLY | O_DIRECTORY);
	open("/dev/zero", O_RDWR);
	open("/proc/self/maps", O_RDONLY);
	open("/proc/self", O_RDONLY);
	open("/tmp/fuzz.d/b", O_RDWR | O_CREAT | O_APPEND, 0666);
	open("/proc/meminfo", O_RDONLY);
	open("/proc/self/pagemap", O_RDONLY);
	open("/dev", O_RDONLY);
	pipe2(fds, 0);
	syscall(SYS_memfd_create, "fuzz", 2);
	open("/dev/shm/fuzz", O_RDWR | O_CREAT, 0666);
	syscall(SYS_pidfd_open, getpid(), 0);
	open("/tmp/fuzz.d/fifo", O_RDWR | O_NONBLOCK);
	open("/proc/self/mem", O_RDWR);
	open("/dev/full", O_RDWR);
}

static const char *path(void)
{
	return paths[below(COUNT(paths))];
}

static unsigned long page_of_arena(void)
{
	return (unsigned long)arena + below(ARENA_PAGES) * PAGE + (below(8) ? 0 : below(PAGE));
}

static unsigned long pointer(void)
{
	static const unsigned long bad[] = { 0,
					     1,
					     PAGE,
					     KERNEL_TEXT,
					     KERNEL_RAM,
					     NONCANONICAL,
					     USER_END,
					     USER_END - 8,
					     USER_END - PAGE,
					     ~0UL,
					     ~7UL,
					     0xffffc90000000000UL,
					     0x0000800000000000UL };
	unsigned long at = (unsigned long)arena + below(ARENA_PAGES) * PAGE;

	switch (below(8)) {
	case 0:
		return bad[below(COUNT(bad))];
	case 1:
		return at + PAGE - below(32);
	case 2:
		return at + below(PAGE);
	case 3:
		return at;
	case 4:
		return (unsigned long)path();
	default:
		return (unsigned long)arena + below(4 * PAGE / 8) * 8;
	}
}

static unsigned long argument(void)
{
	switch (below(5)) {
	case 0:
	case 1:
		return pointer();
	case 2:
		return below(20);
	case 3:
		return below(4) ? number() : (unsigned long)-100; /* AT_FDCWD */
	default:
		return number();
	}
}

/* Calls that reach other processes, or end the machine or this child. */
static bool forbidden(unsigned long nr, bool root)
{
	static const short always[] = { SYS_reboot, SYS_exit,    SYS_exit_group, SYS_swapoff,
					SYS_swapon, SYS_umount2, SYS_pause,      SYS_rt_sigsuspend,
					SYS_sync,   SYS_mount };
	static const short as_root[] = { SYS_kill,
					 SYS_tkill,
					 SYS_tgkill,
					 SYS_rt_sigqueueinfo,
					 SYS_rt_tgsigqueueinfo,
					 SYS_prlimit64,
					 SYS_setpriority,
					 SYS_clock_settime,
					 SYS_settimeofday,
					 SYS_adjtimex,
					 SYS_clock_adjtime,
					 SYS_sethostname,
					 SYS_setdomainname,
					 SYS_process_vm_writev,
					 SYS_pidfd_send_signal };

	for (size_t i = 0; i < COUNT(always); i++)
		if (nr == (unsigned long)always[i])
			return true;
	for (size_t i = 0; root && i < COUNT(as_root); i++)
		if (nr == (unsigned long)as_root[i])
			return true;
	return false;
}

static int only_call = -1;
static bool trace;

struct caller {
	pid_t self;
	unsigned int n;
	bool root;
};

static void *call_at_random(void *arg)
{
	const struct caller caller = *(struct caller *)arg;

	for (unsigned int n = caller.n; n; n--) {
		unsigned long nr = below(16) ? below(335) :
				   below(16) ? 424 + below(27) :
					       rnd(),
			      a[6];

		if (only_call >= 0)
			nr = (unsigned long)only_call;
		for (int i = 0; i < 6; i++)
			a[i] = argument();
		if (only_call < 0 && below(2))
			nr = call_with_sense(a);
		if (forbidden(nr, caller.root))
			continue;
		if (trace)
			dprintf(100, "%d: %lu(%lx, %lx, %lx, %lx, %lx, %lx)\n", caller.self, nr,
				a[0], a[1], a[2], a[3], a[4], a[5]);
		syscall((long)nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (syscall(SYS_getpid) != caller.self)
			syscall(SYS_exit_group, 0);
	}
	return NULL;
}

static void calls_child(unsigned int n, bool root)
{
	pthread_t thread;
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
	struct sigaction sa = { .sa_handler = nothing };
	struct rlimit space = { 48 << 20, 48 << 20 }, file = { 1 << 20, 1 << 20 },
		      procs = { 40, 40 };
	pid_t self = (pid_t)syscall(SYS_getpid);

	setsid();
	chdir("/tmp/fuzz.d");
	make_fds();
	make_arena();
	if (below(8))
		setrlimit(RLIMIT_AS, &space);
	setrlimit(RLIMIT_FSIZE, &file);
	setrlimit(RLIMIT_NPROC, &procs);
	signal(SIGXFSZ, SIG_IGN);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	if (!root)
		setuid(1000);
	if (!below(3))
		pthread_create(&thread, NULL, call_at_random, &(struct caller){ self, n, root });
	call_at_random(&(struct caller){ self, n, root });
	syscall(SYS_exit_group, 0);
}

/* Another user's process keeps its limits. */
static void take_limits(void)
{
	struct rlimit none = { 0, 0 };

	setuid(1000);
	_exit(prlimit(getppid(), RLIMIT_AS, &none, NULL) == 0 || errno != EPERM);
}

/* System V's segments outlive those who made them. */
static void remove_segments(void)
{
	struct shmid_ds segment;
	int last = shmctl(0, SHM_INFO, &segment), id;

	for (int i = 0; i <= last; i++)
		if ((id = shmctl(i, SHM_STAT, &segment)) >= 0)
			shmctl(id, IPC_RMID, NULL);
}

static bool more(unsigned int round, const char *rounds, time_t begin)
{
	if (strchr(rounds, 's'))
		return time(NULL) - begin < atoi(rounds);
	return round < (unsigned int)atoi(rounds);
}

static int fuzz_calls(const char *rounds)
{
	unsigned int stuck = 0;
	time_t begin = time(NULL);

	system("rm -rf /tmp/fuzz.d");
	mkdir("/tmp/fuzz.d", 0777);
	chmod("/tmp/fuzz.d", 0777);
	mkdir("/tmp/fuzz.d/d", 0777);
	mkfifo("/tmp/fuzz.d/fifo", 0666);
	symlink("loop", "/tmp/fuzz.d/loop");
	if (trace)
		dup2(2, 100);
	for (unsigned int i = 0; more(i, rounds, begin); i++) {
		bool root = !below(3);
		pid_t pid;

		rnd();
		pid = fork();
		if (!pid)
			calls_child(300, root);
		if (!reap(pid, 300)) {
			printf("# process %d of round %u does not die\n", pid, i);
			stuck++;
		}
		kill(-pid, SIGKILL);
		remove_segments();
	}
	unlink("/dev/shm/fuzz");
	system("rm -rf /tmp/fuzz.d");
	check(in_child(take_limits, 5) == 0, "limits of another user's process");
	check(!stuck, "whatever they called, they end");
	check(machine_works(), "system calls that make no sense");
	return checks_done();
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	rng_state = strtoul(argv[1], NULL, 0) * 2654435761UL + 1;
	if (argc > 3)
		only_call = atoi(argv[3]);
	trace = argc > 4;
	return fuzz_calls(argv[2]);
}
