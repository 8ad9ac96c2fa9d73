# SPDX-License-Identifier: MIT
"""What the frames of the selected CPU tell of the fault in which it is stopped."""
import gdb

from memory import Object, Said, size_of
from tasks import current, map_of
from why import PF_INSTR, PF_PROT, PF_USER, PF_WRITE

FLAG_WRITE, FLAG_USER, FLAG_INSTRUCTION = 1, 0x40, 0x100
WAYS_IN = {"exc_page_fault", "handle_page_fault", "recorded_page_fault", "do_user_addr_fault",
           "do_kern_addr_fault", "fault_mmap_locked"}
COPIERS = {"wp_page_copy", "wp_install_copy", "wp_page_shared"}  # they hold the old page themselves
DOORS = {
    "exc_page_fault", "handle_page_fault", "recorded_page_fault", "do_kern_addr_fault",
    "vmalloc_fault", "do_user_addr_fault", "fault_mmap_locked", "fault_vma_retry",
    "find_fault_vma", "grow_stack", "expand_stack", "lock_vma_under_rcu", "handle_mm_fault",
    "alloc_tables", "handle_pte_fault", "do_anonymous_page", "do_fault", "do_read_fault",
    "do_fault_around", "do_cow_fault", "do_shared_fault", "do_swap_page", "swapin_unlocked",
    "install_swapped_page", "write_swapped_page", "handle_present_pte", "do_wp_page",
    "wp_page_reuse", "wp_page_copy", "wp_install_copy", "wp_page_shared", "install_pte",
    "finish_file_fault", "bad_area", "bad_area_nosemaphore", "do_sigbus", "fault_error",
    "fault_done", "kernel_fixup_or_oops", "pgtable_bad",
}


def of_assembly(frame):
    """The way in: what lies beyond was before the fault."""
    table = frame.find_sal().symtab
    return table is not None and table.filename.endswith((".asm", ".inc"))


def place_of(frame):
    """File and line; at its entry a function's own line, not that of something inlined there."""
    line, function = frame.find_sal(), frame.function()
    if function and line.symtab and function.symtab.filename != line.symtab.filename:
        return f"{function.symtab.filename}:{function.line}"
    return f"{line.symtab.filename}:{line.line}" if line.symtab else f"{frame.pc():#x}"


class Stop:
    """What the frames of the selected CPU say of the fault in which it is stopped."""

    def __init__(self):
        self.names, self.where = [], None  # functions, innermost first; the innermost one's line
        self.values = {}                   # of arguments, from the frame nearest to the entry
        self.vmf = None
        frame = gdb.newest_frame()
        while frame is not None and not of_assembly(frame):
            self.names.append(frame.name() or "?")
            self.read(frame)
            if frame.name() == "exc_page_fault":
                break
            frame = frame.older()
        self.inside = any(name in DOORS for name in self.names)
        self.by_cpu = any(name in WAYS_IN for name in self.names)  # else the kernel asks by itself

    def read(self, frame):
        if self.where is None:
            self.where = place_of(frame)
        if frame.name() not in DOORS:
            return
        wanted = ["regs", "error_code", "address", "vmf"]
        for name in wanted + ["vma", "flags"] * (frame.name() == "handle_mm_fault"):
            try:
                found = frame.read_var(name)
                # handle_mm_fault()'s own vmf is no pointer, and may hold what was there before.
                if found.is_optimized_out or found.type.code == gdb.TYPE_CODE_STRUCT:
                    continue
                self.values[name] = int(found) & (1 << 64) - 1
            except (ValueError, gdb.error):
                continue
        if "vmf" in self.values:
            self.vmf = Object(self.values["vmf"], "struct vm_fault")

    def mm(self):
        """The map whose fault it is."""
        vma = self.vmf["vma"] if self.vmf else self.values.get("vma", 0)
        if vma:
            return Object(vma, "struct vm_area_struct").follow("vm_mm", "struct mm_struct")
        return map_of(current())

    def address(self):
        if "address" in self.values:
            return self.values["address"]
        cr2 = int(gdb.parse_and_eval("$cr2")) & (1 << 64) - 1
        if not self.vmf or cr2 >> 12 == self.vmf["address"] >> 12:
            return cr2
        return self.vmf["address"]

    def error(self):
        """The error code; where it is gone, from what the fault path made of it."""
        if "error_code" in self.values:
            return self.values["error_code"]
        flags = self.vmf["flags"] if self.vmf else self.values.get("flags")
        if flags is None:
            return None
        present = self.vmf["orig_pte"]["pte"] & PF_PROT if self.vmf else 0
        return (PF_WRITE * bool(flags & FLAG_WRITE) | PF_USER * bool(flags & FLAG_USER)
                | PF_INSTR * bool(flags & FLAG_INSTRUCTION) | present)

    def registers(self, error):
        """The struct pt_regs of who faulted; user mode's are at the top of the kernel's stack."""
        if "regs" in self.values:
            return Object(self.values["regs"], "struct pt_regs")
        if error & PF_USER:
            return Object(current()["stack_top"] - size_of("struct pt_regs"), "struct pt_regs")
        return None


def stand():
    """The fault we stand in."""
    try:
        at = Stop()
    except gdb.error as error:
        raise Said(f"no frames to look at: {error}") from None
    if not at.inside or at.error() is None:
        raise Said("not stopped in a page fault: `next-fault any`, or `break exc_page_fault` and "
                   "continue, leads into one")
    return at
