#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows a recorded run on a page: one HTML file, of which nothing else is needed to look at it.
`make see PROG=cow` is a thin name for

    tools/trace/see.py [--out FILE.html] [--program NAME] [--kernel ELF] [--elf ELF] [FILE]

Without FILE, what PROG=, ELF= or CMD= in the environment say is run and recorded. The page holds the
records themselves (deflated, in order), what of the sources and symbols goes with them, the files of
tools/trace/page/, and d3 from Debian's package node-d3. It is opened where there is a browser.
"""
import signal

if __name__ == "__main__":  # Ctrl-C ends it without a word until there is somebody to catch it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# pylint: disable=wrong-import-position
import argparse
import base64
import glob
import json
import os
import re
import sys
import time
import webbrowser
import zlib
from collections import Counter

import format as flt
from model import State
from story import INTERRUPTED, REFUSED, record, tell
from symbols import TOP, Symbols

HERE = os.path.dirname(os.path.abspath(__file__))
D3 = "/usr/share/nodejs/d3/dist/d3.min.js"
SOURCES = ("arch/x86_64/entry", "mm/fault", "mm/space", "mm/backing", "mm/frame", "mm/reclaim",
           "kernel/core", "fs")
MOST_LINES = 70  # of an excerpt


def layout():
    """Where the fields of each kind of record lie, for records.js: {name: {type, size, fields: {name:
    [offset, bytes]}}}, from the structs of format.py."""
    found = {}
    for kind in flt.RECORDS.values():
        names, at, fields = iter(kind.tuple._fields), 0, {}
        for count, code in re.findall(r"(\d*)([xBHIQqs])", kind.struct.format):
            size = {"x": 1, "B": 1, "H": 2, "I": 4, "Q": 8, "q": 8, "s": 1}[code]
            if code in "xs":
                size *= int(count or 1)
            for _ in range(1 if code in "xs" else int(count or 1)):
                if code != "x":
                    fields[next(names)] = [at, size]
                at += size
        found[kind.name] = {"type": kind.number, "size": at, "fields": fields}
    return found


def raw(trace):
    """The bytes of all records, in the order of seq."""
    return b"".join(trace.raw(i) for i in range(len(trace)))


# ---- What goes with the records ---------------------------------------------------------------------

def excerpts(names):
    """The source of each of these functions: {name: {name, file, line, text, by}}; by: other functions
    that note the door of that name."""
    files = [path for folder in SOURCES
             for path in sorted(glob.glob(os.path.join(TOP, folder, "**/*.[ch]"), recursive=True))]
    texts = {path: open(path, encoding="utf-8").read() for path in files}
    found = {}
    for name in names:
        for pattern in (rf"^[a-z_].*\b{name}\([^;]*?\n\{{\n",
                        rf"^[a-z_].*\b(\w+_{name})\([^;]*?\n\{{\n"):
            if name in found or name in ("", "end"):
                break
            for path, text in texts.items():
                match = re.search(pattern, text, re.MULTILINE)
                if match:
                    found[name] = excerpt(path, text, match, (match.groups() or (name,))[0])
                    break
    doors = set(found) | {one["name"] for one in found.values()}
    for name, functions in noted(texts).items():
        if name in found:
            found[name]["by"] = sorted(functions - doors)
    return found


def noted(texts):
    """Which functions note a door, by themselves or by a helper of mm/fault/note.h that is there for that
    door alone: {door: {names}}"""
    with open(os.path.join(TOP, "kernel/trace/format.h"), encoding="utf-8") as file:
        doors = dict(re.findall(r'^\tX\((\w+), "(\w+)"\)', file.read(), re.MULTILINE))
    bodies = [(name, body, path) for path, text in texts.items()
              if "TRACE_DOOR_" in text or "fault/note.h" in text for name, body in
              re.findall(r"^[a-z_].*?\b(\w+)\([^;{]*?\n\{\n(.*?)^\}$", text, re.MULTILINE | re.DOTALL)]
    found = {door: {name for name, body, _ in bodies if re.search(rf"\bTRACE_DOOR_{number}\b", body) or
                    door == name} for number, door in doors.items()}
    helpers_of = {door: {name for name, _, path in bodies if name in names and path.endswith("/note.h")}
                  for door, names in found.items()}
    several = Counter(name for helpers in helpers_of.values() for name in helpers)
    for door, names in found.items():
        helpers = {name for name in helpers_of[door] if several[name] == 1}
        names -= helpers_of[door] - helpers
        names |= {name for name, body, _ in bodies
                  if any(re.search(rf"\b{helper}\(", body) for helper in helpers)}
    return found


def excerpt(path, text, match, name):
    """The function at the match, with the comment in front of it."""
    begin, end = match.start(), text.index("\n}\n", match.end() - 1) + 2
    before = text[:begin]
    if before.endswith("*/\n"):
        begin = before.rindex("/*")
        begin = before.rfind("\n", 0, begin) + 1
    lines = text[begin:end].rstrip("\n").split("\n")
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = ["\t..."]
    return {"name": name, "file": os.path.relpath(path, TOP), "line": text.count("\n", 0, begin) + 1,
            "text": "\n".join(lines)}


class Places:
    """Where the instructions that faulted stand: .words, {"program:address in hex": words}."""

    TYPES = {kind.number for kind in (flt.FAULT, flt.VMA_SET, flt.VMA_CLEAR, flt.MM_GONE, flt.FILE)}

    def __init__(self, symbols):
        self.symbols, self.words = symbols, {}
        self._state, self._seen = State(), set()

    def add(self, data):
        """Raw records, behind those that came before."""
        wanted = {}
        for record in flt.decoded(data, self.TYPES):
            if record.type == flt.FAULT.number:
                key = f"{flt.text(record.comm)}:{record.ip:x}"
                if key not in self._seen:
                    self._seen.add(key)
                    wanted[key] = self._code(record)
            else:
                self._state.apply(record)
        self.symbols.prepare(wanted.values())
        for key, code in wanted.items():
            place = self.symbols.place(*code)
            if place:
                self.words[key] = place.words()

    def _code(self, fault):
        """(address, VMA, path of its file) of the instruction."""
        mm = self._state.mms.get(fault.mm) if fault.ip < flt.KERNEL_HALF else None
        vma = mm.vma(fault.ip) if mm else None
        return fault.ip, vma, self._state.files.get((vma.dev, vma.ino), b"") if vma else b""


def program_of(trace, given):
    """The name of the program that the page is about: as given, or whoever has most faults."""
    if given:
        return os.path.basename(given)[:15]
    count = Counter(flt.text(record.comm) for record in trace if record.type == flt.FAULT.number)
    return max(count, key=count.get, default="no program")


# ---- The page ----------------------------------------------------------------------------------------

def meta(trace, size, args, places):
    """What the page has to know besides the records, which are @size bytes. @places: Places.words"""
    header = trace.header
    return {"program": program_of(trace, args.program), "nr_cpus": header.nr_cpus,
            "nr_frames": header.nr_frames, "tsc_khz": header.tsc_khz, "tsc_boot": header.tsc_boot,
            "when": time.strftime("%d %B %Y", time.gmtime(header.wall_boot)).lstrip("0"),
            "bytes": size, "notes": trace.notes, "doors": flt.DOORS, "kinds": flt.KINDS,
            "layout": layout(), "sources": excerpts(flt.DOORS), "places": places}


def build(facts, records):
    """The text of the page. @facts: meta()."""
    def inlined(match):
        name = match[1]
        if name == "meta":
            return json.dumps(facts).replace("<", "\\u003c")
        if name == "records":
            return base64.b64encode(zlib.compress(records, 6)).decode()
        path = D3 if name == "d3" else os.path.join(HERE, "page", name)
        with open(path, encoding="utf-8") as file:
            return file.read().replace("</script", "<\\/script")
    with open(os.path.join(HERE, "page", "index.html"), encoding="utf-8") as file:
        return re.sub(r"\{\{([\w.]+)\}\}", inlined, file.read())


def keep(path, text):
    """Write the page, whole or not at all: what stood there stays until then. Raises OSError."""
    into = path if os.path.exists(path) and not os.path.isfile(path) else f"{path}.new"
    try:
        with open(into, "w", encoding="utf-8") as file:
            file.write(text)
        if into != path:
            os.replace(into, path)
    except BaseException as error:
        if into != path and os.path.exists(into):
            os.remove(into)
        if isinstance(error, OSError):
            error.filename = path
        raise


def show(url):
    """Open the page where there is a browser."""
    if any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")):
        webbrowser.open(url)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="see.py", description="Shows a recorded run on a page.")
    parser.add_argument("--out", default=os.path.join(TOP, "build/run/see.html"), help="the page")
    parser.add_argument("--program", help="whose first fault is shown first")
    parser.add_argument("--kernel", default=os.path.join(TOP, "build/kernel/faultline.elf"))
    parser.add_argument("--elf", help="the program that was run as ELF=")
    parser.add_argument("file", nargs="?")
    args = parser.parse_args()
    try:
        path = args.file or record(args.kernel, os.environ)
        trace = flt.read(path)
        records, places = raw(trace), Places(Symbols(args.kernel, args.elf))
        places.add(records)
        text = build(meta(trace, len(records), args, places.words), records)
        keep(args.out, text)
    except flt.Bad as bad:
        tell(str(bad))
        return REFUSED
    except OSError as error:
        tell(f"{error.filename}: {error.strerror}")
        return REFUSED
    tell(f"the page is {args.out}")
    show("file://" + os.path.abspath(args.out))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        tell("interrupted: there is no new page")
        sys.exit(INTERRUPTED)
