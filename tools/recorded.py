# SPDX-License-Identifier: MIT
"""The recorded runs that docs/fault-path/ is made from: a marker's words (tools/docs.py) choose what
runs and which of its faults is told."""
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tools/trace"))

# pylint: disable=wrong-import-position
import stale
import story
import words
from format import (PF_REMOTE, PF_USER, PTE_ACCESSED, PTE_DIRTY, PTE_NX, PTE_OWNED, PTE_PRESENT,
                    PTE_RW, PTE_SPECIAL, Bad, pte_pfn, pte_present, read)
from symbols import Symbols

PROGRAMS = ("PROG", "ELF", "CMD")
SELECTORS = ("door", "not", "in", "at", "access", "by", "cost", "signal", "cycles", "nr")
SOFT_DIRTY, USER = 1 << 11, 1 << 2
COLUMNS = (("NX", PTE_NX), ("soft-dirty", SOFT_DIRTY), ("owned", PTE_OWNED),
           ("special", PTE_SPECIAL), ("D", PTE_DIRTY), ("A", PTE_ACCESSED), ("U", USER),
           ("W", PTE_RW), ("P", PTE_PRESENT))
TRIES, RUN_SECONDS = 5, 300  # for one run, on a busy machine


class Wrong(Exception):
    """A part cannot be made."""


def source(path):
    """A file of the tree, or "" if there is none."""
    try:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


# ---- A fault -----------------------------------------------------------------------------------


def bits_row(name, raw):
    """One entry, a column for each bit."""
    if not raw:
        return f"| {name} | `0` | |" + " |" * len(COLUMNS)
    if not pte_present(raw):
        return f"| {name} | `{raw:#x}` | {words.entry(raw)} |" + " |" * len(COLUMNS)
    bits = "".join(f" {int(bool(raw & bit))} |" for _, bit in COLUMNS)
    return f"| {name} | `{raw:#x}` | {pte_pfn(raw):#x} |{bits}"


def bits_table(before, after):
    """The entry before the fault and after it."""
    head = "| entry | raw | frame | " + " | ".join(name for name, _ in COLUMNS) + " |"
    return "\n".join((head, "|---" * (3 + len(COLUMNS)) + "|", bits_row("before", before),
                      bits_row("after", after))) + "\n"


def source_line(place):
    """The line of the source that a symbols.Place is in, or ""."""
    path, _, line = (place.source if place else "").rpartition(":")
    lines = source(path).splitlines() if path else []
    return lines[int(line) - 1] if line.isdigit() and int(line) <= len(lines) else ""


def fits(run, scene, options):
    """Do all the words of the marker hold for this fault?"""
    fault = scene.record
    doors = {door for door, _ in fault.doors}
    place = run.place(scene)
    by = "asked" if fault.error_code & PF_REMOTE else \
        "user" if fault.error_code & PF_USER else "kernel"
    holds = {
        "door": lambda value: doors >= set(value.split(",")),
        "not": lambda value: not doors & set(value.split(",")),
        "in": lambda value: place is not None and place.function == value,
        "at": lambda value: value in source_line(place),
        "access": lambda value: words.access(fault.error_code) == value,
        "by": lambda value: by == value,
        "cost": lambda value: ("major" if words.major(fault) else "minor") == value,
        "signal": lambda value: fault.signal == getattr(signal, value, None),
        "cycles": lambda value: fault.cycles >= int(value),
    }
    return all(holds[key](value) for key, value in options.items() if key in holds)


def found(run, options):
    """All faults that the marker's words fit."""
    return [scene for scene in run.faults() if fits(run, scene, options)]


def told(run, scene):
    """The story of a fault, and its entry."""
    said = textwrap.fill(story.tell_fault(run, scene), 100, break_long_words=False,
                         break_on_hyphens=False)
    bits = ""
    if scene.record.before_pte or scene.record.after_pte:
        bits = "\n" + bits_table(scene.record.before_pte, scene.record.after_pte)
    return f"```text\n{said}\n```\n{bits}"


def tell(run, options):
    """The story of the fault that the marker chooses."""
    scenes, number = found(run, options), int(options.get("nr", "1"))
    if not -len(scenes) <= number <= len(scenes) or not number:
        raise Wrong(f"no such fault: {shown(options)}")
    return told(run, scenes[number - 1 if number > 0 else number])


