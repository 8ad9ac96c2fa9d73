/* SPDX-License-Identifier: MIT */
/*
 * The two serial ports, polled: no interrupts, no locks, callable from the first C instruction on.
 * COM1 is the user's terminal (drivers/serial drives it once it runs), COM2 carries the log.
 */
#ifndef ARCH_CPU_UART_H
#define ARCH_CPU_UART_H

#include "lib/types.h"

/* I/O ports of the PC's first two UARTs. */
#define UART_COM1 0x3f8
#define UART_COM2 0x2f8
/* QEMU's debug console: a write is a byte of output, no status. */

/*
 * Set both ports up: 115200 8N1, FIFOs on, no interrupts. A port that fails the loopback test is
 * left out.
 */
void uart_init(void);
/* Send bytes, each newline as CR LF. Waits for the transmitter, but not forever. */
void uart_write(u16 port, const char *s, size_t n);
/* Wait until the last byte sent by either port has left it, but not forever. */
void uart_drain(void);

#endif
