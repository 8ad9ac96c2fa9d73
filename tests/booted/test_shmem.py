# SPDX-License-Identifier: MIT
"""Shared memory and tmpfs with less memory than they hold: in swap and back, on two CPUs."""
import os
import shutil

from harness import complaints, check, program, run, tap, tmp


def test_swap():
    "shared memory and tmpfs larger than RAM; swapoff, truncate and exit meanwhile"
    folder = tmp()
    os.mkdir(os.path.join(folder, "t"))
    shutil.copy(program("shmswap"), os.path.join(folder, "t"))
    result = run(cmd="runtests /t/shmswap", overlay=folder, smp=2, mem="40M", swap="128M", limit=120)
    tap(result)
    said = complaints(result.kernel_log)
    check("no complaint of the kernel", not said, said)
