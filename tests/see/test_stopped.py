# SPDX-License-Identifier: MIT
"""A page that cannot be written, and a run that does not come about: a sentence, and nothing half done."""
import os
import signal
import subprocess
import sys
import time

from harness import check, tmp
from pages import TRACE, run_of
from test_watch import COMMAND

SEE = os.path.join(TRACE, "see.py")


def test_full():
    "no room for the page: the one that stood there stays, and nothing beside it"
    folder = tmp()
    source, page = os.path.join(folder, "a.flt"), os.path.join(folder, "see.html")
    with open(source, "wb") as file:
        file.write(run_of()[0])
    with open(page, "w", encoding="utf-8") as file:
        file.write("the page before")

    def limit():
        import resource  # pylint: disable=import-outside-toplevel
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    done = subprocess.run([sys.executable, SEE, "--out", page, source], capture_output=True, text=True,
                          check=False, preexec_fn=limit)
    check("a sentence", done.returncode == 124 and done.stderr == f"faultline: {page}: File too large\n",
          (done.returncode, done.stderr))
    with open(page, encoding="utf-8") as file:
        check("the page before is whole", file.read() == "the page before")
    check("nothing is left beside it", sorted(os.listdir(folder)) == ["a.flt", "see.html"],
          os.listdir(folder))
    done = subprocess.run([sys.executable, SEE, "--out", "/dev/full", source], capture_output=True,
                          text=True, check=False)
    check("a full disk", done.returncode == 124 and
          done.stderr == "faultline: /dev/full: No space left on device\n", (done.returncode, done.stderr))


def test_interrupt():
    "Ctrl-C while the page is made: no page, no traceback"
    folder = tmp()
    source, page = os.path.join(folder, "a.flt"), os.path.join(folder, "see.html")
    with open(source, "wb") as file:
        file.write(run_of(20_000)[0])
    with subprocess.Popen([sys.executable, SEE, "--out", page, source], stderr=subprocess.PIPE,
                          text=True) as see:
        while source not in [os.path.realpath(f"/proc/{see.pid}/fd/{fd}")
                             for fd in os.listdir(f"/proc/{see.pid}/fd")]:
            time.sleep(0.001)
        see.send_signal(signal.SIGINT)
        _, said = see.communicate()
    check("a sentence", see.returncode == 130 and said == "faultline: interrupted: there is no new page\n",
          (see.returncode, said))
    check("and no page", os.listdir(folder) == ["a.flt"], os.listdir(folder))


def test_watch():
    "make watch of a program that is not there: a sentence, and an end"
    done = subprocess.run([*COMMAND, "--port", "0"], capture_output=True, text=True, check=False,
                          env=dict(os.environ, PROG="nosuch", DISPLAY="", BROWSER=""), timeout=120)
    check("a sentence", done.returncode == 124 and "there is no program /bin/nosuch" in done.stderr and
          done.stderr.endswith("and nothing was recorded\n"), (done.returncode, done.stderr))
