/* SPDX-License-Identifier: MIT */
#include "kernel/core/uio.h"

#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

int copy_iovec(const struct iovec __user *user, unsigned long n, struct iovec **vec)
{
	*vec = NULL;
	if (n > UIO_MAXIOV)
		return -EINVAL;
	if (!n)
		return 0;
	*vec = kmalloc(n * sizeof(**vec), GFP_KERNEL);
	if (!*vec)
		return -ENOMEM;
	if (copy_from_user(*vec, user, n * sizeof(**vec)))
		return -EFAULT;
	for (unsigned long i = 0; i < n; i++)
		if ((ssize_t)(*vec)[i].len < 0)
			return -EINVAL; /* before any address is looked at */
	return 0;
}

ssize_t import_iovec(const struct iovec __user *user, unsigned long n, struct iovec **vec)
{
	int err = copy_iovec(user, n, vec);
	size_t total = 0;

	if (err)
		return err;
	for (unsigned long i = 0; i < n; i++) {
		struct iovec *v = &(*vec)[i];

		if (!access_ok(v->base, v->len))
			return -EFAULT;
		v->len = min(v->len, MAX_COUNT - total);
		total += v->len;
	}
	return (ssize_t)total;
}
