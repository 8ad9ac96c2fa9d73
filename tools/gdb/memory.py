# SPDX-License-Identifier: MIT
"""The stopped machine's memory, read by physical address.

QEMU's stub has a mode in which addresses are physical (packet Qqemu.PhyMemMode). What the kernel
has is read in it, translated by arithmetic or by init_pgd's tables, so that it does not matter
what the selected CPU has in CR3: also in user mode, and where a map lacks a part of the vmalloc
area. The mode is on for one read, or a row of them, and off again when gdb itself looks at memory.

Nothing is read twice within a command, which forgets all at its start (commands.py).
"""
import contextlib

import gdb

PAGE_SHIFT, PAGE_SIZE = 12, 4096
PAGE_OFFSET, VMEMMAP_START, KERNEL_MAP = 0xFFFF888000000000, 0xFFFFEA0000000000, 0xFFFFFFFF80000000
DIRECT_END = PAGE_OFFSET + (1 << 46)
PFN_MASK = 0x000FFFFFFFFFF000
PRESENT, PSE = 1, 1 << 7
BLOCK = 1024  # bytes read at a time
MODE = "Qqemu.PhyMemMode:"
LATER = "`break exc_page_fault` and continue"  # there everything is set up


class Said(gdb.GdbError):
    """Ends a command with one sentence."""


TROUBLE = gdb.error, gdb.GdbError  # what a look at memory may raise; neither is a kind of the other


class Cache:
    """What was read since forget()."""
    blocks, frames = {}, {}

    @classmethod
    def forget(cls):
        cls.blocks.clear()
        cls.frames.clear()


class Mode(contextlib.ContextDecorator):
    """With it reads follow each other without a switch in between. gdb must not look at memory
    meanwhile: no expression is evaluated that does."""
    depth, on = 0, False

    def __enter__(self):
        Mode.depth += 1

    def __exit__(self, *_):
        Mode.depth -= 1
        if Mode.on and not Mode.depth:
            Mode.on = False
            gdb.selected_inferior().connection.send_packet(MODE + "0")

    @staticmethod
    def begin():
        connection = gdb.selected_inferior().connection
        if not hasattr(connection, "send_packet"):
            raise Said("no machine is attached: begin again with `make debug`")
        if connection.send_packet(MODE + "1") != b"OK":
            raise Said("this gdb stub cannot read physical memory; QEMU's can, from 4.1 on")
        Mode.on = True


@Mode()
def _physical_block(address):
    """One read with the mode on. It is off again whatever happens, Ctrl-C included."""
    try:
        if not Mode.on:
            Mode.begin()
        return bytes(gdb.selected_inferior().read_memory(address, BLOCK))
    except gdb.error as error:
        raise Said(f"physical memory at {address:#x} cannot be read: {error}") from None


def physical(address, length):
    """Bytes at a physical address."""
    parts = []
    while length > 0:
        start = address & ~(BLOCK - 1)
        if start not in Cache.blocks:
            Cache.blocks[start] = _physical_block(start)
        part = Cache.blocks[start][address - start:address - start + length]
        parts.append(part)
        address, length = address + len(part), length - len(part)
    return b"".join(parts)


def physical_u64(address):
    return int.from_bytes(physical(address, 8), "little")


def to_physical(address):
    """Where a byte of the kernel's half lies; Said if nothing is mapped there."""
    if PAGE_OFFSET <= address < DIRECT_END:
        return address - PAGE_OFFSET
    if address >= KERNEL_MAP:
        return address - KERNEL_MAP
    page = address & ~(PAGE_SIZE - 1)
    if page not in Cache.frames:
        Cache.frames[page] = _translate(page)
    return Cache.frames[page] + address - page


def _translate(page):
    root = int.from_bytes(physical(symbol("init_pgd")[0] - KERNEL_MAP, 8), "little")
    table = root - PAGE_OFFSET
    if page < 1 << 63 or not PAGE_OFFSET <= root < DIRECT_END:
        raise Said(f"no kernel memory at {page:#x}"
                   + ("" if root else f": paging is not on yet; {LATER}"))
    for shift in (39, 30, 21, 12):
        entry = physical_u64(table + (page >> shift & 511) * 8)
        if not entry & PRESENT:
            raise Said(f"no kernel memory at {page:#x}")
        table = entry & PFN_MASK
        if shift < 39 and shift > 12 and entry & PSE:
            return (table & ~((1 << shift) - 1)) + (page & (1 << shift) - 1)
    return table


def kernel(address, length):
    """Bytes at an address of the kernel's half."""
    parts = []
    while length > 0:
        part = min(length, PAGE_SIZE - address % PAGE_SIZE)
        parts.append(physical(to_physical(address), part))
        address, length = address + part, length - part
    return b"".join(parts)


