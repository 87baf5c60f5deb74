#!/usr/bin/env python3
"""
Each driver made to loop for ever, to take its interrupt again and again, and to crash at every
start: it is caught, comes back by itself once it can, and nobody else is touched.

While the serial port's has its turn, nothing comes by the console: what the log says meanwhile is
read from the kernel's memory, and pages tell how the others are.

The driver's code is changed from outside, in the machine's memory, through QEMU's debugger port.
The guest's clock counts instructions, so a busy host doesn't change what the guest sees of time.

Virtio's interrupts are edges on this board, of which one that isn't acknowledged is the last.  Its
devices hold their lines until they are acknowledged, as where they are levels, and a devicetree
that says so has the kernel take them for that: with such a tree these drivers' storms are tried.

Storms of edges can't be had from outside.  Given by QEMU's qtest socket one after the other, 3,400
to 5,800 a second of the host's, they were up to 12,500 a second of the guest's, and virtio-net's
loop executed for a seventh of the time: a guest that waits for the next has the host's clock.  It
may take 50,000 and half of the time.  With the machine stopped for each, 70 to 410 a second, some
50 to 80 us of the host's get into the guest's clock at each: virtio-rng had a storm, or none, as
the host was busy, and virtio-net's would take minutes.
"""
# timeout: 500

import collections
import functools
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

import rotunda_vm
from boot_test import good_tree, qemus
from launcher_test import manifest_text, pack, wait_state
from outside import Outside
from rotunda_vm import busy
from supervision_test import events, overwrite, text_of

CAUGHT_SECONDS = 1.0
PAGE_SECONDS = 2.0
REST_SECONDS = 1.0  # after which nobody asks a driver about its last work, and looks at its text
TRIES = 5  # a busy host's second is less of the guest's, and then the change itself may be seen
STARTS = 4  # that fail, before the driver is mended
RAM = 0x40000000
WINDOW = 8 << 20  # that the boot archive lies in
TEXT_KNOWN_BY = 1024  # bytes
NOP, JUMP_HERE, NO_INSTRUCTION = (struct.pack("<I", word) for word in (0xd503201f, 0x14000000, 0))
READ_TIME = struct.pack("<I", 0xd53be040)  # mrs x0, cntvct_el0
PAGE = 4096
COUNTER_HZ = 62500000  # of QEMU's processors
RTCDR, RTCMR, RTCIMSC = 0x09010000, 0x09010004, 0x09010010  # of QEMU virt's pl031


def alarm_due(vm):
    """The driver sets the clock's alarm at its start only; here it is set once more."""
    now, = struct.unpack("<I", overwrite(vm, RTCDR, bytes(4)))
    overwrite(vm, RTCMR, struct.pack("<I", now + 1))
    overwrite(vm, RTCIMSC, struct.pack("<I", 1))
    time.sleep(1.2)  # set again before it is due it would never be


def button_pressed(vm):
    vm.qmp("system_powerdown")


def entropy_wanted(vm):
    """Its one steady client asks at its start."""
    vm.send_line("restart web")


def page_wanted(vm):
    try:
        vm.get("/", timeout=0.5)
    except OSError:
        pass


def key_pressed(vm):
    vm.send("\r")


# `deaf`: of its on_interrupt, the instructions without which the line stays high, as objdump shows
# them, and what takes their place; `stimulus` has the device interrupt.
Driver = collections.namedtuple("Driver", "name deaf stimulus")
VIRTIO_DEAF = [(r"str\tw\d+, \[x\d+, #100\]", NOP)]
DRIVERS = [
    Driver("pl031", [(r"str\twzr, \[x\d+, #16\]", NOP), (r"str\tw\d+, \[x\d+, #28\]", NOP)],
           alarm_due),
    Driver("virtio-rng", VIRTIO_DEAF, entropy_wanted),
    Driver("virtio-net", VIRTIO_DEAF, page_wanted),
    # The second one asks whether the button was pressed.
    Driver("pl061", [(r"str\tw\d+, \[x\d+, #1052\]", NOP), (r"cbnz\tw\d+, |b\.ne\t", NOP)],
           button_pressed),
    Driver("pl011", [(r"bl\t[0-9a-f]+ <receive>", NOP)], key_pressed),
]


def code_of(name, function):
    """Its instructions: (offset from the text's beginning, what objdump shows)."""
    image = os.path.join(rotunda_vm.build_folder(), "programs", name + ".elf")
    text = subprocess.run(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn",
                           f"--disassemble={function}", image],
                          check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^ +([0-9a-f]+):\t(.*)$", text, re.M)
    assert found, f"{name} has no {function}"
    return [(int(offset, 16), words) for offset, words in found]


def offset_of(name, function, pattern):
    places = [offset for offset, words in code_of(name, function) if re.match(pattern, words)]
    assert places, f"nothing like {pattern!r} in {function} of {name}"
    return places[0]


