"""
Twelve domains of which each touches what each other has: reads, writes and jumps into its text,
data, heap, stack, ring and device registers, the kernel, and its translation tables.

tests/target/launcher/warden.c has it done on the machine, one touch after another, and looks each
time whether just the offender was stopped, with the right report.  Before all others touch one,
this script tells the warden where the tables of that one are; afterwards it looks at memory from
outside: at canaries, texts and all views.
"""

import os
import re
import tempfile
import time

import rotunda_vm
import view_walk
from launcher_test import manifest_text, pack, wait_state
from outside import Outside

COUNT = 12
DRIVERS = ("pl011", "pl031", "pl061", "virtio-net", "virtio-rng")
PLACES, TOUCHES = 8, 3
VIEWS_EACH = 4  # of how many victims the last one is followed by a look at all views
MEMORY = 256 << 20
OWN_DEVICES = (16, 24)  # transports on pages of their own, for the first of the twelve

NEIGHBOUR = """
        n{number} {{
            program = "neighbour";
            argument = "{number}";
            priority = <12 12>;
            system-calls = "service";
            connects = "test:Ward";
            heap-bytes = <0x8000>;
            stack-bytes = <0x4000>;
{claims}        }};
"""
CLAIM = """\
            claims {
                device {
                    compatible = "virtio,mmio";
                    virtio-device-id = <4>;
                };
            };
"""
OTHERS = """
        warden {
            priority = <14 14>;
            system-calls = "service";
            offers = "test:Ward";
            connects = "app:Inspect";
            heap-bytes = <0x10000>;
            stack-bytes = <0x8000>;
            quota-frames = <1024>;
            quota-handles = <256>;
            quota-objects = <256>;
        };
        teller {
            program = "neighbour";
            start = "on-demand";
            priority = <12 12>;
            system-calls = "service";
            connects = "test:Ward";
            heap-bytes = <0x8000>;
            stack-bytes = <0x4000>;
        };
"""


def image_with_neighbours(folder):
    domains = OTHERS + "".join(
        NEIGHBOUR.format(number=number, claims=CLAIM if number < len(OWN_DEVICES) else "")
        for number in range(COUNT))
    # Thousands of reports stay in the log, and off the console.
    text = manifest_text([("    domains {\n", "    domains {\n" + domains),
                          ('argument = "log";', 'argument = "";')])
    return pack(text, folder, "rotunda-test")


def devices():
    return [word for bus in OWN_DEVICES
            for word in ("-device", f"virtio-rng-device,bus=virtio-mmio-bus.{bus}")]


def wait_for(vm, outside, pattern, seconds):
    """In the log, as memory has it; what the warden finds wrong ends it, too."""
    end = time.monotonic() + seconds
    while True:
        outside.refresh()
        log = outside.log()
        found = re.findall(pattern, log, re.M)
        wrong = re.findall(r"^.* warden: .*$", log, re.M)
        assert not any("WRONG" in line or "can't" in line for line in wrong), "\n".join(wrong)
        if found:
            return found[-1]
        assert time.monotonic() < end, f"no {pattern!r} in the log; its end:\n{log[-2000:]}"
        assert vm.is_running(), vm.qemu_errors()
        time.sleep(0.1)


def judge_from_outside(vm, outside, with_views):
    """Canaries of all, texts of all, and, if asked for, every translation of every view."""
    path = os.path.join(vm.folder, "frozen")
    outside.freeze(path, MEMORY)
    words = 0
    for number in range(COUNT):
        dead, count = outside.dead_canaries(f"n{number}")
        assert dead == 0 and count > 500, f"n{number}: {dead} of {count} canaries are dead"
        words += count
    damaged = outside.damaged_texts()
    assert not damaged, f"texts of {damaged} have changed"
    if with_views:
        survey = view_walk.Survey(view_walk.Dump(path, outside.kernel.elf.path))
        assert not survey.findings, survey.findings[:5]
    outside.refresh()
    return words


def others_restarts(vm):
    return {name: count for name, count in vm.restarts().items()
            if not re.match(r"(n\d+|teller)$", name)}


def touch(vm, outside, victim, seconds):
    """All others touch all of one; how many touches there have been."""
    outside.refresh()
    tables = outside.domain(f"n{victim}").root
    vm.command(f"launch teller begin={victim},{tables:#x}")
    tried, wrong = wait_for(vm, outside, rf" warden: n{victim} was touched: (\d+) tried, (\d+) "
                            r"wrong$", seconds)
    assert wrong == "0", f"{wrong} of {tried} went wrong"
    return int(tried)


def run(smp=1, rounds=1, seconds=300):
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        begin = time.monotonic()
        with rotunda_vm.Machine(image=image_with_neighbours(folder), memory=f"{MEMORY >> 20}M",
                                smp=smp, options=devices()) as vm:
            vm.wait_prompt()
            outside = Outside(vm)
            wait_for(vm, outside, r" warden: all are here$", 60)
            tried = words = 0
            for number in range(rounds):
                for driver in DRIVERS if number > 0 else ():  # whose registers others touch, too
                    vm.command(f"restart {driver}", 60)
                    wait_state(vm, driver, "running", 60)
                before = others_restarts(vm)
                for victim in range(COUNT):
                    tried = touch(vm, outside, victim, seconds)
                    words += judge_from_outside(vm, outside, victim % VIEWS_EACH == 0)
                    print(f"n{victim} touched by all: {tried} touches, "
                          f"{time.monotonic() - begin:.0f} s", flush=True)
                assert others_restarts(vm) == before, "somebody else died"
            assert vm.wait_https()[0] == 200
        expected = rounds * COUNT * (COUNT - 1) * PLACES * TOUCHES
        assert tried == expected, f"{tried} instead of {expected}"
        print(f"ok: {tried} touches by {COUNT} domains on {smp} processors, each stopped the "
              f"offender alone, with the right report; outside, {words} words of canaries, all "
              f"texts {rounds * COUNT} times and all views {rounds * COUNT // VIEWS_EACH} times "
              f"looked at, nothing wrong ({time.monotonic() - begin:.0f} s)")
    return 0
