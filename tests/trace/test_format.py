# SPDX-License-Identifier: MIT
"""The reader of record files: what it reads, and what it refuses."""
import random
import struct

import synthetic
from harness import check, tmp
from synthetic import Recorder, flt


def file_of(data):
    path = tmp("trace.flt")
    with open(path, "wb") as file:
        file.write(data)
    return path


def refusal(data):
    """What the reader says of it; "" if it takes it."""
    try:
        flt.read(file_of(data))
    except flt.Bad as bad:
        return str(bad)
    return ""


def marks(count=10):
    """A file of so many MARKs."""
    recorder = Recorder(nr_cpus=1)
    for i in range(count):
        recorder.add(flt.MARK, value=i)
    return recorder


def test_whole():
    "a whole run is read, in the order of its numbers"
    trace = flt.read(file_of(synthetic.play()))
    numbers = [record.seq for record in trace]
    check("in order", numbers == sorted(numbers))
    check("all of them", numbers == list(range(1, len(trace) + 1)), len(trace))
    check("from both CPUs", {record.cpu for record in trace} == {0, 1})
    check("nothing to say", trace.complete and not trace.notes and not trace.lost, trace.notes)
    faults = [record for record in trace if record.type == flt.FAULT.number]
    check("faults", len(faults) > 50, len(faults))
    check("each ends at the end", all(fault.doors[-1][0] == "end" for fault in faults))
    first = {fault.doors[0][0] for fault in faults}
    check("and is told where it began", first == {"exc_page_fault"}, first)
    check("a file's name", b"/root/data" in {record.path for record in trace
                                             if record.type == flt.FILE.number})
    check("one record by its place", trace[7] == list(trace)[7] and trace[3:5] == list(trace)[3:5])
    check("found by its number", trace.find(20) == 19, trace.find(20))


def test_round_trip():
    "each type of record comes back as it was written"
    for kind in flt.RECORDS.values():
        tail = {"entries": (1, 2, 3), "path": b"/bin/sh", "steps": (1, 0, 35, 77)}.get(kind.tail)
        fields = {name: b"abcdefgh" * 2 if name == "comm" else i
                  for i, name in enumerate(kind.tuple._fields[6:]) if name != kind.tail}
        fields.update({kind.tail: tail} if tail else {})
        fields.update({name: n for name, n in (("n", 3), ("nr_doors", 2)) if name in fields})
        recorder = Recorder(nr_cpus=4)
        recorder.add(kind, 3, 99, **fields)
        back = flt.read(file_of(recorder.end()))[0]
        same = {name: getattr(back, name) for name in fields} == fields
        check(kind.name, same and (back.cpu, back.tid, back.seq) == (3, 99, 1), back)


def test_refused():
    "what is no record file is refused in a sentence"
    good = marks().end()
    for name, data, words in (
            ("empty", b"", "is empty"), ("text", b"hello\n" * 100, "does not begin with FLTRACE"),
            ("short text", b"hello", "does not begin with FLTRACE"),
            ("half a header", good[:40], "cut off in its header"),
            ("newer", good[:8] + struct.pack("<I", 2) + good[12:], "has version 2 of the format"),
            ("version 0", good[:8] + struct.pack("<I", 0) + good[12:], "header tells of version 0"),
            ("33 CPUs", good[:16] + struct.pack("<I", 33) + good[20:], "tells of 33 CPUs"),
            ("2^40 frames", good[:53] + b"\1" + good[54:], "frames"),
            ("no clock", good[:24] + bytes(8) + good[32:], "a clock that stands still"),
            ("after the end", good + bytes(8), "something follows its end"),
            ("strange CPU", good[:64] + struct.pack("<I", 7) + good[68:], "a chunk of CPU 7, of 1"),
            ("odd chunk", good[:68] + struct.pack("<I", 13) + good[72:], "a chunk of 13 bytes"),
            ("huge chunk", good[:68] + struct.pack("<I", 1 << 30) + good[72:], "a chunk of"),
            ("record of 0 bytes", good[:72] + bytes(2) + good[74:], "a record of 0 bytes"),
            ("too long a record", good[:72] + b"\xf8\xff" + good[74:], "a record of 65528 bytes"),
            ("another's record", good[:75] + b"\1" + good[76:], "of CPU 1 among those of CPU 0"),
            ("wrong size", good[:72] + b"\x40\0" + good[74:], "a MARK record of 64 bytes"),
            ("twice", good[:80] + b"\2" + good[81:], "second record has the number 2")):
        said = refusal(data)
        check(name, words in said, said or "taken")
    try:
        flt.read("/nowhere/trace.flt")
    except flt.Bad as bad:
        check("no file", str(bad) == "/nowhere/trace.flt: No such file or directory", bad)


