/* SPDX-License-Identifier: MIT */
/*
 * race_fork: fork, exec and exit while threads of the process fault, and others look at it. What a
 * child has is what was there at some moment of the fork, and nobody changes it afterwards; a process
 * that ends or execs under fire leaves nothing behind.
 */
#include "race.h"

#include <dirent.h>

#define PAGES 32UL

static char *area;
static word_t *both; /* a page that children share */

/* False: the other side, child @pid or (0) our parent, is gone. */
static bool wait_for(int word, uint64_t value, pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };
	unsigned int spins = 0;

	while (both[word] < value) {
		if (spins % 1024 == 1023 &&
		    (pid ? waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid :
			   getppid() == 1))
			return false;
		pause_for(&spins);
	}
	return true;
}

static pid_t start_child(void)
{
	pid_t pid;

	both[0] = both[1] = 0;
	pid = fork();
	if (pid < 0)
		bail("fork");
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* ---- fork against threads that write ---- */

static atomic_ulong stamp; /* goes into every word that is written */

static void write_stamps(int id)
{
	while (!stopped()) {
		now_and_then_yield();
		for (size_t i = 0; i < PAGES; i++)
			*word_at(area, i, 1 + id) = atomic_load(&stamp);
	}
}

/*
 * In the child: words are stamps from before fork() returned in the parent, and stay what they are.
 * The parent's threads write the next stamp for sure while the child looks.
 */
static int look_at_snapshot(unsigned long newest)
{
	static uint64_t seen[PAGES][MAX_THREADS];
	int wrong = 0;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < PAGES; i++)
			for (int id = 0; id < race_threads; id++) {
				uint64_t value = *word_at(area, i, 1 + id);

				wrong |= value > newest ? 1 : 0;
				wrong |= round && value != seen[i][id] ? 2 : 0;
				seen[i][id] = value;
			}
		both[0] = round + 1;
		if (!wait_for(1, (uint64_t)round + 1, 0))
			return 4;
	}
	return wrong;
}

static void direct_snapshot(void)
{
	unsigned long newest = atomic_load(&stamp);
	int status;
	pid_t pid;

	pid = start_child();
	if (!pid)
		_exit(look_at_snapshot(newest));
	for (int round = 0; round < 3; round++) {
		atomic_fetch_add(&stamp, 1);
		if (!wait_for(0, (uint64_t)round + 1, pid))
			break;
		let_others(20);
		both[1] = round + 1;
	}
	status = status_of(pid);
	if (status)
		complain("%s (wait status %#x)",
			 status == 0x100 ? "a child sees a write made after fork" :
			 status == 0x200 ? "what a child sees changes" :
					   "a child sees later writes",
			 status);
}

static void race_snapshot(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	check(race(write_stamps, direct_snapshot),
	      "fork against threads that write: no child sees a write made after it, nor a change");
	munmap(area, PAGES * PAGE);
}

/* ---- copies on both sides at once ---- */

static unsigned long cow_round;

/* Each thread of the parent writes a word of each page, at the same time as the child does. */
static void write_shared_pages(int id)
{
	while (meet()) {
		for (size_t i = 0; i < PAGES; i++)
			*word_at(area, i, 1 + id) = cow_round + i;
		if (!meet())
			return;
	}
}

static int child_of_cow(void)
{
	both[0] = 1;
	if (!wait_for(1, 1, 0))
		return 4;
	for (size_t i = 0; i < PAGES; i++)
		*word_at(area, i, 0) = ~(cow_round + i);
	for (size_t i = 0; i < PAGES; i++) {
		if (*word_at(area, i, 0) != ~(cow_round + i))
			return 1;
		for (int id = 0; id < race_threads; id++)
			if (*word_at(area, i, 1 + id) != (uint64_t)id)
				return 2;
		if (*word_at(area, i, PAGE / 8 - 1) != cow_round)
			return 3;
	}
	return 0;
}

static void check_parent(void)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (*word_at(area, i, 0) || *word_at(area, i, PAGE / 8 - 1) != cow_round)
			complain("page %zu of the parent holds %#lx of the child", i,
				 (uint64_t)*word_at(area, i, 0));
		for (int id = 0; id < race_threads; id++)
			if (*word_at(area, i, 1 + id) != cow_round + i)
				complain("page %zu lost the write of thread %d", i, id);
	}
}

static void direct_cow(void)
{
	int status;
	pid_t pid;

	cow_round += 1000;
	for (size_t i = 0; i < PAGES; i++) {
		*word_at(area, i, 0) = 0;
		for (int id = 0; id < race_threads; id++)
			*word_at(area, i, 1 + id) = id;
		*word_at(area, i, PAGE / 8 - 1) = cow_round;
	}
	pid = start_child();
	if (!pid)
		_exit(child_of_cow());
	wait_for(0, 1, pid);
	both[1] = 1;
	if (meet() && meet())
		check_parent();
	status = status_of(pid);
	if (status)
		complain("the child ended with wait status %#x", status);
}

