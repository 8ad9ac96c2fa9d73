/* SPDX-License-Identifier: MIT */
/* What stands between ext2 and the rest of the kernel in its fuzz target: see ext2_disk.c. */
#ifndef TESTS_FUZZ_EXT2_DISK_H
#define TESTS_FUZZ_EXT2_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* An undamaged file system, whole pages. */
const char *fuzz_ext2_image(bool large, size_t *size);
/* Nobody holds a block. */
bool fuzz_blocks_released(void);
/* Allocated by the sources of fs/ and not freed. */
extern long fuzz_objects;

#endif