def test_orders():
    "blocks that no allocator has are refused, before somebody counts their frames"
    frame, split, kind = ((flt.FRAME, {"op": 1, "zone": 0}), (flt.FRAME, {"op": 2, "zone": 0}),
                          (flt.KIND, {"kind": 4}))
    for (record, fields), order, good in ((frame, 10, True), (frame, 0, True), (frame, 11, False),
                                          (split, 1, True), (split, 0, False), (kind, 0, True),
                                          (kind, 10, True), (kind, 255, False)):
        recorder = marks(1)
        recorder.add(record, order=order, pfn=1024, **fields)
        said = refusal(recorder.end())
        check(f"{record.name} {fields} of order {order}",
              not said if good else f"a block of order {order}" in said, said)


def test_cut_off():
    "a file that was cut off anywhere gives what is whole of it, and says so"
    good = synthetic.play()
    for length in sorted(random.Random(3).sample(range(64, len(good) - 1), 60)):
        trace = flt.read(file_of(good[:length]))
        said = "".join(trace.notes)
        if not check(f"at {length}", "was cut off" in said and not trace.complete, said):
            break
    check("most is there", len(flt.read(file_of(good[:-20]))) > 500)


def test_corrupted():
    "random damage never ends in anything but a sentence"
    good, chance, refused = synthetic.play(), random.Random(4), 0
    for _ in range(60):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 20)):
            bad[chance.randrange(8, len(bad))] = chance.randrange(256)
        try:
            said = refusal(bytes(bad))
        except Exception as error:
            check("a sentence", False, repr(error))
            return
        refused += bool(said)
    check("damage was seen", refused > 5, refused)


def test_lost():
    "lost records are told of"
    recorder = marks()
    recorder.add(flt.LOST, count=5)
    recorder.lost = 5
    trace = flt.read(file_of(recorder.end()))
    check("counted", trace.lost == 5 and "5 records were lost" in trace.notes[0], trace.notes)
    cut = flt.read(file_of(recorder.end()[:-16]))
    check("without the file's end too", cut.lost == 5 and len(cut.notes) == 2, cut.notes)


def test_unknown():
    "records of a type that is not known yet are passed over"
    recorder = marks(3)
    recorder.rings[0][2 + 32] = 200
    check("the others are read", [r.value for r in flt.read(file_of(recorder.end()))] == [0, 2])


def test_pads():
    "what fills a ring's end is passed over"
    recorder = marks(2)
    recorder.rings[0] += struct.pack("<HBB4x", 8, flt.PAD, 0)
    recorder.rings[0] += struct.pack("<HBB20x", 24, flt.PAD, 0)
    recorder.add(flt.MARK, value=2)
    check("three records", [r.value for r in flt.read(file_of(recorder.end()))] == [0, 1, 2])


def test_followed():
    "fed piece by piece, each record comes once and in order"
    good, chance = synthetic.play(), random.Random(5)
    trace, taken, at = flt.Trace(), [], 0
    while at < len(good):
        piece = chance.randint(1, 3000)
        trace.feed(good[at:at + piece])
        taken += [record.seq for record in trace.take()]
        at += piece
    taken += [record.seq for record in trace.take()]
    check("in order", taken == sorted(taken))
    check("all", taken == [record.seq for record in flt.read(file_of(good))], len(taken))


def test_escaped():
    "names that would harm a terminal or a page are escaped"
    for raw, shown in ((b"cow\0junk", "cow"), (b"a\x1b[31mb", "a\\x1b[31mb"), (b"a\nb", "a\\nb"),
                       (b"\xff\xfe", "\\xff\\xfe"), ("\u00fc\u202e".encode(), "\u00fc\\u202e")):
        check(repr(raw), flt.text(raw) == shown, flt.text(raw))
