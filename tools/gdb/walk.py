# SPDX-License-Identifier: MIT
"""Page tables: the walk of an address, and what entries say."""
from commands import Command, number
from memory import (KERNEL_MAP, LATER, Object, PAGE_OFFSET, PAGE_SHIFT, PFN_MASK, PRESENT, PSE,
                    Said, physical_u64, variable)
from tasks import chosen_map, current

TASK_SIZE = 0x7FFFFFFFF000
RW, USER, ACCESSED, DIRTY, PROTNONE, SPECIAL, OWNED, NX = (
    1 << bit for bit in (1, 2, 5, 6, 8, 9, 10, 63))
LEVELS = (("pgd", 39), ("pud", 30), ("pmd", 21), ("pte", 12))


def swap_place(entry):
    """A swap entry as (area, slot)."""
    return entry >> 9 & 31, entry >> 14


def frame_of(entry):
    return (entry & PFN_MASK) >> PAGE_SHIFT


def entry_words(entry, leaf):
    """What an entry says, in words."""
    if entry == 0:
        return "none: nothing is mapped here"
    if leaf and not entry & (PRESENT | PROTNONE):
        area, slot = swap_place(entry)
        return f"swap entry: area {area}, slot {slot}"
    zero = frame_of(entry) == variable("zero_pfn")
    special = "special (the zero page)" if zero else "special (the kernel's own)"
    words = ["present" if entry & PRESENT else "PROT_NONE (present to us, not to the CPU)",
             "writable" if entry & RW else "read-only", "user" if entry & USER else "kernel only"]
    words += [word for bit, word, leaves in (
        (ACCESSED, "accessed", False), (DIRTY, "dirty", True), (SPECIAL, special, True),
        (OWNED, "owned", True), (NX, "no-execute", False))
              if entry & bit and (leaf or not leaves)]
    return f"{'frame' if leaf else 'table in frame'} {frame_of(entry):#x}: {', '.join(words)}"


def walk(root, address):
    """(level, index, entry, leaf) from the table at physical root until the walk ends."""
    table = root
    for level, shift in LEVELS:
        if table >> PAGE_SHIFT >= variable("max_pfn") > 0:
            raise Said(f"the {level} table would be in frame {table >> PAGE_SHIFT:#x}, where there "
                       "is no RAM: the entry above is damaged")
        index = address >> shift & 511
        entry = physical_u64(table + index * 8)
        large = level in ("pud", "pmd") and entry & PSE and entry & PRESENT
        leaf = level == "pte" or bool(large)
        yield level, index, entry, leaf
        if leaf or not entry & PRESENT:
            return
        table = entry & PFN_MASK


def root_of(pgd):
    return pgd - KERNEL_MAP if pgd >= KERNEL_MAP else pgd - PAGE_OFFSET


def loaded_pgd():
    """The top-level table that the selected CPU uses: of the current task's map, or for a kernel
    thread of the one that ran before it."""
    mm = Object(current()["mm"] or current()["active_mm"], "struct mm_struct")
    return mm["pgd"] if mm else variable("init_pgd")


def root_for(address, words=()):
    """Physical address of the top-level table that serves the address: the kernel's own, that of
    the pid in words, or the current task's."""
    pgd = variable("init_pgd")
    if not pgd:
        raise Said(f"the kernel has no page tables yet: {LATER}")
    if address < 1 << 47 and words:
        pgd = chosen_map(words)["pgd"]
    elif address < 1 << 47:
        pgd = loaded_pgd()
    elif address < 0xFFFF800000000000:
        raise Said(f"{address:#x} is not a canonical address: no table translates it")
    return root_of(pgd)


def leaf_at(root, address):
    """(level, entry, leaf) where the walk ends."""
    level, _, entry, leaf = list(walk(root, address))[-1]
    return level, entry, leaf


def user_leaf(mm, address):
    """The same in a user map."""
    return leaf_at(root_of(mm["pgd"]), address)


class Pt(Command):
    """pt ADDR [PID]: the page-table walk of ADDR, each entry in words.
Of the current task's map, or of PID's."""
    least, most = 1, 2

    def run(self, where, *pid):
        address = number(where)
        root = root_for(address, pid)
        print(f"walk of {address:#x} from the table at physical {root:#x}")
        for level, index, entry, leaf in walk(root, address):
            print(f"  {level}[{index:3d}] {entry:016x}  {entry_words(entry, leaf)}")


def register():
    Pt()
