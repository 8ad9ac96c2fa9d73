# SPDX-License-Identifier: MIT
"""The faults that were, from the recorder: make debug TRACE=1."""
import os
import re
import subprocess

from commands import Command
from memory import Said
from symbols import TOP

TELLER = os.path.join(TOP, "tools/trace/story.py")
PATIENCE = 60  # seconds


class Faults(Command):
    """faults [N] [PROGRAM|PID]: the last N faults (10), recorded and told; of programs, or of one.
Needs a run that is recorded: `make debug TRACE=1`. init's are told when named."""
    most = 2

    def run(self, *words):
        count, who = 10, None
        for word in words:
            if word.isdigit() and word is words[0]:
                count = int(word)
            else:
                who = word
        print("\n".join(self.told(who)[-count:]) if count else "no faults asked for")

    @staticmethod
    def told(who):
        """A paragraph for each fault so far."""
        path = os.environ.get("FAULTLINE_TRACE")
        if not path:
            raise Said("this run is not recorded: `make debug TRACE=1 ...` is")
        elf = os.environ.get("FAULTLINE_ELF")
        command = ["python3", TELLER, "--kernel", os.environ.get("FAULTLINE_KERNEL", ""),
                   *(("--who", who) if who else ()),
                   *(("--elf", elf) if elf else ()), path]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=PATIENCE, check=False, text=True, errors="replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Said(f"the record cannot be told: {error}") from None
        paragraphs = re.findall(r"^Fault \d+, .*?\n(?=\n)", done.stdout, re.MULTILINE | re.DOTALL)
        if not paragraphs:
            raise Said(done.stderr.strip().split("\n")[-1] or "no fault has been recorded yet")
        return paragraphs


def register():
    Faults()
