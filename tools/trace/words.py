# SPDX-License-Identifier: MIT
"""What records mean, in plain English: accesses, entries, VMAs, ways through the kernel, calls."""
import errno
import signal

from format import (KERNEL_HALF, PAGE_SHIFT, PF_INSTR, PF_PROT, PF_REMOTE, PF_RSVD, PF_USER,
                    PF_WRITE, PTE_ACCESSED, PTE_DIRTY, PTE_NX, PTE_OWNED, PTE_PRESENT, PTE_RW,
                    PTE_SPECIAL, VM_FAULT_MAJOR, VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV,
                    VM_GROWSDOWN, pte_pfn, pte_present, rights, swap_area, swap_slot, text)

CALLS = {9: "mmap", 10: "mprotect", 11: "munmap", 12: "brk", 25: "mremap", 26: "msync",
         27: "mincore", 28: "madvise", 30: "shmat", 67: "shmdt", 149: "mlock", 150: "munlock",
         151: "mlockall", 152: "munlockall", 325: "mlock2"}
ADVICE = {0: "NORMAL", 1: "RANDOM", 2: "SEQUENTIAL", 3: "WILLNEED", 4: "DONTNEED", 8: "FREE",
          9: "REMOVE", 10: "DONTFORK", 11: "DOFORK", 12: "MERGEABLE", 13: "UNMERGEABLE",
          14: "HUGEPAGE", 15: "NOHUGEPAGE", 16: "DONTDUMP", 17: "DODUMP", 18: "WIPEONFORK",
          19: "KEEPONFORK", 20: "COLD", 21: "PAGEOUT", 22: "POPULATE_READ", 23: "POPULATE_WRITE"}
MAP_FLAGS = ((0x20, "anonymous"), (0x10, "fixed"), (0x100000, "fixed, no replacing"),
             (0x100, "grows down"), (0x2000, "locked"), (0x8000, "populate"), (0x4000, "noreserve"))
ZERO = b"/dev/zero (deleted)"  # shared anonymous memory
SEGV_CODES = {1: "SEGV_MAPERR", 2: "SEGV_ACCERR"}
BUS_CODES = {2: "BUS_ADRERR"}


def plural(count, one, many=None):
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ranges(numbers, most=6):
    """Sorted numbers, those in a row as 3-7; the first @most of such pieces."""
    pieces = []
    for number in numbers:
        if pieces and number == pieces[-1][1] + 1:
            pieces[-1][1] = number
        else:
            pieces.append([number, number])
    said = [f"{first:,}" if first == last else f"{first:,}-{last:,}" for first, last in pieces]
    return ", ".join(said[:most] + (["..."] if len(said) > most else []))


def access(error_code):
    """The letter of the fault log: r, w or x."""
    return "x" if error_code & PF_INSTR else "w" if error_code & PF_WRITE else "r"


def accessed(error_code):
    """The same as a verb, with its preposition."""
    return {"x": "ran into code at", "w": "wrote to", "r": "read from"}[access(error_code)]


def major(fault):
    return bool(fault.verdict & VM_FAULT_MAJOR)


def counted(fault):
    """Is it one that rusage counts, minor or major?"""
    return fault.tries and not fault.verdict & (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV)


def error_words(error_code):
    """The bits of the error code, each in a word."""
    return ", ".join(("page present" if error_code & PF_PROT else "page not present",
                      {"x": "execute", "w": "write", "r": "read"}[access(error_code)],
                      "user mode" if error_code & PF_USER else "kernel mode")) + \
        (", reserved bit set" if error_code & PF_RSVD else "")


def entry(raw):
    """What an entry of a last-level table says."""
    if not raw:
        return "empty"
    if not pte_present(raw):
        return f"slot {swap_slot(raw):,} of swap area {swap_area(raw)}"
    where = "the page of zeroes" if raw & PTE_SPECIAL else f"frame {pte_pfn(raw):#x}"
    words = [where, "writable" if raw & PTE_RW else "read-only"]
    words += [word for bit, word in ((PTE_DIRTY, "dirty"), (PTE_ACCESSED, "accessed"),
                                     (PTE_OWNED, "to be written in place")) if raw & bit]
    words += ["executable"] if not raw & PTE_NX else []
    words += ["closed to user mode"] if not raw & PTE_PRESENT else []
    return ", ".join(words)


def is_shmem(path):
    """Is that what the kernel calls memory that is a file to it alone?"""
    return path.startswith((ZERO, b"/memfd:", b"/SYSV"))


