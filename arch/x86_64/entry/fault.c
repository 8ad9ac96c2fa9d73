/* SPDX-License-Identifier: MIT */
/*
 * The page fault, from the CPU's words to ours and back.
 *
 *   exc_page_fault          which half of the address space?
 *     do_kern_addr_fault    kernel half: a user program has no business there; the kernel itself
 *                           only where its map is older than an entry of the vmalloc area, or by
 *                           mistake: fix-up or oops
 *     do_user_addr_fault    user half: find the VMA and lock it alone, check the right, let
 *                           handle_mm_fault() resolve it; then turn its verdict into nothing, a
 *                           signal, a fix-up, an OOM kill or an oops
 *       fault_mmap_locked   the same with the whole map locked, where that does not do: there is no
 *                           VMA, the stack must grow, an mmap is going on there, the disk was asked
 *
 * This is the only place that knows error-code bits, and the only one on the path that kills.
 */
#include "arch/x86_64/entry/exceptions.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/audit.h"
#include "mm/backing/writeback.h"
#include "mm/fault/fault.h"
#include "mm/fault/note_write.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mmap_lock.h"
#include "mm/stats.h"
#include <asm/extable.h>
#include <asm/irqflags.h>
#include <asm/pf.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/traps.h>

static void note_signal(int signal, int si_code)
{
	if (!tracing())
		return;
	current->fault_note->record.signal = (u8)signal;
	current->fault_note->record.si_code = (u8)si_code;
}

/* The fault is refused because of what this VMA is. */
static void note_refused(const struct vm_area_struct *vma)
{
	if (tracing())
		fault_note_refused(current->fault_note, vma);
}

/* What an access by the kernel that has no fix-up probably was, for the oops. */
static const char *likely_mistake(unsigned long error_code, unsigned long address)
{
	if (address >= TASK_SIZE)
		return "";
	if (error_code & X86_PF_INSTR)
		return ": the kernel ran code at a user address";
	if (address < PAGE_SIZE)
		return ": a NULL pointer";
	return ": the kernel touched user memory outside its copy routines";
}

/* The kernel touched what it may not: the copy routine's fix-up takes over, or this is an oops. */
static void kernel_fixup_or_oops(struct pt_regs *regs, unsigned long error_code,
				 unsigned long address)
{
	char words[96], what[160];

	fault_door(TRACE_DOOR_FIXUP);
	if (fixup_exception(regs, X86_TRAP_PF, error_code, address)) {
		count_vm_event(VM_fault_fixup);
		return;
	}
	pf_error_string(error_code, words, sizeof(words));
	if (tracing())
		fault_note_end(current->fault_note); /* nobody comes back to do so */
	snprintf(what, sizeof(what), "%s%s", words, likely_mistake(error_code, address));
	die(what, regs, (long)error_code, address);
}

/* SIGSEGV for user mode, with what sigcontext will show. No lock held. */
static void bad_area_nosemaphore(struct pt_regs *regs, unsigned long error_code,
				 unsigned long address, int si_code)
{
	fault_door(TRACE_DOOR_BAD_AREA);
	if (!user_mode(regs)) {
		kernel_fixup_or_oops(regs, error_code, address);
		return;
	}
	/*
	 * A program learns nothing about what is mapped in the kernel's half: always "protection".
	 */
	current->error_code = error_code | (address >= TASK_SIZE ? X86_PF_PROT : 0);
	current->cr2 = address;
	current->trap_nr = X86_TRAP_PF;
	note_signal(SIGSEGV, si_code);
	force_sig_fault(SIGSEGV, si_code, (void __user *)address);
}

static void bad_area(struct pt_regs *regs, unsigned long error_code, unsigned long address,
		     int si_code)
{
	mmap_read_unlock(current->mm);
	bad_area_nosemaphore(regs, error_code, address, si_code);
}

static void do_sigbus(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	fault_door(TRACE_DOOR_SIGBUS);
	if (!user_mode(regs)) {
		kernel_fixup_or_oops(regs, error_code, address);
		return;
	}
	current->error_code = error_code;
	current->cr2 = address;
	current->trap_nr = X86_TRAP_PF;
	note_signal(SIGBUS, BUS_ADRERR);
	force_sig_fault(SIGBUS, BUS_ADRERR, (void __user *)address);
}

