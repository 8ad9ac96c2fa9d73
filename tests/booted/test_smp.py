# SPDX-License-Identifier: MIT
"""The scheduler on one, two and four CPUs."""
from harness import check, debug_kernel, program, run, tap


def on(cpus):
    """The programs affinity and smp on so many CPUs."""
    result = run(prog="runtests", args=["affinity", "smp"], smp=cpus, limit=120)
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


def test_power_off():
    "a thread turns the machine off while its siblings and other processes write: the disk is clean"
    for number in (1, 2, 4):
        result = run(elf=program("poweroff"), smp=number)
        check(f"{number} CPUs: it powers off, and the disk is in order", result.status == 0,
              result.show())


def test_audit_at_boot():
    "who holds the machine still while the last CPUs are being started waits for them"
    kernel = debug_kernel()
    if kernel:
        result = run(cmd="hello", smp=8, karg="audit=1", limit=60, kernel=kernel)
        check("8 CPUs start while the audit asks for all of them", result.status == 0,
              result.show())
