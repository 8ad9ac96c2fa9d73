#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps docs/fault-path.md and its chapters true. `make docs` and `make docs-check` are names for

    tools/docs.py [--check | --compare] [--kernel ELF]

Some parts are made: they stand between markers, and what stands there is written anew.

    <!-- made by make docs: story PROG=cow door=wp_page_copy in=read_then_write -->
    ...
    <!-- end -->

`story` runs a program in the recorded machine (with ICOUNT=1) and tells one of its faults, with the
bits of the entry before and after. Knobs of `make run` say what runs; the other words choose the
first fault for which all of them hold, or with nr=N the Nth (nr=-1: the last):

    door=A,B  it went through all these doors     not=A,B  and through none of those
    in=FUNC   the instruction stands in FUNC      at=TEXT   on a source line with this text
    access=r, w or x                              cycles=N  it took at least so many
    by=user, kernel (in a copy routine, say) or asked (no access by the CPU)
    cost=minor or major                           signal=SIGBUS

`doors` lists the recorder's doors: where each is in the source, and which chapters tell of it.

--check runs nothing. It compares the chapters with the sources: markers can be read, functions are
where the lists of doors say, stories go through doors that there are, links lead somewhere, each
chapter has its parts. --compare does that, and compares each story with a new run (tools/stale.py
says how); nothing is written. Status 1, with a sentence for each thing that is wrong.
"""
import argparse
import os
import re
import shlex
import sys
from dataclasses import dataclass

from recorded import PROGRAMS, SELECTORS, TOP, Runs, Wrong, alone, shown, source, tell

BEGIN, END = "<!-- made by make docs: ", "<!-- end -->"
MARKED = re.compile(re.escape(BEGIN) + r"(.*?) -->\n(.*?)" + re.escape(END), re.DOTALL)
# 1. `do_wp_page`, [mm/fault/cow.c](../../mm/fault/cow.c): what it does
LISTED = re.compile(r"^ *(?:\d+\.|-) `(\w+)`, \[([\w./-]+)\]\(([^)]*)\)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
TOLD_DOORS = re.compile(r"Doors: ([^.]*)\.")
TOLD_PLACE = re.compile(r"\(((?:[\w-]+/)+[\w.-]+):(\d+)\)")
PARTS = ("The picture", "The doors", "The entry", "What Linux does more", "Questions")
DOOR_OF = {"filemap_page_mkwrite": "page_mkwrite"}  # a door by the name of its slot in vm_ops


def all_doors():
    """The recorder's doors, in its order; the last one only says that the fault is over."""
    return re.findall(r'X\(\w+, "(\w+)"\)', source("kernel/trace/format.h"))[:-1]


def defines(path, function):
    """Is the function, or the label, defined in that file?"""
    inside = source(path)
    if path.endswith(".asm"):
        macro = rf"|^idtentry\w*\s+{function[8:]}\b" if function.startswith("asm_exc_") else ""
        return bool(re.search(rf"^{function}:{macro}", inside, re.MULTILINE))
    head = rf"^[A-Za-z_][\w\s*]*\b{function}\([^;{{]*\)\s*\{{"
    return bool(re.search(head, inside, re.MULTILINE))


# ---- A chapter ---------------------------------------------------------------------------------


@dataclass
class Made:
    """A part that is made: what the marker asks for, and what stands there."""
    kind: str
    options: dict
    body: str


def parse(marker, body=""):
    """The Made of a marker's words; Wrong if they cannot be read."""
    try:
        kind, *rest = shlex.split(marker)
        options = dict(word.split("=", 1) for word in rest)
    except ValueError:
        raise Wrong(f"a marker that cannot be read: {marker}") from None
    if kind not in ("story", "doors"):
        raise Wrong(f"a marker asks for `{kind}`, which nobody makes")
    unknown = [key for key in options if not key.isupper() and key not in SELECTORS]
    if unknown:
        raise Wrong(f"a marker has {unknown[0]}=, which means nothing")
    if kind == "story" and sum(key in options for key in PROGRAMS) != 1:
        raise Wrong(f"a story needs one of PROG=, ELF= and CMD=: {marker}")
    return Made(kind, options, body)


