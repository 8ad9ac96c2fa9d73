/* SPDX-License-Identifier: MIT */
/* Polled output on 16550 UARTs. Register numbers: National PC16550D data sheet, table II. */

#include "arch/x86_64/cpu/uart.h"

#include "lib/util.h"
#include <asm/io.h>
#include <asm/processor.h>

enum { THR = 0, DLL = 0, IER = 1, DLM = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };

#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define FCR_ENABLE_CLEAR 0x07
#define MCR_DTR_RTS_OUT2 0x0b
#define MCR_LOOP 0x10
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20
#define LSR_ALL_SENT 0x40 /* the shift register is empty, too */

/* A byte takes 87 us at 115200 baud; a poll, a microsecond and less. */
#define PROBE_POLLS 200000
/*
 * A host that does not read what an emulated UART sends stops it, a busy one for a while: so long,
 * once, then bytes are dropped. Polls count before there is a clock. Less than lockup=, for the log's
 * lock is held meanwhile, with interrupts off.
 */
#define SEND_POLLS 20000000
#define SEND_NS 20000000000ULL
#define POLLS_PER_LOOK 1000 /* at the clock */

static bool present[2], stalled[2];

static unsigned int slot(u16 port)
{
	return port == UART_COM2;
}

/* For @ns; so many polls if that is 0, or where there is no clock. */
static bool wait_for(u16 port, u8 bit, int polls, u64 ns)
{
	u64 start = arch_clock_ns();

	if (start && ns)
		polls = POLLS_PER_LOOK;
	do {
		for (int i = 0; i < polls; i++)
			if (inb(port + LSR) & bit)
				return true;
	} while (start && arch_clock_ns() - start < ns);
	return false;
}

static bool wait_to_send(u16 port, u8 bit)
{
	bool *stall = &stalled[slot(port)];

	*stall = !wait_for(port, bit, *stall ? 1 : SEND_POLLS, *stall ? 0 : SEND_NS);
	return !*stall;
}

/*
 * What is sent in loopback mode must come back: tells a UART from an empty bus (0xff everywhere).
 */
static bool loopback_works(u16 port)
{
	bool ok;

	outb(port + MCR, MCR_LOOP);
	outb(port + THR, 0xa5);
	ok = wait_for(port, LSR_DATA_READY, PROBE_POLLS, 0) && inb(port + THR) == 0xa5;
	outb(port + MCR, MCR_DTR_RTS_OUT2);
	return ok;
}

static void init_port(u16 port)
{
	outb(port + IER, 0);
	outb(port + LCR, LCR_DLAB);
	outb(port + DLL, 1); /* 115200 / 1 */
	outb(port + DLM, 0);
	outb(port + LCR, LCR_8N1);
	outb(port + FCR, FCR_ENABLE_CLEAR);
	present[slot(port)] = loopback_works(port);
}

void uart_init(void)
{
	init_port(UART_COM1);
	init_port(UART_COM2);
}

/* True if uart_init() found a working UART at @port. */
static bool uart_present(u16 port)
{
	return present[slot(port)];
}

static void uart_putc(u16 port, char c)
{
	if (uart_present(port) && wait_to_send(port, LSR_THR_EMPTY))
		outb(port + THR, (u8)c);
}

void uart_write(u16 port, const char *s, size_t n)
{
	for (; n; n--, s++) {
		if (*s == '\n')
			uart_putc(port, '\r');
		uart_putc(port, *s);
	}
}

void uart_drain(void)
{
	static const u16 ports[] = { UART_COM1, UART_COM2 };

	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
		if (uart_present(ports[i]))
			wait_to_send(ports[i], LSR_ALL_SENT);
}
