/* SPDX-License-Identifier: MIT */
/* Port I/O, and single untorn accesses to device memory (mapped uncached by ioremap()). */
#ifndef ASM_IO_H
#define ASM_IO_H

#include "lib/compiler.h"
#include "lib/types.h"

static __always_inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static __always_inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static __always_inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static __always_inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static __always_inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

/* Order against normal memory: x86 keeps uncached accesses in program order (SDM vol. 3A 12.3). */
#define __IO_ACCESS(bits)                                                                          \
	static __always_inline u##bits mmio_read##bits(const volatile void *addr)                  \
	{                                                                                          \
		u##bits v = *(const volatile u##bits *)addr;                                       \
                                                                                                   \
		barrier();                                                                         \
		return v;                                                                          \
	}                                                                                          \
	static __always_inline void mmio_write##bits(volatile void *addr, u##bits v)               \
	{                                                                                          \
		barrier();                                                                         \
		*(volatile u##bits *)addr = v;                                                     \
	}

__IO_ACCESS(8)
__IO_ACCESS(16)
__IO_ACCESS(32)
__IO_ACCESS(64)

#undef __IO_ACCESS

#endif
