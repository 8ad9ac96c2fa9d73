# SPDX-License-Identifier: MIT
"""The page of `make see`, in a browser, against the records that it was made from."""
import os
import random
import re
import subprocess
import sys
from unittest import mock

from browser import Browser
from harness import TOP, check, tmp
from pages import TRACE, compare_states, flt, model, no_complaints, run_of, see, \
    shown, synthetic, tells, zero_frame

import see as see_py  # of tools/trace, which pages.py has put in reach

HOSTILE = b"</script><b>&'\""  # 15 bytes: what a program may call itself


def test_steps():
    "fault by fault, forward and back: sentence, facts and doors are those of the record"
    data, _, faults = run_of()
    page, said, status = see(data, "--program", "cow")
    check("see.py says where the page is", status == 0 and page in said, said)
    with Browser() as browser:
        browser.open(page, "#start")
        seen = [shown(browser)]
        check("it begins before the first fault", seen[0]["where"] == "the start", seen)
        for i, fault in enumerate(faults):
            browser.key("ArrowRight")
            now = shown(browser)
            seen.append(now)
            right = now["where"] == f"fault {i + 1} of {len(faults)}" and \
                now["hash"] == f"#fault={i + 1}" and tells(now, fault, zero_frame(faults))
            if not check(f"fault {i + 1}", right, (now, fault)):
                break
        browser.key("End")
        check("the end", shown(browser)["where"] == "the end", shown(browser))
        for i in range(len(faults), -1, -1):
            browser.key("ArrowLeft")
            if not check(f"back at {i}: as before", shown(browser) == seen[i], seen[i]):
                break
        browser.key("End")
        browser.key("Home")
        check("Home", shown(browser) == seen[0], shown(browser))
        browser.key("ArrowRight")
        browser.later("setTimeout(done, 2 * LINK_PAUSE)")
        check("the browser's bar follows", browser.run("return location.hash") == "#fault=1", "")
        browser.open(page, "#fault=7")
        check("a link leads to its moment", shown(browser) == seen[7], shown(browser))
        browser.open(page)
        first = next(i for i, fault in enumerate(faults) if fault.comm.startswith(b"cow"))
        check("without one, the program's first fault", shown(browser) == seen[first + 1], seen)
        no_complaints(browser)


def test_state():
    "the state at many moments, in any order, is what tools/trace/model.py rebuilds"
    data, trace, faults = run_of(3000)
    page, _, _ = see(data)
    moments = [0, len(faults) + 1, 1] + random.Random(4).sample(range(1, len(faults) + 1), 25)
    with Browser() as browser:
        browser.open(page)
        compare_states(browser, trace, moments)


def test_views():
    "walk, frames, mappings, parent and child; the chosen address; the filter"
    data, trace, faults = run_of()
    page, _, _ = see(data, "--program", "cow")
    rebuilt = model.Model(trace)
    copy = next(i for i, fault in enumerate(faults) if "wp_page_copy" in dict(fault.doors) and
                not fault.before_pte & flt.PTE_SPECIAL)
    fault, state = faults[copy], rebuilt.at(rebuilt.faults[copy] + 1)
    with Browser() as browser:
        browser.open(page, f"#fault={copy + 1}")
        walk = browser.text("#walk")
        check("four levels", walk.count(" entry ") == 4, walk)
        check("the entry", f"{fault.after_pte:x}" in walk and "writable" in walk, walk)
        check("where it ends", f"frame {fault.pfn:x}" in browser.text("#walk-end"),
              browser.text("#walk-end"))
        rows = browser.run("return [...document.querySelectorAll('#vmas td:first-child')]"
                           ".map((cell) => cell.innerText)")
        check("all mappings", rows == [f"{v.start:x}-{v.end:x}" for v in
                                       state.mms[fault.mm].sorted()], rows)
        pair = browser.text("#pair-card")
        check("parent and child stand side by side", "parted" in pair and "above" in pair, pair)
        check("the frame in words", f"Frame {fault.pfn:x}: anonymous" in browser.text("#frame-words"),
              browser.text("#frame-words"))
        lit = browser.run("return [...document.querySelectorAll('#source .lit')]"
                          ".map((line) => line.innerText)")
        check("the source of the door is lit", lit and any("wp_page_copy" in line for line in lit), lit)
        check("so is the line that leads to the store of the entry",
              any("wp_install_copy(" in line for line in lit), lit)
        other = next(page for page in state.mms[fault.mm].ptes if page != fault.address & -4096)
        browser.run("location.hash = arguments[0]",
                    f"#fault={copy + 1}&mm={fault.mm}&address={other:x}")
        browser.later("setTimeout(done, 50)")
        check("a link holds on to an address",
              browser.run("return document.getElementById('walk-address').value") == f"{other:x}",
              browser.text("#walk"))
        browser.run("document.getElementById('filters-toggle').click();"
                    "const kind = document.getElementById('filter-kind');"
                    "kind.value = [...kind.options].find((o) => o.text === 'copy').value;"
                    "kind.dispatchEvent(new Event('input', {bubbles: true}));"
                    "kind.blur(); page.edge(1);")
        stops = []
        for _ in faults:
            browser.key("ArrowRight")
            stops.append(shown(browser)["where"])
        copies = [f"fault {i + 1} of {len(faults)}" for i, f in enumerate(faults)
                  if "wp_page_copy" in dict(f.doors)]
        check("steps go to what the filter leaves", [s for s in dict.fromkeys(stops) if s != "the end"]
              == copies, (stops, copies))
        no_complaints(browser)


