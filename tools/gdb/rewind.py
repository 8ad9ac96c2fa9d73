# SPDX-License-Identifier: MIT
"""gdb commands of `make rewind`: a recorded run is replayed, and goes back (docs/rewind.md).

Back by gdb's own means: reverse-step, reverse-next, reverse-finish, reverse-stepi, and
reverse-continue to a breakpoint or to the last change of what a watchpoint watches.
Each goes to a snapshot of the machine and from there forward; snapshots are made on the way to the
end, at first. What the program and the machine do cannot be changed, only looked at.
"""
import os
import re

import gdb

from commands import Command, number
from faults import KINDS, FaultStop, headline, stand
from memory import PAGE_OFFSET, PFN_MASK, Cache, Said, address_of, physical_u64
from walk import entry_words, root_for, walk

STEP = 1_000_000  # instructions between the first snapshots
MARKS = 32        # snapshots at most; then every second one goes
FINAL = "machine_exit"
FORWARD = "continue", "step", "next", "stepi", "nexti", "finish", "until", "advance"


class Watch:
    """Tells the runner when we wait for QEMU, which it ends should QEMU hang."""
    fd, state = int(os.environ.get("FAULTLINE_WATCH", "-1")), b"s"

    @classmethod
    def says(cls, byte):
        """r: we wait; s: we do not. Returns what was so before."""
        before, cls.state = cls.state, byte
        if cls.fd >= 0:
            os.write(cls.fd, byte)
        return before


def monitor(words):
    """A command of QEMU's monitor; what it says."""
    before = Watch.says(b"r")
    try:
        return gdb.execute(f"monitor {words}", to_string=True)
    finally:
        Watch.says(before)


def order(words):
    """One that says something only when it fails."""
    said = monitor(words).strip()
    if said:
        raise Said(f"QEMU could not do `{words}`: {said}")


def now():
    """Instructions since the machine was switched on."""
    found = re.search(r"instruction count = (\d+)", monitor("info replay"))
    if not found:
        raise Said("no recording is replayed here: `make rewind` does that")
    return int(found[1])


def pc():
    return int(gdb.parse_and_eval("(unsigned long)$pc"))


class Marks:
    """Where snapshots are, in instructions."""
    at, step = [], STEP
    start = end = None  # of what is worth a look: kmain, the last instruction

    @classmethod
    def add(cls):
        """A snapshot here; none while QEMU has a disk's answer to deliver."""
        if pc() == address_of("exc_page_fault"):
            gdb.execute("stepi", to_string=True)  # a search that begins here would miss this fault
        here = now()
        said = monitor(f"savevm mark-{here}").strip()
        if "right now" in said:
            return
        if said:
            raise Said(f"QEMU could not make a snapshot: {said}")
        cls.at.append(here)
        if len(cls.at) > MARKS:  # that of the start and that of kmain stay
            for mark in cls.at[3::2]:
                order(f"delvm mark-{mark}")
            cls.at = cls.at[:2] + cls.at[2::2]
            cls.step *= 2

    @classmethod
    def before(cls, count):
        return max(mark for mark in cls.at if mark <= count)


class Undisturbed:
    """While we go elsewhere by ourselves the user's breakpoints do not stop us."""

    def __enter__(self):
        self.held = [b for b in gdb.breakpoints() if b.is_valid() and b.enabled]
        for breakpoint in self.held:
            breakpoint.enabled = False

    def __exit__(self, *_):
        for breakpoint in self.held:
            if breakpoint.is_valid():
                breakpoint.enabled = True


class Silence:
    """What gdb says of stops that are none to the user goes nowhere."""

    def __enter__(self):
        gdb.flush()
        self.kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def __exit__(self, *_):
        gdb.flush()
        os.dup2(self.kept, 1)
        os.close(self.kept)


def load(mark):
    """The machine as it was at a mark."""
    order(f"loadvm mark-{mark}")
    for what in ("register-cache", "dcache"):
        gdb.execute(f"maintenance flush {what}", to_string=True)
    Cache.forget()


