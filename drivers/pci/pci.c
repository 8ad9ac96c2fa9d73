/* SPDX-License-Identifier: MIT */
/* PCI configuration space, the walk over all buses, BARs, capabilities and MSI-X. */
#include "drivers/pci/pci.h"

#include "kernel/core/printk.h"
#include "kernel/core/spinlock.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/vmalloc.h"
#include <asm/io.h>
#include <asm/irq.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define MAX_DEVICES 64
#define MAX_CAPABILITIES 48 /* (256 - 64) / 4: more cannot be without a circle */

#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_ENABLE 0x8000
#define MSIX_MASK_ALL 0x4000
#define MSIX_ENTRY_SIZE 16

static struct pci_device devices[MAX_DEVICES]; /* boot only, then constant */
static int nr_devices;
static DEFINE_SPINLOCK(config_lock); /* address and data port belong together */

static u32 config_address(const struct pci_device *dev, unsigned int offset)
{
	return 0x80000000u | (u32)dev->bus << 16 | (u32)dev->slot << 11 | (u32)dev->function << 8 |
	       (offset & 0xfc);
}

u32 pci_read32(const struct pci_device *dev, unsigned int offset)
{
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&config_lock, flags);
	outl(CONFIG_ADDRESS, config_address(dev, offset));
	value = inl(CONFIG_DATA);
	spin_unlock_irqrestore(&config_lock, flags);
	return value;
}

u16 pci_read16(const struct pci_device *dev, unsigned int offset)
{
	return (u16)(pci_read32(dev, offset) >> ((offset & 2) * 8));
}

u8 pci_read8(const struct pci_device *dev, unsigned int offset)
{
	return (u8)(pci_read32(dev, offset) >> ((offset & 3) * 8));
}

void pci_write32(const struct pci_device *dev, unsigned int offset, u32 value)
{
	unsigned long flags;

	spin_lock_irqsave(&config_lock, flags);
	outl(CONFIG_ADDRESS, config_address(dev, offset));
	outl(CONFIG_DATA, value);
	spin_unlock_irqrestore(&config_lock, flags);
}

/* Its own width: writing the status half of the command word would clear bits there. */
void pci_write16(const struct pci_device *dev, unsigned int offset, u16 value)
{
	unsigned long flags;

	spin_lock_irqsave(&config_lock, flags);
	outl(CONFIG_ADDRESS, config_address(dev, offset));
	outw(CONFIG_DATA + (offset & 2), value);
	spin_unlock_irqrestore(&config_lock, flags);
}

unsigned int pci_find_capability(const struct pci_device *dev, u8 id, unsigned int after)
{
	unsigned int pos;

	if (!(pci_read16(dev, PCI_COMMAND + 2) & 0x10)) /* status: has a list */
		return 0;
	pos = pci_read8(dev, after ? after + 1 : PCI_CAPABILITY_LIST) & 0xfc;
	for (int i = 0; i < MAX_CAPABILITIES && pos >= 0x40; i++) {
		if (pci_read8(dev, pos) == id)
			return pos;
		pos = pci_read8(dev, pos + 1) & 0xfc;
	}
	return 0;
}

/*
 * A BAR's size is what stays zero when all ones are written to it. Decoding is off meanwhile, so
 * that the device does not answer at a wild address.
 */
static void size_bars(struct pci_device *dev)
{
	u16 command = pci_read16(dev, PCI_COMMAND);

	pci_write16(dev, PCI_COMMAND, command & ~3);
	for (int i = 0; i < 6; i++) {
		unsigned int reg = PCI_BAR0 + 4 * i;
		u32 low = pci_read32(dev, reg), high = 0;
		bool is_io = low & 1, is_64 = !is_io && (low & 6) == 4 && i < 5;
		u64 mask;

		pci_write32(dev, reg, ~0u);
		mask = pci_read32(dev, reg) & (is_io ? ~3u : ~15u);
		pci_write32(dev, reg, low);
		if (!mask && !is_64)
			continue;
		mask |= 0xffffffff00000000ULL;
		if (is_64) {
			high = pci_read32(dev, reg + 4);
			pci_write32(dev, reg + 4, ~0u);
			mask = (u32)mask | (u64)pci_read32(dev, reg + 4) << 32;
			pci_write32(dev, reg + 4, high);
		}
		dev->bar[i].is_io = is_io;
		dev->bar[i].start = (u64)high << 32 | (low & (is_io ? ~3u : ~15u));
		dev->bar[i].size = mask ? ~mask + 1 : 0;
		if (is_io)
			dev->bar[i].size &= 0xffff;
		i += is_64;
	}
	pci_write16(dev, PCI_COMMAND, command);
}

