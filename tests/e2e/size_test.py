"""
Kernel text stays small, and what only booting needs goes away.

Every byte of .text in rotunda.elf stays in memory and counts, with the two holes that the vectors'
alignment leaves; only the filling of the last page doesn't.  What .boot holds is free memory before
the first program runs (core/boot_end.h), so nothing that stays may call or name it, but for the
way from power-on, and boot_end() itself.
"""

import os
import re
import subprocess
import sys

from rotunda_vm import CANNOT_RUN, build_folder

LIMIT_BYTES = 48 * 1024
COMPILER = "12."  # whose bytes these are; another may need a few more
ELSEWHERE = 1.05
SHOWN = 25  # functions, when there is too much
MAY_NAME_BOOT = ("__image_start", "boot_end", "mmu_unmap_image")

FUNCTION = re.compile(r"^[0-9a-f]+ <(\S+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+[0-9a-f]{8}\s+(\S+)\s*(.*)$")
ADDRESS = re.compile(r"\b(ffffffff8[0-9a-f]{7})\b")


def tool(name, *arguments):
    return subprocess.run(["aarch64-linux-gnu-" + name, *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def symbols(elf):
    found = {}
    for line in tool("nm", elf).splitlines():
        parts = line.split()
        if len(parts) == 3:
            found[parts[2]] = int(parts[0], 16)
    return found


def biggest_functions(elf, end):
    """The largest functions of what stays, as lines."""
    lines = [line.split() for line in tool("nm", "-S", "--size-sort", "-r", elf).splitlines()]
    return [f"{int(line[1], 16):7} {line[3]}" for line in lines
            if len(line) == 4 and line[2] in "tT" and int(line[0], 16) < end][:SHOWN]


def text_walk(elf, named):
    """How long what stays is, and the functions in it that name an address of what doesn't."""
    end, function, wrong = named["__image_start"], "?", []
    for line in tool("objdump", "-d", "-j", ".text", elf).splitlines():
        start = FUNCTION.match(line)
        if start:
            function = start[1]
        instruction = INSTRUCTION.match(line)
        if not instruction:
            continue
        if instruction[2] != "udf":
            end = int(instruction[1], 16) + 4
        address = ADDRESS.search(instruction[3])
        if (address and named["__boot_start"] <= int(address[1], 16) < named["__boot_end"]
                and function.split(".")[0] not in MAY_NAME_BOOT):
            wrong.append(f"{function}: {instruction[2]} {instruction[3]}")
    return end - named["__image_start"], wrong


def main():
    elf = os.path.join(build_folder(), "rotunda.elf")
    if not os.path.exists(elf):
        print("skipped: needs the kernel")
        return CANNOT_RUN
    named = symbols(elf)
    version = tool("gcc", "-dumpfullversion").strip()
    limit = LIMIT_BYTES if version.startswith(COMPILER) else int(LIMIT_BYTES * ELSEWHERE)
    text, wrong = text_walk(elf, named)
    given = named["__boot_end"] - named["__boot_start"]
    print(f"kernel text: {text} bytes, at most {limit} by gcc {version}; given away after boot: "
          f"{given}, of which text and constants "
          f"{named['__boot_text_end'] - named['__boot_start']}")
    failed = False
    if wrong:
        print("stays, but uses what is given away:", *wrong, sep="\n")
        failed = True
    if text > limit:
        print("too much.  The biggest functions:", *biggest_functions(elf, named["__text_end"]),
              sep="\n")
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
