"""
A virtio device that lies.  The machine's memory is a file that this process maps as well, so it can
write into a device's used ring as the device does: numbers of buffers that nobody has offered or
that have come back already, wrong lengths, an index that jumps, all while the device itself works.
Where the rings are stands in the driver's private memory, which is found by the launcher's table
and the kernel's; QEMU is asked now and then whether the device has them there too.  Its qtest
socket reads the device's registers and pulls the interrupt's line, so the driver looks at once.
What is said is read from the kernel's log in memory.

A lie counts when the driver has seen it: its private queue, which is read from the same file, has
gone past it, or the driver has ended and said which queue broke the rules, and it is the one that
was lied in.  What VIRTIO forbids and the driver can know of, it has to refuse, in words: who takes
it, or ends by a fault, fails the test.  What is not to be known, as a buffer that comes back too
early, it may take.

To virtio-net each kind of lie is one in nine, but for buffers that come back too early, which are
four in nine: of these the driver seldom ends, and starting it again takes most of the time there
is.  To virtio-rng all are one in six: with a buffer that came back too early it lends the device
more than there may be, and that one gives up when it next looks.

So the driver may end, and is started again; nobody else does, and texts, canaries and the kernel
are what they were.  Three things are other than in the system, to be quick: the drivers' back-off
begins with 1 ms and is forgiven by a `restart` now and then, the console doesn't show the log, and
the devices are slow (bytes in portions, frames sent after a few milliseconds), so that buffers are
theirs for long enough.
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

import portions
import rotunda_vm
from bitflip_runs import DICE, KEEPER, KEEPERS, MEMORY, USES
from launcher_test import manifest_text, pack
from outside import SLOT, Outside
from post_mortem.elf import Types
from post_mortem.memory import PAGE, RAM, Memory, Unreadable
from rotunda_vm import busy

LIES_A_LOOK = 50  # between uses by an honest client
CANARIES_EACH = 10  # of these looks, between looks at everybody's memory
LIES_A_BOOT = 10000
MACHINES_EACH = 2  # side by side, for each driver: one waits half the time
TEXT_MAX = 50000  # of the log, before the older half is dropped
SEEN_SECONDS = 0.5
LATE_SECONDS = 20  # that a driver may live on whose device has given up, or will
BACK_SECONDS = 60
IN_FLIGHT_SECONDS = 0.1  # that a frame may take from a connection to the driver
POLL_SECONDS = 0.001
LINES_SHOWN = 40  # of the log, of what failed
UNSEEN_PART = 0.25  # of the lies, at most: the device overwrites some, or gives up before
FORGIVEN_MS = 32  # pauses from here on are cut short
SLOW_DEVICES = ["-global", "virtio-rng-device.max-bytes=1024",
                "-global", "virtio-rng-device.period=100",
                "-global", "virtio-net-device.tx=timer",
                "-global", "virtio-net-device.x-txtimer=5000000"]
PAUSES = ("restart-limit = <20>;", "restart-limit = <20>;\n            restart-delay-ms = <1>;")
QUIET = ('argument = "log";\n            takes-log;', "takes-log;")
KINDS = ("number", "length", "both", "again", "early", "jump")
FIELDS = ("descriptors", "available", "used", "used_index", "in_flight", "available_index", "size")
LOADED = ("domain", "loaded.domain_id", "loaded.data.address")  # of the launcher's children
CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}  # of `struct`, by bytes

# `line`: the number of its interrupt at the distributor; `queues`: its index for the device, of the
# driver's private variable the part with the queue in it, what is said of it at the end; `weights`:
# how often each kind of lie is told.
Driver = collections.namedtuple("Driver", "variable line weights queues")
Queue = collections.namedtuple("Queue", "index part words")
DRIVERS = {
    "virtio-rng": Driver("rng", 24, (1, 1, 1, 1, 1, 1), [Queue(0, "", "queue")]),
    "virtio-net": Driver("net", 16, (1, 1, 1, 1, 4, 1),
                         [Queue(0, "receive.", "receive queue"),
                          Queue(1, "transmit.", "transmit queue")]),
}
NO_BYTES = "gives no bytes"

# Registers of virtio-mmio: VIRTIO 1.2, 4.2.2; bits of Status: 2.1.
INTERRUPT_STATUS, STATUS = 0x60, 0x70
DRIVER_OK, NEEDS_RESET = 4, 0x40


class Wire:
    """A device's registers, and its interrupt line: an edge is what these devices give."""

    def __init__(self, vm, path, device, number):
        """`path`: of the qtest socket, `device`: in QEMU's tree of objects."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        inside = "/machine/unattached"
        distributor = next(f"{inside}/{part['name']}" for part in vm.qmp("qom-list", path=inside)
                           if part["type"] in ("child<arm-gicv3>", "child<arm_gic>"))
        self.edge = [f"set_irq_in {distributor} unnamed-gpio-in {number} {level}"
                     for level in (1, 0)]
        transport = os.path.dirname(vm.qmp("qom-get", path=device, property="parent_bus"))
        registers = next(part["name"] for part in vm.qmp("qom-list", path=transport)
                         if part["type"] == "child<memory-region>")
        self.registers = vm.qmp("qom-get", path=f"{transport}/{registers}", property="addr")

    def ask(self, *lines):
        """The answers' last words."""
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())
        answers = [self.stream.readline().split() for _ in lines]
        assert all(answer and answer[0] == b"OK" for answer in answers), answers
        return [answer[-1] for answer in answers]

    def pulse(self):
        self.ask(*self.edge)

    def register(self, offset):
        return int(self.ask(f"readl {self.registers + offset:#x}")[0], 16)

    def is_driven(self):
        """Whether a driver has set the device up, and the device hasn't given up."""
        return self.register(STATUS) & (DRIVER_OK | NEEDS_RESET) == DRIVER_OK

    def is_broken(self):
        """Whether the device has given up, of what the driver did that had believed a lie."""
        return self.register(STATUS) & NEEDS_RESET != 0

    def is_pending(self):
        """Whether the driver has yet to take what the device has interrupted it for."""
        return self.register(INTERRUPT_STATUS) != 0

    def close(self):
        self.stream.close()
        self.socket.close()


