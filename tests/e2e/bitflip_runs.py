"""
Single bits of drivers flipped through the debugger's port: in text, data with heap, stacks, and in
registers while the driver executes.  After each flip the driver is used, and has to work, perhaps
after the supervisor has started it again; everybody else has to be untouched.

What flips is random, from a seed, so most flips hit what nobody uses.  Some more are aimed at data
in use and counted apart: a driver that gives wrong answers since then isn't noticed.  A flip is
undone (text) or outlived (a restart) before the next, so that each is judged by itself; only those
in data and stacks that had no effect stay, the aimed ones apart.
"""

import collections
import os
import random
import re
import struct
import sys
import tempfile
import time

import rotunda_vm
from debugger import PC, Debugger
from launcher_test import manifest_text, pack
from outside import PAGE, Outside

MEMORY = 128 << 20
BACK_SECONDS = 40
PLACES = ("text", "data", "stack", "register")
AIMED = "used"  # data again, but only what is in use: not the chance of a bit, so counted apart
AIMED_EACH = 10  # flips between two of those
STEPS_MAX = 200  # instructions behind the loop's waiting that the driver is stopped at
CANARIES_EACH = 25  # flips between looks at everybody's memory from outside
WORD_BITS = 64
KEEPERS = ("keeper0", "keeper1")
FLIPS_A_BOOT = 10  # of a driver whose use ends the machine

KEEPER = """
        {name} {{
            program = "neighbour";
            argument = "alone";
            priority = <12 12>;
            system-calls = "service";
            heap-bytes = <0x8000>;
            stack-bytes = <0x4000>;
        }};
"""
DICE = """
        dice {
            start = "on-demand";
            priority = <12 12>;
            system-calls = "service";
            connects = "rng:Entropy";
            heap-bytes = <0x8000>;
            stack-bytes = <0x4000>;
        };
"""

# What one does with a driver, and what is then seen.
USES = {
    "pl031": ("date", r"^20\d\d-\d\d-\d\d"),
    "virtio-net": ("ping 10.0.2.2 1", r"1 sent, 1 answered"),
    "virtio-rng": ("launch dice", r"dice: rolled [0-9a-f]{16}: ok"),
    "pl011": ("echo well and good", r"^well and good"),
}
BUTTON = "pl061"
# Said of a domain that has died of something, whatever follows.
DEATH = re.compile(r"app:App: (\S+): (?:will be started again|given up|stays down) ")
DRIVERS = (*USES, BUTTON)


class Count(collections.Counter):
    """Of one driver or of all: what was tried, died and was lost, by place."""

    def all(self, what):
        return sum(self[what, place] for place in PLACES)

    def line(self, driver):
        tried, died, lost = (self.all(what) for what in ("tried", "died", "lost"))
        places = ", ".join(f"{place} {self['tried', place]}/{self['died', place]}"
                           for place in PLACES)
        return (f"{driver}: {tried} flips: {tried - died - lost} without effect, {died} died and "
                f"back, {lost} not back (tried/died: {places}); aimed at data in use: "
                f"{self['tried', AIMED]}, {self['died', AIMED]} died and back, "
                f"{self['lost', AIMED]} not back")


class Lost(AssertionError):
    """The driver is not back without help."""


class Gone(Exception):
    """Nor can it be helped, since nothing can be typed any more."""


