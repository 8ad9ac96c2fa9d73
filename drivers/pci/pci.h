/* SPDX-License-Identifier: MIT */
/*
 * PCI by configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2). Devices are found once at boot,
 * in order of bus, device, function; addresses and interrupt lines are those the firmware gave.
 */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include "lib/types.h"

#define PCI_VENDOR_ID 0x00
#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4
#define PCI_COMMAND_INTX_OFF 0x400
#define PCI_CLASS_REVISION 0x08
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0 0x10
#define PCI_CAPABILITY_LIST 0x34
#define PCI_INTERRUPT_LINE 0x3c

#define PCI_CAP_ID_VENDOR 0x09
#define PCI_CAP_ID_MSIX 0x11

struct pci_bar {
	phys_addr_t start; /* 0: absent */
	u64 size;          /* bytes */
	bool is_io;        /* ports instead of memory */
};

struct pci_device {
	u8 bus, slot, function;
	u16 vendor, device;
	u32 class_code;    /* base class, subclass, interface, revision */
	u8 irq_line;       /* as the firmware wrote it; 0 or 0xff: none */
	struct pci_bar bar[6];
};

u8 pci_read8(const struct pci_device *dev, unsigned int offset);
u16 pci_read16(const struct pci_device *dev, unsigned int offset);
u32 pci_read32(const struct pci_device *dev, unsigned int offset);
void pci_write16(const struct pci_device *dev, unsigned int offset, u16 value);
void pci_write32(const struct pci_device *dev, unsigned int offset, u32 value);

/*
 * Offset of the first capability @id behind @after (0: from the start), or 0. A list that points
 * in a circle or into the header ends the search.
 */
unsigned int pci_find_capability(const struct pci_device *dev, u8 id, unsigned int after);
/* Let the device answer at its memory addresses and read and write ours. */
void pci_enable_device(const struct pci_device *dev);
/* [offset, offset + len) of a memory BAR, mapped uncached; NULL if the BAR has no such range. */
void *pci_map_bar(const struct pci_device *dev, unsigned int bar, u64 offset, u64 len);
/*
 * Send the device's MSI-X vector 0 to @fn(@arg) and turn MSI-X on. 0; -ENOENT: the device has none;
 * -EINVAL, -ENOMEM, -ENOSPC: it cannot be used. The device is as before on failure.
 */
int pci_enable_msix(const struct pci_device *dev, void (*fn)(void *arg), void *arg,
		    const char *name);
/* Call @fn for each device, in order. */
void pci_for_each(void (*fn)(struct pci_device *dev, void *arg), void *arg);
/* Boot: find them all. */
void pci_init(void);

#endif
