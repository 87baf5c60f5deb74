"""
Requests that no server should take for good ones, by table and by mutation, over TLS.

What may be answered by a page is decided here, by a reader of RFC 9112 that has nothing in common
with the server's: an answer with 2xx or 3xx must belong to a request that this reader finds good,
for a file that the site has, and a 200 must carry that file.  Refusing more is the server's right.
"""

import collections
import os
import random
import re
import socket
import ssl
import tempfile
import time

import rotunda_vm

SITE = {"index.html": b"<!doctype html><title>Root</title>\n" * 3,
        "docs/index.html": b"<!doctype html><title>Docs</title>\n" * 5,
        "a.txt": b"A text.\n" * 40}
FOLDERS = ("docs",)
LONG = 65536
ANSWER_SECONDS = 20.0
HONEST_EVERY = 50  # mutations
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
HOST = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d*)?")

Request = collections.namedtuple("Request", "method name fields has_body")


# The reader.

def read_target(target):
    """The name of the file that a target means; None: it is no good target."""
    if not target.startswith(b"/"):
        absolute = re.fullmatch(rb"(?i:https?)://([^/?]*)([/?].*)?", target)
        if not absolute or not HOST.fullmatch(absolute[1]):
            return None
        target = absolute[2] or b"/"
        if target.startswith(b"?"):
            target = b"/" + target
    path = target.partition(b"?")[0]
    if re.search(rb"%(?![0-9A-Fa-f]{2})", path):
        return None
    decoded = re.sub(rb"%(..)", lambda m: bytes([int(m[1], 16)]), path)
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if path.count(b"/") != decoded.count(b"/") or re.search(r"[\x00-\x1f\x7f\\]", text):
        return None
    if any(part in (".", "..") for part in text.split("/")):
        return None
    return text[1:] + "index.html" if text.endswith("/") else text[1:]


def read_head(head):
    """A Request, or None: two readers could differ about it.  One without a name has no page."""
    lines = head.split(b"\r\n")
    first = re.fullmatch(rb"(" + TOKEN + rb") (\S+) HTTP/1\.(\d)", lines[0])
    if not first:
        return None
    fields = collections.defaultdict(list)
    for line in lines[1:]:
        field = re.fullmatch(rb"(" + TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*", line)
        if not field:
            return None
        fields[field[1].lower()].append(field[2])
    host, length, coding = (fields[name] for name in (b"host", b"content-length",
                                                      b"transfer-encoding"))
    if len(host) > 1 or (not host and first[3] != b"0") or (host and not HOST.fullmatch(host[0])):
        return None
    if len(length) + len(coding) > 1 or (length and not re.fullmatch(rb"\d+", length[0])):
        return None
    if coding and (coding[0].lower() != b"chunked" or first[3] == b"0"):
        return None
    if not re.fullmatch(rb"[\x21\x24-\x3b\x3d\x3f-\x7e]+", first[2]):
        return None
    has_body = bool(coding) or bool(length and int(length[0]))
    return Request(first[1], read_target(first[2]), fields, has_body)


def read_requests(data):
    """The good requests that `data` begins with."""
    while True:
        if data.startswith(b"\r\n"):
            data = data[2:]
        head, end, data = data.partition(b"\r\n\r\n")
        request = read_head(head) if end and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
                                                           head) else None
        if request is None:
            return
        yield request
        if request.has_body:
            return


# The judge.

def assert_no_page(rest, sent):
    assert not re.search(rb"HTTP/1\.1 [123]\d\d ", rest), \
        f"a page for {sent[:300]!r}: {rest[:300]!r}"


def judge(sent, received):
    """Fails unless every 2xx and 3xx in `received` is due; the statuses."""
    statuses = []
    requests = read_requests(sent)
    while received:
        head = re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n([\s\S]*?\r\n)?\r\n", received)
        assert head, f"no answer, but {received[:200]!r} to {sent[:300]!r}"
        status = int(head[1])
        statuses.append(status)
        received = received[head.end():]
        request = next(requests, None)
        if request is None:
            assert status >= 400, f"{status} for {sent[:300]!r}"
            assert_no_page(received, sent)
            break
        size = int(re.search(rb"(?i)content-length: (\d+)", head[0] + b"content-length: 0")[1])
        # Of a HEAD that is refused before it is understood, the answer has its body.
        is_bare = status == 304 or (request.method == b"HEAD" and
                                    (status < 400 or received[:9] in (b"", b"HTTP/1.1 ")))
        body = b"" if is_bare else received[:size]
        received = received[len(body):]
        if status < 400:
            assert_due(status, request, body, sent)
    return statuses


