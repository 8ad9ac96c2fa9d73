# SPDX-License-Identifier: MIT
"""Each race of tests/programs/race_*.c, on 1, 2 and 4 CPUs and on the debug kernel. What is claimed
there holds on Linux too."""
import os
import shutil

from harness import TOP, check, complaints, debug_kernel, program, run, tap, tmp


def races(smp, ms, **knobs):
    """All of them in one boot, each for @ms milliseconds, with so little memory that swapping goes on beside."""
    folder = tmp()
    os.mkdir(os.path.join(folder, "t"))
    names = sorted(file[:-2] for file in os.listdir(os.path.join(TOP, "tests/programs"))
                   if file.startswith("race_") and file.endswith(".c"))
    for name in names:
        shutil.copy(program(name), os.path.join(folder, "t"))
    words = " ".join(f"'/t/{name} {ms}'" for name in names)
    result = run(cmd="runtests " + words, overlay=folder, smp=smp, swap="256M", limit=200, **knobs)
    tap(result, f"SMP={smp}: ")
    said = complaints(result.kernel_log)
    check("no complaint of the kernel", not said, said)


def test_races_1():
    "races on one CPU"
    races(1, 60, mem="40M")


def test_races_2():
    "races on two CPUs"
    races(2, 120, mem="40M")


def test_races_4():
    "races on four CPUs"
    races(4, 80, mem="40M")


def test_races_debug():
    "races on four CPUs, with the checks of a debug kernel"
    kernel = debug_kernel()
    if kernel:
        races(4, 60, kernel=kernel, mem="64M")
