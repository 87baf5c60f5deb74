#!/usr/bin/env python3
# timeout: 900
"""The web server from outside: what clients of all kinds get, and what it does not put up with.

Boots the image with a test site of files from 1 KiB to 100 MiB.  Also runs against any server that
serves that site:  https_test.py --site DIR writes the site, https_test.py --at HTTPS HTTP asks the
server at these ports of localhost.
"""

import gzip
import hashlib
import os
import random
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import rotunda_vm
from honest import HonestClient

warnings.simplefilter("ignore", DeprecationWarning)  # old versions of TLS are asked for on purpose

WEB = os.path.join(rotunda_vm.ROOT, "userland", "web")
SIZES = {"1k.bin": 1 << 10, "64k.bin": 1 << 16, "1m.bin": 1 << 20, "100m.bin": 100 << 20}
TEXT = b"<!doctype html>\n<title>Test</title>\n" + b"<p>A page of the test site.</p>\n" * 200
PARALLEL = 1000
AT_ONCE = 200  # of them: more and the host's own threads starve, and dawdlers make room for others
PACE = 0.005  # seconds between two of them
SLOW = 200
OPENED = 0.9  # of the slow ones, at least
HONEST = 10  # pages that are asked for while they come, or at a flood's height
FLOOD = 300
PATIENCE = 30  # seconds after which no slow client may be left
DRAIN = 20  # seconds to read what was sent to those who read nothing


# The site.

def content(name):
    """The bytes of a file of the test site: random, but always the same."""
    generator = random.Random(name)
    return b"".join(generator.randbytes(1 << 20) for _ in range(SIZES[name] >> 20)) or \
        generator.randbytes(SIZES[name])


def write_site(folder):
    os.makedirs(os.path.join(folder, "docs"), exist_ok=True)
    for name in SIZES:
        with open(os.path.join(folder, name), "wb") as out:
            out.write(content(name))
    for name in ("index.html", "docs/index.html"):
        with open(os.path.join(folder, name), "wb") as out:
            out.write(TEXT)


def pack_image(folder):
    """The build's image with the test site in place of its own; the path of the new image."""
    build = rotunda_vm.build_folder()
    site, blob, image = (os.path.join(folder, name) for name in ("site", "blob", "Image"))
    write_site(site)
    for command in ([os.path.join(WEB, "pack_site.py"), site, "-o", blob],
                    [os.path.join(rotunda_vm.ROOT, "tools", "pack"),
                     "@" + os.path.join(build, "rotunda.pack"), "--file", f"site={blob}",
                     "--output", image]):
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return image


# Clients.

def tls_context(version=None, ciphers=None):
    context = rotunda_vm.any_certificate()
    context.set_alpn_protocols(["http/1.1"])
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def connect(port, timeout=20.0):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def connect_tls(vm, context=None, session=None, timeout=20.0):
    return (context or tls_context()).wrap_socket(
        connect(vm.https_port, timeout), server_hostname="localhost", session=session)


class Answers:
    """Reads answers off a stream, one after the other."""

    def __init__(self, stream):
        self.stream = stream
        self.bytes = b""

    def more(self):
        data = self.stream.recv(1 << 16)
        self.bytes += data
        return bool(data)

    def next(self, head_only=False):
        """(status, {field: value}, body)"""
        while b"\r\n\r\n" not in self.bytes:
            assert self.more(), f"the stream ended inside an answer's head: {self.bytes[:100]}"
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        size = 0 if head_only else int(fields.get("Content-Length", 0))
        while len(self.bytes) < size:
            assert self.more(), f"the stream ended after {len(self.bytes)} of {size} bytes"
        body, self.bytes = self.bytes[:size], self.bytes[size:]
        return int(lines[0].split(" ")[1]), fields, body


def request(target="/", method="GET", host="localhost", **fields):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ask(vm, target="/", method="GET", host="localhost", **fields):
    with connect_tls(vm) as stream:
        stream.sendall(request(target, method, host, **fields))
        return Answers(stream).next(head_only=method == "HEAD")


def converse(stream, data):
    """Everything that comes back until the server closes, or says nothing for a while."""
    received = b""
    try:
        stream.sendall(data)
        while True:
            more = stream.recv(1 << 16)
            if not more:
                break
            received += more
    except (ConnectionError, ssl.SSLError, TimeoutError, socket.timeout):
        pass
    return received


