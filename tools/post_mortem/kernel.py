"""The kernel in a dump: its processors, domains, threads, segments, log and last words."""

import collections
import glob
import os
import re
import struct

from .elf import Types, elf_of
from .memory import IMAGE_MAGIC, IMAGE_MAGIC_AT, PAGE, Unreadable

HEADER_BYTES = 64  # of it; tools/pack writes into it
SLOT = 2 << 20
VALID, TABLE, OUTPUT = 1, 2, 0x0000fffffffff000  # of a translation table's descriptor
FOREIGN_SHARE = 8  # a kernel of which more than an eighth differs is of another build
LIST_MAX = 1 << 17  # who finds more in a list goes round in circles
MODE_EL1 = 4

FIELDS = {
    "struct cpu": ("current", "number", "is_idle", "state", "name", "kernel_stack_top", "mpidr",
                   "ready_count"),
    "struct thread": ("id", "home", "state", "priority", "home_node", "cross.domain",
                      "cross.regs.pc", "cross.regs.sp", "cpu"),
    "struct domain": ("id", "state", "name", "node", "root", "threads", "fault_count", "fault"),
    "struct segment": ("address", "length", "label", "owner", "backing", "source_offset"),
    "struct fault_record": ("reason", "address", "pc", "thread_id"),
    "struct info_machine": ("model", "cpu_count", "cpu_online", "gic_version",
                            "counter_frequency"),
    "struct list_node": ("next",),
    "kernel_log": ("end", "text"),
}
ENUMS = ("thread_state", "domain_state", "cpu_state", "fault_reason", "segment_backing")

Cpu = collections.namedtuple("Cpu", "at number name state is_idle thread stack_top ready")
Thread = collections.namedtuple("Thread", "at id home domain state priority pc cpu")
Domain = collections.namedtuple("Domain", "at id name state root faults fault")
Segment = collections.namedtuple("Segment", "address length label owner backing source_offset")


def text_of(data):
    return bytes(data).split(b"\0", 1)[0].decode("ascii", "replace")


def differing(ours, theirs):
    """Offsets of the instructions that differ."""
    if ours == theirs:
        return []
    count = min(len(ours), len(theirs)) // 4
    mine, other = (struct.unpack_from(f"<{count}I", data) for data in (ours, theirs))
    return [4 * i for i in range(count) if mine[i] != other[i]]


def damage_of(elf, memory, image):
    """The same of a kernel's text in memory, where it is to be as it was built."""
    theirs = elf.text[:HEADER_BYTES] + memory.read(image + HEADER_BYTES,
                                                   len(elf.text) - HEADER_BYTES)
    return differing(elf.text, theirs)


