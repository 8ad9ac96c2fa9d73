#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pictures of README.md: `make pictures` is a name for it. Each shows what really runs.

    docs/pictures/see.png   the page of `make see PROG=cow SMP=2`, at a page that is copied
    docs/pictures/gdb.png   a terminal in which `make debug PROG=touch` was typed, at such a fault
"""
import base64
import fcntl
import html
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

from browser import Browser
from png import smaller

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools/trace"))
import format as flt  # pylint: disable=wrong-import-position

KERNEL = os.path.join(TOP, "build/kernel/faultline.elf")
HIGH = 1 << 46  # above are mappings and the stack
COLUMNS, PROMPT, SECONDS = 100, b"(gdb) ", 60
TYPED = ("next-fault copy touch", "fault", "break wp_install_copy", "continue", "backtrace 4",
         "finish", "pt 0x412000")
SGR = re.compile(r"\x1b\[([\d;]*)m")
OTHER = re.compile(r"\x1b\[[?\d;]*[A-Za-ln-z]|\r")
INK = {"31": "#f47067", "32": "#8ddb8c", "33": "#f0b860", "34": "#6cb6ff", "35": "#dcbdfb",
       "36": "#76d4e0"}
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #1c2128; }
pre { margin: 0; padding: 14px 18px; width: max-content; color: #d5dbe3; font: 14px/1.32 "DejaVu Sans Mono",
monospace; } b { color: #fff; }</style><pre>%s</pre>"""


def shoot(browser, path, wanted, width, height=None, scale=1):
    """A picture of what the selector finds, so many CSS pixels wide; @height: at most so high."""
    browser.look_like(width)
    browser.painted()
    box = browser.run("""const box = document.querySelector(arguments[0]).getBoundingClientRect();
        return [box.x, box.y, box.width, box.height]""", wanted)
    clip = dict(zip(("x", "y", "width", "height"), box), scale=scale)
    clip["height"] = min(clip["height"], height or clip["height"])
    shot = browser.devtools("Page.captureScreenshot", format="png", clip=clip,
                            captureBeyondViewport=True)
    with open(path, "wb") as file:
        file.write(smaller(base64.b64decode(shot["data"])))
    sys.stderr.write(f"  PICTURE {os.path.relpath(path, TOP)}\n")


def run(mode, folder, **knobs):
    """The command and the environment of tools/run.py."""
    command = [sys.executable, os.path.join(TOP, "tools/run.py"), mode, "--kernel", KERNEL,
               "--rundir", os.path.join(folder, mode), "--env"]
    os.mkdir(os.path.join(folder, mode))
    return command, dict(os.environ, **knobs)


def the_page(browser, folder, path):
    """A page fault of cow that copies, on the page of make see."""
    trace, page = os.path.join(folder, "trace.flt"), os.path.join(folder, "see.html")
    command, env = run("run", folder, PROG="cow", SMP="2", TRACE=trace, ICOUNT="1")
    subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, os.path.join(TOP, "tools/trace/see.py"), "--out", page,
                    "--kernel", KERNEL, "--program", "cow", trace], check=True,
                   stdout=subprocess.DEVNULL,
                   env={k: v for k, v in os.environ.items() if k not in ("DISPLAY", "BROWSER")})
    faults = [record for record in flt.read(trace) if record.type == flt.FAULT.number]
    chosen = next(i for i, fault in enumerate(faults) if flt.text(fault.comm) == "cow" and
                  "wp_page_copy" in dict(fault.doors) and fault.refcount == 1 and
                  fault.address > HIGH and not fault.ino and not fault.vm_flags & flt.VM_GROWSDOWN
                  and not fault.before_pte & flt.PTE_SPECIAL)
    browser.open(page)
    browser.look_like(1280)
    browser.run("page.go({moment: arguments[0]})", chosen)
    browser.key("ArrowRight")
    shoot(browser, path, "html", 1280, height=1010)


def typed(folder):
    """What a terminal shows in which the session was typed, as bytes."""
    command, env = run("debug", folder, PROG="touch", TERM="xterm-256color", GDB_PORT="1297")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(TOP)
        os.execve(command[0], command, env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    said, end = b"", time.monotonic() + SECONDS
    for number, line in enumerate(TYPED + ("kill", "quit"), 1):
        while said.count(PROMPT) < number and time.monotonic() < end:
            if select.select([fd], [], [], 1)[0]:
                said += os.read(fd, 65536)
        if line == "kill":
            shown = said
        os.write(fd, line.encode() + b"\n")
    os.waitpid(pid, 0)
    return shown


def as_html(text):
    """Colours and bold of a terminal's text."""
    shown, opened = [], 0
    for number, part in enumerate(SGR.split(OTHER.sub("", text))):
        if number % 2 == 0:
            shown.append(html.escape(part))
            continue
        for code in part.split(";"):
            if code in ("", "0", "39", "22", "24", "27", "23"):
                shown.append("</span>" * opened)
                opened = 0
            elif code in INK:
                shown.append(f'<span style="color:{INK[code]}">')
                opened += 1
            elif code == "1":
                shown.append('<span style="font-weight:bold">')
                opened += 1
    return "".join(shown)


def the_terminal(browser, folder, path):
    """gdb at the same kind of fault."""
    text = typed(folder).decode(errors="replace")
    text = text[text.index("(gdb) "):].rstrip().removesuffix("(gdb)").rstrip()
    page = os.path.join(folder, "gdb.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write(TERMINAL % ("<b>$ make debug PROG=touch</b>\n" + as_html(text)))
    browser.go(f"file://{page}")
    shoot(browser, path, "pre", 1000, scale=1.5)


def main():
    pictures = os.path.join(TOP, "docs/pictures")
    with tempfile.TemporaryDirectory(prefix="pictures.") as folder, Browser() as browser:
        the_page(browser, folder, os.path.join(pictures, "see.png"))
        the_terminal(browser, folder, os.path.join(pictures, "gdb.png"))


if __name__ == "__main__":
    main()
