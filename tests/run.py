#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The driver of `make test`: host unit tests (build/unit/*), fuzz targets with fixed random input
(build/fuzz/plain/*), mm/ on the software machine (build/host/san/*), models (build/model/*), what
reads the recorder's files (tests/trace/*.py), then booted tests (tests/booted/*.py). Asked for by
`make see-test` alone: the page of `make see` (tests/see/*.py).

usage: tests/run.py [unit] [fuzz] [host] [model] [trace] [booted] [see]
environment: T=pattern, JOBS=n, CC, DEBUG, V=1
Prints a line for each test, the details of what failed, and ends with `N passed, N failed`, counted
in single checks. Logs of each test stay in build/test/.
"""
import concurrent.futures
import fnmatch
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

import harness

UNIT_SECONDS = 120


def native_tests(kind, built):
    """Names and functions of the tests/KIND/test_*.c, which stand built in the folder BUILT."""
    folder = os.path.join(harness.TOP, "tests", kind)
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        if name.startswith("test_") and name.endswith(".c"):
            program = os.path.join(built, name[:-2])
            yield f"{kind}/{name[5:-2]}", "", lambda program=program: run_host(program)


def fuzz_targets():
    """The same for the fuzz targets."""
    for name in sorted(os.listdir(os.path.join(harness.TOP, "tests/fuzz"))):
        if name.startswith("fuzz_") and name.endswith(".c"):
            program = os.path.join("build/fuzz/plain", name[5:-2])
            yield "fuzz/" + name[5:-2], "", lambda program=program: run_host(program)


def run_host(program):
    """One host program under the sanitizers: its TAP, its exit status, and silence from them."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", ASAN_OPTIONS="detect_leaks=1",
               UBSAN_OPTIONS="print_stacktrace=1")
    try:
        done = subprocess.run([program], env=env, cwd=harness.TOP, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=UNIT_SECONDS,
                              check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        harness.check("runs to its end", False, error)
        return
    # The messages of failed assertions go to both streams, among the TAP lines.
    harness.record_tap(done.stdout)
    harness.check("exit status 0", done.returncode == 0,
                  f"status {done.returncode}\n{done.stderr.decode(errors='replace')[-4000:]}")


def models():
    """The same for the models of tests/model."""
    for name in sorted(os.listdir(os.path.join(harness.TOP, "tests/model"))):
        if name.endswith(".pml"):
            yield "model/" + name[:-4], "", lambda name=name[:-4]: run_model(name)


def run_model(name):
    """The right model has no error; each wrong one, NAME-BUG_X, has one."""
    with open(os.path.join(harness.TOP, "tests/model", name + ".pml")) as file:
        bugs = sorted(set(re.findall(r"\bBUG_[A-Z_]*[A-Z]\b", file.read())))
    for bug in [""] + bugs:
        program = os.path.abspath(os.path.join("build/model", name + ("-" + bug if bug else "")))
        done = subprocess.run([program, "-m500000", "-w22"], cwd=harness.tmp(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=UNIT_SECONDS, check=False)
        said = done.stdout.decode(errors="replace")
        whole = "Search not completed" not in said and "max search depth too small" not in said
        wrong = re.search(r"errors: (\d+)", said)
        harness.check(bug + " is found" if bug else "all claims hold in all orders",
                      wrong and (wrong[1] != "0" if bug else wrong[1] == "0" and whole), said)


def python_tests(kind):
    """Names, titles and functions of tests/KIND/test_*.py, in the order of the files."""
    folder = os.path.join(harness.TOP, "tests", kind)
    sys.path.append(folder)
    for file in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        path = os.path.join(folder, file)
        spec = importlib.util.spec_from_file_location(f"{kind}_{file[:-3]}", path)
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception:
            why = traceback.format_exc()
            yield f"{kind}/{file[5:-3]}", "", lambda why=why: harness.check("loads", False, why)
            continue
        for name, function in list(vars(module).items()):
            if name.startswith("test_") and getattr(function, "__module__", "") == module.__name__:
                title = (function.__doc__ or "").strip().split("\n")[0]
                yield f"{kind}/{file[5:-3]}.{name[5:]}", title, function


def run_one(name, function):
    """Run a test in this thread. Returns its report and its time."""
    report = harness.Report(name)
    shutil.rmtree(os.path.join(harness.LOGS, name), ignore_errors=True)
    os.makedirs(os.path.join(harness.LOGS, name))
    harness.current.set(report)
    begin = time.monotonic()
    try:
        function()
        if not report.checks and not report.skipped:
            harness.check("has a check", False, "the test ended without one")
    except Exception:
        harness.check("runs to its end", False, traceback.format_exc())
    shutil.rmtree(os.path.join(harness.LOGS, name, "tmp"), ignore_errors=True)
    return report, time.monotonic() - begin


def show(report, seconds, title, verbose):
    """The lines for a finished test."""
    failed = [c for c in report.checks if not c[1]]
    count = f"{len(report.checks)} check{'s' * (len(report.checks) != 1)}, {seconds:.1f} s"
    print(f"{'not ok' if failed else 'ok    '} {report.name:<34} {title} ({count})")
    for name, passed, diagnosis in report.checks:
        if verbose or not passed:
            print(f"    {'ok    ' if passed else 'not ok'} {name}")
        if not passed and diagnosis:
            print("".join(f"      # {line}\n" for line in diagnosis.rstrip().split("\n")), end="")
    for line in report.skipped:
        print(f"    skipped {line}")
    sys.stdout.flush()


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make test | head` may stop reading
    kinds = sys.argv[1:] or ["unit", "fuzz", "host", "model", "trace", "booted"]
    wanted = os.environ.get("T") or "*"
    verbose = bool(os.environ.get("V"))
    finders = {"unit": lambda: native_tests("unit", "build/unit"), "fuzz": fuzz_targets,
               "host": lambda: native_tests("host", "build/host/san"), "model": models,
               "trace": lambda: python_tests("trace"), "see": lambda: python_tests("see"),
               "booted": lambda: python_tests("booted")}
    tests = [test for kind in kinds for test in finders[kind]()
             if fnmatch.fnmatch(test[0], f"*{wanted}*")]
    jobs = int(os.environ.get("JOBS") or min(os.cpu_count() or 1, 2))
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [(title, pool.submit(run_one, name, function)) for name, title, function in tests]
        try:
            for title, future in futures:
                report, seconds = future.result()
                show(report, seconds, title, verbose)
                passed += sum(c[1] for c in report.checks)
                failed += sum(not c[1] for c in report.checks)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if not passed and not failed:
        print(f"no test matches T={wanted}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
