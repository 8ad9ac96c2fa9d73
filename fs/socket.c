/* SPDX-License-Identifier: MIT */
/* What is answered to those who only ask whether a descriptor is a socket: no. */
#include "fs/file.h"
#include "fs/syscalls.h"
#include "lib/errno.h"

long sys_getpeername(unsigned int fd, void *addr, int *len)
{
	struct file *file = fget(fd);
	long result = file && file->f_mode ? -ENOTSOCK : -EBADF; /* not even asked of O_PATH */

	fput(file);
	return result;
}