def forward(count):
    """Replay on to an instruction, or to the end if that is before. Returns where it stopped."""
    order(f"replay_break {count}")
    with Silence():
        gdb.execute("continue", to_string=True)
    if not gdb.selected_inferior().threads():
        raise Said("QEMU ended: the recording cannot be replayed this far")
    Cache.forget()
    here = now()
    if here != count:
        order("replay_delete_break")
    return here


def go(count):
    """Stand before the instruction of that number."""
    with Undisturbed():
        here, mark = now(), Marks.before(count)
        if not mark <= here <= count:
            load(mark)
            here = mark
        if here < count and forward(count) != count:
            raise Said(f"stopped on the way to instruction {count}")


class Final(gdb.Breakpoint):
    """The recording's end: one step further QEMU would end, and this session with it."""

    def __init__(self):
        super().__init__(f"*{FINAL}", internal=True)
        self.silent = True


def stopped(event):
    if any(isinstance(b, Final) for b in getattr(event, "breakpoints", ())):
        print(f"The recording ends here, in {FINAL}().")
    Watch.says(b"s")


class MayGoOn(gdb.Command):
    """may-go-on: what gdb asks before it goes forward."""

    def __init__(self):
        super().__init__("may-go-on", gdb.COMMAND_OBSCURE)
        for name in FORWARD:
            gdb.execute(f"define hook-{name}\nmay-go-on\nend")

    def invoke(self, text, from_tty):
        # Of `reverse-continue` gdb makes `continue` in the other direction.
        if pc() == address_of(FINAL) and "Forward" in gdb.execute("show exec-direction",
                                                                  to_string=True):
            raise Said("the recording ends here; reverse-*, previous-fault and seek go back")


class Scan(FaultStop):
    """Notes the faults that it meets, and stops at none."""

    def __init__(self, kind, program):
        super().__init__(kind, program)
        self.hits = []

    def stop(self):
        if super().stop() and not self.trouble:
            self.hits.append(now())
        return False


class Search:
    """The faults of a kind, in a program if one is named, from mark to mark."""
    known = {}

    @classmethod
    def faults(cls, kind, program, start, end):
        """Their instructions within [start, end), in order; the machine is then at the end."""
        what = kind, program, start, end
        if what in cls.known:
            return cls.known[what]
        load(start)
        scan = Scan(kind, program)
        try:
            forward(end)
            if scan.trouble:
                raise Said(f"a fault could not be told: {scan.trouble}")
        finally:
            if scan.is_valid():
                scan.delete()
        cls.known[what] = [hit for hit in scan.hits if hit < end]
        return cls.known[what]

    @classmethod
    def last(cls, kind, program, end):
        """The last one before an instruction, or None."""
        for start in sorted((m for m in Marks.at if Marks.start <= m < end), reverse=True):
            hits = cls.faults(kind, program, start, end)
            if hits:
                return hits[-1]
            end = start
        return None


class PreviousFault(Command):
    """previous-fault [KIND [PROGRAM]]: go back to the last fault of a kind, in PROGRAM or in any.
Stops at the entry of exc_page_fault(), before anything was done; `fault` then tells its story.
KIND is as in next-fault, any unless given. Within a fault it goes to that one's entry first."""
    most = 2

    def run(self, kind="any", program=None):
        if kind not in KINDS:
            raise Said(f"{kind} is no kind of fault; there are {', '.join(KINDS)}")
        here = now()
        with Undisturbed():
            found = Search.last(kind, program, here)
        go(here if found is None else found)
        if found is None:
            raise Said(f"no fault of kind {kind}{' in ' + program if program else ''} came before")
        print(headline(stand()))


def last_write(place):
    """Back to behind the last write of 8 bytes. Returns whether there was one; if not, nothing
    moves."""
    here = now()
    with Undisturbed(), Silence():
        watch = gdb.Breakpoint(f"*(unsigned long *){place:#x}", gdb.BP_WATCHPOINT, gdb.WP_WRITE,
                               internal=True)
        try:
            gdb.execute("reverse-continue", to_string=True)
        finally:
            watch.delete()
    Cache.forget()
    if now() > Marks.start:
        return True
    go(here)
    return False


