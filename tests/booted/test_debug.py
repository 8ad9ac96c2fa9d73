# SPDX-License-Identifier: MIT
"""What the checkers of debug kernels find (mistakes made to order: arch/x86_64/entry/crash_debug.h)
and say: the right cause, place and object; nothing goes on behind it. See docs/debugging.md."""
import re

from harness import check, debug_kernel, program, run

PANIC = 121


def finds(kernel, kind, *words, in_call=False):
    """A run with that mistake, by a kernel thread or in a system call: a panic whose log has all of
    words, which are regular expressions."""
    result = run(elf=program("crash"), args=[kind], karg="crash=ask", kernel=kernel) if in_call \
        else run(elf=program("end"), args=["7"], karg=f"crash={kind}", kernel=kernel)
    said = result.show()
    check(f"{kind}: a panic", result.status == PANIC, said)
    for word in words:
        check(f"{kind}: says {word}", re.search(word, result.kernel_log), said)


def test_ubsan():
    "undefined behaviour: what, with which values, in which line and function"
    kernel = debug_kernel()
    if not kernel:
        return
    for kind, function, sentence in (
            ("signed-overflow", "crash_signed_overflow",
             r"signed overflow: 2147483647 \+ 1 does not fit type 'int'"),
            ("shift", "crash_shift", "shift of 1, of type 'int', by 40"),
            ("index", "crash_index", r"index 4 is out of bounds of type 'int \[4\]'"),
            ("misaligned", "crash_misaligned",
             "load from address ffffffff[0-9a-f]{8} of type .*, which needs alignment 8"),
            ("null-member", "crash_null_member", "member .* a NULL pointer of type 'struct page'")):
        finds(kernel, kind,
              rf"UBSan: {sentence}, at arch/x86_64/entry/crash_debug\.c:\d+ in {function}\S*\+0x",
              rf"backtrace:\n(.*\n){{1,5}}.*{function}\S*\+0x")


def test_kasan():
    "memory: what is touched that may not be, whose it was, where it was allocated and freed"
    kernel = debug_kernel()
    if not kernel:
        return
    by = lambda what, function: rf"{what} by:\n(.* \w+\+0x.*\n){{1,7}}.* {function}\S*\+0x"
    for kind, function, sentence, *words in (
            ("slab-behind", "crash_slab_behind", "out of bounds: read of 1 bytes",
             "slab cache kmalloc-64, 64 bytes", "64 bytes .* asked for; the access is 0 behind"),
            ("slab-asked", "crash_slab_asked", "out of bounds: write of 1 bytes",
             "slab cache kmalloc-64, 64 bytes", "50 bytes .* asked for; the access is 0 behind",
             by("allocated", "crash_slab_asked")),
            ("slab-freed", "crash_slab_freed", "use after free: read of 1 bytes",
             "slab cache kmalloc-128", "it is free; the access is at offset 8",
             by("allocated", "crash_slab_freed"), by("freed", "crash_slab_freed")),
            ("slab-copy", "crash_slab_copy", "out of bounds: read of 101 bytes",
             "100 bytes .* asked for; the access is 0 behind"),
            ("frame-freed", "crash_frame_freed", "use of a free frame: write of 1 bytes",
             "refcount 0, the access is at offset 0x10", by("freed", "crash_frame_freed")),
            ("frame-cleared", "crash_frame_cleared", "use of a free frame: write of 4096 bytes",
             by("allocated", "crash_frame_cleared"))):
        finds(kernel, kind, rf"KASAN: {sentence} at 0xffff888\S+ in {function}\S*\+0x",
              rf"backtrace:\n(.*\n){{1,5}}.*{function}\S*\+0x", *words)


def test_locks():
    "locks: each order both ways round, sleep where nothing may, and what is kept or let go wrongly"
    kernel = debug_kernel()
    if not kernel:
        return
    for kind, sentence in (
            ("spin-order", r"lock order: spin_a is taken while spin_b is held; the other way round: "
             r"spin_both\S*\+0x\S+ in spin_both"),
            ("mutex-order", r"lock order: mutex_a is taken while mutex_b is held; the other way "
             r"round: mutex_both\S*\+0x\S+ in mutex_both"),
            ("page-order", "lock order: mutex_a is taken while anonymous page is held; "
             "the other way round: by way of others in crash_page_order"),
            ("mutex-twice", "lock mutex_a taken twice"),
            ("mutex-not-held", "locks: mutex_a is released by a task that does not hold it in "
             "crash_mutex_not_held"),
            ("sleep-atomic", r"sleep: this may sleep, with 1 spinlock\(s\) held, last taken: spin_a "
             r"in crash_sleep_atomic\S*\+0x\S+, at kernel/core/sched\.c:\d+ in schedule"),
            ("sleep-irqs-off", r"sleep: this may sleep, with interrupts off, at mm/frame/slab\.c:"),
            ("mutex-atomic", r"sleep: .* last taken: spin_a in crash_mutex_atomic\S* in "
             "crash_mutex_atomic")):
        finds(kernel, kind, sentence, r"backtrace:\n(.*\n)+.* crash_test\+0x")
    for kind, lock in (("mutex-kept", "mutex_a"), ("spin-kept", "spin_a")):
        finds(kernel, kind, rf"locks: a system call ends with 1 lock\(s\) held, last taken: {lock} in "
              rf"crash_{kind.replace('-', '_')}\S*\+0x", in_call=True)
