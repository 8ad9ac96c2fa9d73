# SPDX-License-Identifier: MIT
"""Links to a moment of the page: the address and the filter in them, links that lead nowhere, Back and
Forward."""
from browser import Browser
from harness import check
from pages import flt, no_complaints, run_of, see, shown

SETTLE = "setTimeout(done, 2 * LINK_PAUSE)"
FILTERED = """const set = (id, value) => { document.getElementById(id).value = value; };
    set("filter-pid", arguments[0]); set("filter-address", arguments[1]);
    set("filter-kind", [...document.getElementById("filter-kind").options]
        .find((option) => option.text === "copy").value);
    document.getElementById("filters").dispatchEvent(new Event("input"));
    page.step(-1000); return [page.moment, page.nrMatches, page.timeline.matches.join("")];"""


def note(browser):
    return browser.text("#link-note")


def test_filter():
    "a link leads to the moment, the address and the filter, also in a second window"
    data, _, faults = run_of()
    page, _, _ = see(data, "--program", "cow")
    copy = next(f for f in faults if "wp_page_copy" in dict(f.doors))
    span = f"{copy.address & -4096:x}-{(copy.address & -4096) + 0x3000:x}"
    with Browser() as browser, Browser() as second:
        browser.open(page, "#end")
        moment, nr, left = browser.run(FILTERED, str(copy.pid), span)
        browser.run("page.go({moment: 7}); page.choose(page.now.mm, 0x407)")
        browser.later(SETTLE)
        link = browser.run("return location.hash")
        for word in ("#fault=7&", "address=407000", f"pid={copy.pid}", "kind=copy", f"range={span}"):
            check(f"the link has {word}", word in link, link)
        second.open(page, link)
        there = second.run("return [page.nrMatches, page.timeline.matches.join(''), "
                           "!document.getElementById('filters').hidden]")
        check("the second window has that filter", there == [nr, left, True] and nr, (there, nr, moment))
        check("and that moment", shown(second) == shown(browser), shown(second))
        check("and address", second.run("return document.getElementById('walk-address').value")
              == "407000", "")
        check("nothing is amiss", note(second) == "", note(second))
        names = {f.pid: flt.text(f.comm) for f in faults}
        offered = browser.run("return [...document.getElementById('filter-pid').options]"
                              ".map((o) => o.text)")
        check("processes have the names that they had last", set(offered) == {"all"} |
              {f"{name} (pid {pid})" for pid, name in names.items()}, offered)
        no_complaints(second)


def test_nowhere():
    "a link that leads nowhere: a sentence, and the page as without it"
    data, _, faults = run_of()
    page, _, _ = see(data, "--program", "cow")
    with Browser() as browser:
        browser.open(page)
        begin = shown(browser)
        for link, words in (("#fault=999999", f"which has faults 1 to {len(faults)}."),
                            ("#fault=0", "no fault “0”"), ("#fault=-1", "no fault “-1”"),
                            ("#fault=1e1", "no fault"), ("#fault=%00%ff<b>", "no fault"),
                            ("#fault=3&address=xyz", "“xyz” is no address"),
                            ("#end&kind=nonsense", "no kind to filter by"),
                            ("#end&pid=77777", "no process to filter by"),
                            ("#end&range=1-2-3", "no range to filter by"),
                            ("#rubbish", "“rubbish” means nothing here"), ("#%", "means nothing")):
            browser.open(page, link)
            said, now = note(browser), shown(browser)
            check(f"{link}: a sentence", words in said and "\n" not in said, said)
            if "fault=" in link and "fault=3" not in link:
                check(f"{link}: the page as without it", now == begin, now)
            browser.key("ArrowRight")
            check(f"{link}: gone with the next step", note(browser) == "", note(browser))
            no_complaints(browser, f"{link}: ")
        browser.open(page, "#story")
        check("a place on the page is no moment", note(browser) == "" and shown(browser) == begin,
              note(browser))


def test_back():
    "Back and Forward go from jump to jump, and not through every step"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    at = "return location.hash"
    with Browser() as browser:
        browser.open(page, "#fault=5")
        browser.later(SETTLE)
        for _ in range(3):
            browser.key("ArrowRight")
        browser.later(SETTLE)
        browser.run("page.go({moment: 30, jump: true})")
        browser.later(SETTLE)
        browser.run("page.choose(page.now.mm, 0x407, true)")
        browser.later(SETTLE)
        seen = [browser.run(at)]
        for way in ("back", "back", "forward"):
            browser.run(f"history.{way}()")
            browser.later(SETTLE)
            seen.append(browser.run(at))
            check(f"{way}: the page follows", shown(browser)["hash"] == seen[-1], shown(browser))
        check("the way", seen[1:] == ["#fault=30", "#fault=8", "#fault=30"] and
              seen[0].startswith("#fault=30&mm="), seen)
        no_complaints(browser)
