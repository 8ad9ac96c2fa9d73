/* SPDX-License-Identifier: MIT */
/*
 * tryexec FILE...: runs each file in a child and prints what came of it, one line each: its name,
 * and the errno that execve gave, the signal that it died of, or its exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int said[2], status, err = 0;
		pid_t pid;

		if (pipe(said))
			return 99;
		pid = fork();
		if (pid == 0) {
			char *args[] = { argv[i], "0", NULL }, *env[] = { NULL };

			fcntl(said[1], F_SETFD, FD_CLOEXEC);
			execve(argv[i], args, env);
			err = errno;
			_exit(write(said[1], &err, sizeof(err)) != sizeof(err));
		}
		close(said[1]);
		if (read(said[0], &err, sizeof(err)) != sizeof(err))
			err = 0;
		close(said[0]);
		if (waitpid(pid, &status, 0) != pid)
			return 98;
		if (err)
			printf("%s errno %d\n", argv[i], err);
		else if (WIFSIGNALED(status))
			printf("%s signal %d\n", argv[i], WTERMSIG(status));
		else
			printf("%s status %d\n", argv[i], WEXITSTATUS(status));
		fflush(stdout);
	}
	return 0;
}
