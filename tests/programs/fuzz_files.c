/* SPDX-License-Identifier: MIT */
/*
 * fuzz_files SEED: everything in /proc and /dev read and written oddly, processes that die while they are
 * looked at, files cut while they are mapped, damaged programs. TAP.
 */
#include "fuzz.h"

static void poke_file(const char *path, bool may_write)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 100, 4095, 4096, 4097, 65536 };
	static const off_t offsets[] = { 0,         1,        7,        8,
					 4095,      1L << 31, 1L << 40, INT64_MAX - 4096,
					 INT64_MAX, -1 };
	static char buf[65536];
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	long out[8];

	stat(path, &st);
	readlink(path, buf, sizeof(buf));
	truncate(path, 0);
	if (fd >= 0) {
		for (size_t i = 0; i < 40; i++) {
			size_t n = sizes[below(COUNT(sizes))];

			pread(fd, buf, n, offsets[below(COUNT(offsets))]);
			if (i % 4 == 0)
				lseek(fd, offsets[below(COUNT(offsets))], (int)below(6));
			if (i % 4 == 1)
				read(fd, below(4) ? buf : (char *)KERNEL_RAM, n);
			if (i % 4 == 2)
				syscall(SYS_getdents64, fd, buf, n);
			if (i % 8 == 3)
				mmap(NULL, n, PROT_READ, below(2) ? MAP_SHARED : MAP_PRIVATE, fd,
				     0);
			if (may_write)
				ioctl(fd, below(2) ? 0x5400 + below(0x80) : 0x1200 + below(0x80),
				      below(2) ? (void *)out : (void *)KERNEL_RAM);
			ftruncate(fd, (off_t)n);
		}
		close(fd);
	}
	fd = may_write ? open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY) : -1;
	if (fd < 0)
		return;
	for (size_t i = 0; i < 20; i++) {
		for (size_t j = 0; j < 64; j++)
			buf[j] = (char)rnd();
		pwrite(fd, buf, sizes[below(COUNT(sizes) - 1)], offsets[below(COUNT(offsets))]);
		write(fd, below(4) ? buf : (char *)PAGE, below(64));
	}
	close(fd);
}

/* Disks, the terminal, others' files and memory and the machine's settings are not written to. */
static bool writable_one(const char *path)
{
	static const char *const spared[] = { "/dev/vd", "/dev/tty", "/dev/console", "/dev/std",
					      "/fd",     "/mem",     "/proc/sys",    "crash" };

	for (size_t i = 0; i < COUNT(spared); i++)
		if (strstr(path, spared[i]))
			return false;
	return true;
}

static void poke_all(const char *folder, int depth)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	char path[400];

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_type == DT_DIR && depth)
			poke_all(path, depth - 1);
		poke_file(path, writable_one(path));
	}
	if (dir)
		closedir(dir);
}

static void poke_proc(void)
{
	poke_all("/proc", 3);
}

static void poke_dev(void)
{
	poke_all("/dev", 2);
}

/* Children come and go while all of their /proc files are read. */
static void dying_processes(void)
{
	static const char *const names[] = { "maps",    "stat",    "status", "statm",
					     "cmdline", "environ", "auxv",   "exe",
					     "pagemap", "fd",      "comm" };
	static char buf[8192];

	for (int i = 0; i < 150; i++) {
		int fds[COUNT(names)];
		char path[64];
		pid_t pid = fork();

		if (!pid) {
			for (unsigned long j = below(4); j; j--)
				sched_yield();
			if (below(2))
				execl("/proc/self/exe", "fuzz", NULL);
			_exit(0);
		}
		for (size_t j = 0; j < COUNT(names); j++) {
			snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[j]);
			fds[j] = open(path, O_RDONLY);
			read(fds[j], buf, below(sizeof(buf)));
			readlink(path, buf, sizeof(buf));
			if (below(8) == 0)
				sched_yield();
		}
		kill(pid, below(2) ? SIGKILL : SIGCONT);
		for (size_t j = 0; j < COUNT(names); j++)
			pread(fds[j], buf, sizeof(buf), (off_t)below(3) * 8);
		waitpid(pid, NULL, 0);
		for (size_t j = 0; j < COUNT(names); j++) {
			pread(fds[j], buf, sizeof(buf), 0);
			syscall(SYS_getdents64, fds[j], buf, sizeof(buf));
			close(fds[j]);
		}
	}
}

