# SPDX-License-Identifier: MIT
"""The scheduler on one, two and four CPUs."""
from harness import check, run, tap


def on(cpus):
    """The program smp on so many CPUs."""
    result = run(prog="smp", smp=cpus, limit=120)
    tap(result, f"{cpus} CPUs: ")
    check(f"{cpus} CPUs: no warning", "warning at" not in result.kernel_log, result.kernel_log[-3000:])


def test_one():
    "affinity, shares, wake-ups and barriers with one CPU"
    on(1)


def test_two():
    "with two"
    on(2)


def test_four():
    "with four"
    on(4)
