/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions of C, plus a few safe ones. The compiler itself calls memcpy,
 * memmove, memset and memcmp. A hosted build has the C ones from libc, and only the others from
 * here.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "lib/compiler.h"
#include "lib/types.h"

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);

/* Let the compiler expand small and constant cases itself. */
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#define memmove(dst, src, n) __builtin_memmove(dst, src, n)
#define memset(dst, c, n) __builtin_memset(dst, c, n)
#define memcmp(a, b, n) __builtin_memcmp(a, b, n)
#define strlen(s) __builtin_strlen(s)
#endif

/*
 * Copy @src with its final NUL into the @size bytes at @dst, cutting it if need be; always
 * terminated if size > 0. Returns strlen(src): a result >= size means that it was cut.
 */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);

/* The first of @n bytes that is not @c, or NULL: finds damage in poisoned memory. */
void *memchr_inv(const void *s, int c, size_t n);

/* True if @s begins with @prefix. */
bool strstarts(const char *s, const char *prefix);

#endif /* LIB_STRING_H */
