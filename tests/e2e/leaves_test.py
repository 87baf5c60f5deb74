#!/usr/bin/env python3
"""
What domains leave behind that were created and killed, each at another step, seen from outside.

Machines run the storm of the on-target suite (tests/target/kernel/storm_test.c, which compares what
it can ask for), one for twenty cycles and one for 2,000, on one CPU and on four, and switch
themselves off.  What then stands in their kernels' memory is the same: ASIDs, domains and their
names, threads, segments, armed timers.
"""
# timeout: 900

import os
import sys
import time

import rotunda_vm
from outside import Mapped, Outside, asids_of
from target_tests import LINE

sys.path.insert(0, os.path.join(rotunda_vm.ROOT, "tools"))

from post_mortem.kernel import Kernel  # noqa: E402
from post_mortem.elf import Types  # noqa: E402

IMAGE = "rotunda-kernel-test"
STORM = "storm.create_and_kill_at_each_step_leaves_nothing"
FEW, MANY = 20, 2000
SECONDS = 120


def timers_of(kernel, types):
    """Those that are armed, on all CPUs."""
    first = types["struct cpu", "timeouts"]
    children = [types["struct timeout", name].offset for name in ("left", "right")]
    count = 0
    for cpu in kernel.cpus():
        left = [kernel.word(at) for at in range(cpu.at + first.offset,
                                                cpu.at + first.offset + first.size, 8)]
        while left:
            at = left.pop()
            if at != 0:
                count += 1
                left += [kernel.word(at + child) for child in children]
    return count


def found_in(kernel):
    """What there is of each kind."""
    types = Types(kernel.elf, {"struct cpu": ("timeouts",), "struct timeout": ("left", "right")},
                  ())
    domains = kernel.domains()
    return {
        "ASIDs": asids_of(kernel),
        "domains": sorted(domain.name for domain in domains),
        "threads": sum(len(kernel.threads(domain)) for domain in domains),
        "segments": sorted(segment.label for segment in kernel.segments()),
        "timers": timers_of(kernel, types),
    }


def wait_off(vm):
    """Until the machine has switched itself off; QEMU keeps its memory."""
    end = time.monotonic() + SECONDS * rotunda_vm.busy()
    while vm.qmp("query-status")["status"] != "shutdown":
        assert time.monotonic() < end, vm.failure("the machine is still on")
        vm.pump(0.2)
    vm.drain()
    results = dict(LINE.findall(rotunda_vm.plain(vm.text)))
    assert results.get(STORM) == "ok", vm.failure(STORM)


def left_of(cycles, cpus):
    image = os.path.join(rotunda_vm.build_folder(), IMAGE + ".Image")
    options = ["-no-reboot", "-no-shutdown"]
    options += ["-rtc", "clock=vm"] if cpus == 1 else ["-accel", "tcg,thread=multi"]
    with rotunda_vm.Machine(image, smp=cpus, memory="256M", network=False, entropy=False,
                            icount="shift=0,sleep=off" if cpus == 1 else None, options=options,
                            append=f"test.group=storm storm.cycles={cycles}") as vm:
        wait_off(vm)
        path = os.path.join(vm.folder, "memory")
        vm.qmp("dump-guest-memory", paging=False, protocol="file:" + path)
        return found_in(Kernel(Mapped(path), rotunda_vm.build_folder()))


def as_much_is_left_of_many_as_of_few(cpus):
    few, many = left_of(FEW, cpus), left_of(MANY, cpus)
    print(f"     {cpus} CPU, after {FEW} and after {MANY} domains: " + ", ".join(
        f"{what} {len(found) if isinstance(found, list) else found}"
        for what, found in many.items()))
    assert few["ASIDs"] >= 1 and few["segments"] and few["domains"], few
    assert many == few, f"after {FEW}: {few}; after {MANY}: {many}"


def what_there_is_is_seen(vm):
    """Of a system that runs: nothing of all this is 0."""
    vm.wait_prompt()
    found = found_in(Outside(vm).kernel)
    assert "shell" in found["domains"], found
    assert found["ASIDs"] == len(found["domains"]) <= found["threads"], found
    assert found["timers"] > 0 and "stack" in found["segments"], found


def main():
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), IMAGE + ".Image")):
        return rotunda_vm.CANNOT_RUN
    results = [rotunda_vm.run_test(as_much_is_left_of_many_as_of_few, cpus,
                                   f"as_much_is_left_of_many_as_of_few, {cpus} CPU")
               for cpus in (1, 4)]
    with rotunda_vm.Machine(network=False) as vm:
        results.append(rotunda_vm.run_test(what_there_is_is_seen, vm))
    return int(any(result.error for result in results))


if __name__ == "__main__":
    sys.exit(main())