class PreviousChange(Command):
    """previous-change ADDR: go back to where the kernel last wrote ADDR's page-table entry.
It stands before the instruction that writes. Where the walk of ADDR ends above the leaf, the
entry is that of the table which is missing. The accessed and dirty bits, which the CPU sets, do not
count."""
    least, most = 1, 1

    def run(self, where):
        address = number(where)
        table = root_for(address)
        for level, index, entry, leaf in walk(table, address):
            place, table = PAGE_OFFSET + table + index * 8, entry & PFN_MASK
        if not last_write(place):
            raise Said(f"the {level} of {address:#x}, at {place:#x}, was not written before")
        after = physical_u64(place - PAGE_OFFSET)
        with Undisturbed(), Silence():
            gdb.execute("reverse-stepi", to_string=True)
        Cache.forget()
        before = physical_u64(place - PAGE_OFFSET)
        print(f"{level} of {address:#x}, at {place:#x}\n"
              f"  is      {before:016x}  {entry_words(before, leaf)}\n"
              f"  becomes {after:016x}  {entry_words(after, leaf)}")
        gdb.execute("backtrace 3")


class When(Command):
    """when: the number of the instruction that comes next, to come back with `seek`."""

    def run(self):
        print(f"instruction {now()}; the kernel begins at {Marks.start}"
              + (f", the recording ends at {Marks.end}" if Marks.end else ""))


class Seek(Command):
    """seek COUNT|start|end: to an instruction, to the kernel's first one, or to the end."""
    least, most = 1, 1

    def run(self, where):
        count = {"start": Marks.start, "end": Marks.end}.get(where)
        if where == "end" and count is None:
            raise Said("where this recording ends is not known: nothing in the kernel ended it")
        if count is None:
            count = number(where)
        if Marks.end and count > Marks.end:
            raise Said(f"the recording ends at instruction {Marks.end}")
        go(count)
        gdb.execute("frame")


class Rewind(gdb.Command):
    __doc__ = __doc__ + "\nCommands:\n" + "\n".join(
        "  {:33s} {}".format(*command.__doc__.split("\n")[0].split(": ", 1))
        for command in (PreviousFault, PreviousChange, When, Seek)) \
        + "\nand those of `faultline`, forward too."

    def invoke(self, text, from_tty):
        print(type(self).__doc__)


class NoAudit(Command):
    """audit: not in a replay, where no code can run that did not run then."""

    def run(self):
        raise Said("an audit runs code of the kernel, which a replay cannot; `make debug` can")


def replay_boot():
    """To kmain, with marks at the start of the machine and there."""
    order("savevm mark-0")
    Marks.at.append(0)
    first = gdb.Breakpoint("*kmain", internal=True, temporary=True)
    first.silent = True
    with Silence():
        gdb.execute("continue", to_string=True)
    if not gdb.selected_inferior().threads():
        raise Said("the kernel of this recording never came to kmain()")
    Marks.add()
    Marks.start = Marks.at[-1]


def replay_to_end():
    """Onward, with marks on the way; to the end unless Ctrl-C comes before."""
    while True:
        target = now() + Marks.step
        if forward(target) != target:
            break
        Marks.add()
    if pc() == address_of(FINAL):
        Marks.end = now()


def rewind_to(end, status):
    """What the session begins with: at the end of the recorded run, or at kmain if that was none of
    the kernel's own ends."""
    try:
        gdb.events.cont.connect(lambda _: Watch.says(b"r"))
        gdb.events.stop.connect(stopped)
        print("replaying the recording ...", flush=True)
        replay_boot()
        Final()
        MayGoOn()
        if end == "exit":
            replay_to_end()
        if Marks.end:
            print(f"{(Marks.end - Marks.start) / 1e6:.1f} million instructions from kmain() to the "
                  f"end, with status {status}. You stand at the end; `help rewind` tells how to go "
                  "back.")
        elif end == "exit":
            print(f"Stopped on the way, at instruction {now()}.")
        else:
            print("This run did not end by itself; you stand at kmain().")
    except (gdb.error, gdb.GdbError) as error:
        print(f"faultline: {error}")
        gdb.execute("kill", to_string=True)
        gdb.execute("quit 1")


for kind_of_command in (PreviousFault, PreviousChange, When, Seek, NoAudit):
    kind_of_command()
Rewind("rewind", gdb.COMMAND_SUPPORT)
