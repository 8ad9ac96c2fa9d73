# SPDX-License-Identifier: MIT
"""Debian's packages, brought by apt and unpacked for a root disk; nothing is installed.

    tree(names) -> folder with what these packages, and all that they depend on, hold

What apt brings stays in build/debian/files and each set's tree in build/debian/trees: the second run
asks nobody. No script of a package runs; the links that they would make, finish() makes.
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from knobs import Refused, top

UNKNOWN = re.compile(r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation")
URI = re.compile(r"^'[^']*' (\S+\.deb) \d+ ", re.MULTILINE)
# Nothing that runs reads these.
LEFT_OUT = [f"--exclude=./usr/share/{name}" for name in ("doc", "info", "lintian", "locale", "man")]
MERGED = {name: f"usr/{name}" for name in ("bin", "lib", "lib64", "sbin")}  # links to folders
# What the packages' scripts make: a link, and its targets, of which the first there is counts.
LINKS = {"sh": ("dash", "bash"), "awk": ("gawk", "mawk"), "which": ("which.debianutils",),
         "cc": ("gcc",), "c++": ("g++",)}


def call(words, stdin=subprocess.DEVNULL, **options):
    """Run a tool of the host. Returns (status, what it said)."""
    try:
        done = subprocess.run(words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, env=dict(os.environ, LC_ALL="C"), **options)
    except FileNotFoundError:
        raise Refused(f"{words[0]} is missing: type `make doctor`") from None
    return done.returncode, done.stdout.decode(errors="replace")


def last_line(said):
    """The last words of a tool."""
    return (said.strip().splitlines() or ["it said nothing"])[-1].strip()


def with_lists(folder, attempt):
    """attempt(options of apt) with the machine's lists of packages or, if they do not do, with
    fresh ones below folder. Like it, returns (result or None, what apt said)."""
    result, said = attempt([])
    if result:
        return result, said
    private = os.path.abspath(os.path.join(folder, "apt"))
    for name in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(private, name), exist_ok=True)
    options = ["-o", f"Dir::State::lists={private}/lists", "-o", f"Dir::Cache={private}/cache"]
    status, update = call(["apt-get", *options, "-o", "APT::Update::Error-Mode=any", "update"])
    result, said = attempt(options)
    return result, said if result or not status else update


def _download(folder, names, options):
    """The files of the packages and of what they depend on, in folder/files; else what apt said.
    apt is told that nothing is installed, and installs nothing."""
    nothing, files, empty = (os.path.abspath(os.path.join(folder, name))
                             for name in ("status", "files", "empty"))
    for path in (files, empty):
        os.makedirs(os.path.join(path, "partial"), exist_ok=True)
    with open(nothing, "wb"):
        pass
    install = ["apt-get", *options, "-o", f"Dir::State::status={nothing}",
               "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "--yes",
               "--no-install-recommends", "install"]
    status, said = call(install + ["-o", f"Dir::Cache::archives={empty}", "--print-uris", *names])
    found = [os.path.join(files, name) for name in URI.findall(said)]
    if status or not found:
        return None, said
    if not all(os.path.exists(path) for path in found):
        _, said = call(install + ["-o", f"Dir::Cache::archives={files}", "--download-only", *names])
    return (found if all(os.path.exists(path) for path in found) else None), said


def _bring(folder, names):
    """The paths of the package files. Raises Refused."""
    found, said = with_lists(folder, lambda options: _download(folder, names, options))
    if found:
        return found
    unknown = UNKNOWN.search(said)
    if unknown:
        raise Refused(f"PACKAGES={' '.join(names)}: Debian has no package "
                      f"{unknown[1] or unknown[2]}; `apt-cache search WORD` finds names")
    raise Refused(f"apt-get cannot bring PACKAGES={' '.join(names)} ({last_line(said)}); "
                  "mend the network or /etc/apt and try again")


def _unpack(package, root):
    """Unpack one package file; a link that stands for a folder stays one."""
    tar = ["tar", "-x", "-C", root, "--keep-directory-symlink", "--no-same-owner", *LEFT_OUT]
    try:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
            status, said = call(tar, stdin=reader.stdout)
    except FileNotFoundError:
        raise Refused("dpkg-deb is missing: type `make doctor`") from None
    if status or reader.returncode:
        raise Refused(f"{package} cannot be unpacked ({last_line(said)}); make room on the disk or "
                      "remove that file, and try again")


def _finish(root):
    """What the scripts of the packages would have made, as far as programs need it."""
    for name, targets in LINKS.items():
        link = os.path.join(root, "usr/bin", name)
        there = [t for t in targets if os.path.lexists(os.path.join(root, "usr/bin", t))]
        if there and not os.path.lexists(link):
            os.symlink(there[0], link)


def tree(names):
    """The folder that holds the packages; downloaded and unpacked the first time. Raises Refused.
    Whoever takes files from it copies or hard links them, and changes none."""
    names = sorted(set(names))
    folder = top("build/debian")
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    target = os.path.join(folder, "trees", key)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(os.path.join(folder, "lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may ask at once
        if os.path.isdir(target):
            return target
        fresh = tempfile.mkdtemp(dir=folder)
        try:
            os.chmod(fresh, 0o755)
            for name, there in MERGED.items():
                os.makedirs(os.path.join(fresh, there))
                os.symlink(there, os.path.join(fresh, name))
            for package in _bring(folder, names):
                _unpack(package, fresh)
            _finish(fresh)
            os.rename(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return target
