# SPDX-License-Identifier: MIT
"""CPUs that start and CPUs that stop. What the scheduler does is asked by affinity and smp, which run
with all others on one, two and four CPUs: test_programs.py."""
from harness import check, debug_kernel, program, run


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
        result = run(prog="hello", smp=8, karg="audit=1", swap="none", kernel=kernel)
        check("8 CPUs start while the audit asks for all of them", result.status == 0,
              result.show())
