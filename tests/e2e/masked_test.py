#!/usr/bin/env python3
"""
The kernel never executes more than 3,000 instructions without taking interrupts or asking for them.

Counted in QEMU, by the plugin tests/plugin/stretches.c, while `bench` does what takes longest:
every instruction, so no stretch is missed, as one is by a timer that samples.  Needs the host's cc
and a QEMU with plugins, as Debian's 7.2 is, and 10.0 of backports; fails with others.
"""
# timeout: 400

import bisect
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

import rotunda_vm

LIMIT = 3_000  # instructions
ROWS = ("irq_masked", "domain_", "segment_", "thread_")
ROW_SECONDS = 300
ENDING_SECONDS = 60
SHOWN = 3  # stretches, when all is well
SHOWN_STEPS = 80  # of a sequence of functions
LONGEST_LOOP = 8  # functions, in a sequence that is abbreviated

# From EL0: Arm ARM, "Exception vectors", lower exception level using AArch64.
VECTORS_FROM_PROGRAMS = (0x400, 0x480)  # synchronous, IRQ
ASKS = re.compile(r"^([0-9a-f]+):\s+\w+\s+mrs\s+\w+, isr_el1$", re.M)
ACKNOWLEDGES = re.compile(r"gicv[23]_acknowledge|interrupt_accept(\..*)?")
OLDER_THAN_WANTED = re.compile(r"supports only a minimum version of (\d+)")

SOURCE = os.path.join(rotunda_vm.ROOT, "tests", "plugin", "stretches.c")
COMPILE = ["cc", "-std=c17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared",
           "-fPIC"]

Stretch = collections.namedtuple("Stretch", "length steps")


