# SPDX-License-Identifier: MIT
"""The page for everybody: the maps by keys and by ear, twice as large, on paper, without scripts."""
import base64
import re

from browser import Browser
from harness import check
from pages import no_complaints, run_of, see

AT = """const at = document.activeElement;
    return {id: at.id, row: [...document.querySelectorAll("#vmas canvas")].indexOf(at),
    role: at.getAttribute("role"), name: at.getAttribute("aria-label"),
    text: at.getAttribute("aria-valuetext"), now: +at.getAttribute("aria-valuenow"),
    max: +at.getAttribute("aria-valuemax"), page: page.now.page, moment: page.moment,
    followed: page.now.followed, frame: page.frames.chosen,
    outline: getComputedStyle(at).outlineStyle};"""
SPACES = """return page.now.space.vmas.map((vma) => [vma.start, vma.end]);"""


def press(browser, *keys):
    for key in keys:
        browser.key(key)
    return browser.run(AT)


def test_space():
    "the map of the address space by keys: page by page, mapping by mapping, told in words"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        browser.open(page, "#fault=40")
        vmas = browser.run(SPACES)
        browser.run("document.getElementById('zoom-fault').focus()")
        at = press(browser, "Tab")
        check("it is a slider with a name", at["role"] == "slider" and at["name"], at)
        pages = [page for first, end in vmas for page in range(first, end)]
        here = pages.index(at["page"])
        check("that stands at the fault's page", at["now"] == here and at["max"] == len(pages) - 1 and
              f"{at['page']:x}000: " in at["text"], (at, here, len(pages)))
        at = press(browser, "Home")
        check("Home: the first page", at["page"] == vmas[0][0] and at["now"] == 0, at)
        at = press(browser, "ArrowLeft")
        check("nothing is before it", at["page"] == vmas[0][0], at)
        walked = [press(browser, "ArrowRight")["page"] for _ in range(vmas[0][1] - vmas[0][0] + 1)]
        check("page by page, on into the next mapping", walked == pages[1:len(walked) + 1], walked)
        at = press(browser, "ArrowDown")
        check("down: the next mapping", at["page"] == vmas[2][0], (at, vmas))
        at = press(browser, "ArrowUp", "End")
        check("End: the last page", at["page"] == pages[-1] and at["now"] == at["max"], at)
        check("what is there is told", re.search(r": [a-z' ]+(, frame [0-9a-f]+)?, in .+, [rwxsp-]{4}$",
                                                 at["text"]), at)
        check("the walk goes along", browser.run("return document.getElementById('walk-address').value")
              == f"{at['page']:x}000", at)
        check("the moment does not", at["moment"] == 40, at)
        check("the focus is seen", at["outline"] == "solid", at)
        at = press(browser, "Escape")
        check("Escape: the fault again", at["followed"], at)
        browser.run("page.map.goTo(page.now.page)")
        at = press(browser, "Home")
        part = browser.run("return page.map.x(page.map.partOf(page.now.page).at)")
        check("near by, the chosen page comes into sight", 0 <= part < 1280, part)
        no_complaints(browser)


def test_rows():
    "the table of mappings is one stop of Tab; up and down lead from row to row"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        browser.open(page, "#fault=40")
        vmas = browser.run(SPACES)
        stops = "return [...document.querySelectorAll('#vmas canvas')].map((row) => row.tabIndex)"
        current = next(i for i, (first, end) in enumerate(vmas)
                       if first <= browser.run(AT)["page"] < end)
        check("one stop, at the fault", browser.run(stops) ==
              [0 if i == current else -1 for i in range(len(vmas))], browser.run(stops))
        browser.run("document.querySelector('#vmas canvas[tabindex=\"0\"]').focus()")
        at = press(browser, "Home")
        check("Home: the first row", at["row"] == 0 and at["page"] == vmas[0][0] and
              at["role"] == "slider", at)
        rows = [press(browser, "ArrowDown") for _ in vmas[1:]]
        check("down: row by row", [(at["row"], at["page"]) for at in rows] ==
              [(i, vmas[i][0]) for i in range(1, len(vmas))], rows)
        check("each with a name", len({at["name"] for at in rows}) == len(rows), rows)
        check("one stop, still", sum(stop == 0 for stop in browser.run(stops)) == 1, browser.run(stops))
        at = press(browser, "ArrowUp", "ArrowRight")
        check("right: a page on in the row", at["row"] == len(vmas) - 2 and
              (at["now"] == 1 or vmas[-2][1] - vmas[-2][0] == 1), (at, vmas))
        browser.run("page.step(1)")
        check("a step leaves the focus there", browser.run(AT)["row"] >= 0, browser.run(AT))
        no_complaints(browser)


