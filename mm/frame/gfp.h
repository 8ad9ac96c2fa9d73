/* SPDX-License-Identifier: MIT */
/*
 * How an allocation may behave (gfp_t), as on Linux.
 */
#ifndef MM_FRAME_GFP_H
#define MM_FRAME_GFP_H

#define __GFP_ZERO 0x01u    /* the memory is zeroed */
#define __GFP_DMA32 0x02u   /* below 4 GiB */
#define __GFP_RECLAIM 0x04u /* may sleep: wake kswapd and reclaim directly */
#define __GFP_IO 0x08u      /* reclaim may start disk I/O (swap-out) */
#define __GFP_FS 0x10u      /* reclaim may call into file systems */
#define __GFP_HIGH 0x20u    /* may use the reserve below the min watermark */
#define __GFP_NOWARN 0x40u  /* failure is expected: no message */
#define __GFP_NOFAIL 0x80u  /* loops in reclaim and OOM, then takes of all reserves, rather than fail; order 0 only */
#define __GFP_MEMALLOC 0x100u /* reclaim itself: may use everything */

/* No sleep: interrupts off or a spinlock held. */
#define GFP_ATOMIC __GFP_HIGH
/* From inside a file system or block driver: no recursion into them. */
#define GFP_NOIO __GFP_RECLAIM
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
/* A page of user space. */
#define GFP_USER GFP_KERNEL

#endif
