/* SPDX-License-Identifier: MIT */
/*
 * Formatting (ISO C17 7.21.6.1 without floating point and %n). Output goes through a cursor that
 * keeps counting when the buffer is full, which gives the return value of snprintf. A hosted build
 * takes vsnprintf and snprintf from libc, unless a test includes this file.
 */
#include "lib/vsprintf.h"
#include "lib/string.h"
#include "lib/util.h"

#if !__STDC_HOSTED__ || defined(LIB_VSPRINTF_TEST)

#define NUM_DIGITS 22         /* 2^64 - 1 in octal */
#define WIDTH_MAX 0x7fffffffU /* the largest int */

enum {
	F_MINUS = 1,
	F_PLUS = 2,
	F_SPACE = 4,
	F_HASH = 8,
	F_ZERO = 16,
};

struct out {
	char *buf;
	size_t size; /* of buf, with room for NUL */
	size_t len;  /* of the text so far, whether or not it fits */
};

/* One conversion specification, taken apart. */
struct spec {
	unsigned int flags;
	unsigned int width;
	int precision; /* -1: none */
	char length;   /* 'H' is hh, 'L' is ll, 0 none, others as written */
	char conv;
};

static void put(struct out *out, char c)
{
	if (out->len < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void put_text(struct out *out, const char *text, size_t n)
{
	if (out->len < out->size)
		memcpy(out->buf + out->len, text, min(n, out->size - out->len));
	out->len += n;
}

static void put_fill(struct out *out, char c, size_t n)
{
	if (out->len < out->size)
		memset(out->buf + out->len, c, min(n, out->size - out->len));
	out->len += n;
}

/* Decimal number at *@fmt, cut off at the largest int. */
static unsigned int parse_uint(const char **fmt)
{
	u64 n = 0;

	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt)
		n = min(n * 10 + (u64)(**fmt - '0'), (u64)WIDTH_MAX);
	return (unsigned int)n;
}

static unsigned int parse_flags(const char **fmt)
{
	unsigned int flags = 0;

	for (;; ++*fmt) {
		switch (**fmt) {
		case '-':
			flags |= F_MINUS;
			break;
		case '+':
			flags |= F_PLUS;
			break;
		case ' ':
			flags |= F_SPACE;
			break;
		case '#':
			flags |= F_HASH;
			break;
		case '0':
			flags |= F_ZERO;
			break;
		default:
			return flags;
		}
	}
}

static char parse_length(const char **fmt)
{
	char c = **fmt;

	if (c != 'h' && c != 'l' && c != 'z' && c != 't' && c != 'j')
		return 0;
	++*fmt;
	if (**fmt == c && (c == 'h' || c == 'l')) {
		++*fmt;
		return c == 'h' ? 'H' : 'L';
	}
	return c;
}

/* What an argument of signed type and the given length modifier is worth. */
static s64 narrow_signed(u64 v, char length)
{
	switch (length) {
	case 'H':
		return (s8)v;
	case 'h':
		return (s16)v;
	case 0:
		return (s32)v;
	default:
		return (s64)v;
	}
}

static u64 narrow_unsigned(u64 v, char length)
{
	switch (length) {
	case 'H':
		return (u8)v;
	case 'h':
		return (u16)v;
	case 0:
		return (u32)v;
	default:
		return v;
	}
}

/* Digits of @v in reverse order to @digits; returns how many. None for 0. */
static unsigned int make_digits(char *digits, u64 v, unsigned int base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned int n = 0;

	if (base == 10) /* a constant divisor becomes a multiplication */
		for (; v; v /= 10)
			digits[n++] = set[v % 10];
	else
		for (unsigned int shift = base == 16 ? 4 : 3; v; v >>= shift)
			digits[n++] = set[v & (base - 1)];
	return n;
}

/* A number: [blanks] [prefix] [zeroes] digits [blanks]. */
static void put_number(struct out *out, const struct spec *spec, u64 v, unsigned int base,
		       const char *prefix)
{
	char digits[NUM_DIGITS];
	unsigned int n = make_digits(digits, v, base, spec->conv == 'X');
	size_t want = spec->precision < 0 ? 1 : (size_t)spec->precision;
	size_t zeroes = want > n ? want - n : 0;
	size_t prefix_len = strlen(prefix), len;

	if (base == 8 && (spec->flags & F_HASH) && !zeroes)
		zeroes = 1; /* # makes the first octal digit a 0 */
	len = prefix_len + zeroes + n;
	if (len < spec->width && !(spec->flags & F_MINUS)) {
		if ((spec->flags & F_ZERO) && spec->precision < 0)
			zeroes += spec->width - len;
		else
			put_fill(out, ' ', spec->width - len);
		len = spec->width;
	}
	put_text(out, prefix, prefix_len);
	put_fill(out, '0', zeroes);
	while (n)
		put(out, digits[--n]);
	if (len < spec->width)
		put_fill(out, ' ', spec->width - len);
}

static void put_signed(struct out *out, const struct spec *spec, s64 v)
{
	const char *sign = v < 0                 ? "-" :
			   spec->flags & F_PLUS  ? "+" :
			   spec->flags & F_SPACE ? " " :
						   "";

	put_number(out, spec, v < 0 ? 0 - (u64)v : (u64)v, 10, sign);
}

static void put_unsigned(struct out *out, const struct spec *spec, u64 v)
{
	const char *prefix = "";

	if (v && (spec->flags & F_HASH)) {
		if (spec->conv == 'x')
			prefix = "0x";
		else if (spec->conv == 'X')
			prefix = "0X";
	}
	put_number(out, spec, v, spec->conv == 'u' ? 10 : spec->conv == 'o' ? 8 : 16, prefix);
}

static void put_string(struct out *out, const struct spec *spec, const char *s, size_t len)
{
	size_t pad = spec->width > len ? spec->width - len : 0;

	if (!(spec->flags & F_MINUS))
		put_fill(out, ' ', pad);
	put_text(out, s, len);
	if (spec->flags & F_MINUS)
		put_fill(out, ' ', pad);
}

static void put_pointer(struct out *out, struct spec *spec, const void *p)
{
	if (!p) {
		put_string(out, spec, "(nil)", 5);
		return;
	}
	spec->conv = 'x';
	spec->flags |= F_HASH;
	put_unsigned(out, spec, (unsigned long)p);
}

/*
 * All but the value of one specification. The arguments are passed in a struct because a va_list
 * that is a parameter is an array type decayed to a pointer, which cannot be passed on by
 * address.
 */
struct args {
	va_list ap;
};

static const char *parse_spec(const char *fmt, struct spec *spec, struct args *args)
{
	spec->flags = parse_flags(&fmt);
	if (*fmt == '*') {
		int width = va_arg(args->ap, int);

		fmt++;
		if (width < 0)
			spec->flags |= F_MINUS;
		spec->width = width < 0 ? 0U - (unsigned int)width : (unsigned int)width;
	} else {
		spec->width = parse_uint(&fmt);
	}
	spec->precision = -1;
	if (*fmt == '.') {
		fmt++;
		if (*fmt == '*') {
			fmt++;
			spec->precision = max(va_arg(args->ap, int), -1);
		} else {
			spec->precision = (int)parse_uint(&fmt);
		}
	}
	spec->length = parse_length(&fmt);
	spec->conv = *fmt;
	return *fmt ? fmt + 1 : fmt;
}

/* An integer argument; int and everything smaller travels as int. */
static u64 integer_arg(const struct spec *spec, struct args *args)
{
	if (spec->length == 0 || spec->length == 'h' || spec->length == 'H')
		return va_arg(args->ap, unsigned int);
	return va_arg(args->ap, unsigned long);
}

static void put_conversion(struct out *out, struct spec *spec, struct args *args)
{
	const char *s;
	char c;

	switch (spec->conv) {
	case 'd':
	case 'i':
		put_signed(out, spec, narrow_signed(integer_arg(spec, args), spec->length));
		return;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(out, spec, narrow_unsigned(integer_arg(spec, args), spec->length));
		return;
	case 'p':
		put_pointer(out, spec, va_arg(args->ap, void *));
		return;
	case 'c':
		c = (char)va_arg(args->ap, int);
		put_string(out, spec, &c, 1);
		return;
	case 's':
		s = va_arg(args->ap, const char *);
		if (!s)
			s = "(null)";
		put_string(out, spec, s,
			   spec->precision < 0 ? strlen(s) : strnlen(s, (size_t)spec->precision));
		return;
	case '%':
		put(out, '%');
		return;
	default: /* not ours: show it as it was written */
		put(out, '%');
		if (spec->conv)
			put(out, spec->conv);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out out = { .buf = buf, .size = size };
	struct args args;
	struct spec spec;

	va_copy(args.ap, ap);
	while (*fmt) {
		const char *start = fmt;

		while (*fmt && *fmt != '%')
			fmt++;
		put_text(&out, start, (size_t)(fmt - start));
		if (*fmt) {
			fmt = parse_spec(fmt + 1, &spec, &args);
			put_conversion(&out, &spec, &args);
		}
	}
	va_end(args.ap);
	if (size)
		buf[min(out.len, size - 1)] = '\0';
	return (int)min(out.len, (size_t)WIDTH_MAX);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

#endif /* !__STDC_HOSTED__ || LIB_VSPRINTF_TEST */

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int len = vsnprintf(buf, size, fmt, args);

	if (!size || len < 0)
		return 0;
	return (size_t)len < size ? len : (int)(size - 1);
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
