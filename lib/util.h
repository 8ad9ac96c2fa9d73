/* SPDX-License-Identifier: MIT */
/*
 * Small arithmetic: minima, alignment, masks, compile-time checks, and errors carried in pointers.
 * Every macro but the constant ones evaluates its arguments once.
 */
#ifndef LIB_UTIL_H
#define LIB_UTIL_H

#include "lib/compiler.h"
#include "lib/errno.h"
#include "lib/types.h"

#define KiB(n) ((n) * 1024UL)
#define MiB(n) ((n) * 1024UL * 1024)
#define GiB(n) ((n) * 1024UL * 1024 * 1024)

#define __CAT(a, b) a##b
#define CAT(a, b) __CAT(a, b)

/* Unique names keep min(a, min(b, c)) free of shadowed variables. -Wextra catches mixed signs. */
#define __pick(a, b, op, x, y) \
	({ __auto_type x = (a); __auto_type y = (b); x op y ? x : y; })
#define min(a, b) __pick(a, b, <, CAT(__x, __COUNTER__), CAT(__y, __COUNTER__))
#define max(a, b) __pick(a, b, >, CAT(__x, __COUNTER__), CAT(__y, __COUNTER__))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define clamp(val, lo, hi) min(max(val, lo), hi)

#define __swap(a, b, x) \
	do { __auto_type x = (a); (a) = (b); (b) = x; } while (0)
#define swap(a, b) __swap(a, b, CAT(__s, __COUNTER__))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* @a is a power of two; the result has the type of @x. Constant if the arguments are. */
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)

/* @n >= 0, @d > 0, any divisor. DIV_ROUND_UP must not overflow: n + d - 1 has to fit. */
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))

#define BIT(n) (1UL << (n))

#define BUILD_BUG_ON(cond) _Static_assert(!(cond), "BUILD_BUG_ON: " #cond)

/*
 * A function that returns a pointer can return an errno instead: the last page of the address space
 * is never mapped, so the values -MAX_ERRNO..-1 are not addresses.
 */
#define IS_ERR_VALUE(x) unlikely((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return IS_ERR_VALUE(ptr);
}

static inline bool IS_ERR_OR_NULL(const void *ptr)
{
	return !ptr || IS_ERR_VALUE(ptr);
}

/* Hand an error on as a pointer of another type. */
static inline void *ERR_CAST(const void *ptr)
{
	return (void *)ptr;
}

#endif /* LIB_UTIL_H */
