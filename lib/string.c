/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions. Up to 32 bytes are moved with a few overlapping loads and stores;
 * beyond, with `rep movsq` and `rep stosq`, which both real CPUs and QEMU do fast (under -icount an
 * iteration counts as one instruction, so quadwords are eight times cheaper than bytes). A hosted
 * build takes the C functions from libc, unless a test includes this file to try them.
 */
#include "lib/string.h"

#if !__STDC_HOSTED__
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#endif

#if !__STDC_HOSTED__ || defined(LIB_STRING_TEST)

#define BULK 32 /* more bytes than this are worth starting a rep instruction */

typedef u64 __attribute__((aligned(1), may_alias)) any64;
typedef u32 __attribute__((aligned(1), may_alias)) any32;
typedef u16 __attribute__((aligned(1), may_alias)) any16;

/*
 * Copy n <= BULK bytes: everything is loaded before anything is stored, so that the areas may
 * overlap. The two halves meet or overlap in the middle, which serves all lengths between two
 * powers of two.
 */
static __always_inline void copy_small(u8 *dst, const u8 *src, size_t n)
{
	if (n >= 16) {
		u64 a = *(const any64 *)src, b = *(const any64 *)(src + 8);
		u64 c = *(const any64 *)(src + n - 16), d = *(const any64 *)(src + n - 8);

		*(any64 *)dst = a;
		*(any64 *)(dst + 8) = b;
		*(any64 *)(dst + n - 16) = c;
		*(any64 *)(dst + n - 8) = d;
	} else if (n >= 8) {
		u64 a = *(const any64 *)src, b = *(const any64 *)(src + n - 8);

		*(any64 *)dst = a;
		*(any64 *)(dst + n - 8) = b;
	} else if (n >= 4) {
		u32 a = *(const any32 *)src, b = *(const any32 *)(src + n - 4);

		*(any32 *)dst = a;
		*(any32 *)(dst + n - 4) = b;
	} else if (n >= 2) {
		u16 a = *(const any16 *)src, b = *(const any16 *)(src + n - 2);

		*(any16 *)dst = a;
		*(any16 *)(dst + n - 2) = b;
	} else if (n) {
		*dst = *src;
	}
}

/* Copy n > BULK bytes upwards; right also when @dst overlaps @src from below. */
static __always_inline void copy_up(u8 *dst, const u8 *src, size_t n)
{
	u64 tail = *(const any64 *)(src + n - 8);
	any64 *end = (any64 *)(dst + n - 8);
	size_t count = n / 8;

	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(count) : : "memory");
	*end = tail;
}

/* Copy n > BULK bytes downwards. A loop: `rep movsq` with DF set is slow on real CPUs. */
static void copy_down(u8 *dst, const u8 *src, size_t n)
{
	u64 head = *(const any64 *)src;

	for (; n > 8; n -= 8) {
		*(any64 *)(dst + n - 8) = *(const any64 *)(src + n - 8);
		barrier(); /* or the compiler makes a call to memmove of the loop */
	}
	*(any64 *)dst = head;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	if (n <= BULK)
		copy_small(dst, src, n);
	else
		copy_up(dst, src, n);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	if (n <= BULK)
		copy_small(dst, src, n);
	else if ((uintptr_t)dst - (uintptr_t)src >= n) /* dst is below src, or clear of it */
		copy_up(dst, src, n);
	else
		copy_down(dst, src, n);
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	u64 fill = 0x0101010101010101ULL * (u8)c;
	u8 *d = dst;

	if (n > BULK) {
		size_t count = n / 8;

		*(any64 *)(d + n - 8) = fill;
		__asm__ volatile("rep stosq" : "+D"(d), "+c"(count) : "a"(fill) : "memory");
	} else if (n >= 8) {
		*(any64 *)d = fill;
		if (n > 16) {
			*(any64 *)(d + 8) = fill;
			*(any64 *)(d + n - 16) = fill;
		}
		*(any64 *)(d + n - 8) = fill;
	} else if (n >= 4) {
		*(any32 *)d = (u32)fill;
		*(any32 *)(d + n - 4) = (u32)fill;
	} else if (n) {
		d[0] = (u8)fill;
		d[n / 2] = (u8)fill;
		d[n - 1] = (u8)fill;
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n >= 8; n -= 8, p += 8, q += 8) {
		u64 x = *(const any64 *)p, y = *(const any64 *)q;

		if (x != y) /* the lowest byte in memory decides */
			return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
	}
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p) {
		p++;
		__asm__("" : "+r"(p)); /* or the compiler makes a call to strlen of the loop */
	}
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--) {
		a++;
		b++;
	}
	return n ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
	while (*s != (char)c)
		if (!*s++)
			return NULL;
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do {
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)found;
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (;; s++) {
		if (!strncmp(s, what, n))
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

#endif /* !__STDC_HOSTED__ || LIB_STRING_TEST */

size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = len < size ? len : size - 1;

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

void *memchr_inv(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n; n--, p++)
		if (*p != (u8)c)
			return (void *)p;
	return NULL;
}

bool strstarts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}