class Changes:
    """Instructions of a driver that are others for a while, and in any case not for longer."""

    def __init__(self, vm, physical):
        self.vm, self.physical, self.before = vm, physical, []

    def make(self, offset, code):
        self.before.append((offset, overwrite(self.vm, self.physical + offset, code)))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.take_back()

    def take_back(self):
        for offset, code in reversed(self.before):
            overwrite(self.vm, self.physical + offset, code)
        self.before = []


def other_copy(vm, physical):
    """Where the same text is once more: tools/pack keeps each driver's twice."""
    base = max(RAM, physical - WINDOW)
    path = os.path.join(vm.folder, "texts")
    vm.qmp("pmemsave", val=base, size=2 * WINDOW, filename=path)
    with open(path, "rb") as stream:
        memory = stream.read()
    text = memory[physical - base:physical - base + TEXT_KNOWN_BY]
    places = [match.start() + base for match in re.finditer(re.escape(text), memory)]
    assert len(places) == 2 and physical in places, [hex(place) for place in places]
    return sum(places) - physical


def interrupts_of(vm, name):
    found = re.search(rf"^ *\d+ +{name} +([\d,]+) ", vm.command("irqs", 60), re.M)
    return int(found[1].replace(",", ""))


@functools.cache
def outside_of(vm):
    return Outside(vm)


def logged(vm, name, pattern):
    """When each line of the log was written that fits, in seconds; whether it is shown or not."""
    if name != "pl011":
        return events(vm, pattern)
    outside = outside_of(vm)
    outside.refresh()
    return [float(time_s) for time_s in re.findall(r"\[ *(\d+\.\d+)\] " + pattern,
                                                   outside.log())]


def wait_events(vm, name, pattern, count, stimulus=None, seconds=60):
    """The times of the lines of the log that fit, once there are so many."""
    end = time.monotonic() + seconds
    while len(found := logged(vm, name, pattern)) < count:
        assert time.monotonic() < end, f"{len(found)} of {count} {pattern!r}:\n{vm.tail()}"
        if stimulus is not None:
            stimulus(vm)
        vm.pump(0.1)
    return found


def page_is_served(vm):
    """A long wait or two are a busy test machine's, three in a row are not."""
    waits = []
    for _ in range(3):
        begin = time.monotonic()
        assert vm.wait_https()[0] == 200
        waits.append(time.monotonic() - begin)
        if waits[-1] <= PAGE_SECONDS * busy():
            return
    raise AssertionError(f"pages took {waits}")


def wait_back(vm, name):
    vm.drain(0.2)
    vm.send_line("")
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 60)
    wait_state(vm, name, "running", 60)
    page_is_served(vm)


def others_are_untouched(vm, before, name):
    after = vm.restarts()
    changed = {who for who in before if after.get(who) != before[who]}
    allowed = {name, "web"} if name == "virtio-rng" else {name}  # see entropy_wanted
    assert changed <= allowed, (before, after)


def wait_caught(vm, driver, change, pattern):
    """
    When `pattern` was logged about the driver, with its text as `change` makes it, and how many
    interrupts it had before.  Its text may be looked at before it comes to what was changed: then
    it is mended at once, and changed again.
    """
    seen = rf"app:App: {driver.name}: its text has changed while it runs"
    either = rf"(?:{pattern}|{seen})"
    for _ in range(TRIES):
        physical, length = text_of(vm, driver.name)
        had = len(logged(vm, driver.name, pattern))
        looked = len(logged(vm, driver.name, either))
        interrupts = interrupts_of(vm, driver.name)
        time.sleep(REST_SECONDS)
        with Changes(vm, physical) as changes:
            change(changes, length)
            wait_events(vm, driver.name, either, looked + 1, driver.stimulus)
        wait_back(vm, driver.name)
        caught = logged(vm, driver.name, pattern)
        if len(caught) > had:
            return caught[-1], interrupts
        print(f"     {driver.name}: its text was looked at first")
    raise AssertionError(f"no {pattern!r} in {TRIES} tries, but each time {seen!r}:\n{vm.tail()}")


