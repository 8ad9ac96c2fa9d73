# SPDX-License-Identifier: MIT
"""The reader of record files and the kernel's headers say the same."""
import os
import re
import struct

from harness import TOP, check
from synthetic import flt

TYPES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "char": 1}


def header():
    with open(os.path.join(TOP, "kernel/trace/format.h")) as file:
        return file.read()


def names(text, macro):
    """The first words of an X macro's rows."""
    body = re.search(rf"#define {macro}\(X\)((?:.*\\\n)*.*)", text)[1]
    return re.findall(r"X\((.*?)\)", body)


def c_layout(text, name):
    """[(offset, size, count)] of each number in struct @name, after the head; pads left out."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    body = re.search(rf"struct {name} {{(.*?)\n}};", text, re.DOTALL)[1]
    fields, at = [], 0
    for kind, members in re.findall(r"(struct \w+|\w+) ([^;]+);", body):
        for member in members.split(","):
            word, count = re.fullmatch(r"\s*(\w+)\s*(?:\[(\w*)\])?\s*", member).groups()
            size = TYPES.get(kind)
            if size is None:
                at += 24 if kind == "struct trace_record" else 0
                continue
            many = 1 if count is None else int(count or 0)
            if word != "pad":
                fields += [(at, size * many, 1)] if kind == "char" and many else \
                    [(at + i * size, size, 1) for i in range(many)]
            at += size * many
    return fields


def python_layout(kind):
    """The same of the reader's struct."""
    fields, at = [], 0
    for count, code in re.findall(r"(\d*)([a-zA-Z])", kind.struct.format.lstrip("<")):
        size = struct.calcsize("<" + code)
        many = int(count or 1)
        if code == "s":
            fields.append((at, many, 1))
        elif code != "x":
            fields += [(at + i * size, size, 1) for i in range(many)]
        at += size * many
    return fields[6:]


def test_header():
    "types, layouts, doors and names are those of kernel/trace/format.h"
    text = header()
    rows = [row.split(", ") for row in names(text, "TRACE_TYPES")]
    types = {row[0]: int(row[1]) for row in rows}
    ours = {kind.name: kind.number for kind in flt.RECORDS.values()}
    check("types", types == dict(ours, PAD=flt.PAD), types)
    for kind in flt.RECORDS.values():
        theirs = c_layout(text, "trace_" + kind.name.lower())
        check(f"{kind.name}: offsets and sizes", theirs == python_layout(kind),
              f"{theirs}\n{python_layout(kind)}")
        asserted = re.search(rf"\(struct trace_{kind.name.lower()}(?:, doors)?\) != (\d+)", text)
        check(f"{kind.name}: size", int(asserted[1]) == kind.struct.size, kind.struct.size)
    doors = [re.search('"(.*)"', row)[1] for row in names(text, "TRACE_DOORS")]
    check("doors", doors == list(flt.DOORS), doors)
    check("kinds", [row.lower() for row in names(text, "TRACE_KINDS")] == list(flt.KINDS))
    check("whys", [row.lower() for row in names(text, "TRACE_WHYS")] == list(flt.WHYS))
    for name, value in (("TRACE_VERSION", flt.VERSION), ("TRACE_MAX_CPUS", flt.MAX_CPUS),
                        ("TRACE_FILE_HEADER_SIZE", flt.HEADER.size),
                        ("TRACE_FAULT_DOORS", flt.MAX_DOORS), ("TRACE_PTES_MAX", flt.MAX_ENTRIES),
                        ("TRACE_END_CPU", flt.END_CHUNK), ("TRACE_LRU_OFF", flt.LRU_OFF),
                        ("TRACE_FAULT_REMOTE", flt.PF_REMOTE),
                        ("TRACE_FAULT_LISTED", flt.FAULT_LISTED)):
        there = re.search(rf"#define {name} (\w+?)u?\b(?!\w)", text)
        check(name, there and int(there[1].rstrip("u"), 0) == value, there)


def test_constants():
    "bits of entries, rights and verdicts are the kernel's"
    places = {"mm/fault/fault.h": " ".join(f"VM_FAULT_{name}" for name in (
                  "OOM", "SIGBUS", "MAJOR", "SIGSEGV", "NOPAGE", "LOCKED", "RETRY", "DIRTIED")),
              "mm/space/mm.h": "VM_READ VM_WRITE VM_EXEC VM_SHARED VM_MAYSHARE VM_GROWSDOWN VM_LOCKED"}
    for path, words in places.items():
        with open(os.path.join(TOP, path)) as file:
            text = file.read()
        for name in words.split():
            value = int(re.search(rf"#define {name} 0x([0-9a-f]+)", text)[1], 16)
            check(name, value == getattr(flt, name), hex(value))
    with open(os.path.join(TOP, "arch/x86_64/include/asm/pgtable.h")) as file:
        text = file.read()
    for name in "PRESENT RW USER ACCESSED DIRTY SPECIAL OWNED SOFT_DIRTY NX".split():
        bit = int(re.search(rf"#define _PAGE_{name} \(1UL << (\d+)\)", text)[1])
        check(f"_PAGE_{name}", 1 << bit == getattr(flt, "PTE_" + name), bit)