def file_name(path, dev, ino):
    """A file's name; where nothing told it, its numbers."""
    return text(path) if path else f"{dev:x}:{ino}"


def kind_of_memory(flags, path, dev, ino):
    """What stands behind a VMA."""
    if is_shmem(path):
        return "shared memory" + ("" if path.startswith(ZERO) else " " + text(path))
    if ino:
        return "file " + file_name(path, dev, ino)
    if flags & VM_GROWSDOWN:
        return "the stack"
    return "anonymous memory"


def vma(fault, path):
    """The VMA of the fault's address, and where in it."""
    if not fault.vm_end:
        if fault.address >= KERNEL_HALF:
            return "The address belongs to the kernel."
        return "No VMA holds the address."
    page = (fault.address - fault.vm_start) >> PAGE_SHIFT
    pages = (fault.vm_end - fault.vm_start) >> PAGE_SHIFT
    said = f"It is page {page + 1} of {pages} of " if pages > 1 else "It is the only page of "
    said += kind_of_memory(fault.vm_flags, path, fault.dev, fault.ino)
    said += f" at {fault.vm_start:x}-{fault.vm_end:x} {rights(fault.vm_flags)}"
    if fault.ino:
        said += f", at byte {(fault.vm_pgoff + page) << PAGE_SHIFT:#x} of it"
    return said + "."


def why_signal(fault):
    """Which signal, or what stood in for it."""
    names = {door for door, _ in fault.doors}
    if fault.signal:
        code = {signal.SIGSEGV: SEGV_CODES, signal.SIGBUS: BUS_CODES}.get(fault.signal, {})
        name = signal.Signals(fault.signal).name if fault.signal in set(signal.Signals) else \
            f"signal {fault.signal}"
        name += f" ({code[fault.si_code]})" if fault.si_code in code else ""
        reason = "behind the end of the file, or the disk failed" if fault.signal == signal.SIGBUS \
            else "nothing is mapped there" if not fault.vm_end else "the VMA forbids it"
        return f"The program got {name}: {reason}."
    if "fixup_exception" in names:
        return "The kernel's copy was ended by its fix-up: the system call fails with EFAULT."
    if "out_of_memory" in names or fault.verdict & VM_FAULT_OOM:
        return "There was no memory left: the OOM killer was asked."
    if fault.verdict & (VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV):
        return "The access was refused."
    return ""


def from_file(names, fault, around, path):
    """The same, for a page that stands for a file's."""
    pfn = f"frame {pte_pfn(fault.after_pte):#x}"
    near = f", and so {'were' if around > 1 else 'was'} {plural(around, 'neighbour')}" if around else ""
    read = "The file's page was read from the disk" if major(fault) else \
        "The file's page was in the page cache"
    if is_shmem(path):
        read = "The page was read from the swap area" if major(fault) else \
            "The page was there or was made"
    if "do_cow_fault" in names:
        return f"{read}; the program got a copy of its own at once: {pfn}."
    if "do_shared_fault" in names:
        return f"{read}; whoever maps it sees what is written to {pfn}, which is dirty from now on."
    return f"{read}; {pfn} was mapped{near}."


def resolution(fault, around=0, path=b"", cached=False):
    """What the kernel did about it. @around: entries of neighbours that it stored too; @path: that
    of the VMA's file; @cached: the frame before was in the page cache."""
    names = {door for door, _ in fault.doors}
    before, after = fault.before_pte, fault.after_pte
    pfn = f"frame {pte_pfn(after):#x}"
    refused = why_signal(fault)
    if refused:
        return refused
    if "vmalloc_fault" in names:
        return "This map's top table lacked an entry of the vmalloc area; it was taken over from " \
            "the kernel's own."
    if "lock_same_pte" in names and "install_pte" not in names:
        return "Another CPU was faster: the entry had changed, and the instruction ran again."
    if "wp_page_copy" in names:
        if before & PTE_SPECIAL:
            return f"The page of zeroes was replaced by a frame of its own: {pfn}."
        if cached:
            return f"Frame {pte_pfn(before):#x} is the file's own, so it was copied: {pfn}."
        return f"Others have frame {pte_pfn(before):#x} too, so it was copied: {pfn}."
    if "wp_page_reuse" in names:
        return f"Nobody else has {pfn}, so it is written in place."
    if "wp_page_shared" in names:
        return f"The file's page in {pfn} may be written from now on, and counts as dirty."
    if "do_swap_page" in names:
        how = "read from the disk" if major(fault) else "still in the swap cache"
        return f"The page had been swapped out; it was {how} and stands in {pfn} now."
    if "do_anonymous_page" in names:
        if after & PTE_SPECIAL:
            return "Nothing is stored there: the shared page of zeroes will do."
        return f"A fresh frame full of zeroes was given: {pfn}."
    if names & {"do_cow_fault", "do_shared_fault", "do_read_fault", "do_fault_around"}:
        return from_file(names, fault, around, path)
    if "handle_present_pte" in names:
        return "The entry allowed the access already: another CPU was first, or the TLB was stale."
    return ""


