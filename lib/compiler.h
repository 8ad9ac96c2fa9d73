/* SPDX-License-Identifier: MIT */
/*
 * What gcc and clang call by longer names: attributes, branch hints and the compiler's memory
 * barrier. Nothing here emits an instruction. libc defines a few of the names too, hence #ifndef.
 */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif
#ifndef __packed
#define __packed __attribute__((__packed__))
#endif
#ifndef __aligned
#define __aligned(n) __attribute__((__aligned__(n)))
#endif
#ifndef __section
#define __section(name) __attribute__((__section__(name)))
#endif
#ifndef __printf
#define __printf(fmt, first) __attribute__((__format__(printf, fmt, first)))
#endif
#ifndef __must_check
#define __must_check __attribute__((__warn_unused_result__))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((__unused__))
#endif
#ifndef __noreturn
#define __noreturn __attribute__((__noreturn__))
#endif
#ifndef __weak
#define __weak __attribute__((__weak__))
#endif
#ifndef __used
#define __used __attribute__((__used__))
#endif
#ifndef __cold
#define __cold __attribute__((__cold__))
#endif
/* Reads what a sanitizer would not let it read: dead stack, words of any meaning. */
#define __no_sanitize_address __attribute__((__no_sanitize__("address", "kernel-address")))
#ifndef noinline
#define noinline __attribute__((__noinline__))
#endif
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif

/* The compiler may not move memory accesses across this line; the CPU still may. */
#define barrier() __asm__ volatile("" : : : "memory")

/* One access, not torn, not repeated and not left out: for words that another CPU may change. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val) do { *(volatile __typeof__(x) *)&(x) = (val); } while (0)

#endif /* LIB_COMPILER_H */
