/* SPDX-License-Identifier: MIT */
/* splice(2), tee(2) and vmsplice(2). */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "calls.h"

static char data[100000], name[] = "/tmp/splice.tmp";
static int in[2], out[2];

static int in_pipe(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

/* What a read gets is just that. */
static bool gets(int fd, const char *want)
{
	size_t len = strlen(want);

	return read(fd, data, sizeof(data)) == (ssize_t)len && !memcmp(data, want, len);
}

static int file_with(const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	write(fd, text, strlen(text));
	return fd;
}

static void files(void)
{
	int fd = file_with("0123456789");
	loff_t at = 2;

	check(splice(fd, &at, in[1], NULL, 4, 0) == 4 && at == 6 && in_pipe(in[0]) == 4 &&
		      lseek(fd, 0, SEEK_CUR) == 10,
	      "from a place in a file into a pipe");
	lseek(fd, 7, SEEK_SET);
	check(splice(fd, NULL, in[1], NULL, 100, 0) == 3 && lseek(fd, 0, SEEK_CUR) == 10 &&
		      splice(fd, NULL, in[1], NULL, 100, 0) == 0 && gets(in[0], "2345789"),
	      "from its position, to the end");
	write(in[1], "abcdef", 6);
	at = 1;
	check(splice(in[0], NULL, fd, &at, 3, 0) == 3 && at == 4 && in_pipe(in[0]) == 3 &&
		      pread(fd, data, 20, 0) == 10 && !memcmp(data, "0abc456789", 10),
	      "from a pipe to a place in a file");
	check(splice(in[0], NULL, fd, NULL, 100, 0) == 3 && lseek(fd, 0, SEEK_CUR) == 13 &&
		      pread(fd, data, 20, 10) == 3 && !memcmp(data, "def", 3),
	      "to its position, what the pipe has");
	close(fd);
}

static void pipes(void)
{
	write(in[1], "hello", 5);
	check(splice(in[0], NULL, out[1], NULL, 2, 0) == 2 && gets(out[0], "he") &&
		      splice(in[0], NULL, out[1], NULL, 100, 0) == 3 && in_pipe(in[0]) == 0 &&
		      gets(out[0], "llo"),
	      "from pipe to pipe");
	write(in[1], "hello", 5);
	check(tee(in[0], out[1], 3, 0) == 3 && gets(out[0], "hel") &&
		      tee(in[0], out[1], 100, 0) == 5 && gets(out[0], "hello") &&
		      gets(in[0], "hello"),
	      "tee leaves what it copies");
	check(splice(in[0], NULL, out[1], NULL, 0, 99) == 0 && tee(in[0], out[1], 0, 0) == 0,
	      "no bytes at all");
}

static void vectors(void)
{
	static char whole[20 * 4096] __attribute__((aligned(4096)));
	struct iovec vec[3] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
	struct iovec two[2] = { { data, 3 }, { data + 10, 100 } }, much = { whole, sizeof(whole) };

	check(vmsplice(in[1], vec, 3, 0) == 5 && in_pipe(in[0]) == 5 &&
		      vmsplice(in[0], two, 2, 0) == 5 && !memcmp(data, "abc", 3) &&
		      !memcmp(data + 10, "de", 2),
	      "vmsplice: into a pipe and out again");
	check(vmsplice(in[1], &much, 1, 0) == 65536 &&
		      fails(vmsplice(in[1], &much, 1, SPLICE_F_NONBLOCK), EAGAIN),
	      "what fits, and then EAGAIN");
	check(splice(in[0], NULL, out[1], NULL, sizeof(whole), 0) == 65536 && in_pipe(in[0]) == 0 &&
		      in_pipe(out[0]) == 65536,
	      "a full pipe into an empty one");
	write(in[1], "x", 1);
	check(fails(splice(in[0], NULL, out[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN) &&
		      fails(tee(in[0], out[1], 1, SPLICE_F_NONBLOCK), EAGAIN) && gets(in[0], "x"),
	      "into a full one: EAGAIN, and the byte stays");
	read(out[0], whole, sizeof(whole));
}

static void refusals(void)
{
	int fd = file_with("abc"), app = open(name, O_WRONLY | O_APPEND), ro = open(name, O_RDONLY);
	loff_t at = 0, before = -1;
	struct iovec bad = { (void *)8, 4 }, ok = { data, 4 };

	write(in[1], "z", 1);
	check(fails(splice(in[0], NULL, out[1], NULL, 1, 16), EINVAL) &&
		      fails(tee(in[0], out[1], 1, 16), EINVAL) &&
		      fails(vmsplice(in[1], &ok, 1, 16), EINVAL),
	      "an unknown flag");
	check(fails(splice(fd, NULL, ro, NULL, 1, 0), EBADF) &&
		      fails(splice(fd, NULL, fd, &at, 1, 0), EINVAL) &&
		      fails(splice(in[0], NULL, in[1], NULL, 1, 0), EINVAL) &&
		      fails(tee(in[0], in[1], 1, 0), EINVAL) && fails(tee(fd, in[1], 1, 0), EINVAL),
	      "no pipe, or the same twice");
	check(fails(splice(in[0], &at, fd, NULL, 1, 0), ESPIPE) &&
		      fails(splice(fd, NULL, in[1], &at, 1, 0), ESPIPE) &&
		      fails(splice(in[0], NULL, fd, &before, 1, 0), EINVAL) &&
		      fails(splice(fd, &before, in[1], NULL, 1, 0), EINVAL) &&
		      fails(splice(fd, (loff_t *)8, in[1], NULL, 1, 0), EFAULT),
	      "a place that cannot be");
	check(fails(splice(in[0], NULL, app, NULL, 1, 0), EINVAL) &&
		      fails(splice(in[0], NULL, ro, NULL, 1, 0), EBADF) &&
		      fails(splice(in[1], NULL, fd, NULL, 1, 0), EBADF) &&
		      fails(splice(99, NULL, fd, NULL, 1, 0), EBADF) &&
		      fails(tee(in[1], out[1], 1, 0), EBADF),
	      "descriptors that cannot do it");
	check(fails(vmsplice(fd, &ok, 1, 0), EBADF) && fails(vmsplice(99, &ok, 1, 0), EBADF) &&
		      fails(vmsplice(in[1], &bad, 1, 0), EFAULT) &&
		      fails(vmsplice(in[1], &ok, 1025, 0), EINVAL) &&
		      vmsplice(in[1], &ok, 0, 0) == 0,
	      "vmsplice's errors");
	check(gets(in[0], "z"), "none of them took a byte");
	check(fails(splice(in[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN) &&
		      fails(splice(in[0], NULL, out[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN) &&
		      fails(tee(in[0], out[1], 1, SPLICE_F_NONBLOCK), EAGAIN) &&
		      fails(vmsplice(in[0], &ok, 1, SPLICE_F_NONBLOCK), EAGAIN),
	      "an empty pipe: EAGAIN");
	close(app);
	close(ro);
	close(fd);
}

static int waiting_child(void)
{
	return splice(in[0], NULL, out[1], NULL, 10, 0) == 3 ? 0 : 1;
}

static void waits_and_ends(void)
{
	pid_t pid = fork();
	int fd;

	if (!pid)
		_exit(waiting_child());
	sleep_ms(20);
	write(in[1], "abc", 3);
	check(exit_of(pid) == 0 && gets(out[0], "abc"), "splice waits for bytes");
	signal(SIGPIPE, SIG_IGN);
	close(out[0]);
	write(in[1], "abc", 3);
	fd = file_with("x");
	check(fails(splice(in[0], NULL, out[1], NULL, 3, 0), EPIPE) &&
		      fails(tee(in[0], out[1], 3, 0), EPIPE) && in_pipe(in[0]) == 3,
	      "no reader: EPIPE, and the bytes stay");
	close(in[1]);
	check(splice(in[0], NULL, fd, NULL, 100, 0) == 3 &&
		      splice(in[0], NULL, fd, NULL, 100, 0) == 0,
	      "no writer: what there is, then 0");
	close(fd);
}

/* Two pipes anew, of one page each. */
static void small_pipes(int flags)
{
	int *ends[2] = { in, out };

	for (int i = 0; i < 2; i++) {
		close(ends[i][0]), close(ends[i][1]);
		pipe2(ends[i], O_NONBLOCK | flags);
		fcntl(ends[i][0], F_SETPIPE_SZ, 4096);
	}
}

/* Has a write to the full pipe of @fds room behind the bytes that it has? */
static bool goes_on(int *fds)
{
	return write(fds[1], "+", 1) == 1;
}

/* A write goes on in the frame of the last bytes if a write put them there, and nobody shares them. */
static void frames(void)
{
	struct iovec ab = { "ab", 2 };
	loff_t at = 0;
	int fd;

	small_pipes(0);
	fd = file_with("0123456789");
	write(in[1], "abcd", 4);
	check(tee(in[0], out[1], 4, 0) == 4 && !goes_on(out) && gets(out[0], "abcd") &&
		      splice(in[0], NULL, out[1], NULL, 2, 0) == 2 && !goes_on(out) &&
		      gets(out[0], "ab"),
	      "no write goes on behind a copy, or a part");
	check(splice(in[0], NULL, out[1], NULL, 9, 0) == 2 && goes_on(out) && gets(out[0], "cd+"),
	      "but behind what was moved whole");
	check(vmsplice(in[1], &ab, 1, 0) == 2 && !goes_on(in) && gets(in[0], "ab") &&
		      splice(fd, &at, in[1], NULL, 3, 0) == 3 && !goes_on(in) &&
		      gets(in[0], "012") && sendfile(in[1], fd, &at, 3) == 3 && !goes_on(in) &&
		      gets(in[0], "345"),
	      "not behind what no write brought");
	close(fd);
}

static void packets(void)
{
	struct iovec both[2] = { { data, 1 }, { data + 1, 9 } };

	small_pipes(O_DIRECT);
	fcntl(in[0], F_SETPIPE_SZ, 65536), fcntl(out[0], F_SETPIPE_SZ, 65536);
	write(in[1], "abc", 3), write(in[1], "def", 3);
	check(tee(in[0], out[1], 4, 0) == 4 && gets(out[0], "abc") && gets(out[0], "d") &&
		      splice(in[0], NULL, out[1], NULL, 5, 0) == 5 && gets(out[0], "abc") &&
		      gets(out[0], "de") && gets(in[0], "f"),
	      "packets stay packets");
	write(in[1], "abc", 3), write(in[1], "def", 3);
	check(vmsplice(in[0], both, 2, 0) == 6 && !memcmp(data, "abcdef", 6),
	      "vmsplice takes their bytes");
	write(in[1], "abc", 3), write(in[1], "def", 3);
	both[1].iov_len = 1;
	check(readv(in[0], both, 2) == 2 && !memcmp(data, "ab", 2) && gets(in[0], "def"),
	      "all parts of a readv get one of them");
}

static void no_restart(int sig)
{
	(void)sig;
}

static void parts(void)
{
	static char page[4096];
	struct iovec two[2] = { { data, 3 }, { data + 3, 100 } },
		     odd[2] = { { page, 9 }, { page, 4096 } };
	struct sigaction sa = { .sa_handler = no_restart }, before;
	struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, off = { { 0 }, { 0 } };

	small_pipes(0);
	write(in[1], "x", 1);
	check(writev(in[1], odd, 2) == 9 && in_pipe(in[0]) == 10,
	      "the odd bytes of a writev, all parts together, go behind the last");
	small_pipes(0);
	check(fails(vmsplice(in[0], two, 2, SPLICE_F_NONBLOCK), EAGAIN), "vmsplice, not to wait");
	sigaction(SIGALRM, &sa, &before);
	setitimer(ITIMER_REAL, &soon, NULL);
	check(fails(vmsplice(in[0], two, 2, 0), EINTR), "waits, whatever O_NONBLOCK says");
	fcntl(in[0], F_SETFL, 0);
	write(in[1], "abc", 3);
	check(readv(in[0], two, 2) == 3, "a readv that got something waits no more");
	write(in[1], "0123456789", 10);
	two[1].iov_base = NULL;
	check(fails(readv(in[0], two, 2), EFAULT) && gets(in[0], "0123456789"),
	      "one with a bad part takes nothing of what does not fit before it");
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &before, NULL);
	alarm(10);
}

static void order(void)
{
	int fd = file_with("0123456789");
	loff_t bad = -1;

	close(in[0]);
	check(fails(splice(fd, &bad, in[1], NULL, 1, 0), EPIPE) &&
		      fails(sendfile(99, fd, &bad, 1), EINVAL) &&
		      fails(sendfile(99, 99, (off_t *)8, 1), EFAULT),
	      "which error comes first");
	close(fd);
	close(in[1]), close(out[0]), close(out[1]);
}

int main(void)
{
	alarm(60); /* rather than hang */
	mkdir("/tmp", 0777);
	pipe(in);
	pipe(out);
	files();
	pipes();
	vectors();
	refusals();
	waits_and_ends();
	frames();
	packets();
	parts();
	order();
	unlink(name);
	return checks_done();
}
