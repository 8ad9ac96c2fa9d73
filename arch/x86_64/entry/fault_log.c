/* SPDX-License-Identifier: MIT */
/*
 * The fault log's line:
 *
 *   seconds cpu pid program minor|major r|w|x address ip VMA(range rights name+page) door before -> after frame cycles
 *
 * It is formatted on the stack and written in one go, so that lines never mix.
 */
#include "arch/x86_64/entry/fault_log.h"

#include "arch/x86_64/cpu/uart.h"
#include "kernel/core/param.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/space/mm.h"
#include <asm/msr.h>
#include <asm/pf.h>
#include <asm/pgtable.h>

bool fault_log_enabled;
static DEFINE_SPINLOCK(fault_log_lock);

static int set_faults(const char *value)
{
	return param_bool(value, &fault_log_enabled);
}
KNOB(faults, "0|1", "write one line per page fault to the debug console", set_faults);

u64 fault_log_clock(void)
{
	return rdtsc();
}

static int format_vma(char *buf, size_t size, const struct fault_note *note, unsigned long address)
{
	if (!note->vm_end)
		return scnprintf(buf, size, "no-vma");
	return scnprintf(
		buf, size, "%lx-%lx:%c%c%c%c:%s+%lu", note->vm_start, note->vm_end,
		note->vm_flags & VM_READ ? 'r' : '-', note->vm_flags & VM_WRITE ? 'w' : '-',
		note->vm_flags & VM_EXEC ? 'x' : '-', note->vm_flags & VM_SHARED ? 's' : 'p',
		note->file                    ? note->name :
		note->vm_flags & VM_GROWSDOWN ? "[stack]" :
						"[anon]",
		((address - note->vm_start) >> PAGE_SHIFT) + (note->file ? note->vm_pgoff : 0));
}

static int format_entry(char *buf, size_t size, u64 entry)
{
	pte_t pte = __pte(entry);

	if (pte_none(pte))
		return scnprintf(buf, size, "none");
	if (!pte_present(pte))
		return scnprintf(buf, size, "swap:%lu:%lu", (unsigned long)(entry >> 9) & 31,
				 (unsigned long)(entry >> 14));
	return scnprintf(buf, size, "%lx:%s%s%s%s%s", pte_pfn(pte), pte_write(pte) ? "w" : "r",
			 pte_exec(pte) ? "x" : "-", pte_dirty(pte) ? "d" : "-",
			 pte_young(pte) ? "a" : "-", pte_special(pte) ? "z" : "");
}

void fault_log_write(const struct pt_regs *regs, unsigned long error_code, unsigned long address,
		     const struct fault_note *note, u64 begin)
{
	u64 cycles = rdtsc() - begin, now = ktime_get_ns();
	unsigned long irqs;
	char line[400];
	int n = 0;

	n += scnprintf(line + n, sizeof(line) - (size_t)n,
		       "%llu.%06llu %u %d %s %s %c%s %016lx ip=%lx ",
		       (unsigned long long)(now / NSEC_PER_SEC),
		       (unsigned long long)(now % NSEC_PER_SEC / 1000), smp_processor_id(),
		       current->pid, current->comm, note->major ? "major" : "minor",
		       error_code & X86_PF_INSTR ? 'x' :
		       error_code & X86_PF_WRITE ? 'w' :
						   'r',
		       user_mode(regs) ? "" : "k", address, regs->ip);
	n += format_vma(line + n, sizeof(line) - (size_t)n, note, address);
	n += scnprintf(line + n, sizeof(line) - (size_t)n, " \"%s\" ",
		       fault_door_names[note->door]);
	n += format_entry(line + n, sizeof(line) - (size_t)n, note->before);
	n += scnprintf(line + n, sizeof(line) - (size_t)n, " -> ");
	n += format_entry(line + n, sizeof(line) - (size_t)n, note->after);
	n += scnprintf(line + n, sizeof(line) - (size_t)n, " cycles=%llu\n",
		       (unsigned long long)cycles);

	spin_lock_irqsave(&fault_log_lock,
			  irqs); /* an interrupt handler may run into vmalloc_fault() */
	debugcon_write(line, (size_t)n);
	spin_unlock_irqrestore(&fault_log_lock, irqs);
}
