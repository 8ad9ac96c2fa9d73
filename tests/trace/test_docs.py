# SPDX-License-Identifier: MIT
"""docs/fault-path.md and its chapters: do they say what the sources say? (tools/docs.py) And do the pages
that list things list all of them?"""
import glob
import os
import re
import sys

from harness import TOP, check
from synthetic import Machine, flt
import story
from symbols import Symbols

sys.path.append(os.path.join(TOP, "tools"))
# pylint: disable=wrong-import-position
import docs
import knobs
import stale


def complaints(path, change):
    """What is wrong with the book once the content of a chapter is changed."""
    book = [docs.Chapter(chapter.path, change(chapter.content)) if chapter.path == path else chapter
            for chapter in docs.chapters()]
    return [sentence for _, sentence in docs.wrong_book(book)]


def test_true():
    "each function of a list of doors stands where it says, and each story goes through such doors"
    book = docs.chapters()
    wrong = list(docs.wrong_book(book))
    check("nothing is wrong", not wrong, wrong)
    listed = sum(len(chapter.listed()) for chapter in book)
    stories = [made for chapter in book for made in chapter.parts() if made.kind == "story"]
    check("there is something to be wrong", len(book) > 15 and listed > 80 and len(stories) > 20,
          (len(book), listed, len(stories)))


def test_stale():
    "what is old or broken is named"
    cow = "docs/fault-path/cow-copy.md"
    for path, old, new, said in (
            (cow, "`wp_install_copy`", "`wp_install`", "mm/fault/cow.c does not define wp_install"),
            (cow, "](../../mm/fault/cow.c)", "](../../mm/fault/swap.c)", "does not lead to"),
            (cow, "in=read_then_write", "in=read_it", "of read_it, which is not in cow"),
            (cow, "in=read_then_write", "at='lea rn'", "at `lea rn`, which is not in cow"),
            (cow, "PROG=cow", "PROG=caw", "of caw, which there is not"),
            (cow, "door=wp_page_copy", "door=wp_copy", "wp_copy, which is no door"),
            (cow, "1. `do_wp_page`", "1. do_wp_page", "do_wp_page, of which the chapter does not"),
            (cow, "door=wp_page_copy", "dor=wp_page_copy", "dor=, which means nothing"),
            (cow, "made by make docs: story", "made by make docs: tale", "`tale`, which nobody"),
            (cow, docs.END, "", "a marker has no end"),
            (cow, "```text\ncow", "cow", "a story is empty"),
            (cow, "## Questions", "## Riddles", 'no part "Questions"'),
            (cow, "</details>", "", "4 questions and 4 answers"),
            ("docs/fault-path.md", "fault-path/swap.md", "fault-path/swop.md", "leads nowhere"),
            ("docs/fault-path.md", "| `do_swap_page` |", "| `do_swop_page` |", "of doors is old")):
        found = complaints(path, lambda content, old=old, new=new: content.replace(old, new))
        check(said, any(said in sentence for sentence in found), found)


def test_lists():
    "each knob, of the runner and of the kernel, and each file of mm/ is told of"
    running, map_of = docs.source("docs/running.md"), docs.source("docs/architecture.md")
    sources = [path for folder in ("arch", "drivers", "fs", "kernel", "mm")
               for path in glob.glob(f"{TOP}/{folder}/**/*.c", recursive=True)]
    words = [word for path in sources
             for word in re.findall(r"^KNOB\((\w+),", docs.source(os.path.relpath(path, TOP)), re.M)]
    missing = [name for name in knobs.HELP if f"`{name}=" not in running]
    check("the runner's knobs", not missing, missing)
    missing = [word for word in words if not re.search(rf"`{word}[=`]", running)]
    check("the kernel's knobs", len(words) > 10 and not missing, missing)
    told = re.search(r"Of `mm/`, all:(.*?)Of the rest", map_of, re.DOTALL)[1]
    missing = [path for path in glob.glob(f"{TOP}/mm/*/*.c")
               if "/audit/" not in path and not path.endswith("/record.c")
               and f"`{os.path.basename(path)[:-2]}`" not in told]
    check("the files of mm/", not missing, missing)


