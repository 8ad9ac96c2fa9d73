# SPDX-License-Identifier: MIT
"""Runs of 100,000 faults stay smooth: every step, at once. What is judged is the CPU time of the page's
main thread, which depends little on what else this machine does."""
import os
import random

from browser import Browser
from harness import check, run
from pages import flt, no_complaints, run_of, see

FAULTS = 100_000
FIRST, STEP = 2000, 50  # milliseconds
PLACES = 30             # in the run, at which each way to go is tried

# Each way to get about: what is done at a moment.
WAYS = {"on": lambda browser, _: browser.key("ArrowRight"),
        "back": lambda browser, _: browser.key("ArrowLeft"),
        "a hundredth on": lambda browser, _: browser.key("PageDown"),
        "the scrubber": lambda browser, moment: browser.run(SCRUB, moment),
        "a chosen page": lambda browser, _: browser.run(CHOOSE),
        "a filter": lambda browser, _: browser.run(FILTER)}
SCRUB = """const scrub = document.getElementById("scrub");
    scrub.value = page.moments - arguments[0];
    scrub.dispatchEvent(new Event("input", {bubbles: true}));"""
CHOOSE = """const { space, mm } = page.now, pages = [];
    if (space)
        space.each(0, Infinity, (at) => pages.push(at));
    page.choose(mm, pages[pages.length >> 1]);"""
FILTER = """const kind = document.getElementById("filter-kind");
    kind.selectedIndex = (kind.selectedIndex + 1) % kind.length;
    kind.dispatchEvent(new Event("input", {bubbles: true}));"""


def spent(browser, act, moment):
    """CPU time of the main thread until what act() did is painted."""
    before = browser.busy()
    act(browser, moment)
    browser.painted()
    return browser.busy() - before


def judge(data, faults):
    """Open the page of these records, and go about in it."""
    page, said, status = see(data)
    check("there is a page", status == 0 and faults >= FAULTS, (said, faults))
    with Browser() as browser:
        browser.measure()
        browser.open(page)
        first = browser.busy()
        check("all is shown within 2 s", first < FIRST, f"{first:.0f} ms")
        browser.later("""const { model, records } = page, look = () =>
            model.kept.length > Math.floor(records.count / model.apart) ? done() : setTimeout(look, 20);
            look();""")
        places = random.Random(7).sample(range(1, faults), PLACES)
        for way, act in WAYS.items():
            times = []
            for moment in places:
                browser.run("page.focus = null; page.go({moment: arguments[0]})", moment)
                browser.painted()
                times.append(spent(browser, act, moment))
            browser.run("document.getElementById('filters').reset()")
            check(f"{way}: each within 50 ms", max(times) < STEP, sorted(times)[-5:])
        no_complaints(browser)


def test_large():
    "100,000 faults of one program after another: shown in 2 s, a step in 50 ms"
    data, _, faults = run_of(FAULTS)
    judge(data, len(faults))


def test_thrash():
    "100,000 faults of a program that has not enough memory: the same"
    result = run(prog="thrash", args=["64", "100000"], mem="40M", swap="128M", trace=1, limit=280)
    with open(os.path.join(result.rundir, "trace.flt"), "rb") as file:
        data = file.read()
    trace = flt.Trace()
    trace.feed(data)
    trace.finish()
    judge(data, sum(trace.type_at(i) == flt.FAULT.number for i in range(len(trace))))