def test_frames():
    "the map of frames by keys, told in words"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        browser.open(page, "#fault=40")
        browser.run("document.getElementById('frames').focus()")
        at = press(browser, "Home")
        check("the first frame", at["frame"] == 0 and at["role"] == "slider" and
              at["text"].startswith("Frame 0: "), at)
        at = press(browser, "ArrowRight", "PageDown")
        check("eight rows on", at["frame"] == 1 + 8 * browser.run("return page.frames.columns") and
              at["now"] == at["frame"] and at["text"].startswith(f"Frame {at['frame']:x}: "), at)
        at = press(browser, "End")
        check("the last one", at["frame"] == at["max"] == browser.run("return page.frames.nr - 1"), at)
        no_complaints(browser)


def test_timeline():
    "the timeline's buttons zoom about the moment"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    shown = "return [page.timeline.transform.k, page.timeline.scale(page.records.time[39])]"
    with Browser() as browser:
        browser.open(page, "#fault=40")
        _, before = browser.run(shown)
        browser.run("for (let i = 0; i < 3; i++) document.getElementById('time-in').click()")
        near, after = browser.run(shown)
        check("in: the moment stays where it is", near == 64 and abs(before - after) < 1, (before, after))
        browser.run("document.getElementById('time-out').click()")
        check("out", browser.run(shown)[0] == 16, browser.run(shown))
        browser.run("document.getElementById('time-all').click()")
        check("the whole run", browser.run(shown)[0] == 1, browser.run(shown))
        no_complaints(browser)


def test_large():
    "enlarged twice and four times, nothing is cut off or wider than the screen"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        for times in (2, 4):
            browser.look_like(1280 // times)
            browser.open(page, "#fault=40&kind=copy")
            wide = browser.run("return document.documentElement.scrollWidth")
            check(f"{times} times", wide <= 1280 // times, wide)
            cut = browser.run("""return [...document.querySelectorAll("button, select, input, h1, h2, p")]
                .filter((part) => part.getClientRects().length && part.getBoundingClientRect().right >
                    innerWidth + 1).map((part) => part.outerHTML)""")
            check(f"{times} times: all in sight", not cut, cut)
        moving = browser.run("""return [...document.querySelectorAll("*")].filter((part) => {
            const { transitionDuration, animationName } = getComputedStyle(part);
            return transitionDuration !== "0s" || animationName !== "none"; }).length""")
        check("nothing moves by itself", moving == 0, moving)


def test_paper():
    "a moment on paper: which one, its colours, on four sheets at most"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        browser.open(page, "#fault=40")
        pdf = base64.b64decode(browser.devtools("Page.printToPDF")["data"])
        sheets = len(re.findall(rb"/Type\s*/Page\b", pdf))
        check("few sheets", 1 <= sheets <= 4, sheets)
        browser.look_like(720, "dark", "print")
        seen = browser.run("""const seen = (id) => document.getElementById(id).getClientRects().length;
            return ["where", "walk-address", "play", "scrub", "zoom-in", "filters"].filter(seen)""")
        check("the moment and the address are printed, the controls are not",
              seen == ["where", "walk-address"], seen)
        check("colours are, without being asked for", browser.run(
            "return getComputedStyle(document.querySelector('#doors .bar')).printColorAdjust") == "exact")
        wide = browser.run("return document.documentElement.scrollWidth")
        check("nothing sticks out", wide <= 720, wide)


def test_scripts_off():
    "without JavaScript: a sentence, and nothing that does not work"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
        browser.go(f"file://{page}")
        text = browser.text("body")
        check("a sentence", "needs JavaScript" in text and "make trace" in text, text)
        check("and nothing else", len(text) < 400 and "Play" not in text, text)
