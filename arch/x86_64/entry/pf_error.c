/* SPDX-License-Identifier: MIT */
/*
 * The page fault's error code, told in words. Pure, so that the bits QEMU never raises are tested
 * on the host.
 */
#include "lib/util.h"
#include "lib/vsprintf.h"
#include <asm/pf.h>

void pf_error_string(unsigned long error_code, char *buf, size_t size)
{
	const char *who = error_code & X86_PF_USER ? "user" : "kernel";
	const char *what = error_code & X86_PF_INSTR ? "instruction fetch from" :
			   error_code & X86_PF_WRITE ? "write to" :
						       "read from";
	const char *why = "a page that is not present";

	if (error_code & X86_PF_RSVD)
		why = "a page whose table entry has a reserved bit set";
	else if (error_code & X86_PF_RMP)
		why = "a page that the reverse map table gives to another guest";
	else if (error_code & X86_PF_PK)
		why = "a page whose protection key forbids it";
	else if (error_code & X86_PF_SHSTK)
		why = "a page by a shadow-stack access that it does not allow";
	else if (error_code & X86_PF_PROT)
		why = "a present page that does not allow it";
	snprintf(buf, size, "%s %s %s", who, what, why);
}
