/* SPDX-License-Identifier: MIT */
/*
 * Disks in RAM: every module that the boot loader brought (GRUB's module2) is one, /dev/ram0 and so
 * on in their order. What is written to one is gone with the machine. For machines whose disks we
 * have no driver for: root=/dev/ram0.
 */
#ifndef DRIVERS_RAMDISK_RAMDISK_H
#define DRIVERS_RAMDISK_RAMDISK_H

/* Register them. Boot, once, after block_init(). */
void ramdisk_init(void);

#endif
