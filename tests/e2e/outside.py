"""
A running machine as tools/post_mortem reads it, from outside and again and again: where domains
have what, whether texts and canaries are as they should be.  Standard library only.
"""

import os
import struct
import sys

import rotunda_vm

sys.path.insert(0, os.path.join(rotunda_vm.ROOT, "tools"))

from post_mortem.elf import Types, elf_of  # noqa: E402  (the path above comes first)
from post_mortem.kernel import Kernel, damage_of  # noqa: E402
from post_mortem.launcher import Launcher  # noqa: E402
from post_mortem.memory import PAGE, RAM, Memory  # noqa: E402

SLOT = 2 << 20
MASK = (1 << 64) - 1
CANARY = 0x9e3779b97f4a7c15  # tests/target/launcher/neighbour.h
ASIDS = 1 << 16  # that the kernel has room for


class Live:
    """Physical memory of a machine, through QEMU's control socket; pages are kept until refresh."""

    def __init__(self, vm):
        self.vm = vm
        self.file = os.path.join(vm.folder, "live")
        self.pages = {}

    def refresh(self):
        self.pages = {}

    def page(self, physical):
        if physical not in self.pages:
            self.load(physical, PAGE)
        return self.pages[physical]

    def load(self, physical, size):
        """Have these whole pages at hand."""
        self.vm.qmp("pmemsave", val=physical, size=size, filename=self.file)
        with open(self.file, "rb") as stream:
            for at in range(physical, physical + size, PAGE):
                self.pages[at] = stream.read(PAGE)

    def read(self, physical, size):
        first, last = physical & -PAGE, (physical + size - 1) & -PAGE
        missing = [at for at in range(first, last + PAGE, PAGE) if at not in self.pages]
        if len(missing) > 1:
            self.load(first, last + PAGE - first)
        data = b"".join(self.page(at) for at in range(first, last + PAGE, PAGE))
        return data[physical - first:physical - first + size]


def asids_of(kernel):
    """How many are somebody's."""
    owners = kernel.elf.symbol("owners", 8 * ASIDS)
    return sum(word != 0 for word, in struct.iter_unpack("<Q", kernel.read(owners, 8 * ASIDS)))


class Mapped(Memory):
    """The same of a machine that has its memory in a file: what is read is always of now."""

    def refresh(self):
        pass

    def load(self, physical, size):
        pass


class Outside:
    """The kernel and its domains, seen from outside."""

    def __init__(self, vm, ram=None):
        """`ram`: the file that the machine has its memory in, if it has; else QEMU is asked."""
        self.vm = vm
        build = rotunda_vm.build_folder()
        path = ram or os.path.join(vm.folder, "memory")
        if ram is None:
            vm.qmp("stop")
            vm.qmp("dump-guest-memory", paging=False, protocol="file:" + path)
            vm.qmp("cont")
        self.kernel = Kernel(Mapped(path), build)
        self.launcher = Launcher(self.kernel, build)
        if ram is None:
            os.remove(path)
            self.kernel.memory = Live(vm)
        self.live = self.kernel.memory

    def refresh(self):
        """Look anew at what is looked at from now on."""
        self.live.refresh()
        self.kernel.forget()
        self.kernel.memory = self.live

    def freeze(self, path, size):
        """
        Look at a dump of all memory, written to `path`, until refresh().  The machine stands still
        meanwhile, and goes on if it was going on.
        """
        runs = self.vm.qmp("query-status")["running"]
        if runs:
            self.vm.qmp("stop")
        self.vm.qmp("pmemsave", val=RAM, size=size, filename=path)
        if runs:
            self.vm.qmp("cont")
        self.kernel.forget()
        self.kernel.memory = Memory(path)

    def elf(self, program):
        return elf_of(os.path.join(rotunda_vm.build_folder(), "programs", program + ".elf"))

    def domain(self, name):
        found = [domain for domain in self.kernel.domains() if domain.name == name]
        assert len(found) == 1, f"{len(found)} domains are called {name}"
        return found[0]

    def segments(self, domain):
        """Those that it made, or that were made for it."""
        return [segment for segment in self.kernel.segments() if segment.owner == domain.at]

    def segment(self, domain, kind):
        label = f"{domain.name}.{kind}"[:16]
        return next(segment for segment in self.segments(domain) if segment.label == label)

    def physical(self, domain, address):
        return self.kernel.walk(self.kernel.physical(domain.root), 1, address)

    def variable(self, program, name, field=None):
        """(physical address, size) of a variable of the program of that name, or of its field."""
        elf = self.elf(program)
        types = Types(elf, {name: (field,) if field else ()}, ())
        whole, part = types[name, ""], types[name, field or ""]
        data = self.segment(self.domain(program), "data").address
        address = data + elf.symbol(name, whole.size) % SLOT + part.offset
        return self.physical(self.domain(program), address), part.size

    def log(self):
        at = self.kernel.elf.symbol("kernel_log")
        first = self.kernel.physical(at) & -PAGE
        self.live.load(first, self.kernel.types.size("kernel_log") + PAGE & -PAGE)
        return self.kernel.log()

    # Whether all is as it should be.

    def damaged_texts(self):
        """Names of what isn't as it was built: the kernel, programs."""
        names = ["kernel"] if damage_of(self.kernel.elf, self.kernel.memory,
                                           self.kernel.image) else []
        for program, _, _, damage in self.launcher.damages(rotunda_vm.build_folder()):
            if damage:
                names.append(program.name)
        return names

    def dead_canaries(self, name):
        """How many words of a neighbour's canaries have changed, and how many there are."""
        domain = self.domain(name)
        symbol = self.elf("neighbour").symbol("canaries")
        places = self.segment(domain, "data").address + symbol % SLOT
        table = struct.unpack("<8Q", self.kernel.view_read(domain, places, 64))
        words = dead = 0
        for address, count in zip(table[::2], table[1::2]):
            found = struct.unpack(f"<{count}Q", self.kernel.view_read(domain, address, 8 * count))
            for word, value in zip(range(address, address + 8 * count, 8), found):
                dead += value != (word * CANARY + 1) & MASK
            words += count
        return dead, words
