"""gdb extension: symbols of the programs, at the addresses they happen to have.

Programs are placed at random, and each one's text is a segment that aliases a part of the boot
archive.  The kernel's owner table (domains/space.c) leads from every address to its segment, so
whenever gdb stops, the table is read and each program that appeared is told to gdb.

    rotunda-symbols                    look again, list what is loaded where
    rotunda-break PROGRAM LOCATION     stop there once PROGRAM has been started
"""

import os
import struct

import gdb

HEADER = struct.Struct("<8sII8Q")
PROGRAM = struct.Struct("<32s10Q16x")
BUILD = os.path.dirname(gdb.current_progspace().filename)
THREAD_START = "thread_create"  # by when it runs, the text of its program has an address


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def archive_programs():
    """Map each program's place in the archive to its name."""
    archive = int(gdb.parse_and_eval("(unsigned long)&__image_end"))
    magic, _, count, _, programs, *_ = HEADER.unpack(memory(archive, HEADER.size))
    if magic != b"ROTARCH1":
        return {}
    found = {}
    for index in range(count):
        entry = memory(archive + programs + index * PROGRAM.size, PROGRAM.size)
        name, text, text_bytes, *_ = PROGRAM.unpack(entry)
        if text_bytes:
            found[text] = name.rstrip(b"\0").decode()
    return found


def text_segments():
    """Yield (offset in the archive, address) of each segment that aliases a part of it."""
    owners = gdb.parse_and_eval("'domains/space.c'::owners")
    alias = int(gdb.parse_and_eval("(int)SEGMENT_ALIAS"))
    seen = set()
    for gigabyte in range(owners.type.range()[1] + 1):
        table = owners[gigabyte]
        if int(table) == 0:
            continue
        pointers = struct.unpack("<512Q", memory(int(table), 4096))
        for pointer in set(pointers) - seen - {0}:
            seen.add(pointer)
            segment = gdb.Value(pointer).cast(
                gdb.lookup_type("struct segment").pointer()).dereference()
            if int(segment["backing"]) == alias:
                yield int(segment["source_offset"]), int(segment["address"])


class Symbols:
    """What gdb has been told so far."""

    def __init__(self):
        self.programs = {}
        self.loaded = {}  # name -> address

    def look(self):
        self.programs = self.programs or archive_programs()
        for offset, address in text_segments():
            name = self.programs.get(offset)
            if name is not None and self.loaded.get(name) != address:
                self.load(name, address)

    def load(self, name, address):
        if name in self.loaded:
            gdb.execute(f"remove-symbol-file -a {self.loaded[name]:#x}", to_string=True)
        path = os.path.join(BUILD, "programs", name + ".elf")
        gdb.execute(f"add-symbol-file {path} -o {address:#x}", to_string=True)
        self.loaded[name] = address
        print(f"[{name} is at {address:#x}]")


symbols = Symbols()


def look_quietly(_event=None):
    try:
        symbols.look()
    except gdb.error:
        pass  # the kernel's tables are not mapped yet


class StartWatch(gdb.Breakpoint):
    """Passes over every new thread until the program it waits for is there."""

    def __init__(self, program, location):
        super().__init__(THREAD_START, internal=True)
        self.silent = True
        self.program = program
        self.location = location

    def stop(self):
        look_quietly()
        if self.program in symbols.loaded and self.enabled:
            # gdb allows no changes to breakpoints in here.
            gdb.post_event(self.settle)
            self.enabled = False
            return True
        return False

    def settle(self):
        gdb.execute(f"tbreak {self.location}")
        self.delete()
        gdb.execute("continue")


class SymbolsCommand(gdb.Command):
    """Look for programs in the address space and load their symbols."""

    def __init__(self):
        super().__init__("rotunda-symbols", gdb.COMMAND_FILES)

    def invoke(self, _argument, _from_tty):
        symbols.look()
        for name, address in sorted(symbols.loaded.items()):
            print(f"{address:#018x} {name}")


class BreakCommand(gdb.Command):
    """rotunda-break PROGRAM LOCATION: stop there once PROGRAM has been started."""

    def __init__(self):
        super().__init__("rotunda-break", gdb.COMMAND_BREAKPOINTS)

    def invoke(self, argument, _from_tty):
        program, _, location = argument.partition(" ")
        if not location:
            raise gdb.GdbError("rotunda-break PROGRAM LOCATION")
        StartWatch(program, location.strip())


gdb.events.stop.connect(look_quietly)
SymbolsCommand()
BreakCommand()