def assert_due(status, request, body, sent):
    assert request.method in (b"GET", b"HEAD"), f"{status} for {sent[:300]!r}"
    if status in (301, 308):
        assert request.name in FOLDERS, f"{status} for {sent[:300]!r}"
        return
    assert request.name in SITE, f"{status} for {request.name!r}: {sent[:300]!r}"
    if status == 206:
        assert request.fields[b"range"], f"206 unasked: {sent[:300]!r}"
    elif status == 304:
        assert any(name.startswith(b"if-") for name in request.fields), f"304: {sent[:300]!r}"
    else:
        assert status == 200, f"{status} for {sent[:300]!r}"
        assert request.method == b"HEAD" or body == SITE[request.name], \
            f"the wrong page for {sent[:300]!r}"


# The client.

class Client:
    """Asks over TLS, each time on a connection of its own; sessions are resumed."""

    def __init__(self, vm):
        self.vm, self.session = vm, None
        self.context = rotunda_vm.any_certificate()

    def ask(self, data):
        received = b""
        plain = socket.create_connection(("127.0.0.1", self.vm.https_port), ANSWER_SECONDS)
        with self.context.wrap_socket(plain, server_hostname="localhost",
                                      session=self.session) as stream:
            try:
                stream.sendall(data)
                while more := stream.recv(1 << 16):
                    received += more
            except (ConnectionError, ssl.SSLError):
                pass  # it closed while we still talked
            self.session = stream.session or self.session
        return received

    def attack(self, data):
        """The statuses.  A NUL behind it all ends whatever is still open."""
        return judge(data + b"\0", self.ask(data + b"\0"))

    def honest(self):
        for name, content in SITE.items():
            data = f"GET /{name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
            received = self.ask(data)
            assert received.endswith(content) and judge(data, received) == [200], \
                f"a good request is not served any more: {received[:200]!r}"


# The table: what is between GET and the blank line is a row's, each must be refused.

def lines(*rows):
    return [b"GET / HTTP/1.1\r\n" + row + b"\r\n\r\n" for row in rows]


def hosted(*rows):
    return lines(*(b"Host: a\r\n" + row for row in rows))


def targets(*rows):
    return [b"GET " + row + b" HTTP/1.1\r\nHost: a\r\n\r\n" for row in rows]


