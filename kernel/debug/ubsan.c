/* SPDX-License-Identifier: MIT */
/*
 * The runtime of -fsanitize=undefined in debug kernels. Where the C standard leaves an operation
 * undefined the compiler puts a check before it and calls one of these when the check fails, with
 * what it knows: place, types and operands. Each says so in one sentence and panics: a release
 * kernel would have gone on with whatever came out, and nothing that a test shows after that counts.
 *
 * The names and the layout of what they are handed are the compilers' (gcc's ubsan.c, clang's
 * compiler-rt/lib/ubsan). Entry points that the kernel's code cannot reach are not here: the linker
 * tells if one is needed.
 */
#include "kernel/debug/report.h"
#include "lib/types.h"
#include "lib/vsprintf.h"
#include <asm/page.h>

struct source_location {
	const char *file;
	u32 line, column;
};

struct type_descriptor {
	u16 kind; /* TYPE_* */
	u16 info; /* of integers: bit 0: signed; the rest: log2 of the width in bits */
	char name[];
};
#define TYPE_INTEGER 0

/* What stands behind the place depends on the check; unused fields are not there. */
struct ubsan_data {
	struct source_location where;
	const struct type_descriptor *type, *second;
};

struct mismatch_data {
	struct source_location where;
	const struct type_descriptor *type;
	u8 log_alignment, kind;
};

struct builtin_data {
	struct source_location where;
	u8 kind;
};

struct nonnull_data {
	struct source_location where, attribute;
	int argument;
};

#define VALUE_TEXT 24

/* An operand: itself if it fits a register, else by its address. */
static const char *value_text(char *buf, const struct type_descriptor *type, unsigned long value)
{
	unsigned int bits = 1U << (type->info >> 1);

	if (type->kind != TYPE_INTEGER || bits > 64)
		snprintf(buf, VALUE_TEXT, "(value)");
	else if (type->info & 1)
		snprintf(buf, VALUE_TEXT, "%ld", (long)(value << (64 - bits)) >> (64 - bits));
	else
		snprintf(buf, VALUE_TEXT, "%lu", value);
	return buf;
}

#define report(data, caller, ...)                                                           \
	do {                                                                                \
		if (debug_begin_report())                                                   \
			debug_stop("UBSan", (data)->where.file, (data)->where.line, caller, \
				   __VA_ARGS__);                                            \
	} while (0)
#define CALLER ((unsigned long)__builtin_return_address(0))

/* Called by the compiler only: no header has them. */
#define HANDLER(name, ...)                       \
	void __ubsan_handle_##name(__VA_ARGS__); \
	void __ubsan_handle_##name(__VA_ARGS__)

#define ARITHMETIC(handler, sign)                                                             \
	HANDLER(handler, const struct ubsan_data *data, unsigned long lhs, unsigned long rhs) \
	{                                                                                     \
		char a[VALUE_TEXT], b[VALUE_TEXT];                                            \
                                                                                              \
		report(data, CALLER, "signed overflow: %s " sign " %s does not fit type %s",  \
		       value_text(a, data->type, lhs), value_text(b, data->type, rhs),        \
		       data->type->name);                                                     \
	}

ARITHMETIC(add_overflow, "+")
ARITHMETIC(sub_overflow, "-")
ARITHMETIC(mul_overflow, "*")

HANDLER(negate_overflow, const struct ubsan_data *data, unsigned long value)
{
	char a[VALUE_TEXT];

	report(data, CALLER, "signed overflow: -(%s) does not fit type %s",
	       value_text(a, data->type, value), data->type->name);
}

HANDLER(divrem_overflow, const struct ubsan_data *data, unsigned long lhs, unsigned long rhs)
{
	char a[VALUE_TEXT], b[VALUE_TEXT];

	report(data, CALLER, "division of %s by %s in type %s", value_text(a, data->type, lhs),
	       value_text(b, data->type, rhs), data->type->name);
}

HANDLER(shift_out_of_bounds, const struct ubsan_data *data, unsigned long lhs, unsigned long rhs)
{
	char a[VALUE_TEXT], b[VALUE_TEXT];

	report(data, CALLER, "shift of %s, of type %s, by %s", value_text(a, data->type, lhs),
	       data->type->name, value_text(b, data->second, rhs));
}

HANDLER(out_of_bounds, const struct ubsan_data *data, unsigned long index)
{
	char a[VALUE_TEXT];

	report(data, CALLER, "index %s is out of bounds of type %s",
	       value_text(a, data->second, index), data->type->name);
}

HANDLER(load_invalid_value, const struct ubsan_data *data, unsigned long value)
{
	char a[VALUE_TEXT];

	report(data, CALLER, "value %s is none of type %s", value_text(a, data->type, value),
	       data->type->name);
}

HANDLER(vla_bound_not_positive, const struct ubsan_data *data, unsigned long bound)
{
	char a[VALUE_TEXT];

	report(data, CALLER, "array of variable length %s", value_text(a, data->type, bound));
}

HANDLER(type_mismatch_v1, const struct mismatch_data *data, unsigned long addr)
{
	static const char *const kinds[] = { "load from", "store to", "reference to", "member of" };
	const char *what = data->kind < 4 ? kinds[data->kind] : "use of";
	unsigned long alignment = 1UL << data->log_alignment;

	/* A program's pointers may be as crooked as it likes: only uaccess goes there. */
	if (addr && addr < TASK_SIZE && data->kind > 1)
		return;
	if (!addr)
		report(data, CALLER, "%s a NULL pointer of type %s", what, data->type->name);
	else if (addr & (alignment - 1))
		report(data, CALLER, "%s address %lx of type %s, which needs alignment %lu", what,
		       addr, data->type->name, alignment);
	else
		report(data, CALLER, "%s address %lx, too small for an object of type %s", what,
		       addr, data->type->name);
}

HANDLER(pointer_overflow, const struct ubsan_data *data, unsigned long base, unsigned long result)
{
	report(data, CALLER, "pointer %lx with an offset became %lx", base, result);
}

HANDLER(builtin_unreachable, const struct ubsan_data *data)
{
	report(data, CALLER, "unreachable code was reached");
}

HANDLER(invalid_builtin, const struct builtin_data *data)
{
	report(data, CALLER, "a builtin that counts zeros (%d) was given 0", data->kind);
}

HANDLER(nonnull_arg, const struct nonnull_data *data)
{
	report(data, CALLER, "NULL as argument %d, which may not be", data->argument);
}
