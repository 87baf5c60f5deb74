#!/usr/bin/env python3
"""Pack a folder of web pages into the one blob that the web server serves from.

What depends on a file alone is decided here, once, instead of at every request: its content type,
its entity tags, whether a gzip variant is worth its bytes, the field lines to send along.  The
layout is that of site.h.  Packing the same files twice gives the same bytes; SOURCE_DATE_EPOCH,
if set, is the latest modification time that is believed.
"""

import argparse
import gzip
import hashlib
import os
import struct
import sys
from email.utils import formatdate

HEADER = struct.Struct("<8sQQQII2Q")
ENTRY = struct.Struct("<IIQ" + 2 * "QQIIIIII")
assert HEADER.size == 56 and ENTRY.size == 96

MAGIC = b"ROTSITE1"
BODY_ALIGNMENT = 64
PATH_LIMIT = 1024  # what path.h decodes into
POLICY_LIMIT = 512  # what fits an answer's head with all the rest
GZIP_LIMIT = 16 << 20  # larger files are sent as they are
GZIP_GAIN = 0.10  # a variant must be at least this much smaller
CHUNK = 1 << 20

DEFAULT_POLICY = ("default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
                  "form-action 'self'; frame-ancestors 'none'")

TEXT_TYPES = {
    "css": "text/css", "csv": "text/csv", "htm": "text/html", "html": "text/html",
    "js": "text/javascript", "md": "text/markdown", "mjs": "text/javascript",
    "txt": "text/plain", "vtt": "text/vtt", "xml": "text/xml",
}
OTHER_TYPES = {
    "avif": "image/avif", "bmp": "image/bmp", "bz2": "application/x-bzip2", "gif": "image/gif",
    "gz": "application/gzip", "ico": "image/vnd.microsoft.icon", "jpeg": "image/jpeg",
    "jpg": "image/jpeg", "json": "application/json", "m4a": "audio/mp4", "mp3": "audio/mpeg",
    "mp4": "video/mp4", "ogg": "audio/ogg", "otf": "font/otf", "pdf": "application/pdf",
    "png": "image/png", "svg": "image/svg+xml", "tar": "application/x-tar", "ttf": "font/ttf",
    "wasm": "application/wasm", "wav": "audio/wav", "webm": "video/webm",
    "webmanifest": "application/manifest+json", "webp": "image/webp", "woff": "font/woff",
    "woff2": "font/woff2", "xz": "application/x-xz", "zip": "application/zip",
}
COMPRESSIBLE = {"svg", "json", "webmanifest", "wasm", "ttf", "otf", "ico", "bmp", "tar", "pdf"}


class Refused(Exception):
    """Something that cannot be packed; the text tells the person why."""


def extension_of(path):
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def content_type(path):
    extension = extension_of(path)
    if extension in TEXT_TYPES:
        return TEXT_TYPES[extension] + "; charset=utf-8"
    return OTHER_TYPES.get(extension, "application/octet-stream")


def is_compressible(path):
    return extension_of(path) in TEXT_TYPES or extension_of(path) in COMPRESSIBLE


def believed_time(seconds):
    latest = os.environ.get("SOURCE_DATE_EPOCH")
    return max(0, min(int(seconds), int(latest)) if latest else int(seconds))


def lines(*pairs):
    return "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("ascii")


class Variant:
    """One form of a file: where its bytes come from, and the lines that go with it."""

    def __init__(self, page, tag, size, compressed=None):
        self.compressed = compressed  # bytes, or None for the file itself
        self.size = size
        coding = [("Content-Encoding", "gzip")] if compressed is not None else []
        vary = [("Vary", "Accept-Encoding")] if page.has_choice else []
        fresh = "no-cache" if page.type.startswith("text/html") else "max-age=300"
        self.etag = f'"{tag}"'.encode("ascii")
        self.version_lines = lines(("ETag", f'"{tag}"'),
                                   ("Last-Modified", formatdate(page.modified, usegmt=True)),
                                   ("Cache-Control", fresh), *vary)
        self.content_lines = lines(("Content-Type", page.type), ("Accept-Ranges", "bytes"), *coding)