/*
 * Does @vma forbid the access? Write implies read; a present page that a read faulted on is
 * PROT_NONE's. As on Linux, to execute what is not there yet is at first to read it: behind the end
 * of a file that is SIGBUS, elsewhere the CPU comes back for the page's NX.
 */
static bool access_error(unsigned long error_code, const struct vm_area_struct *vma)
{
	if ((error_code & (X86_PF_INSTR | X86_PF_PROT)) == (X86_PF_INSTR | X86_PF_PROT))
		return !(vma->vm_flags & VM_EXEC);
	if (error_code & X86_PF_WRITE)
		return !(vma->vm_flags & VM_WRITE);
	if (error_code & X86_PF_PROT)
		return true;
	return !(vma->vm_flags & VM_ACCESS_FLAGS);
}

/*
 * @address lies below the first VMA above it, and that one grows down: make it larger. That changes
 * the layout, so mmap_lock is needed for writing and everything is looked up again. Returns the VMA
 * with mmap_lock held for reading, or NULL, also with it held.
 */
static struct vm_area_struct *grow_stack(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma;

	fault_door(TRACE_DOOR_EXPAND_STACK);
	mmap_read_unlock(mm);
	mmap_write_lock(mm);
	vma = find_vma(mm, address);
	if (vma && vma->vm_start > address) {
		if (!(vma->vm_flags & VM_GROWSDOWN) || expand_stack(vma, address))
			vma = NULL;
		else
			count_vm_event(VM_fault_stack_grow);
	}
	mmap_write_downgrade(mm);
	return vma;
}

/*
 * The VMA for @address, with the stack grown if that is what it takes; mmap_lock held for reading.
 */
static struct vm_area_struct *find_fault_vma(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma = find_vma(mm, address);

	if (likely(vma && vma->vm_start <= address))
		return vma;
	if (!vma || !(vma->vm_flags & VM_GROWSDOWN))
		return NULL;
	return grow_stack(mm, address);
}

static void fault_out_of_memory(void)
{
	fault_door(TRACE_DOOR_OUT_OF_MEMORY);
	out_of_memory(GFP_KERNEL, 0);
}

/* Verdicts that are not "done". mmap_lock is not held. */
static void fault_error(struct pt_regs *regs, unsigned long error_code, unsigned long address,
			vm_fault_t verdict)
{
	if (!user_mode(regs) && fatal_signal_pending(current)) {
		kernel_fixup_or_oops(
			regs, error_code,
			address); /* the copy ends; the task dies on its way to user mode */
	} else if (verdict & VM_FAULT_OOM) {
		if (!user_mode(regs))
			kernel_fixup_or_oops(regs, error_code, address);
		else if (!fatal_signal_pending(current))
			fault_out_of_memory(); /* then the instruction runs again */
	} else if (verdict & VM_FAULT_SIGBUS) {
		do_sigbus(regs, error_code, address);
	} else {
		bad_area_nosemaphore(regs, error_code, address, SEGV_MAPERR);
	}
}

/* The error code's words as the fault path's own. */
static unsigned int fault_flags(unsigned long error_code)
{
	BUILD_BUG_ON(X86_PF_WRITE >> 1 != FAULT_FLAG_WRITE);
	BUILD_BUG_ON(X86_PF_USER << 4 != FAULT_FLAG_USER);
	BUILD_BUG_ON(X86_PF_INSTR << 4 != FAULT_FLAG_INSTRUCTION);
	return FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |
	       (unsigned int)((error_code & X86_PF_WRITE) >> 1 |
			      (error_code & (X86_PF_USER | X86_PF_INSTR)) << 4);
}

/*
 * May this fault of the kernel go to the VMAs at all? Not if it has no user map, must not sleep, or
 * touched user memory outside its copy routines: those are the ones with a fix-up.
 */
