/* SPDX-License-Identifier: MIT */
/* Polled serial output, for kernel/core. */
#ifndef ASM_UART_H
#define ASM_UART_H

#include "arch/x86_64/cpu/uart.h"

#endif