def assert_alive(vm, seconds=5.0):
    begin = time.monotonic()
    status, _, body = ask(vm, "/1k.bin")
    assert status == 200 and body == content("1k.bin"), "an honest client is not served any more"
    took = time.monotonic() - begin
    assert took <= seconds, f"an honest client waited {took:.1f} s"


# TLS.

def tls_1_3_and_1_2_are_spoken_and_nothing_older(vm):
    vm.wait_https()
    for version, name in ((ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        with connect_tls(vm, tls_context(version)) as stream:
            assert stream.version() == name
            assert stream.selected_alpn_protocol() == "http/1.1"
            stream.sendall(request())
            assert Answers(stream).next()[2] == TEXT
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        try:
            with connect_tls(vm, tls_context(version, "ALL:@SECLEVEL=0")):
                raise AssertionError(f"{version.name} was accepted")
        except (ssl.SSLError, ValueError):
            pass


def ciphers_without_forward_secrecy_are_refused(vm):
    for cipher in ("AES128-GCM-SHA256", "AES256-SHA", "ECDHE-ECDSA-AES128-SHA256"):
        try:
            with connect_tls(vm, tls_context(ssl.TLSVersion.TLSv1_2, cipher + ":@SECLEVEL=0")):
                raise AssertionError(f"{cipher} was accepted")
        except ssl.SSLError:
            pass


def sessions_are_resumed_by_ticket(vm):
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context = tls_context(version)
        with connect_tls(vm, context) as stream:
            stream.sendall(request())
            Answers(stream).next()
            assert not stream.session_reused
            session = stream.session
        with connect_tls(vm, context, session) as stream:
            assert stream.session_reused, f"no resumption with {version.name}"
            stream.sendall(request())
            assert Answers(stream).next()[0] == 200


def openssl_client(vm, *options):
    """One GET by `openssl s_client`: all that it says, its answer in between."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{vm.https_port}", "-ign_eof",
               "-alpn", "h2,http/1.1", *options]
    done = subprocess.run(command, input=request("/1k.bin", Connection="close"), timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("latin-1")


def openssl_s_client_talks_and_resumes(vm):
    vm.wait_https()
    with tempfile.TemporaryDirectory() as folder:
        for version in ("-tls1_3", "-tls1_2"):
            ticket = os.path.join(folder, "ticket" + version)
            text = openssl_client(vm, version, "-sess_out", ticket)
            assert "\nNew, TLSv1" in text and "HTTP/1.1 200 OK" in text, text
            assert "ALPN protocol: http/1.1" in text, text
            assert "Server public key is 256 bit" in text, text
            text = openssl_client(vm, version, "-sess_in", ticket)
            assert "\nReused, TLSv1" in text and "HTTP/1.1 200 OK" in text, text
        text = openssl_client(vm, "-tls1_1")
        assert "alert protocol version" in text, text


def protocols_are_those_spoken(vm):
    """Who offers HTTP/1.0 alone is served; who offers none that we speak hears so at once."""
    vm.wait_https()
    for offered, spoken in (["http/1.0"], "http/1.0"), (["h2", "http/1.1"], "http/1.1"):
        context = tls_context()
        context.set_alpn_protocols(offered)
        with connect_tls(vm, context) as stream:
            assert stream.selected_alpn_protocol() == spoken, stream.selected_alpn_protocol()
            stream.sendall(b"GET /1k.bin HTTP/1.0\r\n\r\n")
            assert Answers(stream).next()[2] == content("1k.bin")
    context.set_alpn_protocols(["h2"])
    try:
        connect_tls(vm, context).close()
        raise AssertionError("a client that speaks h2 alone was let in")
    except ssl.SSLError as error:
        assert "NO_APPLICATION_PROTOCOL" in str(error).upper().replace(" ", "_"), error


def bad_records_end_their_connection_only(vm):
    rng = random.Random(4)
    hello = b"\x16\x03\x01" + (0xffff).to_bytes(2, "big") + b"\x01\x00\xff\xfb" + b"\x03\x03"
    samples = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", hello + rng.randbytes(65536), b"\x16\x03\x01",
               b"\x16\x03\x01\x00\x00" * 1000, b"\x15\x03\x03\x00\x02\x02\x28",
               b"\x80\x2e\x01\x00\x02",
               b"\x17\x03\x03\x40\x00" + rng.randbytes(16384), bytes(65536)]
    samples += [rng.randbytes(rng.randrange(1, 4096)) for _ in range(40)]
    for data in samples:
        with connect(vm.https_port) as stream:
            stream.settimeout(0.5)
            assert not converse(stream, data).startswith(b"HTTP/"), "plain text over the TLS port"
    # Records that are damaged on their way, after an honest handshake.
    for damage in range(20):
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = tls_context().wrap_bio(inward, outward, server_hostname="localhost")
        with connect(vm.https_port) as stream:
            shake(tls, inward, outward, stream)
            stream.settimeout(1.0)
            tls.write(request())
            record = bytearray(outward.read())
            if damage % 2:
                record[rng.randrange(len(record))] ^= 1 << rng.randrange(8)
            else:
                record = record[:rng.randrange(1, len(record))]
            received = converse(stream, bytes(record))
            inward.write(received)
            try:
                assert b"200 OK" not in tls.read(1 << 16)
            except ssl.SSLError:
                pass
    assert_alive(vm)


def shake(tls, inward, outward, stream):
    while True:
        try:
            tls.do_handshake()
            stream.sendall(outward.read())
            return
        except ssl.SSLWantReadError:
            stream.sendall(outward.read())
            data = stream.recv(1 << 16)
            assert data, "closed in the middle of a handshake"
            inward.write(data)


# HTTP.

def page_comes_with_its_fields(vm):
    status, fields, body = ask(vm)
    assert status == 200 and body == TEXT
    assert fields["Content-Type"] == "text/html; charset=utf-8"
    assert fields["Server"] == "Rotunda"
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in fields["Content-Security-Policy"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d GMT", fields["Date"])
    assert ask(vm, method="HEAD")[1]["Content-Length"] == str(len(TEXT))
    status, fields, _ = ask(vm, host="example.org")
    assert fields["Strict-Transport-Security"].startswith("max-age=")


def unchanged_and_compressed_pages_save_bytes(vm):
    _, fields, _ = ask(vm)
    tag, modified = fields["ETag"], fields["Last-Modified"]
    assert ask(vm, If_None_Match=tag)[0] == 304
    assert ask(vm, If_Modified_Since=modified)[0] == 304
    assert ask(vm, If_None_Match='"other"')[0] == 200
    status, fields, body = ask(vm, Accept_Encoding="br, gzip")
    assert status == 200 and fields["Content-Encoding"] == "gzip" and fields["ETag"] != tag
    assert gzip.decompress(body) == TEXT and len(body) < len(TEXT) / 4


def ranges_are_cut_to_the_byte(vm):
    whole = content("1m.bin")
    for text, part in (("0-0", whole[:1]), ("1000-1999", whole[1000:2000]), ("-7", whole[-7:]),
                       ("1048570-", whole[1048570:]), ("1048570-9999999", whole[1048570:])):
        status, fields, body = ask(vm, "/1m.bin", Range=f"bytes={text}")
        assert status == 206 and body == part, text
        assert fields["Content-Range"].endswith("/1048576")
    assert ask(vm, "/1m.bin", Range="bytes=1048576-")[0] == 416
    assert ask(vm, "/1k.bin", Range="bytes=0-1,4-5")[0] == 200


def records_of_every_length_arrive(vm):
    """Ciphers have their edges at 16 and 128 bytes, wherever the head of an answer puts them."""
    whole = content("64k.bin")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect_tls(vm, tls_context(version)) as stream:
            answers = Answers(stream)
            for size in range(1, 300):
                # The client's own records change their length too.
                stream.sendall(request("/64k.bin", Range=f"bytes=0-{size - 1}", X="x" * size))
                assert answers.next()[2] == whole[:size], f"{size} bytes with {version.name}"


def missing_pages_and_folders_are_told_apart(vm):
    assert ask(vm, "/nothing")[0] == 404
    status, fields, _ = ask(vm, "/docs")
    assert status == 301 and fields["Location"] == "/docs/"
    assert ask(vm, "/docs/")[2] == TEXT
    status, fields, _ = ask(vm, method="DELETE")
    assert status == 405 and fields["Allow"] == "GET, HEAD"
    assert ask(vm, method="BREW")[0] == 501


def plain_port_leads_to_tls(vm):
    with connect(vm.http_port) as stream:
        answers = Answers(stream)
        for host, target in (("example.org:8080", "/a?b=c"), ("[::1]", "/")):
            stream.sendall(request(target, host=host))
            status, fields, _ = answers.next()
            assert status == 301, status
            name = host.removesuffix(":8080")
            assert re.fullmatch(rf"https://{re.escape(name)}(:\d+)?{re.escape(target)}",
                                fields["Location"]), fields["Location"]


def requests_share_a_connection(vm):
    with connect_tls(vm) as stream:
        answers = Answers(stream)
        for _ in range(50):
            stream.sendall(request("/1k.bin"))
            assert answers.next()[2] == content("1k.bin")
        names = ["1k.bin", "64k.bin", "1m.bin"] * 4
        stream.sendall(b"".join(request(f"/{name}") for name in names))
        for name in names:
            assert answers.next()[2] == content(name), f"pipelined {name}"
        stream.sendall(request(Connection="close"))
        assert answers.next()[1]["Connection"] == "close"
        assert not answers.more()


# Above 40 ways of asking wrongly; "\n" in a row's text stands for the line end that HTTP wants.
BAD_REQUESTS = r"""
GET /|GET  / HTTP/1.1\nHost: a|GET / HTTP/1.1 \nHost: a|GET / HTTP/1.1\n|GET / HTTP/1.1\nHost:
GET / HTTP/1.1\nHost: a\nHost: a|GET / HTTP/1.1\nHost : a|GET / HTTP/1.1\nHost: a b
GET / HTTP/1.1\nHost: a\n folded|GET / HTTP/1.1\nHost: a\nX|GET / HTTP/1.1\nHost: a\n: x
GET / HTTP/1.1\nHost: a\nX : y|GET / HTTP/1.1\nHost: a\nX\x00: y|GET /\x00 HTTP/1.1\nHost: a
GET / HTTP/1.1\nHost: a\nContent-Length: -1|GET / HTTP/1.1\nHost: a\nContent-Length: 1e3
GET / HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999
GET / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2
GET / HTTP/1.1\nHost: a\nContent-Length: 4\nTransfer-Encoding: chunked
GET / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip|GET / HTTP/1.1\nHost: a\nExpect: nothing
GET / HTTP/1.1\nHost: a\nRange: bytes=0-0\nRange: bytes=1-1|GET / HTTP/2.0\nHost: a
GET / HTTP/0.9|GET / HTTPS/1.1\nHost: a|GET / HTTP/1.1x\nHost: a|get / HTTP/1.1\nHost: a
PUT / HTTP/1.1\nHost: a|CONNECT a:1 HTTP/1.1\nHost: a|TRACE / HTTP/1.1\nHost: a
GET \\ HTTP/1.1\nHost: a|GET http:// HTTP/1.1\nHost: a|GET /# HTTP/1.1\nHost: a
GET /../index.html HTTP/1.1\nHost: a|GET /%2e%2e/index.html HTTP/1.1\nHost: a
GET /docs/..%2findex.html HTTP/1.1\nHost: a|GET /docs/..%5cindex.html HTTP/1.1\nHost: a
GET /%c0%ae%c0%ae/index.html HTTP/1.1\nHost: a|GET /index.html%00.txt HTTP/1.1\nHost: a
GET /docs/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\nHost: a
GET /%252e%252e/index.html HTTP/1.1\nHost: a
GET /%u002e%u002e/ HTTP/1.1\nHost: a|GET /.\\..\\ HTTP/1.1\nHost: a|GET /%ff HTTP/1.1\nHost: a
"""


def bad_requests():
    for row in BAD_REQUESTS.strip().replace("\n", "|").split("|"):
        text = row.replace("\\n", "\n").replace("\\x00", "\x00").replace("\\\\", "\\")
        yield (text.replace("\n", "\r\n") + "\r\n\r\n").encode("latin-1")
    yield b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n"
    yield b"GET / HTTP/1.1\r\nX: " + b"y" * 65536 + b"\r\n\r\n"
    yield b"A" * 65536
    yield bytes(range(256)) * 64
    yield b"GET / HTTP/1.1\nHost: a\n\n"


def malformed_requests_never_get_a_page(vm):
    count = 0
    for data in bad_requests():
        with connect_tls(vm, timeout=12.0) as stream:
            # An answer that leaves the connection open must not hold the test up.
            received = converse(stream, data + b"\0")
        assert re.match(rb"HTTP/1\.1 [45]\d\d ", received), (data[:80], received[:80])
        count += 1
    assert count >= 40
    # What follows a good request is answered for itself.
    with connect_tls(vm) as stream:
        received = converse(stream, request("/1k.bin") + b"\x00\x01\x02 garbage\r\n\r\n")
        assert received.count(b"HTTP/1.1 200 OK") == 1 and b"HTTP/1.1 400 " in received
    print(f"     {count} malformed requests")


# Load.

def downloads_are_exact(vm):
    for name, size in SIZES.items():
        digest = hashlib.sha256(content(name)).hexdigest()
        for version in ("1.2", "1.3"):
            command = ["curl", "-sk", f"--tlsv{version}", "--tls-max", version, "--max-time", "300",
                       vm.url(f"/{name}")]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            received, count = hashlib.sha256(), 0
            while chunk := process.stdout.read(1 << 20):
                received.update(chunk)
                count += len(chunk)
            assert process.wait() == 0, f"curl ended with {process.returncode}"
            assert count == size and received.hexdigest() == digest, f"{name} over TLS {version}"


def many_clients_at_once_are_all_served(vm):
    failures = []
    context = tls_context()
    body = content("1k.bin")

    slots = threading.BoundedSemaphore(AT_ONCE)

    def client(number):
        # QEMU's forwarding has room for a single connection that it hasn't looked at yet, and the
        # host resets those it has no room for.
        time.sleep(number * PACE)
        try:
            with slots, connect_tls(vm, context, timeout=240.0) as stream:
                stream.sendall(request("/1k.bin", Connection="close"))
                if Answers(stream).next()[2] != body:
                    failures.append("wrong bytes")
        except (OSError, AssertionError) as problem:
            failures.append(repr(problem))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(PARALLEL)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, f"{len(failures)} of {PARALLEL} failed: {failures[:3]}"
    print(f"     {PARALLEL} requests in {time.monotonic() - begin:.1f} s")


def load_leaves_no_memory_behind(vm):
    """Not a frame, once the last connection has gone."""
    vm.wait_https()
    time.sleep(1.0)
    before = vm.frames_in_use()
    many_clients_at_once_are_all_served(vm)
    end = time.monotonic() + 120
    while (now := vm.frames_in_use()) > before:
        assert time.monotonic() < end, f"{now - before} frames of 4 KiB more than before the load"
        time.sleep(1.0)


SLOW_WAYS = {
    "says nothing": (b"", b""),
    "head a line at a time": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
    "body a byte at a time": (request(method="POST", Content_Length=100000), b"x"),
    "asks for a range of ranges": (request("/64k.bin", Range="bytes=" + ",".join(
        f"{i}-" for i in range(500))), b""),
    "reads nothing": (request("/64k.bin"), b""),
    "reads nothing of much": (request("/100m.bin"), b""),
}
# The host takes megabytes off the server before a client that doesn't read stops it.
FEW = 20


def slow_open(vm, start):
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.settimeout(60)
    plain.connect(("127.0.0.1", vm.https_port))
    stream = tls_context().wrap_socket(plain, server_hostname="localhost")
    stream.sendall(start)
    return stream


def is_reaped(stream):
    """Has the server ended this connection?  What it sent before is thrown away."""
    stream.settimeout(0.0)
    try:
        while stream.recv(1 << 16):
            pass
        return True
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True


def honest_client(vm):
    return HonestClient(lambda: assert_alive(vm, 20.0))


def slow_clients_come(vm, start, count, honest):
    """As many of them as the server takes, honest ones in between."""
    streams = []
    for number in range(count):
        try:
            streams.append(slow_open(vm, start))
        except OSError:
            pass  # reaped already
        if number % (count // HONEST) == 0:
            honest.page()
    assert len(streams) >= OPENED * count, f"only {len(streams)} of {count} slow clients came"
    return streams


def held(streams):
    """How many of them the host hasn't heard the end of; nothing is taken from them."""
    poll = select.poll()
    for stream in streams:
        poll.register(stream, select.POLLRDHUP)
    return len(streams) - len(poll.poll(0))


def left_of(streams, drip):
    """Those that the server hasn't ended; they say a little more."""
    streams = [stream for stream in streams if not is_reaped(stream)]
    for stream in streams if drip else []:
        try:
            stream.send(drip)
        except OSError:
            pass
    return streams


def slow_clients_hinder_nobody(vm):
    vm.wait_https()
    for way, (start, drip) in SLOW_WAYS.items():
        count, honest = FEW if way == "reads nothing of much" else SLOW, honest_client(vm)
        streams = slow_clients_come(vm, start, count, honest)
        opened, at_once, begin = len(streams), held(streams), time.monotonic()
        reads = not way.startswith("reads nothing")
        while streams and time.monotonic() - begin < PATIENCE:
            honest.page()
            if reads:
                streams = left_of(streams, drip)
            time.sleep(1.0)
        # What QEMU holds for those who read nothing must be read before the end shows.
        end = time.monotonic() + DRAIN
        while not reads and streams and time.monotonic() < end:
            streams = left_of(streams, drip)
        print(f"     {way}: {opened} of {count} clients came, {at_once} were there at once, "
              f"{len(streams)} left after {time.monotonic() - begin:.0f} s; "
              f"{honest.verdict(least=HONEST)}")
        assert not streams, f"{way}: {len(streams)} of {opened} are still connected"


def connection_floods_pass(vm):
    vm.wait_https()
    for port in (vm.https_port, vm.http_port):
        streams, honest = [], honest_client(vm)
        for _ in range(FLOOD):
            streams.append(connect(port))
            time.sleep(PACE)
        for _ in range(HONEST):
            honest.page()
        for stream in streams:
            stream.close()
        print(f"     {FLOOD} connections to port {443 if port == vm.https_port else 80}: "
              f"{honest.verdict(least=HONEST)}")
    assert_alive(vm)


TESTS = [
    tls_1_3_and_1_2_are_spoken_and_nothing_older, ciphers_without_forward_secrecy_are_refused,
    sessions_are_resumed_by_ticket, openssl_s_client_talks_and_resumes,
    protocols_are_those_spoken, page_comes_with_its_fields,
    unchanged_and_compressed_pages_save_bytes, ranges_are_cut_to_the_byte,
    records_of_every_length_arrive, missing_pages_and_folders_are_told_apart,
    plain_port_leads_to_tls,
    requests_share_a_connection, malformed_requests_never_get_a_page,
    bad_records_end_their_connection_only, downloads_are_exact,
    load_leaves_no_memory_behind, connection_floods_pass, slow_clients_hinder_nobody,
]


class Elsewhere:
    """A server that somebody else has started."""

    def __init__(self, https_port, http_port):
        self.https_port, self.http_port = int(https_port), int(http_port)

    url = rotunda_vm.Machine.url
    get = rotunda_vm.Machine.get
    wait_https = rotunda_vm.Machine.wait_https


def main():
    if sys.argv[1:2] == ["--site"]:
        write_site(sys.argv[2])
        return 0
    if sys.argv[1:2] == ["--at"]:
        vm = Elsewhere(*sys.argv[2:4])
        wanted = sys.argv[4:]
        results = [rotunda_vm.run_test(test, vm) for test in TESTS
                   if not wanted or test.__name__ in wanted]
        return 1 if any(result.error for result in results) else 0
    folder = tempfile.mkdtemp(prefix="rotunda-site-")
    try:
        rotunda_vm.wanted_tests()
        if not os.path.exists(rotunda_vm.default_image()):
            print(f"skipped: needs {rotunda_vm.default_image()}")
            return rotunda_vm.CANNOT_RUN
        return rotunda_vm.run_tests(TESTS, image=pack_image(folder), memory="1G")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
