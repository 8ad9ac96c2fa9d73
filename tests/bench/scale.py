# SPDX-License-Identifier: MIT
"""How costs grow with the number of CPUs: the same work by one worker and by two side by side, on both
kernels, and how often workers wait for each other on up to eight CPUs."""
import csv
import re
import statistics
import sys
from collections import namedtuple

import chart
import guests
from guests import Refused

PROGRAM = {"scale": "build/tests/scale"}
WORKERS = 1, 2
CPUS = 1, 2, 4, 8
GOAL = 1.9  # two CPUs do so much of what one does
TITLES = {
    "threads_own": "threads, write faults in mappings of their own",
    "threads_one": "threads, write faults in one mapping",
    "threads_file": "threads, read faults of a file",
    "threads_mmap": "threads, mmap + munmap",
    "processes_own": "processes, write faults",
    "processes_file": "processes, read faults of a file",
    "processes_mmap": "processes, mmap + munmap",
    "processes_fork": "processes, fork + exit + wait",
}
AIMS = ("threads_own", "processes_own")
# What is counted, by its column.
COUNTERS = {"lock waits": ("lock_spin_wait", "lock_sleep_wait"),
            "flush IPIs": ("nr_tlb_remote_flush_received",),
            "fall-backs": ("vma_lock_abort", "vma_lock_retry")}
LINE = re.compile(r"^scale (\w+) (\d+) (\d+) ([\d ]+) : ?(.*)$", re.MULTILINE)

# times: nanoseconds of one operation, for each round. counts: events in operations of all workers.
Case = namedtuple("Case", "times operations counts")


def parse(text):
    """What the program printed: {(case, workers): Case}."""
    found = {}
    for name, workers, operations, times, counts in LINE.findall(text):
        times = [int(time) / int(operations) for time in times.split()]
        events = dict(pair.split("=") for pair in counts.split())
        found[name, int(workers)] = Case(times, len(times) * int(operations) * int(workers),
                                         {key: int(value) for key, value in events.items()})
    if not found:
        raise Refused(f"scale printed nothing: {text.strip()}")
    return found


def speeds(kernels, rounds):
    """{kernel's name: {(case, workers): ns}}: the median over the boots of the best round of each. The
    best, for what disturbs a round on a shared machine only makes it longer."""
    best = {kernel.name: {} for kernel in kernels}
    for index in range(rounds):
        print(f"  scale: round {index + 1} of {rounds}", file=sys.stderr)
        for kernel in kernels:
            text = kernel.run("scale -r 20 1 2", smp=2, overlay=PROGRAM)
            for key, case in parse(text).items():
                best[kernel.name].setdefault(key, []).append(min(case.times))
    return {name: {key: statistics.median(times) for key, times in found.items()}
            for name, found in best.items()}


def contention(kernel):
    """{(case, column, CPUs): events in 1000 operations}, one worker on each CPU."""
    found = {}
    for cpus in CPUS:
        cases = parse(kernel.run(f"scale -r 5 {cpus}", smp=cpus, mem="256M", overlay=PROGRAM))
        for (name, _), case in cases.items():
            for column, events in COUNTERS.items():
                total = sum(case.counts.get(event, 0) for event in events)
                found[name, column, cpus] = 1000 * total / case.operations
    return found


def report_speeds(found):
    """Print them. Returns rows for the CSV file."""
    print("\nTwo CPUs: ns of an operation by one worker, by each of two at once, and how much more two "
          "get done\n")
    print(f"{'work of':<50}" + "".join(f"{name:>12}{'two':>11}{'more':>7}" for name in found))
    rows = []
    for case, title in TITLES.items():
        line = f"{title:<50}"
        for name, figures in found.items():
            one, two = (figures.get((case, n)) for n in WORKERS)
            if not one or not two:
                line += f"{'-':>30}"
                continue
            line += f"{one:>12,.0f}{two:>11,.0f}{2 * one / two:>7.2f}"
            rows += [(case, "ns", name, n, round(figures[case, n], 1)) for n in WORKERS]
        ours = found["Faultline"]
        if case in AIMS:
            more = 2 * ours[case, 1] / ours[case, 2]
            line += f"  {GOAL} to reach: {'reached' if more >= GOAL else 'NOT reached'}"
        print(line)
    return rows


def report_contention(found):
    """Print it. Returns rows for the CSV file."""
    print("\nFaultline: events in 1000 operations, with one worker on each of 1, 2, 4, 8 CPUs\n")
    print(f"{'work of':<50}" + "".join(f"{column:^28}" for column in COUNTERS))
    rows = []
    for case, title in TITLES.items():
        line = f"{title:<50}"
        for column in COUNTERS:
            values = [found.get((case, column, cpus), 0) for cpus in CPUS]
            line += "".join(f"{value:>7.2f}" for value in values)
            rows += [(case, column, "Faultline", cpus, round(value, 3))
                     for cpus, value in zip(CPUS, values)]
        print(line)
    return rows


def draw(speed, waits):
    """All of it as panels, in which flat is better."""
    panels = []
    for case, title in TITLES.items():
        series = [(css, [(n, figures[case, n]) for n in WORKERS if (case, n) in figures])
                  for css, figures in zip(("ours", "linux"), speed.values())]
        panels.append((f"{title}, ns", "workers", [(n, str(n)) for n in WORKERS], series))
    for case, title in TITLES.items():
        points = [(cpus, waits.get((case, "lock waits", cpus), 0)) for cpus in CPUS]
        panels.append((f"{title}, lock waits/1000", "CPUs", [(n, str(n)) for n in CPUS],
                       [("ours", points)]))
    chart.lines(guests.path("scale.svg"), "How costs grow with the number of CPUs", panels)


def run(kernels, rounds):
    """Measure, print and chart."""
    speed = speeds(kernels, rounds)
    rows = report_speeds(speed)
    waits = contention(kernels[0])
    rows += report_contention(waits)
    draw(speed, waits)
    with open(guests.path("scale.csv"), "w", encoding="ascii", newline="") as file:
        csv.writer(file).writerows([("case", "figure", "kernel", "workers", "value")] + rows)
