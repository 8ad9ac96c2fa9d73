# SPDX-License-Identifier: MIT
"""Is a story that stands in docs/fault-path/ still what a run tells?

Two runs on two machines differ in numbers that say nothing: which frames were free, what a process
is called by, how far into a function an instruction stands. So stories are compared sentence by
sentence, and row by row of the table of bits, with those numbers taken out:

    frames, addresses, raw entries   must be equal where they are equal in the other story
    processes, slots, offsets        may be any
    lines of the source              within LINES: compilers differ by that much
    the cost of the fault            within COST and SLACK, if nothing but its code was waited for
    pages of the VMA, neighbours     may be any where memory was short, CPUs raced or a disk was read

All else must be the same: access, function, file, VMA, tables made, what was done, counts of the
frame, each bit of the entry, and all doors in their order."""
import itertools
import re

LINES = 1
COST, SLACK = 0.25, 40  # a share, and so many instructions more
CYCLES = re.compile(r"([\d,]+) cycles, [\d.]+ \w+(?:, most of it in \w+)?")
LINE = re.compile(r"(?<=[.\w]):(\d+)\)")
ANY = re.compile(r"(?<=process )\d+|(?<=thread )\d+|(?<=/scratch\.)\d+|(?<=slot )\d+|"
                 r"(?<=\w)\+0x[0-9a-f]+")
ANY_IN_RACES = re.compile(r"(?<=page )\d+ of \d+|, and so (?:was|were) \d+ neighbours?")
NAMED = re.compile(r"(?<!at byte )\b0x([1-9a-f][0-9a-f]*)|"
                   r"\b([0-9a-f]{6,16})(?=-[0-9a-f]{6})|(?<=[0-9a-f]{6}-)([0-9a-f]{6,16})\b")
DOOR = re.compile(r" [\d,]+(?=[,.]|$)")


def sentences(body):
    """A story and its table as it stands between the markers, in pieces."""
    text, _, table = body.removeprefix("```text\n").partition("```")
    return re.split(r"(?<=[.:;]) ", " ".join(text.split())) + \
        [row for row in table.splitlines() if row]


def shapes(pieces, racy):
    """The pieces without what may differ."""
    names, in_doors = {}, False

    def name(match):
        return f"#{names.setdefault(match[match.lastindex], len(names))}"

    for piece in pieces:
        in_doors = piece == "Doors:" or in_doors and not piece.startswith("|")
        if in_doors:
            piece = DOOR.sub("", piece)
        for pattern in (CYCLES, LINE, ANY) + ((ANY_IN_RACES,) if racy else ()):
            piece = pattern.sub("N", piece)
        yield NAMED.sub(name, piece)


def numbers(pattern, body):
    """What the pattern's group holds, wherever it is found."""
    return [int(found.replace(",", "")) for found in pattern.findall(" ".join(body.split()))]


def difference(old, new, racy):
    """None, or (how far they agree, what @old says, what @new says) where they first differ.
    @racy: what waits for others is in it."""
    olds, news = sentences(old), sentences(new)
    pairs = itertools.zip_longest(shapes(olds, racy), shapes(news, racy))
    for number, (one, other) in enumerate(pairs):
        if one != other:
            return number, *(" ".join(of[number:number + 1]) for of in (olds, news))
    for one, other in zip(numbers(LINE, old), numbers(LINE, new)):
        if abs(one - other) > LINES:
            return len(olds), f"line {one}", f"line {other}"
    for one, other in zip(numbers(CYCLES, old), numbers(CYCLES, new)):
        if not racy and abs(one - other) > COST * one + SLACK:
            return len(olds) + 1, f"{one:,} cycles", f"{other:,} cycles"
    return None
