/* SPDX-License-Identifier: MIT */
/*
 * Counters that several CPUs change. As in Linux: functions that return a value are full
 * barriers, those that return nothing order nothing (on x86 the lock prefix makes them barriers
 * all the same), atomic_read and atomic_set are plain untorn accesses. Overflow wraps.
 */
#ifndef LIB_ATOMIC_H
#define LIB_ATOMIC_H

#include "lib/compiler.h"
#include "lib/types.h"

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

#define ATOMIC_INIT(n) { (n) }
#define ATOMIC_LONG_INIT(n) { (n) }

/* One set of functions for each width: @name is the prefix, @atype the box, @type what is in it. */
#define DEFINE_ATOMIC(name, atype, type) \
static __always_inline type name##_read(const atype *v) \
{ \
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); \
} \
static __always_inline void name##_set(atype *v, type n) \
{ \
	__atomic_store_n(&v->counter, n, __ATOMIC_RELAXED); \
} \
/* _return functions return the value after. */ \
static __always_inline type name##_add_return(type n, atype *v) \
{ \
	return __atomic_add_fetch(&v->counter, n, __ATOMIC_SEQ_CST); \
} \
static __always_inline type name##_sub_return(type n, atype *v) \
{ \
	return __atomic_sub_fetch(&v->counter, n, __ATOMIC_SEQ_CST); \
} \
static __always_inline type name##_inc_return(atype *v) \
{ \
	return name##_add_return(1, v); \
} \
static __always_inline void name##_add(type n, atype *v) \
{ \
	__atomic_fetch_add(&v->counter, n, __ATOMIC_RELAXED); \
} \
static __always_inline void name##_sub(type n, atype *v) \
{ \
	__atomic_fetch_sub(&v->counter, n, __ATOMIC_RELAXED); \
} \
static __always_inline void name##_inc(atype *v) \
{ \
	name##_add(1, v); \
} \
static __always_inline void name##_dec(atype *v) \
{ \
	name##_sub(1, v); \
} \
/* True when the counter reached zero. */ \
static __always_inline bool name##_dec_and_test(atype *v) \
{ \
	return name##_sub_return(1, v) == 0; \
} \
/* On failure *@old is what was found. */ \
static __always_inline bool name##_try_cmpxchg(atype *v, type *old, type n) \
{ \
	return __atomic_compare_exchange_n(&v->counter, old, n, false, __ATOMIC_SEQ_CST, \
					   __ATOMIC_SEQ_CST); \
} \
/* Add @n unless the counter is @u; true if it was added. */ \
static __always_inline bool name##_add_unless(atype *v, type n, type u) \
{ \
	type old = name##_read(v); \
\
	do { \
		if (old == u) \
			return false; \
	} while (!name##_try_cmpxchg(v, &old, old + n)); \
	return true; \
} \
/* Take a reference only if somebody still holds one. */ \
static __always_inline bool name##_inc_not_zero(atype *v) \
{ \
	return name##_add_unless(v, 1, 0); \
}

DEFINE_ATOMIC(atomic, atomic_t, int)
DEFINE_ATOMIC(atomic_long, atomic_long_t, long)

/* The same on plain integers and pointers; full barriers. */
#ifndef try_cmpxchg
#define try_cmpxchg(ptr, oldp, val) \
	__atomic_compare_exchange_n(ptr, oldp, val, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#endif
#ifndef cmpxchg
#define cmpxchg(ptr, old, val) \
	({ __typeof__(*(ptr)) __found = (old); try_cmpxchg(ptr, &__found, val); __found; })
#endif

#ifndef smp_load_acquire
#define smp_load_acquire(ptr) __atomic_load_n(ptr, __ATOMIC_ACQUIRE)
#endif
#ifndef smp_store_release
#define smp_store_release(ptr, val) __atomic_store_n(ptr, val, __ATOMIC_RELEASE)
#endif
#ifndef smp_mb
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#endif /* LIB_ATOMIC_H */
