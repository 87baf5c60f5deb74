#!/usr/bin/env python3
"""Where segments lie follows from the machine's seed, and from nothing else.

QEMU's virt puts random numbers into the devicetree; -seed chooses them.  With instructions for a
clock a boot is the same each time, so the same seed must give the same places and another seed
others.  What lies where is read from outside (view_walk.py).
"""
# timeout: 300

import os
import shutil
import sys
import tempfile

import rotunda_vm
import view_walk

MEMORY = 256 << 20
LAUNCHER = "app:App"
SEEDS = (1, 1, 2, 3)


def places(seed, folder):
    """Addresses of the launcher's first segments, by label: they are made before anything runs."""
    path = os.path.join(folder, "memory")
    with rotunda_vm.Machine(memory="256M", network=False, entropy=False,
                            icount="shift=0,sleep=off",
                            options=["-seed", str(seed), "-rtc", "clock=vm"]) as vm:
        vm.wait_prompt()
        vm.qmp("stop")
        vm.qmp("pmemsave", val=view_walk.RAM, size=MEMORY, filename=path)
    dump = view_walk.Dump(path, os.path.join(rotunda_vm.build_folder(), "rotunda.elf"))
    survey = view_walk.Survey(dump)
    launcher = next(domain for domain in survey.domains if domain.name == LAUNCHER)
    out = {}
    for at, segment in survey.segments.items():
        if launcher.at in survey.views_of.get(at, ()):
            out.setdefault(segment.label, segment.address)
    return {label: out[label] for label in ("boot archive", "devicetree", "text", "data", "stack")}


def main():
    if shutil.which("gdb-multiarch") is None:
        print("no gdb-multiarch")
        return rotunda_vm.CANNOT_RUN
    rotunda_vm.wanted_tests()
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        found = [places(seed, folder) for seed in SEEDS]
    for seed, where in zip(SEEDS, found):
        print(f"seed {seed}: " + ", ".join(f"{label} {at:#x}" for label, at in where.items()))
    first = found[0]
    assert found[1] == first, "the same seed gives the same places"
    for other in found[2:]:
        same = [label for label in first if first[label] == other[label]]
        assert not same, f"another seed gives other places: {same}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
