#!/usr/bin/env python3
"""
What a domain can make others believe by the memory that it makes: areas that look like a ring's and
can't be read, names that a terminal would obey, memory that outlives its maker.

Boots the test image with the system's manifest and a domain that forges (tests/target/launcher).
What is looked at is that the launcher lives, what `rings` and `map` show, and that honest rings are
shown all the time.
"""
# timeout: 300

import os
import re
import sys
import tempfile

import rotunda_vm
from launcher_test import run_with_domains, wait_state

DOMAINS = os.path.join(rotunda_vm.ROOT, "tests", "target", "launcher", "forger.dtsi")
CHURN_LOOKS = 40
HONEST = {("pl011", "console"), ("console", "pl011"), ("virtio-net", "net"), ("net", "virtio-net"),
          ("net", "web"), ("web", "net")}
UART_STRANGE_OFFSETS = {0x04, 0x20, 0x50, 0x58, 0x80}  # an area's words, which no driver reads


def assert_contains(text, pattern):
    assert re.search(pattern, text, re.MULTILINE), f"no {pattern!r} in:\n{text}"


def launch(vm, verb):
    """Have the forger do something, beside rings that work, and wait until it has."""
    vm.wait_https()
    vm.drain()
    vm.seen = len(vm.text)
    vm.send_line(f"launch forger {verb}")
    vm.expect(r"forger: stays", 30)
    vm.drain(0.2)


def rings(vm):
    """Producer, consumer and label of each; the honest ones are among them."""
    text = vm.command("rings")
    assert "\x1b" not in text, repr(text)
    found = re.findall(r"^(\S+) +(\S+) +(ring .*?) +\d+ +\d+ +32 B +[\d,]+ +[\d,]+ +[\d,]+ +0x\S+$",
                       text, re.M)
    assert len(found) == len(text.strip().split("\n")) - 1, text
    assert HONEST <= {ring[:2] for ring in found}, text
    return found


def forged(vm):
    return [ring[1:] for ring in rings(vm) if ring[0] == "forger"]


def end(vm):
    """Nobody was started again meanwhile, the machine least of all."""
    vm.command("stop forger")
    text = rotunda_vm.plain(vm.text)
    assert text.count("Rotunda.  Type help") == 1, "the machine or the shell began anew"
    assert not any(vm.restarts().values()), vm.restarts()


# Areas that can't be read.


def a_ring_without_memory_is_no_ring(vm):
    launch(vm, "hole")
    assert forged(vm) == []
    assert_contains(vm.command("map forger"), r" ring hole .* - +memory$")
    end(vm)


def a_peer_that_is_a_stack_is_no_peer(vm):
    stack = re.search(r"^ *(0x\S+) .* web\.stack ", vm.command("map web"), re.M)[1]
    launch(vm, f"peer={stack}")
    assert forged(vm) == [("-", "ring forged")]
    end(vm)


def a_peer_without_memory_is_no_peer(vm):
    launch(vm, "half")
    assert forged(vm) == [("-", "ring half")]
    end(vm)


def a_peer_that_knows_nothing_of_it_is_no_peer(vm):
    ring = re.search(r"^ *(0x\S+) .* rw- .* ring net:Tcp ", vm.command("map web"), re.M)[1]
    launch(vm, f"peer={ring}")
    assert forged(vm) == [("-", "ring forged")]
    end(vm)


def a_peer_that_is_a_device_is_not_read(vm):
    """What the machine saw of reads of the serial port's registers: QEMU's own trace."""
    device = re.search(r"^ *(0x\S+) .* device$", vm.command("map pl011"), re.M)[1]
    launch(vm, f"peer={device}")
    assert forged(vm) == [("-", "ring forged")]
    end(vm)
    trace = vm.options[vm.options.index("-D") + 1]
    with open(trace, encoding="utf-8", errors="replace") as stream:
        offsets = {int(offset, 16)
                   for offset in re.findall(r"pl011_read addr (0x[0-9a-f]+)", stream.read())}
    assert 0 in offsets, f"the trace doesn't show what the driver reads: {offsets}"
    assert not offsets & UART_STRANGE_OFFSETS, offsets


