/* SPDX-License-Identifier: MIT */
/* Virtio's PCI transport and its split queue. Section numbers are those of Virtio 1.1. */
#include "drivers/virtio/virtio.h"

#include "kernel/core/printk.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include <asm/io.h>
#include <asm/irq.h>

/* 4.1.4: a vendor capability says in which BAR each group of registers is. */
#define CAP_CFG_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_LENGTH 12
#define CAP_NOTIFY_MULTIPLIER 16
enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE };

/* 4.1.4.3: offsets in the common configuration. */
#define DEVICE_FEATURE_SELECT 0
#define DEVICE_FEATURE 4
#define DRIVER_FEATURE_SELECT 8
#define DRIVER_FEATURE 12
#define MSIX_CONFIG 16
#define DEVICE_STATUS 20
#define QUEUE_SELECT 22
#define QUEUE_SIZE 24
#define QUEUE_MSIX_VECTOR 26
#define QUEUE_ENABLE 28
#define QUEUE_NOTIFY_OFF 30
#define QUEUE_DESC 32
#define QUEUE_DRIVER 40
#define QUEUE_DEVICE 48
#define COMMON_LEN 56

#define NO_VECTOR 0xffff

/* 2.1 */
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER 2
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8
#define STATUS_FAILED 128

static void set_status(struct virtio_device *vdev, u8 bits)
{
	mmio_write8(vdev->common + DEVICE_STATUS, mmio_read8(vdev->common + DEVICE_STATUS) | bits);
}

void virtio_reset(struct virtio_device *vdev)
{
	mmio_write8(vdev->common + DEVICE_STATUS, 0);
	/* 4.1.4.3.2: the reset is done when it reads 0. */
	for (int i = 0; i < 100000 && mmio_read8(vdev->common + DEVICE_STATUS); i++)
		barrier();
}

static void map_registers(struct virtio_device *vdev)
{
	const struct pci_device *pci = vdev->pci;
	unsigned int cap = 0;

	while ((cap = pci_find_capability(pci, PCI_CAP_ID_VENDOR, cap))) {
		u8 bar = pci_read8(pci, cap + CAP_BAR);
		u32 offset = pci_read32(pci, cap + CAP_OFFSET);
		u32 len = pci_read32(pci, cap + CAP_LENGTH);

		switch (pci_read8(pci, cap + CAP_CFG_TYPE)) {
		case CFG_COMMON:
			if (!vdev->common && len >= COMMON_LEN)
				vdev->common = pci_map_bar(pci, bar, offset, len);
			break;
		case CFG_NOTIFY:
			if (vdev->notify_base)
				break;
			vdev->notify_base = pci_map_bar(pci, bar, offset, len);
			vdev->notify_len = len;
			vdev->notify_multiplier = pci_read32(pci, cap + CAP_NOTIFY_MULTIPLIER);
			break;
		case CFG_ISR:
			if (!vdev->isr && len)
				vdev->isr = pci_map_bar(pci, bar, offset, 1);
			break;
		case CFG_DEVICE:
			if (vdev->device_cfg)
				break;
			vdev->device_cfg = pci_map_bar(pci, bar, offset, len);
			vdev->device_cfg_len = len;
			break;
		}
	}
}

