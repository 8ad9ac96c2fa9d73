/* SPDX-License-Identifier: MIT */
/*
 * The ways to leave the machine. QEMU's isa-debug-exit turns a byte v into its own exit code 2v +
 * 1. Bochs ends when the letters of a word have come to a port of its own (iodev/unmapped.cc).
 */

#include "arch/x86_64/cpu/uart.h"
#include "kernel/core/printk.h"
#include "lib/vsprintf.h"
#include <asm/io.h>
#include <asm/irqflags.h>
#include <asm/processor.h>

#define DEBUG_EXIT_PORT 0xf4
#define BOCHS_EXIT_PORT 0x8900

void machine_exit(u8 code)
{
	local_irq_disable();
	uart_drain();
	outb(DEBUG_EXIT_PORT, code);
	for (const char *word = "Shutdown"; *word; word++)
		outb(BOCHS_EXIT_PORT, (u8)*word);
	for (;;)
		hlt();
}

void machine_power_off(int status)
{
	char line[40];

	scnprintf(line, sizeof(line), "power-off: status %d\n", status & 0xff);
	log_port_line(line);
	machine_exit(EXIT_POWER_OFF);
}
