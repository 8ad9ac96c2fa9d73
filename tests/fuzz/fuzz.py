#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The driver of `make fuzz`: libFuzzer on each target (build/fuzz/NAME) for some seconds.

usage: tests/fuzz/fuzz.py SECONDS NAME...     environment: T=pattern, JOBS=n
Starts from the target's own seeds and from what earlier runs found (build/fuzz/corpus/NAME). Prints
a TAP line for each target and ends with `N passed, N failed`. What makes a target fail stays in
build/fuzz/.
"""
import concurrent.futures
import fnmatch
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INPUT_MAX = 4096  # FUZZ_INPUT_MAX in fuzz.h
GRACE = 60  # seconds beyond its time until a target counts as hanging
# Leaks are looked for by the plain driver: libFuzzer would do it after each input.
OPTIONS = ["-print_final_stats=1", "-detect_leaks=0", "-timeout=10", "-rss_limit_mb=2048",
           "-use_value_profile=1", f"-max_len={INPUT_MAX}", "-reload=0"]
# What the fuzzer says of the way of its own, not of the failure.
NOISE = re.compile(r"^(#\d+\s|INFO:|MS: |artifact_prefix|Base64|0x[0-9a-f]{1,2},|stat::|=+$|\\)"
                   r"|^\s*NEW_FUNC| in (fuzzer::|main |_start |__libc_start)"
                   r"|ABORTING|DEADLYSIGNAL|makecontext")


def fuzz(name, seconds):
    """Fuzz one target. Returns whether it held, and what to tell of it."""
    corpus = os.path.join("build/fuzz/corpus", name)
    os.makedirs(corpus, exist_ok=True)
    prefix = f"build/fuzz/{name}-"
    before = set(glob.glob(prefix + "*"))
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:handle_abort=2",
               UBSAN_OPTIONS="print_stacktrace=1")
    subprocess.run([f"build/fuzz/plain/{name}", "--seeds", corpus], cwd=TOP, env=env, check=True)
    try:
        done = subprocess.run([f"build/fuzz/{name}", *OPTIONS, f"-max_total_time={seconds}",
                               f"-artifact_prefix={prefix}", corpus], cwd=TOP, env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds + GRACE, check=False)
    except subprocess.TimeoutExpired:
        return False, f"hangs, and so long that libFuzzer could not end it: run build/fuzz/{name}"
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        told = [line for line in text.splitlines() if line.strip() and not NOISE.search(line)]
        left = sorted(set(glob.glob(prefix + "*")) - before)
        again = f"run it again: build/fuzz/{name} {left[0]}" if left else "it left no input"
        return False, "\n".join(told[:40] + [again])
    runs = re.search(r"stat::number_of_executed_units: *(\d+)", text)
    cover = re.findall(r"cov: (\d+)", text)
    return True, (f"{int(runs.group(1)):,} inputs, {cover[-1] if cover else '?'} places reached, "
                  f"{len(os.listdir(corpus))} kept")


def main():
    os.chdir(TOP)
    seconds, names = int(sys.argv[1]), sys.argv[2:]
    wanted = os.environ.get("T") or "*"
    names = [name for name in names if fnmatch.fnmatch("fuzz/" + name, f"*{wanted}*")]
    jobs = int(os.environ.get("JOBS") or min(os.cpu_count() or 1, 2))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(fuzz, name, seconds) for name in names]
        for number, (name, future) in enumerate(zip(names, futures), 1):
            held, told = future.result()
            failed += not held
            if held:
                print(f"ok {number} - {name}: {told}")
            else:
                print(f"not ok {number} - {name}")
                print("".join(f"  # {line}\n" for line in told.split("\n")), end="")
            sys.stdout.flush()
    print(f"1..{len(names)}" if names else f"no fuzz target matches T={wanted}")
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
