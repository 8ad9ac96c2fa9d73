/* SPDX-License-Identifier: MIT */
/* Numbers from text: the strict kstrto family, and sizes with a suffix (see lib/vsprintf.h). */
#include "lib/compiler.h"
#include "lib/errno.h"
#include "lib/types.h"
#include "lib/vsprintf.h"

/* The value of a digit of any base up to 16, or 16 if it is none. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10) : 16;
}

/* Step over a prefix that goes with @base (0: any) and return the base. */
static unsigned int parse_base(const char **s, unsigned int base)
{
	const char *p = *s;

	if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' &&
	    digit_value(p[2]) < 16) {
		*s += 2;
		return 16;
	}
	if (base)
		return base;
	return p[0] == '0' ? 8 : 10;
}

/* Digits at *@s, which is moved behind them. Returns false if the value does not fit 64 bits. */
static bool parse_digits(const char **s, unsigned int base, u64 *res)
{
	bool fits = true;
	u64 n = 0;

	for (; digit_value(**s) < base; ++*s)
		if (__builtin_mul_overflow(n, (u64)base, &n) ||
		    __builtin_add_overflow(n, (u64)digit_value(**s), &n))
			fits = false;
	*res = n;
	return fits;
}

/* Magnitude of a number without its sign: the common part of all kstrto functions. */
static int parse_magnitude(const char *s, int base, u64 *res)
{
	const char *first;
	bool fits;
	u64 n;

	if (base < 0 || base == 1 || base > 16)
		return -EINVAL;
	base = (int)parse_base(&s, (unsigned int)base);
	first = s;
	fits = parse_digits(&s, (unsigned int)base, &n);
	if (*s == '\n' && s != first)
		s++;
	if (s == first || *s)
		return -EINVAL;
	if (!fits)
		return -ERANGE;
	*res = n;
	return 0;
}

int kstrtoull(const char *s, int base, u64 *res)
{
	return parse_magnitude(*s == '+' ? s + 1 : s, base, res);
}

int kstrtoll(const char *s, int base, s64 *res)
{
	bool negative = *s == '-';
	u64 n;
	int err = parse_magnitude(negative || *s == '+' ? s + 1 : s, base, &n);

	if (err)
		return err;
	if (n > (u64)INT64_MAX + negative)
		return -ERANGE;
	*res = (s64)(negative ? 0 - n : n);
	return 0;
}

int kstrtoul(const char *s, int base, unsigned long *res)
{
	u64 n;
	int err = kstrtoull(s, base, &n);

	if (!err)
		*res = n;
	return err;
}

int kstrtol(const char *s, int base, long *res)
{
	s64 n;
	int err = kstrtoll(s, base, &n);

	if (!err)
		*res = n;
	return err;
}

int kstrtouint(const char *s, int base, unsigned int *res)
{
	u64 n;
	int err = kstrtoull(s, base, &n);

	if (err)
		return err;
	if (n > UINT32_MAX)
		return -ERANGE;
	*res = (unsigned int)n;
	return 0;
}

int kstrtoint(const char *s, int base, int *res)
{
	s64 n;
	int err = kstrtoll(s, base, &n);

	if (err)
		return err;
	if (n != (int)n)
		return -ERANGE;
	*res = (int)n;
	return 0;
}
