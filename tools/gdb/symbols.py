# SPDX-License-Identifier: MIT
"""Symbols of the program that runs.

Programs lie at the same addresses, each in a space of its own, so that of one alone the symbols are
loaded: of the program that the selected CPU runs, since the last stop. Breakpoints in a program
stop that program only. While another one's symbols are loaded a stand-in holds their place.
"""
import os
import struct

import gdb

from commands import Command
from memory import Cache, Said, selected_cpu
from mm import file_path, vmas_of
from tasks import running, runs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("build/user", "build/tests")
TASK_SIZE, ET_DYN, PT_LOAD = 0x7FFFFFFFF000, 3, 1
DYN_BASE = 0x555555554000  # where the kernel puts a PIE that is not put at random: `make debug`


class Loaded:
    """The program whose symbols are loaded: its name, file on this side, and what was added."""
    name = path = None
    bias = 0
    seen = None   # (map, file) at the last stop
    given = None  # the file on the command line (ELF=)
    standins = []


def file_for(name):
    """The program's ELF file on this side, for its symbols; None for what is not ours."""
    paths = [os.path.join(TOP, folder, name) for folder in FOLDERS]
    if Loaded.given and os.path.basename(Loaded.given) == name:
        paths.insert(0, Loaded.given)
    return next((path for path in paths if os.path.isfile(path)), None)


def first_load(path):
    """(ELF type, address of its first page as linked)."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:5] != b"\x7fELF\x02" or len(head) < 64:
        raise Said(f"{path} is not a 64-bit ELF file")
    kind, = struct.unpack_from("<H", head, 16)
    table, = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    for at in range(table, min(table + size * count, len(head) - 55), size or 1):
        segment, = struct.unpack_from("<I", head, at)
        if segment == PT_LOAD:
            return kind, struct.unpack_from("<Q", head, at + 16)[0] & ~4095
    raise Said(f"{path} has nothing to load")


def in_program(breakpoint):
    """Addresses of a breakpoint if all of them are in user space, else []."""
    try:
        places = [location.address for location in breakpoint.locations]
    except (AttributeError, RuntimeError, gdb.error):  # a watchpoint; one that is gone
        return []
    return places if all(place and 0 < place < TASK_SIZE for place in places) else []


class StandIn(gdb.Breakpoint):
    """Stops where a breakpoint is whose program's symbols are not loaded now."""

    def __init__(self, address, program, original):
        super().__init__(f"*{address:#x}", internal=True)
        self.silent, self.program, self.original = True, program, original

    def stop(self):
        Cache.forget()
        try:
            return self.original.is_valid() and self.original.enabled and runs(self.program)
        except gdb.error:
            return False


def owner_of(breakpoint):
    """The program that a breakpoint is for, by the condition that it was given."""
    words = (breakpoint.condition or "").split('"')
    return words[1] if words[0].endswith("$runs(") and len(words) > 2 else None


def unload():
    if not Loaded.path:
        return
    held = [(place, owner_of(b), b) for b in gdb.breakpoints() if b.is_valid() and owner_of(b)
            for place in in_program(b)]
    try:
        gdb.execute(f"remove-symbol-file {Loaded.path}", to_string=True)
    except gdb.error:
        pass  # the user removed it already
    Loaded.standins += [StandIn(*what) for what in held]
    Loaded.name = Loaded.path = None


def load(name, path, bias):
    if (path, bias) == (Loaded.path, Loaded.bias):
        return
    unload()
    gdb.execute(f"add-symbol-file {path} -o {bias:#x}", to_string=True)
    Loaded.name, Loaded.path, Loaded.bias = name, path, bias
    for standin in [s for s in Loaded.standins if s.program == name or not s.original.is_valid()]:
        standin.delete()
        Loaded.standins.remove(standin)


def follow(_=None):
    """At a stop: the symbols of the program that the selected CPU runs, at its place."""
    Cache.forget()
    task = running(selected_cpu())
    mm = task.follow("mm", "struct mm_struct") if task else None
    if not mm or not mm["exe_file"]:
        return  # a kernel thread: who was there before stays
    file = mm.follow("exe_file", "struct file")
    if Loaded.seen == (mm.address, file.address):
        return
    Loaded.seen = mm.address, file.address
    name = os.path.basename(file_path(file))
    path = file_for(name)
    if not path:
        unload()
        return
    kind, first = first_load(path)
    starts = [vma["vm_start"] for vma in vmas_of(mm)
              if vma["vm_file"] and not vma["vm_pgoff"]
              and file_path(vma.follow("vm_file", "struct file")) == file_path(file)]
    if kind != ET_DYN or starts:
        load(name, path, starts[0] - first if kind == ET_DYN else 0)


def stopped(event):
    hit = [b for b in getattr(event, "breakpoints", ()) if isinstance(b, StandIn)]
    try:
        follow()
    except gdb.error:
        return  # nothing of the kernel is there yet
    if hit:
        original = hit[0].original
        print(f"Breakpoint {original.number}, {original.location}, in {hit[0].program}")
        gdb.execute("frame")
        if original.temporary:
            original.delete()


def created(breakpoint):
    """A new breakpoint in the program shall not stop another one that has code there."""
    if isinstance(breakpoint, StandIn) or not Loaded.name:
        return
    if not breakpoint.condition and in_program(breakpoint):
        breakpoint.condition = f'$runs("{Loaded.name[:15]}")'


class Program(Command):
    """program [NAME|FILE]: whose symbols are loaded; or load another one's, to set breakpoints.
Until the next stop in another program. Breakpoints in a program stay, and stop that one only."""
    most = 1

    def run(self, *name):
        if name:
            path = name[0] if "/" in name[0] else file_for(name[0])
            if not path or not os.path.isfile(path):
                raise Said(f"there is no program {name[0]} in {' or '.join(FOLDERS)}: "
                           "give the path of its ELF file")
            if "/" in name[0]:
                Loaded.given = os.path.abspath(path)
            kind, first = first_load(path)
            load(os.path.basename(path), os.path.abspath(path),
                 DYN_BASE - first if kind == ET_DYN else 0)
            Loaded.seen = None
        print(f"symbols of {Loaded.name} ({Loaded.path}, at {Loaded.bias:#x})" if Loaded.name
              else "no program's symbols are loaded")


def register():
    Program()
    gdb.events.stop.connect(stopped)
    gdb.events.breakpoint_created.connect(created)