/* 3.1.1 steps 1 to 6. */
int virtio_setup(struct virtio_device *vdev, const struct pci_device *pci, u64 wanted)
{
	u64 offered = 0;

	vdev->pci = pci;
	pci_enable_device(pci);
	map_registers(vdev);
	if (!vdev->common || !vdev->notify_base || !vdev->isr)
		return -ENODEV;
	virtio_reset(vdev);
	set_status(vdev, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	for (u32 half = 0; half < 2; half++) {
		mmio_write32(vdev->common + DEVICE_FEATURE_SELECT, half);
		offered |= (u64)mmio_read32(vdev->common + DEVICE_FEATURE) << (32 * half);
	}
	vdev->features = offered & (wanted | 1ULL << VIRTIO_F_VERSION_1);
	for (u32 half = 0; half < 2; half++) {
		mmio_write32(vdev->common + DRIVER_FEATURE_SELECT, half);
		mmio_write32(vdev->common + DRIVER_FEATURE, (u32)(vdev->features >> (32 * half)));
	}
	set_status(vdev, STATUS_FEATURES_OK);
	if (!virtio_has(vdev, VIRTIO_F_VERSION_1) ||
	    !(mmio_read8(vdev->common + DEVICE_STATUS) & STATUS_FEATURES_OK)) {
		set_status(vdev, STATUS_FAILED);
		return -EINVAL;
	}
	return 0;
}

static void write_address(struct virtio_device *vdev, unsigned int offset, const void *addr)
{
	u64 phys = __pa(addr);

	mmio_write32(vdev->common + offset, (u32)phys);
	mmio_write32(vdev->common + offset + 4, (u32)(phys >> 32));
}

/* MSI-X if it can be had, else the interrupt line. */
static int setup_interrupt(struct virtio_device *vdev, void (*fn)(void *arg), void *arg,
			   const char *name)
{
	if (pci_enable_msix(vdev->pci, fn, arg, name) == 0) {
		vdev->msix = true;
		mmio_write16(vdev->common + MSIX_CONFIG, NO_VECTOR);
		mmio_write16(vdev->common + QUEUE_MSIX_VECTOR, 0);
		return mmio_read16(vdev->common + QUEUE_MSIX_VECTOR) == NO_VECTOR ? -ENOSPC : 0;
	}
	if (!vdev->pci->irq_line || vdev->pci->irq_line == 0xff)
		return -ENXIO;
	return request_irq(vdev->pci->irq_line, fn, arg, name);
}

/* 4.1.5.1.3. Layout in the frame: descriptors, available ring, used ring on a 4-byte boundary. */
int virtio_setup_queue(struct virtio_device *vdev, struct virtq *vq, void (*fn)(void *arg),
		       void *arg, const char *name)
{
	u64 notify_at;
	u8 *ring;
	int err;

	BUILD_BUG_ON(VIRTQ_SIZE * sizeof(struct virtq_desc) + ALIGN(sizeof(struct virtq_avail), 4) +
			     sizeof(struct virtq_used) >
		     PAGE_SIZE);
	mmio_write16(vdev->common + QUEUE_SELECT, 0);
	vq->size = min_t(unsigned int, mmio_read16(vdev->common + QUEUE_SIZE), VIRTQ_SIZE);
	if (!vq->size || (vq->size & (vq->size - 1)))
		return -EINVAL;
	notify_at = (u64)mmio_read16(vdev->common + QUEUE_NOTIFY_OFF) * vdev->notify_multiplier;
	if (notify_at + 2 > vdev->notify_len)
		return -EINVAL;
	ring = get_zeroed_page(GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	vq->notify = vdev->notify_base + notify_at;
	vq->desc = (void *)ring;
	vq->avail = (void *)(ring + VIRTQ_SIZE * sizeof(struct virtq_desc));
	vq->used = (void *)((u8 *)vq->avail + ALIGN(sizeof(struct virtq_avail), 4));
	for (unsigned int i = 0; i < vq->size; i++)
		vq->desc[i].next = i + 1;
	vq->free_head = 0;
	vq->nr_free = vq->size;
	vq->last_used = 0;

	mmio_write16(vdev->common + QUEUE_SIZE, vq->size);
	write_address(vdev, QUEUE_DESC, vq->desc);
	write_address(vdev, QUEUE_DRIVER, vq->avail);
	write_address(vdev, QUEUE_DEVICE, (const void *)vq->used);
	err = setup_interrupt(vdev, fn, arg, name);
	if (err)
		return err;
	mmio_write16(vdev->common + QUEUE_ENABLE, 1);
	return 0;
}

void virtio_start(struct virtio_device *vdev)
{
	set_status(vdev, STATUS_DRIVER_OK);
}

bool virtio_isr(struct virtio_device *vdev)
{
	return mmio_read8(vdev->isr) & 1;
}

int virtq_add(struct virtq *vq, const struct virtq_fragment *frag, unsigned int n)
{
	u16 head = vq->free_head, at = head;

	if (n > vq->nr_free)
		return -ENOSPC;
	for (unsigned int i = 0; i < n; i++) {
		struct virtq_desc *d = &vq->desc[at];

		d->addr = frag[i].addr;
		d->len = frag[i].len;
		d->flags = (frag[i].device_writes ? VIRTQ_DESC_WRITE : 0) |
			   (i + 1 < n ? VIRTQ_DESC_NEXT : 0);
		at = d->next;
	}
	vq->free_head = at;
	vq->nr_free -= n;
	vq->avail->ring[vq->avail->idx & (vq->size - 1)] = head;
	/* 2.6.13.3: the entry must be visible before the index that publishes it. */
	__atomic_store_n(&vq->avail->idx, vq->avail->idx + 1, __ATOMIC_RELEASE);
	return head;
}

void virtq_kick(struct virtq *vq)
{
	/* 2.6.13.4.1: the index before the look at the flag. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(vq->used->flags & VIRTQ_USED_NO_NOTIFY))
		mmio_write16(vq->notify, 0);
}

int virtq_get(struct virtq *vq, u32 *head, u32 *written)
{
	u16 idx = vq->used->idx;
	unsigned int slot = vq->last_used & (vq->size - 1);

	if (idx == vq->last_used)
		return 0;
	if ((u16)(idx - vq->last_used) > vq->size)
		return -EIO;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*head = vq->used->ring[slot].id;
	*written = vq->used->ring[slot].len;
	vq->last_used++;
	return *head < vq->size ? 1 : -EIO;
}

/* The chain's links are ours: the device only reads descriptors. */
void virtq_free_chain(struct virtq *vq, u16 head)
{
	u16 at = head;
	unsigned int n = 1;

	while (vq->desc[at].flags & VIRTQ_DESC_NEXT) {
		at = vq->desc[at].next;
		n++;
	}
	vq->desc[at].next = vq->free_head;
	vq->free_head = head;
	vq->nr_free += n;
}