/* One process cuts a file that another has mapped and touches, writes, syncs and unmaps. */
static void truncated_map(void)
{
	int fd = open("/tmp/fuzz-cut", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct sigaction sa = { .sa_handler = on_fault };
	char page[64] = "x";
	pid_t pid;

	pid = fork();
	if (!pid) {
		for (;;) {
			ftruncate(fd, (off_t)below(16 * PAGE));
			pwrite(fd, page, sizeof(page), (off_t)below(16 * PAGE));
			if (!below(8))
				sched_yield();
		}
	}
	sigaction(SIGBUS, &sa, NULL);
	for (int i = 0; i < 3000; i++) {
		volatile char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (!sigsetjmp(caught, 1))
			for (int j = 0; j < 8; j++)
				p[below(16 * PAGE)] = 1;
		if (!below(8))
			msync((void *)p, 16 * PAGE, MS_SYNC);
		if (!below(8))
			write(fd, (void *)(p + below(16 * PAGE)), 100);
		if (!below(8))
			pread(fd, (void *)(p + below(16 * PAGE)), 5000, 0);
		munmap((void *)p, 16 * PAGE);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	unlink("/tmp/fuzz-cut");
}

static void deep_names(void)
{
	char path[8192] = "/tmp/fuzz-deep";
	int depth = 0;

	symlink("/tmp/loop2", "/tmp/loop1");
	symlink("/tmp/loop1", "/tmp/loop2");
	open("/tmp/loop1/x", O_RDONLY | O_CREAT, 0600);
	rename("/tmp/loop1", "/tmp/loop2/y");
	mkdir(path, 0700);
	chdir(path);
	while (depth < 300 && !mkdir("d", 0700) && !chdir("d"))
		depth++;
	getcwd(path, 30);
	getcwd(path, sizeof(path));
	rename("/tmp/fuzz-deep", "sub");
	rename("..", "sub");
	rename("../d", "../d/d");
	rmdir(".");
	while (depth-- > 0 && !chdir("..") && !rmdir("d"))
		;
	chdir("/");
	rmdir("/tmp/fuzz-deep");
	memset(path, 'a', sizeof(path) - 1);
	open(path, O_CREAT, 0600);
	path[4096] = '\0';
	open(path, O_CREAT, 0600);
	path[255] = '\0';
	chdir("/tmp");
	close(open(path, O_CREAT, 0600));
	unlink(path);
	unlink("/tmp/loop1");
	unlink("/tmp/loop2");
}

/* Copies of this program with some bytes changed, mostly in its headers. */
static void mutated_programs(void)
{
	static char image[1 << 20];
	int fd = open("/proc/self/exe", O_RDONLY);
	ssize_t size = read(fd, image, sizeof(image));

	close(fd);
	for (int i = 0; i < 120; i++) {
		char head[1024];
		pid_t pid;

		memcpy(head, image, sizeof(head));
		for (unsigned long n = 1 + below(6); n; n--) {
			size_t at = below(4) ? below(64 + 6 * 56) : below(sizeof(head));

			if (below(3))
				head[at] = (char)rnd();
			else
				*(uint64_t *)&head[at & ~7UL] = number();
		}
		fd = open("/tmp/fuzz-elf", O_RDWR | O_CREAT | O_TRUNC, 0700);
		write(fd, head, sizeof(head));
		write(fd, image + sizeof(head), (size_t)size - sizeof(head));
		close(fd);
		pid = fork();
		if (!pid) {
			struct itimerval soon = { .it_value.tv_usec = 50000 };

			close(0), close(1), close(2);
			setitimer(ITIMER_REAL, &soon, NULL);
			execl("/tmp/fuzz-elf", "x", NULL);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	unlink("/tmp/fuzz-elf");
}

static int fuzz_files(void)
{
	attack("everything in /proc", poke_proc);
	attack("everything in /dev", poke_dev);
	attack("/proc of dying processes", dying_processes);
	attack("a file cut while it is mapped", truncated_map);
	attack("names too deep, too long and going round", deep_names);
	attack("programs with bytes changed", mutated_programs);
	return checks_done();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rng_state = strtoul(argv[1], NULL, 0) * 2654435761UL + 1;
	return argc > 1 ? fuzz_files() : 0; /* it also runs itself, to be looked at as it ends */
}
