# SPDX-License-Identifier: MIT
"""The stories in docs/fault-path/ are those that today's kernel tells (tools/docs.py --compare)."""
import os
import sys

from harness import DEBUG, KERNEL, TOP, check, run, skip

sys.path.append(os.path.join(TOP, "tools"))
# pylint: disable=wrong-import-position
import docs
import stale
from format import read

if DEBUG:
    stale.COST = float("inf")  # what a debug kernel's faults cost nobody tells


class Runs(docs.Runs):
    """Recorded by the tests' own means."""

    def record(self, knobs):
        result = run(trace="1", icount="1", **{key.lower(): value for key, value in knobs.items()})
        check(f"{docs.shown(knobs)}: recorded", result.status >= 0, result.show())
        return read(os.path.join(result.rundir, "trace.flt"))


def compare(wanted):
    """All stories of the book for which @wanted(made) holds, with new runs."""
    book = docs.chapters()
    chosen = [made for chapter in book for made in chapter.parts()
              if made.kind == "story" and wanted(made.options)]
    old = list(docs.old_stories(book, Runs(KERNEL), wanted))
    check(f"{len(chosen)} stories are compared", chosen)
    check("they are as told", not old, "\n".join(f"{path}: {sentence}" for path, sentence in old))


def test_stories():
    "docs/fault-path/: what it tells of programs is what a run of them tells"
    compare(lambda options: not docs.alone(options))


def test_stories_alone():
    "the same of runs with little memory, or without swap, or on two CPUs"
    if DEBUG:
        skip("little memory", "a debug kernel takes a seventh of it")
    else:
        compare(docs.alone)
