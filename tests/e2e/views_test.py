#!/usr/bin/env python3
"""The views of a running system, read from outside: W^X, rights, frames and tables (view_walk.py).

The whole image serves its site while its memory is dumped, several times, at instants when a
program executes.  Then a dump is broken in one place after another, and each break must be found
and named: a walk that finds nothing proves nothing by itself.
"""
# timeout: 600

import os
import random
import shutil
import sys
import tempfile
import threading

import rotunda_vm
import view_walk
from view_walk import EXECUTE, WRITE, leaf_rights

MEMORY = 256 << 20
DUMPS = 3
USER_MODE = "EL0t"  # as QEMU's register dump names it
TRIES = 2000


def elf():
    return os.path.join(rotunda_vm.build_folder(), "rotunda.elf")


def stop_in_user_mode(vm):
    """Stop the machine while a program executes: the kernel is half-way through nothing then."""
    for _ in range(TRIES):
        vm.qmp("stop")
        registers = vm.qmp("human-monitor-command", **{"command-line": "info registers"})
        if USER_MODE in registers:
            return
        vm.qmp("cont")
    raise rotunda_vm.VmError(f"no program was executing in {TRIES} instants")


def take_dump(vm, path):
    stop_in_user_mode(vm)
    vm.qmp("pmemsave", val=view_walk.RAM, size=MEMORY, filename=path)
    vm.qmp("cont")


def dumps_of_a_server(folder):
    """Memory of the image while it serves its site to two clients."""
    paths = [os.path.join(folder, f"memory{i}") for i in range(DUMPS)]
    with rotunda_vm.Machine(memory="256M") as vm:
        vm.wait_prompt()
        vm.wait_https()
        done = threading.Event()
        served = []

        def client():
            while not done.is_set():
                try:
                    status, _, body = vm.get()
                except OSError:  # no page is owed while the machine stands still
                    continue
                served.append((status, len(body)))

        clients = [threading.Thread(target=client, daemon=True) for _ in range(2)]
        for thread in clients:
            thread.start()
        for path in paths:
            before = len(served)
            while len(served) < before + 3 and vm.is_running():
                vm.pump(0.05)
            take_dump(vm, path)
        done.set()
        for thread in clients:
            thread.join(60)
        assert served and all(status == 200 for status, _ in served), served[-5:]
        assert vm.command("domains"), "the system goes on"
    return paths


# Breaking a dump: each makes a change and says what must be found, and at which address.


