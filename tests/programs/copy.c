/* SPDX-License-Identifier: MIT */
/* Copies standard input to standard output, byte for byte, until the end of input. */
#include <unistd.h>

int main(void)
{
	char buf[4096];
	ssize_t got;

	while ((got = read(0, buf, sizeof(buf))) > 0)
		for (ssize_t done = 0, n; done < got; done += n)
			if ((n = write(1, buf + done, got - done)) <= 0)
				return 2;
	return got < 0;
}
