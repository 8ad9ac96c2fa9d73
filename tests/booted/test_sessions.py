# SPDX-License-Identifier: MIT
"""What a person types at busybox gives what it gives on Linux: tests/sessions/NAME.sh, and NAME.out
as Linux 6.1 printed it (`make oracle T=session` asks it again)."""
import difflib
import os
import shutil

from harness import TOP, check, run, tmp

SESSIONS = os.path.join(TOP, "tests/sessions")


def session(name):
    """Run one session, and compare."""
    folder = tmp()
    os.mkdir(os.path.join(folder, "bin"))
    shutil.copy(os.path.join(SESSIONS, name + ".sh"), os.path.join(folder, "bin/session_" + name))
    result = run(prog="/bin/sh", args=["/bin/session_" + name], overlay=folder)
    with open(os.path.join(SESSIONS, name + ".out"), encoding="utf-8") as file:
        want = file.read().splitlines()
    got = result.stdout.decode(errors="replace").replace("\r", "").splitlines()
    check("as on Linux", got == want, "\n".join(difflib.unified_diff(want, got, "linux", "faultline",
                                                                     lineterm="", n=1)))
    check("exit status 0", result.status == 0, result.show())


def test_shell():
    "the shell's language: pipes, redirection, here-documents, loops, functions, traps"
    session("shell")


def test_tools():
    "find, grep, sed, awk, sort, diff, vi, tar, gzip, dd, sums, ..."
    session("tools")


def test_system():
    "ps, top, free, mount, df, mkswap, swapon, sysctl, mknod, dmesg, ..."
    session("system")


def test_jobs():
    "job control: stop, continue, foreground, background, in the order of a person's commands"
    session("jobs")