class Breaks:
    def __init__(self, survey):
        self.survey = survey
        self.dump = survey.dump
        self.random = random.Random(1)
        pages = [leaf for leaf in survey.leaves if leaf.size == view_walk.PAGE]
        self.data = [leaf for leaf in pages if self.rights(leaf) & WRITE
                     and self.segment(leaf).backing in ("frames", "run")]
        self.text = [leaf for leaf in pages if self.rights(leaf) & EXECUTE]

    def rights(self, leaf):
        return leaf_rights(leaf.descriptor, leaf.limits)

    def segment(self, leaf):
        return self.survey.owners[leaf.address // view_walk.SLOT]

    def private(self, leaf):
        return self.segment(leaf).view_count == 1

    def of_several(self, leaf):
        """Whether more leaves of the segment should give the same rights."""
        segment = self.segment(leaf)
        return min(segment.length, segment.execute or segment.length) > view_walk.PAGE

    def anywhere(self, segment):
        return tuple(range(segment.address, segment.address + segment.length, view_walk.PAGE))

    def change(self, leaf, descriptor):
        self.dump.word_set(leaf.at, descriptor)
        return leaf.address

    def lead(self, leaf, physical):
        return self.change(leaf, leaf.descriptor & ~view_walk.OUTPUT | physical)

    def one(self, leaves):
        return self.random.choice(leaves)

    # Attributes of leaves.

    def data_becomes_executable(self):
        leaf = self.one(self.data)
        return "writable and executable", self.change(leaf, leaf.descriptor & ~view_walk.UXN)

    def text_becomes_writable(self):
        leaf = self.one(self.text)
        return "writable and executable", self.change(leaf,
                                                      leaf.descriptor & ~view_walk.AP_READ_ONLY)

    def leaf_becomes_global(self):
        leaf = self.one(self.data + self.text)
        return "global", self.change(leaf, leaf.descriptor & ~view_walk.NOT_GLOBAL)

    def leaf_becomes_executable_for_the_kernel(self):
        leaf = self.one(self.data)
        return "executable for EL1", self.change(leaf, leaf.descriptor & ~view_walk.PXN)

    def leaf_loses_its_rights(self):
        shared = [leaf for leaf in self.text if self.of_several(leaf)]
        leaf = self.one(shared)
        self.change(leaf, leaf.descriptor | view_walk.UXN)
        return "other rights than elsewhere in the segment", self.anywhere(self.segment(leaf))

    def leaf_cannot_be_read(self):
        leaf = self.one(self.data)
        return "shown, but not to be read", self.change(leaf,
                                                        leaf.descriptor & ~view_walk.AP_EL0)

    # Where leaves lead.

    def leaf_leads_to_a_table(self):
        return "a translation table", self.lead(self.one(self.data),
                                                self.one(sorted(self.survey.tables)))

    def leaf_leads_to_the_kernel_s_text(self):
        return "the kernel's image", self.lead(self.one(self.text), self.dump.image + 0x1000)

    def leaf_leads_to_the_kernel_s_data(self):
        return "the kernel's image", self.lead(self.one(self.data), self.dump.symbol("table_root"))

    def leaf_leads_to_another_domain_s_memory(self):
        mine = self.one([leaf for leaf in self.data if self.private(leaf)])
        other = self.one([leaf for leaf in self.data if self.private(leaf)
                          and leaf.domain != mine.domain])
        self.lead(mine, other.descriptor & view_walk.OUTPUT)
        return "another segment's frame", (mine.address, other.address)

    def data_leads_to_text(self):
        leaf, text = self.one(self.data), self.one(self.text)
        self.lead(leaf, text.descriptor & view_walk.OUTPUT)
        return "written in one view, executed in another", leaf.address

    def leaf_is_behind_its_segment(self):
        ends = [leaf for leaf in self.data if self.segment(leaf).length % view_walk.SLOT
                and leaf.address + view_walk.PAGE
                == self.segment(leaf).address + self.segment(leaf).length]
        leaf = self.one(ends)
        self.dump.word_set(leaf.at + 8, leaf.descriptor)
        return "beyond its segment", leaf.address + view_walk.PAGE

    # What a view says above the leaves.

    def view_widens_a_right(self):
        """Of a segment that nobody may write, and whose leaf has become writable."""
        constant = [leaf for leaf in self.survey.leaves if leaf.size == view_walk.PAGE
                    and not self.segment(leaf).widest & (WRITE | EXECUTE)]
        leaf = self.one(constant)
        entry = next(entry for entry in self.survey.entries if entry.domain == leaf.domain
                     and 0 <= leaf.address - entry.address < view_walk.SLOT)
        self.change(entry, entry.descriptor & ~view_walk.AP_TABLE_READ_ONLY)
        return "more rights than the segment has", self.change(
            leaf, leaf.descriptor & ~view_walk.AP_READ_ONLY)

    def view_shows_what_was_not_granted(self):
        entry = self.one([entry for entry in self.survey.entries if self.private(entry)])
        slot = entry.address // view_walk.SLOT % 512
        level2 = self.one([other for other in self.survey.entries
                           if other.domain != entry.domain
                           and other.address // view_walk.GIB == entry.address // view_walk.GIB]
                          or [None])
        if level2 is not None:  # the other view has a table there
            place = level2.at - level2.at % view_walk.PAGE + 8 * slot
            self.dump.word_set(place, entry.descriptor)
        else:  # it gets the whole table
            other = self.one([domain for domain in self.survey.domains if domain != entry.domain])
            gigabyte = entry.address // view_walk.GIB
            self.dump.word_set(other.root + 8 * gigabyte,
                               self.dump.word(entry.domain.root + 8 * gigabyte))
        return "in more or fewer views than it was granted to", self.segment(entry).address

    def view_lacks_what_was_granted(self):
        entry = self.one([entry for entry in self.survey.entries if not self.private(entry)
                          and self.segment(entry).length <= view_walk.SLOT])
        self.dump.word_set(entry.at, 0)
        return "in more or fewer views than it was granted to", self.segment(entry).address

    def view_has_leaves_of_its_own(self):
        seen = {}
        for entry in self.survey.entries:
            if entry.address in seen and seen[entry.address].domain != entry.domain:
                copy = next(at for at in range(view_walk.RAM + MEMORY - view_walk.PAGE,
                                               view_walk.RAM, -view_walk.PAGE)
                            if at not in self.survey.tables and not any(self.dump.table(at)))
                table = entry.descriptor & view_walk.OUTPUT
                for i, word in enumerate(self.dump.table(table)):
                    self.dump.word_set(copy + 8 * i, word)
                self.change(entry, entry.descriptor & ~view_walk.OUTPUT | copy)
                return "another table of leaves than other views have", entry.address
            seen[entry.address] = entry
        raise AssertionError("no segment in two views")

    # The kernel's own tables.

    def kernel_is_within_reach(self):
        leaf = self.one(self.survey.kernel_leaves)
        return "the kernel's, within EL0's reach", self.change(
            leaf, leaf.descriptor | view_walk.AP_EL0)

    def kernel_can_write_its_text(self):
        leaf = self.one([leaf for leaf in self.survey.kernel_leaves
                         if not leaf.descriptor & view_walk.PXN])
        return "executed, and written by the kernel", self.change(
            leaf, leaf.descriptor & ~view_walk.AP_READ_ONLY)

    def all(self):
        public = [name for name in vars(Breaks) if not name.startswith("_")]
        return [name for name in public
                if name not in ("rights", "segment", "private", "of_several", "anywhere",
                                "change", "lead", "one", "all")]


def survey_of(path):
    return view_walk.Survey(view_walk.Dump(path, elf()))


def is_named(findings, what, address):
    kinds = what if isinstance(what, tuple) else (what,)
    addresses = address if isinstance(address, tuple) else (address,)
    return any(finding.what in kinds and finding.address in addresses for finding in findings)


def check_sound(path):
    survey = survey_of(path)
    for finding in survey.findings[:20]:
        print(f"FOUND {finding.what}: {finding.where} at {finding.address:#x}, "
              f"descriptor {finding.descriptor:#x}")
    shared = sum(1 for views in survey.views_of.values() if len(views) > 1)
    print(f"{len(survey.domains)} views, {len(survey.segments)} segments ({shared} shared), "
          f"{len(survey.leaves)} leaves, {len(survey.tables)} tables: "
          f"{len(survey.findings)} wrong", flush=True)
    assert len(survey.domains) >= 8 and len(survey.leaves) > 1000 and shared > 5
    return not survey.findings


def check_break(path, name):
    breaks = Breaks(survey_of(path))
    what, address = getattr(breaks, name)()
    findings = view_walk.Survey(breaks.dump).findings
    named = is_named(findings, what, address)
    print(f"{'ok  ' if named else 'FAIL'} {name}: {len(findings)} findings"
          + ("" if named else f", none '{what}'"), flush=True)
    return named


def main():
    if shutil.which("gdb-multiarch") is None:
        print("no gdb-multiarch")
        return rotunda_vm.CANNOT_RUN
    rotunda_vm.wanted_tests()
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        paths = dumps_of_a_server(folder)
        sound = [check_sound(path) for path in paths]
        named = [check_break(paths[0], name) for name in Breaks.all(None)]
    return 0 if all(sound) and all(named) else 1


if __name__ == "__main__":
    sys.exit(main())
