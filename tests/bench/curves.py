# SPDX-License-Identifier: MIT
"""How costs grow: a fault's with the number of mappings and the RAM, the boot's with the RAM."""
import csv
import sys
from concurrent.futures import ThreadPoolExecutor

import chart
import guests
import profile
from guests import Refused

VMAS = 1, 10, 100, 1000, 10000, 60000
RAM = "128M", "1G", "4G", "16G"
MIB = {"128M": 128, "1G": 1024, "4G": 4096, "16G": 16384}
# The most that a cost may grow along its curve.
BOUNDS = {"vmas": 1.3, "ram": 1.1}


def by_vmas(kernel, icount):
    """{(operation, mappings): ticks} of one boot."""
    text = kernel.run("; ".join(f"bench -v {n}" for n in VMAS), icount=icount)
    found = {}
    for n, part in zip(VMAS, text.split("bench-clock ")[1:]):
        hz, _, lines = guests.parse("bench-clock " + part)
        for name, line in lines.items():
            found[name, n] = line.mean if icount else line.median * 1e9 / hz
    return found


def by_ram(kernel, mem, icount):
    """{operation or "boot": ticks} on a machine with so much RAM. The boot, in instructions, is
    what the kernel executed until bench began; in time, all since power-on."""
    counts = guests.path(f"counts-{kernel.name.lower()}-{mem}") if icount else None
    text = kernel.run("bench anon_write anon_read", mem=mem, icount=icount, counts=counts)
    hz, start, lines = guests.parse(text)
    found = {name: line.mean if icount else line.median * 1e9 / hz for name, line in lines.items()}
    found["boot"] = start / hz * 1e3
    if icount:
        found["boot"] = sum(profile.read_parts(counts)[0].counts.values()) / 1000
    return found


def ram_curve(kernel, icount):
    """{(operation, mem): figure}; a size that this host cannot give is left out."""
    found = {}
    for mem in RAM:
        try:
            for name, figure in by_ram(kernel, mem, icount).items():
                found[name, mem] = figure
        except Refused as refusal:
            print(f"  {kernel.name} with {mem}: {refusal}", file=sys.stderr)
    return found


def print_curve(title, name, xs, figures, bound):
    """One line for each kernel: its figures, and by how much the greatest exceeds the least."""
    print(f"\n{title}")
    print(" " * 12 + "".join(f"{x:>15}" for x in xs) + "   most/least")
    for kernel, found in figures:
        values = [found.get((name, x)) for x in xs]
        known = [v for v in values if v]
        if not known:
            continue
        grows = max(known) / min(known)
        verdict = "" if not bound else f"  {'within' if grows <= bound else 'NOT within'} {bound}"
        print(f"{kernel.name:<12}" + "".join(f"{v:>15,.0f}" if v else f"{'-':>15}" for v in values)
              + f"   {grows:.2f}{verdict}")


def panel(title, x_axis, name, xs, scale, figures):
    """One set of axes for chart.lines()."""
    ticks = [(scale(x), str(x)) for x in xs]
    series = [(css, [(scale(x), found[name, x]) for x in xs if (name, x) in found])
              for css, (_, found) in zip(("ours", "linux"), figures)]
    return title, x_axis, ticks, series


def run(kernels):
    """Measure, print and chart all curves."""
    panels, rows = [], []
    for icount, unit in ((True, "instructions"), (False, "ns")):
        with ThreadPoolExecutor(2 if icount else 1) as pool:  # to take times wants quiet
            vmas = list(zip(kernels, pool.map(lambda k: by_vmas(k, icount), kernels)))
            ram = list(zip(kernels, pool.map(lambda k: ram_curve(k, icount), kernels)))
        bounds = BOUNDS if icount else {}
        boot_unit = "thousand instructions" if icount else "ms"
        for title, name, xs, figures, axis in (
                ("write fault among mappings", "vmas_write", VMAS, vmas, "vmas"),
                ("read fault among mappings", "vmas_read", VMAS, vmas, "vmas"),
                ("write fault", "anon_write", RAM, ram, "ram"),
                ("read fault", "anon_read", RAM, ram, "ram"),
                ("boot", "boot", RAM, ram, None)):
            this = boot_unit if name == "boot" else unit
            print_curve(f"{title}, {this}, by {'RAM' if xs is RAM else 'number of mappings'}",
                        name, xs, figures, bounds.get(axis))
            panels.append(panel(f"{title}, {this}", "RAM" if xs is RAM else "mappings", name, xs,
                                MIB.get if xs is RAM else float, figures))
            rows += [(title, this, kernel.name, x, found.get((name, x), ""))
                     for kernel, found in figures for x in xs]
    chart.lines(guests.path("curves.svg"), "How costs grow", panels)
    with open(guests.path("curves.csv"), "w", encoding="ascii", newline="") as file:
        csv.writer(file).writerows([("curve", "unit", "kernel", "at", "figure")] + rows)
