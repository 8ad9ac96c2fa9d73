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

#if __STDC_HOSTED__
#include <strings.h>
#endif

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

/* Number (0..63) of the lowest bit clear in @word; undefined for ~0. */
static __always_inline unsigned int ffz(unsigned long word)
{
	return __ffs(~word);
}

#if !__STDC_HOSTED__
/* Lowest bit set, counted from 1; 0 if there is none. */
static __always_inline int ffs(int x)
{
	return __builtin_ffs(x);
}
#endif

/* Highest bit set, counted from 1; 0 if there is none. */
static __always_inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

/* As fls(), for 64 bits. */
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

static __always_inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* Smallest power of two >= @n, for 1 <= n <= 2^63. */
static __always_inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n <= 1 ? 1 : 1UL << fls64(n - 1);
}

/* Largest power of two <= @n, for n >= 1. */
static __always_inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return 1UL << __fls(n);
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

static __always_inline void change_bit(unsigned long nr, volatile unsigned long *addr)
{
	__atomic_fetch_xor(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_SEQ_CST);
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

static __always_inline bool test_and_change_bit(unsigned long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_xor(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_SEQ_CST) &
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

static __always_inline void __change_bit(unsigned long nr, unsigned long *addr)
{
	addr[BIT_WORD(nr)] ^= BIT_MASK(nr);
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

static inline unsigned long find_first_zero_bit(const unsigned long *addr, unsigned long size)
{
	return __find_next(addr, size, 0, ~0UL);
}

/* Number of the highest bit set below @size, or @size. */
static inline unsigned long find_last_bit(const unsigned long *addr, unsigned long size)
{
	unsigned long nr = size;

	while (nr) {
		unsigned long base = (nr - 1) & ~(BITS_PER_LONG - 1UL);
		unsigned long word = addr[BIT_WORD(base)] & (~0UL >> (base + BITS_PER_LONG - nr));

		if (word)
			return base + __fls(word);
		nr = base;
	}
	return size;
}

#define for_each_set_bit(bit, addr, size) \
	for ((bit) = find_first_bit(addr, size); (bit) < (size); \
	     (bit) = find_next_bit(addr, size, (bit) + 1))

static inline void bitmap_set(unsigned long *map, unsigned long start, unsigned long count)
{
	for (; count; start++, count--)
		__set_bit(start, map);
}

static inline void bitmap_clear(unsigned long *map, unsigned long start, unsigned long count)
{
	for (; count; start++, count--)
		__clear_bit(start, map);
}

static inline bool bitmap_empty(const unsigned long *map, unsigned long bits)
{
	return find_first_bit(map, bits) == bits;
}

static inline bool bitmap_full(const unsigned long *map, unsigned long bits)
{
	return find_first_zero_bit(map, bits) == bits;
}

static inline unsigned long bitmap_weight(const unsigned long *map, unsigned long bits)
{
	unsigned long sum = 0, word;

	for (word = 0; word < bits / BITS_PER_LONG; word++)
		sum += hweight_long(map[word]);
	if (bits % BITS_PER_LONG)
		sum += hweight_long(map[word] & ~(~0UL << (bits % BITS_PER_LONG)));
	return sum;
}

#endif /* LIB_BITOPS_H */