void pci_enable_device(const struct pci_device *dev)
{
	pci_write16(dev, PCI_COMMAND,
		    pci_read16(dev, PCI_COMMAND) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void *pci_map_bar(const struct pci_device *dev, unsigned int bar, u64 offset, u64 len)
{
	const struct pci_bar *b;

	if (bar >= ARRAY_SIZE(dev->bar) || !len)
		return NULL;
	b = &dev->bar[bar];
	if (!b->start || b->is_io || offset > b->size || len > b->size - offset)
		return NULL;
	return ioremap(b->start + offset, len);
}

/* PCI 3.0 6.8.2: the capability names a BAR and an offset in it where the table of messages is. */
int pci_enable_msix(const struct pci_device *dev, void (*fn)(void *arg), void *arg,
		    const char *name)
{
	unsigned int cap = pci_find_capability(dev, PCI_CAP_ID_MSIX, 0);
	u32 table, data;
	u64 addr;
	u8 *entry;
	int err;

	if (!cap)
		return -ENOENT;
	table = pci_read32(dev, cap + MSIX_TABLE);
	entry = pci_map_bar(dev, table & 7, table & ~7u, MSIX_ENTRY_SIZE);
	if (!entry)
		return -EINVAL;
	err = alloc_msi_vector(fn, arg, name, &addr, &data);
	if (err)
		return err;
	pci_write16(dev, cap + MSIX_CONTROL,
		    pci_read16(dev, cap + MSIX_CONTROL) | MSIX_ENABLE | MSIX_MASK_ALL);
	mmio_write32(entry, (u32)addr);
	mmio_write32(entry + 4, (u32)(addr >> 32));
	mmio_write32(entry + 8, data);
	mmio_write32(entry + 12, 0); /* not masked */
	pci_write16(dev, cap + MSIX_CONTROL,
		    (pci_read16(dev, cap + MSIX_CONTROL) | MSIX_ENABLE) & ~MSIX_MASK_ALL);
	pci_write16(dev, PCI_COMMAND, pci_read16(dev, PCI_COMMAND) | PCI_COMMAND_INTX_OFF);
	return 0;
}

static bool probe(u8 bus, u8 slot, u8 function)
{
	struct pci_device dev = { .bus = bus, .slot = slot, .function = function };
	u32 id = pci_read32(&dev, PCI_VENDOR_ID);

	if ((id & 0xffff) == 0xffff)
		return false;
	if (nr_devices == MAX_DEVICES) {
		pr_warn("pci: more than %d devices, %02x:%02x.%x is ignored\n", MAX_DEVICES, bus,
			slot, function);
		return true;
	}
	dev.vendor = id & 0xffff;
	dev.device = id >> 16;
	dev.class_code = pci_read32(&dev, PCI_CLASS_REVISION);
	dev.irq_line = pci_read8(&dev, PCI_INTERRUPT_LINE);
	if ((pci_read8(&dev, PCI_HEADER_TYPE) & 0x7f) == 0)
		size_bars(&dev);
	devices[nr_devices++] = dev;
	return true;
}

void pci_for_each(void (*fn)(struct pci_device *dev, void *arg), void *arg)
{
	for (int i = 0; i < nr_devices; i++)
		fn(&devices[i], arg);
}

void pci_init(void)
{
	for (unsigned int bus = 0; bus < 256; bus++) {
		for (unsigned int slot = 0; slot < 32; slot++) {
			struct pci_device first = { .bus = bus, .slot = slot };

			if (!probe(bus, slot, 0))
				continue;
			if (!(pci_read8(&first, PCI_HEADER_TYPE) & 0x80))
				continue; /* has one function only */
			for (unsigned int function = 1; function < 8; function++)
				probe(bus, slot, function);
		}
	}
	pr_info("pci: %d devices\n", nr_devices);
}
