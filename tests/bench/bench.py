#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench`: what each operation of user/bench.c costs on Faultline and on Linux.

In this order, or those that PARTS= names:
    icount   instructions, under -icount shift=0,sleep=off: the same in each run
    recorder what TRACE=1 adds to the instructions
    wall     time under plain TCG, the two kernels by turns, ROUNDS= times
    curves   costs against the number of mappings and against the size of the RAM
    native   mm/ as a program of the host: instructions by callgrind
    scale    the same work by one worker and by two, and who waits for whom on up to eight CPUs
T= chooses operations by patterns, and then only the first two parts unless PARTS= says so. The
figures go to standard output and, with charts, to build/bench/; docs/bench.md explains them.
"""
import csv
import fnmatch
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

import chart
import curves
import guests
import native
import profile
import recorder
import scale
from guests import Refused
from operations import FEW_MANY, OPERATIONS

PARTS = ("icount", "recorder", "wall", "curves", "native", "scale")
ROUNDS = os.environ.get("ROUNDS") or "5"
PATTERNS = (os.environ.get("T") or "").split()
BENCH = " ".join(["bench"] + [f"'{pattern}'" for pattern in PATTERNS])
KERNELS = guests.Faultline(), guests.Linux()


def split_parts(text, parts):
    """{operation: its parts}, by the order in which bench printed them."""
    parts, found = iter(parts[1:]), {}
    for line in text.splitlines():
        name = line.removeprefix("bench ").removeprefix("# ").split(" ")[0].rstrip(":")
        if name in OPERATIONS and line.startswith(("bench ", "# ")):
            wanted = 2 if OPERATIONS[name].units == FEW_MANY and line[0] == "b" else 1
            found[name] = [next(parts) for _ in range(wanted)]
    return found


def bulk_of(name, parts):
    """Instructions of one operation that zero or copy."""
    each = [profile.bulk(part) / part.windows for part in parts]
    if len(each) == 2:
        return (each[0] - each[1]) / FEW_MANY
    return each[0] / OPERATIONS[name].units


def write_profiles(kernel, parts):
    """Write the functions of each operation, for who asks where the instructions go. Returns them:
    {operation: lines}."""
    symbols = profile.Symbols(kernel.symbols())
    tables = {name: [f"{name}: each of {part.windows} times"]
              + profile.table(part, symbols, least=0.005) for name, (part, *_) in parts.items()}
    with open(guests.path(f"profile-{kernel.name.lower()}.txt"), "w", encoding="ascii") as file:
        file.write("\n\n".join("\n".join(lines) for lines in tables.values()) + "\n")
    return tables


def count(kernel):
    """Instructions: {operation: (Line, how many of them zero or copy, its profile's lines)}."""
    counts = guests.path(f"counts-{kernel.name.lower()}")
    text = kernel.run(BENCH, icount=True, counts=counts)
    parts = split_parts(text, profile.read_parts(counts))
    tables, lines = write_profiles(kernel, parts), guests.parse(text)[2]
    for name in (name for name in lines if OPERATIONS[name].sleeps):
        part = parts[name][0]
        lines[name] = lines[name]._replace(mean=round(sum(part.counts.values()) / part.windows))
    return {name: (line, bulk_of(name, parts[name]), tables[name])
            for name, line in lines.items()}


def time_rounds():
    """Wall time by turns: a list, for each kernel, of {operation: nanoseconds} for each round."""
    rounds = [], []
    for index in range(int(ROUNDS)):
        print(f"  round {index + 1} of {ROUNDS}", file=sys.stderr)
        for kernel, results in zip(KERNELS, rounds):
            hz, _, lines = guests.parse(kernel.run(BENCH))
            results.append({name: line.mean * 1e9 / hz for name, line in lines.items()})
    return rounds


def ratio(ours, other):
    """ours / other as text."""
    return f"{ours / other:.2f}" if other and other > 0 else "-"


def report_counts(ours, other):
    """Print and chart the instructions. Returns rows for the CSV file, by operation."""
    print("\nInstructions: the mean of the middle round; of it, iterations that zero or copy\n")
    print(f"{'operation':<44}{'Faultline':>10} {'of it':>6} {'Linux':>8} {'of it':>6} {'ratio':>6} "
          f"{'to reach':>9}")
    rows, bars = {}, []
    for name, (line, zeroing, _) in ours.items():
        op, there = OPERATIONS[name], other.get(name)
        met = "" if not op.goal else "reached" if line.mean <= op.goal else "NOT reached"
        print(f"{op.title + ', per ' + line.unit:<44}{line.mean:>10,} {zeroing:>6,.0f} "
              + (f"{there[0].mean:>8,} {there[1]:>6,.0f} {ratio(line.mean, there[0].mean):>6}"
                 if there else " " * 22)
              + (f" {op.goal:>9,} {met}" if op.goal else ""))
        bars.append((op.title, line.mean, there and there[0].mean, op.goal))
        rows[name] = {"unit": line.unit, "goal": op.goal or "", "reached": met,
                      "ratio": ratio(line.mean, there[0].mean) if there else ""}
        for side, result in (("ours", ours[name]), ("linux", there)):
            if result:
                rows[name].update({f"{side}_instructions": result[0].mean,
                                   f"{side}_median": result[0].median,
                                   f"{side}_min": result[0].min,
                                   f"{side}_zeroing": round(result[1], 1)})
    chart.bars(guests.path("instructions.svg"), "What an operation costs: instructions",
               "instructions, under -icount", bars)
    for name in (name for name, row in rows.items() if row["reached"].startswith("NOT")):
        print("\nNot reached, " + "\n".join(ours[name][2][:10]))
    return rows


def report_times(rounds, rows):
    """Print and chart the times, and add them to the rows."""
    print(f"\nNanoseconds under plain TCG, {ROUNDS} rounds by turns: median (least to most)\n")
    print(f"{'operation':<34}{'Faultline':>9}{'Linux':>31}{'ratio':>28}")
    bars = []
    for name in rounds[0][0]:
        op, row, texts, middles = OPERATIONS[name], rows.setdefault(name, {}), [], []
        for side, results in zip(("ours", "linux"), rounds):
            times = [result[name] for result in results if name in result]
            if not times:
                continue
            middles.append(statistics.median(times))
            row.update({f"{side}_ns": round(middles[-1]), f"{side}_ns_least": round(min(times)),
                        f"{side}_ns_most": round(max(times))})
            texts.append(f"{middles[-1]:>9,.0f} {f'({min(times):,.0f} to {max(times):,.0f})':<22}")
        both = len(middles) == 2
        row["time_ratio"] = ratio(*middles) if both else ""
        print(f"{op.title:<34}" + "  ".join(texts) + f"{row['time_ratio']:>6}")
        bars.append((op.title, middles[0], middles[1] if both else None, None))
    chart.bars(guests.path("time.svg"), "What an operation costs: time under plain TCG",
               "nanoseconds", bars)


def write_csv(rows):
    """All of it for a machine."""
    if not rows:
        return
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    with open(guests.path("bench.csv"), "w", encoding="ascii", newline="") as file:
        out = csv.DictWriter(file, ["operation"] + columns, restval="")
        out.writeheader()
        out.writerows({"operation": name, **row} for name, row in rows.items())


def write_ceilings():
    """Record what the operations cost today and, a little above, what they may cost: `make test`
    fails where they cost more (tests/booted/test_bench.py)."""
    lines = guests.parse(KERNELS[0].run("bench -r 2", icount=True))[2]
    path = os.path.join(guests.TOP, "tests/bench/ceilings")
    with open(path, "w", encoding="ascii") as file:
        file.write("# Instructions of each operation of user/bench.c when last recorded, and the\n"
                   "# most that make test lets pass. Written by make ceilings.\n")
        for name, line in lines.items():
            if OPERATIONS[name].sleeps:
                continue
            goal, slack = OPERATIONS[name].goal, 5 if OPERATIONS[name].disk else 33
            file.write(f"{name:<20} {line.mean:>7} {line.mean + line.mean // slack + 3:>7}\n")
            if goal and line.mean > goal:
                print(f"{name}: {line.mean}, above the {goal} to reach", file=sys.stderr)


def main():
    if sys.argv[1:] == ["ceilings"]:
        write_ceilings()
        return
    wanted = (os.environ.get("PARTS") or " ".join(("icount", "wall") if PATTERNS else PARTS)).split()
    for part in wanted:
        if part not in PARTS:
            raise Refused(f"PARTS={part}: there are {' '.join(PARTS)}")
    if not ROUNDS.isdigit() or int(ROUNDS) < 1:
        raise Refused(f"ROUNDS={ROUNDS}: not a number from 1 on")
    for pattern in PATTERNS:
        if not fnmatch.filter(OPERATIONS, pattern):
            raise Refused(f"no operation matches T={pattern}: there are {' '.join(OPERATIONS)}")
    rows = {}
    if "icount" in wanted:
        KERNELS[1].symbols()
        with ThreadPoolExecutor(2) as pool:  # neither disturbs the other's count
            rows = report_counts(*pool.map(count, KERNELS))
    if "recorder" in wanted:
        recorder.run(KERNELS[0], BENCH)
    if "wall" in wanted:
        report_times(time_rounds(), rows)
    write_csv(rows)
    if "curves" in wanted:
        curves.run(KERNELS)
    if "native" in wanted:
        native.run()
    if "scale" in wanted:
        scale.run(KERNELS, int(ROUNDS))
    print("\nFigures, charts and profiles are in build/bench/", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"bench: {refusal}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
