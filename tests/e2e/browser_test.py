#!/usr/bin/env python3
"""
The site in a browser: headless Chromium loads every page over HTTPS and takes a picture of it.

The page must arrive whole (its text is there), with its style (the picture has the site's colours)
and without a complaint of the browser's about what the page's own policy forbids.
"""
# timeout: 400

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

from rotunda_vm import CANNOT_RUN, Machine, VmError, default_image

PAGES = {
    "/": "One great",
    "/domains/": "<svg",
    "/driver/": "<code",
    "/no-such-page": "404",
}
PAPER = (0xF7, 0xF4, 0xED)  # the style sheet's background, light
WIDTH, HEIGHT = 1000, 1200


def chromium_arguments(profile):
    return ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--ignore-certificate-errors", "--hide-scrollbars", "--enable-logging=stderr",
            f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}"]


def chromium(program, *arguments):
    with tempfile.TemporaryDirectory(prefix="rotunda-browser-") as profile:
        done = subprocess.run([program] + chromium_arguments(profile) + list(arguments),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                              check=False)
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def unfilter(kind, row, above, step):
    """One row of a PNG image, as it was before filtering (PNG specification, section 9)."""
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            near = left + up - corner
            guess = min((left, up, corner), key=lambda c: abs(near - c))
        else:
            guess = 0
        row[i] = (value + guess) & 255
    return row


def png_colours(data):
    """Size, and how often each colour occurs in every twentieth row."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise VmError("the picture is no PNG")
    at, body, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", data[at + 8:at + 21])
        elif kind == b"IDAT":
            body += data[at + 8:at + 8 + length]
        at += length + 12
    width, height, depth, colour = header[:4]
    if depth != 8 or colour not in (2, 6):
        raise VmError(f"a PNG of colour type {colour} and depth {depth}")
    step = 3 if colour == 2 else 4
    raw = zlib.decompress(body)
    above, colours = bytearray(width * step), {}
    for y in range(height):
        start = y * (width * step + 1)
        row = unfilter(raw[start], bytearray(raw[start + 1:start + 1 + width * step]), above, step)
        above = row
        if y % 20 == 0:
            for x in range(0, width * step, step):
                key = tuple(row[x:x + 3])
                colours[key] = colours.get(key, 0) + 1
    return (width, height), colours


def page_arrives(program, vm, path, wanted):
    dom, log = chromium(program, "--dump-dom", vm.url(path))
    if wanted not in dom:
        raise VmError(f"{path}: no {wanted!r} in what the browser has:\n"
                      f"{dom[:1000]}\n{log[-1000:]}")
    complaints = re.findall(r'"(Refused to [^"]*)"', log)
    if complaints:
        raise VmError(f"{path}: the browser complains: {complaints}")


def page_looks_like_itself(program, vm, picture):
    chromium(program, f"--screenshot={picture}", vm.url("/"))
    with open(picture, "rb") as image:
        size, colours = png_colours(image.read())
    if size != (WIDTH, HEIGHT):
        raise VmError(f"the picture is {size}")
    total = sum(colours.values())
    paper = sum(count for colour, count in colours.items()
                if all(abs(a - b) <= 6 for a, b in zip(colour, PAPER)))
    if len(colours) < 50 or not 0.3 < paper / total < 0.98:
        raise VmError(f"{len(colours)} colours, {paper / total:.0%} of them paper: not our page")


def main():
    program = shutil.which("chromium")
    if program is None or not os.path.exists(default_image()):
        print("skipped: needs chromium and the image")
        return 1 if os.environ.get("CI") else CANNOT_RUN
    picture = os.path.join(os.environ.get("ROTUNDA_BUILD", tempfile.gettempdir()), "site.png")
    with Machine() as vm:
        vm.wait_https()
        for path, wanted in PAGES.items():
            page_arrives(program, vm, path, wanted)
            print(f"ok: {path}", flush=True)
        page_looks_like_itself(program, vm, picture)
        print(f"ok: the picture ({picture})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
