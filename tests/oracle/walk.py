#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The random walk over the memory calls (tests/programs/walk.c) on Faultline and on Linux, compared.

usage: tests/oracle/walk.py [--steps N] [--seed N] [--walk STEPS]     (make kernel build/tests/walk)

Walks of 500 steps, one for each seed from --seed on. Where the two texts differ, it tells the seed,
the step and both lines, then cuts that walk to the fewest steps that still differ, and says how to
take them again. Ends with status 1 then.
"""
import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
import linux  # noqa: E402
from knobs import Refused  # noqa: E402

PROGRAM = os.path.join(TOP, "build/tests/walk")
RUNDIR = os.path.join(TOP, "build/oracle/walk")
WALK = 500  # steps of one walk
CANDIDATES = 40  # shorter walks tried in one boot
JOB = re.compile(rb"^job \d+\n", re.MULTILINE)
END = b"end of jobs\n"
LINE = re.compile(r"(?:seed )?(\d+):(\d+)?")  # seed and last step of a digest


def limit(jobs):
    """Seconds for the jobs in one boot: ten times what they need on a machine at rest."""
    total = 0
    for job in jobs:
        seeds = re.search(r"seeds=(\d+)-(\d+)", job)
        steps = re.search(r"steps=(\d+)", job)
        total += (int(steps[1]) if steps else WALK) * \
            (int(seeds[2]) - int(seeds[1]) + 1 if seeds else 1)
    return 40 + total // 200


class Faultline:
    """Runs the program's jobs on Faultline."""
    name = "Faultline"

    def __init__(self, kernel=None, rundir=RUNDIR, **others):
        debug = os.environ.get("DEBUG", "0") not in ("", "0")
        self.kernel = kernel or os.path.join(TOP, "build", "debug" if debug else "kernel",
                                             "faultline.elf")
        self.rundir, self.others = rundir, others

    def run(self, jobs):
        """What the jobs (lines of words) wrote, and a sentence if the machine did not end well."""
        os.makedirs(self.rundir, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.rundir) as overlay:
            with open(os.path.join(overlay, "walk.jobs"), "w") as file:
                file.write("".join(job + "\n" for job in jobs))
            words = [f"{name.upper()}={value}" for name, value in self.others.items()]
            done = subprocess.run(
                [sys.executable, os.path.join(TOP, "tools/run.py"), "run", "--kernel", self.kernel,
                 "--rundir", os.path.join(self.rundir, "faultline"), f"ELF={PROGRAM}",
                 "ARGS=file=/walk.jobs", f"OVERLAY={overlay}", f"LIMIT={limit(jobs)}",
                 "KARGS=norandmaps", *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                check=False)
        return done.stdout, done.stderr.decode(errors="replace")


class Linux:
    """Runs them on Debian's Linux."""
    name = "Linux"

    def __init__(self, rundir=RUNDIR):
        self.rundir = rundir

    def run(self, jobs):
        os.makedirs(self.rundir, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.rundir) as file:
            file.write("".join(job + "\n" for job in jobs))
            file.flush()
            out, _ = linux.Linux(os.path.join(self.rundir, "linux")).run(
                ["/bin/walk", "file=/walk.jobs"], limit=2 * limit(jobs),
                overlay={"walk": PROGRAM, "/walk.jobs": file.name})
        return out, ""


def texts(machine, jobs):
    """What each job wrote, as a list of lines. A job that the machine did not survive ends with a
    line that says so; those after it get another boot."""
    found = []
    while len(found) < len(jobs):
        out, said = machine.run(jobs[len(found):])
        parts = JOB.split(out.split(END)[0])[1:]
        lines = [part.decode(errors="replace").splitlines() for part in parts]
        if not out.endswith(END):
            if not lines:
                lines = [[]]
            lines[-1].append(f"the machine broke: {said.strip()}")
        found += lines[:len(jobs) - len(found)]
    return found


def both(machines, jobs):
    """texts() of two machines, side by side."""
    found, errors = [None, None], []

    def one(i):
        try:
            found[i] = texts(machines[i], jobs)
        except Exception as error:  # for the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=one, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return found


def first_difference(left, right):
    """Index of the first line in which two texts differ, or None."""
    for i in range(max(len(left), len(right))):
        if left[i:i + 1] != right[i:i + 1]:
            return i
    return None


def keep_words(steps):
    """"1-3,7" for [1, 2, 3, 7]."""
    words, run = [], []
    for step in list(steps) + [None]:
        if run and (step is None or step != run[-1] + 1):
            words.append(f"{run[0]}-{run[-1]}" if run[1:] else str(run[0]))
            run = []
        run.append(step)
    return ",".join(words)


def failing(machines, seed, candidates, every=65535):
    """Which of the candidates (lists of steps) still differ."""
    jobs = [f"seed={seed} keep={keep_words(steps)} every={every}" for steps in candidates]
    left, right = both(machines, jobs)
    return [steps for steps, a, b in zip(candidates, left, right) if a != b]


def suffixes(steps):
    """The last steps alone: a difference is often made shortly before it shows."""
    size = 1
    while size < len(steps):
        yield steps[-size:]
        size = size * 3 // 2 + 1


def chunks(steps, count):
    """The steps but the last, in count parts: the last is where it shows."""
    rest = steps[:-1]
    size = max(1, -(-len(rest) // count))
    return [rest[i:i + size] for i in range(0, len(rest), size)]


def without(steps, gone):
    gone = set(gone)
    return [step for step in steps if step not in gone]


def shrink(machines, seed, steps):
    """The fewest steps found that still differ. Each boot tries many candidates: first the ends of
    the walk, then the walk without each of its parts, then without the parts that nobody missed,
    one more at a time."""
    shorter = failing(machines, seed, list(suffixes(steps)))
    steps = min(shorter + [steps], key=len)
    count = CANDIDATES // 2
    while len(steps) > 1:
        parts = chunks(steps, count)
        left_out = [without(steps, part) for part in parts]
        still = failing(machines, seed, left_out)
        idle = [part for part, rest in zip(parts, left_out) if rest in still]
        before = len(steps)
        if idle:
            joined = [without(steps, sum(idle[:n], [])) for n in range(2, len(idle) + 1)]
            still = [without(steps, idle[0])] + (failing(machines, seed, joined) if joined else [])
            steps = min(still, key=len)
        if len(steps) == before and len(parts[0]) == 1:
            break
        if len(steps) == before or len(parts[0]) > 1:
            count = max(CANDIDATES, 2 * count)
    return steps


def explain(machines, seed, steps, say):
    """Say what the steps are and how the two machines differ, page by page in the last."""
    words = f"seed={seed} keep={keep_words(steps)}"
    left, right = both(machines, [words + " last"])
    left, right = left[0], right[0]
    at = first_difference(left, right)
    for line in left[:at]:
        say("    " + re.sub(r" maps=\d+:\S+| res=\S+| all=\S+| some=\S+| f\d=\S+", "", line)[:200])
    for machine, text in zip(machines, (left, right)):
        line = text[at] if at is not None and at < len(text) else "(nothing)"
        other = (right if text is left else left)[at:at + 1] if at is not None else []
        say(f"  {machine.name + ':':<10} {difference(line, other[0] if other else '')}")
    say(f"  again: make run ELF=build/tests/walk ARGS=\"{words} last\"")


def difference(line, other):
    """The line; if it is long, its head and the words in which it differs from the other."""
    if len(line) < 200:
        return line
    mine, theirs = re.split(r" |(?=\[)", line), set(re.split(r" |(?=\[)", other))
    return " ".join(mine[:12]) + " ... " + " ".join(w for w in mine[12:] if w not in theirs)[:1500]


def pursue(machines, seed, last, say):
    """A walk that differs up to step last: where, and its shortest form."""
    left, right = both(machines, [f"seed={seed} steps={last} text"])
    left, right = left[0], right[0]
    at = first_difference(left, right)
    if at is None:
        say(f"seed {seed}: the digests differed, the texts up to step {last} do not: run it again")
        return
    say(f"seed {seed}: the walk differs in step {at + 1}:")
    for machine, text in zip(machines, (left, right)):
        say(f"  {machine.name + ':':<10} {text[at][:400] if at < len(text) else '(nothing)'}")
    steps = list(range(1, min(at + 1, last) + 1))
    begin = time.monotonic()
    steps = shrink(machines, seed, steps)
    say(f"  the shortest walk that differs has {len(steps)} of {at + 1} steps "
        f"(found in {time.monotonic() - begin:.0f} s):")
    explain(machines, seed, steps, say)


def differing(machines, steps, seed, walk):
    """Walk. Returns ({seed: last step up to which it differs, at most}, steps taken)."""
    count = -(-steps // walk)
    every = 50 if walk >= 50 else walk
    job = f"seeds={seed}-{seed + count - 1} steps={walk} every={every}"
    left, right = both(machines, [job])
    found = {}
    for a, b in itertools.zip_longest(left[0], right[0], fillvalue=""):
        match = a != b and (LINE.match(b) or LINE.match(a))
        if match:
            found.setdefault(int(match[1]), int(match[2] or walk))
    return found, count * walk


def compare(steps, seed, record, walk=WALK, machines=None, most=3):
    """Walk on both kernels: at least steps steps, from seed on. record(name, passed, diagnosis) is
    called once for the whole and once for each walk that differs, of which at most most are pursued.
    Raises Refused where Linux cannot be had."""
    linux.fetch()
    machines = machines or [Faultline(), Linux()]
    begin = time.monotonic()
    found, taken = differing(machines, steps, seed, walk)
    record(f"a walk of {taken} steps, seeds {seed} to {seed + taken // walk - 1}, is the same on "
           "both kernels", not found,
           f"{len(found)} of {taken // walk} walks differ: seeds {sorted(found)}")
    seconds = time.monotonic() - begin
    for number in sorted(found)[:most]:
        lines = []
        pursue(machines, number, found[number], lines.append)
        record(f"the walk of seed {number}", False, "\n".join(lines))
    return taken, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--walk", type=int, default=WALK, help="steps of one walk")
    parser.add_argument("--most", type=int, default=3, help="walks to shrink")
    words = parser.parse_args()
    failed = []

    def record(name, passed, diagnosis):
        print(f"{'ok' if passed else 'not ok'} - {name}", flush=True)
        if not passed:
            failed.append(name)
            print(diagnosis, flush=True)

    try:
        taken, seconds = compare(words.steps, words.seed, record, walk=words.walk, most=words.most)
    except Refused as refusal:
        sys.exit(f"faultline: {refusal}")
    print(f"{taken} steps on each kernel in {seconds:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
