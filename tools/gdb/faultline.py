# SPDX-License-Identifier: MIT
"""faultline: commands for Faultline, loaded by `make debug`. Debian 12's gdb does, without plugins.

All of them read the stopped machine's memory and change nothing (`audit` runs code of the kernel).
The current task is the one that runs on the selected CPU (`cpus`; `thread N` selects CPU N - 1);
until the first program runs there is no user address space to show. PID names another process.
"""
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import commands
import faults
import frames
import history
import lists
import mm
import symbols
import tasks
import walk
import why


class Faultline(gdb.Command):
    __doc__ = __doc__ + "\nCommands:\n"

    def __init__(self):
        for subject in (mm, walk, frames, tasks, why, faults, history, lists, symbols):
            subject.register()
        lines = []
        for command in commands.COMMANDS:
            usage, words = command.__doc__.split("\n")[0].split(": ", 1)
            lines.append(f"  {usage:26s} {words}")
        type(self).__doc__ += "\n".join(lines) + """

In expressions: $current() is the task, $runs("NAME") asks for the program, $percpu("NAME") is the
selected CPU's instance of a variable. A breakpoint in a program stops that program only."""
        super().__init__("faultline", gdb.COMMAND_SUPPORT)

    def invoke(self, text, from_tty):
        print(type(self).__doc__)


Faultline()
