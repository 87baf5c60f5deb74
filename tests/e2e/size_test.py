"""
Kernel text stays small: every byte of .text in rotunda.elf counts, but for libfdt's, which is not
ours, and the filling of the last page.  The aim is 48 KiB; until it is there, the limit keeps what
has been reached.
"""

import os
import re
import subprocess
import sys

from rotunda_vm import CANNOT_RUN, build_folder

LIMIT_BYTES = 75 * 1024
SHOWN = 25  # functions, when there is too much
PIECE = re.compile(r"^ \.text\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S+)$", re.MULTILINE)


def kernel_text(map_text):
    """All of our text, and libfdt's, in bytes; what lies between two pieces is ours."""
    start = int(re.search(r"0x([0-9a-f]+)\s+__image_start = \.", map_text)[1], 16)
    pieces = [(int(address, 16), int(size, 16), source)
              for address, size, source in PIECE.findall(map_text)]
    pieces = [piece for piece in pieces if piece[0] >= start and piece[1] != 0]
    end = max(address + size for address, size, _ in pieces)
    fdt = sum(size for _, size, source in pieces if source.startswith("libfdt"))
    return end - start - fdt, fdt


def biggest_functions(elf):
    """The largest symbols of the text, as lines."""
    lines = subprocess.run(["aarch64-linux-gnu-nm", "-S", "--size-sort", "-r", elf], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = [line.split() for line in lines]
    return [f"{int(size, 16):7} {name}" for _, size, kind, name in found if kind in "tT"][:SHOWN]


def main():
    elf = os.path.join(build_folder(), "rotunda.elf")
    if not os.path.exists(elf):
        print("skipped: needs the kernel")
        return CANNOT_RUN
    with open(os.path.join(build_folder(), "rotunda.map"), encoding="utf-8") as file:
        own, fdt = kernel_text(file.read())
    print(f"kernel text: {own} bytes, at most {LIMIT_BYTES}; libfdt beside it: {fdt}")
    if own <= LIMIT_BYTES:
        return 0
    print("too much.  The biggest functions:", *biggest_functions(elf), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
