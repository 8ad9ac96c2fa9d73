# SPDX-License-Identifier: MIT
"""Root disks made of Debian's packages: PACKAGES=."""
import subprocess

from harness import check, run, tmp

HELLO = rb"""#include <stdio.h>
int main(int argc, char **argv) { printf("%s, %s\n", argv[0], argv[1]); return 7; }
"""


def test_dynamic():
    "a program of one's own with Debian's C library, and programs of Debian beside it"
    hello = tmp("hello")
    subprocess.run(["gcc", "-xc", "-", "-o", hello], input=HELLO, check=True)
    result = run(elf=hello, args=["a b"], packages="coreutils")
    check("hello", result.stdout == b"/root/hello, a b\n" and result.status == 7, result.show())
    result = run(cmd="/usr/bin/printf 'b\\na\\n' | /usr/bin/sort | /usr/bin/tr a-z A-Z; "
                     "/lib64/ld-linux-x86-64.so.2 /bin/true && ls -d /bin", packages="coreutils")
    check("coreutils", result.stdout == b"A\nB\n/bin\n" and not result.status, result.show())
