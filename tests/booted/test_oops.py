# SPDX-License-Identifier: MIT
"""What the kernel says of its own mistakes (made to order: asm/crash.h), and what becomes of them:
the guilty task ends if it can, otherwise the kernel panics. It never falls silent."""
import re

from harness import check, debug_kernel, program, run

PANIC = 121
SIGSEGV = 128 + 11


def crash(kind, **knobs):
    """A run in which a kernel thread makes the mistake while a program runs."""
    return run(elf=program("end"), args=["7"], karg=f"crash={kind}", **knobs)


def report(result, kind, *words):
    """The log must hold a report with all of words; each is a regular expression."""
    said = result.show()
    for word in words:
        if not check(f"{kind}: says {word}", re.search(word, result.kernel_log), said):
            said = ""  # once is enough


def whole_report(result, kind, error_code, address):
    """The parts that every report on an address has."""
    report(result, kind, rf"address {address}, error code {error_code:04x}\b",
           r"task: \S+, pid \d+, stack [0-9a-f]+-[0-9a-f]+",
           rf"page table walk of {address} from cr3",
           r"pgd\[ *\d+\] ", r"rip [0-9a-f]{16}", r"rax [0-9a-f]{16} rbx [0-9a-f]{16}",
           r"r14 [0-9a-f]{16} r15 [0-9a-f]{16}", r"cr0 \S+ cr2 \S+ cr3 \S+ cr4 \S+", r"code: ",
           r"backtrace:\n.*  [0-9a-f]{16} \w+\+0x[0-9a-f]+/0x")


def goes_on(result, kind):
    """The thread was ended, everything else ran on."""
    check(f"{kind}: the program runs to its end", result.status == 7, result.show())
    report(result, kind, r"ending task crash, pid \d+, for it")


def panics(result, kind, *words):
    check(f"{kind}: exit status of a panic", result.status == PANIC, result.show())
    check(f"{kind}: on standard error", "the kernel panicked" in result.stderr and
          "kernel panic: " in result.stderr, result.stderr)
    report(result, kind, *words)


def test_bad_address():
    "a bad address: oops with cause, walk, registers, code and backtrace; the task alone ends"
    for kind, code, address, cause in (
            ("null-read", 0, "0" * 14 + "10", "kernel read from a page that is not present"),
            ("null-write", 2, "0" * 14 + "10", "kernel write to a page that is not present")):
        result = crash(kind)
        goes_on(result, kind)
        whole_report(result, kind, code, address)
        report(result, kind, f"oops: {cause}", "NULL pointer",
               r"code: ([0-9a-f]{2} )+<[0-9a-f]{2}> ",
               r"rip [0-9a-f]{16} (read_at|write_at|crash_null_\w+)\+0x")


def test_protection():
    "kernel text is read-only, data is not executable: four levels of tables are shown"
    for kind, code, cause in (
            ("text-write", 3, "kernel write to a present page that does not allow it"),
            ("data-exec", 0x11,
             "kernel instruction fetch from a present page that does not allow it")):
        result = crash(kind)
        goes_on(result, kind)
        whole_report(result, kind, code, "ffffffff[0-9a-f]{8}")
        report(result, kind, f"oops: {cause}", r"pud\[ *\d+\] [0-9a-f]{16} frame",
               r"pmd\[ *\d+\] [0-9a-f]{16} frame", r"crash_thread\+0x")
    report(result, "data-exec", r"(pte|pmd)\[ *\d+\].* nx", "code: rip is not in kernel text")


def test_reserved_bit():
    "a reserved bit in an entry is named"
    result = crash("reserved-bit")
    goes_on(result, "reserved-bit")
    report(result, "reserved-bit", "a page whose table entry has a reserved bit set",
           r"pte\[ *\d+\] [0-9a-f]{16} frame", r"error code 000[89]")


def test_user_memory():
    "user memory touched outside the copy routines, or executed, is an oops (SMAP, SMEP)"
    for kind, code, cause in (
            ("user-read", 1, "kernel read from .* user memory outside its copy routines"),
            ("user-write", 3, "kernel write to .* user memory outside its copy routines"),
            ("user-exec", 0x11, "instruction fetch .* ran code at a user address")):
        result = run(elf=program("crash"), args=[kind], karg="crash=ask")
        check(f"{kind}: its process dies of SIGSEGV, the kernel goes on", result.status == SIGSEGV,
              result.show())
        whole_report(result, kind, code, "[0-9a-f]{16}")
        report(result, kind, f"oops: .*{cause}", "task: crash, pid", r"pte\[ *\d+\] .* user",
               r"ending task crash, pid \d+, for it")
    result = run(elf=program("crash"), args=["user-read"])
    check("not without the knob", (result.status, result.stdout) == (1, b"errno 1\n"),
          result.show())
    result = run(elf=program("crash"), args=["nonsense"], karg="crash=ask")
    check("not an unknown kind", (result.status, result.stdout) == (1, b"errno 22\n"),
          result.show())