def text_at(address, limit=256):
    """A string that ends in NUL."""
    text = b""
    while address and len(text) < limit and b"\0" not in text:
        text += kernel(address + len(text), 16 - (address + len(text)) % 16)
    return text.split(b"\0")[0].decode(errors="replace")


# --- what the debug information says ---

_symbols, _types, _layouts = {}, {}, {}


def symbol(name):
    """Address and type of a variable of the kernel."""
    if name not in _symbols:
        try:
            found = gdb.parse_and_eval("&" + name)
        except gdb.error as error:
            raise Said(f"the kernel has no {name}: {error}") from None
        _symbols[name] = int(found) & (1 << 64) - 1, found.type.target()
    return _symbols[name]


def kind_of(name):
    if name not in _types:
        try:
            _types[name] = gdb.lookup_type(name).strip_typedefs()
        except gdb.error:
            raise Said(f"no symbols of the kernel are loaded: there is no {name}") from None
    return _types[name]


def size_of(name):
    return kind_of(name).sizeof


def layout(kind):
    """Field -> (offset, type), with those of nameless members among them."""
    key = str(kind.unqualified())
    if not kind.name and not kind.tag or key not in _layouts:
        fields = {}
        for field in kind.fields():
            offset, inner = field.bitpos // 8, field.type.strip_typedefs()
            if field.name:
                fields[field.name] = offset, inner
            else:
                fields.update({name: (offset + at, of) for name, (at, of) in layout(inner).items()})
        if not kind.tag:
            return fields
        _layouts[key] = fields
    return _layouts[key]


def offset_of(type_name, member):
    return layout(kind_of(type_name))[member][0]


def fetch(address, kind):
    """What lies there: an int, or an Object to look further into."""
    kind = kind.strip_typedefs()
    if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION, gdb.TYPE_CODE_ARRAY):
        return Object(address, kind)
    signed = kind.code == gdb.TYPE_CODE_INT and kind.is_signed
    return int.from_bytes(kernel(address, kind.sizeof), "little", signed=signed)


class Object:
    """A struct, union or array of the kernel; its fields and elements are read when asked for."""

    def __init__(self, address, kind):
        self.address, self.kind = address, kind_of(kind) if isinstance(kind, str) else kind

    def __bool__(self):
        return self.address != 0

    def __eq__(self, other):
        return self.address == other.address

    def __hash__(self):
        return self.address

    def __len__(self):
        return self.kind.range()[1] + 1

    def at(self, key):
        """Address of a field or element."""
        return self._place(key)[0]

    def _place(self, key):
        if self.kind.code == gdb.TYPE_CODE_ARRAY:
            inner = self.kind.target()
            return self.address + key * inner.sizeof, inner
        offset, inner = layout(self.kind)[key]
        return self.address + offset, inner

    def __getitem__(self, key):
        if not self.address:
            raise Said(f"a NULL pointer where a {self.kind} was to be")
        if isinstance(key, int) and self.kind.code == gdb.TYPE_CODE_ARRAY and key >= len(self) > 0:
            raise IndexError(key)  # the end, to a for loop
        return fetch(*self._place(key))

    def value(self):
        """What stands there, where it is a plain number."""
        return fetch(self.address, self.kind)

    def follow(self, key, type_name):
        """The struct that a field points to; false if NULL."""
        return Object(self[key], type_name)

    def text(self, key):
        """A char array or pointer as text."""
        address, inner = self._place(key)
        return text_at(address if inner.code == gdb.TYPE_CODE_ARRAY else self[key])


def variable(name):
    """A variable of the kernel, as fetch() says."""
    return fetch(*symbol(name))


def address_of(name):
    return symbol(name)[0]


def list_of(head, type_name, member):
    """The entries of the struct list_head at this address."""
    offset = offset_of(type_name, member)
    node = Object(head, "struct list_head")["next"]
    while node and node != head:
        yield Object(node - offset, type_name)
        node = Object(node, "struct list_head")["next"]


def array_load(xarray, index):
    """The entry of a struct xarray at this index, as an int; 0 if there is none."""
    entry, shift = xarray["root"], xarray["bits"]
    if index > xarray["max"]:
        return 0
    while shift and entry:
        shift -= 6
        entry = Object(entry, "struct xa_node")["slots"][index >> shift & 63]
    return entry


# --- CPUs ---

def selected_cpu():
    """QEMU shows CPU n as thread n + 1."""
    thread = gdb.selected_thread()
    return thread.ptid[1] - 1 if thread and thread.ptid[1] > 0 else 0


def per_cpu(name, cpu):
    """That CPU's instance of a per-CPU variable."""
    address, kind = symbol(name)
    return fetch(address + variable("__per_cpu_offset")[cpu] & (1 << 64) - 1, kind)
