# SPDX-License-Identifier: MIT
"""The page of `make see`, in a browser, against the records that it was made from."""
import os
import random
import re
import subprocess
import sys

import harness
from browser import Browser
from harness import check

TRACE = os.path.join(harness.TOP, "tools/trace")
sys.path[:0] = [TRACE, os.path.join(harness.TOP, "tests/trace")]
import format as flt
import model
import see as see_py
import synthetic

HOSTILE = b"</script><b>&'\""  # 15 bytes: what a program may call itself


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
        facts: text("facts"), hash: location.hash,
        doors: [...document.querySelectorAll("#doors button")].map((door) => door.innerText)};""")


def entry_words(entry):
    """As in the facts: the frame, or the slot."""
    if not entry:
        return "none"
    if not flt.pte_present(entry):
        return f"swap area {flt.swap_area(entry)}, slot {flt.swap_slot(entry)}"
    return "zero page" if entry & flt.PTE_SPECIAL else f"frame {flt.pte_pfn(entry):x}"


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
            right = (now["where"] == f"fault {i + 1} of {len(faults)}" and
                     now["hash"] == f"#fault={i + 1}" and f"{fault.address:x}" in now["who"] and
                     f"{flt.text(fault.comm)} (pid {fault.pid})" in now["who"] and
                     f"on CPU {fault.cpu}" in now["facts"] and
                     entry_words(fault.before_pte) in now["facts"] and
                     entry_words(fault.after_pte) in now["facts"] and
                     f"{fault.cycles:,} cycles" in now["facts"] and
                     now["doors"] == [name for name, _ in fault.doors[:-1]] and now["outcome"])
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
        browser.open(page, "#fault=7")
        check("a link leads to its moment", shown(browser) == seen[7], shown(browser))
        browser.open(page)
        first = next(i for i, fault in enumerate(faults) if fault.comm.startswith(b"cow"))
        check("without one, the program's first fault", shown(browser) == seen[first + 1], seen)
        check("no complaints", not browser.errors(), browser.errors())


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
    dump = browser.run("return dumpState(page.model, arguments[0])", moment)
    dump["mms"] = {mm: space for mm, space in dump["mms"].items()
                   if space["vmas"] or space["entries"] or space["tables"]}
    for name in ("free", "lru", "cache", "swap", "writing", "tasks"):
        dump[name].sort()
    return dump


def wrong_uses(dump, state):
    """Frames that the page and model.py take for something else."""
    plain = {"used": "kernel", "zero": "reserved", "unknown": "none"}
    return [(pfn, use, number) for pfn, (use, number) in
            enumerate(zip(dump["uses"], state.frame_map(len(dump["uses"]))))
            if plain.get(use, use) != ("free" if number == 255 else flt.KINDS[number])]


def compare_states(page, trace, moments):
    """The page's state against model.py's, at these moments in this order."""
    rebuilt = model.Model(trace)
    with Browser() as browser:
        browser.open(page)
        for moment in moments:
            at = len(trace) if moment > len(rebuilt.faults) else rebuilt.faults[moment - 1] + 1 \
                if moment else rebuilt.faults[0]
            state, dump = rebuilt.at(at), script_state(browser, moment)
            for name, value in python_state(state).items():
                if not check(f"moment {moment}: {name}", dump[name] == value,
                             f"page: {str(dump[name])[:1500]}\nmodel: {str(value)[:1500]}"):
                    return
            wrong = wrong_uses(dump, state)
            check(f"moment {moment}: what frames are used as", not wrong, wrong[:20])


def test_state():
    "the state at many moments, in any order, is what tools/trace/model.py rebuilds"
    data, trace, faults = run_of(3000)
    page, _, _ = see(data)
    moments = [0, len(faults) + 1, 1] + random.Random(4).sample(range(1, len(faults) + 1), 25)
    compare_states(page, trace, moments)


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
        check("no complaints", not browser.errors(), browser.errors())


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
    machine.touch(task, 0x407000, write=True)
    page, said, status = see(machine.rec.end())
    check("there is a page", status == 0, said)
    with Browser() as browser:
        browser.open(page)
        check("its name is text", HOSTILE.decode() in browser.text("#story-who") and
              browser.text("h1") == HOSTILE.decode(), browser.text("#story-who"))
        check("and nothing else", browser.run("return !document.querySelector('b:not(section b)')"),
              browser.text("body"))
        check("no complaints", not browser.errors(), browser.errors())


def test_poor():
    "files with little in them: faults alone, nothing at all; cut off; no record file"
    data, trace, _ = run_of()
    alone = synthetic.Recorder()
    alone.rings = [bytearray(b"".join(trace.raw(i) for i in range(len(trace))
                                      if trace.type_at(i) == flt.FAULT.number and trace[i].cpu == cpu))
                   for cpu in range(2)]
    with Browser() as browser:
        for title, content, words in (
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
            check(f"{title}: no complaints", not browser.errors(), browser.errors())
    for title, content in (("no record file", b"hello"), ("corrupted", data[:200] + b"\xff" * 200)):
        _, said, status = see(content)
        check(f"{title}: a sentence", status == 124 and re.fullmatch(r"faultline: .+\n", said), said)


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


def test_large():
    "100,000 faults: shown in 2 s, a step in 50 ms"
    data, trace, faults = run_of(100_000)
    page, said, status = see(data)
    check("there is a page", status == 0 and len(faults) >= 100_000, said)
    with Browser() as browser:
        firsts = []
        while len(firsts) < 5 and min(firsts, default=2000) >= 2000:  # other things may run meanwhile
            browser.open(page)
            firsts.append(browser.run("return performance.getEntriesByName('shown')[0].startTime"))
        check("all is shown within 2 s", min(firsts) < 2000, f"{firsts} ms")
        browser.later("""const { model, records } = page, look = () =>
            model.kept.length > Math.floor(records.count / model.apart) ? done() : setTimeout(look, 20);
            look();""")
        steps = browser.run("""const times = [];
            for (const begin of [1, 20000, 50000, 77777, 99000])
                for (let i = 0; i < 12; i++) {
                    let best = Infinity;
                    for (let again = 0; again < 5 && best >= 50; again++) {
                        page.go({moment: begin + i});
                        const then = performance.now();
                        page.step(i % 2 ? 1 : -1);
                        document.body.offsetHeight;
                        best = Math.min(best, performance.now() - then);
                    }
                    times.push(best);
                }
            return times.sort((a, b) => b - a);""")
        check("each step within 50 ms", steps[0] < 50, steps[:10])