GOOD = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"
GROUPS = {
    "missing": [b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n",
                b" / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET / \r\nHost: a\r\n\r\n"] + lines(b"Host:", b"Host", b": a", b"X: y",
                                                      b"Host: :80"),
    "double": lines(b"Host: a\r\nHost: a", b"Host: a\r\nhost: b", b"Host: a, b")
              + hosted(b"Range: bytes=0-0\r\nRange: bytes=0-0", b"If-Range: x\r\nIf-Range: x",
                       b"Expect: 100-continue\r\nExpect: 100-continue",
                       b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                       b"If-Modified-Since: x\r\nIf-Modified-Since: x"),
    "malformed": lines(b"Host : a", b"Host\t: a", b" Host: a", b"Host: a b", b"Host: a@b",
                       b"Host: a/b", b"Host: <a>", b"Host: [::1", b"Host: a:b", b"Host: a:99999",
                       b"H\xc3\xb6st: a")
                 + hosted(b" folded", b"\tfolded", b"X", b"X y", b"X\r: y", b"X: y\rZ: z",
                          b"X: \x7f", b"(X): y", b"X@: y", b"X: y\nZ: z", b"Expect: the worst"),
    "both lengths": hosted(b"Content-Length: 4\r\nTransfer-Encoding: chunked",
                           b"Transfer-Encoding: chunked\r\nContent-Length: 0",
                           b"Content-Length: 0\r\ntransfer-encoding: identity",
                           b"Content-Length: 3\r\nContent-Length: 3", b"Content-Length: 3, 3",
                           b"Content-Length: 0\r\nContent-Length: 5"),
    "lengths": hosted(*(b"Content-Length: " + value for value in (
        b"-1", b"-0", b"+1", b"1e3", b"0x10", b"1 2", b"1_0", b"", b"\xb2", b"99999999999999999999",
        b"18446744073709551616", b"9" * 4000, b"1;", b"NaN", b"4294967296 "b"0"))),
    "codings": hosted(*(b"Transfer-Encoding: " + value for value in (
        b"gzip", b"chunked, gzip", b"gzip, chunked", b"chunked,chunked", b"xchunked",
        b"chunked;a=b", b"\"chunked\"", b"chunked\x0b", b"chun ked", b"", b"identity"))),
    "NUL": [b"\0" + GOOD, b"G\0ET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\0\r\nHost: a\r\n\r\n", GOOD[:-2] + b"\0\r\n"]
           + lines(b"Host: a\0", b"Host: a\r\nX\0: y", b"Host: a\r\nX: \0")
           + targets(b"/a.txt\0", b"/a.txt%00", b"/a.txt%00.html", b"/%00", b"/\0/../a.txt"),
    "traversal": targets(
        b"/../a.txt", b"/./a.txt", b"/docs/../a.txt", b"/docs/..", b"/docs/.", b"/..", b"/.",
        b"/%2e%2e/a.txt", b"/%2E./a.txt", b"/.%2e/a.txt", b"/%2e/a.txt", b"/docs%2f..%2fa.txt",
        b"/docs%2findex.html", b"/..%5ca.txt", b"/docs%5cindex.html", b"/docs\\..\\a.txt",
        b"/..\\a.txt", b"/%c0%ae%c0%ae/a.txt", b"/%c0%afa.txt", b"/%e0%80%ae%e0%80%ae/a.txt",
        b"/%f0%80%80%ae/a.txt", b"/%252e%252e/a.txt", b"/%25%32%65/a.txt", b"/%u002e%u002e/a.txt",
        b"/%ef%bc%8e%ef%bc%8e/a.txt", b"/..;/a.txt", b"/..%00/a.txt", b"/.../a.txt", b"//a.txt",
        b"/docs//index.html", b"/a.txt/",
        b"/a.txt/.", b"/%", b"/%2", b"/%g0", b"/a.txt%", b"/%ff", b"/%ed%a0%80", b"/..?", b"/..#",
        b"a.txt", b"../a.txt", b"file:///a.txt", b"http:///a.txt", b"http://a/../a.txt",
        b"http://a@b/a.txt", b"*", b"/A.TXT", b"/etc/passwd", b"/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        b"/a.txt:", b"/a.txt::$DATA", b"/con", b"/\xc0\xae\xc0\xae/a.txt"),
    "64 KiB": targets(b"/" + b"a" * LONG, b"/" + b"../" * (LONG // 3), b"/" + b"%2e" * (LONG // 3),
                      b"/a.txt?" + b"q" * LONG, b"/" * LONG, b"http://" + b"a" * LONG)
              + lines(b"Host: " + b"a" * LONG, b"Host: a\r\nX: " + b"y" * LONG,
                      b"Host: a\r\n" + b"X" * LONG + b": y", b"Host: a\r\n" + b"X: y\r\n" * 10000)
              + [b"A" * LONG, b"A" * LONG + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
                 b"\r\n" * (LONG // 2), b" " * LONG, bytes(LONG)],
    "methods and versions": [start + b"\r\nHost: a\r\n\r\n" for start in (
        b"get / HTTP/1.1", b"POST / HTTP/1.1", b"PUT /a.txt HTTP/1.1", b"TRACE / HTTP/1.1",
        b"CONNECT a:443 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"PRI * HTTP/2.0", b"GET / HTTP/2.0",
        b"GET / HTTP/0.9", b"GET / http/1.1", b"GET / HTTP/1.", b"GET / HTTP/11",
        b"GET / HTTP/1.1 x", b"GET  / HTTP/1.1", b"GET\t/\tHTTP/1.1", b"GET / HTTP/-1.1",
        b"G\xcbT / HTTP/1.1")],
}
# Behind one good request: what follows is not part of it, and no page comes of it.
PIPELINED = [b"\x00\x01\x02", b"garbage\r\n\r\n", bytes(range(256)), b"GET\r\n\r\n", b"x" * LONG,
             b"\n\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" * 50, b"\x16\x03\x01\x02\x00\x01",
             b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n\r\n\r\n" + GOOD,
             b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n" + GOOD,
             b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"0\r\n\r\n" + GOOD]


def table_is_refused(client):
    count = 0
    for group, rows in GROUPS.items():
        for row in rows:
            statuses = client.attack(row)
            assert all(status >= 400 for status in statuses), f"{statuses} for {row[:200]!r}"
        count += len(rows)
        client.honest()
        print(f"     {group}: {len(rows)} requests, each refused or cut off; a good one served")
    for row in PIPELINED:
        statuses = client.attack(GOOD + row)
        assert statuses[:1] == [200] and all(status >= 400 for status in statuses[1:]), \
            f"{statuses} for a good request and {row[:200]!r}"
    client.honest()
    print(f"     pipelined behind a good one: {len(PIPELINED)}, only the good one served")
    print(f"     {count + len(PIPELINED)} requests tried, 0 wrong pages")


# The mutator.

SEEDS = [GOOD, b"HEAD / HTTP/1.1\r\nHost: example.org:443\r\nAccept: */*\r\n\r\n",
         b"GET /docs/ HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n",
         b"GET /docs HTTP/1.0\r\n\r\n", b"GET http://a/index.html?q=1 HTTP/1.1\r\nHost: a\r\n\r\n",
         b"GET /a.txt HTTP/1.1\r\nHost: [::1]\r\nRange: bytes=0-9\r\nIf-None-Match: \"x\"\r\n\r\n",
         b"POST /docs/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
         b"GET /%61.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + GOOD,
         b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
PIECES = [b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b"/", b"%2e", b"%2f",
          b"%00", b"..", b"../", b"\\", b"%", b"?", b"#", b"@", b",", b"Host: a\r\n",
          b"Host: b\r\n", b" chunked",
          b"Content-Length: 0\r\n", b"Content-Length: 44\r\n", b"Content-Length: -1\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"X: y\r\n z\r\n",
          b"HTTP/1.1", b"HTTP/1.0", b"GET ", b"HEAD ", b"Range: bytes=0-0\r\n", b"\xc0\xae",
          b"\xff", b"99999999999999999999", b"/docs/", b"/a.txt", b"a" * 300,
          b"Expect: 100-continue\r\n"]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 8, 40)))
        way = rng.randrange(6)
        if way == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            data[at:end] = b""
        elif way == 2:
            data[at:at] = data[at:end]
        elif way == 3:
            data[at:at + rng.randrange(2)] = bytes([rng.randrange(256)])
        elif way == 4:
            rows = bytes(data).split(b"\r\n")
            rows[rng.randrange(len(rows))] = rows[rng.randrange(len(rows))]
            data = bytearray(b"\r\n".join(rows))
        else:
            data[at:at] = rng.choice(PIECES)
    return bytes(data)


def mutations_get_no_wrong_page(client, seed, count):
    rng, ends = random.Random(seed), collections.Counter()
    begin = time.monotonic()
    for number in range(count):
        statuses = client.attack(mutate(rng, rng.choice(SEEDS)))
        ends.update(statuses or ["closed without an answer"])
        if number % HONEST_EVERY == HONEST_EVERY - 1:
            client.honest()
        if number % 10000 == 9999:
            print(f"     {number + 1} mutations after {time.monotonic() - begin:.0f} s", flush=True)
    said = ", ".join(f"{status}: {times}" for status, times in sorted(ends.items(), key=str))
    print(f"     {count} mutations tried, 0 wrong pages; answers of {said}")
    assert ends[200] > 0 and ends[400] > 0, "the mutator is worth nothing"


def run_all(seed, count):
    """Exit status for sys.exit."""
    wanted = rotunda_vm.wanted_tests()
    if not os.path.exists(rotunda_vm.default_image()):
        print(f"skipped: needs {rotunda_vm.default_image()}")
        return rotunda_vm.CANNOT_RUN
    failed = 0
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        for name, content in SITE.items():
            path = os.path.join(folder, "site", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(content)
        image = os.path.join(folder, "image")
        rotunda_vm.pack_image(os.path.join(folder, "site"), image)
        with rotunda_vm.Machine(image) as vm:
            vm.wait_https("/a.txt")
            client = Client(vm)
            tests = {"table_is_refused": lambda _: table_is_refused(client),
                     "mutations_get_no_wrong_page":
                         lambda _: mutations_get_no_wrong_page(client, seed, count)}
            for name, test in tests.items():
                if not wanted or name in wanted:
                    failed += rotunda_vm.run_test(test, vm, name).error is not None
            if "fault:" in vm.text:
                print(f"FAIL somebody fell over:\n{vm.tail()}")
                failed += 1
    return 1 if failed else 0
