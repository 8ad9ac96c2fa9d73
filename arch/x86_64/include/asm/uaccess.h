/* SPDX-License-Identifier: MIT */
/*
 * The only way from the kernel to user memory. Each access may fault, which pages the memory in
 * through the normal fault path and may sleep; an address that cannot be made good ends in a fix-up
 * (section __ex_table), and the function reports how far it came. Call from process context with
 * interrupts on and no spinlock held, or between pagefault_disable() and pagefault_enable(), when a
 * fault fails at once instead of sleeping.
 */
#ifndef ASM_UACCESS_H
#define ASM_UACCESS_H

#include "lib/compiler.h"
#include "lib/errno.h"
#include "lib/types.h"
#include <asm/page.h>

/* [addr, addr + size) lies in the user half. Says nothing about what is mapped there. */
static inline bool access_ok(const void __user *addr, size_t size)
{
	return size <= TASK_SIZE && (unsigned long)addr <= TASK_SIZE - size;
}

/*
 * Bytes NOT copied; 0 is success. A short copy is exact: everything before the bad byte was copied.
 */
unsigned long __must_check copy_to_user(void __user *to, const void *from, size_t n);
unsigned long __must_check copy_from_user(void *to, const void __user *from, size_t n);
/* Bytes NOT cleared. Of less than 64 bytes, whole words of 8 before the bad one are; else exact. */
unsigned long __must_check clear_user(void __user *to, size_t n);
/*
 * Copy a string of at most @size bytes, NUL included. Returns its length without NUL, @size if
 * there was no NUL in @size bytes (then nothing terminates @to), or -EFAULT.
 */
long __must_check strncpy_from_user(char *to, const char __user *from, long size);

/* The instructions behind get_user and put_user: 0 or -EFAULT. The value goes through 64 bits. */
int __get_user_1(unsigned long *val, const void __user *addr);
int __get_user_2(unsigned long *val, const void __user *addr);
int __get_user_4(unsigned long *val, const void __user *addr);
int __get_user_8(unsigned long *val, const void __user *addr);
int __put_user_1(unsigned long val, void __user *addr);
int __put_user_2(unsigned long val, void __user *addr);
int __put_user_4(unsigned long val, void __user *addr);
int __put_user_8(unsigned long val, void __user *addr);

/*
 * Store @new at @addr if @old is there; what was there goes to @found. 0 or -EFAULT. Atomic; @addr is
 * a multiple of 4.
 */
int cmpxchg_user(u32 *found, u32 __user *addr, u32 old, u32 new);

/*
 * get_user(x, ptr): x = *ptr; put_user(x, ptr): *ptr = x. 0, or -EFAULT with x set to 0. The width is
 * that of *ptr (1, 2, 4 or 8 bytes).
 */
#define get_user(x, ptr)                                                                           \
	({                                                                                         \
		unsigned long __gu_val = 0;                                                        \
		const __typeof__(*(ptr)) __user *__gu_ptr = (ptr);                                 \
		int __gu_err = sizeof(*__gu_ptr) == 1 ? __get_user_1(&__gu_val, __gu_ptr) :        \
			       sizeof(*__gu_ptr) == 2 ? __get_user_2(&__gu_val, __gu_ptr) :        \
			       sizeof(*__gu_ptr) == 4 ? __get_user_4(&__gu_val, __gu_ptr) :        \
							__get_user_8(&__gu_val, __gu_ptr);         \
		(x) = (__typeof__(*(ptr)))__gu_val;                                                \
		__gu_err;                                                                          \
	})
#define put_user(x, ptr)                                                                           \
	({                                                                                         \
		__typeof__(*(ptr)) __user *__pu_ptr = (ptr);                                       \
		unsigned long __pu_val = (unsigned long)(__typeof__(*(ptr)))(x);                   \
		sizeof(*__pu_ptr) == 1 ? __put_user_1(__pu_val, __pu_ptr) :                        \
		sizeof(*__pu_ptr) == 2 ? __put_user_2(__pu_val, __pu_ptr) :                        \
		sizeof(*__pu_ptr) == 4 ? __put_user_4(__pu_val, __pu_ptr) :                        \
					 __put_user_8(__pu_val, __pu_ptr);                         \
	})

#endif
