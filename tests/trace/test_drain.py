# SPDX-License-Identifier: MIT
"""What takes the records out of the guest's memory, and a guest that lies to it."""
import os
import struct
import sys

from harness import TOP, check, tmp
from synthetic import flt

sys.path.insert(0, os.path.join(TOP, "tools"))
from drain import Drain, ENDS_AT, ENDS_SIZE, FILE_HEADER, SIZE  # noqa: E402

RING = 1 << 14


class Guest:
    """Rings as the kernel would make them, and its side of them."""

    def __init__(self, cpus=2, ring=RING, header_size=4096, magic=flt.MAGIC):
        self.path, self.seq, self.ring = tmp("trace.flt"), 0, ring
        self.drain = Drain(self.path)
        self.memory = self.drain.memory
        self.memory[8:FILE_HEADER] = flt.HEADER.pack(magic, flt.VERSION, header_size, cpus, ring,
                                                     1000, 0, 0, 4096, 0)[8:]
        self.memory[:8] = magic

    def set(self, cpu, head, lost=0):
        at = ENDS_AT + cpu * ENDS_SIZE
        struct.pack_into("<Q", self.memory, at, head)
        struct.pack_into("<Q", self.memory, at + 16, lost)

    def mark(self, cpu, head):
        """A MARK at byte @head of the ring; where it ends."""
        self.seq += 1
        record = flt.MARK.encode(cpu, 1, self.seq, self.seq, value=self.seq)
        at = 4096 + cpu * self.ring + head % self.ring
        self.memory[at:at + len(record)] = record
        return head + len(record)

    def end(self):
        """(the file's records or why not, what stop() said)."""
        self.drain.start()
        said = self.drain.stop()
        try:
            return list(flt.read(self.path)), said
        except flt.Bad as bad:
            return str(bad), said


def test_drained():
    "records of all rings, also across the end of one"
    guest, heads = Guest(), [0, 0]
    for turn in range(3 * RING // 32):
        heads[turn % 2] = guest.mark(turn % 2, heads[turn % 2])
        guest.set(turn % 2, heads[turn % 2], 3)
        if turn % 100 == 0:
            guest.drain._take_all()  # pylint: disable=protected-access
    records, said = guest.end()
    check("all, in order", [r.value for r in records] == list(range(1, 3 * RING // 32 + 1)),
          len(records))
    check("lost ones are added up", said == 6, said)


def test_lies():
    "a guest that lies harms nothing but its own file"
    for name, knobs, head, lost in (
            ("a head before the tail", {}, -64 % (1 << 64), 0), ("a head too far", {}, RING + 32, 0),
            ("33 CPUs", {"cpus": 33}, 32, 0), ("rings outside", {"ring": SIZE}, 32, 0),
            ("a header outside", {"header_size": SIZE}, 32, 0), ("rings of 0 bytes", {"ring": 0}, 32, 0),
            ("a ring of 3 bytes", {"ring": 3}, 3, 0), ("more lost than there are numbers", {}, 0, (1 << 64) - 1)):
        guest = Guest(**knobs)
        for cpu in range(2):
            guest.set(cpu, head, lost)
        try:
            records, said = guest.end()
        except Exception as error:
            check(name, False, repr(error))
            continue
        check(name, isinstance(records, str) or not records, records)
        check(f"{name}: lost", (said > 0) == bool(lost), said)
