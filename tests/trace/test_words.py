# SPDX-License-Identifier: MIT
"""What records mean, in English."""
import words
from harness import check
from synthetic import CALLS, Machine, R, W, flt

FRAME = 0x1C44 << 12
P, RW, U, A, D, G, SPECIAL, OWNED, NX = (
    flt.PTE_PRESENT, flt.PTE_RW, flt.PTE_USER, flt.PTE_ACCESSED, flt.PTE_DIRTY, flt.PTE_PROTNONE,
    flt.PTE_SPECIAL, flt.PTE_OWNED, flt.PTE_NX)


def test_entries():
    "entries of page tables"
    for raw, said in ((0, "empty"), (3 << 14 | 1 << 9, "slot 3 of swap area 1"),
                      (FRAME | P | U | RW | D | A | NX, "frame 0x1c44, writable, dirty, accessed"),
                      (FRAME | P | U, "frame 0x1c44, read-only, executable"),
                      (FRAME | P | U | SPECIAL | NX, "the page of zeroes, read-only"),
                      (FRAME | P | OWNED | NX, "frame 0x1c44, read-only, to be written in place"),
                      (FRAME | G | NX, "frame 0x1c44, read-only, closed to user mode")):
        check(said, words.entry(raw) == said, words.entry(raw))


def test_calls():
    "system calls, with their arguments"
    def call(nr, *args, ret=0):
        args += (0,) * (6 - len(args))
        return words.call(flt.CALL.tuple(88, 18, 0, 1, 1, 1, nr, 1, *args, ret))
    for said, wanted in (
            (call(9, 0, 8192, 3, 0x22, 0, 0, ret=0x7F0000000000),
             "mmap(0x0, 8 KiB, rw-, private anonymous) = 0x7f0000000000"),
            (call(9, 0x10000, 100, 5, 0x11, 3, 0x1000, ret=-22),
             "mmap(0x10000, 100, r-x, shared fixed, descriptor 3 from 0x1000) = -EINVAL"),
            (call(28, 0x7000, 4096, 21), "madvise(0x7000, 4 KiB, MADV_PAGEOUT) = 0"),
            (call(28, 0x7000, 4096, 99, ret=-22), "madvise(0x7000, 4 KiB, MADV_99) = -EINVAL"),
            (call(25, 0x7000, 4096, 8192, 1, ret=0x9000),
             "mremap(0x7000, 4 KiB to 8 KiB, flags 1) = 0x9000"),
            (call(10, 0x7000, 4096, 1, ret=-12), "mprotect(0x7000, 4 KiB, r--) = -ENOMEM"),
            (call(12, 0x42A000, ret=0x42A000), "brk(0x42a000) = 0x42a000"),
            (call(152), "munlockall() = 0"), (call(999, 5), "call 999(0x5) = 0")):
        check(wanted, said == wanted, said)
    check("numbers", all(words.CALLS[nr] == name for name, nr in CALLS.items()))


def test_ranges():
    "numbers, those in a row joined"
    for numbers, said in (([5], "5"), ([1, 2, 3, 7, 9, 10], "1-3, 7, 9-10"),
                          (range(0, 20, 2), "0, 2, 4, 6, 8, 10, ...")):
        check(said, words.ranges(numbers) == said, words.ranges(numbers))


def test_ends():
    "how processes end"
    for code, said in ((0, "ended with status 0"), (7 << 8, "ended with status 7"),
                       (11, "was killed by SIGSEGV"), (139, "was killed by SIGSEGV"),
                       (63, "was killed by signal 63")):
        check(said, words.ended(code) == said, words.ended(code))


def faults(*accesses, file=(0, 0), flags=R | W):
    """The faults of accesses to a mapping: (page, write)."""
    machine = Machine()
    task = machine.spawn(b"cow")
    start = machine.mmap(task, 4, flags, file, 0)
    for page, write in accesses:
        machine.touch(task, start + page * flt.PAGE_SIZE, write=write)
    trace = flt.Trace()
    trace.feed(machine.rec.end())
    return [record for record in trace.finish() if record.type == flt.FAULT.number]


def test_shared_memory():
    "shared memory is a file to the kernel alone"
    fault = faults((1, True), file=(0xFE00, 14), flags=R | W | flt.VM_SHARED)[0]
    said = words.vma(fault, b"/dev/zero (deleted)")
    check("by its place", said.startswith("It is page 2 of 4 of shared memory at "), said)
    said = words.resolution(fault, 0, b"/memfd:x (deleted)")
    check("from swap", said.startswith("The page was read from the swap area; whoever"), said)
    said = words.vma(fault, b"")
    check("a file without a name", "file fe00:14 at" in said, said)


def test_refused():
    "what a refused access ended in"
    fault = faults((0, True))[0]
    door = lambda name: (flt.DOORS.index(name), 0, flt.DOORS.index("end"), 9)
    for changes, said in (
            ({"signal": 7, "si_code": 2}, "The program got SIGBUS (BUS_ADRERR): behind the end of"),
            ({"signal": 11, "si_code": 1, "vm_end": 0}, "SIGSEGV (SEGV_MAPERR): nothing is mapped"),
            ({"signal": 11, "si_code": 2}, "SIGSEGV (SEGV_ACCERR): the VMA forbids it."),
            ({"steps": door("fixup_exception")}, "the system call fails with EFAULT."),
            ({"steps": door("out_of_memory")}, "the OOM killer was asked."),
            ({"verdict": flt.VM_FAULT_SIGBUS}, "The access was refused.")):
        check(said, said in words.resolution(fault._replace(**changes)),
              words.resolution(fault._replace(**changes)))
    steps = [flt.DOORS.index(name) for name in ("do_anonymous_page", "lock_same_pte", "end")]
    said = words.resolution(fault._replace(steps=(steps[0], 0, steps[1], 5, steps[2], 9)))
    check("another CPU stored the entry", said.startswith("Another CPU was faster"), said)
    copied = faults((0, False), (0, True), file=(0xFE00, 13))[1]
    said = words.resolution(copied, cached=True)
    check("a file's page", "is the file's own, so it was copied" in said, said)
    check("in the kernel's half", words.vma(fault._replace(vm_end=0, address=1 << 63), b"") ==
          "The address belongs to the kernel.")
