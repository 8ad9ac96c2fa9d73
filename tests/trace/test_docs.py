# SPDX-License-Identifier: MIT
"""docs/fault-path.md and its chapters: do they say what the sources say? (tools/docs.py)"""
import os
import sys

from harness import TOP, check
from synthetic import Machine, flt
import story
from symbols import Symbols

sys.path.append(os.path.join(TOP, "tools"))
import docs  # pylint: disable=wrong-import-position


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
