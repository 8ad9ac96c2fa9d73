# SPDX-License-Identifier: MIT
"""Names for addresses: function and offset from an ELF's own .symtab, file and line from addr2line
where there is one. An ELF without symbols, or none at all, gives the bare address."""
import bisect
import os
import struct
import subprocess
from collections import namedtuple

from format import KERNEL_HALF, PAGE_SHIFT

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EHDR = struct.Struct("<4sBB10xHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
SHDR = struct.Struct("<IIQQQQIIQQ")
SYM = struct.Struct("<IBBHQQ")
PT_LOAD, SHT_SYMTAB, STT_NOTYPE, STT_FUNC = 1, 2, 0, 2


class Place(namedtuple("Place", "function offset source")):
    """Where code stands; source: "user/cow.c:58", or ""."""

    def words(self):
        """As in `read_then_write+0x3f (user/cow.c:50)`."""
        return f"{self.function}+{self.offset:#x}" + (f" ({self.source})" if self.source else "")


def of_the_tree(path):
    """A source's path in this tree, wherever it was compiled; else its name alone."""
    parts = path.split("/")
    for i in range(1, len(parts) - 1):
        if os.path.isfile(os.path.join(TOP, *parts[i:])):
            return os.path.join(*parts[i:])
    return parts[-1]


class Elf:
    """Symbols of one x86-64 ELF. What is none, or damaged, has no symbols."""

    def __init__(self, path):
        self.path, self.names, self.starts, self.sizes, self.loads = path, [], [], [], []
        self._lines = {}
        try:
            with open(path, "rb") as file:
                self._parse(file.read())
        except (OSError, struct.error, IndexError, ValueError):
            self.names, self.starts, self.sizes = [], [], []

    def _parse(self, data):
        (magic, bits, endian, _, machine, _, _, phoff, shoff, _, _, phsize, phnum, shsize, shnum,
         _) = EHDR.unpack_from(data)
        if (magic, bits, endian, machine) != (b"\x7fELF", 2, 1, 62):
            return
        for i in range(phnum):
            kind, _, offset, vaddr, _, filesz, _, _ = PHDR.unpack_from(data, phoff + i * phsize)
            if kind == PT_LOAD:
                self.loads.append((offset, filesz, vaddr))
        sections = [SHDR.unpack_from(data, shoff + i * shsize) for i in range(shnum)]
        for section in sections:
            if section[1] == SHT_SYMTAB:
                self._symbols(data, section, sections[section[6]][4])

    def _symbols(self, data, section, strings):
        found = {}
        for at in range(section[4], section[4] + section[5], SYM.size):
            name, info, _, where, value, size = SYM.unpack_from(data, at)
            if not where or not name or where >= 0xFF00 or info & 15 not in (STT_NOTYPE, STT_FUNC):
                continue
            text = data[strings + name:data.index(b"\0", strings + name)].decode(errors="replace")
            if info & 15 == STT_NOTYPE and "." in text:
                continue  # a label within a function, as NASM writes it
            rank = (info & 15 == STT_FUNC, info >> 4 == 1, text)  # functions and global ones first
            if value not in found or rank > found[value][0]:
                found[value] = rank, text, size
        self.starts = sorted(found)
        self.names = [found[start][1] for start in self.starts]
        self.sizes = [found[start][2] for start in self.starts]

    def vaddr(self, offset):
        """The address, as the ELF has it, of a byte of the file; None if no segment holds it."""
        for begin, size, vaddr in self.loads:
            if begin <= offset < begin + size:
                return vaddr + offset - begin
        return None

    def function(self, address):
        """(name, offset) or None."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address - self.starts[i] >= (self.sizes[i] or 1 << 16):
            return None
        return self.names[i], address - self.starts[i]

    def resolve_lines(self, addresses):
        """Ask addr2line for all of them at once: it is slow to start."""
        wanted = sorted({address for address in addresses if address not in self._lines})
        if not wanted or not self.names:
            return
        self._lines.update(dict.fromkeys(wanted, ""))
        try:
            said = subprocess.run(["addr2line", "-e", self.path], check=False, capture_output=True,
                                  input="\n".join(f"{a:#x}" for a in wanted).encode(), timeout=120)
        except (OSError, subprocess.TimeoutExpired):
            return
        for address, line in zip(wanted, said.stdout.decode(errors="replace").splitlines()):
            path, _, number = line.partition(" (")[0].rpartition(":")
            if number.isdigit() and int(number):
                self._lines[address] = f"{of_the_tree(path)}:{number}"

    def place(self, address):
        """Place, or None if nothing is known."""
        function = self.function(address)
        if not function:
            return None
        self.resolve_lines([address])
        return Place(*function, self._lines.get(address, ""))


class Symbols:
    """Those of a run: the kernel's, and of programs by the path that they have in the machine.
    @elf: the file that was run as ELF=, or None; @programs: where those of /bin are."""

    def __init__(self, kernel, elf=None, programs=os.path.join(TOP, "build/user")):
        self.kernel, self._elf, self._programs, self._elfs = Elf(kernel), elf, programs, {}

    def of_path(self, path):
        """The Elf of a program in the machine; one without symbols if it is none of ours."""
        path = os.fsdecode(path)
        if path not in self._elfs:
            host = ""
            if self._elf and path == "/root/" + os.path.basename(self._elf):
                host = self._elf
            elif os.path.dirname(path) == "/bin":
                host = os.path.join(self._programs, os.path.basename(path))
            self._elfs[path] = Elf(host)
        return self._elfs[path]

    def _locate(self, address, vma, path):
        """(Elf, address in it) of an address that lies in that VMA of a program."""
        if address >= KERNEL_HALF:
            return self.kernel, address
        elf = self.of_path(path)
        inside = None if vma is None else \
            elf.vaddr(address - vma.start + (vma.pgoff << PAGE_SHIFT))
        return elf, inside

    def place(self, address, vma=None, path=b""):
        """Where code stands. @vma: the VMA that holds it, and @path: that of its file."""
        elf, inside = self._locate(address, vma, path)
        return elf.place(inside) if inside is not None else None

    def prepare(self, wanted):
        """Look up the lines of many (address, vma, path) at once."""
        by_elf = {}
        for address, vma, path in wanted:
            elf, inside = self._locate(address, vma, path)
            if inside is not None:
                by_elf.setdefault(elf, set()).add(inside)
        for elf, addresses in by_elf.items():
            elf.resolve_lines(addresses)
