# SPDX-License-Identifier: MIT
"""The page fault that the machine stands in, told as a story; and the way to the next one."""
import gdb

from commands import Command
from memory import TROUBLE, Cache, Object, Said, address_of, selected_cpu
from mm import find_vma, vma_words
from tasks import current, map_of, runs, who
from walk import ACCESSED, TASK_SIZE, entry_words, leaf_at, loaded_pgd, root_of
from why import PF_INSTR, PF_PROT, PF_RSVD, PF_USER, PF_WRITE, VERBS, Answer, access_of

FLAG_WRITE, FLAG_USER, FLAG_INSTRUCTION = 1, 0x40, 0x100
KINDS = {
    "any": None,
    "anon": ("ANON_ZERO", "ANON_WRITE"), "zero": ("ANON_ZERO",), "fresh": ("ANON_WRITE",),
    "read": ("READ", "READ_AROUND"), "cow": ("COW",), "shared": ("SHARED",), "swap": ("SWAP",),
    "wp": ("WP_REUSE", "WP_COPY", "WP_ZERO", "WP_SHARED"), "copy": ("WP_COPY",),
    "reuse": ("WP_REUSE",), "spurious": ("SPURIOUS",), "stack": (), "bad": ("BAD_AREA",),
    "fixup": ("FIXUP",), "vmalloc": ("VMALLOC",),
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

    def read(self, frame):
        if self.where is None:
            self.where = place_of(frame)
        if frame.name() not in DOORS:
            return
        for name in ("regs", "error_code", "address"):
            try:
                found = frame.read_var(name)
                if not found.is_optimized_out:
                    self.values[name] = int(found) & (1 << 64) - 1
            except (ValueError, gdb.error):
                pass
        try:
            vmf = frame.read_var("vmf")
            struct = vmf.type.code == gdb.TYPE_CODE_STRUCT
            self.vmf = Object(int(vmf.address if struct else vmf), "struct vm_fault")
        except (ValueError, TypeError, gdb.error):
            pass

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
        if not self.vmf:
            return None
        flags = self.vmf["flags"]
        return (PF_WRITE * bool(flags & FLAG_WRITE) | PF_USER * bool(flags & FLAG_USER)
                | PF_INSTR * bool(flags & FLAG_INSTRUCTION) | self.vmf["orig_pte"]["pte"] & PF_PROT)

    def registers(self, error):
        """The struct pt_regs of who faulted; user mode's are at the top of the kernel's stack."""
        if "regs" in self.values:
            return Object(self.values["regs"], "struct pt_regs")
        if error & PF_USER:
            return Object(current()["stack_top"] - 168, "struct pt_regs")
        return None


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


def error_words(error):
    return ", ".join(("protection" if error & PF_PROT else "not present",
                      VERBS[access_of(error)], "user mode" if error & PF_USER else "kernel mode")
                     + (("reserved bit",) if error & PF_RSVD else ()))


def answer_for(at):
    """The dispatcher's decision about the fault we stand in, by the entry that it saw."""
    address, error = at.address(), at.error()
    mm = map_of(current()) if address < TASK_SIZE else None
    saw = at.vmf["orig_pte"]["pte"] if at.vmf else None
    held = bool(COPIERS.intersection(at.names))
    return Answer(mm, address, error, True, saw, held).decide()


def headline(at):
    address, error = at.address(), at.error()
    regs, place = at.registers(error), ""
    if regs:
        named = gdb.execute(f"info symbol {regs['ip']:#x}", to_string=True).split(" in section")
        place = f" at ip {regs['ip']:#x}" + (f", {named[0]}" if len(named) > 1 else "")
    return (f"{who(current())} on CPU {selected_cpu()}: "
            f"{VERBS[access_of(error)]} of {address:#x}{place}\n"
            f"  error code {error:#x}: {error_words(error)}")


def promise_words(address, access):
    """What the VMA allows."""
    if address >= TASK_SIZE:
        return "the kernel's half of the address space"
    vma = find_vma(map_of(current()), address)
    if vma is None or vma["vm_start"] > address:
        return "no VMA holds it" + (f"; the next above: {vma_words(vma)}" if vma else "")
    needed = {"r": 7, "w": 2, "x": 4}[access]
    allows = "allows" if vma["vm_flags"] & needed else "does not allow"
    return f"VMA {vma_words(vma)}: {allows} this {VERBS[access]}"


def print_path(at, answer):
    """Doors passed and doors to go; what is not on the stack but before what is has been passed."""
    functions = [function for function, _ in answer.path]
    passed = max((functions.index(name) for name in at.names if name in functions), default=-1)
    door = next((name for name in at.names if name in DOORS), None)
    for i, (function, words) in enumerate(answer.path):
        mark = ">" if i == passed else " "
        print(f"  {mark} {'passed' if i <= passed else 'to go ':6s} {function:24s} {words}")
        if i == passed:
            inner = at.names[0] if at.names[0] != function else None
            through = f" (in {door})" if door not in (function, inner) else ""
            inside = f"in {inner}{through}, " if inner else ""
            print(f"           stopped {inside}at {at.where}")


class Fault(Command):
    """fault: the story of the fault we stand in, and the path left to go.
Who, where, what the VMA allows, the entry as it was and as it is now, the doors passed, and those
to come as the dispatcher decides (mm/fault/fault.c)."""

    def run(self):
        at = stand()
        address = at.address()
        print(headline(at))
        print("  " + promise_words(address, access_of(at.error())))
        level, entry, leaf = leaf_at(root_of(loaded_pgd()), address)
        saw = at.vmf["orig_pte"]["pte"] if at.vmf and leaf else entry
        if saw != entry:
            print(f"  {level} as the fault began: {entry_words(saw, True)}")
        print(f"  {level} now: {entry_words(entry, leaf)}")
        if (saw ^ entry) & ~ACCESSED:
            print("The entry has been stored: what is left is the way back, then the instruction "
                  "runs again." if entry else
                  "The old entry has been taken out; the new one is stored next.")
            for name in reversed(at.names):
                print(f"    {'passed' if name in DOORS else 'inside':6s} {name}")
            print(f"           stopped at {at.where}")
        else:
            answer = answer_for(at)
            print(answer.sentence)
            print_path(at, answer)


class FaultStop(gdb.Breakpoint):
    """Stops at the entry of the next fault of a kind, in a program if one is named."""

    def __init__(self, kind, program):
        super().__init__("*exc_page_fault", internal=True)
        self.silent, self.kind, self.program = True, kind, program
        self.found, self.trouble, self.seen = False, None, 0

    def stop(self):
        try:
            Cache.forget()
            self.found = self.matches()
        except TROUBLE as error:
            self.trouble = str(error)
        return self.found or self.trouble is not None

    def matches(self):
        if self.program and not runs(self.program):
            return False
        self.seen += 1
        if self.kind == "any":
            return True
        error, address = (int(gdb.parse_and_eval(f"(unsigned long)${register}"))
                          for register in ("rsi", "rdx"))
        task = current()
        mm = task.follow("mm", "struct mm_struct")
        if address < TASK_SIZE and not mm:
            return False
        answer = Answer(mm, address, error, True).decide()
        if self.kind == "stack":
            return any(function == "expand_stack" for function, _ in answer.path)
        return answer.door in KINDS[self.kind]


class NextFault(Command):
    """next-fault KIND [PROGRAM]: continue to the next fault of a kind, in PROGRAM or in any.
Stops at the entry of exc_page_fault(), before anything was done; `fault` then tells its story.
KIND is what will become of it:
  any                          whatever it is
  anon, zero, fresh            anonymous memory touched first; read (zero page); written
  read, cow, shared            file memory touched first: read; private write; shared write
  swap                         a swapped page
  wp, copy, reuse              a write to a read-only entry; copied; reused in place
  stack                        the stack grows
  spurious                     the entry allows it by now
  bad, fixup, vmalloc          a signal; EFAULT for the kernel's copy; the vmalloc area"""
    least, most = 1, 2

    def run(self, kind, *program):
        if kind not in KINDS:
            raise Said(f"{kind} is no kind of fault; there are {', '.join(KINDS)}")
        address_of("exc_page_fault")
        name = program[0] if program else None
        stop = FaultStop(kind, name)
        went = None
        try:
            gdb.execute("continue")
        except gdb.error as error:
            went = error
        finally:
            trouble, found, seen = stop.trouble, stop.found, stop.seen
            if stop.is_valid():
                stop.delete()
        Cache.forget()
        if trouble:
            raise Said(f"stopped: a fault could not be told: {trouble}")
        if not gdb.selected_inferior().threads():
            raise Said(f"the machine ended: no fault of kind {kind}"
                       f"{' in ' + name if name else ''} came ({seen} other faults did)")
        if went:
            raise Said(f"the machine cannot go on: {went}")
        if not found:
            raise Said("stopped elsewhere before such a fault came")
        print(headline(stand()))


def register():
    for command in (Fault, NextFault):
        command()
