/* SPDX-License-Identifier: MIT */
/*
 * Virtio block device (Virtio 1.1, 5.2): a request is a chain of header, data fragments and a
 * status byte. Several are in flight at once; who finds the ring full sleeps.
 */
#include "drivers/virtio/virtio.h"

#include "kernel/core/block.h"
#include "kernel/core/printk.h"
#include "kernel/core/wait.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/slab.h"
#include <asm/io.h>

#define VIRTIO_ID_BLOCK 2
#define VIRTBLK_MAJOR 254 /* of Linux's dynamic range; 16 minors a disk */

/* 5.2.3 */
#define VIRTIO_BLK_F_SEG_MAX 2
#define VIRTIO_BLK_F_RO 5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH 9

/* 5.2.4: offsets in the device configuration. */
#define CFG_CAPACITY 0
#define CFG_SEG_MAX 12
#define CFG_BLK_SIZE 20

/* 5.2.6 */
enum { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH = 4 };
#define VIRTIO_BLK_S_OK 0
#define STATUS_UNTOUCHED 0xff

struct vblk_request {
	struct {
		u32 type, reserved;
		u64 sector;
	} header;        /* the device reads it */
	u8 status;       /* the device writes it */
	u32 bytes;       /* the most that it may write */
	struct bio *bio; /* NULL: slot not in flight */
};

struct vblk {
	struct virtio_device vdev;
	struct block_device bdev;
	spinlock_t lock; /* vq, requests, broken */
	struct virtq vq;
	struct wait_queue_head room;   /* for who found the ring full */
	struct vblk_request *requests; /* indexed by head descriptor, in the direct map */
	unsigned int blk_size;         /* bytes: unit of all requests */
	bool broken;                   /* the device lied: nothing is sent to it any more */
};

/* Header, data, status as fragments; returns how many. */
static unsigned int build_fragments(const struct bio *bio, struct vblk_request *req,
				    struct virtq_fragment *frag)
{
	bool reads = bio->op == BIO_READ;
	unsigned int n = 0;

	frag[n++] = (struct virtq_fragment){ __pa(&req->header), sizeof(req->header), false };
	for (unsigned int i = 0; i < bio->nr_vecs; i++)
		frag[n++] = (struct virtq_fragment){
			.addr = page_to_phys(bio->vecs[i].page) + bio->vecs[i].offset,
			.len = bio->vecs[i].len,
			.device_writes = reads,
		};
	frag[n++] = (struct virtq_fragment){ __pa(&req->status), 1, true };
	return n;
}

/* Queue it if there is room. 0, -ENOSPC, or -EIO when the device is broken. */
static int try_submit(struct vblk *vb, struct bio *bio)
{
	static const u32 types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH };
	struct virtq_fragment frag[BIO_MAX_VECS + 2];
	struct vblk_request *req;
	unsigned int n;
	int err = 0;

	spin_lock(&vb->lock);
	if (vb->broken) {
		err = -EIO;
	} else if (vb->vq.nr_free < bio->nr_vecs + 2) {
		err = -ENOSPC;
	} else {
		/* The chain will start at the first free descriptor. */
		req = &vb->requests[vb->vq.free_head];
		req->header.type = types[bio->op];
		req->header.reserved = 0;
		req->header.sector = bio->op == BIO_FLUSH ? 0 : bio->sector;
		req->status = STATUS_UNTOUCHED;
		req->bio = bio;
		req->bytes = 1;
		n = build_fragments(bio, req, frag);
		for (unsigned int i = 0; bio->op == BIO_READ && i < bio->nr_vecs; i++)
			req->bytes += bio->vecs[i].len;
		virtq_add(&vb->vq, frag, n);
		virtq_kick(&vb->vq);
	}
	spin_unlock(&vb->lock);
	return err;
}

static bool aligned_to(const struct bio *bio, unsigned int blk_size)
{
	u64 bits = bio->sector << SECTOR_SHIFT;

	for (unsigned int i = 0; i < bio->nr_vecs; i++)
		bits |= bio->vecs[i].len;
	return !(bits & (blk_size - 1));
}

static void vblk_submit(struct block_device *bdev, struct bio *bio)
{
	struct vblk *vb = bdev->driver;
	int err;

	if (bio->op == BIO_FLUSH && !virtio_has(&vb->vdev, VIRTIO_BLK_F_FLUSH)) {
		bio_endio(bio, 0); /* 5.2.5.2: without the feature there is no volatile cache */
		return;
	}
	if (!aligned_to(bio, vb->blk_size)) {
		bio_endio(bio, -EIO);
		return;
	}
	wait_event(vb->room, (err = try_submit(vb, bio)) != -ENOSPC);
	if (err)
		bio_endio(bio, err);
}

static const struct block_device_ops vblk_ops = { .name = "virtio-blk", .submit = vblk_submit };

/* Lock held. From here on every request fails; those in flight are collected by the caller. */
static void declare_broken(struct vblk *vb, const char *why)
{
	pr_err("virtio-blk: %s: the device %s; it is reset and not used any more\n", vb->bdev.name,
	       why);
	vb->broken = true;
	virtio_reset(&vb->vdev);
}

/*
 * The next finished request, or NULL. A read must have written all its bytes and the status;
 * nothing may have written more than it was given room for.
 */
static struct bio *next_finished(struct vblk *vb, int *status)
{
	struct vblk_request *req;
	struct bio *bio = NULL;
	u32 head, written;
	int got;