static bool kernel_may_fault(const struct pt_regs *regs, unsigned long error_code)
{
	if (!current->mm || current->pagefault_disabled || regs_irqs_disabled(regs))
		return false;
	if (error_code & X86_PF_INSTR)
		return false; /* the kernel jumped into a user page */
	return search_exception_table(regs->ip) != NULL;
}

/* handle_mm_fault() is done, no lock is held. */
static void fault_done(struct pt_regs *regs, unsigned long error_code, unsigned long address,
		       vm_fault_t verdict)
{
	if (unlikely(verdict & VM_FAULT_ERROR))
		fault_error(regs, error_code, address, verdict);
	else if (verdict & VM_FAULT_DIRTIED)
		balance_dirty_pages_ratelimited(); /* who dirties faster than the disk writes waits here */
}

/* The task is being killed: user mode is never seen again, a copy by the kernel ends. */
static void fault_killed(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	if (!user_mode(regs))
		kernel_fixup_or_oops(regs, error_code, address);
}

/*
 * With mmap_lock held for reading; by a task that is killed while it waits, not at all. @tried is 0,
 * or FAULT_FLAG_TRIED when the disk was waited for already.
 */
static noinline void fault_mmap_locked(struct pt_regs *regs, unsigned long error_code,
				       unsigned long address, unsigned int tried)
{
	unsigned int flags = fault_flags(error_code) | tried;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	vm_fault_t verdict;

	fault_door(TRACE_DOOR_MMAP_LOCKED);
retry:
	if (mmap_read_lock_killable(mm)) {
		fault_killed(regs, error_code, address);
		return;
	}
	vma = find_fault_vma(mm, address);
	if (unlikely(!vma)) {
		bad_area(regs, error_code, address, SEGV_MAPERR);
		return;
	}
	if (unlikely(access_error(error_code, vma))) {
		note_refused(vma);
		bad_area(regs, error_code, address, SEGV_ACCERR);
		return;
	}
	vma_set_hint(mm, vma);
	verdict = handle_mm_fault(vma, address, flags);
	if (likely(!(verdict & VM_FAULT_RETRY))) {
		mmap_read_unlock(mm);
		fault_done(regs, error_code, address, verdict);
		return;
	}
	flags |= FAULT_FLAG_TRIED;
	if (!fatal_signal_pending(current))
		goto retry;
	fault_killed(regs, error_code, address);
}

/* The fault with its VMA locked has to begin anew. */
static noinline void fault_vma_retry(struct pt_regs *regs, unsigned long error_code,
				     unsigned long address, vm_fault_t verdict)
{
	count_vm_event(VM_vma_lock_retry);
	if (fatal_signal_pending(current))
		fault_killed(regs, error_code, address);
	else
		fault_mmap_locked(regs, error_code, address,
				  verdict & VM_FAULT_MAJOR ? FAULT_FLAG_TRIED : 0);
}

/* A table entry has a reserved bit set: somebody wrote over it. The process cannot go on. */
static void pgtable_bad(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	if (!user_mode(regs))
		die("corrupted page table", regs, (long)error_code, address);
	pr_err("%s[%d]: corrupted page table at address %lx\n", current->comm, current->pid,
	       address);
	dump_pagetable(read_cr3(), address);
	send_sig_kill(current);
}

static void do_user_addr_fault(struct pt_regs *regs, unsigned long error_code,
			       unsigned long address)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	vm_fault_t verdict;

	if (unlikely(error_code & X86_PF_RSVD)) {
		pgtable_bad(regs, error_code, address);
		return;
	}
	if (!user_mode(regs) && unlikely(!kernel_may_fault(regs, error_code))) {
		kernel_fixup_or_oops(regs, error_code, address);
		return;
	}
	vma = lock_vma_under_rcu(mm, address);
	if (unlikely(!vma)) {
		fault_mmap_locked(regs, error_code, address, 0);
		return;
	}
	if (unlikely(access_error(error_code, vma))) {
		note_refused(vma);
		vma_end_read(vma);
		bad_area_nosemaphore(regs, error_code, address, SEGV_ACCERR);
		return;
	}
	verdict = handle_mm_fault(vma, address, fault_flags(error_code) | FAULT_FLAG_VMA_LOCK);
	if (unlikely(verdict & VM_FAULT_RETRY)) {
		fault_vma_retry(regs, error_code, address, verdict);
		return;
	}
	vma_end_read(vma);
	count_vm_event(VM_vma_lock_success);
	if (unlikely(verdict & (VM_FAULT_ERROR | VM_FAULT_DIRTIED)))
		fault_done(regs, error_code, address, verdict);
}

