#!/usr/bin/env python3
"""
tools/inspect on dumps of systems of which one has lost domains, one has panicked, one hangs in the
kernel and one in the launcher: it says what the shell and the console said, and where.  In all of
them somebody has died before, and the shell was asked for `crashes` while it could answer.

What breaks is broken through the debugger's port.
"""
# timeout: 300

import os
import re
import shutil
import subprocess
import sys
import tempfile

import rotunda_vm
from debugger import overwrite, text_of
from launcher_test import manifest_text, pack, wait_state
from supervision_test import DOMAINS

INSPECT = os.path.join(rotunda_vm.ROOT, "tools", "inspect")
MEMORY = 256 << 20
RAM = 0x40000000
JUMP_HERE = bytes.fromhex("00000014")
CLUMSY_LIVES = 4  # and more, where a busy host lets one last
WHERE = r"0x[0-9a-f]{16} "


def inspect(*arguments, status=0):
    done = subprocess.run([INSPECT, "--build", rotunda_vm.build_folder(), *arguments], text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == status, f"exit status {done.returncode}: {done.stderr}{done.stdout}"
    return done.stdout + done.stderr


def dump(vm, path):
    vm.qmp("stop")
    vm.qmp("dump-guest-memory", paging=False, protocol="file:" + path)
    vm.qmp("cont")
    return path


def assert_contains(text, pattern):
    assert re.search(pattern, text, re.MULTILINE), f"no {pattern!r} in:\n{text}"


def rows(text):
    """Words of lines, whatever the columns' widths."""
    return [" ".join(line.split()) for line in text.strip().split("\n")]


def section(told, name):
    return told.split(f"== {name} ==\n")[1].split("\n== ")[0]


def paragraphs(text):
    return ["\n".join(line.rstrip() for line in part.strip().split("\n"))
            for part in text.strip().split("\n\n")]


def crashes_said(vm, *names):
    """What the shell tells of all deaths, which were of these domains: table's rows, stories."""
    vm.drain(0.5)
    stories = [story for name in names for story in paragraphs(vm.command(f"crashes {name}"))]
    table = rows(vm.command("crashes"))
    assert len(stories) == len(table) - 1, f"{table}\n{stories}"
    return table, stories


def clumsy_has_died(vm):
    """Before the system breaks; what the shell tells of it."""
    vm.command("launch clumsy")
    wait_state(vm, "clumsy", "failed", 60)
    table, stories = crashes_said(vm, "clumsy")
    assert len(stories) >= CLUMSY_LIVES, table
    return table, stories


def assert_crashes(told, said):
    """A dump's section is what the shell has said: table, stories, and nothing else."""
    table, stories = said
    head, *parts = paragraphs(told)
    assert rows(head) == table, f"{rows(head)}\nis not\n{table}"
    for story in stories:
        assert story in parts, f"{story}\nis not in\n{told}"
    assert len(parts) == len(stories), f"{len(parts)} stories, not {len(stories)}:\n{told}"


class Scratch:
    """A folder, an image with domains that get into trouble, and machines that run it."""

    def __init__(self, folder):
        self.folder = folder
        with open(DOMAINS, encoding="utf-8") as stream:
            text = manifest_text([("    domains {\n", "    domains {\n" + stream.read())])
        self.image = pack(text, folder, "rotunda-test")

    def path(self, name):
        return os.path.join(self.folder, name)

    def machine(self, **options):
        return rotunda_vm.Machine(image=self.image, memory=f"{MEMORY >> 20}M", **options)


def kernel_text(vm, name, data):
    """Put `data` where the code of a function of the kernel is; its address."""
    tool = shutil.which("aarch64-linux-gnu-nm") or "nm"
    elf = os.path.join(rotunda_vm.build_folder(), "rotunda.elf")
    listed = subprocess.run([tool, elf], text=True, check=True, stdout=subprocess.PIPE).stdout
    symbols = {words[2].split(".")[0]: int(words[0], 16)
               for words in map(str.split, listed.split("\n")) if len(words) == 3}
    overwrite(vm, image_at(vm) + symbols[name] - symbols["__image_start"], data)
    return symbols[name]


def image_at(vm):
    """Where the kernel lies: where QEMU puts an Image."""
    path = os.path.join(vm.folder, "image")
    for at in range(RAM, RAM + MEMORY, 2 << 20):
        vm.qmp("pmemsave", val=at, size=64, filename=path)
        with open(path, "rb") as stream:
            if stream.read()[56:60] == b"ARM\x64":
                return at
    raise rotunda_vm.VmError("no kernel in memory")


# Deaths.


def deaths_are_told_as_the_shell_tells_them(scratch):
    with scratch.machine(smp=2) as vm:
        vm.wait_prompt()
        vm.command("launch clumsy")
        wait_state(vm, "clumsy", "failed", 60)
        address = re.search(r"(0x[0-9a-f]+) .* net\.data ", vm.command("map net"))[1]
        vm.command(f"launch saboteur write={address}")
        wait_state(vm, "saboteur", "failed", 60)
        vm.command("launch saboteur exit=3")
        wait_state(vm, "saboteur", "failed", 60)
        table, stories = crashes_said(vm, "clumsy", "saboteur")
        domains = rows(vm.command("domains"))
        said = [line.rstrip() for line in rotunda_vm.plain(vm.text).split("\n")
                if rotunda_vm.LOG_LINE.match(line)]
        path = dump(vm, scratch.path("deaths"))
        vm.qmp("pmemsave", val=RAM, size=MEMORY, filename=scratch.path("raw"))
        assert vm.command("echo on it goes").strip() == "on it goes"

    assert len(stories) >= CLUMSY_LIVES + 2, table
    assert any(" of net " in line for line in table), table
    for file in (path, scratch.path("raw")):
        assert_crashes(inspect(file, "--only", "crashes"), (table, stories))
        everything = inspect(file)
        assert_crashes(section(everything, "crashes"), (table, stories))
        assert_contains(everything, r"^kernel: rotunda\.elf of ")
        assert_contains(everything, r"^machine: linux,dummy-virt: 2 processors \(2 in use\), GICv3")
        assert_contains(everything, r"^the kernel's text is whole: \d+ bytes")
        assert_contains(everything, r"^programs whose text is whole: (.*, )?launcher, .*saboteur")
        assert_contains(everything, r"^no panic$")
        for cpu in (0, 1):
            assert_contains(everything, rf"^cpu {cpu}: Cortex-A72 r0p3, online, ")
        if file == path:
            assert len(re.findall(rf"^  EL[01] at {WHERE}\S+ \(\S+\), sp ", everything,
                                  re.M)) == 2, everything
        for line in domains[1:]:
            number, name, state = re.match(r"(\S+) (\S+) (\D+?) [\d-]", line).groups()
            assert_contains(everything, rf"^ *{number}  {re.escape(name)} +{state} ")
        assert_contains(everything, rf"^ *\d+  shell +\S+ .* {WHERE}\S+ \(\S+\)$")
        log = section(everything, "log").split("\n")
        missing = [line for line in said if line not in log]
        assert len(said) > 50 and not missing, missing


# Kernels that can't say it themselves any more.


def a_panic_is_told_with_names(scratch):
    with scratch.machine() as vm:
        vm.wait_prompt()
        said = clumsy_has_died(vm)
        kernel_text(vm, "sys_log_write", bytes(64))  # no instructions
        vm.send_line("launch clumsy")
        panic = vm.expect(r"kernel panic: (.*?)\r?\n", 60)[1]
        vm.expect(r"\] halted\r?\n")
        calls = re.findall(r"  called from (0x[0-9a-f]{16})", vm.text.split("kernel panic: ")[1])
        told = inspect(dump(vm, scratch.path("panic")))
    assert_crashes(section(told, "crashes"), said)
    assert_contains(told, r"^kernel panic: " + re.escape(panic) + "$")
    assert len(calls) >= 2, calls
    for call in calls:
        assert_contains(told, rf"^  called from {call} \w+\+0x[0-9a-f]+ \(kernel\)$")
        # It is still on the stack, where panic() stands.
        assert_contains(told, rf"^  #\d+ {call} \w+\+0x[0-9a-f]+ \(kernel\)$")
    assert_contains(told, r"^the kernel's text is damaged: (1[0-6]|[1-9]) instructions differ")
    assert_contains(told, r"^  sys_log_write\+0x0: [0-9a-f]{8} became 0{8}$")
    assert_contains(told, rf"^  EL1 at {WHERE}cpu_halt\+\S+ \(kernel\), ")
    assert_contains(told, rf"^  x30 {WHERE}panic\+\S+ \(kernel\)$")
    assert_contains(told, rf"^  #\d+ {WHERE}system_call_locked\+\S+ \(kernel\)$")


def a_kernel_that_hangs_is_found_where_it_hangs(scratch):
    with scratch.machine() as vm:
        vm.wait_prompt()
        said = clumsy_has_died(vm)
        kernel_text(vm, "sys_log_write", JUMP_HERE)
        vm.send_line("launch clumsy")
        vm.pump(0.2)
        vm.drain(1)
        told = inspect(dump(vm, scratch.path("hung")))
    assert_crashes(section(told, "crashes"), said)
    assert_contains(told, r"^no panic$")
    assert_contains(told, rf"^  EL1 at {WHERE}sys_log_write\+0x0 \(kernel\), sp ")
    assert_contains(told, rf"^  x30 {WHERE}\w+\+\S+ \(kernel\)$")
    # Whoever was the next to write to the log.
    assert_contains(told, r"^cpu 0: Cortex-A72 r0p3, online, runs thread \d+ of (\S+), in \1;")
    number, name = re.search(r" runs thread (\d+) of (\S+),", told).groups()
    assert_contains(told, rf"^ *{number}  {name} +- +running +\d+  -$")


def a_launcher_that_hangs_is_found_too(scratch):
    with scratch.machine() as vm:
        vm.wait_prompt()
        said = clumsy_has_died(vm)
        physical, length = text_of(vm, "app:App")
        overwrite(vm, physical, JUMP_HERE * (length // 4))
        vm.send_line("domains")
        vm.pump(0.2)
        vm.drain(1)
        path = dump(vm, scratch.path("launcher"))
    told = inspect(path)
    assert_crashes(section(told, "crashes"), said)
    assert_contains(told, rf"^  EL0 at {WHERE}\w+\+\S+ \(launcher\), sp ")
    assert_contains(told, r"^cpu 0: Cortex-A72 r0p3, online, runs thread 1 of app:App, in app:App")
    assert_contains(told, r"^launcher's text is damaged: \d+ instructions differ")
    assert_contains(told, r"^ *\d+  app:App +- +running +\d+  -$")
    assert_contains(told, rf"^ *\d+  pl011 .* {WHERE}loop_round\+\S+ \(pl011\)$")
    # Who asked it for something stands in line.
    assert_contains(told, r"^ *\d+  shell +app:App ")


# How one gets a dump, and what is no dump.


def one_command_takes_a_dump_and_the_machine_goes_on(scratch):
    control = scratch.path("monitor")
    path = scratch.path("taken")
    with scratch.machine(options=("-qmp", f"unix:{control},server=on,wait=off")) as vm:
        vm.wait_prompt()
        for _ in range(2):  # over the one before, too
            told = inspect("--take", path, "--monitor", control, "--only", "crashes")
            assert told == f"took {path}\nnobody has died\n", told
        assert vm.command("echo on it goes").strip() == "on it goes"


def what_is_wrong_is_named(scratch):
    with scratch.machine() as vm:
        vm.wait_prompt()
        path = dump(vm, scratch.path("whole"))
    text = scratch.path("text")
    with open(text, "w", encoding="utf-8") as stream:
        stream.write("nothing of the kind\n" * 1000)
    elf = os.path.join(rotunda_vm.build_folder(), "rotunda.elf")
    assert_contains(inspect(scratch.path("nobody"), status=2), r"No such file .*--take")
    assert_contains(inspect(text, status=2), r"has no kernel in it: .*--take")
    assert_contains(inspect(elf, status=2), r"is an ELF file, but no memory dump")
    assert_contains(inspect(rotunda_vm.default_image(), status=2), r"is the image that a machine "
                    r"boots, not a dump of one: .*--take")
    assert_contains(inspect("--take", "--monitor", text, status=2), r"no machine answers at .*"
                    r"tools/run.*--monitor")
    cut = scratch.path("cut")
    with open(path, "rb") as whole, open(cut, "wb") as stream:
        stream.write(whole.read(1 << 20))
    assert_contains(inspect(cut, status=2), r"is cut off")
    other = scratch.path("other")
    os.mkdir(other)
    assert_contains(inspect(path, "--build", other, status=2), r"no rotunda\.elf there: .*--build")
    with open(elf, "rb") as stream:
        data = bytearray(stream.read())
    for at in range(0x2000, 0x8000, 4):  # text of another build
        data[at] ^= 1
    with open(os.path.join(other, "rotunda.elf"), "wb") as stream:
        stream.write(data)
    assert_contains(inspect(path, "--build", other, status=2), r"is of another build: .*--build")
    assert_contains(inspect("--help"), r"dump-guest-memory FILE")
    assert_contains(inspect(status=2), r"name a dump, or take one of the running machine")


TESTS = [
    deaths_are_told_as_the_shell_tells_them,
    a_panic_is_told_with_names,
    a_kernel_that_hangs_is_found_where_it_hangs,
    a_launcher_that_hangs_is_found_too,
    one_command_takes_a_dump_and_the_machine_goes_on,
    what_is_wrong_is_named,
]


def main():
    wanted = rotunda_vm.wanted_tests()
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")) \
            or shutil.which("gdb-multiarch") is None:
        print("skipped: needs the build and gdb-multiarch")
        return rotunda_vm.CANNOT_RUN
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        scratch = Scratch(folder)
        results = [rotunda_vm.run_test(test, scratch) for test in TESTS
                   if not wanted or test.__name__ in wanted]
    return 1 if not results or any(result.error for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
