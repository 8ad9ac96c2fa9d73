/* SPDX-License-Identifier: MIT */
/* Memory-only files: what MAP_SHARED | MAP_ANONYMOUS maps, so that it survives fork shared. */
#ifndef MM_BACKING_SHMEM_H
#define MM_BACKING_SHMEM_H

#include "lib/types.h"

struct file;

/*
 * A new nameless file of @size bytes whose pages live in the page cache only. ERR_PTR(-ENOMEM). One
 * reference.
 */
struct file *shmem_file_setup(const char *name, loff_t size);
void shmem_init(void);

#endif
