/* SOURCES: kernel/core/param.c lib/kstrtox.c */
/* SPDX-License-Identifier: MIT */
/* The kernel command line, as a boot loader may hand it over: any bytes up to a NUL. */
#include "tests/fuzz/fuzz.h"

#include "kernel/core/param.h"
#include "lib/errno.h"

static unsigned long number;
static bool flag;
static char text[PARAM_VALUE_MAX];

static int set_number(const char *value)
{
	int err = param_number(value, 3, 70000, &number);

	CHECK(err || (number >= 3 && number <= 70000));
	return err;
}

static int set_flag(const char *value)
{
	return param_bool(value, &flag);
}

static int set_text(const char *value)
{
	CHECK(strlen(value) < PARAM_VALUE_MAX - 5);
	strcpy(text, value);
	return strchr(value, '!') ? -EINVAL : 0;
}

static const struct knob knobs[] = {
	{ "n", "3..70000", "a number", set_number },
	{ "faults", "0|1", "a switch", set_flag },
	{ "root", "DEVICE", "a text", set_text },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	char *line = fuzz_block(&in, size + 1, 0);
	struct param_result res;
	enum param_error error = param_parse(line, knobs, knobs + 3, &res);

	CHECK(error == res.error);
	CHECK(error == PARAM_OK || !res.knob || (res.knob >= knobs && res.knob < knobs + 3));
	CHECK(memchr(res.word, '\0', sizeof(res.word)));
	switch (error) {
	case PARAM_OK:
		CHECK(!res.word[0]);
		break;
	case PARAM_UNKNOWN:
		CHECK(res.word[0] && !res.knob);
		break;
	case PARAM_TOO_LONG:
		CHECK(strlen(res.word) == PARAM_VALUE_MAX - 1);
		break;
	case PARAM_NO_VALUE:
		CHECK(!strcmp(res.word, res.knob->name));
		break;
	case PARAM_BAD_VALUE:
		CHECK(!strncmp(res.word, res.knob->name, strlen(res.knob->name)));
		break;
	}
	free(line);
	return 0;
}

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const char *const seeds[] = {
		"/boot/faultline n=7 faults=1 root=/dev/vda",
		"n=70000 n=3\troot=a!b",
		"faults=2",
		"root",
		"n=18446744073709551616",
		"n= faults= root=",
	};

	if (n < sizeof(seeds) / sizeof(seeds[0])) {
		strncpy((char *)buf, seeds[n], size);
		return strlen(seeds[n]);
	}
	if (n > sizeof(seeds) / sizeof(seeds[0]) || size < 150)
		return 0;
	memset(buf, 'x', 150); /* a word too long */
	memcpy(buf, "/root=x root=", 13);
	return 150;
}
