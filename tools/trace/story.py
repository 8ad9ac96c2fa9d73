#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tells a recorded run. `make trace PROG=cow STYLE=story|line|ftrace|json` is a thin name for

    tools/trace/story.py [--style STYLE] [--who PID|NAME|all] [--kernel ELF] [--elf ELF] [FILE]

Without FILE, tools/run.py runs what PROG=, ELF= or CMD= in the environment say, recorded; what the
program prints goes to standard error. Status 1: nobody had a fault there; 124: there is nothing to
tell. Both come with a sentence.
"""
import signal

if __name__ == "__main__":  # Ctrl-C ends it without a word until there is somebody to catch it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# pylint: disable=wrong-import-position
import argparse
import bisect
import os
import subprocess
import sys
import textwrap
from collections import namedtuple

import styles
import words
from format import (CALL, EXEC, EXIT, FAULT, FORK, KERNEL_HALF, MARK, PAGE_SIZE, PF_USER, PTES_SET,
                    RECLAIM, SWAP, SWAP_WRITE, WHYS, Bad, pte_pfn, pte_present, read, swap_area, swap_slot,
                    text)
from model import State
from symbols import TOP, Symbols

NOTHING, REFUSED, INTERRUPTED = 1, 124, 128 + signal.SIGINT
BRK = 12  # the system call's number
AROUND = WHYS.index("fault_around")
INIT = 1  # the process that starts the others, and is told of only when asked for
TOLD = {kind.number for kind in (FAULT, FORK, EXEC, EXIT, CALL, RECLAIM, MARK)}

# A record, whose it is, where its ip lies (VMA and file), the file of its address, whether the
# frame before was in the page cache, which swap entries were written to the disk for it, and from
# where to where the heap of its address space reaches (None: there is none).
Scene = namedtuple("Scene", "record pid comm code_vma code_path path cached out heap")


class Run:
    """The scenes of a record file, in order."""

    def __init__(self, trace, symbols, who=None):
        self.trace, self.symbols, self.who = trace, symbols, who
        self.scenes = []
        self._around = {}  # tid -> ([tsc], [pages mapped by one fault-around])
        self._out = {}     # tid -> swap entries whose writing began
        self._heaps = {}   # mm -> (its start, its end): what the first and the last brk() returned
        self._collect()

    def faults(self):
        return [scene for scene in self.scenes if scene.record.type == FAULT.number]

    def _collect(self):
        state = State()
        for record in self.trace:
            if record.type == PTES_SET.number and record.why == AROUND:
                times, pages = self._around.setdefault(record.tid, ([], []))
                times.append(record.tsc)
                pages.append(self._new_pages(state, record))
            elif record.type == SWAP.number and record.op == SWAP_WRITE:
                self._out.setdefault(record.tid, []).append(record.entry)
            elif record.type in TOLD:
                scene = self._scene(state, record)
                if self._wanted(scene):
                    self.scenes.append(scene)
            if record.type == CALL.number and record.nr == BRK:
                start, _ = self._heaps.get(record.mm, (record.ret, None))
                self._heaps[record.mm] = start, record.ret
            elif record.type == FORK.number and record.parent_mm in self._heaps:
                self._heaps[record.mm] = self._heaps[record.parent_mm]
            state.apply(record)

    @staticmethod
    def _new_pages(state, record):
        known = state.mms[record.mm].ptes if record.mm in state.mms else {}
        pages = [record.address + i * PAGE_SIZE for i, entry in enumerate(record.entries)
                 if pte_present(entry)]
        return [page for page in pages if page not in known]

    def _scene(self, state, record):
        task, vma, path, code_path, out = state.tasks.get(record.tid), None, b"", b"", ()
        cached = False
        pid, comm = (task.pid, task.comm) if task else (record.tid, b"")
        if record.type == FAULT.number:
            pid, comm = record.pid, record.comm
            path = state.files.get((record.dev, record.ino), b"")
            cached = pte_pfn(record.before_pte) in state.cached
            if record.ip < KERNEL_HALF and record.mm in state.mms:
                vma = state.mms[record.mm].vma(record.ip)
                code_path = state.files.get((vma.dev, vma.ino), b"") if vma else b""
        elif record.type == CALL.number or record.type == RECLAIM.number and not record.op:
            out = self._out.pop(record.tid, ())
        heap = self._heaps.get(record.mm) if record.type == FAULT.number else None
        return Scene(record, pid, comm, vma, code_path, path, cached, out, heap)

    def _wanted(self, scene):
        if scene.record.type == RECLAIM.number and (scene.record.op or not (
                scene.record.scanned or scene.out)):
            return False  # its end says all, where there was anything to do
        if self.who == "all":
            return True
        record, pids = scene.record, {scene.pid}
        if record.type == FORK.number:
            pids.add(record.child_pid)
        if self.who:
            return self.who == text(scene.comm) or self.who in map(str, pids)
        return record.type == RECLAIM.number or bool(pids - {0, INIT})

    def around(self, fault):
        """How many neighbours' entries the fault stored. Those may have numbers before or behind
        its own; it is the time that tells."""
        times, pages = self._around.get(fault.tid, ([], []))
        first, end = bisect.bisect_left(times, fault.begin), bisect.bisect_right(times, fault.tsc)
        return sum(page != fault.address & -PAGE_SIZE for some in pages[first:end] for page in some)

    def resolution(self, scene):
        """What the kernel did about the fault, in a sentence."""
        fault = scene.record
        return words.resolution(fault, self.around(fault), scene.path, scene.cached)

    def place(self, scene):
        """Where the fault's instruction stands, as symbols.Place, or None."""
        return self.symbols.place(scene.record.ip, scene.code_vma, scene.code_path)

    def prepare_lines(self):
        """Look all lines up at once."""
        self.symbols.prepare((scene.record.ip, scene.code_vma, scene.code_path)
                             for scene in self.faults())


