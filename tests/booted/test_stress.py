# SPDX-License-Identifier: MIT
"""A short `make stress` on 1, 2 and 4 CPUs: everything at once, at random, on the debug kernel, with
less memory than is used; audits by the clock and at the end."""
import os
import shutil

from harness import check, complaints, debug_kernel, program, run, tap, tmp

SECONDS = 12


def stress(smp, seed):
    """One run. `make stress` does the same for longer."""
    kernel = debug_kernel()
    if not kernel:
        return
    folder = tmp()
    os.mkdir(os.path.join(folder, "t"))
    shutil.copy(program("stress"), os.path.join(folder, "t"))
    result = run(cmd=f"runtests --no-leak '/t/stress {SECONDS} {seed}'", overlay=folder, smp=smp,
                 kernel=kernel, mem="64M", swap="256M", karg="audit=500")
    tap(result, f"SMP={smp}: ")
    said = complaints(result.kernel_log)
    check("no complaint of the kernel", not said, said)


def test_stress_1():
    "everything at random on one CPU"
    stress(1, 11)


def test_stress_2():
    "everything at random on two CPUs"
    stress(2, 22)


def test_stress_4():
    "everything at random on four CPUs"
    stress(4, 44)
