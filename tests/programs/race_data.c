/* SPDX-License-Identifier: MIT */
/*
 * race_data: records that go through a file or a pipe, and the numbers these are open under. Each record
 * is read once, whole and in order.
 */
#include "race.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static int file;

/* ---- O_APPEND, and one position for all ---- */

struct record {
	uint64_t id, turn, sum, fill[5];
};

static atomic_ulong written, taken, sum_written, sum_taken;

static uint64_t sum_of(const struct record *r)
{
	return (r->id + 1) * 0x9e3779b97f4a7c15UL ^ r->turn * 0xbf58476d1ce4e5b9UL;
}

static struct record next_record(int id)
{
	static _Thread_local uint64_t turn;
	struct record r = { .id = (uint64_t)id, .turn = ++turn };

	r.sum = sum_of(&r);
	for (size_t i = 0; i < COUNT(r.fill); i++)
		r.fill[i] = r.sum;
	atomic_fetch_add(&written, 1);
	atomic_fetch_add(&sum_written, r.sum);
	return r;
}

static void take_record(const struct record *r)
{
	if (r->sum != sum_of(r) || r->fill[0] != r->sum || r->fill[4] != r->sum)
		complain("a record is torn: %lu of writer %lu", r->turn, r->id);
	atomic_fetch_add(&taken, 1);
	atomic_fetch_add(&sum_taken, r->sum);
}

static void no_records(void)
{
	written = taken = sum_written = sum_taken = 0;
}

static bool all_taken(void)
{
	if (written == taken && sum_written == sum_taken)
		return true;
	printf("# %lu records written, %lu read\n", written, taken);
	return false;
}

static void append(int id)
{
	struct record r;
	int fd = open("/root/race.append", O_WRONLY | O_APPEND);

	if (fd < 0)
		bail("/root/race.append");
	while (!stopped()) {
		struct stat st;

		r = next_record(id);
		if (write(fd, &r, sizeof(r)) != sizeof(r))
			complain("append: %s", strerror(errno));
		if (fstat(fd, &st) || st.st_size % (off_t)sizeof(r))
			complain("the file has %ld bytes", (long)st.st_size);
	}
	close(fd);
}

static void read_shared(int id)
{
	struct record r;
	ssize_t n;

	(void)id;
	while ((n = read(file, &r, sizeof(r))) == sizeof(r))
		take_record(&r);
	if (n)
		complain("read gave %ld", (long)n);
	while (!stopped())
		usleep(1000);
}

static void test_append(void)
{
	bool passed;

	no_records();
	file = open("/root/race.append", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		bail("/root/race.append");
	passed = race(append, just_wait);
	check(passed && lseek(file, 0, SEEK_END) == (off_t)(written * sizeof(struct record)),
	      "O_APPEND puts each record behind the last");
	lseek(file, 0, SEEK_SET);
	passed = race(read_shared, just_wait);
	while (passed && read(file, &(struct record){ 0 }, 1) == 1)
		passed = false;
	check(passed && all_taken(), "who shares a position reads each record once");
	close(file);
	unlink("/root/race.append");
}

/* ---- pipes ---- */

static int ends[2];

static void write_or_read(int id)
{
	struct pollfd readable = { .fd = ends[0], .events = POLLIN };
	struct record r[2];
	int left;

	while (id % 2 && !stopped()) {
		r[0] = next_record(id);
		if (below(2)) {
			struct iovec parts[] = { { &r[0], 24 },
						 { (char *)&r[0] + 24, sizeof(r[0]) - 24 } };

			if (writev(ends[1], parts, 2) != sizeof(r[0]))
				complain("writev: %s", strerror(errno));
		} else if (write(ends[1], &r[0], sizeof(r[0])) != sizeof(r[0])) {
			complain("write: %s", strerror(errno));
		}
	}
	while (!(id % 2)) {
		ssize_t n;

		if (below(2) && !poll(&readable, 1, 1000) && !ioctl(ends[0], FIONREAD, &left) &&
		    left)
			complain("poll slept for a second beside %d bytes", left);
		n = read(ends[0], r, sizeof(r[0]) << below(2));
		if (n < 0 && errno == EAGAIN && stopped())
			break;
		if (n < 0 && errno != EAGAIN)
			complain("read: %s", strerror(errno));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(r[0]); i++)
			take_record(&r[i]);
	}
}

static void look_into_pipe(void)
{
	int left;

	if (ioctl(ends[0], FIONREAD, &left) || left < 0 || left > 65536 ||
	    left % (int)sizeof(struct record))
		complain("%d bytes in the pipe", left);
	now_and_then_yield();
}

static void test_records(void)
{
	struct record r;
	bool passed;

	no_records();
	if (pipe(ends) || fcntl(ends[0], F_SETFL, O_NONBLOCK))
		bail("pipe");
	passed = race(write_or_read, look_into_pipe);
	while (read(ends[0], &r, sizeof(r)) == sizeof(r))
		take_record(&r);
	check(passed && all_taken(), "each record comes out of a pipe once, and whole");
	close(ends[0]);
	close(ends[1]);
}

/* Of a pipe that is never empty poll says so at any time, also while its slots move. */
static void look_at_full_pipe(int id)
{
	struct pollfd p = { .fd = ends[0], .events = POLLIN };

	while (!stopped()) {
		if (poll(&p, 1, 0) != 1 || p.revents != POLLIN)
			complain("thread %d finds nothing to read", id);
		now_and_then_yield();
	}
}