def tables(fault):
    """The tables that were made on the way down."""
    made = [name for name, old, new in zip(("pud", "pmd", "pte"), fault.before, fault.after)
            if new and not old]
    if not made:
        return ""
    return f"On the way down {'a table was' if len(made) == 1 else 'tables were'} made: " \
        f"{', '.join(made)}."


def counts(fault):
    """Who has the frame now."""
    if fault.pfn >> 52 or fault.after_pte & PTE_SPECIAL:
        return ""
    times = {0: "not mapped", 1: "mapped once", 2: "mapped twice"}.get(
        fault.mapcount, f"mapped {fault.mapcount:,} times")
    return f"The frame is {times} and has {plural(fault.refcount, 'reference')}."


def flushes(fault):
    return f"{plural(fault.flushes, 'other CPU was', 'other CPUs were')} told to forget the page." \
        if fault.flushes else ""


def cost(fault, khz):
    """Cycles and time, and the door where most of it went."""
    name = "In all" if why_signal(fault) else "A major fault" if major(fault) else "A minor fault"
    said = f"{name}: {fault.cycles:,} cycles, {duration(fault.cycles, khz)}"
    steps = [(then - now, door) for (door, now), (_, then) in zip(fault.doors, fault.doors[1:])]
    most, door = max(steps, default=(0, ""))
    if 2 * most > fault.cycles and len(steps) > 1:
        said += f", most of it in {door}"
    if fault.tries > 1:
        said += f", at try {fault.tries}"
    return said + "."


def duration(cycles, khz):
    us = cycles * 1000 / khz
    return f"{us:.2f} us" if us < 100 else f"{us / 1000:.2f} ms"


def doors(fault):
    """The way through the kernel, with the cycles at which each door was entered."""
    return ", ".join(f"{door} {cycles:,}" for door, cycles in fault.doors)


def remote(fault):
    return bool(fault.error_code & PF_REMOTE)


def error_name(ret):
    if -4096 < ret < 0:
        return f"-{errno.errorcode.get(-ret, -ret)}"
    return f"{ret:#x}" if ret > 9 else str(ret)


def call(r):
    """A system call with its arguments, as strace would show it."""
    name = CALLS.get(r.nr, f"call {r.nr}")
    a = [r.arg0, r.arg1, r.arg2, r.arg3, r.arg4, r.arg5]
    size = lambda n: f"{n >> 10:,} KiB" if n and not n & 1023 else f"{n:,}"
    prot = lambda p: "".join(c if p & b else "-" for c, b in (("r", 1), ("w", 2), ("x", 4)))
    if name == "mmap":
        kind = ["shared" if a[3] & 3 in (1, 3) else "private"]
        kind += [word for bit, word in MAP_FLAGS if a[3] & bit]
        behind = "" if a[3] & 0x20 else f", descriptor {a[4] & 0xFFFFFFFF} from {a[5]:#x}"
        shown = f"{a[0]:#x}, {size(a[1])}, {prot(a[2])}, {' '.join(kind)}{behind}"
    elif name == "mprotect":
        shown = f"{a[0]:#x}, {size(a[1])}, {prot(a[2])}"
    elif name == "madvise":
        shown = f"{a[0]:#x}, {size(a[1])}, MADV_{ADVICE.get(a[2], a[2])}"
    elif name == "mremap":
        shown = f"{a[0]:#x}, {size(a[1])} to {size(a[2])}, flags {a[3]}"
    elif name in ("munmap", "mlock", "munlock", "msync", "mincore", "mlock2"):
        shown = f"{a[0]:#x}, {size(a[1])}"
    else:
        shown = "" if name == "munlockall" else f"{a[0]:#x}"
    return f"{name}({shown}) = {error_name(r.ret)}"


def ended(code):
    """A wait status."""
    if code & 0x7F:
        number = code & 0x7F
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return f"was killed by {name}"
    return f"ended with status {code >> 8 & 255}"
