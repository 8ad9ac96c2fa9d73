/* SPDX-License-Identifier: MIT */
/* Host build: the real header; what it declares and a test needs is in tests/host/shim.c. */
#ifndef HOST_ASM_TLBFLUSH_H
#define HOST_ASM_TLBFLUSH_H

#include "arch/x86_64/include/asm/tlbflush.h"

#endif
