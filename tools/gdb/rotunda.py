"""gdb extension: symbols of the programs, at the addresses they happen to have.

Programs are placed at random, and each one's text is a segment that aliases a part of the boot
archive.  The kernel's owner table (domains/space.c) leads from every address to its segment, so
whenever gdb stops, the table is read and each program that appeared is told to gdb.

    rotunda-symbols          look again, list what is loaded where
    rotunda-wait PROGRAM     run until PROGRAM is loaded and about to start
"""

import os
import struct
import subprocess

import gdb

HEADER = struct.Struct("<8sII8Q")
PROGRAM = struct.Struct("<32s12Q")
BUILD = os.path.dirname(gdb.current_progspace().filename)
GIGABYTES = 512  # of shared space: SPACE_GIGABYTES in domains/space.h
THREAD_START = "thread_create"  # by when it runs, the text of its program has an address


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def program_path(name):
    return os.path.join(BUILD, "programs", name + ".elf")


def archive_programs():
    """Map each program's place in the archive, as the image on disk has it, to its name."""
    with open(os.path.join(BUILD, "rotunda.Image"), "rb") as stream:
        stream.seek(int(gdb.parse_and_eval("(char *)&__image_end - (char *)&__image_start")))
        archive = stream.read()
    _, _, count, _, programs, *_ = HEADER.unpack_from(archive)
    found = {}
    for index in range(count):
        name, text, text_bytes, *_, spare, _ = PROGRAM.unpack_from(
            archive, programs + index * PROGRAM.size)
        for place in (text, spare) if text_bytes else ():
            found[place] = name.rstrip(b"\0").decode()
    return found


def owner_table():
    """Address of `owners` in domains/space.c.

    The kernel is linked with whole-program optimisation, which leaves static variables without a
    location in the debug information and with a suffix in the symbol table; the size tells this one
    from others of its name.
    """
    listed = subprocess.run(["nm", "-S", gdb.current_progspace().filename], text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[3].split(".")[0] == "owners" \
                and int(fields[1], 16) == GIGABYTES * 8:
            return int(fields[0], 16)
    raise gdb.GdbError("the kernel has no owner table")


def text_segments():
    """Yield (offset in the archive, address) of each segment that aliases a part of it."""
    owners = struct.unpack(f"<{GIGABYTES}Q", memory(owner_table(), GIGABYTES * 8))
    alias = int(gdb.parse_and_eval("(int)SEGMENT_ALIAS"))
    seen = set()
    for table in owners:
        pointers = struct.unpack("<512Q", memory(table, 4096)) if table else ()
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
        gdb.execute(f"add-symbol-file {program_path(name)} -o {address:#x}", to_string=True)
        self.loaded[name] = address
        print(f"[{name} is at {address:#x}]")


symbols = Symbols()


def look_quietly(_event=None):
    try:
        symbols.look()
    except gdb.error:
        pass  # the kernel's tables are not mapped yet


class SymbolsCommand(gdb.Command):
    """Look for programs in the address space and load their symbols."""

    def __init__(self):
        super().__init__("rotunda-symbols", gdb.COMMAND_FILES)

    def invoke(self, _argument, _from_tty):
        symbols.look()
        for name, address in sorted(symbols.loaded.items()):
            print(f"{address:#018x} {name}")


class WaitCommand(gdb.Command):
    """rotunda-wait PROGRAM: run until PROGRAM is loaded and about to start."""

    def __init__(self):
        super().__init__("rotunda-wait", gdb.COMMAND_RUNNING)

    def invoke(self, argument, _from_tty):
        program = argument.strip()
        if not os.path.exists(program_path(program)):
            raise gdb.GdbError(f"there is no program '{program}'")
        watch = gdb.Breakpoint(THREAD_START)
        watch.silent = True
        # gdb complains when symbols appear while it still reports a stop: look afterwards.
        gdb.events.stop.disconnect(look_quietly)
        try:
            while program not in symbols.loaded:
                hits = watch.hit_count
                gdb.execute("continue", to_string=True)
                look_quietly()
                if watch.hit_count == hits:
                    break  # something else stopped the machine
        finally:
            gdb.events.stop.connect(look_quietly)
            watch.delete()


gdb.events.stop.connect(look_quietly)
SymbolsCommand()
WaitCommand()
