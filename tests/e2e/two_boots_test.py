#!/usr/bin/env python3
"""
Two boots of one image on one machine, as alike as QEMU can make them: counted instructions, the
same time of day, the same packets.  What must not be foreseen differs all the same.  (Without an
entropy source there is no TLS, which the log says: lacking_test.py.)
"""
# timeout: 200

import functools
import os
import re
import ssl
import struct
import sys
import time

import raw_peer
import rotunda_vm

SOURCE, FIRST_PORT, NUMBERS = raw_peer.packed("203.0.113.9"), 1024, 20
PORTS = 5
HTTP_PORT = 80  # this and the relay's are open without an entropy source too
SERVER_HELLO, SERVER_KEY_EXCHANGE, KEY_SHARE = 2, 12, 51
ALIKE = {"cpu": "cortex-a72", "icount": "shift=1", "options": ["-rtc", "base=2026-01-01,clock=vm"]}


@functools.cache
def context_of(version):
    """One for all that share sessions."""
    context = rotunda_vm.any_certificate()
    context.minimum_version = context.maximum_version = version
    return context


class Asking:
    """A TLS client that keeps what the server said in clear."""

    def __init__(self, network, version, session=None):
        self.heard = b""
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context_of(version).wrap_bio(inward, outward, server_hostname="rotunda",
                                                session=session)
        with raw_peer.Connection(network, 443, time.monotonic() + 60) as connection:
            def drive(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        connection.send(outward.read())
                        data = connection.receive()
                        self.heard += data
                        inward.write(data)

            drive(self.tls.do_handshake)
            self.tls.write(b"GET / HTTP/1.1\r\nHost: rotunda\r\nConnection: close\r\n\r\n")
            assert drive(lambda: self.tls.read(64)).startswith(b"HTTP/1.1 200")

    def messages(self):
        """(kind, body) of the handshake messages in clear."""
        flight, at = b"", 0
        while at + 5 <= len(self.heard) and self.heard[at] == 22:
            size = struct.unpack(">H", self.heard[at + 3:at + 5])[0]
            flight += self.heard[at + 5:at + 5 + size]
            at += 5 + size
        while len(flight) >= 4:
            size = int.from_bytes(flight[1:4], "big")
            yield flight[0], flight[4:4 + size]
            flight = flight[4 + size:]

    def hello(self):
        return next(body for kind, body in self.messages() if kind == SERVER_HELLO)

    def random(self):
        return self.hello()[2:34]

    def key_share(self):
        """The server's ephemeral key: TLS 1.3 has it in the hello, 1.2 in a message of its own."""
        for kind, body in self.messages():
            if kind == SERVER_KEY_EXCHANGE:
                return body[4:4 + body[3]]
        rest = self.hello()[34:]
        rest = rest[1 + rest[0] + 3 + 2:]
        while rest:
            kind, size = struct.unpack(">HH", rest[:4])
            if kind == KEY_SHARE:
                return rest[8:4 + size]
            rest = rest[4 + size:]
        raise AssertionError("a hello without a key share")


def await_port(network, port):
    """Programs start in no certain order, and a port is shut until its program listens."""
    end = time.monotonic() + 60
    while True:
        try:
            with raw_peer.Connection(network, port, end):
                return
        except ConnectionResetError:
            time.sleep(0.1)


def boot(image, entropy, sessions):
    """What one boot shows; `sessions` of the boot before are offered, and replaced."""
    options = dict(ALIKE)
    seen = {}
    with raw_peer.Network() as network:
        options["options"] = options["options"] + network.options()
        with rotunda_vm.Machine(image, network=False, entropy=entropy,
                                append=raw_peer.GUEST_ARGUMENTS, **options) as vm:
            vm.wait_prompt()
            vm.expect_ever(r"web: https on port|NO TLS: no entropy source", 60)
            await_port(network, HTTP_PORT)
            await_port(network, raw_peer.RELAY_PORT)
            seen["sequence numbers"] = network.sequence_numbers(
                SOURCE, HTTP_PORT, range(FIRST_PORT, FIRST_PORT + NUMBERS), 60)
            seen["ports"] = network.ports_taken(PORTS, 60)
            seen["where web lies"] = re.findall(r"^ *0x[0-9a-f]+", vm.command("map web"), re.M)
            if not entropy:
                return seen
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                if version in sessions:
                    offered = Asking(network, version, sessions[version])
                    assert not offered.tls.session_reused, "a ticket of the boot before was taken"
                first, second = Asking(network, version), Asking(network, version)
                again = Asking(network, version, second.tls.session)
                assert again.tls.session_reused, "a ticket of this boot was not taken"
                assert first.random() != second.random(), "a server's random twice"
                assert first.key_share() != second.key_share(), "an ephemeral key twice"
                seen[version.name + " random"] = [first.random(), second.random()]
                seen[version.name + " keys"] = [first.key_share(), second.key_share()]
                sessions[version] = second.tls.session
    return seen


def differ(image, entropy):
    sessions = {}
    first, second = (boot(image, entropy, sessions) for _ in range(2))
    for what, values in first.items():
        alike = sum(a == b for a, b in zip(values, second[what]))
        print(f"     {what}: {len(values)} compared, {alike} alike")
        assert values and alike <= len(values) // 4, f"{what}: {values} and {second[what]}"
    steps = {(b - a) & 0xffffffff for a, b in zip(first["sequence numbers"],
                                                  second["sequence numbers"])}
    assert len(steps) > NUMBERS // 2, "the sequence numbers differ by a constant"


def two_boots_differ(image):
    differ(image, True)


def two_boots_without_entropy_differ(image):
    """The weak secret that the log warns of is another one in each boot, too."""
    differ(image, False)


def main():
    rotunda_vm.wanted_tests()
    image = os.path.join(rotunda_vm.build_folder(), "rotunda-test.Image")
    if not os.path.exists(image):
        print(f"skipped: needs {image}")
        return rotunda_vm.CANNOT_RUN
    failed = 0
    for test in (two_boots_differ, two_boots_without_entropy_differ):
        failed += rotunda_vm.run_test(test, image).error is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
