/* SPDX-License-Identifier: MIT */
/* /dev/kmsg: the kernel log, a record at a time. */
#ifndef FS_KMSG_H
#define FS_KMSG_H

struct file_operations;
extern const struct file_operations kmsg_fops;

#endif
