#!/bin/sh
# SPDX-License-Identifier: MIT
# doctor.sh [-v | -n] SET...: are the tools of these sets here?
# Sets: run, test, model, bochs, coverage, linux, bench, debug, record, see, browser, clang, uefi, format.
#
# Silent and quick when nothing is missing: every make target that needs tools asks first. Otherwise
# each missing tool is named with the Debian package that brings it; as root on a machine with
# apt-get they are installed, everyone else gets the one line to type and a failing status.
#   -v  also list what was found         -n  never install, only tell

PATH=$PATH:/usr/sbin:/sbin
verbose=''
install=yes
while :; do
    case $1 in
    -v) verbose=yes ;;
    -n) install='' ;;
    *) break ;;
    esac
    shift
done

# want SET TOOL PACKAGE [FILE]: TOOL is a command, or, when FILE is given, a name for that file.
table() {
    want run gcc gcc
    want run "C library headers" libc6-dev /usr/include/stdio.h
    want run ld binutils
    want run nasm nasm
    want run musl-gcc musl-tools
    want run python3 python3
    want run qemu-system-x86_64 qemu-system-x86
    want run grub-mkrescue grub-common
    want run "GRUB for BIOS" grub-pc-bin /usr/lib/grub/i386-pc/multiboot2.mod
    want run xorriso xorriso
    want run xz xz-utils
    want run mke2fs e2fsprogs
    want run mkswap util-linux
    want run "busybox, static" busybox-static /var/lib/dpkg/info/busybox-static.list
    want test "cmocka" libcmocka-dev /usr/include/cmocka.h
    want model spin spin
    want bochs bochs bochs
    want bochs "BIOS for Bochs" bochsbios /usr/share/bochs/BIOS-bochs-latest
    want bochs "VGA BIOS for Bochs" vgabios /usr/share/bochs/VGABIOS-lgpl-latest
    want coverage gcovr gcovr
    want linux apt-get apt
    want linux dpkg-deb dpkg
    want bench valgrind valgrind
    want debug gdb gdb
    want see "d3" node-d3 /usr/share/nodejs/d3/dist/d3.min.js
    want browser chromium chromium
    want browser chromedriver chromium-driver
    want record qemu-img qemu-utils
    want clang clang clang
    want clang "sanitizer runtime for clang" "$clang_rt" \
        "/usr/lib/llvm-*/lib/clang/*/lib/linux/*asan-x86_64.a"
    want uefi "GRUB for UEFI" grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/multiboot2.mod
    want uefi "OVMF firmware" ovmf /usr/share/ovmf/OVMF.fd
    want uefi mformat mtools
    want format clang-format clang-format
}

want() {
    case " $sets " in *" $1 "*) ;; *) return ;; esac
    if [ -n "$4" ]; then
        # shellcheck disable=SC2086 # FILE may be a pattern
        set -- "$1" "$2" "$3" $4
        found=$4
        [ -e "$found" ] || found=
    else
        found=$(command -v "$2")
    fi
    if [ -n "$found" ]; then
        [ -z "$verbose" ] || printf '  found    %-28s %s\n' "$2" "$found"
        return
    fi
    printf '  missing  %-28s Debian package %s\n' "$2" "$3" >&2
    case " $packages " in *" $3 "*) ;; *) packages="$packages $3" ;; esac
}

sets="${*:-run}"
# Debian names the sanitizer runtime after the version of clang, which follows the release.
clang_rt=libclang-rt-14-dev
case " $sets " in *" clang "*)
    version=$(clang -dumpversion 2>/dev/null || apt-cache show clang 2>/dev/null |
        sed -n 's/^Depends:.*clang-\([0-9][0-9]*\).*/\1/p;T;q')
    [ -z "$version" ] || clang_rt=libclang-rt-${version%%.*}-dev ;;
esac

packages=
table
[ -n "$packages" ] || exit 0

command="apt-get install -y --no-install-recommends$packages"
if [ -n "$install" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "doctor: installing$packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # one word for each package
    if ! { apt-get update && $command; } >&2; then
        echo "doctor: apt-get could not install them; after mending that, type: $command" >&2
        exit 1
    fi
    packages=
    table
    [ -n "$packages" ] || exit 0
    echo "doctor: still missing after the installation:$packages" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then sudo=; else sudo="sudo "; fi
echo "doctor: on Debian, type: $sudo$command" >&2
exit 1
