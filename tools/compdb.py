#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compdb.py OUT [-- COMPILER FLAGS... : SOURCES...]...: write compile_commands.json for editors and
analysers, one group of sources for each command line."""
import json
import os
import sys


def entries(words):
    """The entries of one group: `COMPILER FLAGS... : SOURCES...`."""
    colon = words.index(":")
    command, sources = words[:colon], words[colon + 1:]
    return [{"directory": os.getcwd(), "file": source, "arguments": command + ["-c", source]}
            for source in sources]


def main():
    out, groups = sys.argv[1], []
    for word in sys.argv[2:]:
        if word == "--":
            groups.append([])
        else:
            groups[-1].append(word)
    with open(out, "w", encoding="utf-8") as file:
        json.dump([entry for group in groups for entry in entries(group)], file, indent=1)
        file.write("\n")


main()
