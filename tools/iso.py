# SPDX-License-Identifier: MIT
"""The CD image that GRUB boots the kernel from, small: one firmware's GRUB, the modules it needs,
no fonts, locales or themes. The kernel's command line is in it, so there is one for each line used,
kept for the next run."""
import contextlib
import hashlib
import os
import shlex
import tempfile

from image import run_tool
from knobs import Refused, top

CACHE, CACHED = top("build/iso"), 32
PLATFORM = {"bios": "/usr/lib/grub/i386-pc", "uefi": "/usr/lib/grub/x86_64-efi"}
MODULES = {"bios": "multiboot2 normal boot iso9660 biosdisk configfile reboot",
           "uefi": "multiboot2 normal boot iso9660 part_gpt fat configfile reboot"}


def _prune():
    """Forget the images that were not used for longest; one that is in use stays open in QEMU.
    Another run may do the same at the same time."""
    images = []
    for entry in os.scandir(CACHE):
        with contextlib.suppress(FileNotFoundError):
            if entry.name.endswith(".iso"):
                images.append((entry.stat().st_mtime, entry.path))
    for _, path in sorted(images, reverse=True)[CACHED:]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def make(kernel, cmdline, firmware):
    """The path of a CD image that boots the file kernel with the words of cmdline."""
    try:
        with open(kernel, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Refused(f"the kernel {kernel}: {error.strerror}; type `make`") from None
    # If GRUB cannot load the kernel it resets the machine, which ends the run, instead of waiting.
    config = ("set timeout=0\nif multiboot2 /boot/faultline " + " ".join(map(shlex.quote, cmdline))
              + "\nthen boot\nfi\nreboot\n")
    key = hashlib.sha256(b"\0".join([content, os.fsencode(config), MODULES[firmware].encode()]))
    path = os.path.join(CACHE, f"{key.hexdigest()[:16]}-{firmware}.iso")
    os.makedirs(CACHE, exist_ok=True)
    try:
        os.utime(path)
        return path
    except FileNotFoundError:
        pass
    with tempfile.TemporaryDirectory(dir=CACHE) as stage:
        os.makedirs(os.path.join(stage, "cd/boot/grub"))
        with open(os.path.join(stage, "cd/boot/faultline"), "wb") as file:
            file.write(content)
        with open(os.path.join(stage, "cd/boot/grub/grub.cfg"), "wb") as file:
            file.write(os.fsencode(config))
        made = os.path.join(stage, "cd.iso")
        run_tool(["grub-mkrescue", "-d", PLATFORM[firmware],
                  "--install-modules=" + MODULES[firmware], "--fonts=",
                  "--locales=", "--themes=", "--compress=xz", "-o", made,
                  os.path.join(stage, "cd")], "making the CD image")
        os.rename(made, path)
    _prune()
    return path
