"""
A virtio device that lies.  The machine's memory is a file that this process maps as well, so it can
write into a device's used ring as the device does: numbers of buffers that nobody has offered or
that have come back already, wrong lengths, an index that jumps, all while the device itself works.
QEMU says where the rings are (x-query-virtio-queue-status) and pulls the interrupt's line when it
is told to (its qtest socket), so the driver looks at once.

A lie counts when the driver has seen it: its private queue, which is read from the same file, has
gone past it, or the driver has ended and said which queue broke the rules, and it is the one that
was lied in.  What VIRTIO forbids and the driver can know of, it has to refuse, in words: who takes
it, or ends by a fault, fails the test.  What is not to be known, as a buffer that comes back too
early, it may take.

So the driver may end, and is started again; nobody else does, and texts, canaries and the kernel
are what they were.  Two things are other than in the system, to be quick: the drivers' back-off
begins with 1 ms and is forgiven by a `restart` now and then, and the devices are slow (bytes in
portions, frames sent after a few milliseconds), so that buffers are theirs for long enough.
"""

import argparse
import collections
import concurrent.futures
import mmap
import os
import random
import re
import socket
import struct
import sys
import tempfile
import time

import rotunda_vm
from bitflip_runs import DICE, KEEPER, KEEPERS, MEMORY, USES
from flood_runs import busy
from launcher_test import manifest_text, pack
from outside import Outside
from post_mortem.elf import Types
from post_mortem.memory import RAM, Memory, Unreadable

LIES_A_LOOK = 50  # between uses by an honest client
CANARIES_EACH = 10  # of these looks, between looks at everybody's memory
LIES_A_BOOT = 10000
TEXT_MAX = 200000  # of the console, before the older half is dropped
SEEN_SECONDS = 0.5
BACK_SECONDS = 60
IN_FLIGHT_SECONDS = 0.1  # that a frame may take from a connection to the driver
POLL_SECONDS = 0.0002
UNSEEN_PART = 0.25  # of the lies, at most: the device overwrites some, or gives up before
FORGIVEN_MS = 32  # pauses from here on are cut short
SLOW_DEVICES = ["-global", "virtio-rng-device.max-bytes=1024",
                "-global", "virtio-rng-device.period=100",
                "-global", "virtio-net-device.tx=timer",
                "-global", "virtio-net-device.x-txtimer=5000000"]
PAUSES = ("restart-limit = <20>;", "restart-limit = <20>;\n            restart-delay-ms = <1>;")
KINDS = ("number", "length", "both", "again", "early", "jump")
FIELDS = ("descriptors", "used_index", "in_flight", "available_index", "size")

# `line`: the number of its interrupt at the distributor; `queues`: its index for the device, of the
# driver's private variable the part with the queue in it, what is said of it at the end.
Driver = collections.namedtuple("Driver", "variable line queues")
Queue = collections.namedtuple("Queue", "index part words")
DRIVERS = {
    "virtio-rng": Driver("rng", 24, [Queue(0, "", "queue")]),
    "virtio-net": Driver("net", 16, [Queue(0, "receive.", "receive queue"),
                                     Queue(1, "transmit.", "transmit queue")]),
}
NO_BYTES = "gives no bytes"


