/* SPDX-License-Identifier: MIT */
/* The small language of FUTEX_WAKE_OP: what is done to a word, and how its old value is compared. */
#ifndef KERNEL_PROC_FUTEX_OP_H
#define KERNEL_PROC_FUTEX_OP_H

#include "lib/compiler.h"
#include "lib/types.h"

struct futex_op {
	unsigned int op, cmp;
	u32 oparg;
	int cmparg;
};

/* 0 or -ENOSYS. */
long futex_decode_op(u32 encoded, struct futex_op *op);
/*
 * Change the word at once, its old value goes to @old. Does not sleep: -EFAULT when its page has to be
 * brought first.
 */
int futex_change_word(u32 __user *addr, const struct futex_op *op, u32 *old);
bool futex_compare(const struct futex_op *op, int old);

#endif