class Chapter:
    """One file."""

    def __init__(self, path, content=None):
        self.path, self.content = path, source(path) if content is None else content

    def parts(self):
        """All that is made."""
        return [parse(marker, body) for marker, body in MARKED.findall(self.content)]

    def listed(self):
        """(door or function, file) of the lists of doors."""
        return [(DOOR_OF.get(function, function), path)
                for function, path, _ in LISTED.findall(self.content)]

    def title(self):
        return self.content.partition("\n")[0].lstrip("# ")

    def rewritten(self, make):
        """The content with each made part as @make has it now."""
        def replace(match):
            return f"{BEGIN}{match[1]} -->\n{make(parse(match[1], match[2]))}{END}"
        return MARKED.sub(replace, self.content)


def chapters():
    """The overview first."""
    folder = os.path.join(TOP, "docs/fault-path")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".md"))
    return [Chapter("docs/fault-path.md")] + [Chapter("docs/fault-path/" + name) for name in names]


# ---- What is made ------------------------------------------------------------------------------


def doors_table(book):
    """Door, file, chapters."""
    where, told = {}, {}
    for chapter in book:
        for function, path in chapter.listed():
            where.setdefault(function, path)
            told.setdefault(function, []).append(chapter)
    rows = ["| door | stands in | told in |", "|---|---|---|"]
    for door in all_doors():
        links = [f"[{chapter.title()}]({os.path.relpath(chapter.path, 'docs')})"
                 for chapter in told.get(door, [])[:3] if chapter is not book[0]]
        file = where.get(door, "")
        rows.append(f"| `{door}` | {f'[{file}](../{file})' if file else ''} | "
                    f"{', '.join(links) or 'above'} |")
    return "\n".join(rows) + "\n"


def rebuild(kernel):
    """Write all made parts anew. Nothing is written if one cannot be made."""
    book, runs = chapters(), Runs(kernel)

    def make(made):
        if made.kind == "doors":
            return doors_table(book)
        return runs.tell(made.options)

    new = [(chapter, chapter.rewritten(make)) for chapter in book]
    for chapter, content in new:
        if content != chapter.content:
            with open(os.path.join(TOP, chapter.path), "w", encoding="utf-8") as file:
                file.write(content)
            sys.stderr.write(f"  DOCS    {chapter.path}\n")


# ---- What is checked ---------------------------------------------------------------------------


def wrong_links(chapter):
    """Links that lead nowhere, and lists of doors that are not true."""
    folder = os.path.dirname(os.path.join(TOP, chapter.path))
    for link in LINK.findall(chapter.content):
        if not os.path.exists(os.path.join(folder, link)):
            yield f"a link leads nowhere: {link}"
    for function, path, link in LISTED.findall(chapter.content):
        if os.path.relpath(os.path.join(folder, link), TOP) != path:
            yield f"the link of {function} does not lead to {path}"
        elif not defines(path, function):
            yield f"{path} does not define {function}"