static void resize_pipe(void)
{
	static char page[PAGE];

	if (write(ends[1], page, PAGE) != PAGE || read(ends[0], page, PAGE) != PAGE)
		complain("a page through the pipe: %s", strerror(errno));
	for (int i = 0; i < 8; i++)
		if (fcntl(ends[1], F_SETPIPE_SZ, PAGE * (16UL << i % 2)) < 0)
			complain("F_SETPIPE_SZ: %s", strerror(errno));
}

static void test_resize(void)
{
	static char pages[12 * PAGE];

	if (pipe(ends) || write(ends[1], pages, sizeof(pages)) != sizeof(pages))
		bail("pipe");
	check(race(look_at_full_pipe, resize_pipe), "a pipe is never empty while it is resized");
	close(ends[0]);
	close(ends[1]);
}

/* Pairs that wait for each other: a wake-up that is lost stops them. */
static int to[MAX_THREADS][2];

static bool wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	switch (below(3)) {
	case 0:
		return poll(&p, 1, 20000) == 1;
	case 1:
		return select(fd + 1, &set, NULL, NULL, &(struct timeval){ 20, 0 }) == 1;
	}
	return true;
}

static void ping_pong(int id)
{
	int other = id ^ 1;
	char c = 0;

	if (other >= race_threads)
		return;
	for (;;) {
		if (!(id & 1) && (stopped() || write(to[other][1], &c, 1) != 1))
			break;
		if (!wait_readable(to[id][0]))
			complain("a wake-up was lost");
		if (read(to[id][0], &c, 1) != 1)
			break;
		if (id & 1 && write(to[other][1], &c, 1) != 1)
			break;
	}
	close(to[other][1]); /* which ends the other */
}

static void test_ping_pong(void)
{
	bool passed;

	for (int i = 0; i < race_threads; i++)
		if (pipe(to[i]))
			bail("pipe");
	passed = race(ping_pong, just_wait);
	for (int i = 0; i < race_threads; i++) {
		close(to[i][0]);
		if ((i ^ 1) >= race_threads)
			close(to[i][1]);
	}
	check(passed, "pipes wake who waits for them");
}

/* Both ends are closed at once, while others look. */
static void close_an_end(int id)
{
	struct pollfd p[2];
	int left;

	while (meet()) {
		p[0] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
		p[1] = (struct pollfd){ .fd = ends[1], .events = POLLOUT };
		if (id < 2) {
			if (close(ends[id]))
				complain("close: %s", strerror(errno));
		} else if (poll(p, 2, 0) < 0) {
			complain("poll: %s", strerror(errno));
		} else if (!ioctl(ends[0], FIONREAD, &left) && left != 1) {
			complain("%d bytes in a pipe of one", left);
		}
		if (!meet())
			break;
	}
}

static void open_both_ends(void)
{
	if (pipe(ends) || write(ends[1], "x", 1) != 1)
		complain("pipe: %s", strerror(errno));
	meet();
	meet();
}

static void test_ends(void)
{
	check(race(close_an_end, open_both_ends), "both ends of a pipe are closed at once");
}

/* ---- numbers ---- */

static void use_numbers(int id)
{
	char path[32];
	struct stat mine, st;
	int fd, copy;

	snprintf(path, sizeof(path), "/root/race.%d", id);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || fstat(fd, &mine))
		bail(path);
	close(fd);
	while (!stopped()) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		copy = below(2) ? dup(fd) : fcntl(fd, F_DUPFD, 40 + (int)below(60));
		if (fd < 0 || copy < 0 || fd == copy)
			complain("open and dup gave %d and %d", fd, copy);
		if (fstat(copy, &st) || st.st_ino != mine.st_ino || fcntl(copy, F_GETFD) ||
		    fcntl(fd, F_GETFD) != FD_CLOEXEC)
			complain("a number stands for another's file");
		if (dup2(copy, 200 + (int)below(4)) < 0 && errno != EBUSY)
			complain("dup2: %s", strerror(errno));
		if (close(200 + (int)below(4)) && errno != EBADF)
			complain("close: %s", strerror(errno));
		if (close(fd) || close(copy))
			complain("close: %s", strerror(errno));
	}
	unlink(path);
}

/* A copy of the table, taken while it changes. */
static void copy_numbers(void)
{
	struct stat st;
	pid_t pid = fork();

	if (!pid) {
		for (int fd = 0; fd < 210; fd++)
			fstat(fd, &st);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void test_numbers(void)
{
	bool passed = race(use_numbers, copy_numbers);

	for (int fd = 200; fd < 204; fd++)
		close(fd);
	check(passed && dup(2) == 3, "each has the descriptors it was given, and none is left");
	close(3);
}

/* A process that shares the table gets one of its own when it begins another program. */
static void test_exec(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), status = -1;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		execl("/proc/self/exe", "race_data", "exit", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	check(!status && fcntl(fd, F_GETFD) == FD_CLOEXEC,
	      "exec closes nothing of who shared the table");
	close(fd);
}

static const struct race_test tests[] = {
	{ "append", test_append },       { "records", test_records }, { "resize", test_resize },
	{ "ping_pong", test_ping_pong }, { "ends", test_ends },       { "numbers", test_numbers },
	{ "exec", test_exec },
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "exit"))
		return 0;
	signal(SIGPIPE, SIG_IGN);
	return run_races(tests, COUNT(tests), argv);
}
