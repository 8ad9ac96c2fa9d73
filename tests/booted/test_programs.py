# SPDX-License-Identifier: MIT
"""The programs of user/ pass on Faultline, and give back every frame and swap slot they took."""
import os
import re

from harness import check, complaints, debug_kernel, overlay, program, run, tap, TOP

SWAPPERS = ("swap", "thrash")  # they fill the RAM, however much there is


def programs():
    """Names of the programs that print TAP."""
    folder = os.path.join(TOP, "user")
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".c") or file in ("init.c", "probe.c", "runtests.c", "tap.c"):
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as source:
            if '"tap.h"' in source.read():
                yield file[:-2]


def vmstat(text):
    """Counters of /proc/vmstat."""
    return {name.decode(): int(value) for name, value in
            re.findall(rb"^(\w+) (\d+)$", text, re.MULTILINE)}


def all_programs(smp, mem="128M", again=False):
    """Each program on that many CPUs; @again: then all of them once more, without a look at leaks."""
    names = " ".join(name for name in programs() if name not in SWAPPERS)
    check("there are programs", len(names.split()) >= 8, names)
    twice = f"; s=$?; runtests --no-leak {names} && exit $s"
    result = run(cmd=f"runtests {names}{twice if again else ''}", mem=mem, smp=smp)
    tap(result, f"SMP={smp}: ")
    said = complaints(result.kernel_log)
    check(f"SMP={smp}: no complaint of the kernel", not said, said)


def test_programs():
    "each program passes and leaks nothing; again in the same boot, on what the first time left"
    all_programs(1, "64M", True)


def test_programs_2():
    "the programs on two CPUs"
    all_programs(2)


def test_programs_4():
    "and on four"
    all_programs(4)


def swapping(name, **knobs):
    """Run a program that needs more memory than there is; look at the counters behind it."""
    result = run(cmd=f"runtests {name}; s=$?; cat /proc/vmstat; vmstat; exit $s", limit=240, **knobs)
    tap(result, f"{name}: ")
    counters = vmstat(result.stdout)
    for counter in ("pswpin", "pswpout"):
        check(f"{name}: {counter} > 1000", counters.get(counter, 0) > 1000, counters)
    rates = result.stdout.decode(errors="replace").split("\n")[-2].split()
    check(f"{name}: vmstat has 17 columns, and swapping is seen in si and so",
          len(rates) == 17 and int(rates[6]) > 0 and int(rates[7]) > 0, rates)


def test_swap():
    "a program of twice the RAM, with a checksum over all of it"
    swapping("swap", mem="32M", swap="256M")


def test_swap_of_another_cpu():
    "reclaim finds the pages that a CPU other than the first has on its lists"
    result = run(elf=program("pin"), args=["1", "/bin/swap"], mem="24M", swap="128M", smp=2,
                 limit=240)
    check("the program passes, pinned to CPU 1", result.status == 0, result.show())


def test_thrash():
    "a program that thrashes"
    swapping("thrash", mem="40M", swap="256M", smp=2)


def test_left_behind():
    "a program that leaves somebody behind who holds its output is judged, and the next one runs"
    folder = overlay({"t/leaves.sh": b"#!/bin/sh\necho said\nsleep 1000 &\n"})
    result = run(cmd="runtests --no-leak /t/leaves.sh hello", overlay=folder, icount=1)
    said = result.stdout.decode(errors="replace")
    check("what it said is seen", "\n    said\n" in said, result.show())
    check("it is judged", "\nnot ok 1 - /t/leaves.sh # ended, but processes" in said, said)
    check("so is the next", "\nok 2 - hello\n" in said, said)
    check("exit status 1", result.status == 1, result.show())


def test_debug_kernel():
    "all of it on two CPUs with the checks of a debug kernel"
    kernel = debug_kernel()
    if not kernel:
        return
    names = list(programs())
    result = run(prog="runtests", args=names, mem="48M", swap="256M", kernel=kernel, limit=240, smp=2)
    tap(result)
    check("no warning", "warning at" not in result.kernel_log, result.kernel_log[-3000:])
