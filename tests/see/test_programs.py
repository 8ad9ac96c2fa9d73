# SPDX-License-Identifier: MIT
"""The pages of real runs: each program of user/, recorded, against its records and against what the
kernel itself said of it meanwhile (tests/programs/onlooker.c)."""
import glob
import os
import re

import account
from browser import Browser
from harness import TOP, check, program, run
from pages import compare_states, flt, no_complaints, see, shown, tells, zero_frame

MOST = 25  # faults looked at, and moments compared, of a run
# Knobs of those that need any.
KNOBS = {"args": {"args": ["one", "two"]}, "bench": {"args": ["-r", "3", "anon_*", "cow_*"]},
         "cow": {"smp": 2}, "faulttop": {"args": ["-b", "-n", "2", "-d", "0.2"]},
         "init": {"runs": "hello"},  # the first process of any run
         "pmapview": {"args": ["-b", "-f", "1"]}, "runtests": {"args": ["hello", "touch"]},
         "smp": {"smp": 2}, "swap": {"mem": "40M", "args": ["40"], "swap": "128M"},
         "thrash": {"mem": "40M", "swap": "128M"}, "threads": {"smp": 2}}


def programs():
    """The names of all programs of user/: sources that have a main()."""
    for path in sorted(glob.glob(os.path.join(TOP, "user/*.c"))):
        with open(path, encoding="utf-8") as file:
            if re.search(r"^int main\(", file.read(), re.MULTILINE):
                yield os.path.basename(path)[:-2]


def look_at(name, args=(), runs=None, **knobs):
    """Run the program, recorded; go through some of its faults, and compare some moments. @runs: the
    program that is run in its stead."""
    result = run(elf=program("onlooker"), args=[f"/bin/{runs or name}", *args], trace=1, limit=300,
                 **knobs)
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
        check("it begins with the program", f"{name[:15]} (pid" in own["who"], own)
        for i in range(0, len(faults), every):
            browser.run("page.go({moment: arguments[0]})", i)
            browser.key("ArrowRight")
            now = shown(browser)
            if not check(f"fault {i + 1}", tells(now, faults[i], zero_frame(faults)), (now, faults[i])):
                break
        compare_states(browser, trace, [0, len(faults) // 2, 1, len(faults) + 1, len(faults) // 3])
        done = account.compare(browser, trace, result.stdout.decode(errors="replace"))
        for what in ("process", "process 1", "buddyinfo", "shown"):
            check(f"beside the kernel's own account: {what}", what in done, result.show())
        no_complaints(browser)


def titled(name, knobs):
    """The test of one program."""
    def test():
        look_at(name, **knobs)
    test.__doc__ = f"what {name} does, on a page"
    return test


for one in programs():
    globals()[f"test_{one}"] = titled(one, KNOBS.get(one, {}))
