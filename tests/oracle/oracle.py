#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The driver of `make oracle`: each program on Faultline and on Linux in the same QEMU, their TAP
results and transcripts compared line by line. docs/oracle.md says how to read what it prints.

environment: T=pattern of programs, STEPS= and SEED= for the random walk, V=1
"""
import concurrent.futures
import fnmatch
import importlib.util
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TOP, "tools"), os.path.join(TOP, "tests")]
os.chdir(TOP)

import linux
from knobs import Refused

LIMIT = 400  # seconds for one boot
STEPS = 50000
OUT = "build/oracle/run"
KERNEL = os.path.join("build/debug" if os.environ.get("DEBUG", "0") not in ("", "0") else
                      "build/kernel", "faultline.elf")
SHOWN = 10**6 if os.environ.get("V") else 60  # differing lines of one program
# Of these only the claims are compared: what they see depends on how much memory there is, or on
# how far the disk has come.
SWAPPERS = ("swap", "thrash")
# They fill what memory there is, and leave nothing of others in it where it was: a boot of their own, in
# a smaller machine. {name of the part: MEM, SWAP}
MACHINES = {"programs": ("128M", "320M"), "swappers": ("96M", "320M")}
CLAIMS_ONLY = SWAPPERS + ("readahead",)
# From tests/programs: those that print TAP and assert what Linux promises.
TESTS = ("process", "signals") + tuple(sorted(
    file[:-2] for file in os.listdir("tests/programs") if re.fullmatch(r"calls_\w+\.c", file)))
# Scripts for busybox, compared line by line. `jobs` takes the terminal that both kernels print on.
SESSIONS = ("shell", "tools", "system")
# A result (its number would only repeat another difference), or a line of the transcript.
RESULT = re.compile(r"^\s*((?:not )?ok)\b\s*\d*\s*-?\s*(.*)$")
FAILURE = re.compile(r"not ok|Bail out!|exit status [^0]")
MARK = "@@oracle "


def programs():
    """{name: (path of the host, is there a transcript)} of all that is compared, in order."""
    found = {}
    for file in sorted(os.listdir("user")):
        if not os.path.isfile(os.path.join("user", file)):
            continue
        with open(os.path.join("user", file), encoding="utf-8") as source:
            if file.endswith(".c") and '"tap.h"' in source.read():
                found[file[:-2]] = f"build/user/{file[:-2]}", file[:-2] not in CLAIMS_ONLY
    for library in "probe", "tap":
        found.pop(library)
    for file in sorted(os.listdir(HERE)):
        if re.fullmatch(r"saw_\w+\.c", file):
            found[file[:-2]] = f"build/oracle/{file[:-2]}", True
    found.update({name: (f"build/tests/{name}", True) for name in TESTS})
    found.update({"session_" + name: (f"tests/sessions/{name}.sh", False) for name in SESSIONS})
    return found


def script(chosen):
    """What the shell of both machines runs."""
    lines = []
    for name, (_, transcript) in chosen.items():
        if name.startswith("session_"):
            lines += [f"echo '{MARK}{name}'", f"/bin/sh /bin/{name} 2>&1 | sed 's/^/= /'",
                      f"echo; echo '{MARK}status 0'"]
            continue
        # From a warm cache: how far a disk's read has come when a fault looks is a matter of time.
        lines += [f"sync; echo 3 >/proc/sys/vm/drop_caches; cat /bin/{name} >/dev/null",
                  f"echo; echo '{MARK}{name}'",
                  ("TRANSCRIPT=1 " if transcript else "") + "/bin/" + name,
                  f"echo; echo \"{MARK}status $?\""]
    return "\n".join(lines) + "\n"


def on_faultline(part, chosen):
    """The terminal's text, and a sentence if the run did not end well."""
    folder, (mem, swap) = os.path.join(OUT, part), MACHINES[part]
    overlay = os.path.join(folder, "overlay")
    shutil.rmtree(overlay, ignore_errors=True)
    os.makedirs(os.path.join(overlay, "bin"))
    os.makedirs(os.path.join(overlay, "root"))
    for name, (path, _) in chosen.items():
        shutil.copy2(path, os.path.join(overlay, "bin", name))
    shutil.copy2(os.path.join(folder, "oracle.sh"), os.path.join(overlay, "root"))
    done = subprocess.run(
        [sys.executable, "tools/run.py", "run", "--kernel", KERNEL,
         "--rundir", os.path.join(folder, "faultline"), "--fsck",
         "PROG=/bin/ash", "ARGS=/root/oracle.sh", f"MEM={mem}", f"SWAP={swap}", f"LIMIT={LIMIT}",
         f"OVERLAY={overlay}", "KARGS=norandmaps"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    said = done.stderr.decode(errors="replace").strip() if done.returncode else ""
    return done.stdout, said


def on_linux(part, chosen):
    """The same of Linux."""
    folder, (mem, swap) = os.path.join(OUT, part), MACHINES[part]
    machine = linux.Linux(os.path.join(folder, "linux"))
    overlay = {name: path for name, (path, _) in chosen.items()}
    overlay["root/oracle.sh"] = os.path.join(folder, "oracle.sh")
    try:
        return machine.run(["/bin/ash", "/root/oracle.sh"], mem=mem, swap=swap, limit=LIMIT,
                           overlay=overlay)[0], ""
    except Refused as refusal:
        return getattr(machine, "output", b""), str(refusal)


def both(chosen):
    """Run chosen on both machines, side by side: {"faultline": (text, sentence), "linux": ...}"""
    parts = {"programs": {name: what for name, what in chosen.items() if name not in SWAPPERS},
             "swappers": {name: what for name, what in chosen.items() if name in SWAPPERS}}
    parts = {part: names for part, names in parts.items() if names}
    for part, names in parts.items():
        os.makedirs(os.path.join(OUT, part), exist_ok=True)
        with open(os.path.join(OUT, part, "oracle.sh"), "w", encoding="utf-8") as file:
            file.write(script(names))
    results = {}
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        runs = {(machine, part): pool.submit(function, part, names)
                for machine, function in (("linux", on_linux), ("faultline", on_faultline))
                for part, names in parts.items()}  # Linux first: it takes longer
        for machine in ("faultline", "linux"):
            ends = [runs[machine, part].result() for part in parts]
            results[machine] = (b"\n".join(text for text, _ in ends),
                                "\n".join(said for _, said in ends if said))
    for name, (text, _) in results.items():
        with open(os.path.join(OUT, name + ".txt"), "wb") as file:
            file.write(text)
    return results


def transcript(text):
    """{program: its lines that are compared}."""
    found, lines = {}, None
    for line in text.decode(errors="replace").replace("\r", "").split("\n"):
        result = RESULT.match(line)
        if line.startswith(MARK + "status"):
            if lines is not None:
                lines.append("exit " + line[len(MARK):])
            lines = None
        elif line.startswith(MARK):
            lines = found.setdefault(line[len(MARK):], [])
        elif lines is None:
            continue
        elif result:
            lines.append(f"{result[1]} - {result[2]}")
        elif line.startswith(("= ", "Bail out!")):
            lines.append(line)
    return found


def differences(ours, theirs):
    """The lines of both, aligned by diff: (sign, line); sign is " " for a line of both, "-" for
    one of Faultline only, "+" for one of Linux only."""
    paths = [os.path.join(OUT, name) for name in ("ours", "theirs")]
    for path, lines in zip(paths, (ours, theirs)):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    done = subprocess.run(["diff", "--minimal", "--old-line-format=-%L", "--new-line-format=+%L",
                           "--unchanged-line-format= %L", *paths],
                          stdout=subprocess.PIPE, check=False)
    return [(line[0], line[1:]) for line in done.stdout.decode(errors="replace").splitlines()]


class Listed:
    """The differences that are as they should be: tests/oracle/differences."""

    def __init__(self, path):
        self.entries, self.problems = [], []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.startswith("#") or not line.strip():
                    continue
                if line[0].isspace():
                    if self.entries:
                        self.entries[-1]["reason"] += line
                    continue
                program, _, pattern = line.rstrip("\n").partition(": ")
                always = not program.startswith("sometimes ")
                try:
                    self.entries.append({"program": program.removeprefix("sometimes "),
                                         "always": always, "reason": "", "used": False,
                                         "pattern": re.compile(pattern), "line": number})
                except re.error as error:
                    self.problems.append(f"line {number}: {error}")
        self.problems += [f"line {e['line']}: no reason is given" for e in self.entries
                          if not e["reason"].strip()]

    def allows(self, program, sign, line):
        """Is this difference listed? All entries that match count as used. What happens sometimes
        may happen to Linux: a claim that fails on Faultline is not excused by it."""
        ours = sign != "+" and FAILURE.match(line)
        hits = [e for e in self.entries if fnmatch.fnmatch(program, e["program"])
                and e["pattern"].fullmatch(line) and (e["always"] or not ours)]
        for entry in hits:
            entry["used"] = True
        return bool(hits)

    def unused(self, compared):
        """Entries of the programs compared that matched nothing."""
        return [f"line {e['line']}: nothing differs like this any more: {e['pattern'].pattern}"
                for e in self.entries
                if e["always"] and not e["used"] and fnmatch.filter(compared, e["program"])]


class Tally:
    """Counts what passed and failed, and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = 0

    def record(self, name, passed, text=""):
        """One result; text is shown if it failed."""
        self.passed += bool(passed)
        self.failed += not passed
        print(f"{'ok    ' if passed else 'not ok'} {name}")
        if not passed:
            print("".join(f"      {line}\n" for line in text.rstrip().split("\n")), end="")
        sys.stdout.flush()


def judge(name, ours, theirs, listed, tally):
    """One program: no difference but listed ones, and no claim that fails on both."""
    shown, context, count, known = [], "", 0, 0
    for sign, line in differences(ours, theirs):
        if sign == " " and not FAILURE.match(line):
            context = line
        elif listed.allows(name, sign, line):
            known += 1
        else:
            count += 1
            if context and len(shown) < SHOWN:
                shown.append("  " + context)
            if len(shown) < SHOWN:
                shown.append(("= " if sign == " " else sign + " ") + line)
            context = ""
    if count > len([s for s in shown if s[0] != " "]):
        shown.append(f"  and more: {count} in all")
    tally.record(f"{name:<14} {len(theirs)} lines, {known} listed differences", count == 0,
                 "\n".join(shown))


def compare_programs(pattern, tally):
    """All programs whose name matches."""
    chosen = {name: what for name, what in programs().items() if fnmatch.fnmatch(name, pattern)}
    if not chosen:
        return
    listed = Listed(os.path.join(HERE, "differences"))
    results = both(chosen)
    seen = {}
    for machine, (text, sentence) in results.items():
        tally.record(f"{machine} runs all programs to the end", not sentence, sentence)
        seen[machine] = transcript(text)
    for name in chosen:
        ours, theirs = (seen[machine].get(name, []) for machine in ("faultline", "linux"))
        judge(name, ours, theirs, listed, tally)
    problems = listed.problems + listed.unused(list(chosen))
    tally.record("tests/oracle/differences holds no more than it must", not problems,
                 "\n".join(problems))


def number(knob, default):
    """A knob that must be a number from 1 on."""
    text = os.environ.get(knob) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise Refused(f"{knob}={text}: not a number from 1 on")
    return int(text)


def compare_walks(tally):
    """The random walk of tests/oracle/walk.py."""
    path = os.path.join(HERE, "walk.py")
    if not os.path.exists(path):
        return
    spec = importlib.util.spec_from_file_location("walk", path)
    walk = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(walk)
    walk.compare(number("STEPS", STEPS), number("SEED", 1),
                 tally.record)


def main():
    pattern = os.environ.get("T") or "*"
    if not any(c in pattern for c in "*?["):
        pattern = f"*{pattern}*"
    tally = Tally()
    try:
        print(f"# Linux {linux.version()}")
        compare_programs(pattern, tally)
        if fnmatch.fnmatch("walk", pattern):
            compare_walks(tally)
    except Refused as refusal:
        tally.record("both machines", False, str(refusal))
    except KeyboardInterrupt:
        tally.record("to the end", False, "interrupted")
    if not tally.passed and not tally.failed:
        print(f"no program matches T={pattern}")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
