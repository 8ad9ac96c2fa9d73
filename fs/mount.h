/* SPDX-License-Identifier: MIT */
/* Threads and types that fs/ starts at boot; called by vfs_init() and mount_root(). */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

void sync_init(void);
void bdev_init(void);    /* page caches of the raw disks */
void devfs_init(void);   /* type "devtmpfs" */
void pseudo_init(void);
void ext2_init(void);    /* type "ext2" */
void tmpfs_init(void);   /* type "tmpfs", and the kernel's own files */
void tty_init(void);

#endif
