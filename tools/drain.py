# SPDX-License-Identifier: MIT
"""The recorder's host side: the memory that the guest's rings lie in, and the thread that takes out of
them, all the time, what goes to the record file. kernel/trace/format.h describes both.

The memory has no name and is not ours alone: what the guest writes there is believed only as far as
it cannot do harm. It outlives QEMU, so that the last records come too, whatever the machine's end was.
"""
import mmap
import os
import struct
import threading
import time

from knobs import MIB, Refused

SIZE = 64 * MIB
MAGIC = b"FLTRACE\0"
FILE_HEADER, ENDS_AT, ENDS_SIZE, MAX_CPUS, END_CPU = 64, 512, 64, 32, 0xFFFFFFFF
BUSY, IDLE = 0.001, 0.01  # seconds between two looks


class Drain:
    """start() before QEMU, which gets words and fd; stop() behind its end."""

    def __init__(self, path):
        self.path, self.failure = path, None
        try:
            self.file = open(path, "wb", buffering=0)
        except OSError as error:
            raise Refused(f"TRACE={path}: {error.strerror}") from None
        self.fd = os.memfd_create("trace")
        os.ftruncate(self.fd, SIZE)
        self.memory = memoryview(mmap.mmap(self.fd, SIZE))
        # Each element is read and written as one: head must not be seen half old and half new.
        self.numbers = self.memory.cast("Q")
        self.rings = []  # (offset, bytes) of each CPU's, when the guest has made them
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def words(self):
        """For QEMU's command line."""
        return ["-object", f"memory-backend-file,id=trace,share=on,mem-path=/proc/self/fd/{self.fd},"
                           f"size={SIZE}", "-device", "ivshmem-plain,memdev=trace"]

    def start(self):
        self.thread.start()

    def stop(self):
        """QEMU has ended: take the rest. Returns how many records were lost."""
        self.ending.set()
        self.thread.join()
        while self._take_all():
            pass
        lost = min(sum(self.numbers[self._ends(cpu) + 2] for cpu in range(len(self.rings))),
                   (1 << 64) - 1)  # the guest may lie
        if self.rings:
            self._write(struct.pack("<IIQ", END_CPU, 8, lost))
        self.file.close()
        os.close(self.fd)
        return lost

    def _follow(self):
        while not self.ending.is_set():
            time.sleep(BUSY if self._take_all() else IDLE)

    @staticmethod
    def _ends(cpu):
        """Index of a ring's head; its tail and lost follow."""
        return (ENDS_AT + cpu * ENDS_SIZE) // 8

    def _begin(self):
        """Has the guest made its rings? Then the file begins. Returns if there are any."""
        if bytes(self.memory[:len(MAGIC)]) != MAGIC:
            return False
        header_size, cpus, ring = struct.unpack_from("<4xIII", self.memory, len(MAGIC))
        if not 0 < cpus <= MAX_CPUS or header_size + cpus * ring > SIZE or ring & (ring - 1):
            return False
        self._write(self.memory[:FILE_HEADER])
        self.rings = [(header_size + cpu * ring, ring) for cpu in range(cpus)]
        return True

    def _take_all(self):
        """Take what is there. Returns if there was anything."""
        if not self.rings and not self._begin():
            return False
        return any([self._take(cpu) for cpu in range(len(self.rings))])

    def _take(self, cpu):
        base, size = self.rings[cpu]
        ends = self._ends(cpu)
        head, tail = self.numbers[ends], self.numbers[ends + 1]
        count = head - tail
        if not 0 < count <= size or self.failure:
            return False
        at = tail % size
        first = min(count, size - at)
        self._write(struct.pack("<II", cpu, count))
        self._write(self.memory[base + at:base + at + first])
        self._write(self.memory[base:base + count - first])
        self.numbers[ends + 1] = head
        return True

    def _write(self, data):
        try:
            while len(data) and not self.failure:
                data = data[self.file.write(data):]
        except OSError as error:
            self.failure = error.strerror