def rings_that_come_and_go_are_looked_at(vm):
    """On the other CPU areas become holes, and holes areas, between any two of the looks."""
    launch(vm, "churn")
    seen = [ring for _ in range(CHURN_LOOKS) for ring in forged(vm)]
    # Two areas name each other by chance, where one gets an address that the other has named.
    assert seen and set(seen) <= {("-", "ring churned"), ("forger", "ring churned")}, set(seen)
    end(vm)
    print(f"     {CHURN_LOOKS} looks, {len(seen)} rings seen")


def a_service_takes_no_memory_that_is_not_there(vm):
    """Else it stumbles when it reads the ring, or what a message says is in the buffer."""
    launch(vm, "pierce")
    log = rotunda_vm.plain(vm.text)
    assert "forger: a buffer without memory: bad data" in log, vm.tail()
    assert "forger: an area without memory: bad data" in log, vm.tail()
    end(vm)
    assert vm.wait_https()[0] == 200


# Names that a terminal would obey.


def labels_are_shown_as_text(vm):
    """A control sequence would colour the screen, a newline forge a row."""
    launch(vm, "labels")
    labels = [r"ring \x1b[2J\x1b[41m", r"ring \x0ashell web"]
    assert sorted(forged(vm)) == sorted(("-", label) for label in labels)
    mapped = vm.command("map forger")
    for label in labels:
        address = re.search(rf"^ *(0x\S+) .* {re.escape(label)} +1 ", mapped, re.M)[1]
        found = vm.command(f"map {address}")
        assert f'is byte 0 of segment "{label}" of forger' in found, found
        assert "\x1b" not in mapped + found, repr(mapped + found)
    end(vm)


def reports_show_labels_as_text(vm):
    """In the log, in what `crashes` keeps of it, and in the record of the fault."""
    label = r"ring \x0ashell web"
    vm.command("launch forger stumble")
    wait_state(vm, "forger", "failed")
    told = f'in "{label}" of forger, 0x0 bytes from its start; forger may read there'
    for verb in ("crashes forger", "log"):
        assert told in vm.command(verb), vm.command(verb)
    assert f'that address is in segment "{label}"' in vm.command("fault forger")


# Memory that outlives its maker.


def memory_left_behind_is_a_gone_domains(vm):
    """In `map`, in `handles`, in the report of who stumbles over it, and in `crashes`."""
    vm.command("launch keeper")
    vm.command("launch forger leave")
    wait_state(vm, "forger", "exited")
    address = re.search(r"^ *(0x\S+) .* left behind +1 +gone +0x\S+ +memory$",
                        vm.command("map keeper"), re.M)[1]
    assert_contains(vm.command("handles keeper"), rf"segment +\S+ +0x0 +gone +at {address}$")
    assert_contains(vm.command(f"map {address}"), r'of segment "left behind" of a gone domain$')
    vm.command("launch forger poke")
    wait_state(vm, "keeper", "failed")
    assert_contains(vm.command("crashes keeper"), r'in "left behind" of a gone domain, 0x0 bytes '
                                                  r"from its start; keeper may read there$")
    assert_contains(vm.command("crashes"), rf"keeper +forbidden write +{address} of a gone domain ")


TESTS = [
    a_ring_without_memory_is_no_ring,
    a_peer_that_is_a_stack_is_no_peer,
    a_peer_without_memory_is_no_peer,
    a_peer_that_knows_nothing_of_it_is_no_peer,
    a_peer_that_is_a_device_is_not_read,
    rings_that_come_and_go_are_looked_at,
    a_service_takes_no_memory_that_is_not_there,
    labels_are_shown_as_text,
    reports_show_labels_as_text,
    memory_left_behind_is_a_gone_domains,
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        options = ["-trace", "pl011_read", "-D", os.path.join(folder, "trace")]
        return run_with_domains(TESTS, DOMAINS, smp=2, options=options)


if __name__ == "__main__":
    sys.exit(main())
