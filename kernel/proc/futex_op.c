/* SPDX-License-Identifier: MIT */
#include "kernel/proc/futex_op.h"

#include "kernel/core/sched.h"
#include "lib/errno.h"
#include <asm/uaccess.h>

#define FUTEX_OP_SHIFT_ARG 8u

long futex_decode_op(u32 encoded, struct futex_op *op)
{
	*op = (struct futex_op){
		.op = encoded >> 28 & 7,
		.cmp = encoded >> 24 & 15,
		.oparg = (u32)((s32)(encoded << 8) >> 20),
		.cmparg = (s32)(encoded << 20) >> 20,
	};
	if (encoded >> 28 & FUTEX_OP_SHIFT_ARG)
		op->oparg = 1u << (op->oparg & 31);
	return op->op > 4 || op->cmp > 5 ? -ENOSYS : 0;
}

static u32 apply(const struct futex_op *op, u32 old)
{
	switch (op->op) {
	case 0:
		return op->oparg;
	case 1:
		return old + op->oparg;
	case 2:
		return old | op->oparg;
	case 3:
		return old & ~op->oparg;
	default:
		return old ^ op->oparg;
	}
}

bool futex_compare(const struct futex_op *op, int old)
{
	switch (op->cmp) {
	case 0:
		return old == op->cmparg;
	case 1:
		return old != op->cmparg;
	case 2:
		return old < op->cmparg;
	case 3:
		return old <= op->cmparg;
	case 4:
		return old > op->cmparg;
	default:
		return old >= op->cmparg;
	}
}

int futex_change_word(u32 __user *addr, const struct futex_op *op, u32 *old)
{
	u32 seen;
	int ret;

	current->pagefault_disabled++;
	ret = get_user(seen, addr);
	do {
		*old = seen;
		if (!ret)
			ret = cmpxchg_user(&seen, addr, *old, apply(op, *old));
	} while (!ret && seen != *old);
	current->pagefault_disabled--;
	return ret;
}