def wrong_story(made, known):
    """What the sources say against a story. @known: doors that the reader has been told of."""
    program = made.options.get("PROG") or os.path.basename(made.options.get("ELF", ""))
    paths = [f"{folder}/{program}.c" for folder in ("user", "tests/programs")]
    inside = "".join(map(source, paths))
    if program and not inside:
        yield f"a story is of {program}, which there is not"
    function = made.options.get("in")
    if program and function and made.options.get("by") != "kernel" and \
            not re.search(rf"\b{function}\b", inside):
        yield f"a story is of {function}, which is not in {program}"
    if made.options.get("at", "") not in inside:
        yield f"a story is at `{made.options['at']}`, which is not in {program}"
    asked = ",".join(made.options.get(key, "") for key in ("door", "not"))
    body = " ".join(made.body.split())
    told = TOLD_DOORS.findall(body)
    if len(told) != 1 or not made.body.startswith("```text\n"):
        yield "a story is empty, or not what make docs makes"
        return
    gone_through = [word.rpartition(" ")[0] for word in told[0].split(", ")]
    there = set(all_doors())
    for door in filter(None, asked.split(",") + gone_through):
        if door == "end" and door not in asked:
            continue
        if door not in there:
            yield f"a story names {door}, which is no door of kernel/trace/format.h"
        elif door in gone_through and door not in known:
            yield f"a story goes through {door}, of which the chapter does not tell"
    for path, line in TOLD_PLACE.findall(body):
        if source(path).count("\n") < int(line):
            yield f"a story is at {path}:{line}, which there is not"


def wrong_parts(chapter):
    """Parts that a chapter lacks."""
    heads = re.findall(r"^## (.*)$", chapter.content, re.MULTILINE)
    yield from (f"it has no part \"{part}\"" for part in PARTS if part not in heads)
    questions = chapter.content.partition("\n## Questions\n")[2]
    asked, answered = len(re.findall(r"^\d+\. ", questions, re.MULTILINE)), \
        questions.count("<details>")
    if not 2 <= asked <= 4 or asked != answered or answered != questions.count("</details>"):
        yield f"it has {asked} questions and {answered} answers; there shall be two to four of each"


def wrong_book(book):
    """(path, sentence) for each thing that is wrong."""
    told_in_overview = {function for function, _ in book[0].listed()}
    everywhere = {function for chapter in book for function, _ in chapter.listed()}
    for chapter in book:
        found = list(wrong_links(chapter))
        if chapter is not book[0]:
            found += wrong_parts(chapter)
            if f"({os.path.relpath(chapter.path, 'docs')})" not in book[0].content:
                found.append("the overview does not lead to it")
        if chapter.content.count(BEGIN) != len(MARKED.findall(chapter.content)) or \
                chapter.content.count(END) != chapter.content.count(BEGIN):
            found.append("a marker has no end, or an end has no marker")
        known = told_in_overview | {function for function, _ in chapter.listed()}
        try:
            for made in chapter.parts():
                if made.kind == "story":
                    found += wrong_story(made, known)
                elif made.body != doors_table(book):
                    found.append("its table of doors is old: run `make docs`")
        except Wrong as wrong:
            found.append(str(wrong))
        yield from ((chapter.path, sentence) for sentence in found)
    for door in all_doors()[1:]:
        if door not in everywhere:
            yield book[0].path, f"no chapter tells of the door {door}"


def old_stories(book, runs, wanted=lambda options: True):
    """(path, sentence) for each story that a new run tells otherwise; of those whose options are
    @wanted."""
    stories = [(chapter, made) for chapter in book for made in chapter.parts()
               if made.kind == "story" and wanted(made.options)]
    runs.record_together([made.options for _, made in stories])
    for chapter, made in stories:
        wrong = runs.differs(made.options, made.body)
        if wrong:
            yield chapter.path, f"{wrong}; run `make docs`"


def main():
    parser = argparse.ArgumentParser(prog="docs.py", description="Keeps docs/fault-path.md true.")
    parser.add_argument("--check", action="store_true", help="only compare with the sources")
    parser.add_argument("--compare", action="store_true", help="compare with new runs, too")
    parser.add_argument("--kernel", default=os.path.join(TOP, "build/kernel/faultline.elf"))
    options = parser.parse_args()
    try:
        if not options.check and not options.compare:
            rebuild(options.kernel)
    except Wrong as wrong:
        sys.stderr.write(f"docs: {wrong}\n")
        return 1
    complaints = list(wrong_book(chapters()))
    if options.compare and not complaints:
        complaints = list(old_stories(chapters(), Runs(options.kernel)))
    for path, sentence in complaints:
        sys.stderr.write(f"{path}: {sentence}\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