class Target:
    """One driver in one machine, with the debugger on it."""

    def __init__(self, vm, driver, seed, count):
        self.vm = vm
        self.driver = driver
        self.random = random.Random(seed)
        self.outside = Outside(vm)
        self.debugger = Debugger(vm, 30)
        self.debugger.__enter__()
        self.debugger.go()
        self.look()
        self.others = self.others_restarts()
        self.count = count
        self.what = None

    def close(self):
        self.debugger.halt()
        self.debugger.__exit__()

    def others_restarts(self):
        return {name: number for name, number in self.vm.restarts().items()
                if name not in (self.driver, "dice")}

    def look(self):
        """Where the driver has what, in this life of it."""
        self.outside.refresh()
        kernel = self.outside.kernel
        self.domain = self.outside.domain(self.driver)
        segments = self.outside.segments(self.domain)
        self.segments = {kind: self.outside.segment(self.domain, kind)
                         for kind in ("text", "data", "stack")}
        self.stacks = [self.segments["stack"],
                       *(s for s in segments if s.label == "portal stacks")]
        data = self.segments["data"]
        words = struct.iter_unpack("<Q", kernel.view_read(self.domain, data.address, data.length))
        self.used = [data.address + 8 * i for i, (word,) in enumerate(words) if word != 0]
        thread = kernel.threads(self.domain)[0]
        self.waits_at = thread.pc
        self.sp = kernel.field("struct thread", thread.at, "cross.regs.sp")

    # Flipping.

    def flip_memory(self, address):
        bit = self.random.randrange(8)
        physical = self.outside.physical(self.domain, address)
        if physical is None:
            return None
        self.debugger.halt()
        before = self.debugger.read(physical, 1)[0]
        self.debugger.write(physical, bytes([before ^ 1 << bit]))
        self.debugger.go()
        self.what = f"bit {bit} at {address:#x}, {self.name_of(address)}"
        return physical, before

    def name_of(self, address):
        return self.outside.launcher.function_at(address) or next(
            (f"{kind}+{address - segment.address:#x}" for kind, segment in self.segments.items()
             if segment.address <= address < segment.address + segment.length), "portal stacks")

    def anywhere(self, segment):
        return segment.address + self.random.randrange(segment.length)

    def flip_text(self):
        return self.flip_memory(self.anywhere(self.segments["text"]))

    def flip_data(self):
        self.flip_memory(self.anywhere(self.segments["data"]))

    def flip_used(self):
        """Data where something else than zero was at the beginning of this life."""
        self.flip_memory(self.random.choice(self.used) + self.random.randrange(8))

    def flip_stack(self):
        """Half of them where the loop's thread has what it will come back to."""
        stack = self.segments["stack"]
        top = stack.address + stack.length
        while True:
            if self.random.random() < 0.5 and stack.address < self.sp < top:
                address = self.random.randrange(self.sp, top)
            else:
                address = self.anywhere(self.random.choice(self.stacks))
            if self.flip_memory(address) is not None:  # and no guard page
                return

    def flip_register(self, use):
        """Some instructions after the driver has begun to do what it is wanted for."""
        self.what = "no register: it didn't execute"
        debugger = self.debugger
        debugger.halt()
        debugger.breakpoint(self.waits_at, True)
        debugger.go()
        use()
        if not debugger.has_stopped(5):
            debugger.halt()
        elif self.step_somewhere() or self.is_at_wait_again():
            number, bit = self.random.randrange(PC + 1), self.random.randrange(WORD_BITS)
            debugger.register_set(number, debugger.register(number) ^ 1 << bit)
            self.what = (f"bit {bit} of register {number} at "
                         f"{self.name_of(debugger.register(PC))}")
        debugger.breakpoint(self.waits_at, False)
        debugger.go()

    def step_somewhere(self):
        """Some way into the driver's text; False: that ended before."""
        text = self.segments["text"]
        wanted = self.random.randrange(STEPS_MAX)
        for step in range(2 * STEPS_MAX):
            if step >= wanted \
                    and text.address <= self.debugger.register(PC) < text.address + text.length:
                return True
            self.debugger.step()
        return False

    def is_at_wait_again(self):
        self.debugger.go()
        stops = self.debugger.has_stopped(2)
        if not stops:
            self.debugger.halt()
        return stops

    # Judging.

    def is_useful(self):
        use, answer = USES[self.driver]
        start = len(self.vm.text)
        shown = self.vm.command(use, 5)
        end = time.monotonic() + 5
        while self.driver == "virtio-rng" and "dice: rolled" not in self.vm.text[start:] \
                and time.monotonic() < end:
            self.vm.pump(0.1)
        return re.search(answer, shown + "\n" + self.vm.text[start:], re.M) is not None

    def wait_back(self, start):
        """Until it works; how often it has died since the console had said so much."""
        end = time.monotonic() + BACK_SECONDS
        while True:
            try:
                if self.is_useful():
                    dead = DEATH.findall(self.vm.text, start)
                    others = set(dead) - {self.driver}
                    assert not others, f"after {self.what}, {others} died, too"
                    return len(dead)
            except rotunda_vm.VmError:
                pass
            if time.monotonic() > end:
                raise Lost(f"{self.driver} is not back after {self.what}")
            assert self.vm.is_running(), self.vm.qemu_errors()
            self.vm.send("\r")
            self.vm.drain(0.2)

    def try_one(self, place):
        """One flip, and what becomes of it."""
        self.count["tried", place] += 1
        undo = None
        start = len(self.vm.text)
        if place == "register":
            self.flip_register(lambda: self.vm.send_line(USES[self.driver][0]))
        else:
            undo = getattr(self, f"flip_{place}")()
        deaths = None
        try:
            deaths = self.wait_back(start)
        except Lost as lost:
            self.count["lost", place] += 1
            print(f"LOST: {lost}; the end of its console:\n{self.vm.tail(8)}", flush=True)
        if undo is not None:
            self.debugger.halt()
            self.debugger.write(undo[0], bytes([undo[1]]))
            self.debugger.go()
        if deaths != 0 or place == AIMED:
            self.renew(place, deaths)

    def renew(self, place, deaths):
        """Another life, without the flip's traces; and failures are forgotten."""
        if deaths:
            self.count["died", place] += 1
        try:
            self.vm.send("\r")
            self.vm.drain(0.1)
            self.vm.command(f"restart {self.driver}", 30)
            self.wait_back_after_help()
        except rotunda_vm.VmError:
            raise Gone(f"{self.driver} after {self.what}") from None
        self.look()

    def wait_back_after_help(self):
        end = time.monotonic() + BACK_SECONDS
        is_back = False
        while not is_back:
            try:
                is_back = self.is_useful()
            except rotunda_vm.VmError:
                self.vm.send("\r")
                self.vm.drain(0.2)
            if time.monotonic() > end:
                raise Gone(f"{self.driver} after {self.what}")

    def check_canaries(self):
        """Of two domains; the texts of all, and the kernel's; and nobody else has died."""
        assert self.others_restarts() == self.others
        outside = self.outside
        path = os.path.join(self.vm.folder, "frozen")
        self.debugger.halt()
        outside.freeze(path, MEMORY)
        self.debugger.go()
        for name in KEEPERS:
            dead, words = outside.dead_canaries(name)
            assert dead == 0 and words > 500, f"{name}: {dead} of {words} canaries are dead"
        damaged = outside.damaged_texts()
        assert not damaged, f"texts of {damaged} have changed"
        outside.refresh()
        os.remove(path)


