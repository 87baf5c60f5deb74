"""The launcher in a dump: the programs that it started, and the deaths that it remembers."""

import bisect
import collections
import os

from .elf import Types, elf_of
from .kernel import differing, text_of
from .memory import PAGE, Unreadable

FIELDS = {
    "struct archive_header": ("magic", "program_count", "programs_offset", "strings_offset"),
    "struct archive_program": ("name", "text_offset", "text_bytes", "symbols_offset",
                               "symbol_count", "spare_offset"),
    "struct archive_symbol": ("address_offset", "name_offset"),
    "struct inspect_crash": ("number", "time_ns", "domain", "cause", "code", "restarts", "failures",
                             "state", "delay_ms", "address", "owner", "pc", "symbol", "report",
                             "last_lines"),
    "struct child": ("domain", "state", "restarts", "loaded.domain_id"),
    "struct manifest_domain": ("name",),
}
ENUMS = ("inspect_state", "inspect_cause")
MAGIC = b"ROTARCH1"
NAME_MAX = 64

Program = collections.namedtuple("Program", "name text_offsets text_bytes symbols")
Crash = collections.namedtuple("Crash", FIELDS["struct inspect_crash"])
Entry = collections.namedtuple("Entry", "name state restarts domain_id")


class Launcher:
    """What stands in the memory of app:App, and in the boot archive behind the kernel."""

    def __init__(self, kernel, build):
        self.kernel = kernel
        self.elf = elf_of(os.path.join(build, "programs", "launcher.elf"))
        self.types = Types(self.elf, FIELDS, ENUMS)
        self.archive = kernel.image + kernel.image_end - kernel.elf.base
        self.programs = list(self.programs_read())
        self.domain = kernel.launcher()
        self.start = None  # where its text is, once it has been looked for

    # The boot archive.

    def archive_bytes(self, offset, size):
        return self.kernel.memory.read(self.archive + offset, size)

    def archive_field(self, kind, data, name, at=0):
        field = self.types[kind, name]
        return int.from_bytes(data[at + field.offset:at + field.offset + field.size], "little")

    def programs_read(self):
        header = self.archive_bytes(0, self.types.size("struct archive_header"))
        if header[:len(MAGIC)] != MAGIC:
            raise Unreadable("the boot archive is not behind the kernel any more")
        count, table, strings = (self.archive_field("struct archive_header", header, name)
                                 for name in ("program_count", "programs_offset",
                                              "strings_offset"))
        size = self.types.size("struct archive_program")
        for index in range(count):
            data = self.archive_bytes(table + index * size, size)
            fields = [self.archive_field("struct archive_program", data, name)
                      for name in FIELDS["struct archive_program"][1:]]
            name = text_of(data[:self.types["struct archive_program", "name"].size])
            places = [place for place in (fields[0], fields[4]) if place != 0]
            yield Program(name, places, fields[1], self.symbols_read(*fields[2:4], strings))

    def symbols_read(self, at, count, strings):
        """Sorted (offset from the text's start, place of the name)."""
        size = self.types.size("struct archive_symbol")
        data = self.archive_bytes(at, count * size)
        return [(self.archive_field("struct archive_symbol", data, "address_offset", i * size),
                 strings + self.archive_field("struct archive_symbol", data, "name_offset",
                                              i * size)) for i in range(count)]

    def function_at(self, address):
        """ "name+0x1c (program)" for a program's address; None: no program is there."""
        segment = self.kernel.segment_at(address)
        if segment is None:
            return None
        for program in self.programs:
            offset = address - segment.address
            if segment.source_offset not in program.text_offsets or offset >= program.text_bytes \
                    or not self.is_alias(segment):
                continue
            at = bisect.bisect_right(program.symbols, (offset, 1 << 64)) - 1
            if at < 0:
                return None
            start, name = program.symbols[at]
            text = text_of(self.archive_bytes(name, NAME_MAX))
            return f"{text}+{offset - start:#x} ({program.name})"
        return None

    def is_alias(self, segment):
        return self.kernel.types.word("segment_backing", segment.backing, "SEGMENT_") == "alias"

    # Its own memory.

    def base(self):
        """Where its text is, after a look whether it is the launcher of this build."""
        if self.start is None:
            self.start = self.base_find()
        return self.start

    def base_find(self):
        if self.domain is None:
            raise Unreadable("the launcher hadn't started")
        program = next((p for p in self.programs if p.name == "launcher"), None)
        if program is None:
            raise Unreadable("the boot archive has no launcher")
        if not self.is_built_as(program, self.elf):
            raise Unreadable(f"the launcher that was dumped is not {self.elf.path}: it is another "
                             "program in its place, or of another build")
        for segment in self.kernel.segments():
            if self.is_alias(segment) and segment.source_offset in program.text_offsets:
                return segment.address
        raise Unreadable("the launcher's text is nowhere")

    @staticmethod
    def is_built_as(program, elf):
        """By where its functions are: its text may be damaged."""
        return [offset for offset, _ in program.symbols] \
            == [address - elf.base for address, _ in elf.functions]

    def damages(self, build):
        """(program, its file, where, damaged instructions) of each copy of what the build has."""
        for program in self.programs:
            path = os.path.join(build, "programs", program.name + ".elf")
            if program.text_bytes == 0 or not os.path.exists(path):
                continue
            elf = elf_of(path)
            for offset in program.text_offsets if self.is_built_as(program, elf) else ():
                text = self.archive_bytes(offset, len(elf.text))
                yield program, elf, self.archive + offset, differing(elf.text, text)

    def read(self, address, size):
        return self.kernel.view_read(self.domain, address, size)

    def field_bytes(self, kind, at, name):
        field = self.types[kind, name]
        return self.read(at + field.offset, field.size)

    def field(self, kind, at, name):
        return int.from_bytes(self.field_bytes(kind, at, name), "little")

    def variable(self, name):
        """Address and size."""
        at = self.elf.symbol(name)
        return self.base() + at, next(size for start, size in self.elf.symbols[name] if start == at)

    def crashes(self):
        """Oldest first."""
        start, size = self.variable("crashes")
        found = []
        for at in range(start, start + size, self.types.size("struct inspect_crash")):
            crash = Crash(*(self.crash_field(at, name) for name in Crash._fields))
            if crash.number != 0:
                found.append(crash)
        return sorted(found)

    def crash_field(self, at, name):
        if name in ("domain", "owner", "symbol", "report", "last_lines"):
            return text_of(self.field_bytes("struct inspect_crash", at, name))
        return self.field("struct inspect_crash", at, name)

    def entries(self):
        """Those of the manifest, and what has become of each."""
        start, _ = self.variable("children")
        count = int.from_bytes(self.read(self.variable("child_count")[0], 4), "little")
        size = self.types.size("struct child")
        for at in range(start, start + count * size, size):
            domain = self.field("struct child", at, "domain")
            name = self.field("struct manifest_domain", domain, "name")
            yield Entry(self.string(name), *(self.field("struct child", at, field)
                                             for field in ("state", "restarts",
                                                           "loaded.domain_id")))

    def string(self, at):
        size = min(NAME_MAX, PAGE - at % PAGE)
        return text_of(self.read(at, size))
