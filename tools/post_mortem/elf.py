"""
What a build knows of its programs: sections, symbols, and, asked of the debugger, where fields are.
"""

import bisect
import collections
import functools
import re
import shutil
import struct
import subprocess

from .memory import Unreadable

PT_LOAD, PF_X = 1, 1
SHT_SYMTAB = 2
SHF_EXECINSTR = 4
STT_NOTYPE, STT_FUNC = 0, 2

Field = collections.namedtuple("Field", "offset size")


class Elf:
    """One 64-bit little-endian ELF file of the build."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as stream:
                self.bytes = stream.read()
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}; give the folder of the build that was "
                             "dumped with --build") from None
        if self.bytes[:6] != b"\x7fELF\x02\x01":
            raise Unreadable(f"{path}: not a 64-bit little-endian ELF file")
        phoff, shoff, _, _, phsize, phnum, shsize, shnum = struct.unpack_from("<QQIHHHHH",
                                                                              self.bytes, 32)
        # (type, flags, offset, address, physical address, file bytes, memory bytes, alignment)
        segments = [struct.unpack_from("<IIQQQQQQ", self.bytes, phoff + i * phsize)
                    for i in range(phnum)]
        # (name, type, flags, address, offset, bytes, link, info, alignment, entry bytes)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.bytes, shoff + i * shsize)
                         for i in range(shnum)]
        text = min((s for s in segments if s[0] == PT_LOAD and s[1] & PF_X), key=lambda s: s[3])
        self.base = text[3]
        self.text = self.bytes[text[2]:text[2] + text[5]]
        self.symbols = collections.defaultdict(list)  # name -> (address, size)
        self.functions = []                           # (address, name), sorted
        self.symbols_read()

    def symbols_read(self):
        functions = {}
        for section in self.sections:
            if section[1] != SHT_SYMTAB:
                continue
            strings = self.sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                name, info, _, index, value, size = struct.unpack_from("<IBBHQQ", self.bytes, at)
                if name == 0 or index == 0:
                    continue
                end = self.bytes.index(b"\0", strings + name)
                # Link-time optimisation puts numbers behind the names of what was static.
                text = re.sub(r"(\.lto_priv)?\.\d+$", "",
                              self.bytes[strings + name:end].decode())
                self.symbols[text].append((value, size))
                kind = info & 15
                if self.is_code(index) and (kind == STT_FUNC or kind == STT_NOTYPE
                                            and not text.startswith(("$", ".L", "__"))):
                    # Labels that share an address with a function give way to it.
                    if kind == STT_FUNC or value not in functions:
                        functions[value] = text
        self.functions = sorted(functions.items())

    def is_code(self, index):
        return index < len(self.sections) and self.sections[index][2] & SHF_EXECINSTR

    def symbol(self, name, size=None):
        """Address of a symbol; of several, the one of this size."""
        found = sorted({at for at, length in self.symbols[name] if size in (None, length)})
        if len(found) != 1:
            raise Unreadable(f"{self.path} has {len(found)} symbols {name!r}")
        return found[0]

    def function_at(self, address, behind=0):
        """ "name+0x1c", of who has the address, or what is so many bytes before; None: nobody."""
        at = bisect.bisect_right(self.functions, address - behind,
                                 key=lambda function: function[0]) - 1
        if at < 0 or address - self.base > len(self.text):
            return None
        start, name = self.functions[at]
        return f"{name}+{address - start:#x}"


@functools.cache
def elf_of(path):
    """The same, read once: who looks at one machine after the other."""
    return Elf(path)


@functools.cache
def debugger_says(command):
    return subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


class Types:
    """Structures and enumerations of an ELF file, as its debug information has them."""

    def __init__(self, elf, fields, enums):
        """`fields`: {"struct thread": ("id", "cross.regs.pc")}; `enums`: names."""
        debugger = shutil.which("gdb-multiarch") or shutil.which("gdb")
        if debugger is None:
            raise Unreadable("no gdb-multiarch, which reads the debug information: "
                             "`tools/setup debug` installs it")
        command = [debugger, "-nx", "-batch"]
        for kind, names in fields.items():
            # What has no name is known by its one variable.
            null = f"(({kind} *)0)->" if kind.startswith("struct ") else f"{kind}."
            base = "0" if kind.startswith("struct ") else f"(long)&{kind}"
            size = kind
            command += ["-ex", f'printf "@ {kind}|| 0 %d\\n", sizeof({size})']
            for name in names:
                command += ["-ex", f'printf "@ {kind}|{name}| %ld %d\\n", '
                                   f"(long)&{null}{name} - {base}, (int)sizeof({null}{name})"]
        for name in enums:
            command += ["-ex", f"ptype enum {name}"]
        done = debugger_says((*command, elf.path))
        self.fields = {(kind, name): Field(int(offset), int(size)) for kind, name, offset, size in
                       re.findall(r"^@ (.*?)\|(.*?)\| (-?\d+) (\d+)$", done.stdout, re.M)}
        missing = [f"{kind}.{name}" for kind, names in fields.items() for name in names
                   if (kind, name) not in self.fields]
        if missing:
            raise Unreadable(f"{elf.path} says nothing of {', '.join(missing)}: "
                             f"{done.stderr.strip()}")
        self.enums = {}
        for name, text in re.findall(r"^type = enum (\w+) \{(.*?)\}", done.stdout, re.M):
            self.enums[name] = enum_read(text)

    def __getitem__(self, key):
        return self.fields[key]

    def size(self, kind):
        return self.fields[kind, ""].size

    def word(self, enum, value, prefix):
        """THREAD_STATE_WAITING_EVENT in words: "waiting event"."""
        name = self.enums.get(enum, {}).get(value)
        return name.removeprefix(prefix).lower().replace("_", " ") if name else f"{enum} {value}"


def enum_read(text):
    """"{A, B = 3, C}" as {0: "A", 3: "B", 4: "C"}."""
    found = {}
    value = 0
    for part in text.split(","):
        name, _, number = part.strip().partition(" = ")
        value = int(number) if number else value
        found[value] = name
        value += 1
    return found
