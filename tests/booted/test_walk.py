# SPDX-License-Identifier: MIT
"""The random walk over the memory calls: beside Linux, and with too little memory for it."""
import os
import sys

from harness import TOP, check, program, run, skip, tmp

sys.path[:0] = [os.path.join(TOP, "tests/oracle"), os.path.join(TOP, "tools")]
import linux  # noqa: E402
import walk  # noqa: E402
from knobs import Refused  # noqa: E402

STEPS = 5000


def test_beside_linux():
    "a short walk shows the same on Linux"
    try:
        linux.fetch()
    except Refused as refusal:
        skip("the walk beside Linux", str(refusal))
        return
    rundir = tmp()
    walk.compare(STEPS, 1, check, machines=[walk.Faultline(rundir=rundir), walk.Linux(rundir)],
                 most=1)


def test_short_of_memory():
    "a walk shows the same while its pages are taken away"
    words = "seeds=1-4 steps=250 calm"
    roomy = run(elf=program("walk"), args=words, mem="64M", limit=100, karg="norandmaps")
    tight = run(elf=program("walk"), args=words + " hog=24", mem="24M", swap="64M", limit=250,
                karg="norandmaps")
    check("both walks end", roomy.status == 0 == tight.status, tight.show())
    lines = roomy.stdout.decode().splitlines(), tight.stdout.decode().splitlines()
    at = walk.first_difference(*lines)
    check("memory pressure changes nothing", len(lines[0]) == 20 and at is None,
          f"line {at}: {[text[at:at + 1] for text in lines] if at is not None else lines}\n"
          f"again: make run ELF=build/tests/walk MEM=24M ARGS=\"{words} hog=24 text\"")
