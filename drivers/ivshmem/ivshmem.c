/* SPDX-License-Identifier: MIT */
/* Memory shared with the host. QEMU's docs/specs/ivshmem-spec.txt: BAR 2 is the memory, all of it. */
#include "drivers/ivshmem/ivshmem.h"

#include "drivers/pci/pci.h"
#include "kernel/core/printk.h"
#include "kernel/trace/trace.h"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_MEMORY_BAR 2

static void probe(struct pci_device *dev, void *arg)
{
	bool *found = arg;
	void *memory;

	if (*found || dev->vendor != IVSHMEM_VENDOR || dev->device != IVSHMEM_DEVICE)
		return;
	pci_enable_device(dev);
	memory = pci_map_bar(dev, IVSHMEM_MEMORY_BAR, 0, dev->bar[IVSHMEM_MEMORY_BAR].size);
	if (!memory) {
		pr_warn("ivshmem: its memory cannot be mapped");
		return;
	}
	*found = true;
	trace_offer_memory(memory, dev->bar[IVSHMEM_MEMORY_BAR].size);
}

void ivshmem_init(void)
{
	bool found = false;

	if (trace_wanted())
		pci_for_each(probe, &found);
}
