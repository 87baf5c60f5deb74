#!/usr/bin/env python3
"""The runtime's tests on the target: boot them, hear how each ends, miss none.

The image holds the launcher and two programs (tests/target/runtime): one tests, the other is
called, crashed and started again.  A test that the source names and the machine doesn't is a
failure.
"""
# timeout: 300

import os
import re
import sys

import rotunda_vm
import target_tests

SOURCE = os.path.join(rotunda_vm.ROOT, "tests", "target", "runtime", "runtime_test.c")
LINE = re.compile(r"test runtime\.(\w+) \.\.\. (ok|FAILED: [^\r\n]*)")
TOTALS = re.compile(r"runtime tests: (\d+) passed, (\d+) failed")
SECONDS = 120
MACHINES = [
    dict(cpu="cortex-a72", memory="256M", icount="shift=0,sleep=off"),
    dict(cpu="max", memory="512M"),
]


def run(machine):
    """Boot one machine; what went wrong, as lines."""
    image = os.path.join(rotunda_vm.build_folder(), "rotunda-runtime-test.Image")
    with rotunda_vm.Machine(image, network=False, entropy=False, options=["-no-reboot"],
                            **machine) as vm:
        vm.wait_exit(SECONDS)
        text = rotunda_vm.plain(vm.text)
        tail = vm.tail()
    with open(SOURCE, encoding="utf-8") as stream:
        names = set(re.findall(r"^    TEST\((\w+)\)", stream.read(), re.MULTILINE))
    results = dict(LINE.findall(text))
    wrong = [f"{name}: {result}" for name, result in results.items() if result != "ok"]
    wrong += [f"{name}: was not run" for name in sorted(names - set(results))]
    if not TOTALS.search(text):
        wrong.append("the machine ended before the totals:\n" + tail)
    print(f"{machine['cpu']}, {machine['memory']}: {len(results)} tests, {len(wrong)} wrong",
          flush=True)
    return wrong


def judge(machine):
    return run(machine) if "icount" in machine else target_tests.twice(lambda: run(machine))


def main():
    return target_tests.run_all(lambda machine=machine: judge(machine) for machine in MACHINES)


if __name__ == "__main__":
    sys.exit(main())
