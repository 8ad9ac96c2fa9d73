/* SPDX-License-Identifier: MIT */
/*
 * Virtio 1.x over PCI (OASIS "Virtual I/O Device" 1.1: 2.6 split virtqueues, 4.1 PCI transport):
 * what a driver of one device type needs. Legacy devices are not driven.
 *
 * The device is not trusted: what it writes into the used ring is checked, and whoever lies is
 * reset and takes no more requests.
 */
#ifndef DRIVERS_VIRTIO_VIRTIO_H
#define DRIVERS_VIRTIO_VIRTIO_H

#include "drivers/pci/pci.h"
#include "kernel/core/spinlock.h"
#include "lib/types.h"

#define VIRTIO_PCI_VENDOR 0x1af4
#define VIRTIO_PCI_MODERN_BASE 0x1040 /* device id = this + device type */

#define VIRTIO_F_VERSION_1 32

#define VIRTQ_SIZE 128 /* descriptors; the whole ring then fits in one frame */

/* 2.6.5 */
struct virtq_desc {
	u64 addr; /* physical */
	u32 len;
	u16 flags, next;
};
#define VIRTQ_DESC_NEXT 1u
#define VIRTQ_DESC_WRITE 2u /* the device writes it */

struct virtq_avail {
	u16 flags, idx, ring[VIRTQ_SIZE];
};
#define VIRTQ_USED_NO_NOTIFY 1u

struct virtq_used {
	u16 flags, idx;
	struct { u32 id, len; } ring[VIRTQ_SIZE];
};

struct virtq {
	unsigned int size;          /* descriptors, <= VIRTQ_SIZE, power of two */
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	volatile struct virtq_used *used;
	void *notify;               /* device register */
	u16 free_head, last_used;
	unsigned int nr_free;
};

struct virtio_device {
	const struct pci_device *pci;
	void *common, *device_cfg;  /* mapped registers */
	void *isr;
	u32 device_cfg_len;         /* bytes */
	void *notify_base;
	u32 notify_len, notify_multiplier;
	u64 features;               /* agreed on */
	bool msix;
};

/*
 * Find the registers, reset the device and agree on VERSION_1 plus @wanted (a mask of feature bits)
 * as far as the device has them. 0; -ENODEV: no modern virtio device; -EINVAL: it refuses.
 */
int virtio_setup(struct virtio_device *vdev, const struct pci_device *pci, u64 wanted);
/* Make queue 0, with interrupts to @fn(@arg). 0 or -errno. */
int virtio_setup_queue(struct virtio_device *vdev, struct virtq *vq, void (*fn)(void *arg),
		       void *arg, const char *name);
/* The driver is ready. */
void virtio_start(struct virtio_device *vdev);
/* Tell the device to stop all it does; it forgets its queues. */
void virtio_reset(struct virtio_device *vdev);
/* In a handler of a line interrupt: true if the device raised it (reading acknowledges). */
bool virtio_isr(struct virtio_device *vdev);

static inline bool virtio_has(const struct virtio_device *vdev, unsigned int feature)
{
	return vdev->features >> feature & 1;
}

/* Fragments of one request, in order: device-readable ones first (2.6.4.2). */
struct virtq_fragment {
	phys_addr_t addr;
	u32 len;
	bool device_writes;
};
/*
 * Queue a chain of @n fragments and return its head descriptor, or -ENOSPC. The device may begin
 * at once; it is told by virtq_kick(). The caller locks.
 */
int virtq_add(struct virtq *vq, const struct virtq_fragment *frag, unsigned int n);
void virtq_kick(struct virtq *vq);
/*
 * Take one finished chain: its head and the bytes that the device says it wrote. 1, or 0 when there
 * is none, or -EIO when the device wrote nonsense. The caller frees the chain, and locks.
 */
int virtq_get(struct virtq *vq, u32 *head, u32 *written);
void virtq_free_chain(struct virtq *vq, u16 head);

/* Boot: drive all virtio disks that PCI found, in its order: vda, vdb, ... */
void virtio_blk_init(void);

#endif
