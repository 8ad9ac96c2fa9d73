# SPDX-License-Identifier: MIT
"""No user program, whatever it does, stops the kernel: programs that try, on the debug kernel. What
they used comes back, what they were told not to do is refused, and the kernel has no complaint."""
import os
import shutil

from harness import check, complaints, debug_kernel, program, run, tap, tmp


def attack(*commands, **knobs):
    """Run fuzz_* programs, whose frames are counted, in one boot."""
    kernel = debug_kernel()
    if not kernel:
        return
    folder = tmp()
    os.mkdir(os.path.join(folder, "t"))
    for command in commands:
        shutil.copy(program(command.split()[0]), os.path.join(folder, "t"))
    words = " ".join(f"'/t/{command}'" for command in commands)
    result = run(cmd="runtests " + words, overlay=folder, kernel=kernel, **knobs)
    tap(result)
    said = complaints(result.kernel_log)
    check("no complaint of the kernel", not said, said)
    check("the log is not flooded", len(result.kernel_log) < 200000, len(result.kernel_log))


def test_hostile_cpu():
    "instructions, flags, selectors and signal frames that are not a program's"
    attack("fuzz_cpu 1", "fuzz_frames 1", mem="64M", smp=2)


def test_hostile_files():
    "files that are not what they seem: devices, /proc, names, programs, mappings that are cut"
    attack("fuzz_files 1", mem="64M")


def test_hostile_calls():
    "system calls with arguments that make no sense"
    attack("fuzz_calls 1 100", "fuzz_calls 2 100", mem="48M", smp=4)


def test_hostile_memory():
    "memory calls at random keep the contents of memory, with and without swapping"
    attack("fuzz_memory 1 20000", "fuzz_memory 2 6000 30", mem="32M", smp=2)


def test_hostile_limits():
    "too much of everything"
    attack("fuzz_limits", mem="64M", swap="none")


def test_hostile_long():
    "system calls that take long neither stop others nor outlive SIGKILL"
    attack("fuzz_long", mem="64M", smp=4)