def a_loop_for_ever_is_caught(vm, driver):
    """It comes to a jump to itself at the end of a page, and x0 says in its report since when."""
    before = vm.restarts()

    def change(changes, length):
        changes.make(0, (READ_TIME * (PAGE // 4 - 1) + JUMP_HERE) * (length // PAGE))

    caught, _ = wait_caught(vm, driver, change,
                            rf"app:App: silence: {driver.name} didn't answer: it was executing")
    others_are_untouched(vm, before, driver.name)
    story = rotunda_vm.plain(vm.text).split(f"silence: {driver.name} didn't answer")[-1]
    began = int(re.search(r"app:App: +x0 +0x([0-9a-f]{16})", story)[1], 16) / COUNTER_HZ
    print(f"     {driver.name}: looped for {caught - began:.2f} s")
    assert 0 < caught - began <= CAUGHT_SECONDS, f"began at {began:.3f}, caught at {caught:.3f}"


def an_interrupt_storm_is_caught(vm, driver):
    """How long it lasted: as many interrupts as there were, at the rate that was reported."""
    before = vm.restarts()

    def change(changes, _length):
        for pattern, code in driver.deaf:
            changes.make(offset_of(driver.name, "on_interrupt", pattern), code)

    _, had = wait_caught(vm, driver, change,
                         rf"app:App: storm: {driver.name} took \d+ interrupts a second")
    rate, limit = (int(word) for word in re.search(
        rf"storm: {driver.name} took (\d+) interrupts a second, and may take (\d+)",
        rotunda_vm.plain(vm.text)).groups())
    stormed = interrupts_of(vm, driver.name) - had
    crash = [line for line in vm.command("crashes").splitlines() if driver.name in line][-1]
    assert "interrupt storm" in crash and "again in" in crash, crash
    others_are_untouched(vm, before, driver.name)
    print(f"     {driver.name}: {stormed} interrupts, {rate} a second, {limit} allowed: "
          f"{stormed / rate:.2f} s")
    assert stormed / rate <= CAUGHT_SECONDS, f"{stormed} interrupts at {rate} a second"


def a_crash_at_every_start_is_backed_off(vm, driver):
    before = vm.restarts()
    physical, _ = text_of(vm, driver.name)
    again = rf"app:App: {driver.name}: will be started again in \d+ ms \(failure [1-9]\d* of"
    with Changes(vm, physical) as changes, Changes(vm, other_copy(vm, physical)) as others:
        for copy in (changes, others):
            copy.make(code_of(driver.name, "main")[0][0], NO_INSTRUCTION)
        failures = len(logged(vm, driver.name, again))
        vm.send_line(f"restart {driver.name}")
        if driver.name != "virtio-net":
            page_is_served(vm)  # while it fails and fails
        wait_events(vm, driver.name, again, failures + STARTS)
    wait_back(vm, driver.name)
    others_are_untouched(vm, before, driver.name)
    pauses = [int(pause) for pause in re.findall(
        rf"{driver.name}: will be started again in (\d+) ms", rotunda_vm.plain(vm.text))]
    # The first is 100 ms, or more if the launcher saw the change before it was asked to restart.
    assert any(pauses[i:i + 3] == [first, 2 * first, 4 * first]
               for i, first in enumerate(pauses) if first in (100, 200, 400)), pauses


CLAIMS = [a_loop_for_ever_is_caught, an_interrupt_storm_is_caught,
          a_crash_at_every_start_is_backed_off]
BOARDS_OWN = [(driver, claim) for driver in DRIVERS for claim in CLAIMS
              if claim is not an_interrupt_storm_is_caught or driver.deaf is not VIRTIO_DEAF]
# The loop once more, for who has lived well is back at once, and no storm would be backed off.
WITH_LEVELS = [(driver, claim) for driver in DRIVERS if driver.deaf is VIRTIO_DEAF
               for claim in (a_loop_for_ever_is_caught, an_interrupt_storm_is_caught)]


def tree_with_levels(folder):
    """The machine's devicetree, but for the interrupts of virtio's transports."""
    blob = os.path.join(folder, "tree.dtb")
    source, count = re.subn(r"(virtio_mmio@\w+ \{[^}]*interrupts = <0x00 0x\w+) 0x01>", r"\1 0x04>",
                            good_tree(qemus()["debian"], folder, "virt,gic-version=3"))
    assert count == 32, f"{count} transports"
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob], input=source, check=True,
                   text=True)
    return blob


def failures(image, turns, wanted, **machine):
    """Of these claims about these drivers, in one machine."""
    turns = [turn for turn in turns if not wanted or turn[0].name in wanted]
    if not turns:
        return 0
    with rotunda_vm.Machine(image, **machine) as vm:
        vm.wait_prompt()
        vm.wait_https()
        results = [rotunda_vm.run_test(lambda vm, driver=driver, claim=claim: claim(vm, driver), vm,
                                       f"{claim.__name__}: {driver.name}")
                   for driver, claim in turns]
    return sum(result.error is not None for result in results)


def main():
    wanted = rotunda_vm.wanted_tests()
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    with tempfile.TemporaryDirectory() as folder:
        image = pack(manifest_text([]), folder, "rotunda-test")
        failed = failures(image, BOARDS_OWN, wanted, icount="shift=5,sleep=on")
        # Twice as fast, for virtio-net to be well beyond its limit.
        failed += failures(image, WITH_LEVELS, wanted, icount="shift=4,sleep=on",
                           options=["-dtb", tree_with_levels(folder)])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