static void race_cow(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	check(race(write_shared_pages, direct_cow),
	      "copies made by threads and a child at once: each process keeps its own writes");
	munmap(area, PAGES * PAGE);
}

/* ---- the end, in the middle of faults ---- */

static void *fault_forever(void *arg)
{
	char *p = map_at(NULL, PAGES, RW, PRIVATE, -1);

	(void)arg;
	for (;;) {
		for (size_t i = 0; i < PAGES; i++) {
			*word_at(p, i, 0) = i;
			atomic_fetch_add(word_at(area, i, 0), 1);
		}
		madvise(p, PAGES * PAGE, MADV_DONTNEED);
	}
	return NULL;
}

enum { BY_EXIT, BY_KILL, BY_SEGV, BY_EXEC, NR_ENDS };

static void end_under_fire(int how, useconds_t us)
{
	static char *const argv[] = { "/proc/self/exe", "child", NULL };
	pthread_t t;

	for (int i = 0; i < race_threads; i++)
		if (pthread_create(&t, NULL, fault_forever, NULL))
			_exit(90);
	both[0] = 1;
	usleep(us);
	switch (how) {
	case BY_EXIT:
		_exit(17);
	case BY_KILL:
		for (;;)
			pause();
	case BY_SEGV:
		signal(SIGSEGV, SIG_DFL);
		*(volatile int *)area = *(volatile int *)PAGE;
	}
	execv(argv[0], argv);
	_exit(91);
}

static void direct_ends(void)
{
	static const int want[] = { 17 << 8, SIGKILL, SIGSEGV, 23 << 8 };
	int how = (int)below(NR_ENDS), status;
	useconds_t us = (useconds_t)below(4000);
	pid_t pid = start_child();

	if (!pid)
		end_under_fire(how, us);
	if (how == BY_KILL) {
		wait_for(0, 1, pid);
		usleep(us);
		kill(pid, SIGKILL);
	}
	status = status_of(pid) & ~0x80;
	if (status != want[how])
		complain("a process that ends in way %d has wait status %#x, not %#x", how, status,
			 want[how]);
}

/* Beside it, others look into every process that there is, as ps does. */
static void look_at_all(int id)
{
	static const char *const files[] = { "maps",  "cmdline", "status", "stat",
					     "statm", "environ", "pagemap" };
	char path[64], text[2048];

	(void)id;
	while (!stopped()) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			long pid = atol(entry->d_name);
			int fd;

			if (pid < getpid())
				continue;
			snprintf(path, sizeof(path), "/proc/%ld/%s", pid,
				 files[below(COUNT(files))]);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;
			if (strstr(path, "pagemap"))
				lseek(fd, (off_t)((uintptr_t)area / PAGE * 8), SEEK_SET);
			for (ssize_t n = 1; n > 0;) {
				n = read(fd, text, sizeof(text));
				if (n > 0 && strstr(path, "cmdline") && !memchr("/r", text[0], 2))
					complain("%s is %.*s", path, (int)n, text);
				if (n > 0 && strstr(path, "pagemap"))
					break;
			}
			close(fd);
		}
		closedir(dir);
		now_and_then_yield();
	}
}

static void race_ends(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	check(race(look_at_all, direct_ends),
	      "exit, SIGKILL, SIGSEGV and exec in the middle of faults, while /proc is read");
	munmap(area, PAGES * PAGE);
}

/* ---- threads of many forks at once ---- */

static void fork_beside(int id)
{
	while (!stopped()) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			for (size_t i = 0; i < PAGES; i++)
				if ((*word_at(area, i, 0))++ != i)
					_exit(1);
			_exit(0);
		}
		if (pid < 0)
			continue;
		status = status_of(pid);
		if (status)
			complain("the child of thread %d ended with wait status %#x", id, status);
	}
}

/* Meanwhile the map changes beside. */
static void change_map(void)
{
	char *p = map_at(NULL, PAGES, RW, PRIVATE, -1);

	for (size_t i = 0; i < PAGES; i++)
		*word_at(p, i, 0) = i;
	mprotect(p + PAGE, PAGE, PROT_READ);
	munmap(p, PAGES * PAGE);
}

static void race_forks(void)
{
	area = map_at(NULL, PAGES, RW, PRIVATE, -1);
	for (size_t i = 0; i < PAGES; i++)
		*word_at(area, i, 0) = i;
	check(race(fork_beside, change_map), "many threads fork at once, while the map changes");
	munmap(area, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "snapshot", race_snapshot },
		{ "cow", race_cow },
		{ "ends", race_ends },
		{ "forks", race_forks },
	};

	if (argc > 1 && !strcmp(argv[1], "child"))
		return 23;
	both = map_at(NULL, 1, RW, SHARED, -1);
	return run_races(tests, COUNT(tests), argv);
}