def test_freed_area():
    "vmalloc memory that was freed, touched by a process that never had its tables: an oops"
    result = run(elf=program("crash"), args=["vmalloc-freed"], karg="crash=ask")
    check("its process dies of SIGSEGV", result.status == SIGSEGV, result.show())
    whole_report(result, "vmalloc-freed", 0, "ffff[0-9a-f]{12}")
    report(result, "vmalloc-freed", "oops: kernel read from a page that is not present",
           "task: crash, pid")


def test_process_one():
    "the same mistake in process 1 is a panic: nothing could go on without it"
    result = crash("user-read")
    panics(result, "user-read", "user memory outside its copy routines", r"task: \S+, pid 1,")


def test_other_exceptions():
    "other exceptions of the kernel are named"
    for kind, cause in (("divide", "divide error"), ("undefined", "invalid opcode"),
                        ("noncanonical", "general protection fault")):
        result = crash(kind)
        goes_on(result, kind)
        report(result, kind, f"oops: {cause}", r"rip [0-9a-f]{16} \w+\+0x",
               r"code: .*<[0-9a-f]{2}>", r"backtrace:\n.*crash_")


def test_stack_overflow():
    "a kernel stack that overflows hits its guard page: a double fault that says so"
    result = crash("stack-overflow")
    panics(result, "stack-overflow",
           r"kernel stack overflow \(double fault\): stack [0-9a-f]+-[0-9a-f]+",
           r"page table walk of ffffc9", r"rip [0-9a-f]{16} overflow\S*\+0x",
           r"backtrace:\n.*overflow", "task: crash, pid")


def test_nested():
    "a fault within the report is reported, not looped"
    result = crash("nested")
    panics(result, "nested", "oops: test of a fault inside the report", "oops inside an oops",
           "kernel panic: fault while reporting a fault")
    check("it ends soon", result.kernel_log.count("oops inside an oops") <= 2, result.kernel_log)


def test_interrupt():
    "a fault in an interrupt is a panic"
    result = crash("irq")
    panics(result, "irq", "oops: kernel read from", "in an interrupt", r"crash_in_timer\+0x",
           "kernel panic: .*no task that could be ended")


def test_panic():
    "BUG and panic say where; a warning goes on"
    panics(crash("bug"), "bug", r"kernel panic: BUG at \S+crash\.c:\d+: ",
           r"backtrace:\n.*crash_bug")
    result = crash("panic")
    panics(result, "panic", "kernel panic: test of panic", r"backtrace:\n.*crash_panic")
    check("panic: said on the terminal too", b"kernel panic" in result.stdout, result.show())
    result = crash("warn")
    check("warn: the program runs to its end", result.status == 7, result.show())
    report(result, "warn", r"warning at \S+crash\.c:\d+", r"backtrace:\n.*crash_",
           "the kernel goes on")
    check("warn: not on the terminal", result.stdout == b"", result.show())


def test_debug_locks():
    "a debug kernel finds a lock taken twice, and all of the reports above hold there"
    kernel = debug_kernel()
    if not kernel:
        return
    panics(crash("lock-twice", kernel=kernel), "lock-twice", "kernel panic: .*lock")
    result = crash("null-read", kernel=kernel)
    goes_on(result, "debug null-read")
    panics(crash("stack-overflow", kernel=kernel), "debug stack-overflow", "kernel stack overflow")


def test_lockup():
    "a CPU that spins for what does not come says so: what it waits for, and for whom"
    for kind, sentence in (
            ("no-answer", r"CPUs with bits 1 do not do what CPU 1 asks of them: ask_nothing\+0x0"),
            ("timer-stuck", r"CPU 1 waits for a timer's function .* not return: never_return\+0x0")):
        result = run(elf=program("end"), args=["loop"], smp=2, limit=30,
                     karg=f"crash={kind} lockup=2")
        panics(result, kind, f"kernel panic: {sentence}",
               r"backtrace:\n.*  [0-9a-f]{16} \w+\+0x",
               r"CPU 0, with task .*\n.* in never_return\+0x.* < do_IRQ\+0x")


def test_unknown_kind():
    "an unknown kind is refused at boot"
    result = crash("nonsense")
    check("boot failure", result.status == 120, result.show())
