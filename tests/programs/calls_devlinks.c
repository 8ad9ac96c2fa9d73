/* SPDX-License-Identifier: MIT */
/* calls_devlinks: /dev/fd and its kin, and what is asked of every descriptor: is it a socket, ioctl. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static int leads_to(const char *path, const char *want)
{
	char target[64] = "";

	return readlink(path, target, sizeof(target) - 1) > 0 && !strcmp(target, want);
}

static void links(void)
{
	struct stat st;

	check(leads_to("/dev/fd", "/proc/self/fd"), "/dev/fd");
	check(leads_to("/dev/stdin", "fd/0") && leads_to("/dev/stdout", "fd/1") &&
		      leads_to("/dev/stderr", "fd/2"),
	      "stdin, stdout and stderr");
	check(!lstat("/dev/fd", &st) && S_ISLNK(st.st_mode) && (st.st_mode & 0777) == 0777 &&
		      st.st_size == strlen("/proc/self/fd"),
	      "they are links, as long as where they lead");
}

/* A pipe opened again by its name in /dev/fd: what process substitution of a shell is. */
static void pipes(void)
{
	char name[32], text[8] = "";
	int fds[2], again, peer;
	socklen_t len = 16;

	if (pipe(fds))
		return;
	snprintf(name, sizeof(name), "/dev/fd/%d", fds[0]);
	again = open(name, O_RDONLY);
	check(again >= 0, "an end of a pipe opened by its name");
	close(fds[0]);
	check(write(fds[1], "abc", 3) == 3 && read(again, text, sizeof(text)) == 3 &&
		      !strcmp(text, "abc"),
	      "it is that pipe");
	check(open(name, O_RDONLY) == -1 && errno == ENOENT, "not any more once it is closed");
	peer = getpeername(again, (void *)text, &len);
	check(peer == -1 && errno == ENOTSOCK, "getpeername of a pipe: ENOTSOCK");
	check(getpeername(fds[0], (void *)text, &len) == -1 && errno == EBADF, "of none: EBADF");
	peer = open("/dev/null", O_PATH);
	check(getpeername(peer, (void *)text, &len) == -1 && errno == EBADF, "of a path: EBADF");
}

static void ioctls(void)
{
	int fds[2], on = 1, off = 0, n = -1, fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	char c;

	if (pipe(fds))
		return;
	check(!ioctl(fds[0], FIONBIO, &on) && read(fds[0], &c, 1) == -1 && errno == EAGAIN &&
		      (fcntl(fds[0], F_GETFL) & O_NONBLOCK),
	      "FIONBIO of a pipe");
	check(!ioctl(fds[0], FIONBIO, &off) && !(fcntl(fds[0], F_GETFL) & O_NONBLOCK), "and back");
	check(ioctl(fds[0], FIONBIO, (int *)8) == -1 && errno == EFAULT, "FIONBIO: EFAULT");
	check(!ioctl(fd, FIOCLEX) && fcntl(fd, F_GETFD) == FD_CLOEXEC, "FIOCLEX of a file");
	check(!ioctl(fd, FIONCLEX) && fcntl(fd, F_GETFD) == 0, "FIONCLEX");
	fstat(fd, &st);
	check(!ioctl(fd, FIONREAD, &n) && n == st.st_size, "FIONREAD of a file: its size");
	lseek(fd, 10, SEEK_SET);
	check(!ioctl(fd, FIONREAD, &n) && n == st.st_size - 10, "less where one stands");
	check(ioctl(fd, 0x1234, &n) == -1 && errno == ENOTTY, "of an unknown request: ENOTTY");
	fd = open("/dev/null", O_PATH);
	check(ioctl(fd, FIOCLEX) == -1 && errno == EBADF, "of a path: EBADF");
}

/* /tmp is a tmpfs. */
static void fifos(void)
{
	int fd;

	check(!mkfifo("/tmp/devlinks", 0600), "a fifo in /tmp");
	fd = open("/tmp/devlinks", O_RDWR);
	check(fd >= 0 && write(fd, "x", 1) == 1, "is a pipe");
	unlink("/tmp/devlinks");
}

int main(void)
{
	links();
	fifos();
	ioctls();
	pipes();
	return checks_done();
}
