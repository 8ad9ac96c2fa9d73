# SPDX-License-Identifier: MIT
"""mm_audit() sees what is broken on purpose, and nothing else: not at rest, not under load."""
import os
import shutil

from harness import check, debug_kernel, program, run, tap, tmp


def with_programs(*names):
    """A folder for OVERLAY= with programs of tests/programs in /t."""
    folder = tmp()
    os.mkdir(os.path.join(folder, "t"))
    for name in names:
        shutil.copy(program(name), os.path.join(folder, "t"))
    return folder


def audited(command, **knobs):
    """Run a command on the debug kernel with audits by the clock; any finding is a panic."""
    kernel = debug_kernel()
    if kernel:
        result = run(cmd=command, kernel=kernel, limit=200, **knobs)
        check(f"{command}: passes, and no audit finds anything", result.status == 0, result.show())


def test_audit_sees():
    "each record of a map broken once: the audit names it, and all is well again"
    kernel = debug_kernel()
    if kernel:
        tap(run(cmd="/t/audit", overlay=with_programs("audit"), kernel=kernel))


def test_audit_programs():
    "audits in the middle of what programs do"
    audited("runtests cow forktree memcalls filemap", mem="64M", karg="audit=50")


def test_audit_faults():
    "audits after every 20th page fault"
    audited("runtests touch stack readahead", mem="64M", karg="audit_faults=20")


def test_audit_pressure():
    "audits while memory is short: pages are isolated, locked, on their way to swap and back"
    audited("runtests '/t/fuzz_memory 1 4000' thrash", mem="24M", swap="128M", karg="audit=50",
            overlay=with_programs("fuzz_memory"))
