# SPDX-License-Identifier: MIT
"""What tests of `make debug` are written with: a gdb script is run, and its output taken apart."""
import re
import socket
import subprocess

from harness import check, start, tmp, TOP

SECONDS = 120


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def session(script, **knobs):
    """Run gdb with a script. Returns its output as text, its exit status and the logs' folder."""
    path = tmp("script.gdb")
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    command, rundir = start(mode="debug", gdb_script=path, gdb_port=free_port(), **knobs)
    try:
        done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        return done.stdout.decode(errors="replace"), done.returncode, rundir
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), -1, rundir


def marked(text, status, last):
    """The output between the MARKs, by name. The last one must be there, and the status 0."""
    pieces = re.split(r"^MARK (.*)$", text, flags=re.MULTILINE)
    parts = dict(zip(pieces[1::2], pieces[2::2]))
    check("the script runs to its end", last in parts and status == 0,
          f"status {status}\n{text[-3000:]}")
    return parts


def says(parts, mark, *words):
    """The part of this name must have all of words; each is a regular expression."""
    for word in words:
        check(f"{mark}: {word}", re.search(word, parts.get(mark, ""), re.MULTILINE | re.DOTALL),
              parts.get(mark, "never reached") or "nothing")
