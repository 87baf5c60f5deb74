"""
TLS under attack: every version and cipher that OpenSSL has, what sslscan finds, truncated and
corrupted handshakes, renegotiation, hellos of 64 KiB, floods of small records.  Afterwards the web
server lives, has not been restarted, and its memory is back.
"""

import os
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import time
import xml.etree.ElementTree

import rotunda_vm

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
VERSIONS = {"-tls1": False, "-tls1_1": False, "-tls1_2": True, "-tls1_3": True}
# Ephemeral keys and authenticated encryption: all that may ever be agreed on.
FORWARD_SECRET = r"(ECDHE-(ECDSA|RSA)|DHE-RSA)-(AES\d+-(GCM-SHA\d+|CCM8?)|CHACHA20-POLY1305)"
HANDSHAKE, ALERT, CHANGE, DATA = 22, 21, 20, 23
QUIET_SECONDS = 0.3  # a server that still waits for more says nothing
REAPED_SECONDS = 30


# OpenSSL's own client.

def s_client(vm, *options, said=GET, seconds=20):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{vm.https_port}", "-servername",
               "localhost", *options]
    done = subprocess.run(command, input=said, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("latin-1")


def agreed(text):
    """(version, cipher) that s_client reports, or None."""
    found = re.search(r"^New, (TLSv1\.\d|SSLv3), Cipher is (\S+)$", text, re.M)
    return (found[1], found[2]) if found else None


def known_ciphers():
    listed = subprocess.run(["openssl", "ciphers", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip().split(":")
    return [name for name in listed if not name.startswith("TLS_")]


def only_two_versions_are_spoken(vm, _rounds):
    for option, is_spoken in VERSIONS.items():
        text = s_client(vm, option, "-cipher", "ALL:@SECLEVEL=0", "-ign_eof")
        assert (agreed(text) is not None) == is_spoken, f"{option}: {text[-600:]}"
        assert ("HTTP/1.1 200 OK" in text) == is_spoken, f"{option}: {text[-600:]}"
    print(f"     {len(VERSIONS)} versions tried, 2 spoken")


def only_ciphers_with_forward_secrecy_are_agreed_on(vm, _rounds):
    ciphers, taken = known_ciphers(), []
    assert len(ciphers) > 100, f"OpenSSL knows only {len(ciphers)} ciphers"
    for cipher in ciphers:
        found = agreed(s_client(vm, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0", said=b""))
        if found is not None:
            assert found == ("TLSv1.2", cipher) and re.fullmatch(FORWARD_SECRET, cipher), found
            taken.append(cipher)
    assert taken, "no cipher was agreed on"
    suites = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
              "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")
    new = [suite for suite in suites
           if agreed(s_client(vm, "-tls1_3", "-ciphersuites", suite, said=b"")) is not None]
    assert new, "no suite of TLS 1.3 was agreed on"
    print(f"     {len(ciphers)} ciphers of TLS 1.2 tried, agreed on {', '.join(taken)}; "
          f"{len(suites)} of TLS 1.3, {', '.join(new)}")


def renegotiation_is_refused(vm, _rounds):
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{vm.https_port}", "-tls1_2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = b""
        while b"Verify return code" not in said or b"---\n" not in said.split(b"Verify return")[1]:
            data = os.read(process.stdout.fileno(), 1 << 12)
            assert data, said[-600:]
            said += data
        process.stdin.write(b"R\n")  # what s_client takes for "renegotiate"
        process.stdin.flush()
        rest = process.communicate(timeout=30)[0].decode("latin-1")
    finally:
        process.kill()
        process.wait()
    assert "RENEGOTIATING" in rest, rest
    assert re.search(r"no renegotiation|alert|error|closed", rest), rest
    assert "HTTP/1.1 200" not in rest, rest
    assert rest.count("depth=0") == 0, f"a second handshake:\n{rest}"


# sslscan.

def sslscan_finds_nothing(vm, _rounds):
    tool = shutil.which("sslscan")
    assert tool, "no sslscan: tools/setup test installs it"
    done = subprocess.run([tool, "--no-colour", "--xml=-", f"127.0.0.1:{vm.https_port}"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120,
                          check=True)
    test = xml.etree.ElementTree.fromstring(done.stdout).find("ssltest")
    spoken = {p.get("type") + p.get("version") for p in test.iter("protocol")
              if p.get("enabled") == "1"}
    assert spoken == {"tls1.2", "tls1.3"}, spoken
    ciphers = [(c.get("sslversion"), c.get("cipher")) for c in test.iter("cipher")]
    for version, cipher in ciphers:
        assert version == "TLSv1.3" or re.fullmatch(FORWARD_SECRET, cipher), (version, cipher)
    assert ciphers, "no cipher was found"
    assert all(c.get("supported") == "0" for c in test.iter("compression")), "compression"
    assert all(h.get("vulnerable") == "0" for h in test.iter("heartbleed")), "heartbleed"
    assert test.find("renegotiation").get("supported") == "0" \
        or test.find("renegotiation").get("secure") == "1", "insecure renegotiation"
    print(f"     sslscan: {', '.join(sorted(spoken))}; {len(ciphers)} ciphers, all with forward "
          f"secrecy; no compression, no heartbleed")


# Records as no client sends them.

class Handshake:
    """A client whose records pass through our hands."""

    def __init__(self, version=None):
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = rotunda_vm.any_certificate()
        if version:
            context.minimum_version = context.maximum_version = version
        self.tls = context.wrap_bio(self.inward, self.outward, server_hostname="localhost")

    def step(self):
        """What the client sends next, and whether it thinks that all is done."""
        try:
            self.tls.do_handshake()
            return self.outward.read(), True
        except ssl.SSLWantReadError:
            return self.outward.read(), False


def connect(vm, seconds=20.0):
    return socket.create_connection(("127.0.0.1", vm.https_port), seconds)


def heard(stream, seconds=QUIET_SECONDS):
    """All that the server says until it closes or is quiet."""
    stream.settimeout(seconds)
    received = b""
    try:
        while more := stream.recv(1 << 16):
            received += more
    except OSError:
        pass
    return received


def send(stream, data):
    try:
        stream.sendall(data)
    except OSError:
        pass  # it has closed already


def records(kind, payload, size=16384, version=b"\x03\x03"):
    return b"".join(bytes([kind]) + version + struct.pack(">H", len(payload[at:at + size]))
                    + payload[at:at + size] for at in range(0, len(payload), size))


def damaged(rng, data):
    data = bytearray(data)
    way = rng.randrange(4)
    at = rng.randrange(len(data))
    if way == 0:
        for _ in range(rng.choice((1, 1, 4))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif way == 1:
        del data[at:]
    elif way == 2:
        data[at:at] = rng.randbytes(rng.choice((1, 16, 500)))
    else:
        data[at:at + 2] = rng.choice((b"\0\0", b"\xff\xff", b"\x7f\xff", b"\0\1"))
    return bytes(data)


def one_damaged(vm, rng):
    """One handshake whose first or second flight is damaged; whether the damage changed nothing."""
    client = Handshake(rng.choice((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)))
    flight, sent = rng.randrange(2), 0
    with connect(vm) as stream:
        for _ in range(64):  # the server's flights may come in many pieces
            data, is_done = client.step()
            if is_done and not data:
                break
            if data and sent == flight:
                good, data = data, damaged(rng, data)
                send(stream, data)
                received = heard(stream)
                assert b"HTTP/1.1 200" not in received
                return data == good
            send(stream, data)
            sent += bool(data)
            if is_done:
                break
            client.inward.write(stream.recv(1 << 16))
    return True


def damaged_handshakes_end_their_connection_only(vm, rounds):
    rng, through = random.Random(6), 0
    for number in range(100 * rounds):
        through += one_damaged(vm, rng)
        if number % 50 == 49:
            assert vm.get("/")[0] == 200
    print(f"     {100 * rounds} damaged handshakes over TLS 1.2 and 1.3, {through} of them as good "
          f"as before")


def damaged_data_never_becomes_a_request(vm, rounds):
    rng = random.Random(7)
    for _ in range(20 * rounds):
        client = Handshake(rng.choice((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)))
        with connect(vm) as stream:
            while True:
                data, is_done = client.step()
                send(stream, data)
                if is_done:
                    break
                client.inward.write(stream.recv(1 << 16))
            client.tls.write(GET)
            good = client.outward.read()
            bad = damaged(rng, good)
            while bad.startswith(good):
                bad = damaged(rng, good)
            send(stream, bad)
            client.inward.write(heard(stream))
            try:
                said = client.tls.read(1 << 16)
            except ssl.SSLError:
                said = b""
            assert not said.startswith(b"HTTP/1.1 200"), "a damaged record was taken for a request"
    assert vm.get("/")[0] == 200
    print(f"     {20 * rounds} damaged records behind good handshakes, none taken for a request")


def padded_hello(size):
    """A genuine hello, blown up by the padding extension (RFC 7685)."""
    hello = Handshake().step()[0][5:]
    at = 4 + 2 + 32
    at += 1 + hello[at]  # session id
    at += 2 + struct.unpack(">H", hello[at:at + 2])[0]  # ciphers
    at += 1 + hello[at]  # compression
    extensions = hello[at + 2:]
    padding = size - len(hello) - 4
    extensions += struct.pack(">HH", 21, min(padding, 0xffff - len(extensions) - 4)) \
        + bytes(min(padding, 0xffff - len(extensions) - 4))
    body = hello[4:at] + struct.pack(">H", len(extensions)) + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body


def oversized():
    rng = random.Random(8)
    small = padded_hello(1000)
    return {
        "64 KiB hello": records(HANDSHAKE, padded_hello(65000)),
        "64 KiB hello, byte by byte": records(HANDSHAKE, padded_hello(65000)[:8000], 1),
        "hello in records of a byte": records(HANDSHAKE, small, 1),
        "hello that says 16 MiB": records(HANDSHAKE, b"\x01\xff\xff\xff\x03\x03"
                                          + rng.randbytes(65536)),
        "record of 65535 bytes": b"\x16\x03\x01\xff\xff" + rng.randbytes(65535),
        "20,000 empty records": b"\x16\x03\x01\0\0" * 20000,
        "20,000 warnings": records(ALERT, b"\x01\x5a" * 20000, 2),
        "20,000 changes of cipher": records(CHANGE, b"\x01" * 20000, 1),
        "20,000 hellos": records(HANDSHAKE, small) * 2000,
        "64 KiB of data before any hello": records(DATA, rng.randbytes(65536)),
        "64 KiB of noise": rng.randbytes(65536),
        "64 KiB of nothing": bytes(65536),
        "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + rng.randbytes(37),
    }


def oversized_hellos_end_their_connection_only(vm, rounds):
    for _ in range(rounds):
        for what, data in oversized().items():
            with connect(vm) as stream:
                send(stream, data)
                received = heard(stream)
            assert b"HTTP/1.1" not in received, what
            assert len(received) < 8192, f"{what}: {len(received)} bytes came back"
            assert vm.get("/")[0] == 200, f"nobody is served after {what}"
    print(f"     {len(oversized()) * rounds} oversized hellos and floods of records")


# Before and after.

def memory_of(vm):
    """Frames in use in all, what the web server and the stack have, packets and buffers held."""
    frames = vm.frames_in_use()
    text = vm.command("domains")
    own = {name: re.search(rf"^ *\d+ +{name} +running .*? ([\d.]+ \w+) +[\d.]+ \w+ +(\d+)$", text,
                           re.M) for name in ("web", "net")}
    held = re.search(r"packet memory (.*) of .*, receive buffers in use (\d+)", vm.command("net"))
    assert all(own.values()) and held, text
    return {"frames": frames, **{name: " and restarts ".join(found.groups())
                                    for name, found in own.items()},
            "packets": held[1], "buffers": held[2]}


def settled_memory_of(vm):
    """Once nothing changes any more for two seconds."""
    last, since = memory_of(vm), time.monotonic()
    while time.monotonic() - since < 2.0:
        time.sleep(0.5)
        if (now := memory_of(vm)) != last:
            last, since = now, time.monotonic()
    return last


def assert_memory_is_back(vm, before):
    end = time.monotonic() + REAPED_SECONDS
    while (now := memory_of(vm)) != before:
        assert time.monotonic() < end, f"before {before}, now {now}"
        time.sleep(0.5)
    print(f"     before and after: {before}")


TESTS = [
    only_two_versions_are_spoken, only_ciphers_with_forward_secrecy_are_agreed_on,
    sslscan_finds_nothing, renegotiation_is_refused, damaged_handshakes_end_their_connection_only,
    damaged_data_never_becomes_a_request, oversized_hellos_end_their_connection_only,
]


def warm_up(vm):
    """What stays: a session of each version, tables at the size that a burst needs."""
    for option in ("-tls1_2", "-tls1_3"):
        assert agreed(s_client(vm, option)) is not None
    clients = [connect(vm) for _ in range(8)]
    for client in clients:
        client.close()
    for data in oversized().values():
        with connect(vm) as stream:
            send(stream, data)
            heard(stream)


def run_all(rounds, more=()):
    """Exit status for sys.exit."""
    wanted = rotunda_vm.wanted_tests()
    if not os.path.exists(rotunda_vm.default_image()):
        print(f"skipped: needs {rotunda_vm.default_image()}")
        return rotunda_vm.CANNOT_RUN
    failed = 0
    with rotunda_vm.Machine() as vm:
        vm.wait_prompt()
        vm.wait_https()
        warm_up(vm)
        before = settled_memory_of(vm)
        for test in [*TESTS, *more]:
            if not wanted or test.__name__ in wanted:
                result = rotunda_vm.run_test(lambda _, test=test: test(vm, rounds), vm,
                                             test.__name__)
                failed += result.error is not None
        result = rotunda_vm.run_test(lambda _: assert_memory_is_back(vm, before), vm,
                                     "memory_is_back")
        failed += result.error is not None
        if "fault:" in vm.text:
            print(f"FAIL somebody fell over:\n{vm.tail()}")
            failed += 1
    return 1 if failed else 0
