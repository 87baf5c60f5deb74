"""
Running the tests of a program in the launcher's place (tests/target/kernel): boot the image, hear
how each test ends, miss none.  The program says a line for each and switches the machine off; a
test that the sources name and the machine doesn't is a failure, and so is a reboot.
"""

import bisect
import glob
import os
import re
import subprocess
import time

import rotunda_vm

LINE = re.compile(r"test (\w+\.\w+) \.\.\. (ok|FAILED: [^\r\n]*)")
TOTALS = re.compile(r"kernel tests: (\d+) passed, (\d+) failed")
HALT = re.compile(r"kernel panic: [^\r\n]*")
PC = re.compile(r"\bPC=([0-9a-f]{16})")
KERNEL_HALF = 1 << 63  # addresses above are the kernel's


def names_in_sources(folder, only=None):
    """Every TEST(name) of every *_test.c below tests/target/`folder`, or of `only` one group."""
    names = set()
    for path in glob.glob(os.path.join(rotunda_vm.ROOT, "tests", "target", folder, "*_test.c")):
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        group = re.search(r"^TEST_GROUP\((\w+)\)", text, re.MULTILINE).group(1)
        tests = re.findall(r"\bTEST\((\w+)\)", text)
        names |= {f"{group}.{name}" for name in tests if only in (None, group)}
    return names


def wait_end(vm, seconds):
    """Until the machine is off; a panic, which halts it, is not waited out."""
    end = time.monotonic() + seconds
    while vm.is_running() and time.monotonic() < end:
        vm.pump(0.1)
        if HALT.search(vm.text):
            vm.drain(1)
            return
    vm.pump(0)


def kernel_functions(image):
    """Of the kernel in the image: a sorted list of (address, name)."""
    kernel = "rotunda-checked.elf" if "checked" in image else "rotunda.elf"
    out = subprocess.run(["aarch64-linux-gnu-nm", os.path.join(rotunda_vm.build_folder(), kernel)],
                         capture_output=True, text=True, check=False).stdout
    rows = (line.split() for line in out.splitlines())
    return sorted((int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tT")


def where_cpus_are(vm, image):
    """A line for each CPU of a machine that is stuck."""
    registers = vm.qmp("human-monitor-command", **{"command-line": "info registers -a"})
    functions = kernel_functions(image)
    lines = []
    for number, text in enumerate(PC.findall(registers)):
        pc = int(text, 16)
        place = bisect.bisect(functions, (pc + 1, "")) - 1
        name = functions[place][1] if pc >= KERNEL_HALF and place >= 0 else "a program"
        lines.append(f"CPU {number} is at 0x{pc:x}, in {name}")
    return lines


def run(image, folder, seconds, *, unjudged=(), shown=None, group=None, **machine):
    """
    Boot the image; what went wrong, as lines.  One CPU has instructions for a clock, several are
    threads of the host; how tests named in `unjudged` end doesn't matter, as long as they do.
    Lines of the console that `shown` matches are printed.  With a `group`, only its tests are run.
    """
    started = time.monotonic()
    if group:
        machine["append"] = f"test.group={group} {machine.get('append', '')}"
    path = os.path.join(rotunda_vm.build_folder(), image + ".Image")
    counts = "smp" not in machine
    options = ["-rtc", "clock=vm"] if counts else ["-accel", "tcg,thread=multi"]
    with rotunda_vm.Machine(path, network=False, entropy=False,
                            icount="shift=0,sleep=off" if counts else None,
                            options=["-no-reboot"] + options, **machine) as vm:
        wait_end(vm, seconds)
        stuck = where_cpus_are(vm, image) if vm.is_running() else []
        text = rotunda_vm.plain(vm.text)
        tail = vm.tail()
    results = dict(LINE.findall(text))
    wrong = [f"{name}: {result}" for name, result in results.items()
             if result != "ok" and name not in unjudged]
    missing = names_in_sources(folder, group) - set(results)
    wrong += [f"{name}: was not run" for name in sorted(missing)]
    if not TOTALS.search(text):
        wrong.append("no totals; the end of what the machine said:\n" + tail)
    wrong += stuck
    print(f"{image}, {machine['cpu']}, {machine['memory']}, GICv{machine['gic']}, "
          f"{machine.get('smp', 1)} CPU: {len(results)} tests, {len(wrong)} wrong, "
          f"{time.monotonic() - started:.0f} s", flush=True)
    if shown:
        print("\n".join(re.findall(shown, text)), flush=True)
    return wrong


def twice(once):
    """
    A busy host can stop a machine that has its time for as long as a test waits; not twice in the
    same test.  `once` is a call of run(); what went wrong both times, as lines.
    """
    wrong = once()
    if not wrong:
        return wrong
    for line in wrong:
        print("once:", line)
    again = {line.split(":")[0] for line in once()}
    return [line for line in wrong if line.split(":")[0] in again]


def run_all(runs):
    """Each of `runs` is a call of run(); exit status for sys.exit."""
    wrong = [line for one in runs for line in one()]
    for line in wrong:
        print(line)
    return 1 if wrong else 0
