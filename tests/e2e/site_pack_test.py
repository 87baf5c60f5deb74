#!/usr/bin/env python3
# timeout: 60
"""Packing a site and making a certificate: what the image carries for the web server.

Runs pack_site.py and make_certificate as the build does and reads their output back with nothing
but the layout of site.h.
"""

import gzip
import html
import os
import re
import shutil
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEB = os.path.join(ROOT, "userland", "web")
HEADER = struct.Struct("<8sQQQII2Q")
ENTRY = struct.Struct("<IIQ" + 2 * "QQIIIIII")


def run(tool, *arguments):
    return subprocess.run([sys.executable, os.path.join(WEB, tool), *arguments],
                          capture_output=True, text=True, check=False)


def unpack(path):
    """{path: (modified, [(body, etag, version lines, content lines), ...])}, in table order."""
    with open(path, "rb") as stream:
        blob = stream.read()
    magic, size, at, count, *_ = HEADER.unpack_from(blob)
    assert magic == b"ROTSITE1" and size == len(blob)
    pages = {}
    for number in range(count):
        row = ENTRY.unpack_from(blob, at + number * ENTRY.size)
        name = blob[row[0]:row[0] + row[1]].decode()
        variants = []
        for start in (3, 11):
            offset, length, *strings = row[start:start + 8]
            texts = [blob[strings[i]:strings[i] + strings[i + 1]].decode() for i in (0, 2, 4)]
            if texts[0]:
                assert offset + length <= size
                variants.append((blob[offset:offset + length], *texts))
        pages[name] = (row[2], variants)
    return pages