def test_choice():
    "the marker's words choose a fault, and its entry is told bit by bit"
    machine = Machine()
    task = machine.spawn(b"cow")
    start = machine.mmap(task, 4, 3)
    for page, write in ((0, False), (1, True), (0, True), (2, True)):
        machine.touch(task, start + page * flt.PAGE_SIZE, write=write)
    trace = flt.Trace()
    trace.feed(machine.rec.end())
    run = story.Run(trace.finish(), Symbols("/nowhere", programs="/nowhere"))

    def told(marker):
        return docs.tell(run, docs.parse("story PROG=cow " + marker).options)

    check("by access", f"wrote to {start + flt.PAGE_SIZE:#x}" in told("access=w"), told("access=w"))
    check("by door", "page of zeroes was replaced" in " ".join(told("door=wp_page_copy").split()))
    check("the second", f"wrote to {start + 2 * flt.PAGE_SIZE:#x}" in
          told("door=do_anonymous_page access=w nr=2"))
    check("the last", told("access=w nr=-1") == told("door=do_anonymous_page access=w nr=2"))
    rows = told("door=wp_page_copy").splitlines()[-2:]
    check("bits", rows[0].startswith("| before |") and rows[0].endswith("| 1 | 0 | 1 | 1 | 0 | 1 |")
          and rows[1].endswith("| 0 | 1 | 1 | 1 | 1 | 1 |"), rows)
    for marker in ("signal=SIGBUS", "access=w nr=4", "in=main"):
        try:
            told(marker)
            check(marker, False, "told")
        except docs.Wrong as wrong:
            check(marker, "no such fault" in str(wrong), wrong)


OLD = """```text
cow (process 10) wrote to 0x7ffff7ff5000 in write_it+0x3f (user/cow.c:50). It is page 1 of 4 of
anonymous memory at 7ffff7ff5000-7ffff7ff9000 rw-p. Others have frame 0x7e69 too, so it was copied:
frame 0x7ec1. Entry before: frame 0x7e69, read-only; after: frame 0x7ec1, writable. A minor fault:
1,060 cycles, 1.06 us, most of it in wp_page_copy. Doors: exc_page_fault 0, do_wp_page 273,
wp_page_copy 300, end 1,060.
```

| entry | raw | frame | D | P |
|---|---|---|---|---|
| before | `0x8000000007e69865` | 0x7e69 | 1 | 1 |
| after | `0x8000000007ec1867` | 0x7ec1 | 1 | 1 |
"""


def test_compared():
    "two runs' stories: what may differ between them, and what not"
    def said(*changes, racy=False):
        new = OLD
        for old, put in changes:
            check(f"{old} stands there", old in new)
            new = new.replace(old, put)
        return stale.difference(OLD, new, racy)

    check("the same", said() is None)
    check("other frames, addresses, process, offset, slot", said(
        ("7e69", "1234"), ("7ec1", "9f"), ("7ffff7ff5000", "7ffff7000000"), ("process 10", "process 9"),
        ("+0x3f", "+0x1"), ("c:50", "c:51")) is None)
    check("a quarter more", said(("1,060", "1,325"), (", most of it in wp_page_copy", "")) is None)
    for name, changes in (
            ("the same frame", [("7ec1", "7e69")]), ("a door", [("do_wp_page", "do_write_page")]),
            ("a door less", [(" do_wp_page 273,\n", " ")]), ("twice the cost", [("1,060", "2,120")]),
            ("a line", [("c:50", "c:52")]), ("a word", [("was copied", "was moved")]),
            ("a bit", [("0x7ec1 | 1 | 1", "0x7ec1 | 0 | 1")]), ("rights", [("rw-p", "r--p")]),
            ("no table", [(OLD[OLD.index("\n| entry"):], "")]), ("page 1 of", [("1 of 4", "2 of 4")])):
        check(f"{name}: told", said(*changes), changes)
    check("where CPUs race, not the cost and the page",
          said(("1,060", "9,060"), ("1 of 4", "2 of 4"), racy=True) is None)
    check("in words", said(("was copied", "was moved"))[1:] == (
        "Others have frame 0x7e69 too, so it was copied:",
        "Others have frame 0x7e69 too, so it was moved:"), said(("was copied", "was moved")))


def test_old():
    "a story that no run tells any more: which file, what it says, and what to do"
    machine = Machine()
    task = machine.spawn(b"touch")
    machine.touch(task, machine.mmap(task, 4, 3))
    trace = flt.Trace()
    trace.feed(machine.rec.end())
    trace.finish()

    class Runs(docs.Runs):
        """Of the synthetic machine."""
        def record(self, knobs):
            return trace

    runs = Runs("/nowhere")
    marker = "story PROG=touch door=do_anonymous_page access=r"
    body = runs.tell(docs.parse(marker).options)

    def found(marker, body):
        chapter = docs.Chapter("docs/x.md", f"{docs.BEGIN}{marker} -->\n{body}{docs.END}\n")
        return [f"{path}: {sentence}" for path, sentence in docs.old_stories([chapter], runs)]

    check("as it is", not found(marker, body), found(marker, body))
    wrong = found(marker, body.replace("shared page of zeroes will", "shared page of ones will"))
    check("a word", len(wrong) == 1 and wrong[0].startswith(
        "docs/x.md: the story of PROG=touch door=do_anonymous_page access=r is old: \"the shared page "
        "of ones will do.\" is \"the shared page") and wrong[0].endswith("; run `make docs`"), wrong)
    wrong = found(marker.replace("access=r", "access=w"), body)
    check("no such fault", len(wrong) == 1 and "no such fault comes up any more" in wrong[0], wrong)