def test_sources():
    "each door has its source in this tree, with its comment"
    found = see_py.excerpts(flt.DOORS)
    missing = [door for door in flt.DOORS if door not in found and door not in ("", "end")]
    check("each door", not missing, missing)
    wrong = [name for name, excerpt in found.items() if f"{excerpt['name']}(" not in excerpt["text"]]
    check("is the function of that name", not wrong, wrong)


def test_hostile():
    "a program may call itself what it likes"
    machine = synthetic.Machine(3)
    task = machine.spawn(HOSTILE, path=b"/bin/" + HOSTILE)
    with mock.patch.dict(synthetic.PATHS, {(9, 9): b"/tmp/<i>" + HOSTILE}):
        machine.touch(task, machine.mmap(task, 2, flt.VM_READ | flt.VM_WRITE, (9, 9), 0), write=True)
    machine.touch(task, 0x407000, write=True)
    page, said, status = see(machine.rec.end())
    check("there is a page", status == 0, said)
    with Browser() as browser:
        browser.open(page)
        check("its name is text", HOSTILE.decode() in browser.text("#story-who") and
              browser.text("h1") == HOSTILE.decode(), browser.text("#story-who"))
        check("so is that of a file", HOSTILE.decode() in browser.text("#vmas") and
              HOSTILE.decode().split("/")[-1] in browser.text("#cache"), browser.text("body"))
        check("and nothing else", browser.run("return !document.querySelector('b:not(section b), i:not(.swatch)')"),
              browser.text("body"))
        no_complaints(browser)


