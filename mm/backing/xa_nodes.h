/* SPDX-License-Identifier: MIT */
/*
 * Memory for the nodes of every xarray of the kernel. xa_store() runs under a spinlock and may not
 * sleep, so its caller first sets some nodes aside where sleeping is allowed.
 */
#ifndef MM_BACKING_XA_NODES_H
#define MM_BACKING_XA_NODES_H

void xa_nodes_init(void);
/*
 * Fill this CPU's reserve for one xa_store(), reclaiming if need be. Process context, no spinlock;
 * good until the next sleep.
 */
void xa_preload(void);
/* Give every CPU's reserve back (drop_caches). Process context, may sleep. */
void xa_nodes_drop_reserves(void);

#endif
