/* SPDX-License-Identifier: MIT */
/* Which leaf-entry bits a user mapping's rights come to on x86. */
#include <asm/pgtable.h>

/*
 * Bits 0..2 of vm_flags are read, write, execute; bit 3 is shared. No row grants writing: a private
 * page may be written once the fault path knows that it is owned, a shared one after page_mkwrite.
 * The CPU has no entry that can be written or executed but not read (SDM vol. 3A 4.6), so any right
 * brings reading.
 */
pgprot_t vm_get_page_prot(unsigned long vm_flags)
{
	u64 prot = _PAGE_ACCESSED;

	if (vm_flags & 7)
		prot |= _PAGE_PRESENT | _PAGE_USER;
	else
		prot |= _PAGE_PROTNONE;
	if (!(vm_flags & 4))
		prot |= _PAGE_NX;
	return __pgprot(prot);
}