class Line:
    """The interrupt lines of the machine: an edge is what these devices give."""

    def __init__(self, vm, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        inside = "/machine/unattached"
        self.distributor = next(f"{inside}/{part['name']}" for part in
                                vm.qmp("qom-list", path=inside) if part["type"] in
                                ("child<arm-gicv3>", "child<arm_gic>"))

    def pulse(self, number):
        for level in (1, 0):
            self.socket.sendall(f"set_irq_in {self.distributor} unnamed-gpio-in {number} {level}\n"
                                .encode())
            answer = self.stream.readline()
            assert answer.startswith(b"OK"), answer

    def close(self):
        self.stream.close()
        self.socket.close()


class Private:
    """What a driver knows of a queue, out of the device's reach; in one life of it."""

    def __init__(self, outside, domain, base, types, variable, part):
        self.kernel = outside.kernel
        self.domain = domain
        self.base = base
        self.fields = {name: types[variable, f"{part}queue.{name}"] for name in FIELDS}
        self.slots_field = types[variable, f"{part}slots"]
        self.slot = [types["struct virtqueue_slot", name] for name in ("", "pieces", "writable")]

    def field(self, name):
        field = self.fields[name]
        data = self.kernel.view_read(self.domain, self.base + field.offset, field.size)
        return int.from_bytes(data, "little")

    def slots(self):
        """(pieces in flight, bytes that the device may write) by number."""
        data = self.kernel.view_read(self.domain, self.base + self.slots_field.offset,
                                     self.slots_field.size)
        whole, pieces, writable = self.slot
        return [tuple(int.from_bytes(data[at + f.offset:at + f.offset + f.size], "little")
                      for f in (pieces, writable)) for at in range(0, len(data), whole.size)]


class Ring:
    """A queue's rings, VIRTIO 1.2, 2.7.6 and 2.7.8, and the driver's own view of it."""

    def __init__(self, memory, status, private):
        self.memory = memory
        self.size = status["vring-num"]
        self.used = status["vring-used"] - RAM
        self.available = status["vring-avail"] - RAM
        self.private = private
        self.known_by = private.field("descriptors")

    def half(self, at):
        return struct.unpack_from("<H", self.memory, at)[0]

    def index(self):
        return self.half(self.used + 2)

    def offered(self):
        return self.half(self.available + 2)

    def offered_number(self, index):
        return self.half(self.available + 4 + 2 * (index % self.size))

    def element(self, index):
        return struct.unpack_from("<II", self.memory, self.used + 4 + index % self.size * 8)

    def set(self, index, number, length):
        struct.pack_into("<II", self.memory, self.used + 4 + index % self.size * 8, number, length)

    def set_index(self, index):
        struct.pack_into("<H", self.memory, self.used + 2, index & 0xffff)

    def is_alive(self):
        """Whether the driver's memory is still of the life in which it was found."""
        return self.private.field("descriptors") == self.known_by

    def is_settled(self):
        """Whether these are the rings of the life that the private view is of."""
        return self.known_by != 0 and self.private.field("size") == self.size


class Lie:
    """What is written where the driver takes next, and what has to come of it."""

    def __init__(self, ring, kind, random_, refuses_nothing):
        private = ring.private
        self.ring = ring
        self.kind = kind
        self.at = private.field("used_index")
        self.in_flight = private.field("in_flight")
        self.offered = private.field("available_index")
        self.slots = private.slots()[:ring.size]
        self.flying = [number for number, (pieces, _) in enumerate(self.slots) if pieces]
        self.refuses_nothing = refuses_nothing
        self.done = 1
        self.elements = [self.choose(random_)]
        if kind == "jump":
            few = random_.randrange(2, max(3, self.in_flight + 2))
            self.done = random_.choice((few, few, self.in_flight + 1, ring.size, ring.size + 1,
                                        0x7fff, 0x8000, 0xffff, random_.randrange(1, 0x10000)))
            self.elements = [ring.element(self.at + i) for i in range(min(self.done, ring.size))]
        # Else the driver may be just about to take what the device has put there.
        self.is_alone = ring.index() == self.at
        self.gives_nothing = False
        self.taken = self.foresee()

    def choose(self, random_):
        size = self.ring.size
        known = random_.choice(self.flying) if self.flying else random_.randrange(size)
        writable = self.slots[known][1]
        number = random_.choice((random_.randrange(size), size, size + 1, known | 0x10000,
                                 known | 0x80000000, 0xffff, 0xffffffff, random_.getrandbits(32)))
        length = random_.choice((0, 1, 11, 12, 25, 26, writable, writable + 1, writable + 1,
                                 writable + 16, 1 << 16, 0x7fffffff, 0x80000000, 0xffffffff,
                                 random_.getrandbits(32)))
        fitting = random_.choice((1, writable, random_.randrange(writable + 1))) if writable else 0
        return {"number": (number, fitting), "length": (known, length), "both": (number, length),
                "again": self.ring.element(self.at - 1), "early": (known, fitting),
                "jump": (0, 0)}[self.kind]

    def foresee(self):
        """How many elements the driver may take, at the most, before one that it refuses."""
        if self.done > self.in_flight:
            return 0
        gone = set()
        for i, (number, length) in enumerate(self.elements):
            if number >= self.ring.size or number in gone or self.slots[number][0] == 0 \
                    or length > self.slots[number][1]:
                return i
            gone.add(number)
            if length == 0 and self.refuses_nothing:
                self.gives_nothing = True
                return i
        return len(self.elements)

    def tell(self):
        if self.kind != "jump":
            self.ring.set(self.at, *self.elements[0])
        self.ring.set_index(self.at + self.done)

    def is_whole(self):
        """The device hasn't overwritten it."""
        return self.ring.index() == (self.at + self.done) & 0xffff and self.elements \
            == [self.ring.element(self.at + i) for i in range(len(self.elements))]

    def gone_past(self):
        """How many elements the driver has taken; None: its memory is another's by now."""
        private = self.ring.private
        try:
            past = private.field("used_index") - self.at & 0xffff
            return past if self.ring.is_alive() else None
        except Unreadable:
            return None

    def was_to_be_refused(self):
        """
        Asked for one that was taken.  What was offered since, perhaps the same number again, may
        have made it right.
        """
        if self.taken == len(self.elements):
            return False
        more = self.ring.private.field("available_index") - self.offered & 0xffff
        if self.done > self.in_flight:
            return self.done > self.in_flight + more
        number, length = self.elements[self.taken]
        if number >= self.ring.size or length > max(room for _, room in self.slots):
            return True
        more = min(more, self.ring.size)
        lent = {self.ring.offered_number(self.offered + i) for i in range(more)}
        return number not in lent or length > self.slots[number][1] > 0

    def __str__(self):
        shown = [f"({number:#x}, {length:#x})" for number, length in self.elements[:4]]
        return (f"a lie of kind {self.kind} at {self.at}: {' '.join(shown)}, the index "
                f"{self.done} further, {self.in_flight} in flight")


class Run:
    """One machine, and one driver in it that is lied to."""

    def __init__(self, vm, ram, memory, line, driver, seed):
        self.vm = vm
        self.memory = memory
        self.line = line
        self.name = driver
        self.driver = DRIVERS[driver]
        self.random = random.Random(seed)
        self.count = collections.Counter()
        self.outside = Outside(vm)
        self.outside.live = self.outside.kernel.memory = Memory(ram)
        elf = self.outside.elf(driver)
        self.types = Types(elf, {
            self.driver.variable: [f"{queue.part}{name}" for queue in self.driver.queues for name
                                   in [*(f"queue.{field}" for field in FIELDS), "slots"]],
            "struct virtqueue_slot": ("pieces", "writable")}, ())
        self.symbol = elf.symbol(self.driver.variable, self.types.size(self.driver.variable))
        self.path = next(device["path"] for device in vm.qmp("x-query-virtio")
                         if device["name"] == driver)
        self.read_to = len(vm.text)  # of what the console says
        self.told_here = 0  # lies, in this life; the driver may die of them later on
        self.stimulus = None
        self.rings = self.rings_found()

    # A life.

    def rings_found(self):
        """Of the life that is now, or that comes next."""
        end = time.monotonic() + BACK_SECONDS
        while time.monotonic() < end:
            try:
                rings = self.rings_now()
                if rings is not None:
                    return rings
            except (AssertionError, StopIteration, Unreadable):
                pass  # lists change while they are read
            self.notice()
            time.sleep(0.0005)
        raise AssertionError(f"{self.name} has no rings after {BACK_SECONDS} s:\n{self.vm.tail()}")

    def rings_now(self):
        states = [self.vm.qmp("x-query-virtio-queue-status", path=self.path, queue=queue.index)
                  for queue in self.driver.queues]
        if any(state["vring-used"] == 0 for state in states):
            return None
        self.outside.kernel.forget()
        domain = self.outside.domain(self.name)
        base = self.outside.segment(domain, "data").address + self.symbol % (2 << 20)
        rings = [Ring(self.memory, state, Private(self.outside, domain, base, self.types,
                                                  self.driver.variable, queue.part))
                 for state, queue in zip(states, self.driver.queues)]
        # The first queue is one that buffers are lent to at once.
        return rings if all(ring.is_settled() for ring in rings) and rings[0].offered() else None

    def notice(self):
        """What has been said of a death since; its words, or None."""
        found = re.compile(r"app:App: (\S+): (?:will be started again( at once| in (\d+) ms)|"
                           r"given up|stays down)").search(self.vm.text, self.read_to)
        if found is None:
            return None
        story = rotunda_vm.plain(self.vm.text[self.read_to:found.end()])
        self.read_to = found.end()
        assert found[1] in (self.name, "dice"), f"{found[1]} died of what {self.name}'s device told"
        words = re.findall(rf"{self.name}: the device (.*?)\n", story)
        assert "fault:" not in story, f"{self.name} ended by a fault:\n{story}"
        self.count["deaths"] += 1
        if not words:
            assert "didn't answer" in story, f"{self.name} didn't say why it ended:\n{story}"
            self.count["silences"] += 1
        if found[2] is None or found[3] is not None and int(found[3]) >= FORGIVEN_MS:
            self.vm.send_line(f"restart {self.name}")
            self.vm.expect(rf"{self.name}: restarted on request", 30)
            self.count["forgiven"] += 1
        return words[-1] if words else "was silent"

    def next_life(self):
        self.told_here = 0
        self.rings = self.rings_found()

    # Lying.

    def lie(self):
        ring, queue = self.random.choice(list(zip(self.rings, self.driver.queues)))
        if queue.index == 1:
            self.have_a_frame_sent(ring)
        lie = self.told(ring, queue, self.random.choice(KINDS))
        if lie is None:
            self.die_late()
            return
        end = time.monotonic() + SEEN_SECONDS * busy()
        while time.monotonic() < end:
            past = lie.gone_past()
            words = self.notice()
            if words is not None:
                self.ended(lie, queue, words)
                return
            if past is not None and past >= lie.done and not lie.gives_nothing:
                self.went_on(lie, past)
                return
            time.sleep(POLL_SECONDS)
        assert not (lie.gives_nothing and lie.is_alone and lie.is_whole() and past == lie.done), \
            f"{self.name} took {lie}"
        assert not self.is_broken(), f"{self.name} goes on with a device that needs a reset"
        self.count["unseen", lie.kind] += 1
        self.rings = self.rings_found()

    def told(self, ring, queue, kind):
        """While nothing moves, for memory of a driver that has ended is somebody else's."""
        self.vm.qmp("stop")
        try:
            state = self.vm.qmp("x-query-virtio-queue-status", path=self.path, queue=queue.index)
            if state["vring-used"] != ring.used + RAM or self.is_broken() or not ring.is_alive():
                return None
            lie = Lie(ring, kind, self.random, self.name == "virtio-rng")
            lie.tell()
            self.count["told", kind] += 1
            self.told_here += 1
            self.line.pulse(self.driver.line)
            return lie
        except Unreadable:
            return None
        finally:
            self.vm.qmp("cont")

    def is_broken(self):
        """Whether the device has given up, of what the driver did that had believed a lie."""
        return self.vm.qmp("x-query-virtio-status", path=self.path)["broken"]

    def die_late(self):
        """Of what it has believed before."""
        end = time.monotonic() + SEEN_SECONDS * busy()
        while self.notice() is None:
            assert time.monotonic() < end, f"{self.name} lives, and its device doesn't"
            time.sleep(POLL_SECONDS)
        assert self.told_here > 0, f"{self.name} died of no lie:\n{self.vm.tail()}"
        self.count["late deaths"] += 1
        self.next_life()

    def ended(self, lie, queue, words):
        is_of_it = words == f"breaks the rules of its {queue.words}" or words == NO_BYTES
        if is_of_it and (lie.taken < len(lie.elements) or lie.done > lie.in_flight):
            self.count["seen", lie.kind] += 1
            self.count["refused"] += 1
        else:
            self.count["late deaths"] += 1
            self.count["unseen", lie.kind] += 1
        self.next_life()

    def went_on(self, lie, past):
        is_seen = lie.is_alone and lie.is_whole() and past == lie.done
        assert not (is_seen and lie.was_to_be_refused()), f"{self.name} took {lie}"
        if is_seen:
            self.count["seen", lie.kind] += 1
            self.count["taken"] += 1
        else:
            self.count["unseen", lie.kind] += 1

    def have_a_frame_sent(self, ring):
        """Best have one in flight; if it doesn't come, lies are told of nothing."""
        if self.stimulus is not None:
            self.stimulus.close()
        self.stimulus = socket.socket()
        self.stimulus.setblocking(False)
        self.stimulus.connect_ex(("127.0.0.1", self.vm.http_port))
        end = time.monotonic() + IN_FLIGHT_SECONDS
        while time.monotonic() < end and ring.offered() == ring.index():
            time.sleep(POLL_SECONDS)
        self.count["frames in flight"] += ring.offered() != ring.index()

    def seen(self):
        return sum(self.count["seen", kind] for kind in KINDS)

    # Judging.

    def is_well(self):
        if self.name == "virtio-net":
            try:
                return self.vm.get("/", timeout=2)[0] == 200
            except OSError:
                return False
        start = len(self.vm.text)
        self.vm.send_line(USES[self.name][0])
        wanted = re.compile(USES[self.name][1], re.M)
        end = time.monotonic() + 2
        while time.monotonic() < end and not wanted.search(self.vm.text, start):
            self.vm.pump(0.05)
        return wanted.search(self.vm.text, start) is not None

    def wait_well(self):
        """An honest client is served, if need be after a while; what ends meanwhile ends late."""
        end = time.monotonic() + BACK_SECONDS
        deaths = self.count["deaths"]
        while not self.is_well():
            self.notice()
            self.count["tries"] += 1
            # An edge of the device's that came while ours was up was none, and it gives no other.
            self.line.pulse(self.driver.line)
            assert time.monotonic() < end, (f"{self.name} isn't back after {BACK_SECONDS} s, "
                                            f"{dict(self.count)}:\n{self.vm.tail()}")
        while self.notice() is not None:
            pass
        if self.count["deaths"] != deaths:
            assert self.told_here > 0, f"{self.name} died of no lie:\n{self.vm.tail()}"
            self.count["late deaths"] += self.count["deaths"] - deaths
            self.next_life()

    def look_from_outside(self):
        self.vm.qmp("stop")
        self.outside.kernel.forget()
        damaged = self.outside.damaged_texts()
        assert not damaged, damaged
        for name in KEEPERS:
            dead, words = self.outside.dead_canaries(name)
            assert not dead and words > 0, f"{len(dead)} of {words} canaries of {name} are dead"
        self.vm.qmp("cont")

    def forget(self):
        count = self.read_to - TEXT_MAX // 2
        if count > TEXT_MAX // 2:
            self.vm.forget(count)
            self.read_to -= count

    def run(self, lies):
        looks = 0
        while self.seen() < lies:
            told = self.seen() + LIES_A_LOOK
            while self.seen() < min(told, lies):
                self.lie()
            self.wait_well()
            self.forget()
            looks += 1
            if looks % CANARIES_EACH == 0:
                self.look_from_outside()
        self.look_from_outside()
        self.count["looks"] += looks
        return self.count


def lie_to(image, driver, lies, seed):
    """In one machine; the count."""
    with tempfile.TemporaryDirectory() as folder, \
            open(os.path.join(folder, "ram"), "w+b") as ram:  # /dev/shm is small in containers
        ram.truncate(MEMORY)
        wire = os.path.join(folder, "qtest")
        options = ["-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={ram.name},"
                              "share=on", "-machine", "memory-backend=ram",
                   "-qtest", f"unix:{wire},server=on,wait=off", "-qtest-log", os.devnull]
        with mmap.mmap(ram.fileno(), MEMORY) as memory, \
                rotunda_vm.Machine(image=image, memory=f"{MEMORY >> 20}M",
                                   options=options + SLOW_DEVICES) as vm:
            vm.wait_prompt()
            vm.wait_https()
            before = vm.restarts()
            line = Line(vm, wire)
            count = Run(vm, ram.name, memory, line, driver, seed).run(lies)
            line.close()
            after = vm.restarts()
            changed = {name for name in before if after.get(name) != before[name]}
            changed -= {driver, "dice"}
            assert not changed, f"{sorted(changed)} were started again"
            assert vm.wait_https()[0] == 200
            assert vm.command("date").startswith("20")
    return count


def lie_for_long(image, driver, lies, seed):
    """As many machines as it takes, one after the other; the driver's line of the report."""
    total = collections.Counter()
    begin = time.monotonic()
    boots = 0
    seen = 0
    while seen < lies:
        try:
            total += lie_to(image, driver, min(LIES_A_BOOT, lies - seen),
                            f"{driver} {seed} {boots}")
        except (AssertionError, OSError, Unreadable) as error:
            raise AssertionError(f"machine {boots + 1}, after {seen} lies: {error}") from error
        seen = sum(total["seen", kind] for kind in KINDS)
        boots += 1
    told, unseen = (sum(total[what, kind] for kind in KINDS) for what in ("told", "unseen"))
    assert unseen <= told * UNSEEN_PART, f"{driver}: {unseen} of {told} lies were not seen"
    kinds = ", ".join(f"{total['seen', kind]} {kind}" for kind in KINDS)
    flying = f" ({total['frames in flight']} with a frame in flight)" * (driver == "virtio-net")
    return (f"{driver}: {told} lies told{flying}, {seen} seen ({kinds}): {total['refused']} "
            f"refused, {total['taken']} taken; {total['deaths']} deaths, {total['late deaths']} of "
            f"what was taken before, {total['silences']} by silence, {total['forgiven']} back-offs "
            f"cut short; {total['looks']} times served, {total['tries']} tries more; "
            f"{boots} boots, {time.monotonic() - begin:.0f} s")


def image_of(folder):
    """Keepers with canaries, dice, and quick restarts of the two drivers."""
    text = manifest_text([("    domains {\n", "    domains {\n" + DICE + "".join(
        KEEPER.format(name=name) for name in KEEPERS))])
    for name in DRIVERS:
        head, entry, tail = text.partition(f"\n        {name} {{")
        assert entry and PAUSES[0] in tail, name
        text = head + entry + tail.replace(*PAUSES, 1)
    return pack(text, folder, "rotunda-test")


def run(lies):
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?")
    parser.add_argument("--lies", type=int, default=lies, help="for each driver")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", choices=DRIVERS, action="append")
    options = parser.parse_args()
    if options.build:
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(options.build)
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    failed = 0
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ProcessPoolExecutor(len(DRIVERS)) as executor:
        image = image_of(folder)
        runs = {driver: executor.submit(lie_for_long, image, driver, options.lies, options.seed)
                for driver in options.driver or DRIVERS}
        for driver, result in runs.items():
            try:
                print(result.result(), flush=True)
            except AssertionError as error:
                print(f"FAIL {driver}: {error}", flush=True)
                failed += 1
    return 1 if failed else 0
