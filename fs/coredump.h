/* SPDX-License-Identifier: MIT */
/*
 * What a process leaves behind that dies of a fault: a core, which gdb opens (core(5)). coredump.c
 * decides whether and where, core_elf.c knows what is in it. All of it for current, whose other
 * threads stand still meanwhile.
 */
#ifndef FS_COREDUMP_H
#define FS_COREDUMP_H

#include "kernel/proc/signal.h"
#include "lib/types.h"

struct file;

struct core {
	const struct siginfo *info; /* of the signal */
	struct file *file;
	loff_t pos;        /* where to go on; what is passed over becomes a hole */
	unsigned long written, limit; /* bytes; holes are not counted */
};

/* Write @n bytes on. False: it ends here: the limit, a full disk, or SIGKILL. */
bool core_write(struct core *core, const void *data, size_t n);
/* Write it all. False: there was no memory, and the file is empty. (core_elf.c) */
bool elf_core_dump(struct core *core);

/* --- /proc/sys/kernel/core_pattern, core_uses_pid --- */
#define CORE_PATTERN_SIZE 128 /* NUL included */
void core_pattern_get(char pattern[CORE_PATTERN_SIZE]);
/* Cut if need be. 0, or -EOPNOTSUPP: it asks for a program to take the core ("|..."). */
int core_pattern_set(const char *pattern, size_t len);
extern int core_uses_pid;

#endif
