/* SPDX-License-Identifier: MIT */
/* The 16550 UART at COM1. Registers: National PC16550D data sheet, table II. */
#include "drivers/serial/serial.h"

#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "lib/util.h"
#include <asm/io.h>
#include <asm/irq.h>

#define COM1 0x3f8
#define COM1_IRQ 4
enum { RBR = 0, THR = 0, IER = 1, IIR = 2, FCR = 2, MCR = 4, LSR = 5 };
#define IER_RECEIVE 0x01
#define IER_SENT 0x02         /* the transmitter is empty */
#define IIR_NONE 0x01         /* nothing is pending: the line is low */
#define FCR_ENABLE_14 0xc1    /* FIFOs on, interrupt at 14 bytes or a pause; clears nothing */
#define MCR_DTR_RTS_OUT2 0x0b /* OUT2 lets the interrupt through */
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20
#define FIFO_SIZE 16

#define RING_SIZE 1024u /* power of two */
#define BUSY_POLLS 50   /* before sleeping until the other end has taken some */
#define MAX_ROUNDS 256  /* of one interrupt: more than any input that is real */

DECLARE_WAIT_QUEUE_HEAD(serial_rx_wait);

static DECLARE_WAIT_QUEUE_HEAD(tx_wait);
static DEFINE_SPINLOCK(uart_lock); /* with interrupts off: all below */
static u8 enabled;                 /* interrupts: what IER holds */
static u8 ring[RING_SIZE];
static unsigned int ring_head, ring_tail;
static bool throttled; /* the ring was full: receive interrupts are off */

/* uart_lock held. */
static void set_interrupts(u8 mask)
{
	enabled = mask;
	outb(COM1 + IER, mask);
}

static bool can_send(void)
{
	return inb(COM1 + LSR) & LSR_THR_EMPTY;
}

/* uart_lock held. */
static void drain_fifo(void)
{
	while (inb(COM1 + LSR) & LSR_DATA_READY) {
		if (ring_tail - ring_head == RING_SIZE) {
			set_interrupts(enabled & ~IER_RECEIVE);
			throttled = true;
			return;
		}
		ring[ring_tail++ % RING_SIZE] = inb(COM1 + RBR);
	}
}

/* The line tells of rising edges only: without having been low it would not rise for what comes next. */
static void serial_interrupt(void *arg)
{
	unsigned int rounds = 0;
	bool sent = false;

	spin_lock(&uart_lock);
	do {
		drain_fifo();
		if ((enabled & IER_SENT) && can_send()) {
			set_interrupts(enabled & ~IER_SENT);
			sent = true;
		}
	} while (!(inb(COM1 + IIR) & IIR_NONE) && ++rounds < MAX_ROUNDS);
	spin_unlock(&uart_lock);
	if (sent)
		wake_up(&tx_wait);
	if (serial_rx_pending())
		wake_up(&serial_rx_wait);
}

bool serial_rx_pending(void)
{
	return READ_ONCE(ring_head) != READ_ONCE(ring_tail);
}

size_t serial_read(u8 *buf, size_t size)
{
	unsigned long flags;
	size_t n = 0;

	spin_lock_irqsave(&uart_lock, flags);
	while (n < size && ring_head != ring_tail)
		buf[n++] = ring[ring_head++ % RING_SIZE];
	if (throttled && ring_tail - ring_head < RING_SIZE / 2) {
		throttled = false;
		drain_fifo();
		if (!throttled)
			set_interrupts(enabled | IER_RECEIVE);
	}
	spin_unlock_irqrestore(&uart_lock, flags);
	return n;
}

/* Until the transmitter is empty. False: current was killed. */
static bool wait_for_room(void)
{
	unsigned long flags;

	for (unsigned int polls = 0; polls < BUSY_POLLS; polls++)
		if (can_send())
			return true;
	/* The interrupt comes at once if it has become empty by now. */
	spin_lock_irqsave(&uart_lock, flags);
	set_interrupts(enabled | IER_SENT);
	spin_unlock_irqrestore(&uart_lock, flags);
	return !wait_event_killable(tx_wait, can_send());
}

void serial_write(const u8 *data, size_t len)
{
	while (len && wait_for_room()) {
		size_t burst = min(len, (size_t)FIFO_SIZE); /* all of the empty FIFO */

		for (size_t i = 0; i < burst; i++)
			outb(COM1 + THR, data[i]);
		data += burst;
		len -= burst;
	}
}

void serial_init(void)
{
	unsigned long flags;
	int err = request_irq(COM1_IRQ, serial_interrupt, NULL, "ttyS0");

	if (err) {
		pr_err("serial: interrupt %d cannot be had (error %d): no terminal input\n",
		       COM1_IRQ, -err);
		return;
	}
	spin_lock_irqsave(&uart_lock, flags);
	outb(COM1 + FCR, FCR_ENABLE_14);
	outb(COM1 + MCR, MCR_DTR_RTS_OUT2);
	drain_fifo();
	if (!throttled)
		set_interrupts(enabled | IER_RECEIVE);
	spin_unlock_irqrestore(&uart_lock, flags);
	pr_info("serial: ttyS0 at 0x%x, irq %d, ready\n", COM1, COM1_IRQ);
}