def where(run, scene):
    """The instruction in words."""
    place = run.place(scene)
    return place.words() if place else f"{scene.record.ip:#x}"


def who(scene):
    thread = f", thread {scene.record.tid}" if scene.record.tid not in (0, scene.pid) else ""
    if not scene.comm:
        return f"process {scene.pid}{thread}"
    return f"{text(scene.comm)} (process {scene.pid}{thread})"


def tell_fault(run, scene):
    """A fault's sentences."""
    fault, did = scene.record, words.accessed(scene.record.error_code)
    if words.remote(fault):
        first = f"The kernel asked for {fault.address:#x} of {who(scene)}, to " \
            f"{'write' if did.startswith('wrote') else 'read'} it."
    elif not fault.error_code & PF_USER:
        first = f"The kernel, for {who(scene)}, {did} {fault.address:#x} in {where(run, scene)}."
    else:
        first = f"{who(scene)} {did} {fault.address:#x} in {where(run, scene)}."
    said = [first, words.vma(fault, scene.path), words.tables(fault),
            run.resolution(scene), words.counts(fault), words.flushes(fault)]
    if fault.before_pte != fault.after_pte:
        said.append(f"Entry before: {words.entry(fault.before_pte)}; after: "
                    f"{words.entry(fault.after_pte)}.")
    said += [words.cost(fault, run.trace.header.tsc_khz), f"Doors: {words.doors(fault)}."]
    return " ".join(sentence for sentence in said if sentence)


def tell_out(scene):
    """What was written to the swap area."""
    if not scene.out:
        return ""
    slots = sorted(swap_slot(entry) for entry in scene.out)
    shown = words.ranges(slots)
    return f" {words.plural(len(slots), 'page')} went out to swap area " \
        f"{swap_area(scene.out[0])}: {'slot' if len(slots) == 1 else 'slots'} {shown}."


def tell_other(scene):
    """What is no fault."""
    r = scene.record
    if r.type == FORK.number:
        if r.mm == r.parent_mm:
            return f"{who(scene)} made thread {r.child_tid}, in the same address space."
        return f"{who(scene)} forked: process {r.child_pid} has address space {r.mm}."
    if r.type == EXEC.number:
        return f"{who(scene)} runs {text(r.path)} from now on, in address space {r.new_mm}."
    if r.type == EXIT.number:
        return f"{who(scene)} {words.ended(r.code)}."
    if r.type == CALL.number:
        return f"{who(scene)} called {words.call(r)}.{tell_out(scene)}"
    if r.type == MARK.number:
        return f"{who(scene)} left a mark: {r.value}."
    by = "kswapd" if r.kswapd else who(scene)
    if not r.scanned:
        return f"{by} wanted pages out of memory.{tell_out(scene)}"
    return f"{by} took back {words.plural(r.reclaimed, 'frame')} of {r.scanned:,} looked at." + \
        tell_out(scene)


