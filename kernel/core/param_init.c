/* SPDX-License-Identifier: MIT */
/* Applies the command line to the knobs that the linker collected; a bad word ends the boot. */

#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "lib/vsprintf.h"

extern const struct knob __start_knobs[], __stop_knobs[];

static const char *const complaints[] = {
	[PARAM_UNKNOWN] = "is not a knob of this kernel",
	[PARAM_NO_VALUE] = "lacks its value",
	[PARAM_BAD_VALUE] = "has a value that the knob does not take",
	[PARAM_TOO_LONG] = "is too long",
};

const char *saved_command_line = "";

void param_init(const char *cmdline)
{
	struct param_result res;
	char list[512];
	int n = 0;

	saved_command_line = cmdline;
	if (param_parse(cmdline, __start_knobs, __stop_knobs, &res) == PARAM_OK)
		return;
	for (const struct knob *k = __start_knobs; k < __stop_knobs; k++)
		n += scnprintf(list + n, sizeof(list) - (size_t)n, " %s%s%s", k->name,
			       k->values[0] ? "=" : "", k->values);
	boot_fail(
		"kernel command line: '%s' %s; correct it in grub.cfg or in the make command; knobs are:%s%s",
		res.word, complaints[res.error], list,
		CONFIG_DEBUG ? "" : " (debug kernels, DEBUG=1, have more)");
}
