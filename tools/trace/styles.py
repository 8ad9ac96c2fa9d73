# SPDX-License-Identifier: MIT
"""A recorded run in the formats of others: perf trace, ftrace, trace events."""
import itertools
import json as json_text

import words
from format import (CALL, EXEC, EXIT, FORK, KERNEL_HALF, PAGE_SHIFT, PF_USER, RECLAIM,
                    VM_GROWSDOWN, text)

FTRACE_HEAD = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {count}/{count}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""


# ---- perf trace -F all -------------------------------------------------------------------------

def _data(scene):
    """What the address lies in, as perf 6.1 names it: file@offset, //anon@address and its like. Of
    what the kernel touches it gives the number alone."""
    fault = scene.record
    if not fault.error_code & PF_USER:
        return f"{fault.address:#x}", "?"
    name, at = "//anon", fault.address
    if fault.ino:
        name = words.file_name(scene.path, fault.dev, fault.ino)
        if not name.startswith("/dev/zero"):  # shared anonymous memory, to perf
            at += (fault.vm_pgoff << PAGE_SHIFT) - fault.vm_start
    elif fault.vm_flags & VM_GROWSDOWN:
        name = "[stack]"
    elif scene.heap and fault.vm_start < scene.heap[1] and fault.vm_end > scene.heap[0]:
        name = "[heap]"
    return f"{name}@{at:#x}", "d"


def _code(run, scene):
    """The instruction: function and offset or, without symbols, where it stands in its file."""
    ip, vma, place = scene.record.ip, scene.code_vma, run.place(scene)
    if place:
        return f"{place.function}+{place.offset:#x}"
    return f"{ip - vma.start + (vma.pgoff << PAGE_SHIFT):#x}" if vma and vma.ino else f"{ip:#x}"


def line(run, out):
    """One line for each fault that rusage counts, taken by a CPU: milliseconds since the first one
    (and of the fault), who, where."""
    first, khz = None, run.trace.header.tsc_khz
    for scene in sorted(run.faults(), key=lambda scene: scene.record.begin):
        fault = scene.record
        if words.remote(fault) or not words.counted(fault):
            continue
        first = fault.begin if first is None else first
        data, kind = _data(scene)
        out(f"{(fault.begin - first) / khz:10.3f} ({fault.cycles / khz:6.3f} ms): "
            f"{text(scene.comm)[:14]}/{fault.tid} {'maj' if words.major(fault) else 'min'}fault "
            f"[{_code(run, scene)}] => {data} ({kind}{'.' if kind == 'd' else 'k'})\n")


# ---- ftrace ------------------------------------------------------------------------------------

def _kernel_name(run, address):
    """The kernel's function without an offset (what Linux's %ps prints), or the number."""
    found = run.symbols.kernel.function(address) if address >= KERNEL_HALF else None
    return found[0] if found else f"{address:#x}"


def ftrace(run, out):
    """What tracefs' `trace` would hold with events/exceptions enabled: faults by the CPU, each when
    it began."""
    faults = sorted((scene for scene in run.faults() if not words.remote(scene.record)),
                    key=lambda scene: scene.record.begin)
    out(FTRACE_HEAD.format(count=len(faults), cpus=run.trace.header.nr_cpus))
    for scene in faults:
        fault, user = scene.record, scene.record.error_code & PF_USER
        us = int(run.trace.seconds(fault.begin) * 1_000_000)
        address, ip = (_kernel_name(run, number) for number in (fault.address, fault.ip))
        out(f"{text(scene.comm):>16}-{fault.tid:<7} [{fault.cpu:03}] d.... "
            f"{us // 1_000_000:5}.{us % 1_000_000:06}: page_fault_{'user' if user else 'kernel'}: "
            f"address={address} ip={ip} error_code={fault.error_code:#x}\n")


# ---- Trace events, for Perfetto and chrome://tracing -------------------------------------------

MACHINE = 1  # Perfetto takes 0 for the idle task


def thread(cpu):
    """The number of a CPU's thread."""
    return cpu + 1


