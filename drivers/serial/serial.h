/* SPDX-License-Identifier: MIT */
/*
 * COM1 as a stream of bytes. Input comes by interrupt into a ring; when that is full the rest stays
 * in the UART, whose sender then waits. Output goes out at once: the UART of a virtual machine is
 * always ready, unless nobody reads at the other end; then the writer sleeps.
 */
#ifndef DRIVERS_SERIAL_SERIAL_H
#define DRIVERS_SERIAL_SERIAL_H

#include "kernel/core/wait.h"
#include "lib/types.h"

/* Start receiving. Boot, once, after interrupts can be requested. */
void serial_init(void);
/* Woken when bytes came in. */
extern struct wait_queue_head serial_rx_wait;
bool serial_rx_pending(void);
/* Up to @size bytes that have come in; does not wait. */
size_t serial_read(u8 *buf, size_t size);
/*
 * Send, in order, waiting while the other end does not take it. Process context; the caller keeps
 * others out. Bytes are given up only when current has been killed.
 */
void serial_write(const u8 *data, size_t len);

#endif
