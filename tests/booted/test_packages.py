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
    result = run(elf=hello, args=["a b"], packages="bash coreutils")
    check("hello", result.stdout == b"/root/hello, a b\n" and result.status == 7, result.show())
    result = run(cmd="printf 'b\\na\\n' | sort | tr a-z A-Z; readlink /bin/sh; "
                     "/lib64/ld-linux-x86-64.so.2 /bin/true && ls -d /bin; "
                     "comm -12 <(seq 9 | sort) <(seq 8 11 | sort);"
                     "coproc cat; echo 7 >&${COPROC[1]}; read -u ${COPROC[0]} n; exit $n",
                 packages="bash coreutils")
    check("bash and coreutils", result.stdout == b"A\nB\nbash\n/bin\n8\n9\n", result.show())
    check("a coprocess", result.status == 7, result.show())
