#!/usr/bin/env python3
"""The kernel's tests on the target: boot them, hear how each ends, miss none.

The image holds one program, in the launcher's place (tests/target/kernel).  It says a line for each
test and switches the machine off; a test that the sources name and the machine doesn't is a
failure, and so is a reboot.  Several CPUs and memory sizes: what is proven must not depend on them.
The checked kernel runs the same tests: it has 15 ASIDs, and audits views and TLB at every change.
Time counts instructions, so no test depends on how busy the host is; but for the machine with four
CPUs, each a thread of the host, where those that compare times are not judged.
"""
# timeout: 600

import glob
import os
import re
import sys

import rotunda_vm

FOLDER = os.path.join(rotunda_vm.ROOT, "tests", "target", "kernel")
LINE = re.compile(r"test (\w+\.\w+) \.\.\. (ok|FAILED: [^\r\n]*)")
TOTALS = re.compile(r"kernel tests: (\d+) passed, (\d+) failed")
SECONDS = 240
ORDINARY = "rotunda-kernel-test"
CHECKED = "rotunda-checked-kernel-test"
# These compare times, or have an end that comes too early where time goes on without them.
TIMED = {
    "event.clocks_ring_in_order",
    "event.equals_take_turns",
    "event.many_timeouts_come_in_order",
    "event.more_urgent_goes_first",
    "event.wait_ends_with_a_signal_or_in_time",
    "handler.deadline_over_a_handler_stops_the_server",
    "handler.fault_of_a_homeless_late_visitor_stops_the_server",
    "mesh.every_caller_comes_home",
    "portal.deadline_ends_the_wait_for_a_stack",
    "switch.waiter_without_the_right_to_signal_wakes_with_ok",
    "switch.written_deadline_ends_a_wait",
    "switch.written_deadline_ends_work_after_its_grace",
}
MACHINES = [
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=2)),
    (ORDINARY, dict(cpu="max", memory="512M", gic=3)),
    (CHECKED, dict(cpu="cortex-a72", memory="256M", gic=3)),
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=2, smp=4)),
]


def names_in_sources():
    """Every TEST(name) of every *_test.c, as group.name."""
    names = set()
    for path in glob.glob(os.path.join(FOLDER, "*_test.c")):
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        group = re.search(r"^TEST_GROUP\((\w+)\)", text, re.MULTILINE).group(1)
        tests = re.findall(r"^    TEST\((\w+)\)", text, re.MULTILINE)
        names |= {f"{group}.{name}" for name in tests}
    return names


def run(image, machine):
    """Boot one machine; what went wrong, as lines."""
    path = os.path.join(rotunda_vm.build_folder(), image + ".Image")
    counts = "smp" not in machine
    options = ["-rtc", "clock=vm"] if counts else ["-accel", "tcg,thread=multi"]
    with rotunda_vm.Machine(path, network=False, entropy=False,
                            icount="shift=0,sleep=off" if counts else None,
                            options=["-no-reboot"] + options, **machine) as vm:
        vm.wait_exit(SECONDS)
        text = rotunda_vm.plain(vm.text)
        tail = vm.tail()
    results = dict(LINE.findall(text))
    wrong = [f"{name}: {result}" for name, result in results.items()
             if result != "ok" and (counts or name not in TIMED)]
    missing = names_in_sources() - set(results)
    wrong += [f"{name}: was not run" for name in sorted(missing)]
    if not TOTALS.search(text):
        wrong.append("the machine ended before the totals:\n" + tail)
    print(f"{image}, {machine['cpu']}, {machine['memory']}, GICv{machine['gic']}, "
          f"{machine.get('smp', 1)} CPU: "
          f"{len(results)} tests, {len(wrong)} wrong", flush=True)
    return wrong


def main():
    wrong = []
    for image, machine in MACHINES:
        failed = run(image, machine)
        if failed and "smp" in machine:
            # A busy host can stop a virtual CPU for as long as a test waits; not twice the same.
            for line in failed:
                print("once:", line)
            failed = [line for line in failed if line.split(":")[0] in
                      {again.split(":")[0] for again in run(image, machine)}]
        wrong += failed
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