class Log:
    """The kernel's log, where it stands in memory: what all programs say."""

    def __init__(self, kernel, memory):
        self.memory = memory
        start = kernel.physical(kernel.elf.symbol("kernel_log")) - RAM
        end, ring = (kernel.types["kernel_log", name] for name in ("end", "text"))
        self.end_at = slice(start + end.offset, start + end.offset + end.size)
        self.ring_at, self.ring_size = start + ring.offset, ring.size
        self.end = self.end_now()
        self.text = ""  # since then, but for what has been dropped
        self.read_to = 0  # how much of it notice() has used up

    def end_now(self):
        return int.from_bytes(self.memory[self.end_at], "little")

    def take_in(self):
        """Whether there was something new."""
        end = self.end_now()
        if end == self.end:
            return False
        assert end - self.end <= self.ring_size, f"{end - self.end} bytes of the log at once"
        at, length = self.end % self.ring_size, end - self.end
        first = min(length, self.ring_size - at)
        data = self.memory[self.ring_at + at:self.ring_at + at + first] \
            + self.memory[self.ring_at:self.ring_at + length - first]
        self.text += data.decode("ascii", "replace")
        self.end = end
        return True

    def forget(self):
        """Drop what is old, if it has become much."""
        if self.read_to > TEXT_MAX:
            self.text = self.text[TEXT_MAX // 2:]
            self.read_to -= TEXT_MAX // 2

    def wait(self, pattern, start, timeout):
        """For a match behind `start` in the text; None: there was none."""
        wanted = re.compile(pattern)
        end = time.monotonic() + timeout
        while self.take_in() or time.monotonic() < end:
            found = wanted.search(self.text, start)
            if found:
                return found
            time.sleep(POLL_SECONDS)
        return None

    def tail(self):
        self.take_in()
        return "\n".join(self.text.split("\n")[-LINES_SHOWN:])


class Life:
    """A driver's private variable in one life of it."""

    def __init__(self, kernel, memory, domain, base, size):
        self.kernel = kernel
        self.memory = memory
        self.domain = domain
        self.base = base
        self.pages = [self.place(at) for at in range(base & -PAGE, base + size, PAGE)]

    def place(self, address):
        """Where the memory has it that the driver sees there."""
        root = self.kernel.physical(self.domain.root) if self.domain.root else None
        physical = self.kernel.walk(root, 1, address) if root else None
        if physical is None:
            raise Unreadable(f"{self.domain.name} sees nothing at {address:#x}")
        return physical - RAM

    def pieces(self, offset, size):
        """(place, bytes) of a part of the variable, page by page."""
        at = self.base % PAGE + offset
        while size > 0:
            length = min(size, PAGE - at % PAGE)
            yield self.pages[at // PAGE] + at % PAGE, length
            at, size = at + length, size - length

    def is_now(self):
        """Whether it goes on: a domain's number is never used again."""
        try:
            return self.kernel.field("struct domain", self.domain.at, "id") == self.domain.id \
                and self.kernel.field("struct domain", self.domain.at, "root") \
                == self.domain.root and self.place(self.base & -PAGE) == self.pages[0]
        except Unreadable:
            return False


class Private:
    """What a driver knows of a queue, out of the device's reach; in one life of it."""

    def __init__(self, life, types, variable, part):
        self.life = life
        self.memory = life.memory
        self.fields = {}
        for name in FIELDS:
            field = types[variable, f"{part}queue.{name}"]
            (place, size), = life.pieces(field.offset, field.size)  # none lies across two pages
            self.fields[name] = slice(place, place + size)
        field = types[variable, f"{part}slots"]
        self.slots_pieces = list(life.pieces(field.offset, field.size))
        whole, pieces, writable = (types["struct virtqueue_slot", name]
                                   for name in ("", "pieces", "writable"))
        gap = writable.offset - pieces.offset - pieces.size
        self.slot = struct.Struct(f"<{pieces.offset}x{CODES[pieces.size]}{gap}x"
                                  f"{CODES[writable.size]}"
                                  f"{whole.size - writable.offset - writable.size}x")

    def field(self, name):
        return int.from_bytes(self.memory[self.fields[name]], "little")

    def slots(self):
        """(pieces in flight, bytes that the device may write) by number."""
        return list(self.slot.iter_unpack(b"".join(self.memory[place:place + size]
                                                   for place, size in self.slots_pieces)))


class Ring:
    """A queue's rings, VIRTIO 1.2, 2.7.6 and 2.7.8, and the driver's own view of it."""

    def __init__(self, life, private):
        self.memory = life.memory
        self.life = life
        self.private = private
        self.known_by = private.field("descriptors")
        self.size = private.field("size")
        self.used = life.place(private.field("used"))
        self.available = life.place(private.field("available"))

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

    def is_overfull(self, looked):
        """
        Whether more is lent than there may be, since the driver has believed that something was
        back; the device has looked so far.
        """
        return self.offered() - looked & 0xffff > self.size

    def wish(self):
        """From where on the device wants to be notified, VIRTIO 1.2, 2.7.10."""
        return self.half(self.used + 4 + self.size * 8)

    def is_alive(self):
        """Whether the driver's memory is still of the life in which it was found."""
        return self.private.field("descriptors") == self.known_by and self.life.is_now()


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
        # Of what it has put there beyond the lie the device has said all that it will say.
        self.takes_back = ring.index() - self.at & 0xffff > self.done
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

    def was_nothing(self, past):
        """Seen whole, by a driver that has gone so far, and too little to live on."""
        return self.gives_nothing and self.is_alone and self.is_whole() and past == self.done

    def gone_past(self):
        """How many elements the driver has taken; None: its memory is another's by now."""
        past = self.ring.private.field("used_index") - self.at & 0xffff
        return past if past == 0 or self.ring.is_alive() else None

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

    def __init__(self, vm, ram, memory, wire, driver, seed):
        self.vm = vm
        self.memory = memory
        self.name = driver
        self.driver = DRIVERS[driver]
        self.random = random.Random(seed)
        self.count = collections.Counter()
        self.outside = Outside(vm)
        self.kernel = self.outside.kernel
        self.outside.live = self.kernel.memory = Memory(ram)
        elf = self.outside.elf(driver)
        self.types = Types(elf, {
            self.driver.variable: [f"{queue.part}{name}" for queue in self.driver.queues for name
                                   in [*(f"queue.{field}" for field in FIELDS), "slots"]],
            "struct virtqueue_slot": ("pieces", "writable")}, ())
        self.symbol = elf.symbol(self.driver.variable, self.types.size(self.driver.variable))
        self.loaded = Types(self.outside.launcher.elf, {"struct child": LOADED}, ())
        self.child = self.child_found()
        self.path = next(device["path"] for device in vm.qmp("x-query-virtio")
                         if device["name"] == driver)
        self.wire = Wire(vm, wire, self.path, self.driver.line)
        self.log = Log(self.kernel, memory)
        self.told_here = 0  # lies, in this life; the driver may die of them later on
        self.is_taken_back = False  # an index, in this life, by a lie
        self.heard = None  # where the log ended when nothing more was found in it
        self.stimulus = None
        self.domain = None  # the last one that had the driver's name
        self.over = None  # the number of one that has ended
        self.rings = self.rings_found()
        self.check_places()

    def child_found(self):
        """Where the launcher keeps which domain it has loaded last, and that one's data."""
        launcher = self.outside.launcher
        start, size = launcher.variable("children")
        whole = self.loaded.size("struct child")
        for at in range(start, start + size, whole):
            entry = launcher.field("struct child", at, "domain")
            if entry and launcher.string(launcher.field("struct manifest_domain", entry,
                                                        "name")) == self.name:
                fields = [self.loaded["struct child", name] for name in LOADED[1:]]
                places = [self.outside.physical(launcher.domain, at + field.offset) - RAM
                          for field in fields]
                return [slice(place, place + field.size) for place, field in zip(places, fields)]
        raise AssertionError(f"the launcher has no {self.name}")

    # A life.

    def rings_found(self):
        """Of the life that is now, or that comes next."""
        end = time.monotonic() + BACK_SECONDS
        while time.monotonic() < end:
            try:
                rings = self.rings_now()
                if rings is not None:
                    return rings
            except Unreadable:
                pass  # lists change while they are read
            if self.notice() is None:
                time.sleep(POLL_SECONDS)
        raise AssertionError(f"{self.name} has no rings after {BACK_SECONDS} s:\n{self.log.tail()}")

    def rings_now(self):
        number, data = (int.from_bytes(self.memory[place], "little") for place in self.child)
        if number in (0, self.over) or data == 0:
            return None
        domain = self.domain_now(number)
        if domain is None:
            return None
        base = data + self.symbol % SLOT
        life = Life(self.kernel, self.memory, domain, base, self.types.size(self.driver.variable))
        privates = [Private(life, self.types, self.driver.variable, queue.part)
                    for queue in self.driver.queues]
        if any(private.field(name) == 0 for private in privates
               for name in ("descriptors", "available", "used", "size")):
            return None
        rings = [Ring(life, private) for private in privates]
        # The first queue is one that buffers are lent to at once.
        return rings if rings[0].offered() and self.wire.is_driven() and life.is_now() else None

    def domain_now(self, number):
        """The driver's domain, if it has this number; it's likely where the last one was."""
        if self.domain is None or self.kernel.field("struct domain", self.domain.at,
                                                    "id") != number:
            head = self.kernel.elf.symbol("all", self.kernel.types["struct domain",
                                                                   "threads"].size)
            at = next((at for at in self.kernel.listed(head, "struct domain", "node")
                       if self.kernel.field("struct domain", at, "id") == number), None)
            self.domain = self.kernel.domain(at) if at else None
        elif self.domain.id != number or self.domain.root == 0:
            self.domain = self.kernel.domain(self.domain.at)
        return self.domain if self.domain and self.domain.name == self.name else None

    def check_places(self):
        """The device has its rings where the driver has them; while nothing moves."""
        for ring, queue in zip(self.rings, self.driver.queues):
            state = self.queue_status(queue)
            if not self.wire.is_driven() or not ring.is_alive():
                return
            theirs = [state[f"vring-{name}"] for name in ("num", "avail", "used")]
            ours = [ring.size, ring.available + RAM, ring.used + RAM]
            assert theirs == ours, f"the device has its {queue.words} at {theirs}, not {ours}"
            self.count["places"] += 1

    def notice(self):
        """What has been said of a death since; its words, or None."""
        self.log.take_in()
        if self.heard == self.log.end:
            return None
        found = re.compile(r"app:App: (\S+): (?:will be started again( at once| in (\d+) ms)|"
                           r"given up|stays down)").search(self.log.text, self.log.read_to)
        if found is None:
            self.heard = self.log.end
            return None
        story = self.log.text[self.log.read_to:found.end()]
        self.log.read_to = found.end()
        assert found[1] in (self.name, "dice"), \
            f"{found[1]} died of what {self.name}'s device told:\n{story}"
        words = re.findall(rf"{self.name}: the device (.*?)\n", story)
        assert "fault:" not in story, f"{self.name} ended by a fault:\n{story}"
        self.count["deaths"] += 1
        if not words:
            assert "didn't answer" in story, f"{self.name} didn't say why it ended:\n{story}"
            self.count["silences"] += 1
        if found[2] is None or found[3] is not None and int(found[3]) >= FORGIVEN_MS:
            self.vm.send_line(f"restart {self.name}")
            restarted = self.log.wait(rf"{self.name}: restarted on request", self.log.read_to, 30)
            assert restarted, f"{self.name} is not started again:\n{self.log.tail()}"
            self.count["forgiven"] += 1
        return words[-1] if words else "was silent"

    def next_life(self):
        self.told_here = 0
        self.is_taken_back = False
        self.over = self.rings[0].life.domain.id
        self.log.forget()
        self.rings = self.rings_found()

    # Lying.

    def lie(self):
        ring, queue = self.random.choice(list(zip(self.rings, self.driver.queues)))
        kind, = self.random.choices(KINDS, self.driver.weights)
        if queue.index == 1:
            self.have_a_frame_sent(ring)
        lie = self.told(ring, queue, kind)
        if lie is None:
            self.die_late()
            return
        end = time.monotonic() + SEEN_SECONDS * busy()
        last, past = end + LATE_SECONDS * busy(), None
        while (now := time.monotonic()) < end or now < last and self.has_to_end(lie, past):
            past = lie.gone_past()
            words = self.notice()
            if words is not None:
                self.ended(lie, queue, words)
                return
            if past is not None and past >= lie.done and not lie.gives_nothing:
                self.went_on(lie, past)
                return
            time.sleep(POLL_SECONDS)
        assert not lie.was_nothing(past), f"{self.name} took {lie}"
        assert not self.wire.is_broken(), f"{self.name} goes on with a device that needs a reset"
        self.count["unseen", lie.kind] += 1
        self.rings = self.rings_found()

    def has_to_end(self, lie, past):
        """Whether the driver is wrong if it lives on; but it may take its time."""
        return lie.was_nothing(past) or self.wire.is_broken()

    def is_doomed(self, ring, queue):
        """Whether the device gives up when it next looks, since it is lent too much."""
        # A wish is cheap to read, and never further than they have looked, which has to be asked.
        return ring.is_overfull(ring.wish()) and ring.is_overfull(
            self.queue_status(queue)["last-avail-idx"])

    def queue_status(self, queue):
        return self.vm.qmp("x-query-virtio-queue-status", path=self.path, queue=queue.index)

    def told(self, ring, queue, kind):
        """While nothing moves, for memory of a driver that has ended is somebody else's."""
        self.vm.qmp("stop")
        try:
            if not self.wire.is_driven() or not ring.is_alive() or self.is_doomed(ring, queue):
                return None
            lie = Lie(ring, kind, self.random, self.name == "virtio-rng")
            lie.tell()
            self.count["told", kind] += 1
            self.told_here += 1
            self.is_taken_back |= lie.takes_back
            self.wire.pulse()
            return lie
        finally:
            self.vm.qmp("cont")

    def die_late(self):
        """Of what it has believed before."""
        end = time.monotonic() + LATE_SECONDS * busy()
        while self.notice() is None:
            assert time.monotonic() < end, \
                (f"{self.name} lives, and its device doesn't, Status "
                 f"{self.wire.register(STATUS):#x}, InterruptStatus "
                 f"{self.wire.register(INTERRUPT_STATUS):#x}, {self.told_here} lies in this life:\n"
                 f"{self.log.tail()}")
            time.sleep(POLL_SECONDS)
        assert self.told_here > 0, f"{self.name} died of no lie:\n{self.log.tail()}"
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
        self.log.take_in()
        start = len(self.log.text)
        self.vm.send_line(USES[self.name][0])
        return self.log.wait(USES[self.name][1], start, 2) is not None

    def wait_well(self):
        """An honest client is served, if need be after a while; what ends meanwhile ends late."""
        end = time.monotonic() + BACK_SECONDS
        deaths = self.count["deaths"]
        while not self.is_well():
            self.notice()
            self.count["tries"] += 1
            # An edge of the device's that came while ours was up was none, and it gives no other;
            # nor does it where a lie has taken back an index that it had given one for.
            is_pending = self.wire.is_pending()
            if is_pending or self.is_taken_back:
                self.wire.pulse()
                self.count["edges" if is_pending else "withheld"] += 1
            assert time.monotonic() < end, (
                f"{self.name} isn't back after {BACK_SECONDS} s, "
                f"{'an' if is_pending else 'no'} interrupt pending, {dict(self.count)}:\n"
                f"{self.log.tail()}")
        while self.notice() is not None:
            pass
        if self.count["deaths"] != deaths:
            assert self.told_here > 0, f"{self.name} died of no lie:\n{self.log.tail()}"
            self.count["late deaths"] += self.count["deaths"] - deaths
            self.next_life()

    def look_from_outside(self):
        self.vm.qmp("stop")
        self.outside.kernel.forget()
        damaged = self.outside.damaged_texts()
        assert not damaged, damaged
        for name in KEEPERS:
            dead, words = self.outside.dead_canaries(name)
            assert not dead and words > 0, f"{dead} of {words} canaries of {name} are dead"
        self.check_places()
        self.vm.qmp("cont")

    def run(self, lies):
        looks = 0
        while self.seen() < lies:
            told = self.seen() + LIES_A_LOOK
            while self.seen() < min(told, lies):
                self.lie()
            self.wait_well()
            self.log.forget()
            self.vm.forget(len(self.vm.text))
            looks += 1
            if looks % CANARIES_EACH == 0:
                self.look_from_outside()
        self.look_from_outside()
        self.count["looks"] += looks
        return self.count


def lie_to(image, driver, lies, seed):
    """In one machine; the count."""
    # Its memory is nowhere on a disk, and in no folder, since /dev/shm is small in containers.
    with tempfile.TemporaryDirectory() as folder, \
            os.fdopen(os.memfd_create("ram"), "w+b") as ram:
        ram.truncate(MEMORY)
        path = f"/proc/{os.getpid()}/fd/{ram.fileno()}"
        wire = os.path.join(folder, "qtest")
        options = ["-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={path},share=on",
                   "-machine", "memory-backend=ram",
                   "-qtest", f"unix:{wire},server=on,wait=off", "-qtest-log", os.devnull]
        with mmap.mmap(ram.fileno(), MEMORY) as memory, \
                rotunda_vm.Machine(image=image, memory=f"{MEMORY >> 20}M",
                                   options=options + SLOW_DEVICES) as vm:
            vm.wait_prompt()
            vm.wait_https()
            before = vm.restarts()
            run = Run(vm, path, memory, wire, driver, seed)
            count = run.run(lies)
            run.wire.close()
            after = vm.restarts()
            changed = {name for name in before if after.get(name) != before[name]}
            changed -= {driver, "dice"}
            assert not changed, f"{sorted(changed)} were started again"
            assert vm.wait_https()[0] == 200
            assert vm.command("date").startswith("20")
    count["boots"] += 1
    return count


def portions_of(lies, part, parts):
    """(number, lies) of each machine of this part; all parts together are the whole run."""
    each = min(LIES_A_BOOT, -(-lies // MACHINES_EACH))
    whole = [(boot + 1, min(each, lies - at)) for boot, at in enumerate(range(0, lies, each))]
    return whole[len(whole) * (part - 1) // parts:len(whole) * part // parts]


def report_of(driver, total, seconds):
    """The driver's line."""
    told, seen, unseen = (sum(total[what, kind] for kind in KINDS)
                          for what in ("told", "seen", "unseen"))
    assert unseen <= told * UNSEEN_PART, f"{unseen} of {told} lies were not seen"
    kinds = ", ".join(f"{total['seen', kind]} {kind}" for kind in KINDS)
    flying = f" ({total['frames in flight']} with a frame in flight)" * (driver == "virtio-net")
    return (f"{driver}: {told} lies told{flying}, {seen} seen ({kinds}): {total['refused']} "
            f"refused, {total['taken']} taken; {total['deaths']} deaths, {total['late deaths']} of "
            f"what was taken before, {total['silences']} by silence, {total['forgiven']} back-offs "
            f"cut short; {total['looks']} times served, {total['tries']} tries more, "
            f"{total['edges']} edges given again, {total['withheld']} withheld ones given; "
            f"{total['boots']} boots, {seconds:.0f} s")


def lie_to_all(executor, image, portions, drivers, seed):
    """Machines side by side, of all drivers in turn; how many drivers failed."""
    begin = time.monotonic()
    results = {executor.submit(lie_to, image, driver, lies, f"{driver} {seed} {number - 1}"):
               (driver, number) for number, lies in portions for driver in drivers}
    totals = collections.defaultdict(collections.Counter)
    failed = set()
    for result in concurrent.futures.as_completed(results):
        driver, number = results[result]
        if result.cancelled():
            continue
        try:
            totals[driver] += result.result()
        except (AssertionError, OSError, Unreadable) as error:
            print(f"FAIL {driver}, machine {number}: {error}", flush=True)
            failed.add(driver)
            for other, (name, _) in results.items():
                if name == driver:
                    other.cancel()
    for driver in drivers:
        try:
            print(report_of(driver, totals[driver], time.monotonic() - begin), flush=True)
        except AssertionError as error:
            print(f"FAIL {driver}: {error}", flush=True)
            failed.add(driver)
    return len(failed)


def image_of(folder):
    """Keepers with canaries, dice, and quick restarts of the two drivers."""
    text = manifest_text([("    domains {\n", "    domains {\n" + DICE + "".join(
        KEEPER.format(name=name) for name in KEEPERS))])
    for name in DRIVERS:
        head, entry, tail = text.partition(f"\n        {name} {{")
        assert entry and PAUSES[0] in tail, name
        text = head + entry + tail.replace(*PAUSES, 1)
    assert text.count(QUIET[0]) == 1
    text = text.replace(*QUIET)
    return pack(text, folder, "rotunda-test")


def run(lies):
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?")
    parser.add_argument("--lies", type=int, default=lies, help="for each driver")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", choices=DRIVERS, action="append")
    portions.part_argument(parser)
    options = parser.parse_args()
    if options.build:
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(options.build)
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    pieces = portions_of(options.lies, *options.part)
    if not pieces:
        parser.error("there are fewer machines than parts")
    drivers = options.driver or list(DRIVERS)
    print(f"seed {options.seed}, {options.part}", flush=True)
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ProcessPoolExecutor(MACHINES_EACH * len(drivers)) as executor:
        return 1 if lie_to_all(executor, image_of(folder), pieces, drivers, options.seed) else 0
