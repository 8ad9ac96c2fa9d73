# SPDX-License-Identifier: MIT
"""What ends before its time: Ctrl-C while a tool is being loaded, a full disk under a story."""
import os
import signal
import subprocess
import sys

import synthetic
from harness import TOP, check, tmp

TRACE = os.path.join(TOP, "tools/trace")
# Stands in for a module of the standard library: whoever imports it is interrupted there.
INTERRUPTS = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(1)\n"


def test_loading():
    "Ctrl-C before a tool is there: it ends, without a traceback"
    folder = tmp()
    for name in ("argparse", "shutil"):
        with open(os.path.join(folder, f"{name}.py"), "w", encoding="utf-8") as file:
            file.write(INTERRUPTS)
    for tool in ("trace/story.py", "trace/see.py", "trace/watch.py", "run.py"):
        done = subprocess.run([sys.executable, "-S", os.path.join(TOP, "tools", tool)], text=True,
                              capture_output=True, check=False, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, PYTHONPATH=folder))
        check(tool, done.returncode == -signal.SIGINT and done.stderr == "",
              (done.returncode, done.stderr))


def test_full():
    "a story on a full disk: a sentence"
    path = os.path.join(tmp(), "trace.flt")
    with open(path, "wb") as file:
        file.write(synthetic.play())
    for style in ("story", "line", "ftrace", "json"):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([sys.executable, os.path.join(TRACE, "story.py"), "--style", style, path],
                                  stdout=full, stderr=subprocess.PIPE, check=False, text=True)
        check(style, done.returncode == 124 and done.stderr == "faultline: the story could not be "
              "written to its end: No space left on device\n", (done.returncode, done.stderr))
