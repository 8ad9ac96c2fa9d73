# SPDX-License-Identifier: MIT
"""The page fault that the machine stands in, told as a story; and the way to the next one."""
import gdb

from commands import Command
from memory import TROUBLE, Cache, Said, address_of, kernel, per_cpu, selected_cpu, variable
from mm import find_vma, vma_words
from standing import COPIERS, DOORS, stand
from tasks import current, running, runs, who
from walk import ACCESSED, TASK_SIZE, entry_words, leaf_at, loaded_pgd, root_of
from why import PF_PROT, PF_RSVD, PF_USER, VERBS, Answer, access_of

KINDS = {
    "any": None,
    "anon": ("ANON_ZERO", "ANON_WRITE"), "zero": ("ANON_ZERO",), "fresh": ("ANON_WRITE",),
    "read": ("READ", "READ_AROUND"), "cow": ("COW",), "shared": ("SHARED",), "swap": ("SWAP",),
    "wp": ("WP_REUSE", "WP_COPY", "WP_ZERO", "WP_SHARED"), "copy": ("WP_COPY",),
    "reuse": ("WP_REUSE",), "spurious": ("SPURIOUS",), "stack": (), "bad": ("BAD_AREA",),
    "fixup": ("FIXUP",), "vmalloc": ("VMALLOC",),
}


def error_words(error):
    return ", ".join(("protection" if error & PF_PROT else "not present",
                      VERBS[access_of(error)], "user mode" if error & PF_USER else "kernel mode")
                     + (("reserved bit",) if error & PF_RSVD else ()))


def answer_for(at):
    """The dispatcher's decision about the fault we stand in, by the entry that it saw."""
    address, error = at.address(), at.error()
    mm = at.mm() if address < TASK_SIZE else None
    saw = at.vmf["orig_pte"]["pte"] if at.vmf else None
    held = bool(COPIERS.intersection(at.names))
    answer = Answer(mm, address, error, True, saw, held).decide()
    if not at.by_cpu:  # it began at that door
        functions = [function for function, _ in answer.path]
        if "handle_mm_fault" in functions:
            del answer.path[:functions.index("handle_mm_fault")]
    return answer


def headline(at):
    address, error = at.address(), at.error()
    if not at.by_cpu:
        doors = [i for i, name in enumerate(at.names) if name in DOORS]
        callers = ", from ".join(at.names[doors[-1] + 1:][:3])
        return (f"{who(current())} on CPU {selected_cpu()}: the kernel asks for {address:#x}, to "
                f"{VERBS[access_of(error)]} it (from {callers})")
    regs, place = at.registers(error), ""
    if regs:
        named = gdb.execute(f"info symbol {regs['ip']:#x}", to_string=True).split(" in section")
        place = f" at ip {regs['ip']:#x}" + (f", {named[0]}" if len(named) > 1 else "")
    return (f"{who(current())} on CPU {selected_cpu()}: "
            f"{VERBS[access_of(error)]} of {address:#x}{place}\n"
            f"  error code {error:#x}: {error_words(error)}")


def promise_words(at):
    """What the VMA allows."""
    address, access = at.address(), access_of(at.error())
    if address >= TASK_SIZE:
        return "the kernel's half of the address space"
    vma = find_vma(at.mm(), address)
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
        print("  " + promise_words(at))
        pgd = at.mm()["pgd"] if address < TASK_SIZE else loaded_pgd()
        level, entry, leaf = leaf_at(root_of(pgd), address)
        saw = at.vmf["orig_pte"]["pte"] if at.vmf and leaf else entry
        if saw != entry:
            print(f"  {level} as the fault began: {entry_words(saw, True)}")
        print(f"  {level} now: {entry_words(entry, leaf)}")
        answer = answer_for(at)
        stored = (saw ^ entry) & ~ACCESSED
        if stored or answer.door == "SPURIOUS" and not at.vmf and at.names[0] != "exc_page_fault":
            print("The entry has been stored: what is left is the way back, then the instruction "
                  "runs again." if stored and entry else
                  "The old entry has been taken out; the new one is stored next." if stored else
                  "The entry allows the access by now: this fault stored it, or somebody else did.")
            for name in reversed(at.names):
                print(f"    {'passed' if name in DOORS else 'inside':6s} {name}")
            print(f"           stopped at {at.where}")
        else:
            print(answer.sentence)
            print_path(at, answer)


def entered():
    """Which fault is at the entry of exc_page_fault() now, on the selected CPU; None if none is."""
    if not gdb.selected_thread() or gdb.newest_frame().pc() != address_of("exc_page_fault"):
        return None
    words = [int(gdb.parse_and_eval(f"(unsigned long)${name}")) for name in ("rdi", "rsi", "rdx")]
    counted = [per_cpu("vm_events", cpu) for cpu in range(variable("nr_cpus"))]
    return words, running(selected_cpu()).address, [kernel(events.address, events.kind.sizeof)
                                                    for events in counted]


class FaultStop(gdb.Breakpoint):
    """Stops at the entry of the next fault of a kind, in a program if one is named. Not at the one
    where it was made: QEMU, told to step off a breakpoint, may stay there when the host is busy."""

    def __init__(self, kind, program):
        super().__init__("*exc_page_fault", internal=True)
        self.silent, self.kind, self.program = True, kind, program
        self.found, self.trouble, self.seen = False, None, 0
        self.begun = entered()

    def stop(self):
        try:
            Cache.forget()
            again, self.begun = self.begun and self.begun == entered(), None
            self.found = not again and self.matches()
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
