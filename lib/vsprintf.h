/* SPDX-License-Identifier: MIT */
/*
 * Formatting and number parsing. The formats are those of C without floating point and %n: flags
 * 0 - + space #, width and precision (also *), lengths hh h l ll z t j, conversions d i u x X o c
 * s p %. A hosted build has the C functions from libc, and only the others from here.
 */
#ifndef LIB_VSPRINTF_H
#define LIB_VSPRINTF_H

#include <stdarg.h>

#include "lib/compiler.h"
#include "lib/types.h"

#if __STDC_HOSTED__
#include <stdio.h>
#else
/*
 * Write at most @size bytes, NUL included, to @buf (NULL is allowed if size is 0). Returns the
 * length that the whole text has, without NUL: a result >= size means that it was cut.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
#endif

/* The same, but return the length that is in @buf (0 if size is 0): safe to add up. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/*
 * Parse the whole of @s as one number. @base is 2..16, or 0 to tell by the prefix (0x, 0, none);
 * 0x is also accepted with base 16. No blanks, no empty string; one newline may end it. A sign
 * '+' is accepted by all, '-' by the signed ones. Returns 0 with *@res set, or -EINVAL or -ERANGE
 * with *@res unchanged.
 */
int __must_check kstrtoull(const char *s, int base, u64 *res);
int __must_check kstrtoll(const char *s, int base, s64 *res);
int __must_check kstrtoul(const char *s, int base, unsigned long *res);
int __must_check kstrtol(const char *s, int base, long *res);
int __must_check kstrtouint(const char *s, int base, unsigned int *res);
int __must_check kstrtoint(const char *s, int base, int *res);

#endif /* LIB_VSPRINTF_H */
