/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without libFuzzer: NAME [COUNT]: its seeds, then COUNT inputs, the same in
 * each run: random bytes and seeds with a few changes. NAME FILE...: these files. NAME --seeds DIR:
 * write the seeds there. When the target fails, the input at work is left in build/fuzz/plain-NAME.
 */
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

void __sanitizer_set_death_callback(void (*callback)(void));

__attribute__((weak)) size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	(void)n, (void)buf, (void)size;
	return 0;
}
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

__attribute__((weak)) const unsigned long fuzz_inputs = 10000;

static uint8_t input[FUZZ_INPUT_MAX];
static size_t input_size;
static char crash_file[256];

static uint64_t random64(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15ULL;

	/* xorshift64* (Vigna 2016) */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static size_t below(size_t n)
{
	return (size_t)(random64() % n);
}

/* Called once, by the sanitizer or the signal of abort(). */
static void keep_input(void)
{
	int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, input, input_size) != (ssize_t)input_size)
		perror(crash_file);
	else
		fprintf(stderr, "the input is in %s\n", crash_file);
	fflush(stderr);
}

static void on_abort(int sig)
{
	keep_input();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void run(void)
{
	/* A copy of its own: the sanitizer sees a read past its end. */
	uint8_t *copy = malloc(input_size ? input_size : 1);

	memcpy(copy, input, input_size);
	LLVMFuzzerTestOneInput(copy, input_size);
	free(copy);
}

static bool load_seed(unsigned int n)
{
	memset(input, 0, sizeof(input));
	input_size = fuzz_seed(n, input, sizeof(input));
	CHECK(input_size <= sizeof(input));
	return input_size != 0;
}

/* A few bytes changed, runs copied or cut: what the values mean is often in a single byte. */
static void mutate(void)
{
	static const uint32_t edges[] = { 0, 1, 0xff, 0x7f, 0x80, 0xffff, 0x7fffffff, 0xffffffff };

	for (size_t n = 1 + below(6); n; n--) {
		size_t at = below(input_size), len = 1 + below(4);
		uint32_t value = below(2) ? edges[below(8)] : (uint32_t)random64();

		len = len < input_size - at ? len : input_size - at;
		if (below(8)) {
			memcpy(input + at, &value, len);
		} else if (below(4)) {
			size_t from = below(input_size - len + 1);

			memmove(input + at, input + from, len);
		} else {
			input_size = at + 1;
		}
	}
}

static void make_input(unsigned int seeds)
{
	if (seeds && below(4)) {
		load_seed((unsigned int)below(seeds));
		mutate();
		return;
	}
	input_size = 1 + below(below(4) ? 256 : FUZZ_INPUT_MAX);
	for (size_t i = 0; i < input_size; i++)
		input[i] = (uint8_t)(random64() >> 32);
}

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file) {
		perror(path);
		return 1;
	}
	input_size = fread(input, 1, sizeof(input), file);
	fclose(file);
	run();
	printf("ok - %s\n", path);
	return 0;
}

static int write_seeds(const char *dir)
{
	char path[512];

	for (unsigned int n = 0; load_seed(n); n++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/seed-%02u", dir, n);
		file = fopen(path, "wb");
		if (!file || fwrite(input, 1, input_size, file) != input_size || fclose(file)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : fuzz_inputs;
	unsigned int seeds = 0;
	int err = 0;

	snprintf(crash_file, sizeof(crash_file), "build/fuzz/plain-%s", basename(argv[0]));
	LLVMFuzzerInitialize(&argc, &argv);
	if (argc == 3 && !strcmp(argv[1], "--seeds"))
		return write_seeds(argv[2]);
	__sanitizer_set_death_callback(keep_input);
	signal(SIGABRT, on_abort);
	for (int i = 1; i < argc && !count; i++)
		err |= run_file(argv[i]);
	if (argc > 1 && !count)
		return err;
	while (load_seed(seeds)) {
		run();
		seeds++;
	}
	printf("ok 1 - %u seeds\n", seeds);
	fflush(stdout);
	for (unsigned long i = 0; i < count; i++) {
		make_input(seeds);
		run();
	}
	printf("ok 2 - %lu random inputs\n1..2\n", count);
	return 0;
}