def test_poor():
    "files with little in them: faults alone, nothing at all; cut off; no record file"
    data, trace, _ = run_of()
    alone = synthetic.Recorder()
    alone.rings = [bytearray(b"".join(trace.raw(i) for i in range(len(trace))
                                      if trace.type_at(i) == flt.FAULT.number and trace[i].cpu == cpu))
                   for cpu in range(2)]
    damaged = synthetic.Machine(3)
    task = damaged.spawn(b"own")
    damaged.rec.add(flt.PTES_SET, *task.who, mm=task.mm, n=2, address=0x407000, why=0,
                    entries=[1 << 14, 1 << 59])
    damaged.touch(task, 0x408000, write=True)
    with Browser() as browser:
        for title, content, words in (
                ("slots out of all reason", damaged.rec.end(), ("2 slots in use",)),
                ("faults alone", alone.end(), ("its mappings are not recorded",
                                               "Free blocks are not recorded")),
                ("nothing", synthetic.Recorder().end(), ("No fault is recorded",
                                                         "No address space is recorded")),
                ("cut off", data[:len(data) * 2 // 3], ("was cut off",))):
            page, said, status = see(content)
            check(f"{title}: a page", status == 0, said)
            browser.open(page, "#end")
            for _ in range(3):
                browser.key("ArrowLeft")
            text = browser.text("body")
            for word in words:
                check(f"{title}: {word}", word in text, text)
            no_complaints(browser, f"{title}: ")
    newer = bytearray(data)
    newer[8] += 1
    for title, content, words in (("no record file", b"hello", "is no record file"),
                                  ("empty", b"", "is empty"),
                                  ("newer", newer, f"has version {flt.VERSION + 1} of the format"),
                                  ("corrupted", data[:200] + b"\xff" * 200, "is corrupted")):
        page, said, status = see(content)
        check(f"{title}: a sentence", status == 124 and words in said and
              re.fullmatch(r"faultline: .+\n", said), said)
        check(f"{title}: and no page", not os.path.exists(page))


def test_browser():
    "the page is opened where there is a browser; where there is none, its path is told"
    folder = tmp()
    source, page, opened = (os.path.join(folder, name) for name in ("a.flt", "see.html", "opened"))
    with open(source, "wb") as file:
        file.write(run_of()[0])
    plain = {name: value for name, value in os.environ.items()
             if name not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    for browser in ("", f"echo %s >{opened}", "/nonexistent/browser"):
        command = f"sh -c '{browser}'" if browser.startswith("echo") else browser
        done = subprocess.run([sys.executable, os.path.join(TRACE, "see.py"), "--out", page, source],
                              env=dict(plain, BROWSER=command) if command else plain,
                              capture_output=True, check=False, text=True)
        check(f"BROWSER={browser}: the path", done.returncode == 0 and
              done.stderr == f"faultline: the page is {page}\n", (done.returncode, done.stderr))
        if browser.startswith("echo"):
            with open(opened, encoding="utf-8") as file:
                check("it was opened", file.read().strip() == f"file://{page}")


def test_symbols():
    "a program without symbols is told by its bare addresses"
    folder = tmp()
    subprocess.run(["strip", "-o", os.path.join(folder, "stripped"),
                    os.path.join(TOP, "build/user/hello")], check=True)
    with open(os.path.join(folder, "none"), "wb") as file:
        file.write(b"no ELF at all")
    with Browser() as browser:
        for name in ("stripped", "none", "missing"):
            with mock.patch.dict(synthetic.PATHS, {(synthetic.DISK, 12): b"/root/" + name.encode()}):
                machine = synthetic.Machine(3)
                machine.touch(machine.spawn(b"own"), 0x407000, write=True)
            page, said, status = see(machine.rec.end(), "--elf", os.path.join(folder, name))
            check(f"{name}: a page", status == 0, said)
            browser.open(page, "#fault=1")
            check(f"{name}: the address", re.search(r"^By\s+401234$", browser.text("#facts"), re.M),
                  browser.text("#facts"))


def test_looks():
    "wide and narrow, light and dark, on paper; names for who cannot see; nothing from elsewhere"
    data, _, _ = run_of()
    page, _, _ = see(data)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    check("the page asks for nothing", not re.search(r"""(src|href)=["']?(https?:)?//""", text), "")
    papers = set()
    with Browser() as browser:
        for width, scheme in ((1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")):
            browser.look_like(width, scheme)
            browser.open(page, "#fault=40")
            wide = browser.run("return document.documentElement.scrollWidth")
            check(f"{width} pixels, {scheme}: nothing sticks out", wide <= width, wide)
            papers.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
        check("light and dark differ", len(papers) == 2, papers)
        browser.look_like(800, "dark", "print")
        check("paper is white", browser.run("return getComputedStyle(document.body).backgroundColor")
              == "rgb(255, 255, 255)", "")
        browser.look_like(1280)
        nameless = browser.run("""return [...document.querySelectorAll(
            "button, input, select, canvas, [role=region]")].filter((part) => !part.ariaLabel &&
            !part.textContent.trim() && !(part.labels && part.labels.length) &&
            !part.closest("[hidden], svg")).map((part) => part.outerHTML)""")
        check("each control and picture has a name", not nameless, nameless)
        check("what happens is told", browser.run(
            "return document.getElementById('story-who').closest('[aria-live=polite]') !== null"), "")


def test_keyboard():
    "without a mouse: Tab comes to every control and on to the end, and keys do what clicks do"
    data, _, _ = run_of()
    page, _, _ = see(data, "--program", "cow")
    order = ["first", "back", "play", "next", "last", "scrub", "filters-toggle", "walk-address",
             "walk-space", "source", "zoom-in", "zoom-out", "zoom-all", "zoom-fault", "frames-by",
             "frames"]
    with Browser() as browser:
        browser.open(page, "#fault=40")
        seen, before = [], shown(browser)
        for _ in range(80):
            browser.key("Tab")
            at = browser.run("return document.activeElement.id || document.activeElement.innerText")
            if at == "scrub":
                browser.key("ArrowRight")
                check("an arrow on the scrubber is one fault", "41" in shown(browser)["where"], at)
                browser.key("ArrowLeft")
            elif at == "frames":
                said = browser.text("#frame-words")
                browser.key("ArrowRight")
                check("an arrow on the map of frames is one frame", browser.text("#frame-words") != said
                      and shown(browser) == before, said)
            elif at == "exc_page_fault":
                browser.key("Enter")
                check("Enter on a door brings its source", "exc_page_fault(" in browser.text("#source"),
                      browser.text("#source"))
            seen.append(at)
            if at == "frames":
                break
        check("in the order of the page", [at for at in seen if at in order] == order, seen)
        check("what has the focus is framed", browser.run(
            "return getComputedStyle(document.activeElement).outlineStyle") == "solid", "")
        no_complaints(browser)