# ---- A run -------------------------------------------------------------------------------------


def knobs_of(options):
    """What is run."""
    return {key: value for key, value in options.items() if key.isupper()}


def alone(options):
    """Does it need a machine of its own?"""
    return bool(knobs_of(options).keys() - {"PROG", "ELF"})


def shown(options):
    """A marker's words as they stand there."""
    return " ".join(f"{key}={shlex.quote(value)}" for key, value in options.items())


def racy(options, body):
    """Does the fault wait for others than its own code?"""
    return "release_fault_lock" in body or bool(options.keys() & {"MEM", "SMP"})


class Runs:
    """Recorded runs, each kept for all stories of it."""

    def __init__(self, kernel):
        self.kernel, self.done = kernel, {}

    def record(self, knobs):
        """Run it. Returns the records; raises Wrong if there are none."""
        sys.stderr.write(f"  RUN     {shown(knobs)}\n")
        env = {key: value for key, value in os.environ.items() if key not in PROGRAMS}
        with tempfile.TemporaryDirectory(prefix="docs.") as folder:
            env |= knobs | {"TRACE": os.path.join(folder, "trace.flt"), "ICOUNT": "1"}
            command = [sys.executable, os.path.join(TOP, "tools/run.py"), "run", "--kernel",
                       self.kernel, "--env"]
            try:
                subprocess.run(command, env=env, cwd=TOP, stdin=subprocess.DEVNULL, check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               timeout=RUN_SECONDS)
                trace = read(env["TRACE"])
            except (subprocess.TimeoutExpired, Bad) as bad:
                raise Wrong(f"the run of {shown(knobs)} left nothing: {bad}") from None
        for note in trace.notes:
            sys.stderr.write(f"docs: {note}\n")
        return trace

    def _keep(self, knobs, trace):
        name = os.path.basename(knobs.get("PROG") or knobs.get("ELF") or "")
        run = story.Run(trace, Symbols(self.kernel, knobs.get("ELF")), name[:15] or None)
        run.prepare_lines()
        self.done[tuple(sorted(knobs.items()))] = run

    def _run(self, options, again):
        """The run of these knobs."""
        knobs = knobs_of(options)
        key = tuple(sorted(knobs.items()))
        if again or key not in self.done:
            self._keep(knobs, self.record(knobs))
        return self.done[key]

    def record_together(self, markers):
        """One run for all programs that need no machine of their own, instead of one for each."""
        wanted = {tuple(knobs.items()): knobs for knobs in map(knobs_of, markers)
                  if not alone(knobs)}
        if not wanted:
            return
        with tempfile.TemporaryDirectory(prefix="docs.") as folder:
            os.mkdir(os.path.join(folder, "root"))
            for knobs in wanted.values():
                if "ELF" in knobs:
                    shutil.copy(os.path.join(TOP, knobs["ELF"]), os.path.join(folder, "root"))
            commands = ["/bin/" + knobs["PROG"] if "PROG" in knobs else
                        "/root/" + os.path.basename(knobs["ELF"])
                        for knobs in wanted.values()]
            trace = self.record({"CMD": "; ".join(commands), "OVERLAY": folder})
        for knobs in wanted.values():
            self._keep(knobs, trace)

    def tell(self, options):
        """The story that is asked for. Not every fault comes up in every run: CPUs race, and disks
        take their time. So it is run again, a few times, where it did not."""
        for tries in range(TRIES):
            try:
                return tell(self._run(options, tries), options)
            except Wrong as wrong:
                missing = wrong
        raise missing

    def differs(self, options, body):
        """None if one of the faults that the marker fits is told like @body; else a sentence that
        says what the most similar one tells otherwise."""
        nearest = None
        for tries in range(TRIES):
            run = self._run(options, tries)
            for scene in found(run, options):
                difference = stale.difference(body, told(run, scene), racy(options, body))
                if not difference:
                    return None
                nearest = max(nearest or difference, difference)
        if not nearest:
            return f"the story of {shown(options)} is old: no such fault comes up any more"
        return f"the story of {shown(options)} is old: \"{nearest[1]}\" is \"{nearest[2]}\" by now"
