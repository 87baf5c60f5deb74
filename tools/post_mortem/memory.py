"""
Physical memory from a file: QEMU's `dump-guest-memory` (an ELF core, with the registers of each
CPU), or raw memory as `pmemsave` writes it (without them).
"""

import collections
import mmap
import os
import struct

RAM = 0x40000000  # where QEMU's virt has its memory; a raw dump begins there
PAGE = 4096
EM_AARCH64, ET_CORE = 183, 4
PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS = 1
REGISTERS_AT = 112  # in the description of NT_PRSTATUS: x0 to x30, sp, pc, pstate
COMPRESSED = (b"KDUMP   ", b"makedump")
IMAGE_MAGIC, IMAGE_MAGIC_AT, IMAGE_SIZE_AT = b"ARM\x64", 56, 16  # of an arm64 Image

Registers = collections.namedtuple("Registers", "x sp pc pstate")
Run = collections.namedtuple("Run", "physical offset size")


class Unreadable(Exception):
    """What was asked for is not there; the text says what, and what can be done."""


class Memory:
    """What a dump says of physical addresses."""

    def __init__(self, path):
        self.path = path
        self.registers = []  # of each CPU, if the dump has them
        try:
            with open(path, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                self.bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}; `tools/inspect --take {path}` writes a "
                             "dump of the machine that runs") from None
        if self.bytes[:8] in COMPRESSED:
            raise Unreadable(f"{path} is a compressed dump: take it without -z, -l and -s, or with "
                             "`tools/inspect --take`")
        if self.is_image():
            raise Unreadable(f"{path} is the image that a machine boots, not a dump of one: "
                             "`tools/inspect --take` takes one of the machine that runs")
        if self.bytes[:4] == b"\x7fELF":
            self.runs = self.core_read()
        else:
            self.runs = [Run(RAM, 0, len(self.bytes))]
        self.is_raw = not self.registers and self.bytes[:4] != b"\x7fELF"

    def is_image(self):
        """A dump that begins with the kernel has more than the image behind it."""
        if self.bytes[IMAGE_MAGIC_AT:IMAGE_MAGIC_AT + len(IMAGE_MAGIC)] != IMAGE_MAGIC:
            return False
        return len(self.bytes) <= struct.unpack_from("<Q", self.bytes, IMAGE_SIZE_AT)[0]

    def core_read(self):
        if len(self.bytes) < 64 or self.bytes[4:6] != b"\x02\x01":
            raise Unreadable(f"{self.path}: not a 64-bit little-endian ELF file")
        kind, machine, _, _, table, _, _, _, each, count = struct.unpack_from("<HHIQQQIHHH",
                                                                              self.bytes, 16)
        if kind != ET_CORE or machine != EM_AARCH64:
            raise Unreadable(f"{self.path} is an ELF file, but no memory dump of a 64-bit Arm "
                             "machine: a build's own file, perhaps?")
        runs = []
        for index in range(count):
            kind, _, offset, _, physical, size = struct.unpack_from("<IIQQQQ", self.bytes,
                                                                    table + index * each)
            if kind == PT_NOTE:
                self.notes_read(offset, size)
            elif kind == PT_LOAD:
                runs.append(Run(physical, offset, size))
                if offset + size > len(self.bytes):
                    raise Unreadable(f"{self.path} is cut off: it has {len(self.bytes)} bytes, and "
                                     f"{offset + size} are announced; is the disk full?")
        return runs

    def notes_read(self, at, size):
        end = at + size
        while at + 12 <= end:
            name_bytes, bytes_, kind = struct.unpack_from("<III", self.bytes, at)
            content = at + 12 + (name_bytes + 3) // 4 * 4
            if kind == NT_PRSTATUS:
                words = struct.unpack_from("<34Q", self.bytes, content + REGISTERS_AT)
                self.registers.append(Registers(words[:31], *words[31:]))
            at = content + (bytes_ + 3) // 4 * 4

    def offset(self, physical, size):
        for run in self.runs:
            if run.physical <= physical and physical + size <= run.physical + run.size:
                return run.offset + physical - run.physical
        return None

    def read(self, physical, size):
        at = self.offset(physical, size)
        if at is None:
            raise Unreadable(f"nothing was dumped of physical address {physical:#x}")
        return self.bytes[at:at + size]

    def pages_with(self, text, at, step):
        """Physical addresses, multiples of `step`, that have `text` at `at` bytes behind them."""
        for run in self.runs:
            first = (run.physical + step - 1) // step * step
            for physical in range(first, run.physical + run.size - at - len(text), step):
                if self.read(physical + at, len(text)) == text:
                    yield physical
