#!/usr/bin/env python3
"""
Memory that a device has been lent can't be taken back behind its driver's back: a client of
net:Link (tests/target/net/lender.c) tries, and looks whether frames arrive in what it gets instead.
"""
# timeout: 120

import os
import re
import socket
import sys
import tempfile

import rotunda_vm
from launcher_test import manifest_text, pack

LENDER = """
        lender {
            start = "on-demand";
            priority = <42 42>;
            system-calls = "service";
            connects = "net:Link";
            quota-frames = <2048>;
            heap-bytes = <0x10000>;
            stack-bytes = <0x4000>;
        };
"""
KNOCKS = 20  # each makes QEMU ask for the machine's address, or send it a SYN


def knock(port):
    """Nobody answers; the frames are all that matters."""
    for _ in range(KNOCKS):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            pass


def device_writes_only_where_it_was_lent_to(vm):
    assert "net is stopped" in vm.command("stop net")
    vm.send_line("launch lender")
    vm.expect(r"lender: waits for frames", 60)
    knock(vm.https_port)
    vm.expect(r"lender: (\d+) frames arrived, (\d+) bytes of other memory changed", 60)
    frames, changed = map(int, re.findall(r"lender: (\d+) frames arrived, (\d+) bytes",
                                          rotunda_vm.plain(vm.text))[-1])
    assert frames > 0, "no frame arrived: nothing is shown"
    assert changed == 0, f"the device wrote {changed} bytes into memory that isn't lent"
    assert rotunda_vm.plain(vm.text).count("lender: handle_revoke: denied") == 2, vm.tail()
    print(f"     {frames} frames arrived in memory that was not to be had back")


def stack_goes_on(vm):
    assert "net runs" in vm.command("launch net")
    assert vm.wait_https()[0] == 200


def main():
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    failed = 0
    text = manifest_text([("    domains {\n", "    domains {\n" + LENDER)])
    with tempfile.TemporaryDirectory() as folder, \
            rotunda_vm.Machine(pack(text, folder, "rotunda-test")) as vm:
        vm.wait_prompt()
        vm.wait_https()
        for test in (device_writes_only_where_it_was_lent_to, stack_goes_on):
            failed += rotunda_vm.run_test(test, vm).error is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