def tool(name, *arguments):
    return subprocess.run(["aarch64-linux-gnu-" + name, *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


class Kernel:
    """Where functions are in rotunda.elf, and where interrupts are taken."""

    def __init__(self, elf):
        lines = [line.split() for line in tool("nm", elf).splitlines()]
        self.functions = sorted((int(line[0], 16), line[2]) for line in lines
                                if len(line) == 3 and line[1] in "tT")
        vectors = [address for address, name in self.functions if name == "exception_vectors"]
        acknowledges = [address for address, name in self.functions
                        if ACKNOWLEDGES.fullmatch(name)]
        asks = [int(found[1], 16) for found in ASKS.finditer(tool("objdump", "-d", elf))]
        assert vectors and acknowledges and asks, \
            f"{elf}: no vectors, no acknowledge, or nobody reads ISR_EL1: was it renamed?"
        from_programs = [vectors[0] + offset for offset in VECTORS_FROM_PROGRAMS]
        # Functions fill the holes that the vectors leave, so each entry needs its own name.
        self.functions = sorted(self.functions + [(address, "exception_vectors")
                                                  for address in from_programs])
        self.cuts = sorted({*from_programs, *acknowledges, *asks})

    def function(self, address):
        return self.functions[bisect.bisect(self.functions, (address, "~")) - 1][1]


def build_plugin(version):
    """Build the plugin for a version of QEMU's interface; where it is."""
    folder = os.path.join(rotunda_vm.build_folder(), "plugin")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"stretches-{version}.so")
    subprocess.run([*COMPILE, f"-DPLUGIN_API={version}", "-o", path, SOURCE], check=True)
    return path


def refusal(qemu, plugin):
    """What this QEMU says when it is to load the plugin; None if it does."""
    ending = '{"execute":"qmp_capabilities"}{"execute":"quit"}'
    run = subprocess.run([qemu, "-M", "none", "-display", "none", "-nodefaults", "-qmp", "stdio",
                          "-plugin", plugin], input=ending, check=False, text=True,
                         timeout=ENDING_SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run.stderr.strip() or f"status {run.returncode}" if run.returncode else None


def plugin_for(qemu, arguments):
    """The value of -plugin, of the version of the interface that this QEMU wants."""
    version = 1
    while True:
        plugin = f"{build_plugin(version)},{arguments}"
        said = refusal(qemu, plugin)
        if said is None:
            return plugin
        wanted = OLDER_THAN_WANTED.search(said)
        if not wanted or int(wanted[1]) <= version:
            raise rotunda_vm.VmError(f"{qemu} loads no plugin, so nothing can be counted: {said}")
        version = int(wanted[1])


def read_result(path):
    """How many stretches there were, and those that were kept, the longest first."""
    with open(path, encoding="ascii") as text:
        looked, *lines = [line.split() for line in text]
    stretches = [Stretch(int(line[1]), [int(step, 16) for step in line[2:]]) for line in lines]
    return int(looked[1]), sorted(stretches, reverse=True)


def count(image, kernel):
    """Boot, run the rows, and read what the plugin has found."""
    with tempfile.TemporaryDirectory(prefix="rotunda-masked-") as folder:
        cuts, begin, out = (os.path.join(folder, name) for name in ("cuts", "begin", "out"))
        with open(cuts, "w", encoding="ascii") as text:
            text.writelines(f"{address:x}\n" for address in kernel.cuts)
        with open(begin, "wb") as shared:
            shared.write(b"0")
        vm = rotunda_vm.Machine(image, network=False, memory="512M", icount="shift=0,sleep=off")
        plugin = plugin_for(vm.qemu, f"cuts={cuts},begin={begin},out={out}")
        vm.options += ["-plugin", plugin]
        with vm:
            vm.wait_prompt()
            with open(begin, "r+b") as shared:  # booting is one long stretch, on purpose
                shared.write(b"1")
            for row in ROWS:
                text = vm.command(f"bench {row}", timeout=ROW_SECONDS)
                assert re.search(rf"^{row}\S* .*\d", text, re.M), f"`bench {row}`:\n{text}"
            # Not `poweroff`: switching off is another.
            vm.qmp("quit")
            vm.wait_exit(ENDING_SECONDS)
        return read_result(out)


def shares(stretch, kernel):
    """The functions of a stretch in order of appearance, and their instructions."""
    counts = collections.Counter(map(kernel.function, stretch.steps))
    return ", ".join(f"{name} {instructions}" for name, instructions in counts.items())


def sequence(stretch, kernel):
    """The functions of a stretch as they follow each other, loops once with their rounds."""
    names = []
    for name in map(kernel.function, stretch.steps):
        if not names or names[-1] != name:
            names.append(name)
    words, i = [], 0
    while i < len(names):
        length, rounds = longest_loop(names, i)
        loop = " ".join(names[i:i + length])
        words.append(f"({loop}) x {rounds}" if rounds > 1 else loop)
        i += length * rounds
    return " ".join(words[:SHOWN_STEPS]) + (" ..." if len(words) > SHOWN_STEPS else "")


def longest_loop(names, start):
    """The loop that begins at `start` and covers most: its length and its rounds."""
    best = (1, 1)
    for length in range(1, LONGEST_LOOP + 1):
        loop, rounds = names[start:start + length], 1
        while names[start + rounds * length:start + (rounds + 1) * length] == loop:
            rounds += 1
        if rounds > 1 and length * rounds > best[0] * best[1]:
            best = (length, rounds)
    return best


def main():
    rotunda_vm.wanted_tests()
    image = rotunda_vm.default_image()
    elf = os.path.join(rotunda_vm.build_folder(), "rotunda.elf")
    qemu = rotunda_vm.Machine(image).qemu
    if not os.path.exists(image) or not os.path.exists(elf) or not shutil.which(qemu):
        print(f"skipped: needs {image}, {elf} and {qemu}")
        return rotunda_vm.CANNOT_RUN
    kernel = Kernel(elf)
    try:
        looked, stretches = count(image, kernel)
    except (AssertionError, OSError, subprocess.SubprocessError) as problem:
        print(f"FAIL {problem}")
        return 1
    if not stretches:
        print("FAIL the plugin has seen no stretch")
        return 1
    print(f"{looked} stretches with interrupts masked; the longest has {stretches[0].length} "
          f"instructions, at most {LIMIT}")
    for stretch in stretches[:SHOWN]:
        print(f"  {stretch.length}: {shares(stretch, kernel)}")
    too_long = [stretch for stretch in stretches if stretch.length > LIMIT]
    for stretch in too_long:
        print(f"too long, {stretch.length}: {sequence(stretch, kernel)}")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
