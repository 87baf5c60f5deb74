#!/usr/bin/env python3
"""
Machines that lack something: no network device, no entropy, devices with the old interface, devices
that share a page of registers.  The rest works, and the log says in words what doesn't.
"""

import os
import re
import sys
import time

import rotunda_vm
from rotunda_vm import Machine

LEGACY = ["-global", "virtio-mmio.force-legacy=true"]


def state(vm, name):
    found = re.search(rf"^ *\S+ +{re.escape(name)} +(no device|\S+)", vm.command("domains"), re.M)
    assert found, f"no domain {name}"
    return found[1]


def wait_log(vm, pattern, seconds=30):
    end = time.monotonic() + seconds
    while not re.search(pattern, text := vm.command("log")):
        assert time.monotonic() < end, f"not in the log: {pattern}\n{text}"
        time.sleep(0.5)


def without_a_network_device_the_shell_works():
    with Machine(network=False) as vm:
        vm.wait_prompt()
        wait_log(vm, r"virtio-net: this machine has no nic")
        wait_log(vm, r"net: this machine has no network device")
        assert state(vm, "virtio-net") == "no device", state(vm, "virtio-net")
        assert state(vm, "net") == "exited", state(vm, "net")
        assert "no network stack answers" in vm.command("net")
        text = vm.command("ping 10.0.2.2")
        assert "no network stack answers" in text and "sent" not in text, text
        assert state(vm, "web") == "running"


def without_entropy_there_is_no_tls():
    with Machine(entropy=False) as vm:
        vm.wait_prompt()
        wait_log(vm, r"NO TLS: no entropy source")
        wait_log(vm, r"net: WARNING: no entropy source")
        wait_log(vm, r"web: no https, http on port 80 serves the site")
        assert vm.wait_https(timeout=30, scheme="http")[0] == 200, "port 80 does not serve the site"
        try:
            vm.get("/", timeout=5)
        except OSError:
            return
        raise AssertionError("HTTPS without entropy")


def devices_with_the_old_interface_are_refused_in_words():
    with Machine(options=LEGACY) as vm:
        vm.wait_prompt()
        for name in ("virtio-net", "virtio-rng"):
            wait_log(vm, rf"{name}: virtio-mmio device has the legacy interface: start QEMU with")
            assert state(vm, name) == "exited", state(vm, name)


def devices_on_one_page_work_and_the_log_says_so():
    options = ["-device", "virtio-rng-device,bus=virtio-mmio-bus.1"]
    with Machine(entropy=False, options=options) as vm:
        vm.wait_prompt()
        wait_log(vm, r"shares its page of registers with another domain's device")
        assert vm.wait_https()[0] == 200


TESTS = [
    without_a_network_device_the_shell_works,
    without_entropy_there_is_no_tls,
    devices_with_the_old_interface_are_refused_in_words,
    devices_on_one_page_work_and_the_log_says_so,
]


def main():
    rotunda_vm.wanted_tests()
    if not os.path.exists(rotunda_vm.default_image()):
        print(f"skipped: needs {rotunda_vm.default_image()}")
        return rotunda_vm.CANNOT_RUN
    failed = 0
    for test in TESTS:
        try:
            test()
            print(f"ok   {test.__name__}")
        except (AssertionError, OSError) as error:
            print(f"FAIL {test.__name__}: {error}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
