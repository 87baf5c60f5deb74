"""
All views of a stopped system, read from a dump of its memory.

Nothing here is the kernel's: the format of translation tables is written down from the Arm ARM
("VMSAv8-64 translation table format descriptors", "Hierarchical control of data access
permissions"), symbols come from nm and offsets of structures from the debugger.  The kernel's word
is taken for what it says about itself only, and held against the tables: the list of domains, the
owner table of the shared space with its segments, and in how many views each of them is.

    dump = Dump(path, elf)
    for finding in Survey(dump).findings: print(finding)

Standard library only.
"""

import collections
import mmap
import re
import shutil
import struct
import subprocess

RAM = 0x40000000  # where QEMU's virt has its memory
PAGE = 4096
SLOT = 2 << 20
GIB = 1 << 30
IMAGE_MAGIC = b"ARM\x64"  # at byte 56 of an arm64 Image
DIRECT_MAP = 0xffff000000000000
IMAGE = 0xffffffff80000000

READ, WRITE, EXECUTE = 1, 2, 4
BACKINGS = ("frames", "run", "physical", "device", "alias")
FIELDS = {
    "domain": ("node", "id", "name", "root"),
    "segment": ("address", "length", "widest", "backing", "source", "label", "execute_bytes",
                "object.uses"),
}

# Descriptors.
OUTPUT = 0x0000fffffffff000
AP_EL0, AP_READ_ONLY, ACCESS_FLAG, NOT_GLOBAL = 1 << 6, 1 << 7, 1 << 10, 1 << 11
PXN, UXN = 1 << 53, 1 << 54
PXN_TABLE, UXN_TABLE, AP_TABLE_NO_EL0, AP_TABLE_READ_ONLY = 1 << 59, 1 << 60, 1 << 61, 1 << 62
TABLE_BITS = PXN_TABLE | UXN_TABLE | AP_TABLE_NO_EL0 | AP_TABLE_READ_ONLY

Segment = collections.namedtuple("Segment", "at address length widest backing source label execute "
                                            "view_count")
Domain = collections.namedtuple("Domain", "at id name root")
Finding = collections.namedtuple("Finding", "what where address descriptor")
# `at` is where the descriptor lies, physically; `limits` are the table bits above it.
Leaf = collections.namedtuple("Leaf", "domain address at descriptor limits size")


class Unreadable(Exception):
    """The dump is not what it should be."""


def symbols(elf):
    """Addresses and sizes by name, without what link-time optimisation puts behind names."""
    tool = shutil.which("aarch64-linux-gnu-nm") or "nm"
    text = subprocess.run([tool, "-S", elf], text=True, check=True, stdout=subprocess.PIPE).stdout
    found = collections.defaultdict(list)
    for line in text.split("\n"):
        parts = line.split()
        if len(parts) >= 3:
            name = re.sub(r"\.lto_priv\.\d+$", "", parts[-1])
            found[name].append((int(parts[0], 16), int(parts[1], 16) if len(parts) == 4 else 0))
    return found


