# SPDX-License-Identifier: MIT
"""The CD image that GRUB boots the kernel from, small: one firmware's GRUB, the modules it needs,
no fonts, locales or themes. The kernel's command line is in it, so there is one for each line used,
kept for the next run."""
import contextlib
import hashlib
import os
import shlex
import shutil
import tempfile

from image import put, run_tool
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


def _config(cmdline, module):
    """GRUB's words. If it cannot load the kernel it resets the machine, which ends the run, instead
    of waiting."""
    return ("set timeout=0\nif multiboot2 /boot/faultline " + " ".join(map(shlex.quote, cmdline))
            + "\nthen\n" + ("module2 /boot/root root\n" if module else "") + "boot\nfi\nreboot\n")


def write(path, kernel, cmdline, firmware, module=None):
    """Write a CD image that boots the file kernel with the words of cmdline and, as its module, the
    file module."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as stage:
        os.makedirs(os.path.join(stage, "cd/boot/grub"))
        try:
            shutil.copyfile(kernel, os.path.join(stage, "cd/boot/faultline"))
        except OSError as error:
            raise Refused(f"the kernel {kernel}: {error.strerror}; type `make`") from None
        if module:
            put(module, os.path.join(stage, "cd/boot/root"))
        with open(os.path.join(stage, "cd/boot/grub/grub.cfg"), "wb") as file:
            file.write(os.fsencode(_config(cmdline, module)))
        made = os.path.join(stage, "cd.iso")
        run_tool(["grub-mkrescue", "-d", PLATFORM[firmware],
                  "--install-modules=" + MODULES[firmware], "--fonts=",
                  "--locales=", "--themes=", "--compress=xz", "-o", made,
                  os.path.join(stage, "cd")], "making the CD image")
        os.rename(made, path)


def make(kernel, cmdline, firmware):
    """The path of such an image, without a module; it may be an older run's."""
    try:
        with open(kernel, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Refused(f"the kernel {kernel}: {error.strerror}; type `make`") from None
    key = hashlib.sha256(b"\0".join([content, os.fsencode(_config(cmdline, None)),
                                     MODULES[firmware].encode()]))
    path = os.path.join(CACHE, f"{key.hexdigest()[:16]}-{firmware}.iso")
    os.makedirs(CACHE, exist_ok=True)
    try:
        os.utime(path)
        return path
    except FileNotFoundError:
        pass
    write(path, kernel, cmdline, firmware)
    _prune()
    return path
