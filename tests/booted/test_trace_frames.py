# SPDX-License-Identifier: MIT
"""The record of frames, lists, caches and swap, beside what the kernel itself says of them."""
import os
import re
import sys

from harness import TOP, check, program, run, tmp

sys.path[:0] = [os.path.join(TOP, "tools/trace")]
import format as flt  # noqa: E402
from model import Model  # noqa: E402

MADVISE, MARK = 28, 0x70000000  # as in tests/programs/trace_frames.c
PHASES, LOOKS = ("at first", "filled", "read back", "with holes", "given back"), 6
QUIET = {flt.CALL.number, flt.VMA_SET.number, flt.FAULT.number, flt.PTES_SET.number}


def said_at(text):
    """What the kernel said, as the program printed it: look -> {name: number}."""
    looks = {}
    for part in re.split(r"^look ", text, flags=re.M)[1:]:
        zones = re.findall(r"^Node 0, zone +\w+ (.*)$", part, re.M)
        looks[int(part.split()[0])] = {
            **{f"free blocks, zone {i}": list(map(int, z.split())) for i, z in enumerate(zones)},
            **{name: int(kib) // 4 for name, kib in re.findall(r"^(\S+): +(\d+) kB$", part, re.M)}}
    return looks


def account(state):
    """The same from the records, where they tell."""
    lists = {name: len(pfns) for name, pfns in state.lists().items()}
    frames = dict.fromkeys(flt.KINDS, 0)
    for order, kind in state.blocks.values():
        frames[flt.KINDS[kind]] += 1 << order
    return {
        **{f"free blocks, zone {zone}": n for zone, n in state.free_blocks().items()},
        "Cached and Buffers": len(state.cache), "SwapCached": len(state.swap_cache),
        "Active(anon)": lists["active_anon"], "Inactive(anon)": lists["inactive_anon"],
        "Active(file)": lists["active_file"], "Inactive(file)": lists["inactive_file"],
        "Unevictable": lists["unevictable"], "Slab": frames["slab"],
        "VmallocUsed": frames["vmalloc"] + frames["stack"],
        "PageTables": sum(level < 4 for _, level, _ in state.tables.values()),
        "Writeback": len(state.writeback) + list(state.swap_io.values()).count("write")}


def marks(trace):
    """Number of each mark -> the place of its record."""
    calls = ((i, trace[i]) for i in range(len(trace)) if trace.type_at(i) == flt.CALL.number)
    return {(call.arg0 >> 12) - MARK: i for i, call in calls
            if call.nr == MADVISE and call.arg0 >> 12 >= MARK and not call.arg1}


def compare(model, places, looks, phase):
    """In one of the looks of the phase nothing moved, and there both accounts are the same."""
    name, still = PHASES[phase], None
    for n in range(phase * LOOKS, (phase + 1) * LOOKS):
        between = range(places[2 * n], places[2 * n + 1])
        if all(model.trace.type_at(i) in QUIET for i in between):
            still = n
    if not check(f"{name}: a moment of peace", still is not None):
        return
    state, said = model.at(places[2 * still]), looks[still]
    said["Cached and Buffers"] = said["Cached"] + said["Buffers"]
    told = account(state)
    differ = {key: (value, said[key]) for key, value in told.items() if said[key] != value}
    check(f"{name}: the records tell what the kernel says", not differ,
          f"(records, kernel): {differ}")
    what = state.frame_map(model.trace.header.nr_frames)
    check(f"{name}: every frame is known", not what.count(0), f"{what.count(0)} are not")
    if name == "filled":
        none = [key for key in ("SwapCached", "Inactive(anon)", "Slab") if not told[key]]
        check("and there was something to tell", not none, none)


def test_accounts():
    "free blocks, lists, caches, slabs and tables by the records, beside /proc"
    path = os.path.join(tmp(), "frames.flt")
    result = run(elf=program("trace_frames"), mem="32M", swap="64M", trace=path, limit=60)
    looks = said_at(result.stdout.decode())
    if not check("the program runs", result.status == 0 and len(looks) == len(PHASES) * LOOKS,
                 result.show()):
        return
    trace = flt.read(path)
    check("the record is whole", not trace.notes, trace.notes)
    model, places = Model(trace), marks(trace)
    if check("all marks are in it", len(places) == 2 * len(looks), len(places)):
        for phase in range(len(PHASES)):
            compare(model, places, looks, phase)
    odd = model.at(len(trace)).odd
    check("no record contradicts another", not odd, odd)