def offsets(elf):
    """Where fields are in the kernel's structures, as the debugger sees it."""
    command = ["gdb-multiarch", "-nx", "-batch"]
    for kind, names in FIELDS.items():
        for name in names:
            command += ["-ex", f'printf "{kind} {name} %d\\n", (long)&((struct {kind} *)0)->{name}']
    done = subprocess.run(command + [elf], text=True, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    found = {}
    for kind, name, offset in re.findall(r"^(\w+) ([\w.]+) (\d+)$", done.stdout, re.MULTILINE):
        found[kind, name] = int(offset)
    missing = [name for kind, names in FIELDS.items() for name in names
               if (kind, name) not in found]
    if missing:
        raise Unreadable(f"no {missing}: {done.stderr.strip()}")
    return found


class Dump:
    """Physical memory, and what the kernel says about it.  Writes go to a private copy."""

    def __init__(self, path, elf):
        with open(path, "rb") as stream:
            self.memory = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        self.symbols = symbols(elf)
        self.offsets = offsets(elf)
        self.image = self.image_find()

    def image_find(self):
        for at in range(0, len(self.memory), SLOT):
            if self.memory[at + 56:at + 60] == IMAGE_MAGIC:
                return RAM + at
        raise Unreadable("no Image in memory")

    def has(self, physical, size=1):
        return RAM <= physical and physical + size <= RAM + len(self.memory)

    def word(self, physical):
        return struct.unpack_from("<Q", self.memory, physical - RAM)[0]

    def word_set(self, physical, value):
        struct.pack_into("<Q", self.memory, physical - RAM, value)

    def table(self, physical):
        """512 words: of a translation table or of anything else."""
        if not self.has(physical, PAGE):
            raise Unreadable(f"a table at {physical:#x}")
        return struct.unpack_from("<512Q", self.memory, physical - RAM)

    def physical(self, virtual):
        """Of an address in the kernel's image or in its direct map."""
        if virtual >= IMAGE:
            return virtual - IMAGE + self.image
        return virtual - DIRECT_MAP

    def symbol(self, name, size=None):
        """Physical address of a symbol; of several, the one of this size."""
        found = [at for at, length in self.symbols[name] if size is None or length == size]
        if len(found) != 1:
            raise Unreadable(f"{len(found)} symbols {name}")
        return self.physical(found[0])

    def kernel_frames(self):
        """Those of the image, but for what only booting needs: that is free memory now."""
        given = range(self.symbol("__boot_start"), self.symbol("__boot_end"), PAGE)
        return set(range(self.image, self.symbol("__image_end"), PAGE)) - set(given)

    def field(self, kind, at, name, size=8):
        physical = self.physical(at) + self.offsets[kind, name]
        return int.from_bytes(self.memory[physical - RAM:physical - RAM + size], "little")

    def text(self, kind, at, name):
        physical = self.physical(at) + self.offsets[kind, name] - RAM
        return self.memory[physical:physical + 16].rstrip(b"\0").decode("ascii", "replace")

    def listed(self, head, kind, node):
        """Addresses of the structures in a list, whose head is at physical address `head`."""
        at = self.word(head)
        while self.physical(at) != head:
            yield at - self.offsets[kind, node]
            at = self.word(self.physical(at))

    def segment(self, at):
        return Segment(at, self.field("segment", at, "address"),
                       self.field("segment", at, "length"), self.field("segment", at, "widest", 4),
                       BACKINGS[self.field("segment", at, "backing", 4)],
                       self.field("segment", at, "source"), self.text("segment", at, "label"),
                       self.field("segment", at, "execute_bytes"),
                       self.field("segment", at, "object.uses", 4))

    def domains(self):
        for at in self.listed(self.symbol("all"), "domain", "node"):
            root = self.field("domain", at, "root")
            if root != 0:  # or its view is gone already
                yield Domain(at, self.field("domain", at, "id", 4), self.text("domain", at, "name"),
                             self.physical(root))

    def owners(self):
        """Segments by the number of their slots, as the owner table has it."""
        out = {}
        known = {}
        for gigabyte, at in enumerate(self.table(self.symbol("owners", 512 * 8))):
            if at == 0:
                continue
            for slot, owner in enumerate(self.table(self.physical(at))):
                if owner != 0:
                    known.setdefault(owner, None)
                    out[gigabyte * 512 + slot] = owner
        for at in known:
            known[at] = self.segment(at)
        return {slot: known[at] for slot, at in out.items()}


def leaf_rights(descriptor, limits):
    """What EL0 may do by a leaf below such tables."""
    read = descriptor & AP_EL0 and not limits & AP_TABLE_NO_EL0
    write = read and not descriptor & AP_READ_ONLY and not limits & AP_TABLE_READ_ONLY
    execute = not descriptor & UXN and not limits & UXN_TABLE
    return (READ if read else 0) | (WRITE if write else 0) | (EXECUTE if execute else 0)


class Survey:
    """Every translation of every view, and of the kernel's own tables, against the rules."""

    def __init__(self, dump):
        self.dump = dump
        self.findings = []
        self.leaves = []        # of all views
        self.entries = []       # descriptors of level 1 and 2 that lead to leaves, as Leaf
        self.kernel_leaves = []
        self.tables = set()     # physical addresses
        self.leaf_tables = {}   # by slot: the table that views have there
        self.views_of = {}      # by segment: domains, and the rights with which they see it
        self.owners = dump.owners()
        self.domains = list(dump.domains())
        self.segments = {segment.at: segment for segment in self.owners.values()}
        for domain in self.domains:
            self.walk_view(domain)
        self.walk_kernel()
        self.check_all()

    def find(self, what, leaf):
        where = "kernel" if leaf.domain is None else f"{leaf.domain.name} ({leaf.domain.id})"
        self.findings.append(Finding(what, where, leaf.address, leaf.descriptor))

    # Walking.

    def walk(self, domain, table, level, base, limits, on_leaf, on_entry):
        self.tables.add(table)
        shift = 39 - 9 * level
        for index, descriptor in enumerate(self.dump.table(table)):
            if not descriptor & 1:
                continue
            leaf = Leaf(domain, base + (index << shift), table + 8 * index, descriptor, limits,
                        1 << shift)
            is_table = bool(descriptor & 2)
            if level == 3 and not is_table or level == 0 and not is_table:
                self.find("a reserved descriptor", leaf)
            elif level == 3 or not is_table:
                on_leaf(leaf)
            elif not self.dump.has(descriptor & OUTPUT, PAGE):
                self.find("a table outside of memory", leaf)
            else:
                on_entry(leaf, level)
                self.walk(domain, descriptor & OUTPUT, level + 1, leaf.address,
                          limits | descriptor & TABLE_BITS, on_leaf, on_entry)

    def walk_view(self, domain):
        def on_entry(leaf, level):
            if level == 2:
                self.entries.append(leaf)
                table = leaf.descriptor & OUTPUT
                if self.leaf_tables.setdefault(leaf.address, table) != table:
                    self.find("another table of leaves than other views have", leaf)

        self.walk(domain, domain.root, 1, 0, 0, self.check_leaf, on_entry)

    def walk_kernel(self):
        root = self.dump.symbol("table_root")
        self.walk(None, root, 0, 0xffff << 48, 0, self.kernel_leaves.append, lambda *_: None)

    # What is wrong with one leaf.

    def check_leaf(self, leaf):
        self.leaves.append(leaf)
        own = leaf_rights(leaf.descriptor, 0)
        if own & WRITE and own & EXECUTE:
            self.find("writable and executable", leaf)
        if not leaf.descriptor & NOT_GLOBAL:
            self.find("global", leaf)
        if not leaf.descriptor & PXN:
            self.find("executable for EL1", leaf)
        if not leaf.descriptor & ACCESS_FLAG:
            self.find("without access flag", leaf)
        segment = self.owners.get(leaf.address // SLOT)
        if segment is None:
            self.find("nobody's address", leaf)
            return
        offset = leaf.address - segment.address
        if offset + leaf.size > segment.length:
            self.find("beyond its segment", leaf)
        rights = leaf_rights(leaf.descriptor, leaf.limits)
        if not rights & READ:
            self.find("shown, but not to be read", leaf)
        if rights & ~segment.widest:
            self.find("more rights than the segment has", leaf)
        if segment.backing == "alias" and offset >= segment.execute:
            if rights & EXECUTE:
                self.find("executable behind what an alias lets execute", leaf)
            return
        views = self.views_of.setdefault(segment.at, {})
        if views.setdefault(leaf.domain.at, rights) != rights:
            self.find("other rights than elsewhere in the segment", leaf)

    # What is wrong with all of them together.

    def frames(self, leaf):
        base = leaf.descriptor & OUTPUT
        return range(base, base + leaf.size, PAGE)

    def source_of(self, segment):
        while segment.backing == "alias":
            segment = self.dump.segment(segment.source)
        return segment.at

    def check_all(self):
        kernel = self.dump.kernel_frames()
        segments = {}  # by frame: the segment whose it is
        written, executed = {}, {}
        sources = {at: self.source_of(segment) for at, segment in self.segments.items()}
        for leaf in self.leaves:
            segment = self.owners.get(leaf.address // SLOT)
            rights = leaf_rights(leaf.descriptor, leaf.limits)
            in_memory = self.dump.has(leaf.descriptor & OUTPUT)
            if segment is not None and in_memory == (segment.backing == "device"):
                self.find("registers that are memory, or memory that is not", leaf)
            for frame in self.frames(leaf):
                if frame in kernel:
                    self.find("the kernel's image", leaf)
                if frame in self.tables:
                    self.find("a translation table", leaf)
                if segment is not None and in_memory and sources[segment.at] != segments.setdefault(
                        frame, sources[segment.at]):
                    self.find("another segment's frame", leaf)
                if rights & WRITE:
                    written[frame] = leaf
                if rights & EXECUTE:
                    executed[frame] = leaf
        for at, views in self.views_of.items():
            segment = self.segments[at]
            if len(views) != segment.view_count:
                self.findings.append(Finding("in more or fewer views than it was granted to",
                                             segment.label, segment.address, len(views)))
        for frame in written.keys() & executed.keys():
            self.find("written in one view, executed in another", written[frame])
        self.check_kernel(kernel, executed)

    def check_kernel(self, image, executed):
        own_text = set()
        for leaf in self.kernel_leaves:
            if not leaf.descriptor & PXN:
                own_text.update(self.frames(leaf))
        for leaf in self.kernel_leaves:
            writable = not leaf.descriptor & AP_READ_ONLY
            if leaf.descriptor & AP_EL0 or not leaf.descriptor & UXN:
                self.find("the kernel's, within EL0's reach", leaf)
            if leaf.descriptor & NOT_GLOBAL:
                self.find("the kernel's, but not global", leaf)
            if not self.dump.has(leaf.descriptor & OUTPUT):
                continue
            for frame in self.frames(leaf) if writable else ():
                if frame in own_text or frame in executed:
                    self.find("executed, and written by the kernel", leaf)
        for frame in own_text - image:
            self.findings.append(Finding("executed by EL1 outside of its image", "kernel", frame,
                                         0))
