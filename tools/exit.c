/* SPDX-License-Identifier: MIT */
/*
 * A function for GNU make: $(exit-with N) ends make with status N. Make itself turns every failure
 * into status 2, but `make run PROG=x` promises the status of x. The Makefile builds and loads this;
 * where that does not work it falls back on make's 2. The declarations are those of GNU make's
 * manual, "Loaded Object Interface", so that <gnumake.h> need not be installed.
 */
#include <stdio.h>
#include <stdlib.h>

typedef char *(*gmk_func_ptr)(const char *name, unsigned int argc, char **argv);
void gmk_add_function(const char *name, gmk_func_ptr function, unsigned int min_args,
		      unsigned int max_args, unsigned int flags);
int exit_gmk_setup(void);

int plugin_is_GPL_compatible; /* make refuses objects that do not say so */

static char *exit_with(const char *name, unsigned int argc, char **argv)
{
	(void)name;
	(void)argc;
	fflush(NULL);
	exit(atoi(argv[0]));
}

/* Called by make when it has loaded the object "exit.so". Returns nonzero for success. */
int exit_gmk_setup(void)
{
	gmk_add_function("exit-with", exit_with, 1, 1, 0);
	return 1;
}
