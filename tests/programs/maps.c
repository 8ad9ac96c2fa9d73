/* SPDX-License-Identifier: MIT */
/* maps: prints its memory map, and of its auxiliary vector what the loader's tests look at. */
#include <stdio.h>
#include <sys/auxv.h>

int main(void)
{
	static const struct {
		const char *name;
		unsigned long type;
	} shown[] = {
		{ "AT_BASE", AT_BASE },
		{ "AT_ENTRY", AT_ENTRY },
		{ "AT_PHDR", AT_PHDR },
		{ "AT_RANDOM", AT_RANDOM },
		{ "AT_SYSINFO_EHDR", AT_SYSINFO_EHDR },
	};
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		fputs(line, stdout);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		printf("%s: %#lx\n", shown[i].name, getauxval(shown[i].type));
	printf("stack: %p\n", (void *)&line);
	return maps ? 0 : 1;
}
