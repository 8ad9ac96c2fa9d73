/* SPDX-License-Identifier: MIT */
/*
 * What every fuzz target includes first. A target is one C file tests/fuzz/fuzz_NAME.c with
 * libFuzzer's entry point; its SOURCES comment names the kernel sources it is linked with, as in
 * tests/unit. It is built twice: by clang with libFuzzer (`make fuzz`), and by gcc with
 * tests/fuzz/plain.c, which feeds it fixed random input (`make test`).
 *
 * A target must leave nothing behind: the same input does the same thing in any order of inputs.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_INPUT_MAX 4096 /* bytes of an input; what is longer is not made */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The @n-th input to start from (0, 1, ...), written to the @size bytes at @buf, zeroed before.
 * Returns its length, 0 when there are no more.
 */
size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size);

/* How many random inputs tests/fuzz/plain.c makes: what takes about a second. */
extern const unsigned long fuzz_inputs;

#define fail_msg(fmt, ...)                                                                         \
	do {                                                                                       \
		fprintf(stderr, "%s:%d: " fmt "\n", __FILE__, __LINE__, ##__VA_ARGS__);            \
		abort();                                                                           \
	} while (0)
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_msg("does not hold: %s", #cond);                                      \
	} while (0)

/* An input read from its start; behind its end there are zeroes. */
struct fuzz_input {
	const uint8_t *at, *end;
};

static inline bool fuzz_more(const struct fuzz_input *in) { return in->at < in->end; }
static inline uint8_t fuzz_u8(struct fuzz_input *in) { return fuzz_more(in) ? *in->at++ : 0; }
static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint8_t low = fuzz_u8(in);

	return (uint16_t)(low | fuzz_u8(in) << 8);
}
static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
	uint32_t low = fuzz_u16(in);

	return low | (uint32_t)fuzz_u16(in) << 16;
}

/* The rest of the input, then @fill, as a block of @size bytes of its own, to be freed. */
static inline void *fuzz_block(const struct fuzz_input *in, size_t size, int fill)
{
	size_t have = (size_t)(in->end - in->at);
	uint8_t *block = malloc(size ? size : 1);

	CHECK(block);
	memset(block, fill, size);
	if (size && have)
		memcpy(block, in->at, have < size ? have : size);
	return block;
}

#endif
