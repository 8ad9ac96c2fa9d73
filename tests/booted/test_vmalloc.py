# SPDX-License-Identifier: MIT
"""The vmalloc area, whose top-level entries a map takes over when it first needs them."""
import re

from harness import DEBUG, check, program, run, skip


def test_sync():
    "maps older than the area's entry fault once each, at their first touch; younger ones never"
    result = run(cmd="grep vmalloc /proc/vmstat")
    check("process 1, whose map is older than the swap area's tables", re.search(
        rb"^fault_vmalloc 1$", result.stdout, re.M), result.show())
    if DEBUG:  # where the audit has made the entry before there is a second process
        skip("a family of maps older than it", "the debug kernel has none")
        return
    # Without swap, nothing that boots needs a large area.
    result = run(elf=program("vmalloc"), swap="none")
    check("a family of four: one fault each, and none at the second touch",
          result.stdout == b"4\n0\n", result.show())
    result = run(elf=program("vmalloc"), swap="none", smp=2)
    check("the same on two CPUs", result.stdout == b"4\n0\n", result.show())
    result = run(elf=program("vmalloc"), swap="none", faults=True)
    lines = [line for line in result.faults.splitlines() if '"vmalloc_fault"' in line]
    check("their lines in the fault log", len(lines) == 4 and all(
        re.search(r" vmalloc minor [rw]k ffffc98[0-9a-f]{9} ", line) for line in lines),
        "\n".join(lines) or result.show())


def test_interrupted():
    "an interrupt handler is the first to touch the area in a map"
    result = run(elf=program("crash"), args=["vmalloc-irq"], karg="crash=ask", swap="none",
                 faults=True)
    check("exit status 0", result.status == 0, result.show())
    if not DEBUG:
        check("synced there", re.search(
            r'crash minor wk ffffc98[0-9a-f]{9} .*"vmalloc_fault"', result.faults), result.show())