/*
 * The kernel found nothing at @address, in the vmalloc area. If there is something now, it was this
 * map's top-level table that lacked an entry made after the map was: take it over from init_pgd's.
 * Somebody else with this map may have done so meanwhile; therefore it is the leaf that decides.
 * A missing entry is not cached (SDM vol. 3A 4.10.2.3): no flush. No lock is taken and none is needed,
 * for entries above the leaves never change once they are made: this may have interrupted anything.
 */
static bool vmalloc_fault(unsigned long address)
{
	const pgd_t *ref = pgd_offset_pgd(init_pgd, address);
	pgd_t *pgd = pgd_offset_pgd(__va(read_cr3() & PTE_PFN_MASK), address);
	const pud_t *pud;
	const pmd_t *pmd;

	fault_door(TRACE_DOOR_VMALLOC_FAULT);
	if (address < VMALLOC_START || address > VMALLOC_END || pgd_none(*ref))
		return false;
	if (pgd_none(*pgd)) {
		set_pgd(pgd, *ref);
		count_vm_event(VM_fault_vmalloc);
	}
	pud = pud_offset(ref, address);
	if (pud_none(*pud))
		return false;
	pmd = pmd_offset(pud, address);
	return !pmd_none(*pmd) && ptep_get(pte_offset(pmd, address)).pte & _PAGE_PRESENT;
}

static void do_kern_addr_fault(struct pt_regs *regs, unsigned long error_code,
			       unsigned long address)
{
	if (!(error_code & (X86_PF_PROT | X86_PF_USER | X86_PF_RSVD)) && vmalloc_fault(address))
		return;
	/* From user mode: the address is not the program's, whatever is there. */
	bad_area_nosemaphore(regs, error_code, address, SEGV_MAPERR);
}

static void handle_page_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	if (unlikely(address >= TASK_SIZE))
		do_kern_addr_fault(regs, error_code, address);
	else
		do_user_addr_fault(regs, error_code, address);
}

/* The same with a note taken, for the recorder. */
static noinline void recorded_page_fault(struct pt_regs *regs, unsigned long error_code,
					 unsigned long address)
{
	struct task_struct *task = current;
	struct fault_note note, *outer = task->fault_note;

	note.doors[0] = (struct trace_fault_door){ .door = TRACE_DOOR_EXC_PAGE_FAULT };
	note.next = &note.doors[2];
	fault_note_begin(&note, task->mm, address, (u32)error_code, regs->ip);
	task->fault_note = &note;
	if (likely(address < TASK_SIZE)) {
		note.doors[1] =
			(struct trace_fault_door){ .door = TRACE_DOOR_DO_USER_ADDR_FAULT };
		do_user_addr_fault(regs, error_code, address);
	} else {
		note.doors[1] =
			(struct trace_fault_door){ .door = TRACE_DOOR_DO_KERN_ADDR_FAULT };
		do_kern_addr_fault(regs, error_code, address);
	}
	task->fault_note = outer;
	fault_note_write(&note, task);
}

/*
 * From asm_exc_page_fault, interrupts off. @address is CR2, read before anything could fault again.
 * User faults run with interrupts on; kernel faults as the interrupted code had them. They are as
 * they were during the fault when this returns; the way back to user mode turns them off.
 */
void exc_page_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	if (likely(!regs_irqs_disabled(regs)))
		local_irq_enable();
	if (tracing())
		recorded_page_fault(regs, error_code, address);
	else
		handle_page_fault(regs, error_code, address);
#if CONFIG_DEBUG
	if (user_mode(regs)) {
		lock_check_return("a page fault");
		mm_audit_fault();
	}
#endif
}