class Kernel:
    """Of the kernels of the build folder, the one that was dumped."""

    def __init__(self, memory, build):
        self.memory = memory
        self.image, self.elf, self.damage = self.identify(build)
        self.types = Types(self.elf, FIELDS, ENUMS)
        self.pages = {}  # kernel's page -> physical address
        self.segments_found = None
        self.image_end = self.elf.symbol("__image_end")

    def identify(self, build):
        images = list(self.memory.pages_with(IMAGE_MAGIC, IMAGE_MAGIC_AT, SLOT))
        if not images:
            raise Unreadable(f"{self.memory.path} has no kernel in it: it is neither an ELF dump "
                             "nor raw memory of a machine that has booted; `tools/inspect --take` "
                             "writes a dump that is")
        kernels = [elf_of(path) for path in sorted(glob.glob(os.path.join(build, "rotunda*.elf")))]
        if not kernels:
            raise Unreadable(f"{build}: no rotunda.elf there: name the folder of the build that "
                             "was dumped with --build, or build it: `tools/build`")
        damage, image, elf = min(((damage_of(elf, self.memory, image), image, elf)
                                  for elf in kernels for image in images),
                                 key=lambda found: len(found[0]))
        if len(damage) > len(elf.text) // 4 // FOREIGN_SHARE:
            raise Unreadable(
                f"{self.memory.path} is of another build: {len(damage)} of {len(elf.text) // 4} "
                f"instructions differ from {elf.path}, which comes nearest; name the folder of "
                "the build that was dumped with --build")
        return image, elf, damage

    def forget(self):
        """What memory holds is to be looked at anew."""
        self.pages = {}
        self.segments_found = None

    # Addresses.

    def walk(self, table, level, address):
        """Physical address by translation tables, or None."""
        while True:
            shift = 39 - 9 * level
            at = table + 8 * (address >> shift & 511)
            descriptor = int.from_bytes(self.memory.read(at, 8), "little")
            if not descriptor & VALID:
                return None
            if level == 3 or not descriptor & TABLE:
                return (descriptor & OUTPUT) + (address & (1 << shift) - 1)
            table, level = descriptor & OUTPUT, level + 1

    def physical(self, address):
        """Of one of the kernel's addresses."""
        if self.elf.base <= address < self.image_end:
            return address - self.elf.base + self.image
        page = address & -PAGE
        if page not in self.pages:
            root = self.elf.symbol("table_root") - self.elf.base + self.image
            found = self.walk(root, 0, page)
            if found is None or address >> 48 != 0xffff:
                raise Unreadable(f"the kernel has nothing at {address:#x}")
            self.pages[page] = found
        return self.pages[page] + address % PAGE

    def read(self, address, size):
        out = b""
        while size > 0:
            piece = min(size, PAGE - address % PAGE)
            out += self.memory.read(self.physical(address), piece)
            address, size = address + piece, size - piece
        return out

    def word(self, address):
        return int.from_bytes(self.read(address, 8), "little")

    def field_bytes(self, kind, at, name):
        field = self.types[kind, name]
        return self.read(at + field.offset, field.size)

    def field(self, kind, at, name):
        return int.from_bytes(self.field_bytes(kind, at, name), "little")

    def text(self, kind, at, name):
        return text_of(self.field_bytes(kind, at, name))

    def listed(self, head, kind, node):
        """Addresses of the structures in the list that begins at `head`."""
        next_at = self.types["struct list_node", "next"].offset
        at = self.word(head + next_at)
        for _ in range(LIST_MAX):
            if at == head:
                return
            yield at - self.types[kind, node].offset
            at = self.word(at + next_at)
        raise Unreadable(f"a list of {kind} has no end")

    def view_read(self, domain, address, size):
        """Memory as a domain sees it."""
        out = b""
        while size > 0:
            piece = min(size, PAGE - address % PAGE)
            physical = None
            if domain.root != 0:
                physical = self.walk(self.physical(domain.root), 1, address)
            if physical is None:
                raise Unreadable(f"{domain.name} sees nothing at {address:#x}")
            out += self.memory.read(physical, piece)
            address, size = address + piece, size - piece
        return out

    # Who is there.

    def machine(self):
        at = self.elf.symbol("machine", self.types.size("struct info_machine"))
        names = FIELDS["struct info_machine"]
        found = {name: self.field("struct info_machine", at, name) for name in names[1:]}
        return self.text("struct info_machine", at, "model"), found

    def cpus(self):
        table = self.elf.symbol("cpus")
        size = next(length for at, length in self.elf.symbols["cpus"] if at == table)
        for place in range(table, table + size, 8):
            at = self.word(place)
            if at == 0:
                return
            fields = {name: self.field("struct cpu", at, name) for name in
                      ("number", "is_idle", "state", "current", "kernel_stack_top", "ready_count")}
            yield Cpu(at, fields["number"], self.text("struct cpu", at, "name"), fields["state"],
                      fields["is_idle"], fields["current"], fields["kernel_stack_top"],
                      fields["ready_count"])

    def domain(self, at):
        fields = {name: self.field("struct domain", at, name) for name in
                  ("id", "state", "root", "fault_count", "fault")}
        return Domain(at, fields["id"], self.text("struct domain", at, "name"), fields["state"],
                      fields["root"], fields["fault_count"], fields["fault"])

    def domains(self):
        head = self.elf.symbol("all", self.types["struct domain", "threads"].size)
        return [self.domain(at) for at in self.listed(head, "struct domain", "node")]

    def launcher(self):
        """The domain that supervises all others; None: there is none yet."""
        at = self.word(self.elf.symbol("launcher", 8))
        return self.domain(at) if at else None

    def thread(self, at):
        fields = {name: self.field("struct thread", at, name) for name in
                  ("id", "home", "cross.domain", "state", "priority", "cross.regs.pc", "cpu")}
        return Thread(at, *fields.values())

    def threads(self, domain):
        head = domain.at + self.types["struct domain", "threads"].offset
        return [self.thread(at) for at in self.listed(head, "struct thread", "home_node")]

    def name_of(self, domain_at):
        return self.text("struct domain", domain_at, "name")

    # The shared space.

    def segments(self):
        """By address, each once."""
        if self.segments_found is None:
            pointers = set(self.pointers(self.elf.symbol("whole", PAGE)))
            for table in self.pointers(self.elf.symbol("owners", PAGE)):
                pointers.update(self.pointers(table))
            found = [self.segment(at) for at in pointers]
            self.segments_found = sorted(found)
        return self.segments_found

    def pointers(self, at):
        return [word for word in struct.unpack("<512Q", self.read(at, PAGE)) if word != 0]

    def segment(self, at):
        fields = {name: self.field("struct segment", at, name) for name in
                  ("address", "length", "owner", "backing", "source_offset")}
        label = self.text("struct segment", at, "label")
        return Segment(fields["address"], fields["length"], label, fields["owner"],
                       fields["backing"], fields["source_offset"])

    def segment_at(self, address):
        for segment in self.segments():
            if segment.address <= address < segment.address + segment.length:
                return segment
        return None

    # What it said, and where it is.

    def log(self):
        """The lines that the ring holds whole."""
        at = self.elf.symbol("kernel_log")
        ring = self.field_bytes("kernel_log", at, "text")
        end = self.field("kernel_log", at, "end")
        if end <= len(ring):
            return ring[:end].decode("ascii", "replace")
        start = end % len(ring)
        return (ring[start:] + ring[:start]).decode("ascii", "replace").split("\n", 1)[1]

    def panic(self):
        """(text, return addresses) if it has broken its own rules, else None."""
        if self.read(self.elf.symbol("is_panicking"), 1) == b"\0":
            return None
        lines = self.log().split("\n")
        starts = [i for i, line in enumerate(lines) if "] kernel panic: " in line]
        if not starts:
            return "it had not got as far as to say why", []
        text = lines[starts[-1]].split("] kernel panic: ", 1)[1]
        calls = re.findall(r"\]   called from (0x[0-9a-f]+)$", "\n".join(lines[starts[-1] + 1:]),
                           re.M)
        return text, [int(address, 16) for address in calls]

    def is_kernel(self, address):
        return address >> 48 == 0xffff

    def calls_on_stack(self, pointer, top):
        """
        Return addresses on a stack.  The kernel keeps no frame records: each word is one that is
        an address right behind a call, so some may be left over from calls that have returned.
        """
        found = []
        for at in range(pointer & -8, top, 8):
            address = self.word(at)
            offset = address - self.elf.base
            if 4 <= offset < len(self.elf.text) and offset % 4 == 0:
                before = int.from_bytes(self.elf.text[offset - 4:offset], "little")
                if before >> 26 == 0x25 or before & 0xfffffc1f == 0xd63f0000:  # BL, BLR
                    found.append(address)
        return found