def story(run, out):
    """One paragraph for each fault, and for what else moved memory."""
    run.prepare_lines()
    number = 0
    for scene in run.scenes:
        record = scene.record
        fault = record.type == FAULT.number
        number += fault
        head = f"{run.trace.seconds(record.begin if fault else record.tsc):.6f} s, CPU {record.cpu}"
        body = tell_fault(run, scene) if fault else tell_other(scene)
        out(f"{f'Fault {number}, ' if fault else ''}{head}\n" +
            textwrap.fill(body, 100, initial_indent="  ", subsequent_indent="  ",
                          break_long_words=False, break_on_hyphens=False) + "\n\n")


def tell(sentence):
    sys.stderr.write(f"faultline: {sentence}\n")


def run_machine(kernel, path, env, out=None):
    """Run it to its end, recorded into @path. Returns its status. Whatever happens to us, it does
    not go on without us, and may end in its own time."""
    with subprocess.Popen([sys.executable, os.path.join(TOP, "tools/run.py"), "run", "--kernel",
                           kernel, "--env"], env=dict(env, TRACE=path), stdout=out) as run:
        try:
            return run.wait()
        except KeyboardInterrupt:
            run.terminate()
            run.wait()
            raise


def record(kernel, env):
    """Run what the environment says, recorded. Returns the file's path."""
    if not any(env.get(name) for name in ("PROG", "ELF", "CMD")):
        raise Bad("what shall run? PROG=, ELF= or CMD= say so; TRACE_FILE= names what was recorded")
    path = env.get("TRACE", "")
    path = os.path.join(TOP, "build/run/trace.flt") if path in ("", "0", "1") else path
    if os.path.isfile(path):
        os.remove(path)  # what was told before is not to be told again
    status = run_machine(kernel, path, env, out=2)
    if not os.path.isfile(path):
        raise Bad(f"the run ended with status {status}, and nothing was recorded")
    if status:
        tell(f"the run ended with status {status}")
    return path


def main(argv, env, out=sys.stdout.write, say=tell):
    """Returns the status. @out gets the story, @say sentences for the user."""
    parser = argparse.ArgumentParser(prog="story.py", description="Tells a recorded run.")
    tellers = {"story": story, "line": styles.line, "ftrace": styles.ftrace, "json": styles.json}
    parser.add_argument("--style", default="story")
    parser.add_argument("--who", help="of one process (its number or name), or of all: all")
    parser.add_argument("--kernel", default=os.path.join(TOP, "build/kernel/faultline.elf"))
    parser.add_argument("--elf", help="the program that was run as ELF=")
    parser.add_argument("file", nargs="?")
    options = parser.parse_args(argv)
    if options.style not in tellers:
        say(f"STYLE={options.style} is none: choose one of {' '.join(tellers)}")
        return REFUSED
    try:
        path = options.file or record(options.kernel, env)
        trace = read(path)
    except Bad as bad:
        say(str(bad))
        return REFUSED
    for note in trace.notes:
        say(note)
    run = Run(trace, Symbols(options.kernel, options.elf), options.who)
    if not run.faults():
        others = run.who is None and any(r.type == FAULT.number for r in trace)
        whose = f" of {run.who}" if run.who not in (None, "all") else ""
        say(f"{path} holds no page fault{whose}" +
             (", but for process 1's: WHO=all shows them" if others else ""))
        return NOTHING
    try:
        tellers[options.style](run, out)
        sys.stdout.flush()
    except OSError as error:  # a full disk
        say(f"the story could not be written to its end: {error.strerror}")
        return REFUSED
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make trace | head` may stop reading
    try:
        status = main(sys.argv[1:], os.environ)
    except KeyboardInterrupt:
        tell("interrupted")
        status = INTERRUPTED
    try:
        sys.stdout.close()
    except OSError:
        pass  # said above; what cannot be written is not tried again
    sys.exit(status)
