/* SPDX-License-Identifier: MIT */
/* Memory that the host and we see alike: QEMU's ivshmem-plain. The recorder's rings lie there. */
#ifndef DRIVERS_IVSHMEM_IVSHMEM_H
#define DRIVERS_IVSHMEM_IVSHMEM_H

/* Boot, behind pci_init(): offer the first such memory to the recorder, if that is wanted. */
void ivshmem_init(void);

#endif
