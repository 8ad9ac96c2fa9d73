# SPDX-License-Identifier: MIT
"""Pages of `make see`, what they say, and their state beside that of tools/trace/model.py."""
import os
import subprocess
import sys

import harness
from harness import check

TRACE = os.path.join(harness.TOP, "tools/trace")
sys.path[:0] = [TRACE, os.path.join(harness.TOP, "tests/trace")]
import format as flt
import model
import synthetic


def see(data, *options):
    """The page of these bytes of a record file: (its path, what see.py said, its status)."""
    folder = harness.tmp()
    source, page = (os.path.join(folder, name) for name in ("trace.flt", "see.html"))
    with open(source, "wb") as file:
        file.write(data)
    done = subprocess.run([sys.executable, os.path.join(TRACE, "see.py"), "--out", page, *options,
                           source], capture_output=True, check=False, text=True,
                          env={k: v for k, v in os.environ.items() if k not in ("DISPLAY", "BROWSER")})
    return page, done.stderr, done.returncode


def run_of(*args):
    """A synthetic run, its records, and its faults."""
    data = synthetic.play(*args)
    trace = flt.Trace()
    trace.feed(data)
    trace.finish()
    return data, trace, [r for r in trace if r.type == flt.FAULT.number]


def shown(browser):
    """What the page says about the moment."""
    return browser.run("""const text = (id) => document.getElementById(id).innerText;
        return {where: text("where"), who: text("story-who"), outcome: text("story-outcome"),
        facts: text("facts"), hash: page.fragment(),
        doors: [...document.querySelectorAll("#doors button")].map((door) => door.innerText)};""")


def zero_frame(faults):
    """The frame of the shared page of zeroes, or None."""
    return next((flt.pte_pfn(fault.after_pte) for fault in faults if fault.after_pte & flt.PTE_SPECIAL
                 and "do_anonymous_page" in dict(fault.doors)), None)


def entry_words(entry, zero):
    """As in the facts: the frame, or the slot."""
    if not entry:
        return "none"
    if not flt.pte_present(entry):
        return f"swap area {flt.swap_area(entry)}, slot {flt.swap_slot(entry)}"
    special = entry & flt.PTE_SPECIAL and flt.pte_pfn(entry) == zero
    return "zero page" if special else f"frame {flt.pte_pfn(entry):x}"


def no_complaints(browser, title=""):
    errors = browser.errors()
    check(title + "no complaints", not errors, errors)


def python_state(state):
    """model.py's state as dumpState() of main.js has it."""
    mms = {}
    for number, mm in state.mms.items():
        vmas = [[f"{v.start:x}", f"{v.end:x}", v.flags, v.pgoff, v.dev, v.ino] for v in mm.sorted()]
        tables = {f"{level}:{address >> 12 + 9 * level}": pfn
                  for (level, address), pfn in mm.tables.items()}
        if vmas or mm.ptes or tables:
            mms[str(number)] = {"vmas": vmas, "tables": tables, "entries": {
                f"{page:x}": f"{entry:x}" for page, entry in mm.ptes.items()}}
    return {"mms": mms, "free": sorted([pfn, order] for pfn, (order, _) in state.free.items()),
            "lru": sorted([pfn, number] for pfn, (number, _) in state.lru.items()),
            "cache": sorted([pfn, *where] for pfn, where in state.cached.items()),
            "swap": sorted([f"{entry:x}", pfn] for entry, pfn in state.swap_cache.items()),
            "writing": sorted(state.writeback),
            "tasks": sorted([t.tid, t.pid, t.mm, flt.text(t.comm)] for t in state.tasks.values()
                            if t.code is None)}


def script_state(browser, moment):
    dump = browser.run("return dumpState(page.model, page.model.end(arguments[0]))", moment)
    dump["mms"] = {mm: space for mm, space in dump["mms"].items()
                   if space["vmas"] or space["entries"] or space["tables"]}
    for name in ("free", "lru", "cache", "swap", "writing", "tasks"):
        dump[name].sort()
    return dump


def wrong_uses(dump, state):
    """Frames that the page and model.py take for something else."""
    plain = {"used": "kernel", "unknown": "none"}
    return [(pfn, use, number) for pfn, (use, number) in
            enumerate(zip(dump["uses"], state.frame_map(len(dump["uses"]))))
            if use != "zero" and
            plain.get(use, use) != ("free" if number == 255 else flt.KINDS[number])]


def difference(ours, theirs, where=""):
    """The first thing that the page has otherwise than model.py, in words."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return f"{where} page: {str(ours)[:1500]}\n{where} model: {str(theirs)[:1500]}"
    key = next(key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key))
    return difference(ours.get(key), theirs.get(key), f"{where} {key}")


def compare_states(browser, trace, moments):
    """The open page's state against model.py's, at these moments in this order."""
    rebuilt = model.Model(trace)
    for moment in moments:
        at = len(trace) if moment > len(rebuilt.faults) else rebuilt.faults[moment - 1] + 1 \
            if moment else rebuilt.faults[0]
        state, dump = rebuilt.at(at), script_state(browser, moment)
        for name, value in python_state(state).items():
            same = dump[name] == value
            if not check(f"moment {moment}: {name}", same, same or difference(dump[name], value)):
                return
        # Without records of the page cache the page tells files' frames by their VMAs.
        wrong = wrong_uses(dump, state) if state.cached else []
        check(f"moment {moment}: what frames are used as", not wrong, wrong[:20])


def tells(now, fault, zero):
    """Does the page say of the moment (see shown()) what the record of the fault does? @zero:
    zero_frame()."""
    return (f"{fault.address:x}" in now["who"] and now["outcome"] and
            f"{flt.text(fault.comm)} (pid {fault.pid})" in now["who"] and
            f"on CPU {fault.cpu}" in now["facts"] and
            entry_words(fault.before_pte, zero) in now["facts"] and
            entry_words(fault.after_pte, zero) in now["facts"] and
            f"{fault.cycles:,} cycles" in now["facts"] and
            now["doors"] == [name for name, _ in fault.doors[:-1]])