class Packing(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.site = os.path.join(self.folder, "site")
        self.blob = os.path.join(self.folder, "blob")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def add(self, name, content):
        path = os.path.join(self.site, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content)
        os.utime(path, (784111777, 784111777))

    def pack(self, *arguments):
        result = run("pack_site.py", self.site, "-o", self.blob, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return unpack(self.blob)

    def test_pages_are_sorted_typed_and_whole(self):
        text = b"<!doctype html><p>" + b"hello " * 500
        noise = os.urandom(300000)
        for name, content in (("index.html", text), ("b/x.bin", noise), ("b.css", b"a{}"),
                              ("a \xc3\xa9.svg".encode("latin-1").decode(), b"<svg/>"),
                              (".hidden", b"no"), (".git/config", b"no"),
                              (".well-known/security.txt", b"yes"), ("empty.txt", b"")):
            self.add(name, content)
        pages = self.pack()
        names = list(pages)
        self.assertEqual(names, sorted(names, key=str.encode))
        self.assertEqual(len(names), 6)
        self.assertNotIn("/.hidden", names)
        self.assertIn("/.well-known/security.txt", names)
        modified, variants = pages["/index.html"]
        self.assertEqual(modified, 784111777)
        self.assertEqual(len(variants), 2)
        self.assertEqual(variants[0][0], text)
        self.assertEqual(gzip.decompress(variants[1][0]), text)
        self.assertNotEqual(variants[0][1], variants[1][1])
        self.assertIn("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", variants[0][2])
        self.assertIn("Vary: Accept-Encoding\r\n", variants[0][2])
        self.assertIn("Content-Type: text/html; charset=utf-8\r\n", variants[0][3])
        self.assertNotIn("Content-Encoding", variants[0][3])
        self.assertIn("Content-Encoding: gzip\r\n", variants[1][3])
        self.assertEqual(pages["/b/x.bin"][1][0][0], noise)
        self.assertEqual(len(pages["/b/x.bin"][1]), 1)
        self.assertIn("application/octet-stream", pages["/b/x.bin"][1][0][3])
        self.assertEqual(len(pages["/b.css"][1]), 1, "gzip doesn't pay for three bytes")

    def test_packing_twice_gives_the_same_bytes(self):
        for number in range(20):
            self.add(f"{number * 7 % 20}.html", b"page " * number)
        self.pack()
        with open(self.blob, "rb") as stream:
            first = stream.read()
        self.pack()
        with open(self.blob, "rb") as stream:
            self.assertEqual(stream.read(), first)

    def test_content_decides_the_tag(self):
        self.add("a.txt", b"same")
        self.add("b.txt", b"same")
        self.add("c.txt", b"other")
        pages = self.pack()
        self.assertEqual(pages["/a.txt"][1][0][1], pages["/b.txt"][1][0][1])
        self.assertNotEqual(pages["/a.txt"][1][0][1], pages["/c.txt"][1][0][1])

    def test_what_cannot_be_packed_is_refused(self):
        self.assertIn("no such folder", run("pack_site.py", self.site, "-o", self.blob).stderr)
        self.add("a.txt", b"x")
        os.symlink("/etc/passwd", os.path.join(self.site, "out"))
        self.assertIn("leads out", run("pack_site.py", self.site, "-o", self.blob).stderr)
        os.remove(os.path.join(self.site, "out"))
        bad = run("pack_site.py", self.site, "-o", self.blob, "--policy", "x\r\nSet-Cookie: y")
        self.assertNotEqual(bad.returncode, 0)
        self.assertFalse(os.path.exists(self.blob))

    def test_the_default_site_hangs_together(self):
        result = run("pack_site.py", os.path.join(WEB, "site"), "-o", self.blob)
        self.assertEqual(result.returncode, 0, result.stderr)
        pages = unpack(self.blob)
        for name in ("/index.html", "/404.html", "/style.css", "/favicon.svg"):
            self.assertIn(name, pages)
        for name, (_, variants) in pages.items():
            if not name.endswith(".html"):
                continue
            text = variants[0][0].decode()
            self.assertNotIn("<script", text)
            self.assertNotIn("style=", text)
            for link in text.replace("'", '"').split('href="')[1:] + text.split('src="')[1:]:
                target = link.split('"', 1)[0].split("#", 1)[0]
                if target.startswith("/"):
                    file = target + ("index.html" if target.endswith("/") else "")
                    self.assertIn(file, pages, f"{name} links to {target}")
                else:
                    self.assertEqual(target, "", f"{name} links outside: {target}")


    def test_the_code_on_the_pages_is_the_code_in_the_tree(self):
        with open(os.path.join(WEB, "site", "driver", "index.html"), encoding="utf-8") as stream:
            page = stream.read()
        shown = re.findall(r'data-source="([^"]+)"><code>(.*?)</code>', page, re.S)
        self.assertGreaterEqual(len(shown), 5)
        for source, code in shown:
            with open(os.path.join(ROOT, source), encoding="utf-8") as stream:
                lines = [line.strip() for line in stream]
            for line in html.unescape(code).split("\n"):
                self.assertIn(line.strip(), lines, f"shown as part of {source}")


class Certificate(unittest.TestCase):
    def setUp(self):
        if shutil.which("openssl") is None:
            self.skipTest("no openssl")
        self.folder = tempfile.mkdtemp()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as stream:
            return stream.read()

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], capture_output=True, check=True, cwd=self.folder)

    def pair(self, name, algorithm, *options):
        self.openssl("req", "-x509", "-newkey", algorithm, *options, "-nodes", "-subj", "/CN=x",
                     "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def test_the_own_certificate_is_made_once(self):
        self.assertEqual(run("make_certificate", self.folder).returncode, 0)
        first = self.read("tls-certificate"), self.read("tls-key")
        self.assertEqual(run("make_certificate", self.folder).returncode, 0)
        self.assertEqual((self.read("tls-certificate"), self.read("tls-key")), first)
        self.assertIn("BEGIN CERTIFICATE", ssl.DER_cert_to_PEM_cert(first[0]))
        self.assertEqual(os.stat(self.path("tls-key")).st_mode & 0o077, 0)

    def test_the_users_own_is_checked_and_taken(self):
        curve = ("-pkeyopt", "ec_paramgen_curve:P-256")
        self.pair("a", "ec", *curve)
        self.pair("b", "ec", *curve)
        self.pair("c", "ed25519")
        own = ("--certificate", self.path("a.pem"), "--key", self.path("a.key"))
        self.assertEqual(run("make_certificate", self.folder, *own).returncode, 0)
        first = self.read("tls-certificate")
        self.openssl("x509", "-in", "a.pem", "-outform", "DER", "-out", "a.der")
        self.assertEqual(first, self.read("a.der"))

        mixed = run("make_certificate", self.folder, "--certificate", self.path("a.pem"), "--key",
                    self.path("b.key"))
        self.assertIn("is not the key of", mixed.stderr)
        other = run("make_certificate", self.folder, "--certificate", self.path("c.pem"), "--key",
                  self.path("c.key"))
        self.assertIn("neither an RSA key", other.stderr)
        half = run("make_certificate", self.folder, "--key", self.path("a.key"))
        self.assertIn("a certificate needs its key", half.stderr)
        self.assertEqual(self.read("tls-certificate"), first)

        # Without them again: not the user's old pair, but a new one of our own.
        self.assertEqual(run("make_certificate", self.folder).returncode, 0)
        self.assertNotEqual(self.read("tls-certificate"), first)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
