"""
A virtio device that lies.  The machine's memory is a file that this process maps as well, so it can
write into a device's used ring as the device does: numbers of buffers that nobody has offered or
that have come back already, wrong lengths, an index that jumps, all while the device itself works.

The driver may end, and is started again; nobody else does, and texts, canaries and the kernel are
what they were.  QEMU says where the rings are (x-query-virtio-queue-status).
"""

import argparse
import collections
import mmap
import os
import random
import re
import struct
import sys
import tempfile
import time

import rotunda_vm
from bitflip_runs import DEATH, MEMORY, USES, KEEPERS, image_with_keepers
from outside import Outside

RAM = 0x40000000
QUEUES = {"virtio-rng": (0,), "virtio-net": (0, 1)}
LIES_A_BURST = 25
BACK_SECONDS = 60
CANARIES_EACH = 20  # bursts between looks at everybody's memory
KINDS = ("number", "length", "both", "again", "jump", "old")


class Ring:
    """A queue's used ring, VIRTIO 1.2, 2.7.8."""

    def __init__(self, memory, status):
        self.memory = memory
        self.size = status["vring-num"]
        self.at = status["vring-used"] - RAM

    def index(self):
        return struct.unpack_from("<H", self.memory, self.at + 2)[0]

    def element(self, index):
        return struct.unpack_from("<II", self.memory, self.at + 4 + index % self.size * 8)

    def set(self, index, number, length):
        struct.pack_into("<II", self.memory, self.at + 4 + index % self.size * 8, number, length)

    def set_index(self, index):
        struct.pack_into("<H", self.memory, self.at + 2, index & 0xffff)

    def lie(self, random_, kind):
        index = self.index()
        any_number = random_.choice((random_.randrange(self.size), self.size, 0xffff, 0xffffffff,
                                     random_.getrandbits(32)))
        any_length = random_.choice((0, 1, 11, 12, 1 << 16, 0x7fffffff, 0xffffffff,
                                     random_.getrandbits(32)))
        if kind == "jump":
            self.set_index(index + random_.choice((2, self.size, self.size + 1, 0x7fff, 0x8000,
                                                   0xffff, random_.getrandbits(16))))
            return
        if kind == "old":  # what has been told already, told otherwise
            self.set(index - 1 - random_.randrange(self.size), any_number, any_length)
            return
        number = random_.randrange(self.size) if kind == "length" else any_number
        length = 64 if kind == "number" else any_length
        if kind == "again":
            number, length = self.element(index - 1)
        self.set(index, number, length)
        self.set_index(index + 1)


class Run:
    def __init__(self, vm, memory, driver, seed):
        self.vm = vm
        self.memory = memory
        self.driver = driver
        self.random = random.Random(f"{driver} {seed}")
        self.count = collections.Counter()
        self.outside = Outside(vm)

    def rings(self):
        """Anew for each burst: who is started again has others."""
        for device in self.vm.qmp("x-query-virtio"):
            if device["name"] == self.driver:
                for queue in QUEUES[self.driver]:
                    status = self.vm.qmp("x-query-virtio-queue-status", path=device["path"],
                                         queue=queue)
                    if status["vring-used"] != 0:
                        yield Ring(self.memory, status)

    def burst(self):
        start = len(self.vm.text)
        for _ in range(LIES_A_BURST):
            rings = list(self.rings())
            if not rings:
                break  # it is down at the moment
            kind = self.random.choice(KINDS)
            self.random.choice(rings).lie(self.random, kind)
            self.count[kind] += 1
            if self.count.total() % 5 == 0:
                self.use()
        self.back(start)

    def use(self):
        """So that the device has something to say; it may come to nothing."""
        if self.driver == "virtio-rng":
            self.vm.send_line(USES[self.driver][0])
            self.vm.pump(0.02)
            return
        try:
            self.vm.get("/", timeout=0.1)
        except OSError:
            pass

    def is_well(self):
        if self.driver == "virtio-net":
            try:
                return self.vm.get("/", timeout=2)[0] == 200
            except OSError:
                return False
        start = len(self.vm.text)
        self.vm.command(USES[self.driver][0], 10)
        end = time.monotonic() + 2
        while time.monotonic() < end and not re.search(USES[self.driver][1],
                                                       self.vm.text[start:], re.M):
            self.vm.pump(0.05)
        return re.search(USES[self.driver][1], self.vm.text[start:], re.M) is not None

    def back(self, start):
        end = time.monotonic() + BACK_SECONDS
        while not self.is_well():
            assert time.monotonic() < end, (
                f"{self.driver} isn't back {BACK_SECONDS} s after {dict(self.count)}:\n"
                + self.vm.tail())
            if re.search(rf"{self.driver}: given up", self.vm.text[start:]):
                self.count["given up"] += 1
                start = len(self.vm.text)
                self.vm.command(f"restart {self.driver}", 30)
        dead = [name for name in DEATH.findall(self.vm.text[start:])]
        self.count["deaths"] += len(dead)
        others = set(dead) - {self.driver}
        assert not others, f"{sorted(others)} died of what {self.driver}'s device told"

    def look_from_outside(self):
        self.outside.refresh()
        damaged = self.outside.damaged_texts()
        assert not damaged, damaged
        for name in KEEPERS:
            dead, words = self.outside.dead_canaries(name)
            assert not dead and words > 0, f"{len(dead)} of {words} canaries of {name} are dead"

    def run(self, lies):
        bursts = 0
        while sum(self.count[kind] for kind in KINDS) < lies:
            self.burst()
            bursts += 1
            if bursts % CANARIES_EACH == 0:
                self.look_from_outside()
        self.look_from_outside()
        return self.count


def lie_to(image, driver, lies, seed):
    with tempfile.NamedTemporaryFile() as ram:  # not in /dev/shm, which is small in containers
        ram.truncate(MEMORY)
        options = ["-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={ram.name},"
                              "share=on", "-machine", "memory-backend=ram"]
        with mmap.mmap(ram.fileno(), MEMORY) as memory, \
                rotunda_vm.Machine(image=image, memory=f"{MEMORY >> 20}M", options=options) as vm:
            vm.wait_prompt()
            vm.wait_https()
            before = vm.restarts()
            count = Run(vm, memory, driver, seed).run(lies)
            after = vm.restarts()
            changed = {name for name in before if after.get(name) != before[name]}
            changed -= {driver, "dice"}
            assert not changed, f"{sorted(changed)} were started again"
            assert vm.wait_https()[0] == 200
            assert vm.command("date").startswith("20")
    told = sum(count[kind] for kind in KINDS)
    print(f"{driver}: {told} lies ({', '.join(f'{count[kind]} {kind}' for kind in KINDS)}), "
          f"{count['deaths']} deaths, {count['given up']} times given up and restarted by hand",
          flush=True)
    return told


def run(lies):
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?")
    parser.add_argument("--lies", type=int, default=lies, help="for each driver")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.build:
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(options.build)
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        image = image_with_keepers(folder)
        for driver in QUEUES:
            try:
                lie_to(image, driver, options.lies, options.seed)
            except (AssertionError, OSError) as error:
                print(f"FAIL {driver}: {error}", flush=True)
                failed += 1
    return 1 if failed else 0

