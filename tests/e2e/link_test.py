#!/usr/bin/env python3
"""
The network driver on a tap device in a network namespace of the test's own: checksum offload both
ways, frames of random bytes, a link that goes down and up.  Needs root and /dev/net/tun.
"""
# timeout: 300

import ctypes
import http.client
import os
import random
import re
import socket
import subprocess
import sys
import time

import rotunda_vm

CLONE_NEWNET = 0x40000000
TAP = "tap0"
MAC = bytes.fromhex("525400123456")
GUEST = "fe80::5054:ff:fe12:3456%" + TAP


def enter_namespace():
    """A network of our own, which ends with this process; False if that is not allowed."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return False
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    commands = (f"ip tuntap add dev {TAP} mode tap", f"ip link set {TAP} up", "ip link set lo up")
    try:
        return all(subprocess.run(c.split(), capture_output=True, check=False).returncode == 0
                   for c in commands)
    except OSError:
        return False


def page(timeout=10):
    connection = http.client.HTTPSConnection(GUEST, 443, timeout=timeout,
                                             context=rotunda_vm.any_certificate())
    try:
        connection.request("GET", "/", headers={"Host": "rotunda"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_page(vm, timeout=60):
    end = time.monotonic() + timeout
    while True:
        vm.pump(0)
        try:
            return page()
        except OSError as error:
            if time.monotonic() > end:
                raise vm.failure(f"no page within {timeout} s: {error}") from None
            time.sleep(0.2)


def device_makes_and_vouches_for_checksums(vm):
    vm.expect_ever("checksums by the device", 30)
    status, body = wait_page(vm)
    assert status == 200 and body, f"HTTPS answered {status}"
    assert re.search(r"bad checksums 0\b", vm.command("net")), "checksums were found to be bad"


def curl_gets_the_page_over_ipv6(vm):
    wait_page(vm)
    for version in ("1.2", "1.3"):
        command = ["curl", "-6", "-sk", f"--tlsv{version}", "--tls-max", version, "--max-time",
                   "20", "--write-out", "%{http_code} %{remote_ip}", "--output", os.devnull,
                   f"https://[{GUEST.replace('%', '%25')}]/"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout == "200 " + GUEST.partition("%")[0], (done.stdout, done.stderr)


def random_frames_harm_nobody(vm):
    """Frames to the guest's address with types that it looks into, and rubbish behind."""
    generator = random.Random(1)
    before = vm.restarts()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((TAP, 0))
        for _ in range(20000):
            kind = generator.choice((b"\x08\x00", b"\x08\x06", b"\x86\xdd", generator.randbytes(2)))
            start = generator.choice((b"", b"\x45\x00", b"\x60\x00"))
            body = start + generator.randbytes(generator.randint(0, 1480))
            try:
                raw.send(MAC + generator.randbytes(6) + kind + body)
            except OSError:
                time.sleep(0.001)  # the queue is full
    status, _ = wait_page(vm)
    assert status == 200
    assert vm.restarts() == before, "somebody fell over"


def link_goes_down_and_up(vm):
    vm.drain()
    vm.qmp("set_link", name="n0", up=False)
    vm.expect(r"virtio-net: link is down")
    vm.qmp("set_link", name="n0", up=True)
    vm.expect(r"virtio-net: link is up")
    status, _ = wait_page(vm)
    assert status == 200


TESTS = [
    device_makes_and_vouches_for_checksums,
    curl_gets_the_page_over_ipv6,
    random_frames_harm_nobody,
    link_goes_down_and_up,
]

if __name__ == "__main__":
    if not enter_namespace():
        print("skipped: needs root, /dev/net/tun and a network namespace")
        sys.exit(rotunda_vm.CANNOT_RUN)
    sys.exit(rotunda_vm.run_tests(TESTS, network=False, options=[
        "-netdev", f"tap,id=n0,ifname={TAP},script=no,downscript=no",
        "-device", "virtio-net-device,netdev=n0,bus=virtio-mmio-bus.0"]))
