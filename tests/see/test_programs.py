# SPDX-License-Identifier: MIT
"""The pages of real runs: each program of user/, recorded, against its records."""
import os

from browser import Browser
from harness import check, run
from pages import compare_states, flt, no_complaints, see, shown, tells, zero_frame

MOST = 25  # faults looked at, and moments compared, of a run
# Knobs of those that need any; runtests and bench are not for looking at.
PROGRAMS = {"args": {}, "counts": {}, "cow": {"smp": 2}, "execself": {}, "filemap": {}, "forktree": {},
            "hello": {}, "memcalls": {}, "readahead": {}, "segv": {}, "smp": {"smp": 2}, "stack": {},
            "swap": {"mem": "32M", "args": ["40"], "swap": "128M"}, "syscalls": {},
            "thrash": {"mem": "32M", "swap": "128M"}, "threads": {"smp": 2}, "touch": {}, "uaccess": {},
            "vmstat": {}}


def look_at(name, knobs):
    """Run the program, recorded; go through some of its faults, and compare some moments."""
    result = run(prog=name, trace=1, limit=300, **knobs)
    with open(os.path.join(result.rundir, "trace.flt"), "rb") as file:
        data = file.read()
    trace = flt.Trace()
    trace.feed(data)
    trace.finish()
    faults = [record for record in trace if record.type == flt.FAULT.number]
    check("nothing was lost", not trace.notes, trace.notes)
    page, said, status = see(data, "--program", name)
    if not check("there is a page, with faults on it", status == 0 and faults, said + result.show()):
        return
    every = max(1, len(faults) // MOST)
    with Browser() as browser:
        browser.open(page)
        own = shown(browser)
        check("it begins with the program", f"{name} (pid" in own["who"], own)
        for i in range(0, len(faults), every):
            browser.run("page.go({moment: arguments[0]})", i + 1)
            now = shown(browser)
            if not check(f"fault {i + 1}", tells(now, faults[i], zero_frame(faults)), (now, faults[i])):
                break
        compare_states(browser, trace, [0, len(faults) // 2, 1, len(faults) + 1, len(faults) // 3])
        no_complaints(browser)


def titled(name, knobs):
    """The test of one program."""
    def test():
        look_at(name, knobs)
    test.__doc__ = f"what {name} does, on a page"
    return test


for program, its_knobs in PROGRAMS.items():
    globals()[f"test_{program}"] = titled(program, its_knobs)
