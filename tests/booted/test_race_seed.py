# SPDX-License-Identifier: MIT
"""RACE_SEED=: a debug kernel lingers between the steps of faults, and the same seed gives the same
order of all that happens where CPUs run in turns."""
import re

from harness import check, debug_kernel, run

REPORT = re.compile(r"race: seed (\d+): (\d+) points passed, (\d+) lingered at, order (\w+)")


def race(seed, **knobs):
    """One run without a disk, whose time is the host's. Returns what the kernel tells of it."""
    kernel = debug_kernel()
    if not kernel:
        return None
    result = run(prog="threads", kernel=kernel, smp=2, icount=1,
                 ramdisk=1, swap="none", race_seed=seed, **knobs)
    check(f"RACE_SEED={seed}: exit status 0", result.status == 0, result.show())
    report = REPORT.search(result.kernel_log)
    check(f"RACE_SEED={seed}: the kernel tells", report, result.show())
    return report and report.groups()


def test_same_order():
    "the same seed has the same order of events, another has another"
    first, again, other = race(5), race(5), race(6)
    check("points are passed", first and int(first[1]) > 100 and int(first[2]) > 0, first)
    check("the same order", first == again, (first, again))
    check("another order", other and first and other[3] != first[3], (first, other))


def test_no_seed():
    "without a seed nothing lingers"
    kernel = debug_kernel()
    if kernel:
        result = run(prog="hello", kernel=kernel)
        check("no report", result.status == 0 and "race:" not in result.kernel_log, result.show())
