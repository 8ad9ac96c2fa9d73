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
from memory import TROUBLE, Cache, Said, selected_cpu
from mm import file_path, vmas_of
from tasks import running, runs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("build/user", "build/tests")
TASK_SIZE, ET_DYN, PT_LOAD = 0x7FFFFFFFF000, 3, 1
DYN_BASE = 0x555555554000  # where a PIE most often comes to lie; ExecStop knows when it is there


class Loaded:
    """The program whose symbols are loaded: its name, file on this side, and what was added."""
    name = path = None
    bias = 0
    seen = None   # map, file and place at the last stop
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


def in_program(breakpoint, live=False):
    """Addresses of a breakpoint if all of them are in user space, else []. live: only those that
    the symbols which are loaded now gave it; others are not in force."""
    try:
        places = [location.address for location in breakpoint.locations
                  if location.source or not live]
    except (AttributeError, RuntimeError):  # a watchpoint; one that is gone
        return []
    return places if all(place and 0 < place < TASK_SIZE for place in places) else []


class StandIn(gdb.Breakpoint):
    """Stops where a breakpoint is whose program's symbols are not loaded now."""

    def __init__(self, address, original):
        super().__init__(f"*{address:#x}", internal=True)
        self.silent, self.program, self.original = True, owner_of(original), original
        self.place, self.hit = address, False
        if original.commands:
            self.commands = original.commands

    def stop(self):
        self.hit = self.holds()
        return self.hit

    def holds(self):
        Cache.forget()
        try:
            return self.original.is_valid() and self.original.enabled and runs(self.program) \
                and self.place not in in_program(self.original, True)  # that stops by itself
        except TROUBLE:
            return False


class ExecStop(gdb.Breakpoint):
    """A PIE begins to run in which the user set breakpoints: they go where it came to lie. Symbols
    cannot change before the machine has really stopped, so it does, and goes on by itself."""
    there, alone = None, False

    def __init__(self):
        super().__init__("start_thread", internal=True)
        self.silent = True
        self.commands = "silent\npython import symbols; symbols.ExecStop.go_on()"

    def stop(self):
        Cache.forget()
        try:
            owners = {owner_of(b) for b in gdb.breakpoints() if b.is_valid() and b.enabled}
            return any(runs(name) for name in owners if name)
        except TROUBLE:
            return False

    @classmethod
    def go_on(cls):
        follow()
        if cls.alone:
            gdb.execute("continue")


def owner_of(breakpoint):
    """The program that a breakpoint is for, by the condition that it was given."""
    words = (breakpoint.condition or "").split('"')
    return words[1] if words[0].endswith("$runs(") and len(words) > 2 else None


def change(name=None, path=None, bias=0):
    """Load the symbols of a program, or of none, instead of what is loaded."""
    if (path, bias) == (Loaded.path, Loaded.bias):
        return
    lines = []
    if Loaded.path:
        lines.append(f"remove-symbol-file {Loaded.path}")
        Loaded.standins += [StandIn(place, b) for b in gdb.breakpoints()
                            if b.is_valid() and owner_of(b) == Loaded.name[:15]
                            for place in in_program(b)]
    for standin in [s for s in Loaded.standins
                    if name and s.program == name[:15] or not s.original.is_valid()]:
        standin.delete()
        Loaded.standins.remove(standin)
    if path:
        lines.append(f"add-symbol-file {path} -o {bias:#x}")
        if bias and not ExecStop.there:
            ExecStop.there = ExecStop()
    Loaded.name, Loaded.path, Loaded.bias = name, path, bias
    # At once and last, for execute() also runs the commands of the breakpoint that we stand at.
    gdb.execute("\n".join(lines), to_string=True)


def follow():
    """At a stop: the symbols of the program that the selected CPU runs, at its place."""
    Cache.forget()
    task = running(selected_cpu())
    mm = task.follow("mm", "struct mm_struct") if task else None
    if not mm or not mm["exe_file"]:
        return  # a kernel thread: who was there before stays
    file = mm.follow("exe_file", "struct file")
    seen = mm.address, file.follow("f_inode", "struct inode")["i_ino"], mm["start_code"]
    if Loaded.seen == seen:
        return
    Loaded.seen = seen
    name = os.path.basename(file_path(file))
    path = file_for(name)
    if not path:
        change()
        return
    kind, first = first_load(path)
    starts = [vma["vm_start"] for vma in vmas_of(mm)
              if vma["vm_file"] and not vma["vm_pgoff"]
              and file_path(vma.follow("vm_file", "struct file")) == file_path(file)]
    if kind != ET_DYN or starts:
        change(name, path, starts[0] - first if kind == ET_DYN else 0)


def stopped(event):
    """After each stop, before the user has the word."""
    Cache.forget()
    breakpoints = [b for b in getattr(event, "breakpoints", ())  # also those that did not hold
                   if not isinstance(b, StandIn) or b.hit]
    hit = [b for b in breakpoints if isinstance(b, StandIn)]
    before = Loaded.path
    ExecStop.alone = len(breakpoints) == 1
    if ExecStop.there in breakpoints:
        return  # its command follows
    if hit:
        print(f"Breakpoint {hit[0].original.number}, {hit[0].original.location}, "
              f"in {hit[0].program}")
    try:
        silent = any(b.commands and (not owner_of(b) or runs(owner_of(b))) for b in breakpoints)
        follow()
    except (OSError, *TROUBLE):
        return  # nothing of the kernel is there yet
    if before != Loaded.path and not silent and gdb.newest_frame().pc() < TASK_SIZE:
        gdb.execute("frame")  # what gdb said of the place was of the other program
    if hit and hit[0].original.is_valid() and hit[0].original.temporary:
        hit[0].original.delete()


def created(breakpoint):
    """A new breakpoint in the program shall not stop another one that has code there."""
    if isinstance(breakpoint, (StandIn, ExecStop)) or not Loaded.name:
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
            change(os.path.basename(path), os.path.abspath(path),
                   DYN_BASE - first if kind == ET_DYN else 0)
            Loaded.seen = None
        print(f"symbols of {Loaded.name} ({Loaded.path}, at {Loaded.bias:#x})" if Loaded.name
              else "no program's symbols are loaded")


def register():
    Program()
    gdb.events.stop.connect(stopped)
    gdb.events.breakpoint_created.connect(created)