def image_with_keepers(folder):
    domains = DICE + "".join(KEEPER.format(name=name) for name in KEEPERS)
    return pack(manifest_text([("    domains {\n", "    domains {\n" + domains)]), folder,
                "rotunda-test")


def machine(image):
    return rotunda_vm.Machine(image=image, memory=f"{MEMORY >> 20}M")


def flip_used(image, driver, flips, seed):
    """Flips in a driver that one can use as often as one likes."""
    count = Count()
    number = 0
    try:
        while number < flips:
            with machine(image) as vm:
                vm.wait_prompt()
                vm.wait_https()
                number = flip_until_gone(Target(vm, driver, seed + number, count), number, flips)
    finally:
        print(count.line(driver), flush=True)
    return count


def flip_until_gone(target, number, flips):
    """On one machine, until all is done or it takes no more orders; what is next."""
    try:
        while number < flips:
            number += 1
            target.try_one(PLACES[(number - 1) % len(PLACES)])
            if number % AIMED_EACH == 0:
                target.try_one(AIMED)
            if number % CANARIES_EACH == 0:
                target.check_canaries()
    except Gone as gone:
        print(f"another machine: {gone}", flush=True)
        return number
    target.close()
    assert target.vm.wait_https()[0] == 200
    return number


def flip_button(image, flips, seed):
    """Flips in the power button's driver, of which one use ends the machine."""
    count = Count()
    for boot in range((flips + FLIPS_A_BOOT - 1) // FLIPS_A_BOOT):
        with machine(image) as vm:
            vm.wait_prompt()
            target = Target(vm, BUTTON, seed + boot, count)
            before = vm.restarts()
            for number in range(FLIPS_A_BOOT - 1):
                place = PLACES[number % 3]
                count["tried", place] += 1
                getattr(target, f"flip_{place}")()
            vm.command("domains")
            assert vm.restarts() == before, "somebody died of a driver that did nothing"
            count["tried", "register"] += 1
            target.flip_register(lambda: vm.qmp("system_powerdown"))
            if not is_off(vm):
                count["lost", "register"] += 1
                print(f"LOST: {BUTTON} after {target.what}\n{vm.tail(8)}", flush=True)
            elif f"fault: {BUTTON}" in vm.text:
                count["died", "register"] += 1
    print(count.line(BUTTON), flush=True)
    return count


def is_off(vm):
    """Whether pressing the button, again if need be, switches the machine off."""
    end = time.monotonic() + BACK_SECONDS
    while time.monotonic() < end:
        try:
            vm.wait_exit(2)
            return True
        except rotunda_vm.VmError:
            vm.qmp("system_powerdown")
    return False


def run(flips, seed, drivers=DRIVERS):
    total = Count()
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        image = image_with_keepers(folder)
        begin = time.monotonic()
        for driver in drivers:
            if driver == BUTTON:
                total.update(flip_button(image, flips, seed))
            else:
                total.update(flip_used(image, driver, flips, seed))
            print(f"{time.monotonic() - begin:.0f} s", flush=True)
    back = 1 - total.all("lost") / total.all("tried")
    print(f"{total.line('all')}; {100 * back:.2f}% back without help; no kernel crash, no canary "
          "hit")
    return 0 if back >= 0.999 else 1


def arguments(flips):
    """Of a script: [BUILD FOLDER] [--seed N] [--flips N] [DRIVER ...]."""
    words = rotunda_vm.wanted_tests()
    values = {"--seed": 1, "--flips": flips}
    while len(words) >= 2 and words[0] in values:
        values[words[0]] = int(words[1])
        words = words[2:]
    unknown = [word for word in words if word not in DRIVERS]
    if unknown:
        sys.exit(f"usage: [BUILD FOLDER] [--seed N] [--flips N] [{' | '.join(DRIVERS)} ...]")
    return values["--flips"], values["--seed"], tuple(words) or DRIVERS
