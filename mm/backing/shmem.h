/* SPDX-License-Identifier: MIT */
/* Memory-only files: what MAP_SHARED | MAP_ANONYMOUS maps, so that it survives fork shared. */
#ifndef MM_BACKING_SHMEM_H
#define MM_BACKING_SHMEM_H

#include "lib/types.h"

struct file;
struct vm_area_struct;

/*
 * A new nameless file of @size bytes whose pages live in the page cache only. ERR_PTR(-ENOMEM). One
 * reference.
 */
struct file *shmem_file_setup(const char *name, loff_t size);

/*
 * Gives a new VMA, not yet in its tree, such a file of its own size; the reference on the file it
 * had (/dev/zero mapped shared) is put. 0 or -ENOMEM.
 */
int shmem_zero_setup(struct vm_area_struct *vma);
void shmem_init(void);

#endif