	spin_lock(&vb->lock);
	got = vb->broken ? 0 : virtq_get(&vb->vq, &head, &written);
	if (got < 0 || (got > 0 && !vb->requests[head].bio)) {
		declare_broken(vb, "finished a request that was never made");
	} else if (got > 0) {
		req = &vb->requests[head];
		bio = req->bio;
		*status = req->status == VIRTIO_BLK_S_OK ? 0 : -EIO;
		if (written > req->bytes ||
		    (bio->op == BIO_READ && !*status && written != req->bytes)) {
			pr_err("virtio-blk: %s: wrote %u bytes of %u\n", vb->bdev.name, written,
			       req->bytes);
			*status = -EIO;
		}
		req->bio = NULL;
		virtq_free_chain(&vb->vq, (u16)head);
	}
	for (unsigned int i = 0; vb->broken && !bio && i < vb->vq.size; i++) {
		bio = vb->requests[i].bio;
		vb->requests[i].bio = NULL;
		*status = -EIO;
	}
	spin_unlock(&vb->lock);
	return bio;
}

/* In the completion thread. */
static void vblk_poll(void *arg)
{
	struct vblk *vb = arg;
	struct bio *bio;
	bool any = false;
	int status;

	while ((bio = next_finished(vb, &status))) {
		bio_endio(bio, status);
		any = true;
	}
	if (any)
		wake_up_all(&vb->room);
}

static void vblk_interrupt(void *arg)
{
	struct vblk *vb = arg;

	if (vb->vdev.msix || virtio_isr(&vb->vdev))
		block_irq();
}

/* Geometry and limits. 0, or -EINVAL with a sentence in the log. */
static int read_config(struct vblk *vb)
{
	struct virtio_device *vdev = &vb->vdev;
	u32 seg_max = BIO_MAX_VECS;

	if (!vdev->device_cfg || vdev->device_cfg_len < CFG_BLK_SIZE + 4)
		return -EINVAL;
	vb->bdev.nr_sectors = mmio_read32(vdev->device_cfg + CFG_CAPACITY) |
			      (u64)mmio_read32(vdev->device_cfg + CFG_CAPACITY + 4) << 32;
	vb->bdev.read_only = virtio_has(vdev, VIRTIO_BLK_F_RO);
	vb->blk_size = 512;
	if (virtio_has(vdev, VIRTIO_BLK_F_BLK_SIZE))
		vb->blk_size = mmio_read32(vdev->device_cfg + CFG_BLK_SIZE);
	if (virtio_has(vdev, VIRTIO_BLK_F_SEG_MAX))
		seg_max = mmio_read32(vdev->device_cfg + CFG_SEG_MAX);
	if (vb->blk_size < 512 || vb->blk_size > PAGE_SIZE || (vb->blk_size & (vb->blk_size - 1)) ||
	    seg_max < BIO_MAX_VECS || vb->bdev.nr_sectors > (1ULL << 54)) {
		pr_err("virtio-blk: %s: blocks of %u bytes, %u segments, %llu sectors: not usable\n",
		       vb->bdev.name, vb->blk_size, seg_max, (u64)vb->bdev.nr_sectors);
		return -EINVAL;
	}
	return 0;
}

static void vblk_probe(struct pci_device *pci, void *arg)
{
	unsigned int *nr = arg;
	struct vblk *vb;
	int err;

	if (pci->vendor != VIRTIO_PCI_VENDOR ||
	    (pci->device != VIRTIO_PCI_MODERN_BASE + VIRTIO_ID_BLOCK && pci->device != 0x1001))
		return;
	vb = kzalloc(sizeof(*vb), GFP_KERNEL);
	if (!vb)
		return;
	vb->requests = kzalloc(VIRTQ_SIZE * sizeof(*vb->requests), GFP_KERNEL);
	if (!vb->requests)
		return;
	snprintf(vb->bdev.name, sizeof(vb->bdev.name), "vd%c", 'a' + *nr % 26);
	vb->bdev.dev = VIRTBLK_MAJOR << 8 | (*nr % 16) * 16;
	vb->bdev.ops = &vblk_ops;
	vb->bdev.driver = vb;
	spin_lock_init(&vb->lock, "vblk");
	init_waitqueue_head(&vb->room);
	err = virtio_setup(&vb->vdev, pci,
			   1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_RO |
				   1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH);
	if (!err)
		err = read_config(vb);
	if (!err)
		err = virtio_setup_queue(&vb->vdev, &vb->vq, vblk_interrupt, vb, vb->bdev.name);
	if (!err && vb->vq.size < BIO_MAX_VECS + 2)
		err = -EINVAL;
	/*
	 * Once its interrupt is requested the struct is in use for good: a failed disk is only left
	 * out.
	 */
	if (err) {
		pr_err("virtio-blk: %02x:%02x.%x cannot be used (error %d)%s\n", pci->bus,
		       pci->slot, pci->function, -err,
		       err == -ENODEV ?
			       ": not a virtio 1.x device (start QEMU with disable-legacy=on)" :
			       "");
		return;
	}
	(*nr)++;
	block_register_poll(vblk_poll, vb);
	virtio_start(&vb->vdev);
	register_block_device(&vb->bdev);
}

void virtio_blk_init(void)
{
	unsigned int nr = 0;

	pci_for_each(vblk_probe, &nr);
}
