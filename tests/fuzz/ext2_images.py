#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The file systems that tests/fuzz/fuzz_ext2.c damages, made by mke2fs.

usage: tests/fuzz/ext2_images.py SMALL LARGE
SMALL: 512 KiB in 1 KiB blocks and two groups. LARGE: 384 KiB in one group of 4 KiB blocks.
Both hold what tests/fuzz/fuzz_ext2.c has the names of.
"""
import os
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
from image import UUID, run_tool  # pylint: disable=wrong-import-position


def fill(root):
    """Files with direct, indirect and doubly indirect blocks, links of both kinds, directories."""
    for path in ("dir/sub", "many"):
        os.makedirs(os.path.join(root, path))
    for path, size, at in (("small", 100, 0), ("dir/file", 5000, 0), ("big", 30000, 0),
                           ("sparse", 3000, 1100000), ("empty", 0, 0)):
        with open(os.path.join(root, path), "wb") as file:
            file.seek(at)
            file.write(bytes(i * 7 & 255 for i in range(size)))
    os.symlink("dir/file", os.path.join(root, "fast"))
    os.symlink("dir/../" * 12 + "small", os.path.join(root, "slow"))
    os.symlink("loop", os.path.join(root, "loop"))
    os.link(os.path.join(root, "small"), os.path.join(root, "dir/hard"))
    for n in range(40):
        with open(os.path.join(root, f"many/a-file-with-a-rather-long-name-{n}"), "wb"):
            pass


def main():
    with tempfile.TemporaryDirectory() as root:
        fill(root)
        for out, options in ((sys.argv[1], ["-b", "1024", "-g", "256", out_size(512, 1)]),
                             (sys.argv[2], ["-b", "4096", out_size(384, 4)])):
            with open(out, "wb"):
                pass
            run_tool(["mke2fs", "-q", "-F", "-t", "ext2", "-I", "128", "-N", "96", "-m", "0",
                      "-O", "none,filetype,sparse_super", "-U", UUID,
                      "-E", f"hash_seed={UUID},root_owner=0:0,nodiscard", "-d", root,
                      *options[:-1], out, options[-1]], f"making {out}")


def out_size(kib, block_kib):
    """What mke2fs wants to hear: blocks."""
    return str(kib // block_kib)


if __name__ == "__main__":
    main()