class _Track:
    """The events of one CPU, strictly nested. What a task has begun is ended when another task's
    fault comes between (it slept), and begun again when it goes on."""

    def __init__(self, cpu, emit):
        self.cpu, self.emit, self.open = cpu, emit, []  # open: (owner, name, args), outermost first

    def _event(self, phase, at, name, args=None):
        event = {"ph": phase, "pid": MACHINE, "tid": thread(self.cpu), "ts": at, "name": name,
                 "cat": "fault"}  # Chrome's panel pairs begin and end by both, name and category
        if args:
            event["args"] = args
        self.emit(event)

    def begin(self, at, owner, name, args=None):
        self._event("B", at, name, args)
        self.open.append((owner, name, args))

    def end(self, at):
        _, name, _ = self.open.pop()
        self._event("E", at, name)

    def turn(self, at, owner):
        """From here on it is @owner's task that runs: what others have begun sleeps, what was
        begun for @owner goes on."""
        while self.open and self.open[-1][0]["tid"] != owner["tid"]:
            slept, name, args = self.open[-1]
            self.end(at)
            slept["asleep"].insert(0, (name, args))
        for name, args in owner["asleep"]:
            self.begin(at, owner, name, args)
        owner["asleep"] = []


def _steps(run, scene):
    """A fault as [(tsc, name or None for the end, args)], outermost first."""
    fault, place = scene.record, run.place(scene)
    args = {"program": text(scene.comm), "pid": scene.pid, "tid": fault.tid,
            "address": f"{fault.address:#x}", "access": words.error_words(fault.error_code),
            "ip": f"{place.function}+{place.offset:#x}" if place else f"{fault.ip:#x}",
            "before": words.entry(fault.before_pte), "after": words.entry(fault.after_pte),
            "what": run.resolution(scene), "cycles": fault.cycles}
    kind = "major" if words.major(fault) else "minor"
    steps = [(fault.begin, f"{kind} fault of {text(scene.comm)}", args)]
    latest = itertools.accumulate((cycles for _, cycles in fault.doors[:-1]), max)  # if time goes back
    steps += [(fault.begin + cycles, door, None)
              for (door, _), cycles in zip(fault.doors[:-1], latest)]
    return steps + [(max(steps[-1][0], fault.begin + fault.cycles), None, None)]


def _play(track, points):
    """Emit what happened on one CPU. @points: (tsc, order, owner, name or None, args, in ns)."""
    for _, _, owner, name, args, at in sorted(points, key=lambda point: point[:2]):
        track.turn(at, owner)
        if owner["depth"] > 1:
            track.end(at)  # the door before
        if name is None:
            track.end(at)
        else:
            track.begin(at, owner, name, args)
        owner["depth"] += 1


def _instants(run, at):
    """Calls, fork, exec and exit: points in time."""
    names = {CALL.number: words.call, FORK.number: lambda r: f"fork: process {r.child_pid}",
             EXEC.number: lambda r: f"exec {text(r.path)}", EXIT.number: lambda r: "exit"}
    for scene in run.scenes:
        record = scene.record
        event = {"ph": "i", "pid": MACHINE, "tid": thread(record.cpu), "ts": at(record.tsc)}
        if record.type in names:
            yield dict(event, s="t", name=names[record.type](record), cat="call",
                       args={"program": text(scene.comm), "pid": scene.pid})
        elif record.type == RECLAIM.number and not record.op:
            yield dict(event, s="g", name=f"{record.reclaimed} frames taken back", cat="reclaim",
                       args={})


def json(run, out):
    """Trace events, one a line: a thread for each CPU, faults with their doors inside."""
    header, first = run.trace.header, True

    def emit(event):
        nonlocal first
        out(("" if first else ",\n") + json_text.dumps(event))
        first = False

    def at(tsc):
        return round((tsc - header.tsc_boot) * 1_000_000 / header.tsc_khz) / 1000

    out('{"displayTimeUnit": "ns", "traceEvents": [\n')
    emit({"ph": "M", "pid": MACHINE, "name": "process_name", "args": {"name": "Faultline"}})
    points = {cpu: [] for cpu in range(header.nr_cpus)}
    for scene in run.faults():
        owner = {"tid": scene.record.tid, "depth": 0, "asleep": []}
        for tsc, name, args in _steps(run, scene):
            points[scene.record.cpu].append((tsc, len(points[scene.record.cpu]), owner, name, args,
                                             at(tsc)))
    for cpu, what in points.items():
        emit({"ph": "M", "pid": MACHINE, "tid": thread(cpu), "name": "thread_name",
              "args": {"name": f"CPU {cpu}"}})
        _play(_Track(cpu, emit), what)
    for event in _instants(run, at):
        emit(event)
    out("\n]}\n")
