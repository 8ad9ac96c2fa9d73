/* SPDX-License-Identifier: MIT */
/*
 * Bits in words and in arrays of unsigned long. Bit n of an array is bit n % 64 of word n / 64.
 * Names without underscores are atomic and full barriers; __names are for memory that no other
 * CPU touches, or that a lock guards. Searches return the size of the map when they find nothing.
 */
#ifndef LIB_BITOPS_H
#define LIB_BITOPS_H

#include "lib/compiler.h"
#include "lib/types.h"

#define BITS_PER_LONG 64
#define BITS_TO_LONGS(n) (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BIT_MASK(nr) (1UL << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

/* Number (0..63) of the lowest bit set in @word; undefined for 0. */
static __always_inline unsigned int __ffs(unsigned long word)
{
	return (unsigned int)__builtin_ctzl(word);
}

/* Number (0..63) of the highest bit set in @word; undefined for 0. */
static __always_inline unsigned int __fls(unsigned long word)
{
	return 63U ^ (unsigned int)__builtin_clzl(word);
}

/* Highest bit set, counted from 1; 0 if there is none. */
static __always_inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

/* How many bits are set. By hand: the builtin calls libgcc, which the kernel does not link. */
static inline unsigned int hweight64(u64 w)
{
	w -= (w >> 1) & 0x5555555555555555ULL;
	w = (w & 0x3333333333333333ULL) + ((w >> 2) & 0x3333333333333333ULL);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned int)((w * 0x0101010101010101ULL) >> 56);
}

static inline unsigned int hweight_long(unsigned long w)
{
	return hweight64(w);
}

/* Logarithm to base 2, rounded down; @n > 0. A constant expression if @n is a constant. */
#define ilog2(n) (63 - __builtin_clzll((u64)(n)))

/* Smallest power of two >= @n, for 1 <= n <= 2^63. */
static __always_inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n <= 1 ? 1 : 1UL << fls64(n - 1);
}

static __always_inline bool test_bit(unsigned long nr, const volatile unsigned long *addr)
{
	return (addr[BIT_WORD(nr)] >> (nr % BITS_PER_LONG)) & 1;
}

static __always_inline void set_bit(unsigned long nr, volatile unsigned long *addr)
{
	__atomic_fetch_or(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_SEQ_CST);
}

static __always_inline void clear_bit(unsigned long nr, volatile unsigned long *addr)
{
	__atomic_fetch_and(addr + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_SEQ_CST);
}

/* The test_and_ functions return the bit as it was before. */
static __always_inline bool test_and_set_bit(unsigned long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_or(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static __always_inline bool test_and_clear_bit(unsigned long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_and(addr + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

/* A bit used as a lock: taking it is an acquire, dropping it a release. */
static __always_inline bool test_and_set_bit_lock(unsigned long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_or(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_ACQUIRE) &
	       BIT_MASK(nr);
}

static __always_inline void clear_bit_unlock(unsigned long nr, volatile unsigned long *addr)
{
	__atomic_fetch_and(addr + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_RELEASE);
}

static __always_inline void __set_bit(unsigned long nr, unsigned long *addr)
{
	addr[BIT_WORD(nr)] |= BIT_MASK(nr);
}

static __always_inline void __clear_bit(unsigned long nr, unsigned long *addr)
{
	addr[BIT_WORD(nr)] &= ~BIT_MASK(nr);
}

static __always_inline void __assign_bit(unsigned long nr, unsigned long *addr, bool value)
{
	if (value)
		__set_bit(nr, addr);
	else
		__clear_bit(nr, addr);
}

static __always_inline bool __test_and_set_bit(unsigned long nr, unsigned long *addr)
{
	bool old = test_bit(nr, addr);

	__set_bit(nr, addr);
	return old;
}

static __always_inline bool __test_and_clear_bit(unsigned long nr, unsigned long *addr)
{
	bool old = test_bit(nr, addr);

	__clear_bit(nr, addr);
	return old;
}

/* The search behind both find_next: @flip is 0 to look for ones, ~0 to look for zeroes. */
static inline unsigned long __find_next(const unsigned long *addr, unsigned long size,
					unsigned long from, unsigned long flip)
{
	unsigned long word, nr;

	if (from >= size)
		return size;
	word = (addr[BIT_WORD(from)] ^ flip) & (~0UL << (from % BITS_PER_LONG));
	from -= from % BITS_PER_LONG;
	while (!word) {
		from += BITS_PER_LONG;
		if (from >= size)
			return size;
		word = addr[BIT_WORD(from)] ^ flip;
	}
	nr = from + __ffs(word);
	return nr < size ? nr : size;
}

static inline unsigned long find_next_bit(const unsigned long *addr, unsigned long size,
					  unsigned long from)
{
	return __find_next(addr, size, from, 0);
}

static inline unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size,
					       unsigned long from)
{
	return __find_next(addr, size, from, ~0UL);
}

static inline unsigned long find_first_bit(const unsigned long *addr, unsigned long size)
{
	return __find_next(addr, size, 0, 0);
}

#define for_each_set_bit(bit, addr, size) \
	for ((bit) = find_first_bit(addr, size); (bit) < (size); \
	     (bit) = find_next_bit(addr, size, (bit) + 1))

#endif /* LIB_BITOPS_H */