class Page:
    """One file of the site, in the one or two forms it can be sent in."""

    def __init__(self, file, path):
        self.file = file
        self.path = path.encode("utf-8")
        self.type = content_type(path)
        self.modified = believed_time(os.stat(file).st_mtime)
        if len(self.path) > PATH_LIMIT:
            raise Refused(f"{file}: its path is longer than {PATH_LIMIT} bytes")
        digest, size, content = self.read(is_compressible(path))
        compressed = self.compress(content)
        self.has_choice = compressed is not None
        # The packed form is another sequence of bytes, so it needs another strong tag.
        self.variants = [Variant(self, digest[:32], size)]
        if compressed is not None:
            self.variants.append(Variant(self, digest[:29] + "-gz", len(compressed), compressed))

    def read(self, keep):
        """(SHA-256, size, content or None): large files are never held whole."""
        digest, size, content = hashlib.sha256(), 0, b"" if keep else None
        with open(self.file, "rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                content = content + chunk if content is not None and size <= GZIP_LIMIT else None
        return digest.hexdigest(), size, content

    @staticmethod
    def compress(content):
        if not content:
            return None
        packed = gzip.compress(content, compresslevel=9, mtime=0)
        return packed if len(packed) <= len(content) * (1 - GZIP_GAIN) else None

    def write_body(self, variant, out):
        if variant.compressed is not None:
            out.write(variant.compressed)
            return
        written = 0
        with open(self.file, "rb") as stream:
            while chunk := stream.read(CHUNK):
                out.write(chunk)
                written += len(chunk)
        if written != variant.size:
            raise Refused(f"{self.file}: changed while it was being packed")


class Strings:
    """The string table; equal strings are stored once."""

    def __init__(self, start):
        self.start = start
        self.bytes = bytearray()
        self.places = {}

    def add(self, string):
        """(offset from the start of the blob, size)"""
        if string not in self.places:
            self.places[string] = self.start + len(self.bytes)
            self.bytes += string
        return self.places[string], len(string)


def round_up(value, alignment):
    return (value + alignment - 1) // alignment * alignment


def collect(folder):
    """Every page of the folder, sorted by path.  Hidden files stay out, .well-known excepted."""
    if not os.path.isdir(folder):
        raise Refused(f"{folder}: no such folder")
    top = os.path.realpath(folder)
    pages = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") or name == ".well-known"]
        for name in files:
            file = os.path.join(root, name)
            if name.startswith(".") or not os.path.isfile(file):
                continue
            if os.path.commonpath([top, os.path.realpath(file)]) != top:
                raise Refused(f"{file}: a link that leads out of the folder")
            path = "/" + os.path.relpath(file, folder).replace(os.sep, "/")
            try:
                pages.append(Page(file, path))
            except UnicodeEncodeError:
                raise Refused(f"{file!r}: its name is not UTF-8") from None
    return sorted(pages, key=lambda page: page.path)


def place(pages, policy):
    """Lay the blob out: (head as bytes, [(offset, page, variant)], total size)."""
    strings = Strings(HEADER.size + ENTRY.size * len(pages))
    policy_place = strings.add(lines(("Content-Security-Policy", policy)))
    places = []
    for page in pages:
        row = [strings.add(page.path)]
        for variant in page.variants:
            row += [strings.add(variant.etag), strings.add(variant.version_lines),
                    strings.add(variant.content_lines)]
        places.append(row)

    at = round_up(strings.start + len(strings.bytes), BODY_ALIGNMENT)
    entries, bodies = b"", []
    for page, row in zip(pages, places):
        fields = []
        for number, variant in enumerate(page.variants):
            bodies.append((at, page, variant))
            fields += [at, variant.size]
            for string in row[1 + 3 * number:4 + 3 * number]:
                fields += string
            at = round_up(at + variant.size, BODY_ALIGNMENT)
        fields += [0] * (16 - len(fields))
        entries += ENTRY.pack(*row[0], page.modified, *fields)
    header = HEADER.pack(MAGIC, at, HEADER.size, len(pages), *policy_place, 0, 0)
    return header + entries + bytes(strings.bytes), bodies, at


def write(path, head, bodies, size):
    """Write the blob beside its place and move it there, so that none is ever half there."""
    partial = f"{path}.partial"
    with open(partial, "wb") as out:
        out.write(head)
        for offset, page, variant in bodies:
            out.write(b"\0" * (offset - out.tell()))
            page.write_body(variant, out)
        out.write(b"\0" * (size - out.tell()))
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", help="the site")
    parser.add_argument("-o", "--output", required=True, metavar="BLOB")
    parser.add_argument("--policy", default=DEFAULT_POLICY, metavar="TEXT",
                        help="the site's Content-Security-Policy (default: own content only)")
    parser.add_argument("--list", action="store_true", help="show what was packed")
    arguments = parser.parse_args()
    if len(arguments.policy) > POLICY_LIMIT or not arguments.policy.isprintable():
        raise Refused(f"the policy must be one line of at most {POLICY_LIMIT} characters")
    pages = collect(arguments.folder)
    head, bodies, size = place(pages, arguments.policy)
    write(arguments.output, head, bodies, size)
    if arguments.list:
        for page in pages:
            sizes = ", ".join(f"{variant.size:,}" for variant in page.variants)
            print(f"{page.path.decode()}  {page.type}  {sizes} bytes")


if __name__ == "__main__":
    try:
        main()
    except (Refused, OSError) as problem:
        sys.exit(f"pack_site: {problem}")
