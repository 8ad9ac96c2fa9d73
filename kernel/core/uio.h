/* SPDX-License-Identifier: MIT */
/* Vectors of user buffers, as readv(2) and its kin take them. */
#ifndef KERNEL_CORE_UIO_H
#define KERNEL_CORE_UIO_H

#include "lib/compiler.h"
#include "lib/types.h"

struct iovec {
	void *base; /* user address */
	size_t len;
};

#define UIO_MAXIOV 1024
/* One call never moves more bytes (Linux's MAX_RW_COUNT). */
#define MAX_COUNT ((size_t)0x7ffff000)

/*
 * Copy @n of them in. *@vec is the caller's to kfree(), on errors too; NULL for none. 0, -EINVAL (too
 * many, or a length below zero), -EFAULT, -ENOMEM. May sleep.
 */
int copy_iovec(const struct iovec __user *user, unsigned long n, struct iovec **vec);
/*
 * The same for buffers of current's own map: each lies in the user half (else -EFAULT), and all
 * together hold at most MAX_COUNT, the rest being cut off. Their bytes or -errno.
 */
ssize_t import_iovec(const struct iovec __user *user, unsigned long n, struct iovec **vec);

#endif
