# SPDX-License-Identifier: MIT
"""Many CPUs: all that the machine has are started, and each runs programs."""
import re

from harness import check, run

PANIC = 121


def cpus(result):
    """How many CPUs the kernel says it runs on."""
    found = re.search(r"smp: (\d+) CPUs run", result.kernel_log)
    return int(found[1]) if found else 1


def started(number, **knobs):
    """Boot with that many CPUs and run a program; returns the result."""
    result = run(cmd="hello", smp=knobs.pop("smp", number), **knobs)
    name = " ".join([f"{number} CPUs"] + [f"{key}={value}" for key, value in knobs.items()])
    check(f"{name}: a program runs", result.status == 0, result.show())
    check(f"{name}: the kernel counts them", cpus(result) == number, result.kernel_log)
    return result


def test_start():
    "every CPU of the MADT is started, up to the number the kernel is made for"
    for number in (1, 2, 3, 8, 32):
        started(number)
    result = started(32, smp=40)
    check("40 CPUs: the log says how many are left out", "8 of 40 CPUs are left out" in
          result.kernel_log, result.kernel_log)


def test_start_elsewhere():
    "with little memory, under UEFI, with counted instructions, with fewer than there are"
    started(8, mem="16M")
    started(4, firmware="uefi")
    started(4, icount="1")
    started(2, smp=4, karg="maxcpus=2")
    result = run(cmd="hello", smp=4, karg="maxcpus=0")
    check("maxcpus=0: refused, with the range", "maxcpus" in result.kernel_log and
          "1" in result.kernel_log and "32" in result.kernel_log, result.kernel_log)


def test_panic():
    "one CPU speaks when the kernel gives up, and the machine stops"
    result = run(cmd="hello", smp=4, karg="crash=panic")
    check("exit status of a panic", result.status == PANIC, result.show())
    check("said once", result.kernel_log.count("kernel panic: ") == 1, result.kernel_log)


def test_overflow_elsewhere():
    "a stack overflow is reported from its own exception stack on whichever CPU it happens"
    for _ in range(3):
        result = run(cmd="hello", smp=4, karg="crash=stack-overflow")
        check("exit status of a panic", result.status == PANIC, result.show())
        check("the overflow is named, with a backtrace",
              re.search(r"kernel stack overflow.*backtrace:\n.*overflow", result.kernel_log,
                        re.DOTALL), result.kernel_log)
