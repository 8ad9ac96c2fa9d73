# SPDX-License-Identifier: MIT
"""What recording costs: the same operations with nobody recording and with TRACE=1."""
import os

import guests
from operations import OPERATIONS


def run(kernel, script):
    """Print instructions, off and on."""
    off, on = (guests.parse(kernel.run(script, icount=True, trace=trace))[2]
               for trace in (None, guests.path("trace.flt")))
    os.remove(guests.path("trace.flt"))
    print(f"\n{'The recorder: instructions':<44}{'off':>10}{'on':>10}{'added':>10}\n")
    for name, line in off.items():
        if name not in on or OPERATIONS[name].sleeps:
            continue
        print(f"{OPERATIONS[name].title + ', per ' + line.unit:<44}{line.mean:>10,}"
              f"{on[name].mean:>10,}{on[name].mean - line.mean:>10,}")
