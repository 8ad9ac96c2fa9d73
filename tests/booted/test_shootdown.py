# SPDX-License-Identifier: MIT
"""Every CPU forgets what was taken away, and nobody is interrupted without need."""
from harness import program, run, tap


def test_two():
    "two CPUs"
    tap(run(elf=program("shootdown"), smp=2, mem="64M", swap="256M"))


def test_four():
    "four CPUs"
    tap(run(elf=program("shootdown"), smp=4, mem="64M", swap="256M"))
